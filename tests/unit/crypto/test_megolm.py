"""Sender sessions: who opens a blob, and who does not. The stand-in says what the ratchets say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from p2pchat.crypto.megolm import (
    SESSIONS_PER_DEVICE_MAX,
    SESSIONS_PER_ROOM_MAX,
    MegolmSessions,
)
from p2pchat.crypto.port import RoomSessions, Unsealed
from p2pchat.model.conversation import open_room_id
from p2pchat.protocol.sealing import EpochKey
from p2pchat.testing.plain_sessions import PlainSessions
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, digest, op_id

ROOM, OTHER = open_room_id("crew"), open_room_id("other")
TOPIC = "/dchat/room/crew"
EPOCH = EpochKey(op_id("epoch"), digest("secret"))
NEXT = EpochKey(op_id("next"), digest("next secret"))

Make = Callable[[], RoomSessions]


def tokens() -> Callable[[int], bytes]:
    """Different bytes each time."""
    numbers = count(1)
    return lambda size: digest(f"token {next(numbers)}")[:size]


@pytest.fixture(params=[MegolmSessions, PlainSessions])
def make(request: pytest.FixtureRequest) -> Make:
    token_bytes = tokens()
    return lambda: request.param(token_bytes)


@pytest.fixture
def alice(make: Make) -> RoomSessions:
    made = make()
    made.begin(ROOM)
    return made


@pytest.fixture
def bob(make: Make, alice: RoomSessions) -> RoomSessions:
    """Has Alice's key."""
    made = make()
    assert made.learn(ROOM, ALICE.device, alice.key(ROOM))
    return made


def seal(sessions: RoomSessions, text: bytes = b"hello", epoch: EpochKey = EPOCH) -> bytes:
    return sessions.seal(ROOM, TOPIC, epoch, text)


def read(sessions: RoomSessions, blob: bytes, *epochs: EpochKey) -> bytes | None:
    found = sessions.open(ROOM, TOPIC, epochs or (EPOCH,), blob)
    return found.plaintext if found is not None and found.senders else None


def test_whoever_has_the_epoch_and_the_key_reads(alice, bob):
    for text in (b"hello", b"", b"x" * 60_000):
        blob = seal(alice, text)
        assert bob.open(ROOM, TOPIC, (NEXT, EPOCH), blob) == Unsealed(
            frozenset((ALICE.device,)), text
        )


def test_the_epoch_alone_tells_that_there_is_something(alice, make):
    assert make().open(ROOM, TOPIC, (EPOCH,), seal(alice)) == Unsealed(frozenset(), b"")


def test_the_key_alone_tells_nothing(alice, bob):
    assert bob.open(ROOM, TOPIC, (), seal(alice)) is None
    assert bob.open(ROOM, TOPIC, (NEXT,), seal(alice)) is None


def test_a_key_given_later_opens_nothing_from_before(alice, make):
    before = seal(alice)
    carol = make()
    assert carol.learn(ROOM, ALICE.device, alice.key(ROOM))
    assert read(carol, before) is None
    assert read(carol, seal(alice, b"now")) == b"now"


def test_the_key_is_taken_before_sealing_and_opens_what_is_sealed_then(alice, make):
    key = alice.key(ROOM)
    blob = seal(alice)
    carol = make()
    carol.learn(ROOM, ALICE.device, key)
    assert read(carol, blob) == b"hello"


def test_a_new_session_is_shut_to_who_has_the_last_one(alice, bob):
    before = seal(alice, b"before")
    alice.begin(ROOM)
    assert read(bob, seal(alice)) is None
    assert bob.learn(ROOM, ALICE.device, alice.key(ROOM))
    assert read(bob, seal(alice)) == b"hello"
    assert read(bob, before) == b"before"


def test_telling_a_key_again_takes_nothing_away(alice, bob):
    before = seal(alice)
    assert not bob.learn(ROOM, ALICE.device, alice.key(ROOM))
    assert read(bob, before) == b"hello"


def test_blobs_open_in_any_order_and_as_often_as_they_come(alice, bob):
    blobs = [seal(alice, bytes([number])) for number in range(5)]
    assert [read(bob, blob) for blob in reversed(blobs * 2)] == [
        bytes([n]) for n in (4, 3, 2, 1, 0)
    ] * 2


