"""Who is blocked gets no word in, and none from us; taking it back restores what was."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from p2pchat.errors import LocalProtocolError, PermissionDenied, UnknownContact
from p2pchat.events import ContactRequested
from p2pchat.model.blocking import NOBODY, Block, BlockKind, BlockList, Target
from p2pchat.model.change import DropBlock, PutBlock
from p2pchat.model.contact import ContactState
from p2pchat.model.message import MessageState
from p2pchat.protocol import blocking
from p2pchat.protocol.blocking import in_force_at_start
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    BlockTarget,
    ConfigureBlocks,
    Dial,
    EnforceBlocks,
    Heard,
    PeerUp,
    Persist,
    Received,
    RejectContact,
    Send,
    UnblockTarget,
)
from p2pchat.wire.frames import Hello, Ops
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Person,
    between,
    set_of,
)
from tests.unit.protocol.square import ROOM, square, tell, written
from tests.unit.protocol.table import Seat, Table

SUBNET = ip_network("203.0.113.0/24")


def block(seat: Seat, target: Target) -> Block:
    shown = seat.ask(lambda id: BlockTarget(id, target))
    assert isinstance(shown, Block)
    return shown


def unblock(seat: Seat, target: Target) -> None:
    seat.ask(lambda id: UnblockTarget(id, target))


def blocked(seat: Seat) -> list[str]:
    return [entry.target for entry in seat.chat.blocking.shown()]


def friends() -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    return table, alice, bob


DIRECT = between(ALICE, BOB)


# Who can be blocked


def test_a_block_is_on_disk_and_in_force_before_it_is_answered():
    table = Table()
    alice = table.sit(ALICE)
    effects = alice.do(BlockTarget(7, BOB.device.peer_id))
    kinds = [type(effect) for effect in effects]
    assert kinds.index(Persist) < kinds.index(EnforceBlocks)
    assert alice.store.snapshot().blocks == (PutBlock(BOB.device.peer_id, WALL_MS),)
    assert alice.blocks == BlockList(frozenset({BOB.device.peer_id}))


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (BOB.account, BlockKind.ACCOUNT),
        (BOB.device.peer_id, BlockKind.PEER),
        (SUBNET, BlockKind.SUBNET),
    ],
)
def test_what_is_blocked_is_listed_once_and_survives_a_crash(target, kind):
    alice = Table().sit(ALICE)
    shown = block(alice, target)
    assert shown == Block(str(target), kind, WALL_MS, configured=False)
    alice.table.advance(9)
    assert block(alice, target) == shown
    before = alice.blocks
    alice.crash()
    assert alice.chat.blocking.shown() == [shown]
    assert alice.blocks == before


@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_a_crash_while_somebody_is_blocked_leaves_all_of_it_or_nothing(when):
    table, alice, _ = friends()
    alice.crash_in = when
    alice.do(BlockTarget(7, BOB.account))
    is_done = when == "after commit"
    assert (blocked(alice) == [str(BOB.account)]) == is_done
    assert alice.blocks.blocks_peer(BOB.device.peer_id) == is_done
    table.settle()


@pytest.mark.parametrize("own", [ALICE.account, ALICE.device.peer_id], ids=str)
def test_nobody_blocks_itself(own):
    alice = Table().sit(ALICE)
    with pytest.raises(LocalProtocolError, match="this is you yourself"):
        block(alice, own)
    assert alice.store.snapshot().blocks == ()


@pytest.mark.parametrize("kind", ["ACCOUNTS", "PEERS", "SUBNETS"])
def test_only_so_many_can_be_blocked(kind, monkeypatch):
    monkeypatch.setattr(blocking, f"BLOCKED_{kind}_MAX", 1)
    alice = Table().sit(ALICE)
    targets = {
        "ACCOUNTS": (BOB.account, CAROL.account),
        "PEERS": (BOB.device.peer_id, CAROL.device.peer_id),
        "SUBNETS": (SUBNET, ip_network("2001:db8::/32")),
    }
    first, second = targets.pop(kind)
    for others in targets.values():
        block(alice, others[0])
    block(alice, first)
    with pytest.raises(LocalProtocolError, match="which is the most"):
        block(alice, second)
    block(alice, first)
    unblock(alice, first)
    block(alice, second)


def test_who_is_not_blocked_cannot_be_unblocked():
    with pytest.raises(LocalProtocolError, match="is not blocked; see `blocks`"):
        unblock(Table().sit(ALICE), BOB.account)


# The configuration


def test_the_configuration_blocks_beside_the_user_and_is_changed_where_it_stands():
    alice = Table().sit(ALICE)
    configured = BlockList(frozenset({BOB.device.peer_id}), frozenset({SUBNET}))
    alice.ask(lambda id: ConfigureBlocks(id, configured))
    block(alice, CAROL.device.peer_id)
    assert alice.blocks == configured | BlockList(frozenset({CAROL.device.peer_id}))
    assert {entry.target: entry.configured for entry in alice.chat.blocking.shown()} == {
        str(BOB.device.peer_id): True,
        str(CAROL.device.peer_id): False,
        str(SUBNET): True,
    }
    for target in (BOB.device.peer_id, SUBNET):
        with pytest.raises(LocalProtocolError, match="by the configuration: take it out there"):
            unblock(alice, target)
    alice.ask(lambda id: ConfigureBlocks(id, NOBODY))
    assert alice.blocks == BlockList(frozenset({CAROL.device.peer_id}))


def test_what_the_host_refuses_before_it_listens_is_what_the_chat_says_later():
    _, alice, _ = friends()
    for target in (BOB.account, CAROL.device.peer_id, SUBNET):
        block(alice, target)
    configured = BlockList.parse(subnets=["10.0.0.0/8"])
    alice.ask(lambda id: ConfigureBlocks(id, configured))
    assert in_force_at_start(alice.store.snapshot(), configured) == alice.blocks
    assert alice.blocks.peers == {BOB.device.peer_id, CAROL.device.peer_id}


# Contacts


@pytest.mark.parametrize("target", [BOB.account, BOB.device.peer_id], ids=str)
def test_nothing_is_delivered_to_who_is_blocked_and_nothing_tried(target):
    table, alice, bob = friends()
    table.part(alice, bob)
    alice.send(DIRECT, "hello")
    table.run(30)
    assert alice.chat.outbox.owed_count() == 1
    block(alice, target)
    assert alice.chat.outbox.owed_count() == 0
    assert alice.chat.outbox.owed_devices() == []
    table.heal()
    alice.effects.clear()
    table.run(3600)
    assert alice.decided(Dial) == []
    assert bob.texts(DIRECT) == []
    [delivery] = alice.store.snapshot().deliveries
    assert (delivery.attempts, delivery.next_try_ms, delivery.last_error) == (0, 0, "")


def test_blocking_a_contact_ends_what_is_on_its_way():
    table, alice, bob = friends()
    alice.send(DIRECT, "one")
    assert alice.decided(Send)
    block(alice, BOB.account)
    table.settle()
    assert bob.texts(DIRECT) == []
    assert BOB.device not in alice.state.connected
    assert alice.chat.outbox.is_flushed or alice.timers


def test_a_blocked_contact_is_shown_as_blocked_and_cannot_be_written_to():
    _, alice, _ = friends()
    block(alice, BOB.account)
    info = alice.state.contact_info(alice.state.contacts[BOB.account])
    assert info.state is ContactState.BLOCKED
    for command in (
        lambda id: AcceptContact(id, BOB.account, ALICE.pair_half),
        lambda id: AddContact(id, BOB.link, ALICE.pair_half),
    ):
        with pytest.raises(PermissionDenied, match="is blocked; unblock it first"):
            alice.ask(command)
    with pytest.raises(PermissionDenied, match="is blocked; unblock it first"):
        alice.send(DIRECT, "hello")
    with pytest.raises(UnknownContact):
        alice.ask(lambda id: RejectContact(id, BOB.account))


def test_unblocking_a_contact_restores_it_and_what_both_owe_arrives():
    table, alice, bob = friends()
    block(alice, BOB.account)
    table.settle()
    bob.send(DIRECT, "while blocked")
    table.run(600)
    assert alice.texts(DIRECT) == []
    unblock(alice, BOB.account)
    table.run(120)
    assert alice.state.contact_state(BOB.account) is ContactState.ACCEPTED
    assert alice.texts(DIRECT) == ["while blocked"]
    sent = alice.send(DIRECT, "welcome back")
    table.run(5)
    assert bob.texts(DIRECT) == ["while blocked", "welcome back"]
    assert alice.state_of(sent.id) is MessageState.DELIVERED


def test_who_is_unblocked_is_looked_for():
    _, alice, _ = friends()
    block(alice, BOB.account)
    alice.effects.clear()
    unblock(alice, BOB.account)
    assert BOB.device in {dial.peer for dial in alice.decided(Dial)}
    assert alice.decided(Persist)[0].change == DropBlock(BOB.account)


def test_a_peer_blocked_twice_over_stays_blocked_until_both_are_taken_back():
    _, alice, _ = friends()
    block(alice, BOB.account)
    block(alice, BOB.device.peer_id)
    unblock(alice, BOB.account)
    assert alice.blocks.blocks_peer(BOB.device.peer_id)
    unblock(alice, BOB.device.peer_id)
    assert alice.blocks == NOBODY


def test_a_request_that_was_not_answered_is_not_shown_while_its_sender_is_blocked():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    bob.ask(lambda id: AddContact(id, ALICE.link, BOB.pair_half))
    table.settle()
    assert len(alice.told(ContactRequested)) == 1
    block(alice, BOB.account)
    assert alice.state.contact_state(BOB.account) is ContactState.BLOCKED
    unblock(alice, BOB.account)
    assert alice.state.contact_state(BOB.account) is ContactState.REQUEST


def test_a_stranger_who_is_blocked_cannot_ask():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    block(alice, BOB.account)
    bob.ask(lambda id: AddContact(id, ALICE.link, BOB.pair_half))
    table.run(600)
    assert alice.state.contacts == {}
    assert alice.told(ContactRequested) == []
    unblock(alice, BOB.account)
    table.run(600)
    assert alice.state.contact_state(BOB.account) is ContactState.REQUEST


# What is under way


def test_frames_that_came_before_the_connection_was_cut_are_not_taken():
    _, alice, bob = friends()
    bob.send(DIRECT, "too late")
    block(alice, BOB.device.peer_id)
    ops = Ops(tuple(bob.chain(DIRECT, BOB)))
    before = list(alice.effects)
    alice.do(Received(BOB.device, Hello(BOB.devices)), Received(BOB.device, ops))
    assert alice.effects == before
    assert alice.texts(DIRECT) == []
    assert alice.state.refused["frame of a blocked peer"] == 2


def test_the_devices_of_an_account_are_blocked_when_they_say_whose_they_are():
    alice = Table().sit(ALICE)
    block(alice, BOB.account)
    assert alice.blocks == NOBODY
    phone = Person("bob's phone")
    both = set_of(BOB, BOB.device, phone.device)
    alice.do(PeerUp(phone.device), Received(phone.device, Hello(both)))
    assert alice.blocks.peers == {phone.device.peer_id}, "nobody but the account named the other"
    alice.crash()
    assert alice.blocks.peers == {phone.device.peer_id}


def test_the_devices_of_a_stranger_who_is_here_are_blocked_and_kept():
    alice = Table().sit(ALICE)
    alice.do(PeerUp(BOB.device), Received(BOB.device, Hello(BOB.devices)))
    block(alice, BOB.account)
    assert alice.blocks.peers == {BOB.device.peer_id}
    alice.crash()
    assert alice.blocks.peers == {BOB.device.peer_id}


def test_a_hello_in_the_name_of_another_device_blocks_nobody():
    alice = Table().sit(ALICE)
    block(alice, BOB.account)
    alice.do(PeerUp(MALLORY.device), Received(MALLORY.device, Hello(BOB.devices)))
    assert alice.blocks == NOBODY


# Rooms


@pytest.mark.parametrize("target", [CAROL.account, CAROL.device.peer_id], ids=str)
def test_what_a_blocked_author_writes_in_a_room_is_not_stored_and_comes_after_unblocking(target):
    table, alice, bob = square()
    ops = written(4)
    tell(alice, *ops[:2])
    tell(bob, *ops)
    block(alice, target)
    alice.do(Heard(ROOM, BOB.device, Ops(tuple(ops[2:]), (CAROL.devices,))))
    table.run(300)
    assert len(alice.chain(ROOM, CAROL)) == 2
    assert alice.state.refused["blocked author"] >= 2
    unblock(alice, target)
    table.run(120)
    assert len(alice.chain(ROOM, CAROL)) == 4


def test_a_blocked_author_costs_no_pulls():
    table, alice, bob = square()
    tell(bob, *written(3))
    tell(alice, *written(1))
    block(alice, CAROL.account)
    before = alice.state.refused["blocked author"]
    table.run(300)
    assert alice.state.refused["blocked author"] == before


def test_what_a_blocked_peer_forwards_is_not_taken():
    _, alice, _ = square()
    block(alice, MALLORY.device.peer_id)
    [op] = written(1)
    alice.do(Heard(ROOM, MALLORY.device, Ops((op,), (CAROL.devices,))))
    assert alice.chain(ROOM, CAROL) == []
    tell(alice, op)
    assert len(alice.chain(ROOM, CAROL)) == 1


def test_others_in_the_room_are_heard_as_before():
    table, alice, bob = square()
    block(alice, CAROL.account)
    bob.send(ROOM, "still here")
    table.run(5)
    assert "still here" in alice.texts(ROOM)
