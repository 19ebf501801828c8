"""What is owed to who is away is mailed once, told as sent, and asked for again when it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.events import MessageStateChanged
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import DeviceId
from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.model.message import MessageState
from p2pchat.model.ratchet import PutMailKeys, PutOlmAccount, SeeMail, SetMailed
from p2pchat.protocol.bundles import LOOK_AGAIN_MS, ROTATE_MS
from p2pchat.protocol.machine import AcceptContact, AddContact, Effect, Persist
from p2pchat.protocol.mail_routes import (
    ASK_AGAIN_S,
    LETTER_OPS_BYTES,
    LETTER_OPS_MAX,
    RECEIPTS_MAX,
)
from p2pchat.protocol.mail_vocabulary import (
    AccountFound,
    BundleFound,
    BundlePublished,
    Discard,
    ForgetSessions,
    ForMail,
    ForPairs,
    LookUp,
    LookUpAccount,
    MailOpened,
    MailRefused,
    Post,
    Posted,
    PostFailed,
    RenewKeys,
    Slot,
    WritersChanged,
)
from p2pchat.protocol.mail_writers import PAIR_BYTES_MAX, PAIR_OPS_MAX, WRITERS_MAX
from p2pchat.protocol.mailing import BACK_OFF_S_MAX, REMAIL_MS
from p2pchat.wire.devices import DeviceKeys, first_device_set, read_device_set
from p2pchat.wire.frames import Hello, Ops, SyncDigest
from p2pchat.wire.receipts import SignedReceipt
from p2pchat.wire.records import BundleRecord, encode_record
from tests.unit.protocol.people import WALL_MS, Person, between, digest, op_id
from tests.unit.protocol.table import Seat, Table


class Writer(Person):
    """Somebody who takes mail."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.keys = DeviceKeys(digest(f"olm {name}"), digest(f"mailbox {name}"))
        raw = first_device_set(self.account_signer, self.device, WALL_MS, self.keys)
        self.devices = read_device_set(raw)

    @property
    def bundle(self) -> bytes:
        relay = MailboxRelay(digest_peer("relay"))
        mail = MailBundle(digest("fallback"), (HpkeKey(1, digest("hpke")),), (relay,))
        return encode_record(BundleRecord(self.device, (), 1, WALL_MS, mail), self.signer)


def digest_peer(name: str):
    return DeviceId(digest(name)).peer_id


ALICE, BOB, CAROL = Writer("alice"), Writer("bob"), Writer("carol")
DIRECT = between(ALICE, BOB)
MADE = (PutOlmAccount("pickle"), PutMailKeys(digest("fallback"), WALL_MS, ()))


class PostalSeat(Seat):
    """Its letters lie on the table; what it does to itself is remembered."""

    def open(self) -> None:
        if self.store.snapshot().mail.account is None:
            self.store.commit(MADE)
        super().open()

    def _carry_one(self, effect: Effect) -> None:
        match effect:
            case Post() | LookUpAccount() | LookUp() | Discard():
                pass
            case ForgetSessions() | RenewKeys() | WritersChanged():
                pass
            case _:
                super()._carry_one(effect)

    def take(self, kind: type) -> list:
        """What was decided of a kind since it was asked last."""
        found = self.decided(kind)
        self.effects = [effect for effect in self.effects if not isinstance(effect, kind)]
        return found

    def find(self) -> None:
        """All look-ups end well."""
        self.know()
        for looked in self.take(LookUp):
            other = next(p for p in (ALICE, BOB, CAROL) if p.device == looked.device)
            self.do(BundleFound(other.device, other.bundle))

    def know(self) -> None:
        """No account has other devices than were known."""
        for asked in self.take(LookUpAccount):
            self.do(AccountFound(asked.account, is_there=True))

    def post(self) -> list[Post]:
        """Every letter is stored, until there is none; which ones."""
        posts: list[Post] = []
        for _ in range(3):
            self.find()
            self.answer_mail()
        while letters := self.take(Post):
            posts += letters
            for letter in letters:
                self.do(Posted(letter.device, letter.serial))
                self.answer_mail()
                self.find()
        return posts

    def answer_mail(self) -> None:
        """What has to be read for letters is read."""
        for index in reversed(range(len(self.loads))):
            if isinstance(self.loads[index].tag, ForMail):
                self.answer_load(index)

    def get(self, sender: Writer, letter: Post, serial: int = 1) -> None:
        """Open a letter."""
        seen = SeeMail(digest(f"blob {serial}"), WALL_MS)
        slot = Slot(digest_peer("relay"), serial)
        self.do(
            MailOpened(
                slot, sender.device, sender.devices, letter.frames, letter.asks_again, (seen,)
            )
        )


