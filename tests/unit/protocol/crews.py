"""A room of a few people, of which a test says what newcomers may have."""

from __future__ import annotations

from itertools import combinations

from p2pchat.model.control import Standing
from p2pchat.protocol.completeness import completeness
from p2pchat.protocol.shared_heads import digest_for
from p2pchat.testing.plain_sessions import PlainSessions
from tests.unit.protocol.people import ALICE, BOB, CAROL, Person, person
from tests.unit.protocol.table import MakeSessions, Seat, Table

DAVE = person("dave")


class Crew:
    """Alice, Bob, Carol and Dave know each other; Alice and Bob are in a room."""

    def __init__(self, history: str, make: MakeSessions = PlainSessions) -> None:
        self.table = Table(sessions=make)
        self.seats = [self.table.sit(one) for one in (ALICE, BOB, CAROL, DAVE)]
        self.alice, self.bob, self.carol, self.dave = self.seats
        for one, other in combinations(self.seats, 2):
            self.table.connect(one, other)
            self.table.befriend(one, other)
        self.room = self.alice.create("crew", BOB, history=history)
        self.table.run(5)

    def say(self, seat: Seat, *texts: str) -> None:
        for text in texts:
            seat.send(self.room, text)
            self.table.run(1)

    def admit(self, who: Person, by: Seat | None = None) -> None:
        (by or self.alice).set(self.room, who, Standing.MEMBER)
        self.table.run(20)

    def texts(self, seat: Seat) -> list[str]:
        return sorted(seat.texts(self.room))

    def part(self, *seats: Seat) -> None:
        """They are not connected with anybody."""
        for seat in seats:
            for other in self.seats:
                if other is not seat:
                    self.table.part(seat, other)
        self.table.settle()

    def heal(self) -> None:
        self.table.cut.clear()
        for one, other in combinations(self.seats, 2):
            self.table.connect(one, other)
        self.table.run(50)

    def check_whole(self, *seats: Seat) -> None:
        for seat in seats:
            found = completeness(seat.state.conversations[self.room])
            assert found.is_complete, (seat.person.name, found)
        for one, other in combinations(seats, 2):
            mine = digest_for(one.state, one.state.conversations[self.room], other.device)
            theirs = digest_for(other.state, other.state.conversations[self.room], one.device)
            assert mine == theirs, (one.person.name, other.person.name)
