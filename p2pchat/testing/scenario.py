"""One seed, one bad minute: people talk while everything goes wrong, then all of it must be right.

For `TROUBLE_S` peers come, talk, crash and come back on a network that breaks. Then everything
heals, and within the time that catching up may take (`healing_s`) every log must be equal, every
history what the oracle predicts, every text marked as delivered. Checkers look on all the time.

    python -m p2pchat.testing --seed 8821 --peers 50 --mail
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import trio

from p2pchat.protocol.sync import INTERVAL_S
from p2pchat.testing.cast import RELAYS, draw_cast
from p2pchat.testing.mailboxes import MailRelays
from p2pchat.testing.oracle import Oracle
from p2pchat.testing.people import Person
from p2pchat.testing.replay import replayable
from p2pchat.testing.trouble import Trouble
from p2pchat.testing.villains import DoubleTalker, Liar, Stranger
from p2pchat.testing.world import World, run_world

__all__ = ["QUIET_S", "TROUBLE_S", "Plan", "Report", "healing_s", "play"]

TROUBLE_S = 40.0
QUIET_S = 3.0
"""Once all is well, it stays so: nothing comes twice, nothing changes any more."""
VILLAINS = (Stranger, DoubleTalker, Liar)


def healing_s(members: int) -> float:
    """How long catching up may take: three sync intervals, and one for each doubling."""
    return (3 + math.log2(members)) * INTERVAL_S


@dataclass(frozen=True, slots=True)
class Plan:
    """Which scenario. `until_s` cuts it short without changing what comes before."""

    seed: int
    peers: int = 20
    until_s: float | None = None
    has_mail: bool = False
    """Whether relays keep mail for who is away."""

    def __str__(self) -> str:
        until = f" --until {self.until_s:g}" if self.until_s is not None else ""
        mail = " --mail" if self.has_mail else ""
        return f"python -m p2pchat.testing --seed {self.seed} --peers {self.peers}{until}{mail}"


@dataclass(frozen=True, slots=True)
class Report:
    """What happened in a scenario in which nothing was wrong."""

    plan: Plan
    ended_s: float
    """Virtual time at the end."""
    healed_after_s: float | None
    """How long catching up took; None when the plan was cut before."""
    texts: int
    crashes: int
    faults: int
    letters: int
    """Left with relays for who was away."""
    steps: int
    """Lines of the trace."""
    digest: str
    """Of the trace: equal for equal runs."""

    def __str__(self) -> str:
        healed = f"{self.healed_after_s:.1f} s" if self.healed_after_s is not None else "not asked"
        return (
            f"{self.plan}: {self.texts} texts, {self.crashes} crashes, {self.faults} faults,"
            f" {self.letters} letters, healed after {healed}, {self.steps} steps,"
            f" trace {self.digest}"
        )


def play(plan: Plan) -> Report:
    """Play a scenario to its end.

    Raises `InvariantBroken`, or what a node raised, with a note that says how to see it again.
    """

    async def scenario(world: World) -> Report:
        return await _Scenario(plan, world).play()

    with replayable(plan):
        return run_world(scenario, plan.seed)


class _Scenario:
    def __init__(self, plan: Plan, world: World) -> None:
        self._plan = plan
        self._world = world
        self._oracle = Oracle(world.watch.ledger)
        self._trouble = Trouble(world)
        if plan.has_mail:
            world.mail = MailRelays()
        cast = draw_cast(world.rng("cast"), plan.peers)
        for role in cast:
            world.make(role.name, role.options)
            world.skew(role.name, role.skew_ms)
        self._people = [Person(world, role, self._oracle) for role in cast]

    async def play(self) -> Report:
        healed_after_s: float | None = None
        for relay in RELAYS:
            await self._world.open_relay(relay)
        with trio.move_on_at(self._plan.until_s or math.inf):
            async with trio.open_nursery() as nursery:
                for person in self._people:
                    nursery.start_soon(person.live)
                    nursery.start_soon(person.say_yes)
                await self._suffer()
                for person in self._people:
                    await person.come_up()
                healed_after_s = await self._heal()
                nursery.cancel_scope.cancel()
        return Report(
            self._plan,
            trio.current_time(),
            healed_after_s,
            self._oracle.binding_count,
            self._trouble.crashes,
            self._trouble.faults,
            self._world.mail.taken if self._world.mail is not None else 0,
            self._world.network.trace.count,
            self._world.network.trace.digest,
        )

    async def _suffer(self) -> None:
        """The bad minute."""
        with trio.move_on_at(TROUBLE_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._trouble.make)
                for person in self._people:
                    nursery.start_soon(person.talk)
                for villain in VILLAINS:
                    nursery.start_soon(villain(self._world, villain.__name__).live)
        self._trouble.end()

    async def _heal(self) -> float:
        """Wait until all is well, and stays so; or complain when that takes too long."""
        peers = list(self._world.peers.values())
        began_s = trio.current_time()
        deadline_s = began_s + healing_s(len(peers))
        while trio.current_time() < deadline_s:
            if self._is_well():
                break
            await trio.sleep(1.0)
        healed_after_s = trio.current_time() - began_s
        await trio.sleep(QUIET_S)
        self._world.watch.settled(peers)
        self._world.watch.complain("Histories", self._oracle.objections(peers))
        waiting = (f"{one.name} still waits" for one in self._people if not one.is_settled)
        self._world.watch.complain("Histories", waiting)
        return healed_after_s

    def _is_well(self) -> bool:
        peers = list(self._world.peers.values())
        return (
            all(person.is_settled for person in self._people)
            and self._world.watch.is_content(peers)
            and not any(self._oracle.objections(peers))
        )
