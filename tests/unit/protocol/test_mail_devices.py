"""Contacts who are never there at once hear which devices the other has."""

from __future__ import annotations

import pytest

from p2pchat.model.ids import DeviceId
from p2pchat.protocol.accounts import LOOK_AGAIN_MS, NOT_FOUND_AGAIN_MS
from p2pchat.protocol.machine import DevicesTold
from p2pchat.protocol.mail_routes import NEWS_BYTES_MAX
from p2pchat.protocol.mail_vocabulary import AccountFound, LookUp, LookUpAccount, Post, Posted
from p2pchat.wire.devices import (
    REVOCATIONS_MAX,
    DeviceKeys,
    DeviceSet,
    first_device_set,
    merged,
    new_revocation,
    read_device_set,
)
from p2pchat.wire.frames import Hello
from tests.unit.protocol.people import WALL_MS, digest
from tests.unit.protocol.postal import (
    ALICE,
    BOB,
    DIRECT,
    PostalSeat,
    PostalTable,
    Writer,
    away,
    ops_of,
    refused,
)

PHONE = Writer("phone")
"""A second device of Bob's."""
PHONE.account_signer, PHONE.account = BOB.account_signer, BOB.account
PHONE.devices = read_device_set(
    first_device_set(BOB.account_signer, PHONE.device, WALL_MS, PHONE.keys)
)
BOTH = merged(BOB.devices, PHONE.devices)


def revoked(known: DeviceSet, *devices: DeviceId) -> DeviceSet:
    for device in devices:
        raw = new_revocation(BOB.account_signer, device, WALL_MS)
        known = merged(known, read_device_set(raw))
    return known


@pytest.fixture
def table() -> PostalTable:
    return PostalTable()


@pytest.fixture
def alice(table) -> PostalSeat:
    """Her contact Bob has gone, and she has noticed."""
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    return alice


def found(seat: PostalSeat, devices: DeviceSet) -> None:
    """The account record of Bob is there, and says this."""
    assert [asked.account for asked in seat.take(LookUpAccount)] == [BOB.account]
    seat.do(DevicesTold(devices), AccountFound(BOB.account, is_there=True))


def test_nothing_is_sealed_for_a_device_that_the_account_has_revoked(table, alice):
    alice.send(DIRECT, "hello")
    away(table, alice)
    assert not alice.decided(LookUp)
    found(alice, revoked(BOB.devices, BOB.device))
    assert not alice.decided(LookUp)
    table.run(7200)
    away(table, alice)
    assert alice.post() == []
    assert alice.state.directory.is_revoked(BOB.account, BOB.device)


def test_a_device_that_the_record_names_is_written_to(table, alice):
    alice.send(DIRECT, "hello")
    away(table, alice)
    found(alice, revoked(BOTH, BOB.device))
    away(table, alice)
    assert [looked.device for looked in alice.take(LookUp)] == [PHONE.device]


def test_the_record_is_looked_up_again_after_three_days(table, alice):
    alice.send(DIRECT, "one")
    away(table, alice)
    assert len(alice.post()) == 1
    alice.send(DIRECT, "two")
    assert not alice.decided(LookUpAccount)
    assert len(alice.post()) == 1
    table.advance(LOOK_AGAIN_MS / 1000)
    alice.send(DIRECT, "three")
    assert not alice.decided(Post)
    assert [asked.account for asked in alice.decided(LookUpAccount)] == [BOB.account]


def test_where_no_record_is_found_a_letter_goes_to_the_devices_that_are_known(table, alice):
    alice.send(DIRECT, "one")
    away(table, alice)
    [asked] = alice.take(LookUpAccount)
    alice.do(AccountFound(asked.account, is_there=False))
    assert len(alice.post()) == 1
    alice.send(DIRECT, "two")
    assert not alice.decided(LookUpAccount)
    alice.post()
    table.advance(NOT_FOUND_AGAIN_MS / 1000)
    alice.send(DIRECT, "three")
    assert alice.decided(LookUpAccount)