def test_a_key_counts_as_that_of_the_device_that_brought_it(alice, bob):
    """Mallory shows Alice's key as her own: Alice's blobs may be anybody's of the two."""
    bob.learn(ROOM, MALLORY.device, alice.key(ROOM))
    found = bob.open(ROOM, TOPIC, (EPOCH,), seal(alice))
    assert found == Unsealed(frozenset((ALICE.device, MALLORY.device)), b"hello")


def test_who_claims_a_key_first_takes_it_from_nobody(alice, make):
    carol = make()
    carol.learn(ROOM, MALLORY.device, alice.key(ROOM))
    assert carol.learn(ROOM, ALICE.device, alice.key(ROOM))
    found = carol.open(ROOM, TOPIC, (EPOCH,), seal(alice))
    assert found is not None
    assert ALICE.device in found.senders


def test_rooms_and_topics_are_apart(alice, bob):
    blob = seal(alice)
    assert bob.open(ROOM, "/dchat/room/other", (EPOCH,), blob) is None
    assert bob.open(OTHER, TOPIC, (EPOCH,), blob) == Unsealed(frozenset(), b"")


def test_who_leaves_forgets_all_keys(alice, bob):
    blob = seal(alice)
    bob.forget(ROOM)
    bob.forget(ROOM)
    assert read(bob, blob) is None


@pytest.mark.parametrize("key", [b"", b"short", bytes(229), bytes(20_000)])
def test_what_is_no_key_is_refused(make, key):
    assert not make().learn(ROOM, ALICE.device, key)


# The ratchets alone


@pytest.fixture
def ratchets() -> MegolmSessions:
    made = MegolmSessions(tokens())
    made.begin(ROOM)
    return made


def reader_of(sender: MegolmSessions) -> MegolmSessions:
    made = MegolmSessions(tokens())
    assert made.learn(ROOM, ALICE.device, sender.key(ROOM))
    return made


def test_every_bit_of_a_blob_counts(ratchets):
    blob, reader = seal(ratchets), reader_of(ratchets)
    for bit in range(0, 8 * len(blob), 3):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        assert read(reader, bytes(changed)) is None
    assert read(reader, blob[:-1]) is None
    assert read(reader, b"") is None


def test_who_has_the_epoch_and_forges_the_inside_convinces_nobody(ratchets):
    """A member without the session's signing key."""
    reader, forger = reader_of(ratchets), MegolmSessions(tokens())
    forger.begin(ROOM)
    assert reader.open(ROOM, TOPIC, (EPOCH,), seal(forger)) == Unsealed(frozenset(), b"")


def test_a_blob_tells_its_length_in_coarse_steps_and_nothing_else(ratchets):
    sizes = {len(seal(ratchets, bytes(length))) for length in range(50)}
    assert len(sizes) == 1
    one, other = seal(ratchets), seal(ratchets)
    assert one[:5] == other[:5] == b"\x02" + EPOCH.tag
    assert one[5:29] != other[5:29]
    assert b"hello" not in one


def test_two_sessions_of_a_device_are_kept(ratchets):
    reader = reader_of(ratchets)
    blobs = [seal(ratchets)]
    for _ in range(SESSIONS_PER_DEVICE_MAX):
        ratchets.begin(ROOM)
        reader.learn(ROOM, ALICE.device, ratchets.key(ROOM))
        reader.learn(ROOM, BOB.device, ratchets.key(ROOM))
        blobs.append(seal(ratchets))
    assert [read(reader, blob) is not None for blob in blobs] == [False, True, True]


def test_sessions_of_a_room_are_bounded(monkeypatch):
    monkeypatch.setattr("p2pchat.crypto.megolm.SESSIONS_PER_ROOM_MAX", 2)
    assert SESSIONS_PER_ROOM_MAX > 2
    reader, senders = MegolmSessions(tokens()), [MegolmSessions(tokens()) for _ in range(3)]
    for sender, person in zip(senders, (ALICE, BOB, CAROL), strict=True):
        sender.begin(ROOM)
        assert reader.learn(ROOM, person.device, sender.key(ROOM))
    assert [read(reader, seal(sender)) is not None for sender in senders] == [False, True, True]
