"""Carrying circuits for others.

Whoever is connected may reserve; whoever is connected may call a peer that has reserved. A circuit
is two streams joined: its bytes, its age and its number are bounded, and it is counted. The relay
forwards what it cannot read.

py-libp2p's own service lets one peer reserve in the name of others, mixes up two circuits of one
caller, and writes its status messages into the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

import trio
from libp2p.relay.circuit_v2.pb.circuit_pb2 import (
    HopMessage,
    Limit,
    Reservation,
    Status,
    StopMessage,
)
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as PeerMessage
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # it has none

from p2pchat.errors import NetworkError, RemoteProtocolError
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.options import CircuitLimits, HostOptions
from p2pchat.net.libp2p.relay_messages import HOP, STOP, read_message, write_message
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.port import Stream

__all__ = ["Hop"]

ANSWER_TIMEOUT_S = 5.0
CHUNK_BYTES = 65_536
CIRCUITS_PER_PAIR_MAX = 4
"""Circuits from one caller to one target: no single caller uses up what a peer may receive."""


class _Refusal(Exception):
    """What the asker is told."""

    def __init__(self, status: Status.ValueType) -> None:
        super().__init__(status)
        self.status = status


class Hop:
    """The relay's side of relaying."""

    def __init__(
        self, swarm: Swarm, options: HostOptions, addresses: Callable[[], Iterable[str]]
    ) -> None:
        self._swarm = swarm
        self._limits: CircuitLimits = options.circuits
        self._wall_clock_s = options.wall_clock_s
        self._addresses = addresses
        self._until_s: dict[PeerId, float] = {}
        self._calls: Counter[PeerId] = Counter()
        self._called: Counter[PeerId] = Counter()
        self._pairs: Counter[tuple[PeerId, PeerId]] = Counter()
        self.circuits_open = 0
        swarm.server.handlers[HOP] = self._asked

    @property
    def reservations(self) -> int:
        """Peers that can be called through here."""
        self._expire()
        return len(self._until_s)

    def lost(self, peer: PeerId) -> None:
        """Take note that `peer` is not connected any more, which ends its reservation."""
        self._until_s.pop(peer, None)
        self._swarm.admission.carried.discard(peer)

    async def _asked(self, stream: Stream) -> None:
        assert isinstance(stream, LibP2PStream)
        try:
            with trio.fail_after(ANSWER_TIMEOUT_S):
                message = await read_message(stream, HopMessage())
            if stream.origin.path is Path.RELAYED:
                raise _Refusal(Status.PERMISSION_DENIED)
            match message.type:
                case HopMessage.RESERVE:
                    await self._reserve(stream)
                case HopMessage.CONNECT:
                    await self._connect(stream, _target(message))
                case _:
                    raise _Refusal(Status.UNEXPECTED_MESSAGE)
        except _Refusal as refusal:
            self._swarm.totals["circuits_refused_total"] += 1
            reply = HopMessage(type=HopMessage.STATUS, status=refusal.status)
            async with stream:
                await write_message(stream, reply)

    # ---- reservations ----

    async def _reserve(self, stream: LibP2PStream) -> None:
        self._expire()
        peer = stream.peer
        if peer not in self._until_s and len(self._until_s) >= self._limits.reservations_max:
            raise _Refusal(Status.RESERVATION_REFUSED)
        self._until_s[peer] = trio.current_time() + self._limits.reservation_s
        self._swarm.admission.carried.add(peer)
        reservation = Reservation(
            expire=int(self._wall_clock_s()) + self._limits.reservation_s,
            addrs=[Multiaddr(address).to_bytes() for address in self._addresses()],
        )
        async with stream:
            await write_message(stream, self._ok(reservation))

    def _expire(self) -> None:
        now_s = trio.current_time()
        for peer in [peer for peer, until_s in self._until_s.items() if until_s <= now_s]:
            self.lost(peer)

    def _ok(self, reservation: Reservation | None = None) -> HopMessage:
        return HopMessage(
            type=HopMessage.STATUS,
            status=Status.OK,
            reservation=reservation,
            limit=Limit(duration=self._limits.circuit_s_max, data=self._limits.circuit_bytes_max),
        )

    # ---- circuits ----

    async def _connect(self, near: LibP2PStream, target: PeerId) -> None:
        self._expire()
        if target not in self._until_s:
            raise _Refusal(Status.NO_RESERVATION)
        with self._slot(near.peer, target):
            far = await self._call(target, near.peer)
            try:
                await write_message(near, self._ok())
                await self._carry(near, far)
            finally:
                near.abandon()
                far.abandon()

    @contextmanager
    def _slot(self, caller: PeerId, target: PeerId) -> Generator[None]:
        """Count a circuit while inside; raise `_Refusal` when there are too many."""
        most, pair = self._limits.circuits_per_peer_max, (caller, target)
        # Counted apart: who calls a lot can still be called, and who is called still calls.
        if (
            self.circuits_open >= self._limits.circuits_max
            or self._calls[caller] >= most
            or self._called[target] >= most
            or self._pairs[pair] >= CIRCUITS_PER_PAIR_MAX
        ):
            raise _Refusal(Status.RESOURCE_LIMIT_EXCEEDED)
        self._swarm.totals["circuits_total"] += 1
        self.circuits_open += 1
        self._calls[caller] += 1
        self._called[target] += 1
        self._pairs[pair] += 1
        try:
            yield
        finally:
            self.circuits_open -= 1
            self._calls -= Counter((caller,))  # drops zeros, too
            self._called -= Counter((target,))
            self._pairs -= Counter((pair,))

    async def _call(self, target: PeerId, caller: PeerId) -> LibP2PStream:
        """A stream to `target` on which it agreed to talk to `caller`."""
        call = StopMessage(type=StopMessage.CONNECT, peer=PeerMessage(id=bytes(caller)))
        call.limit.CopyFrom(self._ok().limit)
        try:
            with trio.fail_after(ANSWER_TIMEOUT_S):
                stream = await self._swarm.open(target, [STOP])
                try:
                    await write_message(stream, call)
                    reply = await read_message(stream, StopMessage())
                except BaseException:
                    stream.abandon()
                    raise
        except (NetworkError, RemoteProtocolError, trio.BrokenResourceError, trio.TooSlowError):
            raise _Refusal(Status.CONNECTION_FAILED) from None
        if reply.type != StopMessage.STATUS or reply.status != Status.OK:
            stream.abandon()
            raise _Refusal(Status.CONNECTION_FAILED)
        return stream

    async def _carry(self, near: LibP2PStream, far: LibP2PStream) -> None:
        """Forward both ways until both ends closed, one broke, or a limit is reached."""
        budget = _Budget(self._limits.circuit_bytes_max)
        with trio.move_on_after(self._limits.circuit_s_max):
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._copy, near, far, budget)
                    nursery.start_soon(self._copy, far, near, budget)
            except* trio.BrokenResourceError:
                pass  # one end is gone, or the circuit is spent: both streams are reset

    async def _copy(self, source: LibP2PStream, sink: LibP2PStream, budget: _Budget) -> None:
        while data := await source.receive_some(CHUNK_BYTES):
            budget.spend(len(data))
            self._swarm.totals["circuit_bytes_total"] += len(data)
            await sink.send_all(data)
        await sink.send_eof()


class _Budget:
    """The bytes that a circuit may still carry, both directions together."""

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise trio.BrokenResourceError("the circuit has carried all it may")


def _target(message: HopMessage) -> PeerId:
    try:
        return PeerId(bytes(message.peer.id))
    except ValueError:
        raise _Refusal(Status.MALFORMED_MESSAGE) from None
