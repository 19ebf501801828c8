"""Inbound streams: which handler, how many, and what happens when one fails.

In py-libp2p an exception of a stream handler ends the application, streams are unbounded, and a
peer that was blocked keeps the streams it has. Here each stream runs behind a guard: a stranger's
fault, or a bug of ours, costs that stream and a line in the log.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import trio
from libp2p.abc import IMuxedStream

from p2pchat.errors import MalformedMessage, RemoteProtocolError
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.negotiation import answer
from p2pchat.net.libp2p.options import HostLimits, Total
from p2pchat.net.libp2p.pace import Pace, Verdict
from p2pchat.net.libp2p.streams import Choice, Farewells, LibP2PStream
from p2pchat.net.port import Handler, ProtocolId

__all__ = ["Server"]

logger = logging.getLogger(__name__)


Flooded = Callable[[Connection, str], None]
"""Told of a connection whose peer is shunned from now on, and why."""


class Server:
    """Serves inbound streams of every connection."""

    def __init__(
        self,
        pace: Pace,
        farewells: Farewells,
        limits: HostLimits,
        totals: Counter[Total],
    ) -> None:
        self.handlers: dict[ProtocolId, Handler] = {}
        self.flooded: Flooded = lambda connection, reason: connection.abort()
        self._pace = pace
        self._farewells = farewells
        self._limits = limits
        self._totals = totals

    async def serve(self, connection: Connection, muxed: IMuxedStream) -> None:
        """Negotiate and handle one inbound stream, which has a place among the negotiations of its
        connection; raises nothing."""
        connection.inbound.serving += 1
        try:
            choice = await self._agree(connection, muxed)
            if choice is not None:
                await self._handle(LibP2PStream(muxed, connection.origin, choice, self._farewells))
        finally:
            connection.inbound.serving -= 1

    async def _agree(self, connection: Connection, muxed: IMuxedStream) -> Choice | None:
        """The protocol of a stream that is admitted, and gives its place to the next one."""
        try:
            if self._admits(connection):
                return await self._negotiate(connection, muxed)
            await self._farewells.reset(muxed)
            return None
        finally:
            connection.inbound.negotiations.release()

    def _admits(self, connection: Connection) -> bool:
        """Whether another stream of this connection is looked at; counted when not."""
        if connection.is_closed:
            self._totals["streams_refused_late_total"] += 1
            return False
        peer, now_s = connection.origin.peer, trio.current_time()
        if connection.inbound.serving > self._limits.streams_per_connection_max:
            verdict = self._pace.lose_patience(peer, now_s)
            return self._obeys(connection, verdict, "streams_refused_full_total")
        return self._obeys(connection, self._pace.judge_stream(peer, now_s))

    def _obeys(
        self,
        connection: Connection,
        verdict: Verdict,
        total: Total = "streams_refused_pace_total",
    ) -> bool:
        """Whether a stream goes on; who floods us loses the connection."""
        if verdict is Verdict.SERVE:
            return True
        self._totals[total] += 1
        if verdict is Verdict.CUT:
            self.flooded(connection, "it opens streams without end")
        return False

    async def _negotiate(self, connection: Connection, muxed: IMuxedStream) -> Choice | None:
        try:
            with trio.fail_after(self._limits.negotiation_timeout_s):
                choice = await answer(muxed, self.handlers.__contains__)
        except (MalformedMessage, trio.TooSlowError) as error:
            self._totals["streams_malformed_total"] += 1
            connection.inbound.malformed += 1
            logger.debug("stream of %s not negotiated: %s", connection.origin.peer.short, error)
            is_last = connection.inbound.malformed == self._limits.malformed_streams_max
            await self._farewells.reset(muxed)
            if is_last:
                self._cut(connection, "its streams ask for no protocol")
            return None
        except trio.BrokenResourceError:
            return None  # the peer changed its mind, or is gone
        peer, now_s = connection.origin.peer, trio.current_time()
        if not self._obeys(connection, self._pace.judge_protocol(peer, choice.protocol, now_s)):
            await self._farewells.reset(muxed)
            return None
        self._totals["streams_accepted_total"] += 1
        return choice

    def _cut(self, connection: Connection, reason: str) -> None:
        """End a connection, and say so; its peer may come again."""
        origin = connection.origin
        told = {"peer": str(origin.peer), "address": origin.address, "reason": reason}
        logger.warning("cut off %s: %s", origin.peer.short, reason, extra=told)
        connection.abort()

    async def _handle(self, stream: LibP2PStream) -> None:
        handler = self.handlers.get(stream.protocol)
        if handler is None:  # taken back while it was being negotiated
            await stream.reset()
            return
        try:
            await handler(stream)
        except (RemoteProtocolError, trio.BrokenResourceError, trio.TooSlowError) as error:
            self._totals["streams_broken_total"] += 1
            logger.debug("%s of %s broke: %s", stream.protocol, stream.peer.short, error)
            await stream.reset()
        except Exception:
            # The one seam where a handler's fault ends: a peer must not be able to end the node.
            self._totals["handlers_failed_total"] += 1
            logger.warning(
                "handler of %s failed for %s", stream.protocol, stream.peer.short, exc_info=True
            )
            await stream.reset()
        except BaseException:
            stream.abandon()
            raise