class PostalTable(Table):
    def sit(self, person: Person, limits: Limits | None = None) -> PostalSeat:
        seat = PostalSeat(self, person, limits or Limits())
        self.seats[seat.device] = seat
        return seat


def ops_of(posts: list[Post]) -> list[int]:
    """The numbers of the talk ops in letters."""
    frames = [frame for post in posts for frame in post.frames if isinstance(frame, Ops)]
    return [op.header.seq for frame in frames for op in frame.ops if op.header.chain == 1]


@pytest.fixture
def table() -> PostalTable:
    return PostalTable()


@pytest.fixture
def two(table) -> tuple[PostalSeat, PostalSeat]:
    """Contacts; the second has gone, and the first has noticed."""
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    return alice, bob


def away(table: PostalTable, seat: PostalSeat) -> None:
    """The dials of a seat fail."""
    while table.dials:
        table.run_job(("dial", table.dials[0]))


def test_what_is_written_to_who_is_away_is_mailed_and_counts_as_sent(table, two):
    alice, bob = two
    message = alice.send(DIRECT, "hello")
    assert not alice.decided(Post), "it may be there"
    away(table, alice)
    assert [asked.account for asked in alice.decided(LookUpAccount)] == [BOB.account]
    [letter] = alice.post()
    assert (letter.identity_key, letter.mailbox) == (BOB.keys.olm_curve25519, BOB.keys.mailbox)
    assert (letter.key.secret, letter.key.is_intro) == (BOB.pair_half, False)
    assert MessageStateChanged(message.id, MessageState.SENT) in alice.events
    assert alice.state_of(message.id) is MessageState.SENT
    bob.get(ALICE, letter)
    assert bob.received() == ["hello"]


def test_once_somebody_is_known_to_be_away_the_next_words_are_mailed_at_once(table, two):
    alice, _ = two
    alice.send(DIRECT, "one")
    away(table, alice)
    alice.post()
    alice.send(DIRECT, "two")
    assert ops_of(alice.take(Post)) == [1]
    alice.send(DIRECT, "three")
    assert not alice.take(Post), "one letter at a time"


def test_nothing_is_mailed_twice_not_even_after_a_restart(table, two):
    alice, _ = two
    for number in range(5):
        alice.send(DIRECT, f"{number}")
    away(table, alice)
    assert ops_of(alice.post()) == [0, 1, 2, 3, 4]
    alice.crash()
    away(table, alice)
    assert alice.post() == []
    alice.send(DIRECT, "more")
    while alice.loads:
        alice.answer_load()
    assert ops_of(alice.post()) == [5]


def test_a_receipt_comes_back_by_mail_and_the_rest_is_silence(table, two):
    alice, bob = two
    message = alice.send(DIRECT, "hello")
    away(table, alice)
    [letter] = alice.post()
    bob.get(ALICE, letter)
    [answer] = bob.post()
    assert [type(frame) for frame in answer.frames] == [SignedReceipt]
    alice.get(BOB, answer)
    assert alice.state_of(message.id) is MessageState.DELIVERED
    assert not alice.chat.outbox.owed_devices()
    assert bob.post() == []


