"""In a room that does not show all its history, everybody ends with exactly what is theirs.

People come, go, come back, talk and crash in parts of the network that do not hear each other. What
somebody who stays holds at the end of what owners said is what follows for it from the room's ops
alone, by a reading of the rules that is not the program's.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.errors import LocalProtocolError
from p2pchat.model.control import ControlOp, Standing
from p2pchat.model.ids import OpId
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.completeness import completeness
from p2pchat.protocol.histories import spot_of
from p2pchat.protocol.shared_heads import shared_with
from p2pchat.protocol.state import Conversation
from p2pchat.wire.control import control_op
from tests.properties.membership_rules import Reference
from tests.unit.protocol.people import ALICE, BOB, CAROL, person
from tests.unit.protocol.table import Seat, Table

SEEDS = st.integers(0, 1 << 32)
STORIES = settings(max_examples=max(settings().max_examples // 20, 3))
DAVE, ERIN = person("dave"), person("erin")
PEOPLE = (ALICE, BOB, CAROL, DAVE, ERIN)
OWNERS = (ALICE, BOB)
COME_AND_GO = (DAVE, ERIN)


class Story(Table):
    """A room of two owners; Carol comes once, Dave and Erin come and go."""

    def __init__(self, seed: int, history: str) -> None:
        super().__init__(seed)
        self.rng = Random(f"{seed}/story")
        self.people = {who.account: self.sit(who) for who in PEOPLE}
        for one, other in combinations(self.people.values(), 2):
            self.connect(one, other)
            self.befriend(one, other)
        self.room = self.people[ALICE.account].create("crew", owners=(BOB,), history=history)
        self.run(10)

    def happen(self, number: int) -> None:
        seat = self.rng.choice(list(self.people.values()))
        roll = self.rng.random()
        with suppress(LocalProtocolError):
            if self.room not in seat.state.conversations:
                pass  # it is not in it, or hears of it later
            elif roll < 0.5:
                seat.send(self.room, f"<text {number}>")
            elif roll < 0.7:
                seat.set(self.room, self.rng.choice(PEOPLE[2:]), Standing.MEMBER)
            elif roll < 0.78:
                seat.set(self.room, self.rng.choice(COME_AND_GO), Standing.REMOVED)
            elif roll < 0.8 and seat.person in COME_AND_GO:
                seat.leave(self.room)
            elif roll < 0.86:
                self.part(*self.rng.sample(list(self.people.values()), 2))
            elif roll < 0.96:
                self.heal_all()
            else:
                seat.crash()
        if self.rng.random() < 0.7:
            self.run(self.rng.choice((0.0, 0.5, 3.0, 10.0)))

    def heal_all(self) -> None:
        self.heal()
        for one, other in combinations(self.people.values(), 2):
            self.connect(one, other)

    def conversation(self, seat: Seat) -> Conversation:
        return seat.state.conversations[self.room]

    def stayed(self) -> list[Seat]:
        room = self.conversation(self.people[ALICE.account]).invited
        assert room is not None
        return [self.people[account] for account in room.membership.members()]

    def control(self) -> list[ControlOp]:
        """All of the room's control ops, each after those that it follows."""
        alice = self.people[ALICE.account]
        ops = [op for who in PEOPLE for op in alice.chain(self.room, who, Chain.CONTROL)]
        found, waiting = dict[OpId, ControlOp](), list(map(control_op, ops))
        while waiting:
            ready = [op for op in waiting if all(id in found for id in op.parents)]
            assert ready
            found |= {op.id: op for op in ready}
            waiting = [op for op in waiting if op.id not in found]
        return list(found.values())

    def compares(self, one: Seat, other: Seat) -> set[Position]:
        """But for the talk of who was put out, of which some took more before they heard that."""
        heads = shared_with(one.state, self.conversation(one), other.device).heads
        here = {seat.device for seat in self.stayed()}
        return {head for head in heads if head.chain is Chain.CONTROL or head.device in here}

    def has(self, seat: Seat) -> set[OpId]:
        return {op.id for who in OWNERS for op in seat.chain(self.room, who)}

    def is_to_have(self, seat: Seat) -> set[OpId]:
        """Of what an owner has, what is this one's."""
        room = self.conversation(self.people[ALICE.account]).invited
        assert room is not None
        genesis = room.membership.genesis
        rules = Reference(genesis, self.control())
        return {
            op.id
            for who in OWNERS
            for op in self.people[who.account].chain(self.room, who)
            if rules.may_have(seat.person.account, spot_of(op.header), genesis.history)
        }


def told(seed: int, history: str, length: int) -> Story:
    story = Story(seed, history)
    for number in range(length):
        story.happen(number)
    story.heal_all()
    story.run(300)
    return story


@pytest.mark.parametrize("history", ["none", "joining", "last:3"])
@STORIES
@given(seed=SEEDS)
def test_everybody_who_stays_has_what_is_theirs_and_misses_nothing(history: str, seed: int) -> None:
    story = told(seed, history, 40)
    for seat in story.stayed():
        assert story.has(seat) == story.is_to_have(seat), seat.person
        here = {other.person.account for other in story.stayed()}
        found = completeness(story.conversation(seat))
        assert not [gap for gap in found.gaps if gap.account in here], seat.person
        assert not found.awaited, seat.person
    for one, other in combinations(story.stayed(), 2):
        assert story.compares(one, other) == story.compares(other, one), (one, other)
