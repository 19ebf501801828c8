"""Who certifies the device of another gets none of its mail, and says nothing in its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.model.ids import Party
from p2pchat.protocol.machine import BlockTarget, DevicesTold, PeerDown, PeerUp, Received
from p2pchat.protocol.mail_vocabulary import BeginAnew, Post
from p2pchat.wire.contents import Request
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.devices import DeviceSet, first_device_set, read_device_set
from p2pchat.wire.frames import Hello, Ops
from tests.unit.protocol.people import WALL_MS, Author, between
from tests.unit.protocol.postal import (
    ALICE,
    BOB,
    DIRECT,
    PostalSeat,
    PostalTable,
    Writer,
    away,
    ops_of,
)


def mallory() -> Writer:
    """Somebody who comes before Bob wherever accounts are in order."""
    return next(w for n in range(100) if (w := Writer(f"mallory {n}")).account < BOB.account)


MALLORY = mallory()
AS_BOBS_DEVICE = Party(MALLORY.account, BOB.device)


def claimed() -> DeviceSet:
    """Mallory's device, and Bob's with Mallory's keys for mail."""
    whole = DeviceSetPb()
    for device in (MALLORY.device, BOB.device):
        raw = first_device_set(MALLORY.account_signer, device, WALL_MS, MALLORY.keys)
        whole.certificates.extend(DeviceSetPb.FromString(raw).certificates)
    return read_device_set(whole.SerializeToString())


def ask(alice: PostalSeat) -> None:
    """Mallory sends a request, with a set that names Bob's device."""
    author = Author(MALLORY, between(ALICE, MALLORY))
    author.write(Request("Mallory", "", ALICE.intro, MALLORY.pair_half))
    frames = (Hello(claimed()), Ops(tuple(author.ops)))
    alice.do(PeerUp(MALLORY.device), *(Received(MALLORY.device, frame) for frame in frames))
    alice.do(PeerDown(MALLORY.device, "gone"))


@pytest.fixture(params=["hello", "record"])
def alice(request) -> PostalSeat:
    """Has Bob as a contact, who is away, and a request of Mallory's."""
    table = PostalTable()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    ask(alice)
    table.befriend(alice, bob)
    if request.param == "record":
        alice.do(DevicesTold(claimed()))
    table.part(alice, bob)
    return alice


def test_a_hello_shows_the_certificate_of_its_own_device_alone():
    alice = PostalTable().sit(ALICE)
    ask(alice)
    assert alice.state.directory.devices(MALLORY.account) == {MALLORY.device}


@pytest.mark.parametrize("crashes", [False, True])
def test_a_contacts_mail_goes_to_the_contact(alice, crashes):
    if crashes:
        alice.crash()
        while alice.loads:
            alice.answer_load()
    alice.send(DIRECT, "hello")
    away(alice.table, alice)
    [letter] = alice.post()
    assert (letter.to, letter.mailbox) == (BOB.correspondent, BOB.keys.mailbox)
    assert letter.key.secret == BOB.pair_half
    assert ops_of([letter]) == [0]


def test_a_block_of_who_certified_it_does_not_silence_a_contacts_device(alice):
    bob = alice.table.seats[BOB.device]
    bob.send(DIRECT, "hello")
    away(alice.table, bob)
    [letter] = bob.post()
    alice.ask(lambda id: BlockTarget(id, MALLORY.account))
    assert BOB.device.peer_id not in alice.blocks.peers
    alice.get(BOB, letter)
    assert alice.received() == ["hello"]


def test_a_block_of_who_certified_it_does_not_cut_a_contacts_device_off(alice):
    table, bob = alice.table, alice.table.seats[BOB.device]
    table.heal()
    table.connect(alice, bob)
    table.settle()
    alice.ask(lambda id: BlockTarget(id, MALLORY.account))
    alice.crash()
    table.connect(alice, bob)
    table.settle()
    bob.send(DIRECT, "hello")
    table.settle()
    assert alice.received() == ["hello"]
    alice.do(PeerUp(MALLORY.device), Received(MALLORY.device, Hello(claimed())))
    assert MALLORY.device.peer_id in alice.blocks.peers
    assert BOB.device.peer_id not in alice.blocks.peers


def test_nobody_asks_to_begin_anew_in_the_name_of_a_contacts_device(alice):
    alice.send(DIRECT, "hello")
    away(alice.table, alice)
    [letter] = alice.post()
    asking = replace(letter, frames=(), asks_again=True)
    liar = Writer("mallory")
    liar.account, liar.device, liar.devices = MALLORY.account, BOB.device, claimed()
    alice.get(liar, asking, 2)
    assert not alice.decided(BeginAnew)
    assert alice.take(Post) == []
    alice.get(BOB, asking, 3)
    assert ops_of(alice.post()) == [0]


def test_a_letter_shows_a_certificate_only_with_a_signature_of_the_device():
    alice = PostalTable().sit(ALICE)
    ask(alice)
    liar = Writer("mallory")
    liar.account, liar.device, liar.devices = MALLORY.account, BOB.device, claimed()
    author = Author(MALLORY, between(ALICE, MALLORY))
    author.write(Request("Mallory", "", ALICE.intro, MALLORY.pair_half))
    author.write("hello")
    alice.hear_letter(liar, Ops(tuple(author.ops)))
    assert alice.state.directory.devices(MALLORY.account) == {MALLORY.device}
