"""Carrying circuits for others.

Whoever is connected may reserve; whoever is connected may call a peer that has reserved. A circuit
is two streams joined: its bytes, its age, its silence (`carrying`) and its number (`quotas`) are
bounded, and it is counted. The relay forwards what it cannot read.

py-libp2p's own service lets one peer reserve in the name of others, mixes up two circuits of one
caller, and writes its status messages into the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

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
from p2pchat.net.libp2p.addresses import ip_of
from p2pchat.net.libp2p.carrying import Carrying
from p2pchat.net.libp2p.options import CircuitLimits, HostOptions, Total
from p2pchat.net.libp2p.quotas import OverQuota, Quotas
from p2pchat.net.libp2p.relay_messages import HOP, STOP, read_message, write_message
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.port import Stream

__all__ = ["Hop"]

ANSWER_TIMEOUT_S = 5.0

_STATUS: Mapping[Total, Status.ValueType] = {
    "relaying_refused_pace_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "relaying_refused_malformed_total": Status.MALFORMED_MESSAGE,
    "reservations_refused_full_total": Status.RESERVATION_REFUSED,
    "reservations_refused_address_total": Status.RESERVATION_REFUSED,
    "circuits_refused_full_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "circuits_refused_address_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "circuits_refused_peer_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "circuits_refused_bytes_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "circuits_refused_pace_total": Status.RESOURCE_LIMIT_EXCEEDED,
    "circuits_refused_absent_total": Status.NO_RESERVATION,
    "circuits_failed_total": Status.CONNECTION_FAILED,
}
"""What the asker is told, by what is counted here."""


class _Refusal(Exception):
    """Something is not carried: what is counted, and what the asker is told."""

    def __init__(self, total: Total, status: Status.ValueType | None = None) -> None:
        super().__init__(total)
        self.total: Total = total
        self.status = _STATUS[total] if status is None else status


class Hop:
    """The relay's side of relaying."""

    def __init__(
        self, swarm: Swarm, options: HostOptions, addresses: Callable[[], Iterable[str]]
    ) -> None:
        self._swarm = swarm
        self._limits: CircuitLimits = options.circuits
        self._wall_clock_s = options.wall_clock_s
        self._addresses = addresses
        self._quotas = Quotas(options.circuits)
        self._carrying = Carrying(options.circuits, self._quotas, swarm.totals)
        swarm.server.handlers[HOP] = self._asked
        swarm.admission.is_guest = self._quotas.holds

    @property
    def reservations(self) -> int:
        """Peers that can be called through here."""
        self._expire()
        return self._quotas.reservations

    @property
    def circuits(self) -> int:
        """Circuits that are open."""
        return self._quotas.circuits

    def lost(self, peer: PeerId) -> None:
        """Take note that `peer` is not connected any more, which ends its reservation."""
        self._quotas.release(peer)

    async def _asked(self, stream: Stream) -> None:
        assert isinstance(stream, LibP2PStream)
        try:
            await self._serve(stream)
        except (_Refusal, OverQuota) as refused:
            refusal = refused if isinstance(refused, _Refusal) else _Refusal(refused.total)
            self._swarm.totals[refusal.total] += 1
            reply = HopMessage(type=HopMessage.STATUS, status=refusal.status)
            async with stream:
                await write_message(stream, reply)

    async def _serve(self, stream: LibP2PStream) -> None:
        with trio.fail_after(ANSWER_TIMEOUT_S):
            message = await read_message(stream, HopMessage())
        if stream.origin.path is Path.RELAYED:
            raise _Refusal("relaying_refused_malformed_total", Status.PERMISSION_DENIED)
        self._quotas.require_pace(stream.peer, trio.current_time())
        match message.type:
            case HopMessage.RESERVE:
                await self._reserve(stream)
            case HopMessage.CONNECT:
                await self._connect(stream, _target(message))
            case _:
                raise _Refusal("relaying_refused_malformed_total", Status.UNEXPECTED_MESSAGE)

    # ---- reservations ----

    async def _reserve(self, stream: LibP2PStream) -> None:
        self._expire()
        origin = stream.origin
        if not self._swarm.of(origin.peer):
            raise trio.BrokenResourceError("who asks for a place has gone meanwhile")
        self._quotas.reserve(origin.peer, ip_of(origin.remote), trio.current_time())
        self._swarm.totals["reservations_total"] += 1
        reservation = Reservation(
            expire=int(self._wall_clock_s()) + self._limits.reservation_s,
            addrs=[Multiaddr(address).to_bytes() for address in self._addresses()],
        )
        async with stream:
            await write_message(stream, self._ok(reservation))

    def _expire(self) -> None:
        self._quotas.expire(trio.current_time())

    def _ok(self, reservation: Reservation | None = None) -> HopMessage:
        return HopMessage(
            type=HopMessage.STATUS,
            status=Status.OK,
            reservation=reservation,
            limit=Limit(duration=self._limits.circuit_s_max, data=self._limits.circuit_bytes_max),
        )

    # ---- circuits ----

    async def _connect(self, near: LibP2PStream, target: PeerId) -> None:
        if not self._quotas.holds(target, trio.current_time()):
            raise _Refusal("circuits_refused_absent_total")
        host = ip_of(near.origin.remote)
        with self._quotas.call(near.peer, target, host, trio.current_time()):
            # Last, for it may end a circuit, which who is refused must not do.
            await self._carrying.make_room()
            with self._quotas.place():
                await self._join(near, target)

    async def _join(self, near: LibP2PStream, target: PeerId) -> None:
        far = await self._call(target, near.peer)
        self._swarm.totals["circuits_total"] += 1
        try:
            await write_message(near, self._ok())
            await self._carrying.carry(near, far)
        finally:
            near.abandon()
            far.abandon()

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
            raise _Refusal("circuits_failed_total") from None
        if reply.type != StopMessage.STATUS or reply.status != Status.OK:
            stream.abandon()
            raise _Refusal("circuits_failed_total")
        return stream


def _target(message: HopMessage) -> PeerId:
    try:
        return PeerId(bytes(message.peer.id))
    except ValueError:
        raise _Refusal("relaying_refused_malformed_total") from None
