"""Which ops are here, which are missing, and which were never meant to be."""

from __future__ import annotations

import pytest

from p2pchat.errors import MalformedMessage
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Op
from p2pchat.protocol import log as log_module
from p2pchat.protocol.log import Floor, Log, Place, Tip
from p2pchat.wire.contents import Reject
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS, Author, between, op_id, person

NOW = Now(WALL_MS, 0.0)
HERE = between(ALICE, BOB)
TALK = (ALICE.device, Chain.TALK)


def author() -> Author:
    return Author(ALICE, HERE)


def written(count: int) -> list[Op]:
    writer = author()
    return [writer.write(f"number {number}") for number in range(count)]


def log_of(ops: list[Op], waiting_max: int = 10) -> Log:
    log = Log(waiting_max)
    for op in ops:
        assert log.place(op) is Place.NEXT
        log.apply(op, NOW)
    return log


def test_ops_in_order_are_next_and_then_known():
    ops = written(3)
    log = log_of(ops)
    assert [log.place(op) for op in ops] == [Place.KNOWN] * 3
    assert log.count(ALICE.device, Chain.TALK) == 3
    assert log.tip(ALICE.device, Chain.TALK).id == ops[-1].id
    assert log.accounts() == {ALICE.account}


def test_an_empty_chain_has_no_tip():
    log = Log(10)
    assert log.tip(ALICE.device, Chain.TALK) is None
    assert log.count(ALICE.device, Chain.TALK) == 0


def test_an_op_waits_for_its_predecessor_and_is_released_by_it():
    first, second, third = written(3)
    log = Log(10)
    assert log.place(third) is log.place(second) is Place.WAITS
    assert log.hold(third)
    assert log.hold(second)
    assert log.waiting_count == 2
    assert log.place(third) is Place.KNOWN
    log.apply(first, NOW)
    assert log.released(first.id) == [second]
    assert log.released(first.id) == []
    assert log.place(second) is Place.NEXT
    assert log.waiting_count == 1


def test_no_more_ops_wait_than_may():
    ops = written(4)
    log = Log(2)
    assert [log.hold(op) for op in ops[1:]] == [True, True, False]
    assert log.waiting_count == 2
    assert log.released(ops[0].id) == []
    assert log.released(ops[1].id) == [ops[2]]


@pytest.mark.parametrize("scarce", ["ops", "bytes"])
def test_who_floods_pushes_out_nobody_else(scarce: str, monkeypatch: pytest.MonkeyPatch):
    flood, honest = written(40), Author(BOB, HERE)
    first, second = honest.write(), honest.write()
    if scarce == "bytes":
        monkeypatch.setattr(log_module, "WAITING_BYTES_MAX", 4000)
    log = Log(8 if scarce == "ops" else 100)
    for op in flood[1:20]:
        log.hold(op)
    log.hold(second)
    for op in flood[20:]:
        log.hold(op)
    assert log.waiting_count < 20
    assert log.released(first.id) == [second]


def test_no_more_bytes_wait_than_may(monkeypatch: pytest.MonkeyPatch):
    _, second, third, fourth = written(4)
    size = second.size_bytes
    monkeypatch.setattr(log_module, "WAITING_BYTES_MAX", 2 * size + 1)
    log = Log(10)
    assert [log.hold(second), log.hold(third), log.hold(fourth)] == [True, True, False]
    assert log.released(second.header.prev) == []
    assert log.released(second.id) == [third]
    assert log.hold(second)


def test_an_op_waits_for_the_control_op_it_depends_on():
    writer = author()
    control = writer.write(Reject())
    talk = Author(BOB, HERE).write("after the no", deps=(control.id,))
    log = Log(10)
    assert log.place(talk) is Place.WAITS
    log.hold(talk)
    log.apply(control, NOW)
    assert log.released(control.id) == [talk]
    assert log.place(talk) is Place.NEXT
    assert log.control_heads() == (control.id,)


@pytest.mark.parametrize("seq", [2, 7])
def test_an_op_that_skips_a_number_is_malformed(seq: int):
    writer = author()
    log = log_of([writer.write()])
    with pytest.raises(MalformedMessage):
        log.place(writer.write(seq=seq))


def test_a_chain_belongs_to_one_account():
    writer = author()
    log = log_of([writer.write()])
    with pytest.raises(MalformedMessage):
        log.place(writer.write(account=BOB.account))


# Forks


def test_a_second_successor_of_a_recent_op_is_a_fork():
    ops = written(3)
    log = log_of(ops[:1])
    first_key = log.tips[TALK][0].sort_key
    for op in ops[1:]:
        log.apply(op, NOW)
    other = author()
    other.ops = ops[:1]
    branch = other.write("another second", hlc=5)
    assert log.place(branch) is Place.FORK

    assert log.apply(branch, NOW) == first_key + 1

    assert [tip.id for tip in log.tips[TALK]] == [ops[2].id, branch.id]
    assert log.place(other.write("and on")) is Place.NEXT


