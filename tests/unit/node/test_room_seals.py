"""The keys of rooms, and what becomes of blobs that come before their key."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.gossip.vocabulary import Verdict
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.node.room_seals import SHUT_BLOBS_MAX, Blob, RoomSeals
from p2pchat.protocol.machine import (
    BeginSession,
    EnterTopic,
    Heard,
    HoldEpochs,
    LearnSession,
    Publish,
    ShareSession,
)
from p2pchat.protocol.room_vocabulary import ShareAgain
from p2pchat.protocol.sealing import EpochKey, open_room_secret, room_secret
from p2pchat.testing.plain_sessions import PlainSessions
from p2pchat.wire.frames import Ops, decode_frame, encode_ops
from p2pchat.wire.sender_keys import SignedSenderKey, verify_sender_key
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, digest, op_id
from tests.vectors.golden import CREW

SECRET = room_secret(digest("room"))
EPOCH = EpochKey(op_id("epoch"), digest("epoch"))


def seals(name: str) -> RoomSeals:
    tokens = Random(name).randbytes
    made = RoomSeals(SharedKeyCipher(tokens), PlainSessions(tokens), ALICE.signer)
    made.apply(EnterTopic(CREW, SECRET))
    made.apply(HoldEpochs(CREW, (EPOCH,)))
    return made


@pytest.fixture
def alice() -> RoomSeals:
    made = seals("alice")
    made.apply(BeginSession(CREW))
    return made


def ops(text: str = "hello", author=ALICE) -> Ops:
    return Ops((Author(author, CREW).write(text),), (author.devices,))


def publish(sender: RoomSeals, sent: Ops) -> bytes:
    blob = sender.seal(Publish(CREW, sent, 1, EPOCH))
    assert blob is not None
    return blob


SHARE = ShareSession(CREW, (BOB.device,), (CAROL.device,), 1)


def key_of(sender: RoomSeals, device=ALICE.device) -> LearnSession:
    frame = decode_frame(sender.share(SHARE))
    assert isinstance(frame, SignedSenderKey)
    return LearnSession(frame.said.conversation, device, frame.said.key)


def test_a_key_is_signed_for_its_audience_and_given_again_as_it_was(alice):
    raw = alice.share(SHARE)
    frame = decode_frame(raw)
    assert isinstance(frame, SignedSenderKey)
    verify_sender_key(frame)
    assert frame.said.device == ALICE.device
    everybody = (BOB.device, CAROL.device, MALLORY.device)
    assert frame.said.listed(everybody) == {BOB.device, CAROL.device}
    assert frame.said.left(everybody) == {CAROL.device}
    publish(alice, ops())
    assert alice.share_again(ShareAgain(CREW, (BOB.device,))) == raw
    alice.leave(CREW)
    assert alice.share_again(ShareAgain(CREW, (BOB.device,))) is None


def test_a_blob_opens_for_who_has_its_key(alice):
    bob = seals("bob")
    bob.apply(key_of(alice))
    sent = ops()
    found = bob.open(CREW, publish(alice, sent))
    assert found.verdict is Verdict.ACCEPT
    assert found.ops is not None
    assert found.ops.ops == sent.ops


def test_a_blob_without_its_key_goes_on_and_is_heard_when_the_key_comes(alice):
    bob, key, sent = seals("bob"), key_of(alice), ops()
    assert bob.open(CREW, publish(alice, sent)) == Blob(Verdict.ACCEPT, is_puzzling=True)
    (heard,) = bob.apply(key)
    assert isinstance(heard, Heard)
    assert (heard.peer, heard.ops.ops) == (ALICE.device, sent.ops)
    assert bob.apply(key) == []


def test_a_blob_of_an_unknown_epoch_is_not_passed_on_and_heard_when_that_is_known(alice):
    bob = seals("bob")
    bob.apply(key_of(alice))
    bob.apply(HoldEpochs(CREW, ()))
    assert bob.open(CREW, publish(alice, ops())) == Blob(
        Verdict.IGNORE, is_puzzling=True, is_of_epoch=False
    )
    assert len(bob.apply(HoldEpochs(CREW, (EPOCH,)))) == 1


def test_only_so_many_blobs_wait_for_their_key(alice):
    bob, key = seals("bob"), key_of(alice)
    for number in range(SHUT_BLOBS_MAX + 1):
        bob.open(CREW, publish(alice, ops(f"{number}")))
    assert len(bob.apply(key)) == SHUT_BLOBS_MAX


def test_rubbish_in_one_room_leaves_the_blobs_of_others_where_they_are(alice):
    bob, key = seals("bob"), key_of(alice)
    other = ConversationId(digest("another room"))
    bob.apply(EnterTopic(other, room_secret(digest("other"))))
    bob.apply(HoldEpochs(other, (EPOCH,)))
    bob.open(CREW, publish(alice, ops()))
    for number in range(2 * SHUT_BLOBS_MAX):
        bob.open(other, bytes(30) + number.to_bytes(10, "big"))
    assert len(bob.apply(key)) == 1


def test_what_names_an_epoch_that_we_know_and_does_not_open_is_nothing_to_wait_for():
    bob = seals("bob")
    rubbish = Blob(Verdict.IGNORE, is_puzzling=False, is_of_epoch=False)
    assert bob.open(CREW, b"\x02" + EPOCH.tag + bytes(60)) == rubbish
    assert bob.open(CREW, b"\x02" + bytes(4) + bytes(60)).is_puzzling


def test_a_key_that_is_told_again_opens_nothing_again(alice, monkeypatch):
    bob, key = seals("bob"), key_of(alice)
    bob.open(CREW, publish(alice, ops()))
    bob.apply(key)
    bob.open(CREW, b"\x02" + bytes(64))
    tried = []
    monkeypatch.setattr(bob, "_open", lambda *_: tried.append(1))
    assert bob.apply(key) == []
    assert not tried


def test_a_blob_with_ops_of_another_device_is_nobodys(alice):
    """Whoever has a key may not speak for others, nor may others be made to repeat themselves."""
    bob = seals("bob")
    bob.apply(key_of(alice))
    assert bob.open(CREW, publish(alice, ops(author=MALLORY))) == Blob(Verdict.IGNORE)


def test_what_is_no_blob_of_ops_counts_against_who_forwards_it(alice):
    bob = seals("bob")
    bob.apply(key_of(alice))
    raw = alice._sessions.seal(CREW, SECRET.topic, EPOCH, b"\xff")
    assert bob.open(CREW, raw) == Blob(Verdict.REJECT)


def test_in_an_open_room_words_that_their_author_did_not_sign_count_against_who_forwards_them():
    bob, square = seals("bob"), open_room_id("square")
    secret = open_room_secret("square")
    bob.apply(EnterTopic(square, secret))
    word = Author(ALICE, square).write()
    for signature, verdict in ((word.signature, Verdict.ACCEPT), (bytes(64), Verdict.REJECT)):
        sent = encode_ops(Ops((word, replace(word, signature=signature))))
        assert bob.open(square, bob._cipher.seal(secret, sent)).verdict is verdict


def test_who_leaves_forgets_keys_and_blobs(alice):
    bob, key = seals("bob"), key_of(alice)
    bob.open(CREW, publish(alice, ops()))
    assert bob.conversation(SECRET.topic) == CREW
    assert bob.leave(CREW) == SECRET
    assert bob.leave(CREW) is None
    assert (bob.topic(CREW), bob.conversation(SECRET.topic)) == (None, None)
    bob.apply(EnterTopic(CREW, SECRET))
    bob.apply(HoldEpochs(CREW, (EPOCH,)))
    assert bob.apply(key) == []
    bob.leave(CREW)
    assert bob.seal(Publish(CREW, ops(), 1, EPOCH)) is None
