"""What is owed to who is away is mailed once, told as sent, and asked for again when it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.events import MessageStateChanged
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import Party
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.ratchet import SeeMail, SetMailed
from p2pchat.protocol.bundles import LOOK_AGAIN_MS, ROTATE_MS
from p2pchat.protocol.machine import AcceptContact, AddContact, Persist
from p2pchat.protocol.mail_routes import (
    ASK_AGAIN_MS,
    GRANT_AGAIN_S,
    LETTER_OPS_BYTES,
    LETTER_OPS_MAX,
    RECEIPTS_MAX,
    REMAIL_MS,
)
from p2pchat.protocol.mail_vocabulary import (
    BeginAnew,
    BundleFound,
    BundlePublished,
    Discard,
    ForMail,
    ForPairs,
    LookUp,
    LookUpAccount,
    Post,
    Posted,
    PostFailed,
    RenewKeys,
    Slot,
    WritersChanged,
)
from p2pchat.protocol.mail_writers import PAIR_BYTES_MAX, PAIR_OPS_MAX
from p2pchat.protocol.mailing import BACK_OFF_S_MAX, REASON_CHARACTERS_MAX
from p2pchat.wire.frames import Hello, SyncDigest
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import WALL_MS, Person, digest
from tests.unit.protocol.postal import (
    ALICE,
    BOB,
    CAROL,
    DIRECT,
    PostalSeat,
    PostalTable,
    away,
    digest_peer,
    ops_of,
    refused,
)


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


def test_what_is_written_to_who_is_away_is_mailed_and_counts_as_sent(table, two):
    alice, bob = two
    message = alice.send(DIRECT, "hello")
    assert not alice.decided(Post), "it may be there"
    away(table, alice)
    assert [asked.account for asked in alice.decided(LookUpAccount)] == [BOB.account]
    [letter] = alice.post()
    assert (letter.to, letter.mailbox) == (BOB.correspondent, BOB.keys.mailbox)
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
        alice.do(PostFailed(letter.to.party, letter.serial, "full"))
        away(table, alice)
        assert not alice.take(Post)
        table.advance(BACK_OFF_S_MAX)
        alice.chat.mailing.peer_up(CAROL.device)
        alice._carry(alice.chat.mailing.dial_failed(BOB.device, table.now))
    assert alice.state.refused["letter that nobody kept"] == 8


def test_why_nobody_kept_a_letter_is_remembered_until_somebody_does(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.find()

    def told():
        return alice.chat.mailing.told(BOB.party, DIRECT, Chain.TALK, 0, table.now)

    [letter] = alice.take(Post)
    assert told().is_posting
    alice.do(PostFailed(letter.to.party, letter.serial, "f" * 1_000))
    assert told().failure == "f" * REASON_CHARACTERS_MAX
    assert told().next_try_ms > table.now.wall_ms
    assert not told().is_kept
    table.advance(BACK_OFF_S_MAX)
    alice._carry(alice.chat.mailing.dial_failed(BOB.device, table.now))
    [letter] = alice.take(Post)
    alice.do(Posted(letter.to.party, letter.serial, (BOB.device.peer_id,)))
    assert (told().is_kept, told().failure) == (True, "")
    assert told().relays == (BOB.device.peer_id.short,)


def test_an_answer_for_another_letter_changes_nothing(table, two):
    alice, _ = two
    alice.send(DIRECT, "hello")
    away(table, alice)
    alice.find()
    [letter] = alice.take(Post)
    for to in (BOB.party, CAROL.party, Party(CAROL.account, BOB.device)):
        alice.do(Posted(to, letter.serial + 1), PostFailed(to, letter.serial + 1, ""))
    alice.do(Posted(Party(CAROL.account, BOB.device), letter.serial))
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


def test_who_seals_for_a_session_that_is_gone_is_asked_to_begin_anew(table, two):
    alice, bob = two
    message = alice.send(DIRECT, "hello")
    away(table, alice)
    alice.post()
    bob.do(refused(ALICE))
    assert bob.decided(BeginAnew) == [BeginAnew(ALICE.correspondent, b"")]
    [asking] = bob.post()
    assert asking.asks_again
    alice.take(BeginAnew)
    alice.get(BOB, asking)
    assert alice.decided(BeginAnew) == [BeginAnew(BOB.correspondent, digest("session"))]
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
    table.advance(ASK_AGAIN_MS / 1000)
    bob.do(refused(ALICE))
    assert len(bob.post()) == 1
    alice.get(BOB, asking)
    assert ops_of(alice.post()) == [0]
    alice.get(BOB, asking, 2)
    assert alice.post() == []
    table.advance(GRANT_AGAIN_S)
    alice.get(BOB, asking, 3)
    assert ops_of(alice.post()) == [0]


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
