"""The `Host` port in virtual time.

A node runs on this exactly as it runs on sockets. What a host promises is written in `net.port` and
proved for both adapters by the compliance suite; what is simulated about it - who can be dialled,
how long that takes, what breaks - is decided by the network it belongs to.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Protocol

import trio

from p2pchat.errors import PeerUnreachable, RelayRefused, RemoteProtocolError, StreamReset
from p2pchat.model.blocking import NOBODY, BlockList, Refusal
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.port import (
    NO_ANSWER,
    Connectedness,
    Handler,
    Observation,
    PeerChanged,
    ProtocolId,
    Stream,
)
from p2pchat.testing.addresses import CIRCUIT, is_circuit
from p2pchat.testing.connections import Connection, Introduction, Medium
from p2pchat.testing.faults import Nat
from p2pchat.testing.peerbook import PeerBook
from p2pchat.testing.streams import SimulatedStream

__all__ = ["DialFailed", "Life", "Network", "Place", "SimulatedHost"]

logger = logging.getLogger(__name__)

_HANDLER_ERRORS_MAX = 100


class Life(Enum):
    """What became of a host's machine."""

    RUNNING = auto()
    CLOSED = auto()
    """The program ended: its machine refuses connections."""
    CRASHED = auto()
    """Nothing answers any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who a host is and where it stands in the network."""

    name: str
    peer_id: PeerId
    endpoint: str
    """Its multiaddr without the peer id."""
    listening: bool = True
    nat: Nat = Nat.OPEN
    relay: bool = False

    @property
    def address(self) -> str:
        return f"{self.endpoint}/p2p/{self.peer_id}"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a relay promised."""

    relay_address: str
    until_s: float


class DialFailed(Exception):
    """One attempt failed; the message becomes its reason."""


class Network(Protocol):
    """What a host asks of the network around it."""

    medium: Medium

    async def dial(self, source: SimulatedHost, peer: PeerId, address: str) -> None:
        """Connect `source` to `peer` by one address; `DialFailed` says why not. Waits for ever
        when nothing answers."""
        ...

    def find(self, peer: PeerId) -> SimulatedHost | None:
        """The running host of this peer."""
        ...

    async def punch(self, source: SimulatedHost, peer: PeerId) -> None:
        """Let both sides dial each other at once; `DialFailed` when a router keeps one out."""
        ...

    async def dials_back(self, source: SimulatedHost, server: PeerId) -> bool:
        """Whether `server` reaches `source` where it listens."""
        ...

    async def travel(self, *route: PeerId) -> None:
        """Let one round trip along `route` pass; for ever while it is cut."""
        ...

    def forget(self, connection: Connection) -> None:
        """One side of a connection has ended."""
        ...


class Tasks:
    """The tasks of one host: its handlers, and the feeders of its subscribers.

    They run beside the block that holds the host, not inside a nursery of it, so that what a block
    raises comes out as it is and not in a group.
    """

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._scope = trio.move_on_at(math.inf)
        self._started = trio.Event()
        self._ended = trio.Event()

    async def run(self) -> None:
        """Be the parent of the tasks until `stop`."""
        try:
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    self._started.set()
                    await trio.sleep_forever()
        finally:
            self._nursery = None
            self._ended.set()

    async def wait_started(self) -> None:
        await self._started.wait()

    async def wait_ended(self) -> None:
        """Wait until the last task has ended."""
        await self._ended.wait()

    def start(self, async_fn: Callable[[], Awaitable[None]]) -> None:
        if self._nursery is None:
            raise RuntimeError("the host is not running")
        self._nursery.start_soon(async_fn)  # pyright: ignore[reportUnknownMemberType] - old stubs

    def stop(self) -> None:
        """Cancel them all."""
        self._scope.cancel()


class SimulatedHost:
    """One identity on a simulated network; see `net.port.Host`."""

    def __init__(self, network: Network, place: Place) -> None:
        self.place = place
        self.life = Life.RUNNING
        self.book = PeerBook()
        self.tasks = Tasks()
        self.handler_errors: deque[Exception] = deque(maxlen=_HANDLER_ERRORS_MAX)
        """What handlers raised, except that a stream or its sender was broken: all of it bugs."""
        self._network = network
        self._handlers: dict[ProtocolId, Handler] = {}
        self._held: dict[PeerId, Reservation] = {}
        self._guests: dict[PeerId, float] = {}
        self._blocks = NOBODY

    @property
    def name(self) -> str:
        """How traces call this host."""
        return self.place.name

    @property
    def peer_id(self) -> PeerId:
        return self.place.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        direct = (self.place.address,) if self.place.listening else ()
        now_s = trio.current_time()
        circuits = (
            f"{held.relay_address}{CIRCUIT}/p2p/{self.peer_id}"
            for held in self._held.values()
            if now_s < held.until_s
        )
        return (*direct, *circuits)

    def announce(self, addresses: Iterable[str]) -> None:
        """The address at which a simulated host can be dialled is the one it knows."""

    @property
    def observed(self) -> Sequence[Observation]:
        direct = (one for one in self.peers if one.path is not Path.RELAYED and not one.inbound)
        return tuple(Observation(one.peer, self.place.endpoint) for one in direct)

    @property
    def peers(self) -> Sequence[Connectedness]:
        return self.book.states

    def is_connected(self, peer: PeerId) -> bool:
        return peer in self.book

    async def connect(
        self, peer: PeerId, addresses: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        if self._is_satisfied(peer, addresses):
            await trio.lowlevel.checkpoint()
            return
        reason = self._reason_not_to_dial(peer)
        if reason is not None:
            await trio.lowlevel.checkpoint()
            raise PeerUnreachable(
                f"{peer} is not dialled: {reason}", tuple((one, reason) for one in addresses)
            )
        failures = dict.fromkeys(addresses, NO_ANSWER)
        if await self._race(peer, failures, timeout_s):
            return
        raise PeerUnreachable(
            f"{peer} does not answer at any of {len(failures)} addresses", tuple(failures.items())
        )

    async def disconnect(self, peer: PeerId) -> None:
        for connection in self.book.of(peer):
            connection.close()
        await trio.lowlevel.checkpoint()

    async def open_stream(
        self, peer: PeerId, protocols: Sequence[ProtocolId], *, timeout_s: float = 5.0
    ) -> Stream:
        connection = self.book.best(peer)
        if connection is None:
            await trio.lowlevel.checkpoint()
            raise PeerUnreachable(f"not connected to {peer}")
        opening = connection.open(protocols)
        try:
            with trio.fail_after(timeout_s):
                return await opening.wait()
        except trio.TooSlowError:
            raise StreamReset(f"the stream was not opened within {timeout_s:g} s") from None
        finally:
            opening.abandoned = True

    def serve(self, protocol: ProtocolId, handler: Handler) -> None:
        self._handlers[protocol] = handler
        self._introduce()

    def protect(self, peers: Iterable[PeerId]) -> None:
        """Nothing to do: a simulated host has room for everybody."""

    def block(self, blocks: BlockList) -> None:
        self._blocks = blocks
        for connection in self.book.all():
            if self.refusal(connection.peer, connection.view.address) is not None:
                connection.close()

    def unserve(self, protocol: ProtocolId) -> None:
        if self._handlers.pop(protocol, None) is not None:
            self._introduce()

    def changes(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        return self.book.subscribe(self.tasks.start)

    async def reserve(self, relay: PeerId, *, timeout_s: float = 5.0) -> float:
        leg = self.book.best(relay)
        if leg is None:
            await trio.lowlevel.checkpoint()
            raise RelayRefused(f"not connected to {relay}")
        try:
            with trio.fail_after(timeout_s):
                await self._network.travel(self.peer_id, relay)
        except trio.TooSlowError:
            raise RelayRefused(f"the relay did not answer within {timeout_s:g} s") from None
        host = self._network.find(relay)
        if host is None or leg.ended or leg.twin.ended:
            raise RelayRefused("the connection to the relay was lost")
        until_s = host.grant(self.peer_id)
        self._held[relay] = Reservation(host.place.address, until_s)
        self._introduce()
        return until_s - trio.current_time()

    async def punch(self, peer: PeerId, *, timeout_s: float = 15.0) -> None:
        best = self.book.best(peer)
        await trio.lowlevel.checkpoint()
        if best is not None and best.view.path is not Path.RELAYED:
            return
        if not any(one.view.inbound for one in self.book.of(peer)):
            raise PeerUnreachable(f"{peer} has not called us through a relay")
        try:
            with trio.fail_after(timeout_s):
                await self._network.punch(self, peer)
        except (DialFailed, trio.TooSlowError) as error:
            raise PeerUnreachable(f"no hole was punched to {peer}: {error}") from error

    async def dial_back(
        self, server: PeerId, addresses: Sequence[str], *, timeout_s: float = 15.0
    ) -> str | None:
        if not self.is_connected(server):
            await trio.lowlevel.checkpoint()
            raise PeerUnreachable(f"not connected to {server}")
        with trio.move_on_after(timeout_s):
            if await self._network.dials_back(self, server):
                return self.place.endpoint if self.place.endpoint in addresses else None
        return None

    # What follows is for the network and its connections, not for a node.

    @property
    def introduction(self) -> Introduction:
        """What identify tells of this host now."""
        own = f"/p2p/{self.peer_id}"
        announced = tuple(address.removesuffix(own) for address in self.addresses)
        return Introduction(frozenset(self._handlers), announced)

    def refusal(self, peer: PeerId | None, address: str) -> Refusal | None:
        """Why this host wants no connection with `peer` (None before it said who it is) at
        `address`, if it does not."""
        return self._blocks.refusal(peer, address)

    def serves(self, protocol: ProtocolId) -> bool:
        """Whether inbound streams of `protocol` find a handler."""
        return protocol in self._handlers

    def close(self) -> None:
        """End in good order: what was sent arrives, then every peer sees the end."""
        if self.life is Life.RUNNING:
            self.life = Life.CLOSED
            for connection in self.book.all():
                connection.close()
        self.tasks.stop()

    def crash(self) -> tuple[Connection, ...]:
        """Vanish; answers the far sides of the connections, which have not noticed."""
        self.life = Life.CRASHED
        lost = self.book.all()
        for connection in lost:
            connection.wire.cut_short()
            connection.vanish()
        self.tasks.stop()
        return tuple(connection.twin for connection in lost)

    def start(self, stream: SimulatedStream) -> None:
        """Run the handler of `stream.protocol`."""
        handler = self._handlers[stream.protocol]
        self.tasks.start(partial(self._guard, handler, stream))

    def grant(self, guest: PeerId) -> float:
        """Hold a reservation for `guest`; answers until when, or raises `RelayRefused`."""
        options, now_s = self._network.medium.options, trio.current_time()
        if not self.place.relay:
            raise RelayRefused(f"{self.peer_id} is no relay")
        self._guests = {peer: until for peer, until in self._guests.items() if now_s < until}
        if guest not in self._guests and len(self._guests) >= options.reservations_max:
            raise RelayRefused("the relay has no room for another reservation")
        self._guests[guest] = now_s + options.reservation_s
        return self._guests[guest]

    def leg_to(self, guest: PeerId) -> Connection | None:
        """The connection on which this relay hands circuits to `guest`, if it may."""
        reserved = trio.current_time() < self._guests.get(guest, 0.0)
        return self.book.best(guest) if reserved else None

    def on_identified(self, connection: Connection, introduction: Introduction) -> None:
        self.book.introduce(connection.peer, introduction)

    def on_connection_lost(self, connection: Connection) -> None:
        self.book.remove(connection)
        if connection.peer not in self.book:
            self._held.pop(connection.peer, None)
            self._guests.pop(connection.peer, None)
        self._network.forget(connection)

    def _introduce(self) -> None:
        """Push to every peer what identify tells of this host now."""
        for connection in self.book.all():
            connection.identify()

    def _is_satisfied(self, peer: PeerId, addresses: Sequence[str]) -> bool:
        best = self.book.best(peer)
        if best is None:
            return False
        return best.view.path is not Path.RELAYED or all(map(is_circuit, addresses))

    def _reason_not_to_dial(self, peer: PeerId) -> str | None:
        if self.life is not Life.RUNNING:
            return "this host is closed"
        return "that is this peer" if peer == self.peer_id else self.refusal(peer, "")

    async def _race(self, peer: PeerId, failures: dict[str, str], timeout_s: float) -> bool:
        """Dial all addresses at once; True when one of them won, else `failures` says why not."""
        won = False

        async def attempt(address: str, race: trio.CancelScope) -> None:
            nonlocal won
            try:
                await self._network.dial(self, peer, address)
            except DialFailed as failed:
                failures[address] = str(failed)
            else:
                won = True
                race.cancel()

        with trio.move_on_after(timeout_s):
            async with trio.open_nursery() as nursery:
                for address in failures:
                    nursery.start_soon(  # pyright: ignore[reportUnknownMemberType] - old stubs
                        attempt, address, nursery.cancel_scope
                    )
        return won

    async def _guard(self, handler: Handler, stream: SimulatedStream) -> None:
        try:
            await handler(stream)
        except (RemoteProtocolError, trio.BrokenResourceError) as error:
            logger.debug("%s of %s broke: %s", stream.protocol, stream.peer.short, error)
            stream.reset_nowait()
        except Exception as error:  # a handler's fault never ends the host
            logger.warning("handler of %s failed", stream.protocol, exc_info=True)
            self.handler_errors.append(error)
            stream.reset_nowait()
