"""A network in virtual time: the world that simulated hosts live in.

The network decides what sockets and routers would: who can be dialled, how long bytes travel, what
breaks and when each side notices. It lives in one process, in one thread, and every choice comes
from one seeded `Random`, so that a bad hour among fifty peers takes a second to play and plays the
same way again.

    async with open_network(seeded(7, "network", "links")) as network:
        async with network.host("alice") as alice, network.host("bob", nat=Nat.CLOSED) as bob:
            await bob.connect(alice.peer_id, alice.addresses)
            network.apply(Partition(frozenset({alice.peer_id}), frozenset({bob.peer_id})))

Promises kept on purpose, because code relies on them in the field: a stream's bytes arrive in order
and whole or the stream ends; a dialled peer is the one whose id was asked for; a connection that
carries nothing for `keepalive_s` ends at both sides.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from random import Random
from typing import assert_never

import trio
from nacl.signing import SigningKey

from p2pchat.errors import PeerUnreachable
from p2pchat.model.ids import KEY_BYTES, DeviceId, PeerId
from p2pchat.model.route import Path
from p2pchat.testing.addresses import CIRCUIT, Target, endpoints, parse
from p2pchat.testing.connections import Connection, Medium, NetworkOptions, View
from p2pchat.testing.faults import (
    Fault,
    HalfOpen,
    Link,
    Nat,
    Partition,
    Refusal,
    ResetNext,
    SlowLink,
    StandingFault,
)
from p2pchat.testing.hosts import DialFailed, Life, Place, SimulatedHost
from p2pchat.testing.pump import Pump, on_tick
from p2pchat.testing.trace import Trace

__all__ = [
    "NetworkOptions",
    "NetworkStatistics",
    "SimulatedHost",
    "SimulatedNetwork",
    "open_network",
    "seed_of",
]

_DEFAULT_OPTIONS = NetworkOptions()
_EPHEMERAL_PORT = 32768
_EPHEMERAL_PORTS = 28000
_DETOUR_S = 5.0
"""How long a relayed connection stays beside a direct one."""
_RESET_S = 0.02
"""How long a machine that is back takes to reset what it knows nothing of."""


def seed_of(name: str) -> bytes:
    """The device key (a 32-byte Ed25519 seed) of the host with this name."""
    return blake2b(name.encode(), digest_size=KEY_BYTES).digest()


@asynccontextmanager
async def open_network(
    rng: Random, *, options: NetworkOptions = _DEFAULT_OPTIONS, trace: Trace | None = None
) -> AsyncGenerator[SimulatedNetwork]:
    """A network for the time of the block; all hosts are gone after it."""
    async with trio.open_nursery() as nursery:
        medium = Medium(Pump(), rng, trace or Trace(), options)
        nursery.start_soon(medium.pump.run)  # pyright: ignore[reportUnknownMemberType] - old stubs
        yield SimulatedNetwork(medium, nursery)
        nursery.cancel_scope.cancel()


@dataclass(frozen=True, slots=True)
class NetworkStatistics:
    """A snapshot of what is open, and what was sent since the network opened."""

    hosts: int
    connections: int
    streams: int
    """Sides of streams that nobody has closed."""
    sends: int
    sent_bytes: int
    handler_errors: int
    """Of the running hosts."""


class SimulatedNetwork:
    """Hosts, the ways between them, and the faults in force; made by `open_network`."""

    def __init__(self, medium: Medium, nursery: trio.Nursery) -> None:
        self.medium = medium
        self._nursery = nursery
        self._endpoints = endpoints(medium.options.subnet)
        self._hosts: dict[PeerId, SimulatedHost] = {}
        self._machines: dict[str, SimulatedHost] = {}
        self._routes: dict[Connection, tuple[PeerId, ...]] = {}
        self._stuck: set[Connection] = set()
        self._standing: list[StandingFault] = []
        self._dialled = 0

    @property
    def trace(self) -> Trace:
        """What happened; upper layers may note lines of their own."""
        return self.medium.trace

    @asynccontextmanager
    async def host(
        self,
        identity: str | bytes,
        *,
        listening: bool = True,
        nat: Nat = Nat.OPEN,
        relay: bool = False,
    ) -> AsyncGenerator[SimulatedHost]:
        """A host for the time of the block; `identity` is a name or a device key.

        The same identity again, once the former host is closed or crashed, is the same peer at the
        same address, as after a restart.
        """
        seed = seed_of(identity) if isinstance(identity, str) else identity
        peer = DeviceId(bytes(SigningKey(seed).verify_key)).peer_id
        name = identity if isinstance(identity, str) else peer.short
        place = Place(name, peer, self._endpoint_of(peer), listening, nat, relay)
        host = self._admit(place)
        self._nursery.start_soon(  # pyright: ignore[reportUnknownMemberType] - old stubs
            host.tasks.run
        )
        try:
            await host.tasks.wait_started()
            yield host
        finally:
            host.close()
            with trio.CancelScope(shield=True):  # pyright: ignore[reportCallIssue] - old stubs
                await host.tasks.wait_ended()

    def crash(self, peer: PeerId, *, noticed_after_s: float | None = None) -> None:
        """Let a host vanish at once: nothing of it runs or leaves any more.

        Its peers see their connections end after `noticed_after_s` (the keep-alive's time unless
        given; 0 for a killed process whose machine resets them), or when the peer comes back.
        """
        far_sides = self._hosts[peer].crash()
        after_s = self.medium.options.keepalive_s if noticed_after_s is None else noticed_after_s
        self.trace.note(self._hosts[peer].name, "*", "crash")
        for far_side in far_sides:
            at_s = on_tick(trio.current_time() + after_s + far_side.wire.link.latency_s)
            self.medium.pump.at(at_s, far_side.lose)

    def apply(self, fault: Fault) -> None:
        """Bring a fault into force."""
        self.trace.note("*", "*", type(fault).__name__)
        match fault:
            case Partition() | Refusal() | SlowLink():
                self._standing.append(fault)
                self._refresh()
            case ResetNext(source, target):
                for connection in self._between(source, target):
                    connection.wire.doom = fault
            case HalfOpen(left, right):
                for side in (*self._between(left, right), *self._between(right, left)):
                    self._stuck.add(side)
                    self._hold(side)
            case _:
                assert_never(fault)

    def lift(self, fault: StandingFault) -> None:
        """End a fault that was applied; `ValueError` when it was not."""
        self._standing.remove(fault)
        self.trace.note("*", "*", f"lift {type(fault).__name__}")
        self._refresh()

    def heal(self) -> None:
        """End all standing faults."""
        self._standing.clear()
        self.trace.note("*", "*", "heal")
        self._refresh()

    def statistics(self) -> NetworkStatistics:
        running = [host for host in self._hosts.values() if host.life is Life.RUNNING]
        sides = [side for host in running for side in host.book.all()]
        return NetworkStatistics(
            hosts=len(running),
            connections=sum(not side.view.inbound for side in sides),
            streams=sum(side.streams_count for side in sides),
            sends=self.medium.sends,
            sent_bytes=self.medium.sent_bytes,
            handler_errors=sum(len(host.handler_errors) for host in running),
        )

    def find(self, peer: PeerId) -> SimulatedHost | None:
        """The running host of this peer."""
        host = self._hosts.get(peer)
        return host if host is not None and host.life is Life.RUNNING else None

    async def dial(self, source: SimulatedHost, peer: PeerId, address: str) -> None:
        """Connect `source` to `peer` by one address; `DialFailed` says why not.

        Waits for ever when nothing answers, as an operating system nearly does.
        """
        try:
            target = parse(address, peer)
        except ValueError as error:
            raise DialFailed(str(error)) from error
        _require_wanted(source, peer, address)
        self.trace.note(source.name, self._name_of(peer), "dial")
        if target.relay is None:
            await self._dial_direct(source, peer, target.endpoint)
        else:
            await self._dial_circuit(source, peer, target, target.relay)

    async def punch(self, source: SimulatedHost, peer: PeerId) -> None:
        """Let both sides dial each other at once; `DialFailed` when a router keeps one out."""
        target = self.find(peer)
        await self.travel(source.peer_id, peer)
        if target is None or Nat.CLOSED in (source.place.nat, target.place.nat):
            raise DialFailed("a router let nobody in")
        if not (source.place.listening and target.place.listening):
            raise DialFailed("nothing listens that could be knocked at")
        await self._knock(source, target, "connection refused")
        # Who has called through the relay begins the handshake, so it counts as the one who dials.
        self._establish(target, source, path=Path.PUNCHED)
        for side in self._between(source.peer_id, peer):
            if side.view.path is Path.RELAYED:
                self.medium.pump.at(on_tick(trio.current_time() + _DETOUR_S), side.close)

    async def dials_back(self, source: SimulatedHost, server: PeerId) -> bool:
        """Whether `server` reaches `source` where it listens."""
        await self.travel(source.peer_id, server)
        return source.place.listening and source.place.nat is Nat.OPEN

    async def travel(self, *route: PeerId) -> None:
        """Let one round trip along `route` pass; for ever while it is cut."""
        link = self._link(route)
        jitter_s = self.medium.rng.random() * link.jitter_s
        await trio.sleep(2 * (link.latency_s + jitter_s))
        if self._is_cut(route) or self._is_cut(route[::-1]):
            await trio.sleep_forever()

    def forget(self, connection: Connection) -> None:
        """One side of a connection has ended; when both have, nothing is left to hold."""
        self.trace.note(connection.owner.name, self._name_of(connection.peer), "down")
        if connection.twin.ended:
            for side in (connection, connection.twin):
                self._routes.pop(side, None)
                self._stuck.discard(side)

    async def _dial_direct(self, source: SimulatedHost, peer: PeerId, endpoint: str) -> None:
        target = self._machines.get(endpoint)
        if target is source:
            raise DialFailed("this is an address of our own")
        if target is None or target.place.nat is not Nat.OPEN:
            await trio.sleep_forever()
        for refusal in ("connection refused", "connection lost in the handshake"):
            await self.travel(source.peer_id, target.peer_id)
            await self._knock(source, target, refusal)
        if target.peer_id != peer:
            raise DialFailed(f"another peer answers there: {target.peer_id}")
        if source.life is not Life.RUNNING:
            raise DialFailed("this host is closed")
        if not _has_dialled(source, peer):
            self._establish(source, target)

    async def _knock(self, source: SimulatedHost, target: SimulatedHost, refusal: str) -> None:
        if self._machines[target.place.endpoint].life is Life.CRASHED:
            await trio.sleep_forever()
        if target.life is not Life.RUNNING or not target.place.listening:
            raise DialFailed(refusal)
        if Refusal(target.peer_id) in self._standing:
            raise DialFailed(refusal)
        if target.refusal(None, source.place.endpoint) is not None:
            raise DialFailed(refusal)

    async def _dial_circuit(
        self, source: SimulatedHost, peer: PeerId, target: Target, relay_id: PeerId
    ) -> None:
        near = await self._leg_to_relay(source, relay_id, target.endpoint)
        await self.travel(source.peer_id, relay_id)
        relay, remote = self.find(relay_id), self.find(peer)
        far = relay.leg_to(peer) if relay is not None else None
        if relay is None or remote is None or far is None:
            raise DialFailed("the relay holds no reservation of this peer")
        await self.travel(source.peer_id, relay_id, peer)
        if any(leg.ended for leg in (near, near.twin, far, far.twin)):
            raise DialFailed("the circuit was lost in the handshake")
        circuit = self._establish(source, remote, relay)
        circuit.ride(near, far)
        circuit.twin.ride(far.twin, near.twin)

    async def _leg_to_relay(
        self, source: SimulatedHost, relay: PeerId, endpoint: str
    ) -> Connection:
        if not source.is_connected(relay):
            try:
                await source.connect(relay, (endpoint,) if endpoint else ())
            except PeerUnreachable as error:
                raise DialFailed(f"the relay cannot be reached: {error}") from error
        leg = source.book.best(relay)
        if leg is None or leg.view.path is Path.RELAYED:
            raise DialFailed("the relay cannot be reached directly")
        return leg

    def _establish(
        self,
        source: SimulatedHost,
        target: SimulatedHost,
        relay: SimulatedHost | None = None,
        path: Path = Path.DIRECT,
    ) -> Connection:
        if relay is None:
            way: tuple[PeerId, ...] = (source.peer_id, target.peer_id)
            to_target, to_source = target.place.endpoint, self._observed(source)
        else:
            way = (source.peer_id, relay.peer_id, target.peer_id)
            path, to_target = Path.RELAYED, f"{relay.place.address}{CIRCUIT}"
            to_source = to_target
        _require_wanted(source, target.peer_id, to_target)
        if target.refusal(source.peer_id, to_source) is not None:
            raise DialFailed("connection lost in the handshake")
        near = self._side(source, View(target.peer_id, to_target, path, inbound=False), way)
        far = self._side(target, View(source.peer_id, to_source, path, inbound=True), way[::-1])
        near.join(far)
        self.trace.note(source.name, target.name, f"up {path}")
        source.book.add(near)
        target.book.add(far)
        return near

    def _side(self, owner: SimulatedHost, view: View, route: tuple[PeerId, ...]) -> Connection:
        side = Connection(self.medium, owner, view, self._link(route))
        self._routes[side] = route
        return side

    def _observed(self, source: SimulatedHost) -> str:
        """The remote address that a dialled host sees: an ephemeral port of the dialling one."""
        self._dialled += 1
        host, _, _ = source.place.endpoint.rpartition("/")
        return f"{host}/{_EPHEMERAL_PORT + self._dialled % _EPHEMERAL_PORTS}"

    def _admit(self, place: Place) -> SimulatedHost:
        if self.find(place.peer_id) is not None:
            raise ValueError(f"the host {place.name} is running already")
        host = SimulatedHost(self, place)
        self._hosts[place.peer_id] = self._machines[place.endpoint] = host
        for side, route in self._routes.items():
            if side.peer == place.peer_id and side.twin.ended and not self._is_cut(route):
                # The machine is back and knows nothing of that connection: it answers a reset.
                self.medium.pump.at(on_tick(trio.current_time() + _RESET_S), side.lose)
        return host

    def _endpoint_of(self, peer: PeerId) -> str:
        if peer in self._hosts:
            return self._hosts[peer].place.endpoint
        endpoint = next(self._endpoints, None)
        if endpoint is None:
            raise ValueError(f"no address is left in {self.medium.options.subnet}")
        return endpoint

    def _name_of(self, peer: PeerId) -> str:
        return self._hosts[peer].name if peer in self._hosts else peer.short

    def _between(self, source: PeerId, target: PeerId) -> tuple[Connection, ...]:
        return self._hosts[source].book.of(target)

    def _is_cut(self, route: tuple[PeerId, ...]) -> bool:
        return any(
            fault.cuts(source, target)
            for fault in self._standing
            if isinstance(fault, Partition)
            for source, target in pairwise(route)
        )

    def _link(self, route: tuple[PeerId, ...]) -> Link:
        links = [self._hop(source, target) for source, target in pairwise(route)]
        if len(links) == 1:
            return links[0]
        return Link(
            latency_s=sum(link.latency_s for link in links),
            jitter_s=sum(link.jitter_s for link in links),
            bandwidth_bytes_s=min(link.bandwidth_bytes_s for link in links),
        )

    def _hop(self, source: PeerId, target: PeerId) -> Link:
        for fault in reversed(self._standing):
            if isinstance(fault, SlowLink) and {fault.left, fault.right} == {source, target}:
                return fault.link
        return self.medium.options.link

    def _refresh(self) -> None:
        """Let every connection feel the standing faults."""
        for side, route in self._routes.items():
            side.wire.link = self._link(route)
            if side in self._stuck or self._is_cut(route):
                self._hold(side)
            elif side.wire.held_since_s is not None:
                side.wire.release()

    def _hold(self, side: Connection) -> None:
        if side.wire.held_since_s is None:
            side.wire.hold()
            at_s = trio.current_time() + self.medium.options.keepalive_s
            self.medium.pump.at(at_s, partial(self._give_up, side, at_s))

    def _give_up(self, side: Connection, at_s: float) -> None:
        since_s = side.wire.held_since_s
        if since_s is not None and since_s + self.medium.options.keepalive_s <= at_s:
            side.on_reset()


def _require_wanted(source: SimulatedHost, peer: PeerId, address: str) -> None:
    refusal = source.refusal(peer, address)
    if refusal is not None:
        raise DialFailed(refusal)


def _has_dialled(source: SimulatedHost, peer: PeerId) -> bool:
    """Whether a direct connection of the same direction makes another one superfluous.

    One of the other direction does not: if both sides gave up their own, none would be left.
    """
    return any(
        not one.view.inbound and one.view.path is Path.DIRECT for one in source.book.of(peer)
    )
