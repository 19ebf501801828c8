"""Chains that begin late, because rooms forget; and never only because a peer says so."""

from __future__ import annotations

from dataclasses import replace

from p2pchat.config.limits import Limits
from p2pchat.model.change import SetFloor
from p2pchat.model.ids import DeviceId
from p2pchat.model.op import Chain, Op, Position
from p2pchat.protocol.log import Floor
from p2pchat.protocol.machine import Persist, Received, Send
from p2pchat.wire.frames import SyncFrontier
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, digest, op_id
from tests.unit.protocol.square import (
    KEY,
    ROOM,
    contradictions,
    digests,
    ids,
    meet,
    square,
    tell,
    written,
)
from tests.unit.protocol.table import Seat, Table


def prune(seat: Seat, ops: list[Op], seq: int) -> None:
    """Forget Carol's ops below `seq`, as a rule of the room demands."""
    change = SetFloor(ROOM, *KEY, seq, ops[seq - 1].id)
    seat.state.conversations[ROOM].log.set_floor(KEY, Floor(seq, ops[seq - 1].id))
    seat.store.commit([change])


def test_a_newcomer_begins_where_the_others_do():
    table, alice, bob = square()
    ops = written(20)
    tell(alice, *ops)
    prune(alice, ops, 15)
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[15:]}
    assert Persist(SetFloor(ROOM, *KEY, 15, ops[14].id)) in bob.effects
    assert len(digests(alice, bob)) == 1
    bob.crash()
    table.connect(alice, bob)
    more = Author(CAROL, ROOM)
    more.ops = ops
    tell(bob, more.write("and on"))
    assert len(ids(bob)) == 6


def test_what_came_live_before_the_past_is_put_in_its_place():
    table, alice, bob = square()
    ops = written(20)
    tell(alice, *ops)
    prune(alice, ops, 15)
    tell(bob, *ops[15:])
    assert ids(bob) == set()
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[15:]}


def test_who_was_away_longer_than_history_is_kept_goes_on_where_it_begins():
    table, alice, bob = square()
    ops = written(30)
    tell(alice, *ops)
    tell(bob, *ops[:10])
    prune(alice, ops, 20)
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[:10]}  # nothing of ours goes because a peer says so

    prune(bob, ops, 10)
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[20:]}
    assert len(digests(alice, bob)) == 1
    bob.crash()
    assert len(digests(alice, bob)) == 1


def test_a_false_claim_keeps_nobody_from_being_heard():
    """A floor above all of Carol's ops, told by a liar, must not hide her."""
    table, alice, _bob = square()
    lie = Position(*KEY, 1 << 40, op_id("nowhere"))
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (replace(lie, seq=1 << 41),), (lie,))))
    table.wires.clear()
    assert not [e for e in alice.decided(Persist) if isinstance(e.change, SetFloor)]
    ops = written(5)
    tell(alice, *ops)
    assert ids(alice) == {op.id for op in ops}
    alice.crash()
    assert alice.state.conversations[ROOM].log.floors == {}


def test_claims_about_ourselves_and_about_direct_conversations_are_ignored():
    table, alice, bob = square()
    direct = table.befriend(alice, bob)
    for conversation in (ROOM, direct):
        own = Position(ALICE.device, Chain.TALK, 50, op_id("below"))
        other = Position(CAROL.device, Chain.CONTROL, 50, op_id("below"))
        sync = alice.chat.sync
        alice._carry(sync.begin(alice.state.conversations[conversation], BOB.device, table.now))
        alice.do(Received(BOB.device, SyncFrontier(conversation, (), (own, other))))
        assert alice.state.conversations[conversation].log.claims == {}


class Counted(dict):
    """Heads that count how often somebody goes through them."""

    walks = 0

    def __iter__(self):
        self.walks += 1
        return super().__iter__()


def test_a_frontier_costs_no_walk_through_the_room_for_each_floor():
    table, alice, _bob = square()
    log = alice.state.conversations[ROOM].log
    alice._carry(alice.chat.sync.begin(alice.state.conversations[ROOM], BOB.device, table.now))
    floors = [Position(DeviceId(digest(str(n))), Chain.TALK, 9, op_id("below")) for n in range(500)]
    log.tips = Counted(log.tips)
    alice.do(Received(BOB.device, SyncFrontier(ROOM, (), tuple(floors))))
    assert len(log.claims) == len(floors)
    assert log.tips.walks < 10


