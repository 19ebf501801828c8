"""Ratchets between devices: what is opened once, what never, and what a crash may not do."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.crypto import olm
from p2pchat.crypto.olm import SESSIONS_MAX, OlmBox, Ratchets, new_account
from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ratchet import (
    Correspondent,
    DropRatchet,
    ForgetSpent,
    PutOlmAccount,
    PutRatchet,
    SpendSession,
)
from tests.unit.protocol.people import ALICE, BOB, Person

KEY = b"k" * 32
HEAD = b"who to whom"
NOW_MS = 1_800_000_000_000
DAY_MS = 24 * 3600 * 1000


class Disk:
    """One device: its ratchets, and what of them was committed."""

    def __init__(self, person: Person = ALICE) -> None:
        self.person = person
        made = new_account(KEY)
        self.account, self.sessions, self.spent = made.change, {}, {}
        self.now_ms = NOW_MS
        self.ratchets = self.opened()
        self.fallback, self.opened_last = b"", b""
        self.rotate()

    @property
    def peer(self) -> Correspondent:
        """As others know it."""
        return Correspondent(self.person.party, self.ratchets.identity_key)

    def opened(self) -> Ratchets:
        return Ratchets(self.account, self.sessions.values(), self.spent.values(), KEY)

    def restart(self) -> None:
        self.ratchets = self.opened()

    def commit(self, changes) -> None:
        for change in changes:
            match change:
                case PutOlmAccount():
                    self.account = change
                case PutRatchet():
                    self.sessions[change.peer, change.session] = change
                case DropRatchet():
                    del self.sessions[change.peer, change.session]
                case SpendSession():
                    self.spent[change.session] = change
                case ForgetSpent(generation):
                    rows = self.spent.values()
                    self.spent = {r.session: r for r in rows if r.generation >= generation}

    def rotate(self) -> None:
        self.fallback, *changes = self.ratchets.rotate_fallback()
        self.commit(changes)

    def begin(self, other: Disk) -> None:
        self.commit(self.ratchets.begin(other.peer, other.fallback, self.now_ms))

    def seal(self, other: Disk, text: bytes) -> OlmBox:
        if not self.ratchets.has_session(other.peer):
            self.begin(other)
        sealed = self.ratchets.seal(other.peer, HEAD + text)
        self.commit(sealed.changes)
        return sealed.box

    def open(self, other: Disk, box: OlmBox) -> bytes:
        opened = self.ratchets.open(other.peer, box, HEAD, self.now_ms)
        self.commit(opened.changes)
        self.opened_last = opened.session
        return opened.plaintext


@pytest.fixture
def alice() -> Disk:
    return Disk()


@pytest.fixture
def bob() -> Disk:
    return Disk()


def test_a_first_message_needs_nobody_to_be_there(alice, bob):
    boxes = [alice.seal(bob, b"%d" % n) for n in range(3)]
    assert [box.kind for box in boxes] == [0, 0, 0], "each can begin the session"
    assert [box.counter for box in boxes] == [0, 1, 2]
    assert [bob.open(alice, box) for box in boxes] == [b"0", b"1", b"2"]
    assert alice.open(bob, bob.seal(alice, b"yes")) == b"yes"
    assert alice.seal(bob, b"so").kind == 1


def test_both_sides_go_on_after_a_restart_at_any_time(alice, bob):
    random = Random(7)
    for number in range(40):
        one, other = random.sample([alice, bob], 2)
        box = one.seal(other, b"%d" % number)
        random.choice([alice, bob]).restart()
        assert other.open(one, box) == b"%d" % number
        random.choice([alice, bob]).restart()


def test_nothing_opens_twice_not_even_after_the_session_is_gone(alice, bob):
    box = alice.seal(bob, b"hello")
    assert bob.open(alice, box) == b"hello"
    with pytest.raises(BadSignature):
        bob.open(alice, box)
    bob.restart()
    with pytest.raises(BadSignature):
        bob.open(alice, box)
    bob.commit(bob.ratchets.forget(alice.peer.id))
    for _ in range(2):
        with pytest.raises(BadSignature):
            bob.open(alice, box)
        bob.restart()


def test_bytes_behind_a_ciphertext_make_no_new_message(alice, bob):
    """A trap: a key of ciphertexts seen would take this for another one."""
    box = alice.seal(bob, b"hello")
    assert bob.open(alice, box) == b"hello"
    for tail in (b"\0", b"\x00\x00", b"\x32\x01a"):
        with pytest.raises((BadSignature, MalformedMessage)):
            bob.open(alice, OlmBox(box.kind, box.ciphertext + tail, box.counter))


def test_what_began_a_session_never_begins_it_again_however_late_the_keys_are_made_anew(alice, bob):
    box = alice.seal(bob, b"hello")
    bob.open(alice, box)
    bob.commit(bob.ratchets.forget(alice.peer.id))
    bob.now_ms += 150 * DAY_MS
    for _ in range(4):
        with pytest.raises(BadSignature):
            bob.open(alice, box)
        bob.restart()
        with pytest.raises(BadSignature):
            bob.open(alice, box)
        bob.rotate()


def test_what_began_a_session_is_forgotten_with_the_key_it_was_begun_with(alice, bob):
    """And not sooner: a key begins sessions until two newer ones were made."""
    early, late = alice.seal(bob, b"hello"), Disk()
    bob.open(alice, early)
    bob.rotate()
    bob.open(late, late.seal(bob, b"hello"))
    assert len(bob.spent) == 2
    bob.rotate()
    assert len(bob.spent) == 1
    bob.rotate()
    assert bob.spent == {}
    assert bob.ratchets._spent == {}


def test_what_is_opened_and_not_kept_leaves_nothing(alice, bob):
    box, peer = alice.seal(bob, b"hello"), alice.peer
    for _ in range(3):
        assert bob.ratchets.begins(peer, box)
        opened = bob.ratchets.open(peer, box, HEAD, NOW_MS, keeps=False)
        assert (opened.plaintext, opened.changes) == (b"hello", ())
        assert bob.ratchets.peers == frozenset()
    assert bob.open(alice, box) == b"hello"
    assert not bob.ratchets.begins(peer, box)
    assert bob.ratchets.peers == {peer.id}


def test_beginning_a_session_leaves_the_account_as_it_was(alice, bob):
    """A fallback key is not used up, so nothing of the account goes to disk."""
    before = bob.account
    bob.open(alice, alice.seal(bob, b"hello"))
    assert bob.ratchets._account.pickle(KEY) == before.pickle


def test_sessions_that_others_began_are_bounded_and_none_is_forgotten(alice, bob, monkeypatch):
    monkeypatch.setattr(olm, "SPENT_MAX", 3)
    others = [Disk() for _ in range(4)]
    boxes = [one.seal(bob, b"hello") for one in others]
    for one, box in zip(others[:3], boxes[:3], strict=True):
        bob.open(one, box)
    with pytest.raises(BadSignature):
        bob.open(others[3], boxes[3])
    assert len(bob.spent) == 3
    bob.rotate()
    bob.rotate()
    fresh = Disk()
    assert bob.open(fresh, fresh.seal(bob, b"hello")) == b"hello", "with the keys there is room"


def test_nobody_alone_takes_the_room_for_sessions_that_others_begin(bob, monkeypatch):
    monkeypatch.setattr(olm, "SPENT_OF_ONE_MAX", 3)
    for _ in range(3):
        device = Disk(ALICE)
        bob.open(device, device.seal(bob, b"hello"))
    one_more, other = Disk(ALICE), Disk(BOB)
    for _ in range(2):
        with pytest.raises(BadSignature):
            bob.open(one_more, one_more.seal(bob, b"hello"))
        bob.restart()
    assert bob.open(other, other.seal(bob, b"hello")) == b"hello"
    assert one_more.open(bob, bob.seal(one_more, b"go on")) == b"go on"
    assert bob.open(one_more, one_more.seal(bob, b"so")) == b"so", "on a session of ours"


def test_a_message_is_from_the_device_whose_key_it_was_sealed_with(alice, bob):
    carol = Disk()
    box = carol.seal(bob, b"I am Alice")
    with pytest.raises(BadSignature):
        bob.open(alice, box)
    assert bob.open(carol, box) == b"I am Alice"
    for disk in (alice, bob):
        disk.open(carol, carol.seal(disk, b"x"))
    going_on = carol.seal(bob, b"I am Alice")
    with pytest.raises(BadSignature):
        bob.open(alice, going_on)


def test_a_stale_fallback_key_opens_once_rotated_and_not_twice(alice, bob):
    boxes = [alice.seal(bob, b"old")]
    bob.rotate()
    assert bob.open(alice, boxes[0]) == b"old"
    carol = Disk()
    stale = carol.seal(bob, b"older")
    bob.rotate()
    bob.rotate()
    with pytest.raises(BadSignature):
        bob.open(carol, stale)
    carol.commit(carol.ratchets.forget(bob.peer.id))
    assert bob.open(carol, carol.seal(bob, b"older")) == b"older", "begun anew, it arrives"


def test_both_beginning_at_once_come_to_one_session(alice, bob):
    one, other = alice.seal(bob, b"a"), bob.seal(alice, b"b")
    assert (alice.open(bob, other), bob.open(alice, one)) == (b"b", b"a")
    for _ in range(2):
        assert bob.open(alice, alice.seal(bob, b"a")) == b"a"
        assert alice.open(bob, bob.seal(alice, b"b")) == b"b"
    assert seal_on_one_session(alice, bob)


@pytest.mark.parametrize("life", range(12))
@pytest.mark.parametrize("clock_ms", [NOW_MS, 1])
def test_a_first_letter_that_an_answer_has_overtaken_parts_nobody(alice, bob, life, clock_ms):
    """Whichever of the two random ids is the smaller, and though a clock is set back."""
    one, other = alice.seal(bob, b"a"), bob.seal(alice, b"b")
    assert bob.open(alice, one) == b"a"
    assert alice.open(bob, bob.seal(alice, b"answer")) == b"answer"
    alice.now_ms = clock_ms
    assert alice.open(bob, other) == b"b"
    alice.restart()
    write_and_read(alice, bob)
    assert seal_on_one_session(alice, bob)


_ENDS = st.integers(0, 1)
_STEPS = st.tuples(st.sampled_from(["write", "read", "read", "lose"]), _ENDS, st.integers(-1, 1))


@given(st.lists(_STEPS, max_size=24), _ENDS)
def test_whatever_is_late_or_lost_who_write_and_read_come_to_one_session(steps, first):
    ends = Disk(), Disk(BOB)
    on_their_way = [], []
    both_begin = [("write", 0, 0), ("write", 1, 0)]
    for number, (what, at, which) in enumerate(both_begin + steps):
        disk, other, letters = ends[at], ends[1 - at], on_their_way[at]
        if what == "write":
            text = b"%d" % number
            on_their_way[1 - at].append((disk.seal(other, text), text))
        elif letters:
            box, text = letters.pop(which % len(letters))
            assert what == "lose" or disk.open(other, box) == text
    write_and_read(ends[first], ends[1 - first])
    assert seal_on_one_session(*ends)
    for disk, other, letters in zip(ends, ends[::-1], on_their_way, strict=True):
        assert [disk.open(other, box) for box, _ in letters] == [text for _, text in letters]


def write_and_read(one: Disk, other: Disk) -> None:
    """A letter each way, and nothing else on the wire."""
    assert other.open(one, one.seal(other, b"yes?")) == b"yes?"
    assert one.open(other, other.seal(one, b"yes")) == b"yes"


def seal_on_one_session(alice: Disk, bob: Disk) -> bool:
    chosen = {one.ratchets._chosen(to.peer.id).row.session for one, to in both_ways(alice, bob)}
    return len(chosen) == 1


def test_what_is_barred_seals_nothing_and_opens_what_is_on_its_way(alice, bob):
    assert bob.open(alice, alice.seal(bob, b"hello")) == b"hello"
    assert alice.open(bob, bob.seal(alice, b"yes")) == b"yes"
    on_their_way = [bob.seal(alice, b"%d" % n) for n in range(4)]
    alice.commit(alice.ratchets.bar(bob.peer.id, b""))
    alice.restart()
    boxes = [alice.seal(bob, b"%d" % n) for n in range(3)]
    assert [box.kind for box in boxes] == [0, 0, 0], "begun anew"
    assert [alice.open(bob, box) for box in on_their_way] == [b"0", b"1", b"2", b"3"]
    opened = bob.ratchets.open(alice.peer, boxes[0], HEAD, NOW_MS)
    bob.commit(opened.changes)
    bob.commit(bob.ratchets.bar(alice.peer.id, opened.session))
    bob.restart()
    assert [bob.open(alice, box) for box in boxes[1:]] == [b"1", b"2"]
    assert alice.open(bob, bob.seal(alice, b"so")) == b"so"
    chosen = {one.ratchets._chosen(to.peer.id).row.session for one, to in both_ways(alice, bob)}
    assert chosen == {opened.session}


@pytest.mark.parametrize("life", range(6))
def test_who_begins_another_session_is_answered_on_it(alice, bob, life):
    """Its disk was set back, say; of random ids the old one is the smaller every other time."""
    bob.open(alice, alice.seal(bob, b"hello"))
    alice.open(bob, bob.seal(alice, b"yes"))
    under_way = alice.seal(bob, b"under way")
    alice.commit(alice.ratchets.bar(bob.peer.id, b""))
    assert bob.open(alice, alice.seal(bob, b"anew")) == b"anew"
    bob.restart()
    assert alice.open(bob, bob.seal(alice, b"answer")) == b"answer"
    assert alice.seal(bob, b"so").kind == 1, "it was answered"
    assert bob.open(alice, under_way) == b"under way"


def test_both_barring_at_once_come_to_one_session(alice, bob):
    bob.open(alice, alice.seal(bob, b"hello"))
    alice.open(bob, bob.seal(alice, b"yes"))
    for one, other in both_ways(alice, bob):
        one.commit(one.ratchets.bar(other.peer.id, b""))
    asking = [(one, other, one.seal(other, b"again")) for one, other in both_ways(alice, bob)]
    for one, other, box in asking:
        opened = other.ratchets.open(one.peer, box, HEAD, NOW_MS)
        other.commit(opened.changes)
        other.commit(other.ratchets.bar(one.peer.id, opened.session))
    for _ in range(2):
        boxes = [(one, other, one.seal(other, b"so")) for one, other in both_ways(alice, bob)]
        assert [other.open(one, box) for one, other, box in boxes] == [b"so", b"so"]
    write_and_read(alice, bob)
    assert seal_on_one_session(alice, bob)


def both_ways(alice: Disk, bob: Disk) -> tuple[tuple[Disk, Disk], ...]:
    return (alice, bob), (bob, alice)


def test_forty_that_were_overtaken_still_open_and_no_more(alice, bob):
    bob.open(alice, alice.seal(bob, b"first"))
    alice.open(bob, bob.seal(alice, b"answer"))
    boxes = [alice.seal(bob, b"%d" % n) for n in range(60)]
    assert [box.counter for box in boxes] == sorted(box.counter for box in boxes)
    assert bob.open(alice, boxes[-1]) == b"59"
    late = []
    for box in boxes[:-1]:
        try:
            late.append(bob.open(alice, box))
        except BadSignature:
            continue
    assert late == [b"%d" % n for n in range(19, 59)]


def test_sorted_by_their_counters_all_open(alice, bob):
    boxes = [alice.seal(bob, b"%d" % n) for n in range(60)]
    Random(3).shuffle(boxes)
    opened = [bob.open(alice, box) for box in sorted(boxes, key=lambda box: box.counter)]
    assert opened == [b"%d" % n for n in range(60)]


def test_nothing_opens_over_too_wide_a_gap(alice, bob):
    bob.open(alice, alice.seal(bob, b"first"))
    for _ in range(2_100):
        box = alice.seal(bob, b"x")
    with pytest.raises(BadSignature):
        bob.open(alice, box)


@pytest.mark.parametrize("kind", [0, 1])
def test_who_sees_what_one_state_sealed_twice_finds_nothing_that_is_alike(alice, bob, kind):
    """What a disk does that was set back, and why nothing leaves before its step is on disk: the
    second does not open. But there is nothing in it that tells what the first one says."""
    if kind:
        bob.open(alice, alice.seal(bob, b"hello"))
        alice.open(bob, bob.seal(alice, b"yes"))
    else:
        alice.begin(bob)
    before, boxes = dict(alice.sessions), []
    for text in (b"attack at dawn" * 9, b"attack at dawn" * 9, b"attack at dawn" * 8 + b"at noon"):
        alice.sessions = dict(before)
        alice.restart()
        boxes.append(alice.seal(bob, text))
    assert len({box.counter for box in boxes}) == 1
    blocks = [blocks_of(box) for box in boxes]
    assert min(map(len, blocks)) > 8
    assert len(set().union(*blocks)) == sum(map(len, blocks))
    bob.open(alice, boxes[0])
    with pytest.raises(BadSignature):
        bob.open(alice, boxes[2])


def blocks_of(box: OlmBox) -> set[bytes]:
    """Blocks of 16 bytes that AES made."""
    message = fourth_field(box.ciphertext[1:]) if box.kind == 0 else box.ciphertext
    sealed = fourth_field(message[1:-8])
    return {sealed[at : at + 16] for at in range(0, len(sealed), 16)}


def fourth_field(data: bytes) -> bytes:
    """Of a protobuf message, whose fields are bytes and small numbers."""
    at = 0
    while at < len(data):
        field, is_bytes, at = data[at] >> 3, data[at] & 7 == 2, at + 1
        number = shift = 0
        while data[at] > 127:
            number, at, shift = number | (data[at] & 127) << shift, at + 1, shift + 7
        number, at = number | data[at] << shift, at + 1
        if field == 4:
            return data[at : at + number]
        at += number if is_bytes else 0
    raise AssertionError("it has none")


def test_sessions_with_one_device_are_bounded(alice, bob):
    for number in range(SESSIONS_MAX + 3):
        alice.now_ms = NOW_MS + number
        alice.begin(bob)
        assert bob.open(alice, alice.seal(bob, b"%d" % number)) == b"%d" % number
        bob.now_ms += 1
    assert len(alice.sessions) == len(bob.sessions) == SESSIONS_MAX
    alice.restart()
    assert alice.open(bob, bob.seal(alice, b"still")) == b"still"


def test_what_was_just_begun_stays_though_the_clock_was_set_back(alice, bob):
    alice.now_ms = 1_000_000
    for number in range(SESSIONS_MAX):
        alice.begin(bob)
        bob.open(alice, alice.seal(bob, b"%d" % number))
        alice.open(bob, bob.seal(alice, b"yes"))
        alice.commit(alice.ratchets.bar(bob.peer.id, b""))
        bob.commit(bob.ratchets.bar(alice.peer.id, b""))
    alice.now_ms = 1
    assert bob.open(alice, alice.seal(bob, b"so")) == b"so"
    assert len(alice.sessions) == SESSIONS_MAX


def test_a_barred_session_makes_room_before_one_that_seals(alice, bob):
    for _ in range(SESSIONS_MAX - 1):
        bob.open(alice, alice.seal(bob, b"hello"))
        alice.open(bob, bob.seal(alice, b"yes"))
        alice.commit(alice.ratchets.bar(bob.peer.id, b""))
    alice.now_ms = 1
    alice.begin(bob)
    seals = {id for (_, id), row in alice.sessions.items() if not row.is_barred}
    alice.now_ms = NOW_MS
    alice.begin(bob)
    assert seals < {id for _, id in alice.sessions}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2 * SESSIONS_MAX))
def test_whatever_the_clocks_say_what_is_begun_goes_on(times):
    alice, bob = Disk(), Disk()
    for alice.now_ms, bob.now_ms in times:
        alice.commit(alice.ratchets.bar(bob.peer.id, b""))
        boxes = [alice.seal(bob, b"0"), alice.seal(bob, b"1")]
        assert [bob.open(alice, box) for box in boxes] == [b"0", b"1"]
        bob.commit(bob.ratchets.bar(alice.peer.id, bob.opened_last))
        assert alice.open(bob, bob.seal(alice, b"yes")) == b"yes"
        assert len(alice.sessions) <= SESSIONS_MAX >= len(bob.sessions)


@pytest.mark.parametrize("kind", [0, 1, 2, -1, 1 << 70])
@pytest.mark.parametrize("raw", [b"", b"\x03", b"\x03" + bytes(64), bytes(300)])
def test_nonsense_is_refused(alice, bob, kind, raw):
    bob.open(alice, alice.seal(bob, b"hello"))
    with pytest.raises((BadSignature, MalformedMessage)):
        bob.open(alice, OlmBox(kind, raw, 0))


@pytest.mark.parametrize("zero", [0, 1])
def test_keys_that_make_no_secret_begin_nothing(alice, bob, zero):
    keys = [bob.ratchets.identity_key, bob.fallback]
    keys[zero] = bytes(32)
    with pytest.raises(MalformedMessage):
        alice.ratchets.begin(Correspondent(BOB.party, keys[0]), keys[1], NOW_MS)


def test_no_bit_that_is_changed_changes_the_text(alice, bob):
    """Some change the encoding and nothing else; the envelope round it lets none through."""
    bob.open(alice, alice.seal(bob, b"hello"))
    alice.open(bob, bob.seal(alice, b"yes"))
    size = len(alice.seal(bob, b"a").ciphertext)
    for bit in range(8 * size):
        box = alice.seal(bob, b"a")
        raw = bytearray(box.ciphertext)
        raw[bit // 8] ^= 1 << bit % 8
        with suppress(BadSignature, MalformedMessage):
            assert bob.open(alice, OlmBox(box.kind, bytes(raw), box.counter)) == b"a"
            continue
        assert bob.open(alice, box) == b"a", "what was refused changed nothing"
