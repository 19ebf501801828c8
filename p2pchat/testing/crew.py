"""One seed, one room by invitation that falls apart and comes together again.

Four to eight people are contacts, some of them members of one room. For `TROUBLE_S` the network is
cut into parts, again and again, clients crash and clocks are wrong; and all the while people talk,
edit, delete and react, take each other in, by name and by links, put each other out, give and take
roles, leave, and say what the room is called. Then everything heals, and within the time that
catching up may take all who are members must hold the same room: the same people in the same roles,
the same name, the same history, every text delivered. The checkers look on all the time; what is
said while somebody is out, in its author's view, that one must never have.

    python -m p2pchat.testing --crew --seed 7
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

import trio

from p2pchat.client.client import Client
from p2pchat.events import ContactRequested
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import Message, MessageState
from p2pchat.testing.cast import draw_skew_ms
from p2pchat.testing.faults import Partition
from p2pchat.testing.judged import Judged
from p2pchat.testing.lives import Peer
from p2pchat.testing.mates import Board, Mate
from p2pchat.testing.replay import replayable
from p2pchat.testing.scenario import QUIET_S, healing_s
from p2pchat.testing.trouble import Trouble
from p2pchat.testing.world import World, run_world

__all__ = ["CrewPlan", "CrewReport", "befriend", "play_crew", "until"]

NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")
MATES_MIN = 4
TROUBLE_S = 90.0
PART_S_MIN, PART_S_MAX = 5.0, 30.0
"""How long the network stays cut in one way."""
SOON_S = 90.0
"""What people wait for who do what needs no luck."""
LOOKS_S = 5.0
"""Between two looks at whether all is well."""


@dataclass(frozen=True, slots=True)
class CrewPlan:
    """Which world. `until_s` cuts it short without changing what comes before."""

    seed: int
    until_s: float | None = None
    history: str = "all"
    """What newcomers may have of what was said before."""

    def __str__(self) -> str:
        until = f" --until {self.until_s:g}" if self.until_s is not None else ""
        history = f" --history {self.history}" if self.history != "all" else ""
        return f"python -m p2pchat.testing --crew --seed {self.seed}{history}{until}"


@dataclass(frozen=True, slots=True)
class CrewReport:
    """What happened in a world in which nothing was wrong."""

    plan: CrewPlan
    mates: int
    texts: int
    rulings: int
    """Who is in, in which role, what the room is called: so often somebody changed it."""
    parts: int
    """So often the network was cut."""
    crashes: int
    healed_after_s: float | None
    """How long coming together took; None when the plan was cut before."""
    steps: int
    """Lines of the trace."""
    digest: str
    """Of the trace: equal for equal runs."""

    def __str__(self) -> str:
        healed = f"{self.healed_after_s:.1f} s" if self.healed_after_s is not None else "not asked"
        return (
            f"{self.plan}: {self.mates} people, {self.texts} texts, {self.rulings} rulings,"
            f" {self.parts} partitions, {self.crashes} crashes, together after {healed},"
            f" {self.steps} steps, trace {self.digest}"
        )


def play_crew(plan: CrewPlan) -> CrewReport:
    """Play a world to its end.

    Raises `InvariantBroken`, or what a node raised, with a note that says how to see it again.
    """

    async def scenario(world: World) -> CrewReport:
        return await _Crew(plan, world).play()

    with replayable(plan):
        return run_world(scenario, f"crew {plan.seed}")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what has to come by itself."""
    with trio.fail_after(SOON_S):
        while not holds():  # noqa: ASYNC110 -- any of many events may bring it about
            await trio.sleep(0.1)


async def befriend(one: Client, other: Client) -> None:
    """Make contacts of two."""
    async with other.subscribe(ContactRequested) as requests:
        await one.add_contact(other.contact_link)
        async for _ in requests:
            break
    await other.accept(one.account)
    await until(lambda: one.contact(other.account).state is ContactState.ACCEPTED)


