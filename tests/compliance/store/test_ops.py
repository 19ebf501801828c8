"""Reading a chain: where it starts, where it is cut, and that the bytes are those that came."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.model.change import DropConversation, PutConversation, PutName, SetFloor
from p2pchat.model.ids import OpId
from p2pchat.model.op import STOPS_MAX, Chain
from p2pchat.model.query import LatestQuery, NamedQuery, OpsQuery, StoredOp
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import DropSpan, PutRoom, PutSpan
from p2pchat.store.port import Store
from p2pchat.wire.control import encode_control
from tests.compliance.store.values import ALICE, BOB, CAROL, OTHER_ROOM, ROOM, Writer, digest
from tests.vectors import golden

ALL = OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 1_000, 1 << 30)


def test_ops_are_the_bytes_that_were_verified(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op("text"), writer.op(None), writer.op("")])
    assert store.ops(ALL) == [
        StoredOp(op.id, seq, op.header_bytes, op.signature, op.content)
        for seq, op in enumerate(writer.ops)
    ]
    assert [op.content for op in store.ops(ALL)] == [b"text", None, b""]


def test_one_op_is_found_by_its_id_wherever_it_stands(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op("text"), writer.op(None)])
    assert [store.op(op.id) for op in writer.ops] == store.ops(ALL)
    assert store.op(Writer(person=BOB).op().op.id) is None


def test_ops_of_other_chains_are_not_told(store: Store) -> None:
    store.commit([Writer().op()])
    for query in (
        replace(ALL, conversation=OTHER_ROOM),
        replace(ALL, device=BOB.device),
        replace(ALL, chain=Chain.CONTROL),
    ):
        assert store.ops(query) == []


def test_ops_begin_at_a_seq_and_end_at_a_limit(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op() for _ in range(10)])
    assert [op.seq for op in store.ops(replace(ALL, from_seq=4))] == [4, 5, 6, 7, 8, 9]
    assert [op.seq for op in store.ops(replace(ALL, from_seq=4, limit=2))] == [4, 5]
    assert store.ops(replace(ALL, from_seq=10)) == []
    assert store.ops(replace(ALL, limit=0)) == []


def test_ops_end_before_the_bytes_are_too_many_but_never_before_the_first(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op("x" * 100) for _ in range(4)])
    size_bytes = store.ops(ALL)[1].size_bytes
    two = store.ops(replace(ALL, from_seq=1, bytes_max=2 * size_bytes))
    assert [op.seq for op in two] == [1, 2]
    assert len(store.ops(replace(ALL, from_seq=1, bytes_max=2 * size_bytes - 1))) == 1
    assert len(store.ops(replace(ALL, from_seq=1, bytes_max=0))) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_branches_of_a_fork_come_in_order_of_seq_then_id(
    store: Store, order: tuple[int, ...]
) -> None:
    trunk = Writer()
    first = trunk.op("trunk")
    branches = [trunk.fork(1).op(f"branch {n}") for n in range(3)]
    store.commit([first, *(branches[n] for n in order)])
    expected = [first.op.id, *sorted(branch.op.id for branch in branches)]
    assert [op.id for op in store.ops(ALL)] == expected


def test_authors_are_told_with_their_names_in_order_of_account(store: Store) -> None:
    store.commit([Writer(person=person).op() for person in (ALICE, BOB)])
    store.commit([Writer(person=CAROL, conversation=OTHER_ROOM).op()])
    store.commit([Writer(person=ALICE, chain=Chain.CONTROL).op(), PutName(BOB.account, "Bob", 1)])
    assert store.authors(ROOM) == sorted([(ALICE.account, ""), (BOB.account, "Bob")])
    store.commit([PutName(BOB.account, "Bobby", 2)])
    assert (BOB.account, "Bobby") in store.authors(ROOM)


def test_of_a_chain_those_ops_are_told_that_go_on_in_other_knowledge(store: Store) -> None:
    writer, turning = Writer(), (Writer().op().op.id,)
    for was in [(), (), turning, (), turning, turning, ()]:
        writer.was = was
        store.commit([writer.op()])
    turns = replace(ALL, turns=True)
    assert [op.seq for op in store.ops(turns)] == [2, 4, 5]
    assert [op.seq for op in store.ops(replace(turns, from_seq=3))] == [4, 5]
    assert [op.seq for op in store.ops(replace(turns, limit=2))] == [2, 4]
    assert store.ops(replace(turns, device=BOB.device)) == []
    store.commit([SetFloor(ROOM, ALICE.device, Chain.TALK, 5, writer.ops[4].id)])
    assert [op.seq for op in store.ops(turns)] == [5]


def test_of_a_chain_the_newest_stops_and_all_its_parts_come_back(store: Store) -> None:
    writer, turning = Writer(), (Writer().op().op.id,)
    store.commit([PutRoom(ROOM, encode_control(golden.GENESIS)[1], digest("secret"))])
    store.commit([PutConversation(ROOM, RoomKind.INVITED, "crew", 1)])
    for n in range(STOPS_MAX + 3):
        writer.was = turning if n else ()
        store.commit([replace(writer.op(), is_stopped=n > 1)])
    kept = store.snapshot().rooms
    assert [(row.seq, row.content) for row in kept.stops] == [
        (n, None) for n in range(3, STOPS_MAX + 3)
    ]
    parts = [
        PutSpan(ROOM, ALICE.account, ALICE.device, n, OpId(bytes(32)), n + 1, op.id, 7)
        for n, op in enumerate(writer.ops[1:4])
    ]
    longer = replace(parts[1], end=9, id=writer.ops[9].id)
    store.commit([*reversed(parts), DropSpan(ROOM, ALICE.device, 0), longer])
    kept = store.snapshot().rooms
    assert kept.spans == (longer, parts[2])
    assert {row.id for row in kept.talk} == {longer.id, parts[2].id, writer.ops[-1].id}
    store.commit([DropConversation(ROOM, ALICE.device)])
    assert store.snapshot().rooms.spans == ()
    assert len(store.snapshot().rooms.stops) == STOPS_MAX  # of what we said ourselves
    store.commit([DropConversation(ROOM, BOB.device)])
    assert store.snapshot().rooms.stops == ()


def test_of_the_latest_messages_the_first_of_each_device_is_told(store: Store) -> None:
    """Messages stand in the order in which they are shown, whatever else their authors did."""
    alice, bob, carol = Writer(), Writer(BOB), Writer(CAROL)
    carols = carol.message("first of all", sort_key=1)
    for number in range(4):
        store.commit([*alice.message(sort_key=10 + 2 * number), alice.op()])
        store.commit([bob.op(), *bob.message(sort_key=11 + 2 * number)])
    store.commit(carols)

    def told(messages: int, limit: int = 9) -> list[tuple[OpId, int]]:
        return [(op.id, op.seq) for op in store.ops(LatestQuery(ROOM, messages, limit))]

    assert told(1) == [(bob.ops[7].id, 7)]
    assert told(2) == [(bob.ops[7].id, 7), (alice.ops[6].id, 6)]
    assert told(5) == [(bob.ops[3].id, 3), (alice.ops[4].id, 4)]
    assert told(8) == [(bob.ops[1].id, 1), (alice.ops[0].id, 0)]
    assert told(99) == [(bob.ops[1].id, 1), (alice.ops[0].id, 0), (carol.ops[0].id, 0)]
    assert told(99, 2) == told(8)
    assert told(0) == []
    assert store.ops(LatestQuery(OTHER_ROOM, 9, 9)) == []


def test_ops_are_found_by_their_ids_in_one_conversation(store: Store) -> None:
    alice = Writer()
    store.commit([*alice.message(), *alice.message(), *alice.message()])
    first, second, _ = store.ops(ALL)
    nobodys = Writer(person=BOB).op().op.id
    assert store.ops(NamedQuery(ROOM, (second.id, nobodys, first.id))) == [second, first]
    assert store.ops(NamedQuery(OTHER_ROOM, (first.id,))) == []
