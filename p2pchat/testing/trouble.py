"""What befalls a world: crashes, broken networks and clocks that jump, all drawn from its seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import trio

from p2pchat.errors import NodeClosed
from p2pchat.model.ids import PeerId
from p2pchat.testing.cast import draw_skew_ms
from p2pchat.testing.fate import Moment
from p2pchat.testing.faults import (
    Fault,
    HalfOpen,
    Link,
    Partition,
    Refusal,
    ResetNext,
    SlowLink,
    StandingFault,
)
from p2pchat.testing.world import World

__all__ = ["Trouble"]

DOWN_SHARE_MAX = 0.4
"""Of all peers, at the same time."""
AWAY_S_MAX, AWAY_S_MAX_WITH_MAIL = 12.0, 30.0
"""Mail is written when nobody answers any more."""


@dataclass(slots=True)
class Trouble:
    """All that goes wrong; `make` it until cancelled, then `end` it."""

    world: World
    crashes: int = 0
    faults: int = 0

    async def make(self) -> None:
        """Let things go wrong, each kind at a pace of its own."""
        count = len(self.world.peers)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._at_times, "crash", min(5.0, 40 / count), self._crash)
            nursery.start_soon(self._at_times, "fault", min(3.0, 30 / count), self._break)
            nursery.start_soon(self._at_times, "clock", 100 / count, self._jump)

    def end(self) -> None:
        """Nothing more goes wrong; clocks stay as wrong as they are."""
        self.world.network.heal()
        for peer in self.world.peers.values():
            if peer.life is not None:
                peer.life.fate.spare()

    async def _at_times(
        self, purpose: str, pace_s: float, strike: Callable[[Random, trio.Nursery], None]
    ) -> None:
        rng = self.world.rng(purpose)
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(rng.expovariate(1 / pace_s))
                strike(rng, nursery)

    def _crash(self, rng: Random, nursery: trio.Nursery) -> None:
        """Kill somebody now or at some step to come, or let somebody close in order."""
        up = [peer.name for peer in self.world.up()]
        if len(up) < (1 - DOWN_SHARE_MAX) * len(self.world.peers):
            return
        name = rng.choice(up)
        match rng.randrange(10):
            case 0:
                nursery.start_soon(self.world.stop, name)
            case 1 | 2:
                self.world.crash(name, noticed_after_s=rng.choice([0.0, None]))
            case _:
                self.world.doom(name, rng.choice(list(Moment)), rng.randrange(1, 20))
        self.crashes += 1
        away_s_max = AWAY_S_MAX if self.world.mail is None else AWAY_S_MAX_WITH_MAIL
        nursery.start_soon(self._reopen, name, rng.uniform(0.1, away_s_max))

    async def _reopen(self, name: str, after_s: float) -> None:
        """Open a peer again some time after it has gone down, unless that was done."""
        peer = self.world.peers[name]
        life = peer.life
        assert life is not None, "it was up"
        await life.ended.wait()
        await trio.sleep(after_s)
        if peer.life is not life:
            return
        try:
            await self.world.open(name)
        except NodeClosed:
            return  # it was doomed once more, and this comes again

    def _break(self, rng: Random, nursery: trio.Nursery) -> None:
        peers = [peer.host for peer in self.world.peers.values() if peer.host is not None]
        hosts = [host.peer_id for host in [*peers, *self.world.relays.values()]]
        fault = _draw_fault(rng, hosts)
        self.world.network.apply(fault)
        self.faults += 1
        if isinstance(fault, StandingFault):
            nursery.start_soon(self._lift, fault, rng.uniform(1.0, 12.0))

    async def _lift(self, fault: StandingFault, after_s: float) -> None:
        await trio.sleep(after_s)
        self.world.network.lift(fault)

    def _jump(self, rng: Random, nursery: trio.Nursery) -> None:
        name = rng.choice(list(self.world.peers))
        self.world.skew(name, draw_skew_ms(rng))


def _draw_fault(rng: Random, hosts: list[PeerId]) -> Fault:
    one, other = rng.sample(hosts, 2)
    match rng.randrange(8):
        case 0 | 1:
            left = frozenset(rng.sample(hosts, rng.randrange(1, len(hosts))))
            return Partition(left, frozenset(hosts) - left, one_way=rng.random() < 0.5)
        case 2:
            return Partition(frozenset([one]), frozenset([other]), one_way=rng.random() < 0.5)
        case 3 | 4:
            return ResetNext(one, other, inside=rng.random() < 0.5)
        case 5:
            return HalfOpen(one, other)
        case 6:
            return Refusal(one)
        case _:
            slow = Link(rng.uniform(0.1, 1.0), rng.uniform(0.0, 0.5), rng.uniform(5_000, 100_000))
            return SlowLink(one, other, slow)
