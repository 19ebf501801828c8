"""One authenticated, multiplexed connection and the life on it.

py-libp2p's own `SwarmConn` ends the whole application when a stream handler raises, configures the
root logger, and sleeps a tenth of a second to close. This one owns the multiplexer's task and its
handlers', says goodbye within a limit and then cuts the pipe, and gives handlers that outlive it a
grace before they are cancelled.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import trio
from libp2p.abc import IMuxedConn, IMuxedStream

from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.guard import Admission
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.pipes import Pipe
from p2pchat.net.libp2p.streams import Origin
from p2pchat.net.libp2p.turns import turn_s
from p2pchat.net.libp2p.yamux import LeanYamux

__all__ = ["LONG_TURN_S", "PAUSE_S_MAX", "Connection"]

LONG_TURN_S = 0.001
PAUSE_TURNS = 10
"""How many turns of the event loop pass between two streams of a connection when they are long."""
PAUSE_S_MAX = 0.02
"""However busy the host is."""
STOCK_PLACES = 1 << 16
"""Without end: each stream is served as it comes, and too many are reset."""

logger = logging.getLogger(__name__)

Serve = Callable[["Connection", IMuxedStream], Awaitable[None]]
Ended = Callable[["Connection"], None]


@dataclass(slots=True, eq=False)
class Inbound:
    """The streams that the other side opened."""

    negotiations: trio.Semaphore
    """A place for each until its protocol is agreed on; whoever serves it gives the place back."""
    serving: int = 0
    """How many are served now."""
    malformed: int = 0
    """How many failed to agree on a protocol."""


class Connection:
    """A connection that is up, from the moment `run` was started until `is_closed`."""

    def __init__(self, muxed: IMuxedConn, pipe: Pipe, origin: Origin, limits: HostLimits) -> None:
        self.origin = origin
        self.muxed = muxed
        is_lean = isinstance(muxed, LeanYamux)
        # py-libp2p's own reads nothing for streams that are served while others wait.
        places = limits.negotiations_per_connection_max if is_lean else STOCK_PLACES
        self.inbound = Inbound(trio.Semaphore(places))
        self.is_closed = False
        self.used_s = trio.current_time()
        self._pipe = pipe
        self._limits = limits
        self._asked_s: float | None = None
        self._admitted = trio.Event()

    @property
    def leaves_from_listener(self) -> bool:
        """We dialled it from the port that we listen on."""
        return self._pipe.leaves_from_listener

    @property
    def remote_host(self) -> str | None:
        """The IP address of the other side; None when a relay is in between."""
        remote = self._pipe.get_remote_address()
        return remote and remote[0]

    @property
    def heard_s(self) -> float:
        """When the other side last gave a sign of life."""
        return self._pipe.heard_s

    @property
    def violation(self) -> str | None:
        """How the other side broke the rules of multiplexing, which ended the connection."""
        muxed = self.muxed
        return muxed.session.violation if isinstance(muxed, LeanYamux) else None

    async def run(self, serve: Serve, ended: Ended, *, task_status: trio.TaskStatus[None]) -> None:
        """Carry the connection; started once streams can be opened.

        Serves those of the other side once `admit` was called. Calls `ended` when it is over, and
        returns when its handlers are.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._multiplex)
                await self.muxed.event_started.wait()
                task_status.started()
                await self._admitted.wait()
                await self._accept(nursery, serve)
                self.is_closed = True
                ended(self)
                with trio.move_on_after(self._limits.close_timeout_s):
                    await self._pipe.closed.wait()
                self._pipe.abort()
                nursery.cancel_scope.deadline = trio.current_time() + self._limits.handler_grace_s
        finally:
            self.abort()

    async def _multiplex(self) -> None:
        try:
            with foreign_errors():
                await self.muxed.start()
        except Failed as failed:
            logger.debug("connection with %s ended: %s", self.origin.peer.short, failed)
            self._pipe.abort()
        finally:
            self._admitted.set()

    def require_unblocked(self, admission: Admission) -> None:
        """Raise `Refused` when it is blocked."""
        admission.require_unblocked(self.origin, self._pipe)

    def admit(self) -> None:
        """Serve its streams: the host knows of it now, so that whoever handles one may ask."""
        self._admitted.set()

    async def _accept(self, nursery: trio.Nursery, serve: Serve) -> None:
        """Serve one stream a turn of the event loop: a burst of them holds nobody else up."""
        while True:
            await _others_turn()
            await self.inbound.negotiations.acquire()
            try:
                with foreign_errors():
                    stream = await self.muxed.accept_stream()
            except Failed:
                return  # the connection ended; that is how py-libp2p says so
            self.used_s = trio.current_time()
            nursery.start_soon(serve, self, stream)

    async def open_stream(self) -> IMuxedStream:
        """A new outbound stream, not negotiated yet. Raises `Failed`."""
        self.used_s = trio.current_time()
        with foreign_errors():
            return await self.muxed.open_stream()

    async def close(self) -> None:
        """Say goodbye, within a limit, and cut the pipe."""
        self.is_closed = True
        with trio.move_on_after(self._limits.close_timeout_s, shield=True):
            try:
                with foreign_errors():
                    await self.muxed.close()
            except Failed as failed:
                logger.debug("no goodbye to %s: %s", self.origin.peer.short, failed)
        self._pipe.abort()

    async def wait_closing(self) -> None:
        """Until goodbye was said, or could not be."""
        await self._pipe.closing.wait()

    async def wait_closed(self) -> None:
        """Until nothing of the pipe is left."""
        await self._pipe.closed.wait()

    def abort(self) -> None:
        """Cut the pipe; `run` does the rest."""
        self.is_closed = True
        self._pipe.abort()

    def is_silent(self, now_s: float) -> bool:
        """True when it was asked for a sign of life and gave none in time."""
        asked_s = self._asked_s
        return (
            asked_s is not None
            and self.heard_s <= asked_s
            and now_s - asked_s > self._limits.keepalive_timeout_s
        )

    def is_due(self, now_s: float, idle_s: float) -> bool:
        """True when it is time to ask, after `idle_s` of silence."""
        waiting = self._asked_s is not None and self.heard_s <= self._asked_s
        return not waiting and now_s - self.heard_s > idle_s

    async def ask(self) -> None:
        """Send something that has to be answered."""
        if self._asked_s is None or self.heard_s > self._asked_s:
            self._asked_s = trio.current_time()
        muxed: Any = self.muxed
        try:
            with foreign_errors():
                await muxed.ping()
        except Failed:
            self._pipe.abort()


async def _others_turn() -> None:
    """Let a turn of the event loop pass, and several more when it took long."""
    passed_s = await turn_s()
    if passed_s > LONG_TURN_S:
        await trio.sleep(min(PAUSE_TURNS * passed_s, PAUSE_S_MAX))