def test_letters_to_all_devices_of_an_account_wait_for_one_look_up(table, alice):
    alice.do(DevicesTold(BOTH))
    alice.send(DIRECT, "hello")
    away(table, alice)
    assert len(alice.decided(LookUpAccount)) == 1
    found(alice, BOTH)
    assert {looked.device for looked in alice.decided(LookUp)} == {BOB.device, PHONE.device}


def test_a_new_key_in_the_record_has_the_bundle_looked_up_again(table, alice):
    alice.send(DIRECT, "one")
    away(table, alice)
    alice.post()
    keys = DeviceKeys(digest("another olm"), BOB.keys.mailbox)
    raw = first_device_set(BOB.account_signer, BOB.device, WALL_MS + 1, keys)
    alice.do(DevicesTold(read_device_set(raw)))
    alice.send(DIRECT, "two")
    assert [looked.device for looked in alice.decided(LookUp)] == [BOB.device]


def told(table: PostalTable, devices: DeviceSet) -> tuple[PostalSeat, PostalSeat]:
    """Bob, who knows of several devices, and Alice, whom he writes to by mail."""
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    bob.do(DevicesTold(devices))
    bob.send(DIRECT, "from me")
    away(table, bob)
    return alice, bob


def test_a_letter_tells_of_a_revocation_once(table):
    alice, bob = told(table, revoked(BOTH, PHONE.device))
    [letter] = bob.post()
    assert isinstance(letter.frames[0], Hello)
    alice.get(BOB, letter)
    assert alice.received() == ["from me"]
    assert alice.state.directory.is_revoked(BOB.account, PHONE.device)
    bob.send(DIRECT, "more")
    [letter] = bob.post()
    assert not any(isinstance(frame, Hello) for frame in letter.frames)


@pytest.mark.parametrize("is_under_way", [True, False])
def test_who_could_not_open_what_told_of_a_revocation_is_told_again(table, is_under_way):
    alice, bob = told(table, revoked(BOTH, PHONE.device))
    for _ in range(3):
        bob.find()
        bob.answer_mail()
    [unread] = bob.take(Post)
    assert isinstance(unread.frames[0], Hello)
    posted = Posted(unread.to.party, unread.serial)
    bob.do(*([] if is_under_way else [posted]))
    alice.do(refused(BOB))
    [asking] = alice.post()
    bob.get(ALICE, asking)
    bob.do(*([posted] if is_under_way else []))
    [letter] = bob.post()
    assert isinstance(letter.frames[0], Hello)


def test_who_has_one_device_tells_nothing_of_it(table):
    _, bob = told(table, BOB.devices)
    [letter] = bob.post()
    assert not any(isinstance(frame, Hello) for frame in letter.frames)


def test_a_letter_of_a_device_that_it_says_is_revoked_is_refused(table):
    alice, bob = told(table, BOTH)
    [letter] = bob.post()
    alice.do(DevicesTold(revoked(BOTH, BOB.device)))
    alice.get(BOB, letter)
    assert alice.received() == []
    assert alice.state.refused["letter of a revoked device"] == 1


def test_a_letter_says_nothing_of_the_devices_of_others(table):
    alice, bob = told(table, BOTH)
    [letter] = bob.post()
    carol = Writer("carol")
    alice.get(carol, letter)
    assert not alice.state.directory.certifies(BOB.account, PHONE.device)


def test_all_revocations_have_room_in_a_letter_and_the_ops_beside_them(table):
    gone = [DeviceId(digest(f"gone {n}")) for n in range(REVOCATIONS_MAX)]
    _, bob = told(table, revoked(BOTH, *gone))
    [letter] = bob.post()
    assert isinstance(letter.frames[0], Hello)
    assert letter.frames[0].devices.revoked == set(gone)
    assert len(letter.frames[0].devices.raw) <= NEWS_BYTES_MAX
    assert ops_of([letter]) == [0]
