"""Devices of an account: several, some of them revoked."""

from __future__ import annotations

import pytest

from p2pchat.errors import PermissionDenied
from p2pchat.events import DeviceAdded, DeviceRevoked, MessageReceived, SecurityAlert
from p2pchat.model.change import PutDeviceSet
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.machine import (
    DevicesTold,
    Dial,
    Drop,
    PeerUp,
    Persist,
    Received,
    ReviseDevices,
    Send,
    SendText,
)
from p2pchat.protocol.own_devices import RETIRED
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.devices import (
    REVOCATIONS_MAX,
    DeviceSet,
    claimed_set,
    merged,
    new_revocation,
    read_device_set,
)
from p2pchat.wire.frames import Hello, Ops, SyncPull
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Author,
    Person,
    between,
    digest,
    set_of,
)
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)
TABLET = Person("tablet")
"""A second device of Alice: its account is hers."""
TABLET.account_signer, TABLET.account = ALICE.account_signer, ALICE.account
TABLET.devices = set_of(ALICE, ALICE.device, TABLET.device)


def revoked(*devices: DeviceId, account: Person = ALICE) -> DeviceSet:
    known = account.devices
    for device in devices:
        raw = new_revocation(account.account_signer, device, WALL_MS)
        known = merged(known, read_device_set(raw))
    return known


def befriended() -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    bob.effects.clear()
    alice.effects.clear()
    return table, alice, bob


def with_tablet() -> tuple[Seat, Author]:
    """Bob, whose contact Alice has a tablet that wrote something."""
    _, _, bob = befriended()
    author = Author(TABLET, DIRECT)
    bob.do(PeerUp(TABLET.device))
    bob.hear(TABLET, Ops((author.write("from the tablet"),)))
    assert bob.received()[-1:] == ["from the tablet"]
    return bob, author


def test_a_contacts_new_device_is_accepted_and_shown():
    bob, _ = with_tablet()
    assert bob.told(DeviceAdded) == [DeviceAdded(ALICE.account, TABLET.device.peer_id)]


def test_what_a_revoked_device_wrote_stays_and_nothing_new_of_it_is_taken():
    bob, author = with_tablet()
    bob.hear(ALICE, Ops((), (claimed_set(revoked(TABLET.device).raw),)))
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    assert bob.told(DeviceRevoked) == [DeviceRevoked(ALICE.account, TABLET.device.peer_id)]
    bob.hear(ALICE, Ops((*author.ops, author.write("after the theft"))))
    assert bob.texts(DIRECT) == ["from the tablet"]
    assert bob.state.refused["op of a revoked device"] == 1


def test_a_revoked_device_is_greeted_no_more_by_whatever_set_it_shows():
    bob, author = with_tablet()
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    bob.hear(TABLET, Ops((author.write("it is still me"),)))
    assert bob.state.refused["hello of a revoked device"] == 1
    assert bob.state.refused["not allowed"] == 1
    assert bob.texts(DIRECT) == ["from the tablet"]


def test_a_revocation_outlives_a_restart():
    bob, author = with_tablet()
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    bob.crash()
    bob.do(PeerUp(TABLET.device))
    bob.hear(TABLET, Ops((author.write("it is still me"),)))
    assert bob.texts(DIRECT) == ["from the tablet"]


def test_a_revoked_device_gets_nothing_more():
    bob, _ = with_tablet()
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    bob.effects.clear()
    bob.send(DIRECT, "for the phone alone")
    assert {send.peer for send in bob.decided(Send)} == {ALICE.device}


def test_a_revocation_comes_with_ops_too_and_is_verified():
    bob, author = with_tablet()
    phone = Author(ALICE, DIRECT)
    claim = claimed_set(revoked(TABLET.device).raw)
    bob.hear(ALICE, Ops((phone.write("my tablet is gone"),), (claim,)))
    assert bob.told(DeviceRevoked)
    bob.hear(ALICE, Ops((author.write("after the theft"),)))
    assert bob.texts(DIRECT) == ["from the tablet", "my tablet is gone"]


def test_a_forged_revocation_is_the_fault_of_who_brings_it():
    bob, author = with_tablet()
    raw = new_revocation(MALLORY.account_signer, TABLET.device, WALL_MS)
    forged = DeviceSetPb.FromString(raw)
    genuine = DeviceSetPb.FromString(revoked(TABLET.device).raw)
    forged.revocations[0].body = genuine.revocations[0].body
    claim = claimed_set(forged.SerializeToString())
    bob.hear(ALICE, Ops((author.write("hello"),), (claim,)))
    assert bob.decided(Drop)
    assert not bob.told(DeviceRevoked)
    assert TABLET.device in bob.state.directory.sets[ALICE.account].devices


def test_what_waits_for_a_predecessor_when_its_device_is_revoked_is_refused():
    bob, author = with_tablet()
    gap, late = author.write("gap"), author.write("late")
    bob.hear(ALICE, Ops((late,)))
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    bob.hear(ALICE, Ops((gap,)))
    assert bob.texts(DIRECT) == ["from the tablet"]