def test_who_was_away_while_an_author_wrote_more_than_is_kept_hears_it_again():
    table = Table()
    limits = Limits(open_room_device_ops_max=10)
    alice, bob = table.sit(ALICE, limits), table.sit(BOB, limits)
    for seat in (alice, bob):
        seat.join("square")
    ops = written(200)
    tell(alice, *ops)
    tell(bob, *ops[:5])
    assert alice.state.conversations[ROOM].log.begins_at(KEY) > 50
    table.connect(alice, bob)
    table.run(120)
    log = bob.state.conversations[ROOM].log
    assert ops[-1].id in ids(bob) <= ids(alice)
    assert log.waiting_count == 0
    assert len(digests(alice, bob)) == 1
    more = author_of(ops).write("and on")
    tell(bob, more)
    bob.crash()
    assert more.id in ids(bob)
    assert bob.state.conversations[ROOM].log.begins_at(KEY) == log.begins_at(KEY)


def test_a_claim_is_void_when_the_chain_went_on_in_the_meantime():
    table, _alice, bob = square()
    ops = written(1_100)
    tell(bob, *ops[:10])
    sync = bob.chat.sync
    bob._carry(sync.begin(bob.state.conversations[ROOM], ALICE.device, table.now))
    claim = Position(*KEY, 1_050, ops[1_049].id)
    head = ops[-1].position
    bob.do(Received(ALICE.device, SyncFrontier(ROOM, (head,), (claim,))))
    assert KEY in bob.state.conversations[ROOM].log.claims
    tell(bob, ops[10])
    tell(bob, ops[1_050])
    assert ids(bob) == {op.id for op in ops[:11]}


def test_a_floor_lower_than_what_was_pruned_here_does_not_bring_it_back():
    table, alice, bob = square()
    ops = written(30)
    tell(alice, *ops)
    tell(bob, *ops)
    prune(alice, ops, 10)
    prune(bob, ops, 25)
    tell(alice, *[author_of(ops).write("new")])
    meet(table, alice, bob)
    assert len(ids(bob)) == 6
    assert len(ids(alice)) == 21


def author_of(ops: list[Op]) -> Author:
    author = Author(CAROL, ROOM)
    author.ops, author.hlc = list(ops), ops[-1].header.hlc
    return author


def test_an_author_who_has_come_further_than_is_kept_is_followed_over_a_small_gap():
    """What is missing is little, but so much follows it that everything here would be cut."""
    table = Table()
    limits = Limits(open_room_device_ops_max=20)
    alice, bob = table.sit(ALICE, limits), table.sit(BOB, limits)
    for seat in (alice, bob):
        seat.join("square")
    ops = written(100)
    tell(bob, *ops[:40])
    tell(alice, *ops)
    prune(alice, ops, 45)
    table.connect(alice, bob)
    table.run(120)
    assert ops[-1].id in ids(bob)
    assert ops[39].id not in ids(bob)
    assert bob.state.conversations[ROOM].log.waiting_count == 0


def test_an_author_who_has_not_come_so_far_is_waited_for():
    table, alice, bob = square()
    ops = written(100)
    tell(bob, *ops[:40])
    tell(alice, *ops)
    prune(alice, ops, 45)
    meet(table, alice, bob)
    assert ids(bob) == {op.id for op in ops[:40]}
    tell(bob, *ops[40:45])
    assert ids(bob) == {op.id for op in ops}


def test_nobody_is_blamed_for_serving_a_chain_whose_beginning_it_never_saw():
    """Alice saw where Mallory's chain begins, Bob a later op that contradicts it."""
    table, alice, bob = square()
    table.disconnect(alice, bob)
    contradictions(alice, bob, MALLORY)
    assert [op.header.seq for op in bob.chain(ROOM, MALLORY)] == [10]
    carol = written(3)
    tell(bob, *carol)

    table.connect(alice, bob)
    table.run(120)
    assert alice.drops == bob.drops == []
    assert [op.header.seq for op in alice.chain(ROOM, MALLORY)] == [0, 1]
    assert alice.state.refused["MalformedMessage"] > 0
    assert ids(alice) == {op.id for op in carol}


def test_an_op_below_a_floor_is_not_receipted():
    table, alice, _bob = square()
    ops = written(5)
    tell(alice, *ops)
    prune(alice, ops, 3)
    alice.state.connected.add(CAROL.device)
    table.run(5)
    alice.crash()
    alice.state.connected.add(CAROL.device)
    alice.effects.clear()
    tell(alice, ops[0])
    table.run(5)
    assert not [e for e in alice.decided(Send) if e.peer == CAROL.device]
