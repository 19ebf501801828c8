"""Which keys of others a room keeps, to pass them on."""

from __future__ import annotations

from p2pchat.protocol.held_keys import KEYS_BYTES_MAX, SERIALS_MAX, HeldKeys
from p2pchat.wire.sender_keys import SENDER_KEY_BYTES_MAX, Audience, SenderKey, SignedSenderKey
from tests.unit.protocol.people import ALICE, BOB, digest
from tests.vectors.golden import CREW


def key(device, serial: int = 1, size: int = 229) -> SignedSenderKey:
    said = SenderKey(CREW, device, serial, bytes(size), Audience())
    return SignedSenderKey(said, bytes(size), bytes(64))


def test_the_newest_of_a_device_is_kept_and_no_older_one_is_news():
    held = HeldKeys()
    assert held.is_news(key(ALICE.device, 5))
    held.keep(key(ALICE.device, 5))
    assert not held.is_news(key(ALICE.device, 5))
    assert not held.is_news(key(ALICE.device, 4))
    held.keep(key(ALICE.device, 6))
    held.keep(key(BOB.device, 1))
    assert [signed.said.serial for signed in held] == [6, 1]


def test_a_key_that_came_early_waits_until_it_is_asked_for():
    held = HeldKeys()
    held.expect(key(ALICE.device, 5))
    assert list(held) == []
    assert held.waiting == (ALICE.device,)
    assert not held.is_news(key(ALICE.device, 5))
    assert held.take_early(ALICE.device) == key(ALICE.device, 5)
    assert held.take_early(ALICE.device) is None
    assert held.waiting == ()


def test_what_has_no_room_goes_and_the_oldest_first():
    held = HeldKeys()
    count = KEYS_BYTES_MAX // (SENDER_KEY_BYTES_MAX + 64) + 1
    for number in range(count):
        held.keep(key(digest(f"{number}"), size=SENDER_KEY_BYTES_MAX))
        held.expect(key(digest(f"{number}"), size=SENDER_KEY_BYTES_MAX))
    assert [signed.said.device for signed in held] == [digest(f"{n}") for n in range(1, count)]
    assert held.waiting == tuple(digest(f"{n}") for n in range(1, count))
    assert not held.is_news(key(digest("0"))), "that it was there is remembered"


def test_of_so_many_devices_is_remembered_how_new_their_last_key_was():
    held = HeldKeys()
    for number in range(SERIALS_MAX + 1):
        held.keep(key(digest(f"{number}")))
    assert held.is_news(key(digest("0")))
    assert not held.is_news(key(digest("1")))
