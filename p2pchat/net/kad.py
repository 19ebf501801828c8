"""Carries the Kademlia machine's decisions over a `Host`, and tells it what happens there.

    driver:  put(Answered …) -> KadMachine.handle -> carry(effects)

`kad_queries` asks, `kad_requests` serves. The carrier also says who is connected, and does so
before it passes on a word of that peer: what may be believed depends on where it speaks from.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.kad.config import KAD_PROTOCOL, KadConfig
from p2pchat.kad.vocabulary import (
    Answer,
    Asked,
    Discovered,
    KadEffect,
    KadInput,
    PeerDown,
    PeerUp,
    Query,
    Refuse,
    Serve,
)
from p2pchat.model.ids import PeerId
from p2pchat.net.kad_queries import KadQueries
from p2pchat.net.kad_requests import KadRequests
from p2pchat.net.port import Connectedness, Host, PeerChanged

__all__ = ["KadCarrier", "KadCarrierStatistics", "peer_up"]


@dataclass(frozen=True, slots=True)
class KadCarrierStatistics:
    """Sizes now, and counts since the start."""

    idle_streams: int
    served_streams: int
    queries: int
    """On their way, or waiting for their turn."""
    refused_streams: int
    """Reset because their peer had too many."""
    malformed: int
    """Streams reset because of bytes that are no request."""


def peer_up(state: Connectedness) -> PeerUp:
    """What the machine is told of a connected peer."""
    return PeerUp(
        state.peer,
        state.addresses,
        KAD_PROTOCOL in state.protocols if state.protocols else None,
        tuple(dict.fromkeys((*state.dialled, *state.announced))),
    )


class KadCarrier:
    """Between one Kademlia machine and a host; `run` it, and give its effects to `carry`.

    `put` feeds the machine's driver, `told` hears of discovered peers.
    """

    def __init__(
        self,
        host: Host,
        put: Callable[[KadInput], Awaitable[None]],
        told: Callable[[Discovered], Awaitable[None]],
        config: KadConfig | None = None,
    ) -> None:
        config = KadConfig() if config is None else config
        self._host = host
        self._put = put
        self._told = told
        self._queries = KadQueries(host, config)
        self._requests = KadRequests(config, self._pass_on)
        self._up: dict[PeerId, Connectedness] = {}
        self._nursery: trio.Nursery | None = None

    def statistics(self) -> KadCarrierStatistics:
        """What is open and what was refused."""
        return KadCarrierStatistics(
            self._queries.idle,
            self._requests.streams,
            self._queries.under_way,
            self._requests.refused_streams,
            self._requests.malformed,
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry until cancelled, or until the host closes."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                changes = self._host.changes()
                task_status.started()
                async for change in changes:
                    await self._follow(change)
            finally:
                self._nursery = None
                self._host.unserve(KAD_PROTOCOL)
                self._requests.close()
                with trio.CancelScope(shield=True):
                    await self._queries.close()
            nursery.cancel_scope.cancel()

    async def carry(self, effects: Sequence[KadEffect]) -> None:
        """Do what the machine decided; waits for no network."""
        for effect in effects:
            match effect:
                case Query():
                    if self._nursery is not None:
                        self._nursery.start_soon(self._ask, effect)
                case Answer() | Refuse():
                    self._requests.decide(effect)
                case Serve(is_server):
                    self._serve(is_server)
                case Discovered():
                    await self._told(effect)
                case _:
                    pass  # timers and replies are the driver's

    def _serve(self, is_server: bool) -> None:
        if is_server:
            self._host.serve(KAD_PROTOCOL, self._requests.serve)
        else:
            self._host.unserve(KAD_PROTOCOL)

    async def _ask(self, query: Query) -> None:
        outcome = await self._queries.ask(query)
        await self._introduce(query.peer)
        await self._put(outcome)

    async def _pass_on(self, asked: Asked) -> None:
        await self._introduce(asked.peer)
        await self._put(asked)

    async def _follow(self, change: PeerChanged) -> None:
        if change.state is not None:
            await self._tell(change.state)
            return
        self._up.pop(change.peer, None)
        await self._queries.forget(change.peer)
        await self._put(PeerDown(change.peer))

    async def _introduce(self, peer: PeerId) -> None:
        """A peer may speak before the news of its connection was read."""
        if peer not in self._up:
            for state in self._host.peers:
                if state.peer == peer:
                    await self._tell(state)

    async def _tell(self, state: Connectedness) -> None:
        if self._up.get(state.peer) != state:
            self._up[state.peer] = state
            await self._put(peer_up(state))