class _Crew:
    def __init__(self, plan: CrewPlan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._rng = world.rng("crew")
        self._names = NAMES[: self._rng.randrange(MATES_MIN, len(NAMES) + 1)]
        self._parts = 0
        self._healed_after_s: float | None = None

    async def play(self) -> CrewReport:
        board = Board()
        trouble = Trouble(self._world)
        with trio.move_on_at(self._plan.until_s or math.inf):
            room = await self._begin()
            mates = [Mate(self._world, name, room, board) for name in self._names]
            await self._suffer(mates, trouble)
            for mate in mates:
                await mate.come_up()
            self._healed_after_s = await self._heal(mates, room)
        trace = self._world.network.trace
        return CrewReport(
            self._plan,
            len(self._names),
            board.texts,
            board.rulings,
            self._parts,
            trouble.crashes,
            self._healed_after_s,
            trace.count,
            trace.digest,
        )

    async def _begin(self) -> ConversationId:
        """Alice's room with some of her friends in it, one of them an owner, perhaps."""
        await self._world.open_relay("relay")
        clients = [await self._world.start(name, knows=("relay",)) for name in self._names]
        pairs = [
            (one, other)
            for one, other in combinations(clients, 2)
            if one is clients[0] or self._rng.random() < 0.4
        ]
        with trio.fail_after(SOON_S):
            for one, other in pairs:
                await befriend(one, other)
        others = [client.account for client in clients[1:]]
        members = self._rng.sample(others, self._rng.randrange(1, len(others) + 1))
        owners = members[:1] if self._rng.random() < 0.4 else []
        room = await clients[0].create_room("crew", members, owners, self._plan.history)
        for name in self._names:
            self._world.skew(name, draw_skew_ms(self._rng))
        return room.id

    async def _suffer(self, mates: list[Mate], trouble: Trouble) -> None:
        """The bad minutes."""
        with trio.move_on_after(TROUBLE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trouble.make)
                nursery.start_soon(self._fall_apart)
                for mate in mates:
                    nursery.start_soon(mate.live)
        trouble.end()

    async def _fall_apart(self) -> None:
        """Cut the network into parts that cannot reach each other, each time others, for ever."""
        while True:
            await trio.sleep(self._rng.uniform(0.0, PART_S_MIN))
            peers = [peer.identity.device.peer_id for peer in self._world.peers.values()]
            hosts = [*peers, self._world.relays["relay"].peer_id]
            left = frozenset(self._rng.sample(hosts, self._rng.randrange(1, len(hosts))))
            fault = Partition(left, frozenset(hosts) - left)
            self._world.network.apply(fault)
            self._parts += 1
            await trio.sleep(self._rng.uniform(PART_S_MIN, PART_S_MAX))
            self._world.network.lift(fault)

    async def _heal(self, mates: list[Mate], room: ConversationId) -> float:
        """Wait until all is well, and stays so; or complain when that takes too long."""
        peers = list(self._world.peers.values())
        began_s = trio.current_time()
        deadline_s = began_s + healing_s(len(peers))
        healed_after_s = healing_s(len(peers))
        while trio.current_time() < deadline_s:
            if not self._is_well(peers, mates, room):
                await trio.sleep(LOOKS_S)
                continue
            healed_after_s = trio.current_time() - began_s
            await trio.sleep(QUIET_S)
            if self._is_well(peers, mates, room):
                break  # else somebody was let in just now who had asked long before
        self._world.watch.settled(peers)
        self._world.watch.complain("Histories", self._objections(mates, room))
        for mate in mates:
            self._world.watch.complain("Histories", await mate.unexplained())
        return healed_after_s

    def _is_well(self, peers: list[Peer], mates: list[Mate], room: ConversationId) -> bool:
        """Whether nobody would complain now."""
        return self._world.watch.is_content(peers) and not any(self._objections(mates, room))

    def _objections(self, mates: list[Mate], room: ConversationId) -> Iterator[str]:
        """Where the histories of those who are in the room are not one, or not what they said."""
        peers, headers = self._world.peers.values(), self._world.watch.ledger.headers
        judged = Judged.by_owner(peers, room, headers)
        if judged is None:
            return
        there = [mate for mate in mates if mate.peer.identity.account in judged.members]
        histories = {mate.name: judged.history(mate.peer) for mate in there}
        first = there[0]
        for mate in there:
            history = histories[mate.name]
            yield from judged.differences(mate.peer, history, first.peer, histories[first.name])
            yield from mate.objections(history, judged.late)
            own = [m for m in history.values() if m.author == mate.peer.identity.account]
            if len(there) > 1:
                waited = [m for m in own if not judged.may_be_lost(mate.peer, m.id)]
                yield from _undelivered(mate.name, waited)


def _undelivered(author: str, own: Iterable[Message]) -> Iterator[str]:
    """What its author believes not to have arrived, though everybody is there."""
    arrived = (MessageState.DELIVERED, MessageState.READ)
    waiting = [message for message in own if message.state not in arrived]
    if waiting:
        yield f"{author} has {len(waiting)} texts {waiting[0].state}, such as {waiting[0].text!r}"
