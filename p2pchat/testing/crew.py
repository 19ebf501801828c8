"""A room by invitation in which people come and go, are away, and crash.

The cast of `p2pchat.testing.scenario` talks with contacts and in open rooms alone: whoever wants to
know what holds among members that an owner lets in and puts out plays this world.

    python -m p2pchat.testing --crew --seed 7
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import trio

from p2pchat.client.client import Client
from p2pchat.events import ContactRequested
from p2pchat.model.contact import ContactState
from p2pchat.model.explanation import MessageCause
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.room import Role
from p2pchat.testing.replay import replayable
from p2pchat.testing.world import World, run_world

__all__ = ["CrewPlan", "CrewReport", "befriend", "play_crew", "until"]

NAMES = ("alice", "bob", "carol", "dave")
"""Alice has the room; Dave, once he has left, never comes back."""
STEPS = 30
SETTLING_S = 150.0
SOON_S = 90.0
"""What people wait for who do what needs no luck."""


@dataclass(frozen=True, slots=True)
class CrewPlan:
    """Which world. `until_s` cuts it short without changing what comes before."""

    seed: int
    until_s: float | None = None

    def __str__(self) -> str:
        until = f" --until {self.until_s:g}" if self.until_s is not None else ""
        return f"python -m p2pchat.testing --crew --seed {self.seed}{until}"


@dataclass(frozen=True, slots=True)
class CrewReport:
    """What happened in a world in which nothing was wrong."""

    plan: CrewPlan
    texts: int
    steps: int
    """Lines of the trace."""
    digest: str
    """Of the trace: equal for equal runs."""

    def __str__(self) -> str:
        return f"{self.plan}: {self.texts} texts, {self.steps} steps, trace {self.digest}"


def play_crew(plan: CrewPlan) -> CrewReport:
    """Play a world to its end.

    Raises `InvariantBroken`, or what a node raised, with a note that says how to see it again.
    """

    async def scenario(world: World) -> CrewReport:
        crew = _Crew(world)
        with trio.move_on_at(plan.until_s or math.inf):
            await crew.play()
        trace = world.network.trace
        return CrewReport(plan, crew.texts, trace.count, trace.digest)

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
    def __init__(self, world: World) -> None:
        self.texts = 0
        self._world = world
        self._rng = world.rng("comings and goings")
        self._clients: dict[str, Client] = {}
        """Of who is there."""

    async def play(self) -> None:
        """Let people come and go, let everybody come back, and ask what has become of it."""
        await self._world.open_relay("relay")
        for name in NAMES:
            self._clients[name] = await self._world.start(name, knows=("relay",))
        with trio.fail_after(SOON_S):
            for one, other in combinations(self._clients.values(), 2):
                await befriend(one, other)
        members = [self._clients[name].account for name in ("bob", "dave")]
        room = (await self._clients["alice"].create_room("crew", members)).id
        for _ in range(STEPS):
            await self._do_something(room)
            await trio.sleep(self._rng.choice([0, 0.2, 3, 30]))
        for name in NAMES:
            if name not in self._clients:
                await self._open(name)
        await trio.sleep(SETTLING_S)
        await self._ask_for_reasons(room)

    async def _do_something(self, room: ConversationId) -> None:
        name = self._rng.choice(NAMES)
        match self._rng.choice(["send", "send", "send", "in or out", "in or out", "away", "away"]):
            case "send":
                there = [one for one in self._clients.values() if _is_in(one, room)]
                await self._rng.choice(there).room(room).send(f"number {self.texts}")
                self.texts += 1
            case "in or out" if name != "alice":
                await self._let_in_or_out(name, room)
            case _:
                await self._come_or_go(name)

    async def _let_in_or_out(self, name: str, room: ConversationId) -> None:
        if name == "dave":
            if name in self._clients and _is_in(self._clients[name], room):
                await self._clients[name].room(room).leave()
            return
        alices, account = (
            self._clients["alice"].room(room),
            self._world.peers[name].identity.account,
        )
        if account in [member.account for member in alices.members()]:
            await alices.remove(account)
        else:
            await alices.set_role(account, Role.MEMBER)

    async def _come_or_go(self, name: str) -> None:
        if name not in self._clients:
            await self._open(name)
            return
        self._world.crash(name)
        del self._clients[name]
        if name == "alice":
            await self._open(name)

    async def _open(self, name: str) -> None:
        self._clients[name] = await self._world.open(name)

    async def _ask_for_reasons(self, room: ConversationId) -> None:
        """A message's state and what is explained of it are one."""
        alice = self._clients["alice"]
        own = [m for m in await alice.room(room).history(limit=500) if m.author == alice.account]
        for message in own:
            told = await alice.explain(message.id)
            is_delivered = message.state is MessageState.DELIVERED
            if (told.cause is MessageCause.DELIVERED) is not is_delivered:
                what = f"alice explains {message.text!r}, which is {message.state}, by {told}"
                self._world.watch.complain("Histories", [what])


def _is_in(client: Client, room: ConversationId) -> bool:
    roles = [one.info.role for one in client.rooms() if one.id == room]
    return bool(roles) and roles[0] in (Role.OWNER, Role.MEMBER)
