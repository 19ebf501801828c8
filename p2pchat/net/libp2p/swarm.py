"""The connections of one host: accepting, upgrading, watching, closing.

py-libp2p's swarm never frees an inbound slot, takes a quarter of a second for a dial and then tries
one address, dials by itself, and ends with the first handler that raises. What it is good for is
below it: the Noise handshake and Yamux. This swarm takes those through one upgrade path for every
kind of pipe, and keeps each connection in a task of its own that can fail alone.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

import trio
from libp2p.abc import ISecureConn
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.upgrader import TransportUpgrader

from p2pchat.errors import MalformedMessage, PeerUnreachable, StreamReset
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.addresses import multiaddr_of
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.door import Door
from p2pchat.net.libp2p.foreign import Failed, foreign_errors, to_libp2p, to_peer
from p2pchat.net.libp2p.gating import pass_gate
from p2pchat.net.libp2p.guard import Admission, Refused
from p2pchat.net.libp2p.negotiation import NotServed, propose
from p2pchat.net.libp2p.options import HostOptions, Total
from p2pchat.net.libp2p.pipes import Pipe, TcpPipe
from p2pchat.net.libp2p.serving import Server
from p2pchat.net.libp2p.streams import Farewells, LibP2PStream, Origin
from p2pchat.net.port import ANOTHER_PEER, ProtocolId

__all__ = ["WATCH_INTERVAL_S", "Swarm"]

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S = 1.0
DETOUR_S = 5.0
"""How long a relayed connection stays beside a direct one: its long-lived streams move over."""

Changed = Callable[[PeerId, Connection | None], None]
"""Told of a peer whose connections changed, with the connection that is new, if one is."""


class Swarm:
    """Everything a host holds open; lives in `nursery`."""

    def __init__(
        self, me: PeerId, options: HostOptions, upgrader: TransportUpgrader, nursery: trio.Nursery
    ) -> None:
        self.nursery = nursery
        self.limits = options.limits
        self.totals: Counter[Total] = Counter()
        self.admission = Admission(me, options, self.totals)
        self.farewells = Farewells(nursery, options.limits)
        self.server = Server(self.admission.pace, self.farewells, options.limits, self.totals)
        self.server.flooded = self._flooded
        self.changed: Changed = lambda peer, new: None
        self._upgrader = upgrader
        self._connections: dict[PeerId, list[Connection]] = {}
        self.door = Door()

    @property
    def is_closed(self) -> bool:
        """True from the moment the host begins to close."""
        return self.door.is_closed

    @property
    def connections(self) -> list[Connection]:
        return [one for several in self._connections.values() for one in several]

    def of(self, peer: PeerId) -> Sequence[Connection]:
        """The connections with `peer`, in the order they came."""
        return self._connections.get(peer, ())

    def best(self, peer: PeerId) -> Connection | None:
        """The connection to open a stream on: a direct one, the one last heard of.

        A peer whose address changed comes back on a new connection while its old one still looks
        alive; nothing more is heard on that.
        """
        return max(
            self.of(peer),
            key=lambda one: (one.origin.path is not Path.RELAYED, one.heard_s),
            default=None,
        )

    # ---- making connections ----

    async def listen(self, listeners: Sequence[trio.SocketListener]) -> None:
        """Accept on `listeners` until the host closes."""
        await self.door.serve(listeners, self._accept, self.nursery)

    async def _accept(self, stream: trio.SocketStream) -> None:
        self.totals["accepted_total"] += 1
        pipe = TcpPipe(stream)
        try:
            remote = pipe.get_remote_address()
            if remote is None:
                return
            self.admission.require_allowed(remote[0])
            is_punched = self.door.has_knocked(remote[0])
            if not is_punched:
                self.door.called(remote[0])
            with self.admission.source(remote[0], trio.current_time()):
                path = Path.PUNCHED if is_punched else Path.DIRECT
                met = self.door.met(*remote)
                if await self.accept(pipe, multiaddr_of(*remote), path, met) is not None:
                    await pipe.closed.wait()
        except Refused as refused:
            self.totals[refused.total] += 1
        finally:
            pipe.abort()

    async def accept(
        self, pipe: Pipe, address: str, path: Path, met: PeerId | None = None
    ) -> Connection | None:
        """Let who dialled `pipe` authenticate, or, where `met` is to be there, authenticate it;
        None, and counted, when that fails."""
        try:
            with self.admission.handshake(pipe):
                await self.door.line_up()
                with trio.fail_after(self.limits.handshake_timeout_s):
                    return await self._upgrade(pipe, address, path, met, initiates=met is not None)
        except trio.TooSlowError:
            self.totals["handshakes_timed_out_total"] += 1
        except Failed as failed:
            self.totals["handshakes_failed_total"] += 1
            logger.debug("handshake of %s failed: %s", address, failed)
        except Refused as refused:
            self.totals[refused.total] += 1
            logger.debug("refused %s: %s", address, refused)
        return None

    async def secure(
        self, peer: PeerId, pipe: Pipe, address: str, path: Path, *, initiates: bool = True
    ) -> Connection:
        """Authenticate the far end of `pipe` as `peer`, who begins the handshake unless we do.

        Raises `Failed`, `Refused`; then nobody is connected, whoever answered.
        """
        return await self._upgrade(pipe, address, path, peer, initiates=initiates)

    async def verify(self, peer: PeerId, pipe: Pipe) -> None:
        """See whether `peer` answers at the far end of `pipe`, and cut it. Raises `Failed`."""
        try:
            await self._authenticate(pipe, peer)
        finally:
            pipe.abort()

    async def _upgrade(
        self, pipe: Pipe, address: str, path: Path, expected: PeerId | None, *, initiates: bool
    ) -> Connection:
        """The one road from a pipe to a connection; the pipe is aborted when it fails."""
        try:
            secured, peer = await self._authenticate(pipe, expected if initiates else None)
            if expected not in (None, peer):
                raise Failed(ANOTHER_PEER)
            origin = Origin(peer, address, pipe.remote or address, path, inbound=not initiates)
            self.admission.require_unblocked(origin, pipe)
            if origin.inbound:
                self.admission.require_pace(peer)
            with foreign_errors():
                muxed = await self._upgrader.upgrade_connection(secured, to_libp2p(peer))
            return await self._start(Connection(muxed, pipe, origin, self.limits))
        except BaseException:
            pipe.abort()
            raise

    async def _authenticate(
        self, pipe: Pipe, expected: PeerId | None
    ) -> tuple[ISecureConn, PeerId]:
        """The handshake, which we begin when we expect somebody."""
        dialled = expected is not None
        with foreign_errors():
            secured = await self._upgrader.upgrade_security(
                RawConnection(pipe, dialled), dialled, to_libp2p(expected) if dialled else None
            )
            return secured, to_peer(secured.get_remote_peer())

    async def _start(self, connection: Connection) -> Connection:
        await self.nursery.start(self._carry, connection)
        if self.admission.gate is not None:
            await pass_gate(self.admission.gate, connection, self.farewells)
        if connection.is_closed:
            raise Failed("the connection ended at once")
        peer, path = connection.origin.peer, connection.origin.path
        twin = None if connection.origin.inbound else self.twin(peer, path)
        if twin is not None:
            connection.abort()
            return twin
        connection.require_unblocked(self.admission)  # once more: time has passed
        self._make_room(peer)
        for older in self.of(peer):
            self.nursery.start_soon(older.ask)  # it may have been left without a word
        self._connections.setdefault(peer, []).append(connection)
        connection.admit()
        self.changed(peer, connection)
        if path is not Path.RELAYED:
            self.nursery.start_soon(self._give_up_detours, connection)
        return connection

    def twin(self, peer: PeerId, path: Path) -> Connection | None:
        """A connection that makes another outbound one on this path superfluous.

        Only another outbound one does: when both sides dial at once and each gave up its own for
        the other's, none would be left.
        """
        for one in self.of(peer):
            if one.origin.path is path and not one.origin.inbound and not one.is_closed:
                return one
        return None

    def _make_room(self, peer: PeerId) -> None:
        """Part with the least useful connection when there are too many, with `peer` or in all.

        Raises `Refused` when all of them are protected.
        """
        own = self.of(peer)
        if len(own) >= self.limits.connections_per_peer_max:
            self._evict(min(own, key=lambda one: one.heard_s))
        everyone = self.connections
        if len(everyone) < self.limits.connections_max:
            return
        spare = [one for one in everyone if self.admission.is_spare(one.origin.peer)]
        if not spare:
            raise Refused("refused_full_total", "too many connections")
        # Who has long-lived streams is protected by the node; of the others, mostly queries of the
        # DHT, the one whose last stream is longest ago is needed least.
        self._evict(min(spare, key=lambda one: one.used_s))

    def _evict(self, connection: Connection) -> None:
        self.totals["connections_evicted_total"] += 1
        self._part(connection)

    # ---- while they last ----

    async def _carry(self, connection: Connection, *, task_status: trio.TaskStatus[None]) -> None:
        try:
            await connection.run(self.server.serve, self._forget, task_status=task_status)
        finally:
            if connection.violation is not None:
                self._shun(connection.origin.peer)
                self._flooded(connection, connection.violation)
            self._forget(connection)

    def _shun(self, peer: PeerId) -> None:
        """But not a relay that holds a place for us: whose calls it brings is not its doing."""
        now_s, pace = trio.current_time(), self.admission.pace
        if not pace.is_our_relay(peer, now_s):
            pace.shun(peer, now_s)

    def _flooded(self, flooding: Connection, reason: str) -> None:
        """Cut off a peer that is shunned from now on, with all its connections."""
        origin = flooding.origin
        self.totals["connections_flooding_total"] += 1
        told = {"peer": str(origin.peer), "address": origin.address, "reason": reason}
        logger.warning("cut off %s: %s", origin.peer.short, reason, extra=told)
        for connection in (flooding, *self.of(origin.peer)):
            connection.abort()
            self._forget(connection)

    async def watch(self) -> None:
        """Ask silent peers for a sign of life, and cut those who give none; until cancelled."""
        while True:
            await trio.sleep(WATCH_INTERVAL_S)
            now_s = trio.current_time()
            for connection in self.connections:
                if connection.is_silent(now_s):
                    self.totals["connections_silent_total"] += 1
                    connection.abort()
                    self._forget(connection)
                elif connection.is_due(now_s, self._idle_s(connection.origin)):
                    self.nursery.start_soon(connection.ask)

    def _idle_s(self, origin: Origin) -> float:
        """How long a connection may be silent before it is asked for a sign of life."""
        if origin.path is Path.RELAYED or self.admission.is_carried(origin.peer):
            return self.limits.keepalive_carried_idle_s
        return self.limits.keepalive_idle_s

    async def _give_up_detours(self, direct: Connection) -> None:
        """Part with the relayed connections of a peer, once streams had time to move over."""
        detours = [one for one in self.of(direct.origin.peer) if one.origin.path is Path.RELAYED]
        if detours:
            await trio.sleep(DETOUR_S)
        for one in detours:
            if not direct.is_closed and not one.is_closed:
                self._part(one)

    async def open(self, peer: PeerId, protocols: Sequence[ProtocolId]) -> LibP2PStream:
        """Open a stream on the best connection. Raises `PeerUnreachable`, `StreamReset`."""
        connection = self.best(peer)
        if connection is None:
            raise PeerUnreachable(f"there is no connection with {peer}")
        return await self.open_on(connection, protocols)

    async def open_on(
        self, connection: Connection, protocols: Sequence[ProtocolId]
    ) -> LibP2PStream:
        """Open a stream on this connection. Raises `StreamReset`."""
        try:
            muxed = await connection.open_stream()
            try:
                choice = await propose(muxed, protocols)
            except BaseException:
                self.farewells.drop(muxed)
                raise
        except (Failed, NotServed, MalformedMessage, trio.BrokenResourceError) as error:
            raise StreamReset(str(error)) from error
        self.totals["streams_opened_total"] += 1
        return LibP2PStream(muxed, connection.origin, choice, self.farewells)

    # ---- ending them ----

    def block(self, blocks: BlockList) -> None:
        """Cut the connections that are blocked from now on, and make none again."""
        self.admission.blocks = blocks
        for connection in self.connections:
            try:
                connection.require_unblocked(self.admission)
            except Refused:
                connection.abort()
                self._forget(connection)

    async def disconnect(self, peer: PeerId) -> None:
        """Close all connections with `peer`."""
        several = tuple(self.of(peer))
        for connection in several:
            self._part(connection)
        for connection in several:
            await connection.wait_closing()

    async def aclose(self) -> None:
        """Accept no more, and close all connections, within the limit for one."""
        self.door.close()
        async with trio.open_nursery() as nursery:
            for connection in self.connections:
                self._forget(connection)
                nursery.start_soon(connection.close)
        self.farewells.close()

    def _part(self, connection: Connection) -> None:
        """Forget it at once, say goodbye behind."""
        self._forget(connection)
        self.nursery.start_soon(connection.close)

    def _forget(self, connection: Connection) -> None:
        peer = connection.origin.peer
        several = self._connections.get(peer, [])
        if connection not in several:
            return
        several.remove(connection)
        if not several:
            del self._connections[peer]
        self.changed(peer, None)
