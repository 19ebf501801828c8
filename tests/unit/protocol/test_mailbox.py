"""The machine of a mailbox relay: who may do what, and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.machine import TimerFired
from p2pchat.model.mailbox_change import (
    BLOB_OVERHEAD_BYTES,
    STRANGERS,
    AddBlob,
    DropMailbox,
    Held,
    PageQuery,
    PutMailbox,
    Removed,
)
from p2pchat.protocol import mailbox as machine
from p2pchat.protocol import mailbox_ledger
from p2pchat.protocol.mailbox import (
    EXPIRY_TIMER,
    FIRST_PAGE_BYTES,
    KEYS_A_REQUEST,
    LISTENERS_MAX,
    NEW_MAILBOXES,
    OWNER_REQUESTS,
    PAGE_S,
    PUT_BYTES,
    PUTS,
)
from p2pchat.protocol.mailbox_ledger import INTRO_SHARE, WRITER_SHARE, WRITERS_OWN
from p2pchat.protocol.mailbox_vocabulary import Joined, Keep, Left, ReadPage, Tell
from p2pchat.protocol.pace import Rate
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.mailbox_codec import (
    PAGE_BYTES_MAX,
    WRITE_KEYS_MAX,
    Answer,
    AnswerBody,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Opened,
    Reason,
    Refused,
    Register,
    RequestBody,
    blob_hash,
)
from tests.unit.protocol.letters import (
    AT_HOME,
    DAY_S,
    DENIED,
    INTRO,
    MAILBOX,
    MAKER,
    MONTH_MS,
    NONCE,
    OWNER,
    SOURCE,
    STRANGER,
    WRITER,
    WRITING,
    Table,
    proof,
    put,
    stored,
)
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, person


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer(number.to_bytes(32, "big"))


# Who may


def test_a_put_of_a_registered_key_is_kept_before_anybody_is_told():
    table = Table().registered()
    kept, told, noticed = table.ask(WRITING, put(b"sealed"))
    blob = AddBlob(
        MAILBOX, WALL_MS + 1, blob_hash(b"sealed"), WRITER.public_key, WALL_MS, b"sealed"
    )
    assert kept == Keep(blob)
    assert told == Tell(WRITING, Answer(table.asked, Done()))
    assert noticed == Tell(AT_HOME, Answer(0, Notice()))


def test_a_stranger_is_not_told_whether_there_is_a_mailbox():
    nothing_there, there = Table(), Table().registered(INTRO)
    for table in (nothing_there, there):
        assert table.answer(WRITING, put(b"sealed", STRANGER)) == DENIED
        assert table.server.statistics().refused == {"denied": 1}


def test_a_put_whose_signature_is_of_another_blob_mailbox_or_key_is_denied():
    table = Table().registered()
    good = put(b"sealed")
    for bad in (
        put(b"other").signature,
        put(b"sealed", mailbox=STRANGER.public_key).signature,
        put(b"sealed", STRANGER).signature,
    ):
        forged = type(good)(good.mailbox, good.key, bad, good.blob)
        assert table.answer(WRITING, forged) == DENIED
    assert table.answer(WRITING, good) == Done()


def test_who_proves_to_hold_its_key_is_told_of_the_mailbox_and_may_make_it():
    table = Table()
    assert table.answer(AT_HOME, Ask()) == Challenge(NONCE)
    assert table.answer(AT_HOME, proof()) == Opened(is_registered=False, blobs=0)
    keys = frozenset({WRITER.public_key})
    made, told = table.ask(AT_HOME, Register(keys))
    assert made == Keep(PutMailbox(MAILBOX, keys, None, False, WALL_MS, WALL_MS, MAKER))
    assert told == Tell(AT_HOME, Answer(table.asked, Done()), owns=True)
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(AT_HOME, proof()) == Opened(is_registered=True, blobs=1)


@pytest.mark.parametrize(
    "repeated",
    [
        proof(nonce=b"x" * 32),
        proof(relay=BOB.device.peer_id),
        proof(peer=BOB.device.peer_id),
        type(proof())(MAILBOX, proof(STRANGER).signature),
    ],
    ids=["of another stream", "made for another relay", "of another peer", "of another key"],
)
def test_a_proof_counts_for_one_stream_of_one_peer_at_one_relay(repeated):
    table = Table().registered()
    table.give(Joined(3, ALICE.device.peer_id, SOURCE, NONCE))
    assert table.answer(3, repeated) == DENIED
    assert table.answer(3, Fetch()) == DENIED


@pytest.mark.parametrize("request_", [Fetch(), Delete((1,)), Register(frozenset())])
def test_who_has_proved_nothing_owns_nothing(request_):
    table = Table().registered()
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(WRITING, request_) == DENIED
    assert not any(isinstance(one, Keep | ReadPage) for one in table.ask(WRITING, request_))


def test_the_owner_of_one_mailbox_reads_no_other():
    table = Table().registered()
    table.give(Joined(3, BOB.device.peer_id, SOURCE, NONCE))
    table.ask(3, proof(STRANGER, peer=BOB.device.peer_id))
    table.ask(3, Register(frozenset()))
    (page,) = table.ask(3, Fetch())
    assert isinstance(page, ReadPage)
    assert page.query.mailbox == STRANGER.public_key


def test_who_keeps_mailboxes_for_some_alone_opens_none_for_others():
    table = Table()
    table.give(Joined(3, ALICE.device.peer_id, SOURCE, NONCE, may_own=False))
    assert table.answer(3, proof()) == DENIED
    assert table.answer(3, Register(frozenset())) == DENIED


def test_a_page_is_read_behind_what_the_owner_has_and_nothing_that_has_expired():
    table = Table(MailboxLimits(blob_age_s=100)).registered()
    (page,) = table.ask(AT_HOME, Fetch(after=7, without_blobs=True))
    assert page == ReadPage(
        AT_HOME,
        table.asked,
        PageQuery(MAILBOX, 7, WALL_MS - 100_000, FIRST_PAGE_BYTES, without_blobs=True),
    )


def test_pages_grow_for_who_reads_fast_and_begin_anew_for_who_does_not():
    table = Table().registered()

    def size() -> int:
        (page,) = table.ask(AT_HOME, Fetch())
        assert isinstance(page, ReadPage)
        return page.query.bytes_max

    grown = [FIRST_PAGE_BYTES * times for times in (1, 2, 4, 8)]
    assert [size() for _ in range(5)] == [*grown, grown[-1]]
    assert grown[-1] == PAGE_BYTES_MAX
    table.later(PAGE_S + 1)
    assert size() == FIRST_PAGE_BYTES
    table.later(PAGE_S)
    assert size() == 2 * FIRST_PAGE_BYTES


def test_the_owner_of_a_mailbox_may_be_silent_and_who_has_none_may_not():
    table = Table()

    def owns(session: int, body: RequestBody) -> bool:
        return any(isinstance(one, Tell) and one.owns for one in table.ask(session, body))

    assert not owns(AT_HOME, proof())
    assert owns(AT_HOME, Register(frozenset({WRITER.public_key})))
    assert not owns(WRITING, put(b"sealed"))
    table.give(Joined(3, ALICE.device.peer_id, SOURCE, NONCE))
    assert owns(3, proof())


def test_keys_that_were_replaced_write_no_more():
    table = Table().registered(INTRO)
    assert table.answer(WRITING, put(b"hello", INTRO)) == Done()
    table.ask(AT_HOME, Register(frozenset({STRANGER.public_key})))
    assert table.answer(WRITING, put(b"1", INTRO)) == DENIED
    assert table.answer(WRITING, put(b"2", WRITER)) == DENIED
    assert table.answer(WRITING, put(b"3", STRANGER)) == Done()


def test_of_a_shared_mailbox_nobody_deletes_and_keys_are_only_added():
    table = Table().registered(is_shared=True)
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(AT_HOME, Delete((WALL_MS + 1,))) == DENIED
    added = Register(frozenset({STRANGER.public_key}), is_shared=True)
    assert table.answer(AT_HOME, added) == Done()
    for key in (WRITER, STRANGER):
        assert table.answer(WRITING, put(b"more", key)) == Done()
    assert table.answer(AT_HOME, Register(frozenset())) == DENIED


def test_an_owner_hears_once_until_it_fetches():
    table = Table().registered()
    notice = Tell(AT_HOME, Answer(0, Notice()))
    heard = [notice in table.ask(WRITING, put(bytes([n]))) for n in range(3)]
    assert heard == [True, False, False]
    table.ask(AT_HOME, Fetch())
    assert notice in table.ask(WRITING, put(b"again"))
    table.give(Left(AT_HOME))
    assert notice not in table.ask(WRITING, put(b"and again"))


def test_only_so_many_streams_hear_of_one_mailbox():
    table = Table().registered()
    for session in range(10, 10 + LISTENERS_MAX):
        table.give(Joined(session, ALICE.device.peer_id, SOURCE, NONCE))
        table.ask(session, proof())
    effects = table.ask(WRITING, put(b"x"))
    told = [one.session for one in effects if isinstance(one, Tell) and one.answer.id == 0]
    assert told == list(range(10, 10 + LISTENERS_MAX))


def test_what_comes_on_a_stream_that_is_over_is_not_looked_at():
    table = Table().registered()
    table.give(Left(WRITING))
    assert table.ask(WRITING, put(b"sealed")) == []
    table.give(Left(WRITING))


# How much


def test_a_blob_over_the_limit_is_refused():
    table = Table(MailboxLimits(blob_bytes_max=1000)).registered()
    assert table.answer(WRITING, put(bytes(1001))) == Refused(Reason.TOO_LARGE)
    assert table.answer(WRITING, put(bytes(1000))) == Done()


def test_a_mailbox_takes_so_many_blobs_of_strangers_a_tenth_and_of_a_writer_a_quarter():
    table = Table(MailboxLimits(mailbox_blobs_max=40)).opened()
    writers = [signer(number) for number in range(1, 6)]
    keys = frozenset(one.public_key for one in writers)
    table.ask(AT_HOME, Register(keys, INTRO.public_key))
    full = Refused(Reason.MAILBOX_FULL)
    number = 0

    def put_all(key: Ed25519Signer) -> int:
        nonlocal number
        answer, before = Done(), number
        while answer == Done():
            answer = table.answer(WRITING, put(number.to_bytes(2, "big"), key))
            number += 1
        assert answer == full
        return number - before - 1

    assert put_all(INTRO) == int(40 * INTRO_SHARE)
    assert [put_all(one) for one in writers] == [int(40 * WRITER_SHARE)] * 3 + [6, 0]
    table.give(Removed(MAILBOX, {STRANGERS: Held(1, 1)}))
    assert put_all(INTRO) == 1
    table.give(Removed(MAILBOX, {writers[0].public_key: Held(2, 2)}))
    assert [put_all(one) for one in writers] == [2, 0, 0, 0, 0]


def test_what_was_left_with_a_key_that_writes_no_more_counts_for_the_mailbox_alone():
    table = Table(MailboxLimits(mailbox_blobs_max=8)).registered()
    full = Refused(Reason.MAILBOX_FULL)
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(3)]
    assert taken == [Done()] * 2 + [full]
    table.ask(AT_HOME, Register(frozenset()))
    table.ask(AT_HOME, Register(frozenset({WRITER.public_key})))
    assert table.answer(WRITING, put(b"3")) == Done()
    table.give(Removed(MAILBOX, {WRITER.public_key: Held(3, 3)}))
    taken = [table.answer(WRITING, put(bytes([10 + number]))) for number in range(3)]
    assert taken == [Done()] * 2 + [full]


def test_a_room_whose_members_share_a_key_may_fill_its_mailbox_with_it():
    table = Table(MailboxLimits(mailbox_blobs_max=8)).registered(is_shared=True)
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(9)]
    assert taken == [Done()] * 8 + [Refused(Reason.MAILBOX_FULL)]


def test_a_mailbox_takes_so_many_bytes_and_small_blobs_count_for_what_they_take_on_disk():
    table = Table(MailboxLimits(mailbox_bytes_max=40 * BLOB_OVERHEAD_BYTES)).registered(INTRO)
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(10)]
    assert taken == [Done()] * 9 + [Refused(Reason.MAILBOX_FULL)]
    taken = [table.answer(WRITING, put(bytes([number, 1]), INTRO)) for number in range(4)]
    assert taken == [Done()] * 3 + [Refused(Reason.MAILBOX_FULL)]


ROOM = MailboxLimits(bytes_max=360_000, mailboxes_max=100)
"""Each has 1,800 bytes for itself; who wants all gets 20,000 of the 180,000 that are shared."""


def filled(size_bytes: int) -> dict[bytes, Held]:
    return {WRITER.public_key: Held(1, size_bytes)}


HERE = stored(signer(99).public_key, WALL_MS, {})
"""The relay was not off for long: an owner has just been there."""


def test_without_room_mailboxes_of_those_who_stayed_away_go_and_then_puts_are_refused():
    longest, long, here = (signer(number).public_key for number in (1, 2, 3))
    table = Table(
        ROOM,
        (
            stored(here, WALL_MS, filled(6_000)),
            stored(long, WALL_MS - MONTH_MS - 1, filled(9_000)),
            stored(longest, WALL_MS - MONTH_MS - 2, filled(9_000)),
        ),
    ).registered()
    blob = bytes(7_000)
    effects = table.ask(WRITING, put(blob))
    assert effects[0] == Keep(DropMailbox(longest))
    assert table.answer(WRITING, put(blob[1:])) == Done()
    assert table.answer(WRITING, put(blob[2:])) == Refused(Reason.RELAY_FULL)
    assert table.server.statistics().mailboxes == 2


def test_nothing_goes_for_a_put_that_is_refused_all_the_same():
    lapsed = signer(1).public_key
    table = Table(
        ROOM,
        (
            stored(signer(2).public_key, WALL_MS, filled(40_000)),
            stored(lapsed, WALL_MS - MONTH_MS - 1, filled(5_000)),
        ),
    ).registered()
    answer = table.ask(WRITING, put(bytes(9_000)))
    assert answer == [Tell(WRITING, Answer(table.asked, Refused(Reason.RELAY_FULL)))]
    assert table.server.statistics().mailboxes == 3


def test_a_mailbox_makes_no_room_for_itself():
    away_ms = WALL_MS - 31 * DAY_S * 1000
    table = Table(ROOM, (stored(MAILBOX, away_ms, filled(21_000)), HERE))
    assert table.answer(WRITING, put(bytes(2_000))) == Refused(Reason.RELAY_FULL)


def test_only_so_many_mailboxes_go_for_one_put(monkeypatch):
    monkeypatch.setattr(mailbox_ledger, "GOING_MAX", 2)
    away = [
        stored(signer(number).public_key, WALL_MS - MONTH_MS - number, filled(6_000))
        for number in range(1, 5)
    ]
    table = Table(ROOM, (HERE, *away)).registered()
    assert table.answer(WRITING, put(bytes(20_000))) == Refused(Reason.RELAY_FULL)
    effects = table.ask(WRITING, put(bytes(9_000)))
    assert [type(one.change) for one in effects if isinstance(one, Keep)] == [
        DropMailbox,
        DropMailbox,
        AddBlob,
    ]


def test_who_fills_a_relay_from_a_few_addresses_takes_nothing_from_those_who_are_there(monkeypatch):
    monkeypatch.setattr(mailbox_ledger, "WRITERS_SHARED_MAX", 5_000)
    monkeypatch.setattr(machine, "PUT_BYTES", Rate(1e9, 1e9))
    monkeypatch.setattr(machine, "PUTS", Rate(1e9, 1e9))
    monkeypatch.setattr(machine, "OWNER_REQUESTS", Rate(1e9, 1e9))
    table = Table(ROOM).registered()
    many = frozenset(bytes(28) + n.to_bytes(4, "big") for n in range(WRITE_KEYS_MAX - 1))
    refused = set()
    for number in range(200):
        source = f"198.51.100.{number % 4}"
        table.give(Joined(3, ALICE.device.peer_id, source, NONCE))
        table.ask(3, proof(signer(number)))
        refused.add(table.answer(3, Register(many | {STRANGER.public_key})))
        refused.add(table.answer(3, Register(frozenset({STRANGER.public_key}))))
        for size in (20_000, 10_000, 3_000, 1_000):
            refused.add(table.answer(3, put(bytes(size), STRANGER, signer(number).public_key)))
    assert Refused(Reason.RELAY_FULL) in refused
    keys = frozenset(sorted(many)[: WRITERS_OWN - 1]) | {WRITER.public_key}
    assert table.answer(AT_HOME, Register(keys)) == Done()
    assert table.answer(WRITING, put(bytes(1_500))) == Done()
    table.give(Joined(4, ALICE.device.peer_id, "203.0.113.7", NONCE))
    table.ask(4, proof(STRANGER))
    assert table.answer(4, Register(frozenset(sorted(many)[:100]))) == Done()


def test_a_relay_makes_so_many_mailboxes_and_most_of_them_not_from_one_place(monkeypatch):
    monkeypatch.setattr(machine, "NEW_MAILBOXES", Rate(1e9, 1e9))
    table = Table(MailboxLimits(mailboxes_max=90))
    answers = [
        table.opened(signer(number)).answer(AT_HOME, Register(frozenset())) for number in range(11)
    ]
    assert answers == [Done()] * 10 + [Refused(Reason.RELAY_FULL)]
    table.give(Joined(3, ALICE.device.peer_id, "198.51.100.9", NONCE))
    table.ask(3, proof())
    assert table.answer(3, Register(frozenset())) == Done()
    table.later(31 * DAY_S)
    table.give(TimerFired(EXPIRY_TIMER))
    assert table.opened(STRANGER).answer(AT_HOME, Register(frozenset())) == Done()


def test_mailboxes_of_unknown_makers_count_for_the_places_of_their_owners(monkeypatch):
    """Before that was noted all were of one place, which has too much of everything."""
    monkeypatch.setattr(mailbox_ledger, "WRITERS_SHARED_MAX", 20)
    keys = [signer(number).public_key for number in range(WRITERS_OWN + 2)]
    boxes = [stored(key, WALL_MS) for key in (MAILBOX, STRANGER.public_key)]
    rows = [replace(box.row, writers=frozenset(keys[:-1]), maker=0) for box in boxes]
    before = [replace(box, row=row) for box, row in zip(boxes, rows, strict=True)]
    effects = Table(stored=tuple(before)).opened().ask(AT_HOME, Register(frozenset(keys)))
    [kept] = [effect.change for effect in effects if isinstance(effect, Keep)]
    assert (kept.maker, kept.writers) == (MAKER, frozenset(keys))


def test_thousands_of_mailboxes_are_not_made_from_one_address():
    table = Table()
    refused = Refused(Reason.BUSY, 50_000)
    for number in range(int(NEW_MAILBOXES.burst)):
        table.opened(signer(number))
        assert table.answer(AT_HOME, Register(frozenset())) == Done()
    table.opened()
    assert table.answer(AT_HOME, Register(frozenset())) == refused
    table.give(Joined(3, ALICE.device.peer_id, "198.51.100.9", NONCE))
    table.ask(3, proof())
    assert table.answer(3, Register(frozenset())) == Done()


def test_write_keys_are_bounded_in_one_mailbox_and_beyond_a_few_in_all_together(monkeypatch):
    monkeypatch.setattr(mailbox_ledger, "WRITERS_SHARED_MAX", 9 * 3)
    table = Table().opened()
    many = sorted(bytes(28) + n.to_bytes(4, "big") for n in range(WRITE_KEYS_MAX + 1))
    full = Refused(Reason.RELAY_FULL)

    def registered(key: Ed25519Signer, count: int) -> AnswerBody | None:
        return table.opened(key).answer(AT_HOME, Register(frozenset(many[:count])))

    assert registered(OWNER, WRITE_KEYS_MAX + 1) == full
    assert registered(OWNER, WRITERS_OWN + 4) == full
    assert registered(OWNER, WRITERS_OWN + 3) == Done()
    assert registered(STRANGER, WRITERS_OWN + 1) == full
    assert registered(STRANGER, WRITERS_OWN) == Done()
    assert registered(OWNER, 0) == Done()
    assert registered(STRANGER, WRITERS_OWN + 1) == Done()


def test_puts_of_one_source_have_a_pace_and_who_waits_as_told_is_served(monkeypatch):
    monkeypatch.setattr(machine, "PUTS", Rate(PUTS.per_s, burst=3))
    table = Table().registered()
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(4)]
    assert taken == [Done()] * 3 + [Refused(Reason.BUSY, 20)]
    table.later(0.02)
    assert table.answer(WRITING, put(b"4")) == Done()


def test_bytes_of_one_source_have_a_pace(monkeypatch):
    monkeypatch.setattr(machine, "PUT_BYTES", Rate(PUT_BYTES.per_s, burst=60_000))
    table = Table().registered()
    assert table.answer(WRITING, put(bytes(50_000))) == Done()
    refused = table.answer(WRITING, put(bytes(50_001)))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BUSY
    table.later(refused.wait_ms / 1000)
    assert table.answer(WRITING, put(bytes(50_001))) == Done()


def test_requests_of_one_source_have_a_pace_whatever_keys_it_makes_up(monkeypatch):
    monkeypatch.setattr(machine, "OWNER_REQUESTS", Rate(OWNER_REQUESTS.per_s, burst=4))
    table = Table()
    for session in range(3, 7):
        table.give(Joined(session, person(str(session)).device.peer_id, SOURCE, NONCE))
    assert table.answer(3, Ask()) == Challenge(NONCE)
    assert [table.answer(session, proof()) for session in range(4, 7)] == [DENIED] * 3
    table.give(Joined(7, BOB.device.peer_id, SOURCE, NONCE))
    assert table.answer(7, Ask()) == Refused(Reason.BUSY, 20)
    table.give(Joined(8, ALICE.device.peer_id, "198.51.100.9", NONCE))
    assert isinstance(table.answer(8, proof()), Opened)


def test_a_registration_of_many_keys_counts_for_many_requests(monkeypatch):
    monkeypatch.setattr(machine, "OWNER_REQUESTS", Rate(OWNER_REQUESTS.per_s, burst=6))
    table = Table().opened()
    many = frozenset(bytes(28) + n.to_bytes(4, "big") for n in range(5 * KEYS_A_REQUEST))
    assert table.answer(AT_HOME, Register(many)) == Refused(Reason.BUSY, 20)
    assert table.answer(AT_HOME, Register(frozenset(sorted(many)[1:]))) == Done()
    assert table.answer(AT_HOME, Ask()) == Refused(Reason.BUSY, 20)
