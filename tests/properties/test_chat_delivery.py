"""Whatever the network loses, repeats or turns round, and wherever a peer stops: what was written
is delivered once, in order, and nobody is ever left waiting for nothing."""

from __future__ import annotations

from random import Random
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pchat.config.limits import Limits
from p2pchat.events import SecurityAlert
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.protocol import pruning as pruning_module
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    Heard,
    JoinOpen,
    SendFailed,
    SendText,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, between
from tests.unit.protocol.table import COMMAND, Seat, Table

SEEDS = st.integers(0, 1 << 32)
STORIES = settings(max_examples=settings().max_examples // 4)
"""Each example is a long story of its own; `make test-all` tells ten times as many."""
ROOM = open_room_id("square")
TIMERS_PER_HOUR_MAX = 600
"""Of one peer: 120 for catching up, the rest for retries with their back-off, and flushes."""


class Weather:
    """A carrier that does everything a carrier may do wrong."""

    def __init__(self, table: Table, rng: Random) -> None:
        self.table = table
        self.rng = rng
        self.seats = list(table.seats.values())
        self.said: dict[str, list[str]] = {seat.person.name: [] for seat in self.seats}
        """What was answered to have been written, by author."""
        self._serial = 0

    def blow(self, steps: int, *conversations: ConversationId) -> None:
        for _ in range(steps):
            seat = self.rng.choice(self.seats)
            match self.rng.randrange(20):
                case 0 | 1 | 2:
                    self.write(seat, self.rng.choice(conversations))
                case 3:
                    seat.crash_in = self.rng.choice(["before commit", "after commit"])
                case 4:
                    self._break_connection()
                case 5:
                    self.table.heal()
                case 6 | 7:
                    self._spoil_a_wire()
                case 8 | 9:
                    self.table.tick(float("inf"))
                case 10:
                    self.table.advance(self.rng.choice([0.01, 1.0, 40.0]))
                case _:
                    jobs = self.table.jobs()
                    if jobs:
                        self.table.run_job(self.rng.choice(jobs), batch=self.rng.randint(1, 4))
            for seat in self.seats:
                seat.check()

    def clear_up(self) -> None:
        self.table.heal()
        for seat in self.seats:
            seat.crash_in = ""

    def write(self, seat: Seat, conversation: ConversationId) -> None:
        self._serial += 1
        text = f"{seat.person.name} {self._serial}"
        seat.replies.clear()
        seat.do(SendText(COMMAND, conversation, text))
        reply = seat.replies.get(COMMAND)
        if reply is not None and reply.error is None:
            self.said[seat.person.name].append(text)

    def _break_connection(self) -> None:
        one, other = self.rng.sample(self.seats, 2)
        if self.rng.random() < 0.5:
            self.table.part(one, other)
        else:
            self.table.disconnect(one, other)

    def _spoil_a_wire(self) -> None:
        wires = [(way, wire) for way, wire in self.table.wires.items() if wire]
        if not wires:
            return
        way, wire = self.rng.choice(wires)
        place = self.rng.randrange(len(wire))
        match self.rng.randrange(4):
            case 0:
                del wire[place]
            case 1:
                wire.insert(self.rng.randrange(len(wire) + 1), wire[place])
            case 2:
                wire.rotate(self.rng.randint(1, 3))
            case _:
                wire.clear()
                self.table.greeted.discard(way)
                self.table.seats[way[0]].do(SendFailed(way[1], way[2], "reset"))


def chain_texts(seat: Seat, conversation: ConversationId, author: Seat) -> list[str]:
    return [
        op.content.decode("utf-8", "replace")[2:]
        for op in seat.chain(conversation, author.person)
        if op.content is not None and op.header.kind == 33
    ]


def has_in_order(whole: list[str], part: list[str]) -> bool:
    rest = iter(whole)
    return all(text in rest for text in part)


@STORIES
@given(SEEDS)
def test_two_contacts_get_every_message_once_and_in_order(seed: int):
    rng = Random(seed)
    table = Table(seed)
    limits = Limits(unacknowledged_ops_max=rng.choice([1, 3, 512]))
    alice, bob = table.sit(ALICE, limits), table.sit(BOB, limits)
    direct = table.befriend(alice, bob)
    weather = Weather(table, rng)

    weather.blow(150, direct)
    weather.clear_up()
    table.run(3600)

    for author, reader in ((alice, bob), (bob, alice)):
        written = chain_texts(author, direct, author)
        assert chain_texts(reader, direct, author) == written
        assert has_in_order(written, weather.said[author.person.name])
        shown = [m.text for m in reader.history(direct) if m.author == author.person.account]
        assert sorted(shown) == sorted(written)
        assert len(set(reader.received())) == len(reader.received())
        assert not author.chat.outbox.owed_devices()
        own = [m for m in author.history(direct) if m.author == author.person.account]
        assert all(author.state_of(m.id) is MessageState.DELIVERED for m in own)
        assert author.drops == []
    logs = [seat.state.conversations[direct].log for seat in (alice, bob)]
    assert logs[0].digest() == logs[1].digest()
    assert [log.waiting_count for log in logs] == [0, 0]


@STORIES
@example(11156)  # a timer that ran out a rounding error early was set again for ever
@given(SEEDS)
def test_two_who_ask_accept_and_write_in_bad_weather_become_contacts(seed: int):
    rng = Random(seed)
    table = Table(seed)
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = between(ALICE, BOB)
    weather = Weather(table, rng)
    for _ in range(8):
        alice.do(AddContact(COMMAND, BOB.link, ALICE.pair_half))
        if rng.random() < 0.3:
            bob.do(AddContact(COMMAND, ALICE.link, BOB.pair_half))
        bob.do(AcceptContact(COMMAND, ALICE.account, BOB.pair_half))
        weather.blow(10, direct)
    weather.clear_up()
    alice.do(AddContact(COMMAND, BOB.link, ALICE.pair_half))
    table.run(1800)
    bob.do(AcceptContact(COMMAND, ALICE.account, BOB.pair_half))
    table.run(1800)

    for author, reader in ((alice, bob), (bob, alice)):
        written = chain_texts(author, direct, author)
        assert chain_texts(reader, direct, author) == written
        assert has_in_order(written, weather.said[author.person.name])
        control = [op.id for op in author.chain(direct, author.person, Chain.CONTROL)]
        assert [op.id for op in reader.chain(direct, author.person, Chain.CONTROL)] == control
        assert not author.chat.outbox.owed_devices()


@STORIES
@given(SEEDS)
def test_a_room_of_three_comes_to_hold_the_same(seed: int):
    rng = Random(seed)
    table = Table(seed)
    seats = [table.sit(person) for person in (ALICE, BOB, CAROL)]
    for seat in seats:
        seat.do(JoinOpen(COMMAND, "square"))
    pairs = [(seats[0], seats[1]), (seats[1], seats[2]), (seats[0], seats[2])]
    weather = Weather(table, rng)
    for _ in range(15):
        table.connect(*rng.choice(pairs))
        weather.blow(10, ROOM)
        if table.gossip and rng.random() < 0.5:
            lost = rng.randrange(len(table.gossip))
            if isinstance(table.gossip[lost][1], Heard):
                del table.gossip[lost]
    weather.clear_up()
    for pair in pairs[:2]:
        table.connect(*pair)
    table.run(600)

    for reader in seats:
        for author in seats:
            written = chain_texts(author, ROOM, author)
            assert chain_texts(reader, ROOM, author) == written
            assert has_in_order(written, weather.said[author.person.name])
        assert len(set(reader.received())) == len(reader.received())
        assert reader.drops == []
    assert len({seat.state.conversations[ROOM].log.digest() for seat in seats}) == 1


@STORIES
@given(SEEDS)
def test_no_weather_makes_a_storm_of_timers(seed: int):
    rng = Random(seed)
    table = Table(seed)
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    weather = Weather(table, rng)
    weather.blow(60, direct)
    weather.clear_up()
    if rng.random() < 0.5:
        table.part(alice, bob)
    for seat in (alice, bob):
        seat.fired.clear()
    table.run(3600)
    for seat in (alice, bob):
        assert seat.fired.total() < TIMERS_PER_HOUR_MAX


@STORIES
@example(1859861)  # what one lacked had just been cut everywhere else
@given(SEEDS)
def test_a_room_that_forgets_keeps_what_is_newest_at_all(seed: int):
    """However small the room and however bad the weather: nobody is lost for good, nobody is taken
    for a forger, and memory and disk agree on what was forgotten."""
    rng = Random(seed)
    table = Table(seed)
    small = Limits(open_room_device_ops_max=10, open_room_ops_max=24)
    seats = [table.sit(person, small) for person in (ALICE, BOB, CAROL)]
    pairs = [(seats[0], seats[1]), (seats[1], seats[2]), (seats[0], seats[2])]
    with patch.object(pruning_module, "CHECK_EVERY", 4):
        for seat in seats:
            seat.do(JoinOpen(COMMAND, "square"))
        weather = Weather(table, rng)
        for _ in range(20):
            table.connect(*rng.choice(pairs))
            writer = rng.choice(seats)
            for _ in range(rng.randint(0, 12)):
                weather.write(writer, ROOM)
            weather.blow(10, ROOM)
        weather.clear_up()
        for pair in pairs:
            table.connect(*pair)
        for _ in range(3):
            table.run(120)
            for seat in seats:
                weather.write(seat, ROOM)
        table.run(120)

    for reader in seats:
        assert reader.told(SecurityAlert) == []
        log = reader.state.conversations[ROOM].log
        reopened = Chat(reader.person.me, reader.store.snapshot(), small, Random(0))
        assert reopened.state.conversations[ROOM].log.floors == log.floors
        assert reopened.state.conversations[ROOM].log.digest() == log.digest()
        for author in seats:
            written = chain_texts(author, ROOM, author)
            assert chain_texts(reader, ROOM, author)[-3:] == written[-3:]
            assert written[-1] == weather.said[author.person.name][-1]
    assert len({seat.state.conversations[ROOM].log.digest() for seat in seats}) == 1