def test_what_was_opened_is_deleted_and_what_it_changed_committed_with_it(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    [letter] = alice.post()
    bob.effects.clear()
    bob.get(ALICE, letter, serial=7)
    assert bob.decided(Discard) == [Discard(Slot(digest_peer("relay"), 7))]
    changes = [effect.change for effect in bob.decided(Persist)]
    assert SeeMail(digest("blob 7"), WALL_MS) in changes


def test_long_letters_are_cut(table, two):
    alice, bob = two
    for _ in range(4):
        alice.send(DIRECT, "x" * 20_000)
    away(table, alice)
    posts = alice.post()
    assert ops_of(posts) == [0, 1, 2, 3]
    assert len(posts) == 2
    for number, letter in enumerate(posts):
        assert sum(op.size_bytes for f in letter.frames for op in f.ops) <= LETTER_OPS_BYTES
        bob.get(ALICE, letter, number)
    assert len(bob.received()) == 4


def test_what_is_too_old_to_be_in_memory_is_read(table, two):
    alice, _ = two
    for number in range(600):
        alice.send(DIRECT, f"{number}")
    away(table, alice)
    assert any(isinstance(load.tag, ForMail) for load in alice.loads)
    posts = alice.post()
    assert ops_of(posts) == list(range(600))
    assert all(len(ops_of([post])) <= LETTER_OPS_MAX for post in posts)


def test_a_letter_that_nobody_kept_is_tried_again(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.find()
    for _ in range(8):
        [letter] = alice.take(Post)
        alice.do(PostFailed(letter.device, letter.serial, "full"))
        away(table, alice)
        assert not alice.take(Post)
        table.advance(BACK_OFF_S_MAX)
        alice.chat.mailing.peer_up(CAROL.device)
        alice._carry(alice.chat.mailing.dial_failed(BOB.device, table.now))
    assert alice.state.refused["letter that nobody kept"] == 8


def test_an_answer_for_another_letter_changes_nothing(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.find()
    [letter] = alice.take(Post)
    for device in (BOB.device, CAROL.device):
        alice.do(Posted(device, letter.serial + 1), PostFailed(device, letter.serial + 1, ""))
    assert not alice.decided(SetMailed)
    assert alice.chat.outbox.owed_devices() == [BOB.device]


def test_what_has_no_receipt_for_days_is_mailed_again(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    assert ops_of(alice.post()) == [0]
    table.advance(REMAIL_MS / 1000 - 1)
    alice._carry(alice.chat.mailing.dial_failed(BOB.device, table.now))
    assert alice.post() == []
    table.advance(1)
    alice._carry(alice.chat.mailing.dial_failed(BOB.device, table.now))
    assert ops_of(alice.post()) == [0]


def test_who_is_connected_gets_no_mail(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.find()
    alice.take(Post)
    table.heal()
    table.connect(alice, bob)
    table.settle()
    alice.send(DIRECT, "again")
    table.settle()
    assert bob.received() == ["hello", "again"]
    assert not alice.take(Post)


def test_a_bundle_that_is_old_is_looked_up_again_and_good_enough_when_it_is_not_found(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.post()
    table.advance(LOOK_AGAIN_MS / 1000)
    alice.send(DIRECT, "again")
    alice.know()
    [looked] = alice.take(LookUp)
    alice.do(BundleFound(looked.device, None))
    assert len(alice.take(Post)) == 1


def test_without_a_bundle_or_keys_nothing_is_mailed(table):
    alice, dave = table.sit(ALICE), table.sit(Person("dave"))
    id = table.befriend(alice, dave)
    table.part(alice, dave)
    alice.send(id, "hello")
    away(table, alice)
    assert not alice.decided(LookUpAccount), "its certificate names no keys"
    bob = table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.know()
    [looked] = alice.take(LookUp)
    alice.do(BundleFound(looked.device, None))
    assert alice.take(Post) == []


def test_a_request_goes_by_the_key_of_the_link_and_the_answer_by_the_half_in_it(table):
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.part(alice, bob)
    alice.ask(lambda id: AddContact(id, BOB.link, ALICE.pair_half))
    assert alice.chat.mailing.writers.keys() == [(ALICE.pair_half, BOB.account)]
    assert alice.decided(WritersChanged)
    alice.send(DIRECT, "not yet")
    away(table, alice)
    [letter] = alice.post()
    assert (letter.key.secret, letter.key.is_intro) == (BOB.intro, True)
    assert ops_of([letter]) == []
    bob.get(ALICE, letter)
    assert bob.state.contact_state(ALICE.account) is ContactState.REQUEST
    assert bob.post() == [], "not even a receipt"
    bob.ask(lambda id: AcceptContact(id, ALICE.account, BOB.pair_half))
    away(table, bob)
    answers = bob.post()
    assert {(a.key.secret, a.key.is_intro) for a in answers} == {(ALICE.pair_half, False)}
    for number, answer in enumerate(answers):
        alice.get(BOB, answer, number)
    assert alice.state.contact_state(BOB.account) is ContactState.ACCEPTED
    assert ops_of(alice.post()) == [0]


def test_what_both_gave_is_known_after_a_restart(table, two):
    alice, _ = two
    alice.crash()
    assert alice.chat.mailing.writers.keys() == []
    while alice.loads:
        alice.answer_load()
    assert alice.chat.mailing.writers.keys() == [(ALICE.pair_half, BOB.account)]
    assert alice.state.directory.pairs.theirs(BOB.account) == BOB.pair_half


def refused(sender: Writer | None, reason: str = "letter that does not open") -> MailRefused:
    slot = Slot(digest_peer("relay"), 1)
    device = sender.device if sender is not None else None
    return MailRefused(slot, reason, device, (SeeMail(digest("blob"), WALL_MS),))


def test_who_seals_for_a_session_that_is_gone_is_asked_to_begin_anew(table, two):
    alice, bob = two
    message = alice.send(DIRECT, "hello")
    away(table, alice)
    alice.post()
    bob.do(refused(ALICE))
    assert bob.decided(ForgetSessions) == [ForgetSessions(ALICE.keys.olm_curve25519)]
    [asking] = bob.post()
    assert asking.asks_again
    alice.take(ForgetSessions)
    alice.get(BOB, asking)
    assert alice.decided(ForgetSessions) == [ForgetSessions(BOB.keys.olm_curve25519)]
    [letter] = alice.post()
    assert ops_of([letter]) == [0], "the same ops, sealed anew"
    bob.get(ALICE, letter, 2)
    assert bob.history(DIRECT)[0].id == message.id


def test_asking_to_begin_anew_and_being_asked_are_rare(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.post()
    bob.do(refused(ALICE), refused(ALICE))
    [asking] = bob.post()
    bob.do(refused(ALICE))
    assert bob.post() == []
    table.advance(ASK_AGAIN_S)
    bob.do(refused(ALICE))
    assert len(bob.post()) == 1
    alice.get(BOB, asking)
    assert ops_of(alice.post()) == [0]
    alice.get(BOB, asking, 2)
    assert alice.post() == []


@pytest.mark.parametrize("sender", [None, CAROL])
def test_nobody_is_asked_who_is_not_known(table, two, sender):
    _, bob = two
    bob.do(refused(sender))
    assert bob.post() == []
    assert bob.decided(Discard)
    assert bob.state.refused["letter that does not open"] == 1


def test_what_only_came_twice_is_deleted_and_not_counted(table, two):
    _, bob = two
    bob.do(replace(refused(None), reason="", changes=()))
    assert bob.decided(Discard)
    assert not bob.state.refused


def test_a_blocked_account_and_a_stream_frame_say_nothing_by_mail(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    [letter] = alice.post()
    bob.get(ALICE, replace(letter, frames=(Hello(ALICE.devices),)))
    assert bob.state.refused["frame that is not for mail"] == 0, "it says what is known"
    bob.get(ALICE, replace(letter, frames=(SyncDigest(DIRECT, bytes(32)),)))
    assert bob.state.refused["frame that is not for mail"] == 1
    bob.get(CAROL, letter, 2)
    assert bob.received() == [], "nobody brings what others wrote"


def test_keys_are_made_at_the_first_start_and_when_they_are_old_and_published(table):
    alice = table.sit(ALICE)
    assert not alice.decided(RenewKeys)
    alice.do(BundlePublished())
    assert not alice.decided(RenewKeys)
    table.advance(ROTATE_MS / 1000)
    alice.do(BundlePublished(), BundlePublished())
    assert len(alice.decided(RenewKeys)) == 1


def test_who_may_write_is_bounded(table, two):
    alice, _ = two
    halves = {(n, op_id(f"{n}")): digest(f"half {n}") for n in range(WRITERS_MAX + 5)}
    alice.state.directory.pairs._ours[BOB.account] = halves
    assert len(alice.chat.mailing.writers.keys()) == WRITERS_MAX


def test_receipts_in_one_letter_are_bounded(table, two):
    alice, bob = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    [letter] = alice.post()
    bob.get(ALICE, letter)
    [answer] = bob.post()
    assert len(answer.frames) <= RECEIPTS_MAX


def test_halves_are_read_from_the_beginning_of_a_chain(table, two):
    alice, _ = two
    alice.crash()
    queries = [load.query for load in alice.loads if isinstance(load.tag, ForPairs)]
    assert {(query.from_seq, query.limit) for query in queries} == {(0, PAIR_OPS_MAX)}
    assert {query.bytes_max for query in queries} == {PAIR_BYTES_MAX}
    assert len(queries) == 2
