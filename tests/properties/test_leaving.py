"""Whoever leaves a room and comes back is heard by all who stay, whatever counts no more of what it
had heard before.

Bob rules, and what he says comes to nothing when Alice puts him out beside it; Carol speaks knowing
of that, goes and comes. What she says has no end that waits for what nobody has.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import combinations
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pchat.errors import LocalProtocolError
from p2pchat.model.control import Standing
from p2pchat.model.op import Chain
from p2pchat.protocol.room_vocabulary import PinMessage
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, CAROL, op_id, person
from tests.unit.protocol.table import Seat, Table

STORIES = settings(max_examples=max(settings().max_examples // 30, 3))
DAVE = person("dave")


class Story(Table):
    """A room of Alice's, in which Dave stays."""

    def __init__(self, seed: int, history: str) -> None:
        super().__init__(seed)
        self.rng = Random(f"{seed}/story")
        self.is_bob_lost = False
        """His device is gone, and what nobody else has with it."""
        self.people = [self.sit(who) for who in (ALICE, BOB, CAROL, DAVE)]
        self.alice, self.bob, self.carol, self.dave = self.people
        for one, other in combinations(self.people, 2):
            self.connect(one, other)
            self.befriend(one, other)
        self.room = self.alice.create("crew", BOB, CAROL, DAVE, history=history)
        self.run(5)
        self.alice.set(self.room, BOB, Standing.ADMIN)
        self.run(5)

    def is_in(self, seat: Seat) -> bool:
        return self.room in seat.state.conversations

    def happen(self, number: int) -> None:
        """Bob rules and Carol speaks where Alice hears neither; she changes what he may, and Carol
        goes, perhaps when she heard of that, and is let in again."""
        roll = self.rng.random
        if roll() < 0.9:
            self.part(self.alice, self.bob)
            self.part(self.alice, self.carol)
        if roll() < 0.7:
            self.part(self.dave, self.bob)
            self.part(self.dave, self.carol)
        for place in range(self.rng.randrange(3)):
            self.say(self.bob, partial(self.pin, f"{number} {place}"))
            self.run(self.rng.choice((0.0, 1.0)))
        for place in range(self.rng.randrange(1, 3)):
            text = f"<text {number} {place}>"
            self.say(self.carol, partial(self.carol.send, self.room, text))
        standings = (Standing.REMOVED, Standing.REMOVED, Standing.MEMBER, Standing.ADMIN)
        self.alice.set(self.room, BOB, self.rng.choice(standings))
        if roll() < 0.7:
            self.lose(self.carol.device)
            said = self.alice.chain(self.room, ALICE, Chain.CONTROL)[-8:]
            self.carol.hear(ALICE, Ops(tuple(said), (ALICE.devices,)))
            self.lose(self.carol.device)
        if roll() < 0.7:
            self.say(self.carol, partial(self.carol.leave, self.room))
        if roll() < 0.3:
            self.rng.choice(self.people).crash()
        self.is_bob_lost |= roll() < 0.3
        self.heal_all()
        self.run(20)
        with suppress(LocalProtocolError):
            self.alice.set(self.room, CAROL, Standing.MEMBER)
        if roll() < 0.4 and not self.is_bob_lost:
            self.alice.set(self.room, BOB, Standing.ADMIN)
        self.run(self.rng.choice((0.0, 5.0, 20.0)))

    def say(self, seat: Seat, what: Callable[[], object]) -> None:
        """Whoever is in the room, and may."""
        with suppress(LocalProtocolError):
            if self.is_in(seat):
                what()

    def pin(self, name: str) -> None:
        self.bob.ask(lambda id: PinMessage(id, self.room, op_id(name), is_on=True))

    def heal_all(self) -> None:
        self.heal()
        here = [one for one in self.people if one is not self.bob or not self.is_bob_lost]
        if self.is_bob_lost:
            for one in here:
                self.part(one, self.bob)
        for one, other in combinations(here, 2):
            self.connect(one, other)


@pytest.mark.parametrize("history", ["all", "joining"])
@STORIES
@given(seed=st.integers(0, 1 << 32))
@example(seed=11)
def test_who_leaves_and_comes_back_is_heard_whatever_counts_no_more(history: str, seed: int):
    story = Story(seed, history)
    for number in range(6):
        story.happen(number)
    for _ in range(2):  # perhaps it was said that she went only now
        story.heal_all()
        story.run(120)
        with suppress(LocalProtocolError):
            story.alice.set(story.room, CAROL, Standing.MEMBER)
        story.run(60)
    story.carol.send(story.room, "back")
    story.run(120)
    said = story.carol.chain(story.room, CAROL)
    assert story.alice.chain(story.room, CAROL) == said
    if history == "all":
        assert story.dave.chain(story.room, CAROL) == said
    assert story.dave.texts(story.room)[-1] == "back"
