"""Who acts for whom, and what is remembered of strangers."""

from __future__ import annotations

import pytest

from p2pchat.model.change import PutDeviceSet
from p2pchat.model.ids import DeviceId
from p2pchat.model.op import Chain
from p2pchat.protocol import state as state_module
from p2pchat.protocol.machine import PeerDown, PeerUp, Persist, Received
from p2pchat.protocol.state import OWN_RECENT_MAX, Directory
from p2pchat.wire.frames import Hello, Ops
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    Author,
    between,
    digest,
    person,
    set_of,
)
from tests.unit.protocol.table import Table

SECOND = DeviceId(person("second").device)


def test_a_strangers_certificate_takes_no_device_away():
    claim = set_of(MALLORY, MALLORY.device, BOB.device)
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    alice.hear(MALLORY, Hello(claim), Ops((), (claim,)))
    alice.do(Received(BOB.device, Hello(claim)))

    direct = table.befriend(alice, bob)
    bob.send(direct, "still me")
    table.settle()

    assert alice.texts(direct) == ["still me"]
    assert alice.state.may_read(alice.state.conversations[direct], BOB.device)


def test_strangers_cost_no_disk_and_are_forgotten_when_they_leave():
    table = Table()
    alice = table.sit(ALICE)
    for number in range(50):
        stranger = person(f"stranger {number}")
        alice.do(PeerUp(stranger.device))
        alice.hear(stranger, Ops((), (person("claimed").devices,)))
        alice.do(PeerDown(stranger.device, "left"))
    assert alice.decided(Persist) == []
    assert list(alice.state.directory.sets) == [ALICE.account]
    assert alice.state.directory.accounts == {}


def test_more_greetings_than_connections_are_not_kept():
    directory = Directory(ALICE.devices)
    for number in range(state_module.GREETINGS_MAX + 10):
        directory.greet(DeviceId(digest(f"device {number}")), BOB.devices)
    assert len(directory.accounts) == state_module.GREETINGS_MAX
    assert DeviceId(digest("device 0")) not in directory.accounts


def test_a_device_that_says_hello_again_is_not_the_oldest_any_more():
    directory = Directory(ALICE.devices)
    directory.greet(BOB.device, BOB.devices)
    directory.greet(CAROL.device, CAROL.devices)
    directory.greet(BOB.device, BOB.devices)
    assert list(directory.accounts) == [CAROL.device, BOB.device]


def test_sets_only_grow():
    directory = Directory(ALICE.devices)
    assert directory.keep(set_of(BOB, BOB.device))
    assert not directory.keep(set_of(BOB, BOB.device))
    assert directory.keep(set_of(BOB, SECOND, CAROL.device))
    assert not directory.keep(set_of(BOB, BOB.device, SECOND))
    assert directory.certifies(BOB.account, BOB.device)
    assert directory.certifies(BOB.account, CAROL.device)
    assert directory.certifies(BOB.account, SECOND)
    assert not directory.certifies(CAROL.account, SECOND)
    assert not directory.certifies(None, SECOND)


def test_a_contacts_second_device_is_kept_watched_and_caught_up():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    grown = set_of(BOB, BOB.device, SECOND)
    alice.effects.clear()

    alice.do(PeerUp(SECOND), Received(SECOND, Hello(grown)))

    assert Persist(PutDeviceSet(BOB.account, grown.raw)) in alice.effects
    assert direct in alice.chat.outbox.recipients.by_device[SECOND].deliveries


def test_two_sets_of_a_contact_are_both_on_disk():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    alice.do(PeerUp(SECOND), Received(SECOND, Hello(set_of(BOB, SECOND))))
    alice.crash()
    assert alice.state.directory.certifies(BOB.account, BOB.device)
    assert alice.state.directory.certifies(BOB.account, SECOND)


def test_strangers_in_rooms_cannot_push_contacts_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p2pchat.protocol.intake.ACCOUNTS_MAX", 5)
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    room = alice.join("square")
    for number in range(10):
        stranger = person(f"stranger {number}")
        alice.hear(stranger, Ops((Author(stranger, room).write(),)))
    assert len(alice.state.directory.sets) == 5
    assert alice.state.refused["too many accounts"] == 6

    bob.join("square")
    direct = table.befriend(bob, alice)
    bob.send(direct, "hello")
    table.settle()

    assert alice.texts(direct) == ["hello"]
    assert between(ALICE, BOB) == direct


def test_a_contacts_device_is_one_that_an_accepted_contact_is_known_to_have():
    table = Table()
    alice, bob, mallory = table.sit(ALICE), table.sit(BOB), table.sit(MALLORY)
    table.befriend(alice, bob)
    alice.do(Received(MALLORY.device, Hello(MALLORY.devices)))
    state = alice.chat.state
    assert state.is_contacts(BOB.device)
    assert not state.is_contacts(ALICE.device)
    assert not state.is_contacts(mallory.person.device)
    assert not state.is_contacts(CAROL.device)


def test_so_many_of_our_own_ops_are_in_memory_and_older_ones_on_disk():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    conversation = alice.state.conversations[direct]
    author = Author(ALICE, direct)
    for _ in range(OWN_RECENT_MAX + 1):
        conversation.remember_own(author.write())
    recent = conversation.own_recent(Chain.TALK, 1, OWN_RECENT_MAX + 1)
    assert recent is not None
    assert len(recent) == OWN_RECENT_MAX
    assert conversation.own_recent(Chain.TALK, 0, OWN_RECENT_MAX + 1) is None