def test_a_request_of_a_revoked_device_is_refused_with_the_set_that_revokes_it():
    """Its own set need not say so: what is known counts."""
    bob, _ = with_tablet()
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    assert not bob.state.directory.certifies(ALICE.account, TABLET.device)
    bob.state.directory.greet(TABLET.device, TABLET.devices)
    assert not bob.state.directory.certifies(ALICE.account, TABLET.device)


def test_what_a_revoked_device_wrote_elsewhere_is_not_asked_for_again_and_again():
    table, alice, bob = befriended()
    bob.do(Received(ALICE.device, Hello(TABLET.devices)))
    alice.do(DevicesTold(TABLET.devices), PeerUp(TABLET.device))
    alice.hear(TABLET, Ops((Author(TABLET, DIRECT).write("Bob never had this"),)))
    bob.do(Received(ALICE.device, Hello(revoked(TABLET.device))))
    bob.effects.clear()
    table.run(120)
    asked = [send.frame for send in bob.decided(Send) if isinstance(send.frame, SyncPull)]
    assert asked == []
    assert bob.texts(DIRECT) == []


def test_a_closed_account_is_told_and_nobody_acts_for_it():
    _, _, bob = befriended()
    gone = [DeviceId(digest(f"gone {number}")) for number in range(REVOCATIONS_MAX + 1)]
    bob.do(Received(ALICE.device, Hello(ALICE.devices)))
    bob.do(DevicesTold(revoked(*gone)))
    [alert] = bob.told(SecurityAlert)
    assert alert.account == ALICE.account
    author = Author(ALICE, DIRECT)
    bob.hear(ALICE, Ops((author.write("I am still here"),)))
    assert bob.texts(DIRECT) == []


def test_our_own_revocation_is_stored_and_told_to_those_who_are_connected():
    _, alice, bob = befriended()
    alice.do(DevicesTold(TABLET.devices))
    assert alice.told(DeviceAdded) == [DeviceAdded(ALICE.account, TABLET.device.peer_id)]
    alice.effects.clear()
    alice.ask(lambda id: ReviseDevices(id, revoked(TABLET.device)))
    own = alice.state.own_devices
    assert own.revoked == {TABLET.device}
    assert alice.decided(Persist)[0].change == PutDeviceSet(ALICE.account, own.raw)
    assert [(send.peer, send.frame) for send in alice.decided(Send)] == [(BOB.device, Hello(own))]
    alice.table.settle()
    assert bob.state.directory.sets[ALICE.account].revoked == {TABLET.device}
    alice.crash()
    assert alice.state.own_devices == own


def test_devices_of_one_account_look_for_each_other_and_greet():
    table = Table()
    alice = table.sit(ALICE)
    alice.do(DevicesTold(TABLET.devices))
    alice.effects.clear()
    alice.crash()
    assert [dial.peer for dial in alice.decided(Dial)] == [TABLET.device]
    alice.do(PeerUp(TABLET.device))
    [send] = alice.decided(Send)
    assert (send.peer, send.frame) == (TABLET.device, Hello(alice.state.own_devices))
    assert alice.state.own_devices.devices == TABLET.devices.devices


def test_a_hello_of_our_own_device_teaches_us_its_set():
    table = Table()
    alice = table.sit(ALICE)
    alice.do(PeerUp(TABLET.device))
    alice.do(Received(TABLET.device, Hello(TABLET.devices)))
    assert alice.state.own_devices.devices == {ALICE.device, TABLET.device}
    own = alice.state.own_devices
    assert alice.store.snapshot().device_sets == (PutDeviceSet(ALICE.account, own.raw),)


def test_a_device_that_was_revoked_says_so_and_writes_nothing_more():
    _, alice, _ = befriended()
    alice.do(DevicesTold(revoked(ALICE.device)))
    assert alice.told(DeviceRevoked) == [DeviceRevoked(ALICE.account, ALICE.device.peer_id)]
    with pytest.raises(PermissionDenied, match=RETIRED):
        alice.ask(lambda id: SendText(id, DIRECT, "hello?"))
    with pytest.raises(PermissionDenied, match=RETIRED):
        alice.ask(lambda id: ReviseDevices(id, revoked(TABLET.device)))


def test_a_record_of_a_contact_is_merged_and_one_of_a_stranger_is_not():
    _, _, bob = befriended()
    bob.do(DevicesTold(TABLET.devices))
    bob.do(DevicesTold(CAROL.devices))
    sets = bob.state.directory.sets
    assert sets[ALICE.account].devices == TABLET.devices.devices
    assert CAROL.account not in sets
    assert bob.state.contact_state(ALICE.account) is ContactState.ACCEPTED
    owed = bob.chat.outbox.recipients.watching(DIRECT)
    assert {recipient.device for recipient in owed} == TABLET.devices.devices


def test_messages_of_the_other_devices_are_not_ours_to_show_as_new():
    """Only others' messages are events; what our tablet wrote is history."""
    _, alice, _ = befriended()
    alice.do(PeerUp(TABLET.device))
    alice.hear(TABLET, Ops((Author(TABLET, DIRECT).write("from the tablet"),)))
    assert alice.texts(DIRECT) == ["from the tablet"]
    assert not alice.told(MessageReceived)
