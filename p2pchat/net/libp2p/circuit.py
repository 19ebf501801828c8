"""Being reached, and reaching others, through a relay.

A relay joins two streams and is trusted with nothing: what runs through them is the same upgrade as
on a socket, Noise between the two end peers, so the relay sees ciphertext, and who the far peer is
was proved by its key and not told by the relay.

py-libp2p's own circuit transport reserves before every dial, dials relays through the path that
takes a quarter of a second, and tells a refusal from a failure by text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as PeerMessage

from p2pchat.errors import NetworkError, RelayRefused, RemoteProtocolError
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.addresses import (
    Circuit,
    Endpoint,
    is_public,
    parse,
    read_multiaddr,
    relay_address,
)
from p2pchat.net.libp2p.pipes import CircuitPipe
from p2pchat.net.libp2p.relay_messages import HOP, STOP, explain, read_message, write_message
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.tcp import TcpDialler
from p2pchat.net.port import Stream

__all__ = ["Circuits"]

ANSWER_TIMEOUT_S = 5.0
HOLDS_S_MIN = 60.0
HOLDS_S_MAX = 2 * 3600.0
"""A relay tells the end of a reservation by its wall clock; ours may differ by hours."""
ADDRESSES_PER_RELAY_MAX = 4


@dataclass(frozen=True, slots=True)
class _Reservation:
    """A promise of a relay to call us when somebody asks for us."""

    until_s: float
    addresses: tuple[str, ...]


class Circuits:
    """The client's side of relaying."""

    def __init__(self, swarm: Swarm, tcp: TcpDialler, wall_clock_s: Callable[[], float]) -> None:
        self._swarm = swarm
        self._tcp = tcp
        self._wall_clock_s = wall_clock_s
        self._held: dict[PeerId, _Reservation] = {}
        swarm.server.handlers[STOP] = self._called
        swarm.admission.pace.is_our_relay = self._holds

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where we can be reached through relays, without our own id."""
        now_s = trio.current_time()
        return tuple(
            address
            for relay, held in self._held.items()
            if self._holds(relay, now_s)
            for address in held.addresses
        )

    def _holds(self, relay: PeerId, now_s: float) -> bool:
        """Whether this relay holds a place for us: what is not renewed lapses."""
        held = self._held.get(relay)
        return held is not None and held.until_s > now_s

    def lost(self, relay: PeerId) -> None:
        """Take note that `relay` is not connected any more, which ends its promise."""
        self._held.pop(relay, None)

    async def reserve(self, relay: PeerId, timeout_s: float) -> float:
        """See `Host.reserve`."""
        try:
            with trio.fail_after(timeout_s):
                stream = await self._swarm.open(relay, [HOP])
                async with stream:
                    await write_message(stream, HopMessage(type=HopMessage.RESERVE))
                    reply = await read_message(stream, HopMessage())
        except trio.TooSlowError as error:
            raise RelayRefused(f"{relay} did not answer within {timeout_s:g} s") from error
        except (NetworkError, RemoteProtocolError, trio.BrokenResourceError) as error:
            raise RelayRefused(f"{relay} cannot be asked: {error}") from error
        _require_ok(relay, reply)
        if not self._swarm.of(relay):
            raise RelayRefused(f"{relay} is not connected any more")
        holds_s = reply.reservation.expire - self._wall_clock_s()
        holds_s = min(max(holds_s, HOLDS_S_MIN), HOLDS_S_MAX)
        addresses = _through(stream, tuple(reply.reservation.addrs))
        self._held[relay] = _Reservation(trio.current_time() + holds_s, addresses)
        return holds_s

    async def dial(self, peer: PeerId, circuit: Circuit) -> None:
        """Connect to `peer` through a relay. Raises `Failed`, `Refused`, `NetworkError`."""
        relay = circuit.relay
        if not self._swarm.of(relay) and circuit.relay_address:
            endpoint = parse(circuit.relay_address, relay)
            assert isinstance(endpoint, Endpoint)
            await self._tcp.dial(relay, endpoint, circuit.relay_address)
        stream = await self._swarm.open(relay, [HOP])
        try:
            call = HopMessage(type=HopMessage.CONNECT, peer=PeerMessage(id=bytes(peer)))
            await write_message(stream, call)
            _require_ok(relay, await read_message(stream, HopMessage()))
        except (RemoteProtocolError, trio.BrokenResourceError) as error:
            stream.abandon()
            raise RelayRefused(f"{relay} broke off: {error}") from error
        except BaseException:
            stream.abandon()
            raise
        address = relay_address(stream.origin.address, relay)
        await self._swarm.secure(peer, CircuitPipe(stream), address, Path.RELAYED)

    async def _called(self, stream: Stream) -> None:
        """A relay has somebody for us: let the caller authenticate."""
        assert isinstance(stream, LibP2PStream)
        with trio.fail_after(ANSWER_TIMEOUT_S):
            message = await read_message(stream, StopMessage())
            status = self._judge(stream.peer, message)
            await write_message(stream, StopMessage(type=StopMessage.STATUS, status=status))
        if status != Status.OK:
            await stream.aclose()
            return
        address = relay_address(stream.origin.address, stream.peer)
        await self._swarm.accept(CircuitPipe(stream), address, Path.RELAYED)

    def _judge(self, relay: PeerId, message: StopMessage) -> Status.ValueType:
        if message.type != StopMessage.CONNECT:
            return Status.UNEXPECTED_MESSAGE
        if not self._holds(relay, trio.current_time()):
            return Status.PERMISSION_DENIED
        return Status.OK


def _require_ok(relay: PeerId, reply: HopMessage) -> None:
    if reply.type != HopMessage.STATUS or reply.status != Status.OK:
        raise RelayRefused(f"{relay} refused: {explain(reply.status)}")


def _through(stream: LibP2PStream, told: tuple[bytes, ...]) -> tuple[str, ...]:
    """Where others reach the relay: as we did, then the public addresses it tells."""
    relay, origin = stream.peer, stream.origin
    known = [] if origin.inbound else [origin.address]
    for raw in told[:ADDRESSES_PER_RELAY_MAX]:
        address = read_multiaddr(raw)
        if address is not None and (is_public(address) or not known):
            known.append(address)
    circuits = dict.fromkeys(relay_address(address, relay) for address in known)
    return tuple(circuits)[:ADDRESSES_PER_RELAY_MAX]