def test_a_fork_that_skips_a_number_is_malformed():
    ops = written(3)
    log = log_of(ops)
    other = author()
    other.ops = ops[:1]
    with pytest.raises(MalformedMessage):
        log.place(other.write(seq=2))


def test_a_fork_waits_for_what_it_depends_on_and_not_for_its_predecessor():
    ops = written(3)
    log = log_of(ops)
    other = author()
    other.ops = ops[:1]
    control = Author(BOB, HERE).write(Reject())
    branch = other.write("another second", deps=(control.id,))
    assert log.place(branch) is Place.WAITS
    assert log.hold(branch)
    log.apply(control, NOW)
    assert log.released(control.id) == [branch]
    assert log.place(branch) is Place.FORK


def test_a_first_op_beside_the_first_is_for_the_disk_to_judge():
    log = log_of(written(1))
    other = author()
    other.hlc += 1000
    assert log.place(other.write("another first")) is Place.SUSPECT


def test_an_op_in_a_taken_place_whose_predecessor_left_memory_is_suspect(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(log_module, "RECENT_MAX", 3)
    ops = written(8)
    log = log_of(ops)
    assert log.place(ops[2]) is Place.SUSPECT
    assert log.place(ops[5]) is Place.KNOWN


def test_what_follows_a_recent_op_is_recent(monkeypatch: pytest.MonkeyPatch):
    """Which is why a fork needs no disk as long as its predecessor is remembered."""
    monkeypatch.setattr(log_module, "RECENT_MAX", 5)
    writers = [Author(person(f"writer {n}"), HERE) for n in range(3)]
    log = Log(10)
    ops: list[Op] = []
    for turn in range(30):
        ops.append(writers[turn * turn % 3].write())
        log.apply(ops[-1], NOW)
        places = {op.id: log.place(op) for op in ops}
        for op in ops:
            if op.header.prev is not None and places[op.header.prev] is Place.KNOWN:
                assert places[op.id] is Place.KNOWN


# Floors


def test_a_chain_may_begin_at_a_floor():
    ops = written(5)
    log = Log(10)
    log.set_floor(TALK, Floor(3, ops[2].id))
    assert log.place(ops[1]) is log.place(ops[2]) is Place.BELOW
    assert log.place(ops[4]) is Place.WAITS
    assert log.place(ops[3]) is Place.NEXT
    log.apply(ops[3], NOW)
    assert log.place(ops[4]) is Place.NEXT


def test_a_floor_is_where_its_hash_says():
    ops = written(5)
    log = Log(10)
    log.set_floor(TALK, Floor(3, op_id("something else")))
    assert log.place(ops[3]) is Place.WAITS


# Digests, display


def test_the_digest_is_equal_exactly_for_equal_heads():
    ops = written(3)
    one, other = log_of(ops), log_of(ops[:2])
    assert one.digest() != other.digest()
    other.apply(ops[2], NOW)
    assert one.digest() == other.digest() == one.digest()
    assert one.positions == other.positions == (ops[2].position,)


def test_a_new_op_is_shown_after_the_newest_of_four_others():
    log = Log(10)
    writers = [Author(person(f"writer {number}"), HERE) for number in range(6)]
    heads = {}
    for number in (0, 1, 2, 3, 4, 5, 0, 1):
        op = writers[number].write()
        log.apply(op, NOW)
        heads[number] = op.id
    assert log.shown_heads(CAROL.device) == (heads[1], heads[0], heads[5], heads[4])
    own = writers[1].person.device
    assert log.shown_heads(own) == (heads[0], heads[5], heads[4], heads[3])


def test_an_op_is_shown_after_those_it_was_written_after():
    writer = author()
    first = writer.write(hlc=(WALL_MS + 1000) << 16)
    log = log_of([first])
    key = log.tip(ALICE.device, Chain.TALK).sort_key
    slow = Author(BOB, HERE).write(after=(first.id,), hlc=5)
    unaware = Author(CAROL, HERE).write(after=(op_id("unknown"),), hlc=5)
    assert log.apply(slow, NOW) == key + 1
    assert log.apply(unaware, NOW) == 5
    assert log.apply(writer.write(hlc=6), NOW) == key + 1


def test_restored_heads_stand_where_they_stood():
    ops = written(3)
    before = log_of(ops)
    after = Log(10)
    after.restore(TALK, before.tips[TALK][0])
    assert after.digest() == before.digest()
    assert after.place(ops[2]) is Place.KNOWN
    assert after.place(ops[1]) is Place.SUSPECT
    assert after.shown_heads(BOB.device) == (ops[2].id,)
    control = Author(BOB, HERE).write(Reject())
    key = (BOB.device, Chain.CONTROL)
    after.restore(key, Tip(BOB.account, 0, control.id, 9))
    assert after.shown_heads(CAROL.device) == (ops[2].id,)


def test_an_op_that_misses_nothing_is_not_held():
    (first,) = written(1)
    with pytest.raises(AssertionError):
        Log(10).hold(first)
