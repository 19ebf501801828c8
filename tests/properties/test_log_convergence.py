"""A log is a set: whatever order ops come in, how often, and through whom, replicas that were
offered the same hold the same."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pchat.config.limits import Limits
from p2pchat.events import MessageReceived
from p2pchat.model.conversation import open_room_id
from p2pchat.model.op import Chain, Op
from p2pchat.protocol import log as log_module
from p2pchat.protocol.machine import Heard
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, Person, person
from tests.unit.protocol.table import Seat, Table

SEEDS = st.integers(0, 1 << 32)
STORIES = settings(max_examples=settings().max_examples // 2)
ROOM = open_room_id("square")
AUTHORS = [person(f"author {number}") for number in range(3)]


def history(rng: Random, author: Person, branches_max: int) -> list[Op]:
    """A chain of one device, perhaps with forks, in the order it was written."""
    trunk = Author(author, ROOM)
    ops = [trunk.write(f"{author.name} {number}") for number in range(rng.randint(1, 12))]
    for number in range(rng.randint(0, branches_max)):
        branch = trunk.fork(rng.randint(0, len(trunk.ops)))
        branch.hlc += number << 30
        before = len(branch.ops)
        for step in range(rng.randint(1, 6)):
            branch.write(f"{author.name} branch {number} {step}")
        ops += branch.ops[before:]
    return ops


def histories(rng: Random, branches_max: int = 2) -> dict[Person, list[Op]]:
    return {author: history(rng, author, branches_max) for author in AUTHORS}


def hear(seat: Seat, author: Person, *ops: Op) -> None:
    seat.do(Heard(ROOM, author.device, Ops(ops, (author.devices,))))


def answer(seat: Seat, rng: Random) -> None:
    seat.answer_load(rng.randrange(len(seat.loads)))


def shuffled(rng: Random, ops: list[Op]) -> list[Op]:
    """Each at least once, some twice, in any order."""
    told = ops + rng.choices(ops, k=len(ops) // 3)
    rng.shuffle(told)
    return told


def held(seat: Seat) -> set[bytes]:
    return {op.id for author in AUTHORS for op in seat.chain(ROOM, author)}


def heads(seat: Seat) -> set[bytes]:
    log = seat.state.conversations[ROOM].log
    return {tip.id for author in AUTHORS for tip in log.tips.get((author.device, Chain.TALK), ())}


def assert_alike(seats: list[Seat], everything: dict[Person, list[Op]]) -> None:
    ops = {op.id: op for found in everything.values() for op in found}
    followed = {op.header.prev for op in ops.values()}
    for seat in seats:
        assert held(seat) == set(ops)
        assert heads(seat) == set(ops) - followed
        assert seat.state.conversations[ROOM].log.waiting_count == 0
        shown = [m.id for m in seat.history(ROOM)]
        assert len(shown) == len(set(shown))
        restored = {head.id for head in seat.store.snapshot().heads}
        assert heads(seat) <= restored


@STORIES
@example(152, 2)  # a branch that waited until its predecessor was forgotten
@given(SEEDS, st.sampled_from([2, 5, 1024]))
def test_any_order_of_arrival_makes_the_same_log(seed: int, remembered: int):
    rng = Random(seed)
    everything = histories(rng)
    table = Table(seed)
    seats = [table.sit(who) for who in (ALICE, BOB, CAROL)]
    with patch.object(log_module, "RECENT_MAX", remembered):
        for seat in seats:
            seat.join("square")
            told = [(author, op) for author, ops in everything.items() for op in shuffled(rng, ops)]
            rng.shuffle(told)
            for author, op in told:
                hear(seat, author, op)
                while seat.loads and rng.random() < 0.5:
                    answer(seat, rng)
            while seat.loads:
                answer(seat, rng)
    assert_alike(seats, everything)
    received = [sorted(str(e.message.id) for e in s.told(MessageReceived)) for s in seats]
    assert received[0] == received[1] == received[2]


@STORIES
@given(SEEDS, st.sampled_from([2, 1024]))
def test_restarts_between_arrivals_change_nothing(seed: int, remembered: int):
    """What waited is lost with the memory, and told again."""
    rng = Random(seed)
    everything = histories(rng)
    table = Table(seed)
    seats = [table.sit(who) for who in (ALICE, BOB)]
    with patch.object(log_module, "RECENT_MAX", remembered):
        for seat in seats:
            seat.join("square")
            for _ in range(3):
                for author, ops in everything.items():
                    for op in shuffled(rng, ops):
                        if rng.random() < 0.1:
                            seat.crash()
                        hear(seat, author, op)
                    while seat.loads:
                        answer(seat, rng)
            for author, ops in everything.items():
                for op in sorted(ops, key=lambda op: op.header.seq):
                    hear(seat, author, op)
                    while seat.loads:
                        answer(seat, rng)
    assert_alike(seats, everything)


@STORIES
@given(SEEDS, st.sampled_from([2, 1024]), st.sampled_from([1, 2_000, 256 * 1024]))
def test_catching_up_fills_whatever_is_missing(seed: int, remembered: int, page_bytes: int):
    rng = Random(seed)
    everything = histories(rng, branches_max=1)
    table = Table(seed)
    limits = Limits(page_bytes_max=page_bytes)
    seats = [table.sit(who, limits) for who in (ALICE, BOB, CAROL)]
    with patch.object(log_module, "RECENT_MAX", remembered):
        for seat in seats:
            seat.join("square")
        for author, ops in everything.items():
            for op in ops:
                hear(rng.choice(seats), author, op)  # one of them hears it, or waits for more
            for seat in seats:
                some = rng.sample(ops, rng.randint(0, len(ops)))
                for op in sorted(some, key=lambda op: op.header.seq):
                    hear(seat, author, op)
            witness = rng.choice(seats)
            for op in sorted(ops, key=lambda op: op.header.seq):
                while witness.loads:
                    answer(witness, rng)
                hear(witness, author, op)
        for seat in seats:
            while seat.loads:
                answer(seat, rng)
            if rng.random() < 0.3:
                seat.crash()
        table.connect(seats[0], seats[1])
        table.connect(seats[1], seats[2])
        table.run(900)
    assert_alike(seats, everything)
    assert len({seat.state.conversations[ROOM].log.digest() for seat in seats}) == 1
