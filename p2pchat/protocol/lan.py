"""LAN discovery: who is on this network, told by datagrams, with nothing else to help.

A peer that comes says hello to everybody, whoever hears it answers with a heartbeat, and so two
peers know of each other after one round trip. Heartbeats keep an entry alive, a goodbye ends it,
silence does too. What is found is only where a peer id may be dialled: the handshake authenticates
it, so all that a liar achieves is a dial in vain. Nor can it take a peer away: while a peer is
heard where it was found, what is said in its name elsewhere is worth a dial and nothing more; and
whoever is found outside of networks that are allowed no more is cut there alone. Nor can it keep a
peer out by being many: in a table that is full who was dialled and never got connected makes room,
and at the address with the most of them somebody for who is elsewhere.

A packet is judged in this order, and the first reason not to take it ends the matter: it is too
much, it does not decode, it is our own, its peer is blocked, its source is in a blocked subnet or
outside the allowed ones, its code is wrong, it was seen before, its time is not ours.

Nonces here are names of packets, not secrets, and come from the machine's own generator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from p2pchat.config.lan import LanConfig
from p2pchat.errors import RemoteProtocolError
from p2pchat.events import Event, LanClockDiffers, LanPeerFound, LanPeerLost
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.model.ids import PeerId
from p2pchat.model.lan import LanRefusal
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.protocol.lan_guard import LanPaces, Nonces
from p2pchat.protocol.lan_refusals import BY_OURSELVES, LanRefusals
from p2pchat.protocol.lan_search import Search
from p2pchat.wire.lan_codec import (
    NONCE_BYTES,
    LanDatagram,
    LanKind,
    LanPacket,
    decode_lan,
    encode_lan,
)

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "Advertised",
    "BlocksChanged",
    "Confined",
    "Datagram",
    "InterfacesChanged",
    "LanEffect",
    "LanIdentity",
    "LanInput",
    "LanMachine",
    "LanPeer",
    "Linked",
    "Reachable",
    "Tell",
    "Transmit",
    "in_subnets",
]

WINDOW_MS = 90_000
NONCE_S = 2 * WINDOW_MS / 1000
PEERS_MAX = 256
PEERS_PER_SOURCE_MAX = 16
PATIENCE_S = 10.0
"""After its dial a peer that is not connected counts as one that was dialled in vain."""
INTERFACES_MAX = 32
GREETINGS_S = (1.0, 3.0)
"""When hello is said again: broadcasts get lost, in the air above all."""
EXPIRY_EVERY_S = 1.0
HURRY_S = 1.0
"""After a hello that was not taken, until our next heartbeat at the latest."""

HEARTBEAT, EXPIRY, SEARCH, GREETING = "heartbeat", "expiry", "search", "greeting"

# Inputs


@dataclass(frozen=True, slots=True)
class Datagram:
    """What arrived, and the address it claims to come from."""

    source: IPv4Address
    port: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Advertised:
    """Multicast DNS names a peer and IPv4 multiaddrs of it, without `/p2p/<peer>`."""

    peer: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InterfacesChanged:
    """The machine's own IPv4 addresses with their networks, as they are now."""

    interfaces: tuple[IPv4Interface, ...]


@dataclass(frozen=True, slots=True)
class BlocksChanged:
    """Who is blocked now."""

    blocks: BlockList


@dataclass(frozen=True, slots=True)
class Confined:
    """LAN mode is confined to these networks now; none means those of this machine."""

    subnets: tuple[IPv4Network, ...]


@dataclass(frozen=True, slots=True)
class Linked:
    """A peer is connected without a relay in between, or is so no more."""

    peer: PeerId
    is_up: bool


LanInput = (
    Datagram | Advertised | InterfacesChanged | BlocksChanged | Confined | Linked | TimerFired
)

# Effects


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send one datagram."""

    address: IPv4Address
    port: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reachable:
    """A peer can be dialled at these multiaddrs now."""

    peer: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell subscribers."""

    event: Event


LanEffect = Transmit | Reachable | Tell | SetTimer


@dataclass(frozen=True, slots=True, kw_only=True)
class LanIdentity:
    """What we say of ourselves."""

    peer: PeerId
    name: str
    listen_port: int
    """The port really bound."""
    key: bytes | None = None
    """What the secret became; None on an open LAN."""


@dataclass(slots=True, eq=False)
class LanPeer:
    """A peer that was heard of lately."""

    peer: PeerId
    name: str
    source: IPv4Address
    port: int
    """Where its datagrams come from."""
    listen_port: int
    heard_ms: int
    heard_s: float
    dialled_s: float | None = None
    """When it was its turn first, or its connection ended."""

    @property
    def address(self) -> str:
        return f"/ip4/{self.source}/tcp/{self.listen_port}"


def in_subnets(address: IPv4Address, subnets: Iterable[IPv4Network]) -> bool:
    return any(address in subnet for subnet in subnets)


class LanMachine:
    """Everybody on the LAN, as far as we heard."""

    def __init__(self, me: LanIdentity, config: LanConfig, rng: Random) -> None:
        self._me = me
        self._config = config
        self._rng = rng
        self._blocks = NOBODY
        self._interfaces: tuple[IPv4Interface, ...] = ()
        self._search = Search(map(IPv4Network, config.allowed_subnets))
        self._nonces = Nonces(NONCE_S)
        self._paces = LanPaces(0.0)
        self.peers: dict[PeerId, LanPeer] = {}
        self.refusals = LanRefusals(config.heartbeat_s)

    @property
    def refused(self) -> Counter[LanRefusal]:
        """Datagrams not taken, and advertisements, by reason."""
        return self.refusals.total

    @property
    def allowed(self) -> tuple[IPv4Network, ...]:
        """The networks that LAN mode is confined to."""
        own = (own.network for own in self._interfaces if not own.is_loopback)
        return self._search.configured or tuple(dict.fromkeys(own))

    @property
    def hosts(self) -> tuple[IPv4Address, ...]:
        """Our own addresses in those networks."""
        allowed = self.allowed
        return tuple(own.ip for own in self._interfaces if in_subnets(own.ip, allowed))

    def start(self, now: Now) -> list[LanEffect]:
        self._paces = LanPaces(now.monotonic_s)
        timers: list[LanEffect] = [self._next_heartbeat(), SetTimer(EXPIRY, EXPIRY_EVERY_S)]
        return [*timers, SetTimer(SEARCH, GREETINGS_S[0])] if self._search.has_ground else timers

    def settle(self, now: Now) -> list[LanEffect]:
        return []

    def handle(self, input: LanInput, now: Now) -> list[LanEffect]:
        match input:
            case Datagram():
                return self._received(input, now)
            case Advertised(peer, addresses):
                return self._advertised(peer, addresses, now)
            case InterfacesChanged(interfaces):
                return self._moved(interfaces[:INTERFACES_MAX], now)
            case BlocksChanged(blocks):
                self._blocks = blocks
                self.refusals.forget(BY_OURSELVES)
                return self._review()
            case Confined(subnets):
                return self._confine(subnets)
            case Linked(peer, is_up):
                self._linked(peer, now, is_up=is_up)
                return []
            case TimerFired(name):
                return self._fired(name, now)

    def farewell(self, now: Now) -> list[Transmit]:
        """What is sent last."""
        return self._to_everybody(LanKind.GOODBYE, now)

    # What is heard

    def _received(self, input: Datagram, now: Now) -> list[LanEffect]:
        if not self._paces.may_speak(input.source, now.monotonic_s):
            return self._refuse(LanRefusal.TOO_MANY_DATAGRAMS, now)
        try:
            datagram = decode_lan(input.data)
        except RemoteProtocolError as error:
            return self._refuse(LanRefusal(type(error).__name__), now)
        reason = self._refusal(datagram, input.source)
        packet = datagram.packet
        if reason is LanRefusal.WRONG_SECRET:
            return [*self._refuse(reason, now), *self._hurry(packet.kind, now)]
        if reason is not None:
            return self._refuse(reason, now)
        if packet.nonce in self._nonces:
            return self._refuse(LanRefusal.SEEN_BEFORE, now)
        if abs(packet.time_ms - now.wall_ms) > WINDOW_MS:
            return self._differs(packet, now)
        self._nonces.add(packet.nonce, now.monotonic_s)
        if packet.kind is LanKind.GOODBYE:
            return self._parted(packet.node, input.source, now)
        answer = self._answer(packet.kind, input, now)
        return [*self._note(packet, input, now), *answer]

    def _refusal(self, datagram: LanDatagram, source: IPv4Address) -> LanRefusal | None:
        """Why a packet is not for us, whatever its time."""
        if datagram.packet.node == self._me.peer:
            return LanRefusal.OUR_OWN
        refusal = self._blocks.refusal(datagram.packet.node, str(source), self.allowed)
        if refusal is not None:
            return LanRefusal(refusal.value)
        return None if datagram.is_authentic(self._me.key) else LanRefusal.WRONG_SECRET

    def _refuse(self, reason: LanRefusal, now: Now) -> list[LanEffect]:
        self.refusals.count(reason, now.monotonic_s)
        return []

    def _hurry(self, kind: LanKind, now: Now) -> list[LanEffect]:
        """Who comes and is not one of us hears our heartbeat soon, and so learns why nobody
        answered: it is said to everybody, as all heartbeats are, and tells no more than they do."""
        if kind is not LanKind.HELLO or not self._paces.may_hurry(now.monotonic_s):
            return []
        return [SetTimer(HEARTBEAT, HURRY_S * self._rng.uniform(0.1, 1.0))]

    def _differs(self, packet: LanPacket, now: Now) -> list[LanEffect]:
        self.refusals.count(LanRefusal.CLOCK_DIFFERS, now.monotonic_s)
        hurry = self._hurry(packet.kind, now)
        if not self._paces.may_differ(packet.node, now.monotonic_s):
            return hurry
        difference_s = (packet.time_ms - now.wall_ms) / 1000
        return [Tell(LanClockDiffers(packet.node, packet.name, difference_s)), *hurry]

    def _note(self, packet: LanPacket, input: Datagram, now: Now) -> list[LanEffect]:
        """Keep what a packet says of its peer."""
        known = self.peers.get(packet.node)
        fresh = LanPeer(
            packet.node,
            packet.name,
            input.source,
            input.port,
            packet.listen_port,
            now.wall_ms,
            now.monotonic_s,
            known.dialled_s if known is not None else None,
        )
        is_news = known is None or known.address != fresh.address
        if is_news and not self._paces.may_return(packet.node, input.source, now.monotonic_s):
            return self._refuse(LanRefusal.COMES_AND_GOES, now)
        if known is not None and self._is_elsewhere(known, input.source, now):
            self.refusals.count(LanRefusal.ELSEWHERE, now.monotonic_s)
            return self._reach_beside(fresh.peer, (fresh.address,), input.source, now)
        effects: list[LanEffect] = []
        if known is None and not self._has_place(input.source):
            displaced = self._displaced(input.source, now)
            if displaced is None:
                return self._refuse(LanRefusal.TOO_MANY_PEERS, now)
            effects += self._lose(displaced)
        self.peers[packet.node] = fresh
        if known is None:
            effects.append(Tell(LanPeerFound(fresh.peer, fresh.name, fresh.address)))
        # Who says hello has just come, and may have been somebody's failed dial a moment ago.
        dials = self._paces.dials
        if is_news or (packet.kind is LanKind.HELLO and fresh.peer not in dials.linked):
            dials.want(fresh.peer, fresh.source, fresh.address)
            effects += self._reach(now)
            if fresh.peer in dials:
                self.refusals.count(LanRefusal.TOO_MANY_TO_DIAL, now.monotonic_s)
        return effects

    def _is_elsewhere(self, known: LanPeer, source: IPv4Address, now: Now) -> bool:
        """Whether a peer was heard where it was found for as long as that takes."""
        silent_s = now.monotonic_s - known.heard_s
        return known.source != source and silent_s < self._config.heartbeat_s

    def _has_place(self, source: IPv4Address) -> bool:
        same = sum(peer.source == source for peer in self.peers.values())
        return len(self.peers) < PEERS_MAX and same < PEERS_PER_SOURCE_MAX

    def _displaced(self, source: IPv4Address, now: Now) -> PeerId | None:
        """Who makes room for a newcomer from there: nobody who is connected. First who was dialled
        in vain, then who is of the address with the most, if that has clearly more than this one;
        when it is this address that is full, somebody at it."""
        crowds = Counter(peer.source for peer in self.peers.values())
        most = max(crowds.values())
        is_crowded = crowds[source] >= PEERS_PER_SOURCE_MAX
        before_s = now.monotonic_s - PATIENCE_S

        def is_vain(peer: LanPeer) -> bool:
            return peer.dialled_s is not None and peer.dialled_s <= before_s

        able = [
            peer
            for peer in self.peers.values()
            if peer.peer not in self._paces.dials.linked
            and (not is_crowded or peer.source == source)
            and (is_vain(peer) or crowds[peer.source] == most > crowds[source] + 1)
        ]
        chosen = min(able, key=lambda p: (not is_vain(p), -crowds[p.source]), default=None)
        return None if chosen is None else chosen.peer

    def _linked(self, peer: PeerId, now: Now, *, is_up: bool) -> None:
        linked, known = self._paces.dials.linked, self.peers.get(peer)
        if is_up:
            linked.add(peer)
            return
        linked.discard(peer)
        if known is not None:
            known.dialled_s = now.monotonic_s

    def _reach(self, now: Now) -> list[LanEffect]:
        """Dial those whose turn it is; for the others it comes as time goes on."""
        effects: list[LanEffect] = []
        for peer, address in self._paces.dials.next(now.monotonic_s):
            known = self.peers[peer]
            if known.dialled_s is None:
                known.dialled_s = now.monotonic_s
            effects.append(Reachable(peer, (address,)))
        return effects

    def _reach_beside(
        self, peer: PeerId, addresses: tuple[str, ...], source: IPv4Address | None, now: Now
    ) -> list[LanEffect]:
        """Dial a peer that is not in the table, or is said to be elsewhere."""
        turns = self._reach(now)
        if not self._paces.dials.may_dial_beside(source, now.monotonic_s):
            return [*turns, *self._refuse(LanRefusal.TOO_MANY_TO_DIAL, now)]
        return [*turns, Reachable(peer, addresses)]

    def _answer(self, kind: LanKind, question: Datagram, now: Now) -> list[LanEffect]:
        """A heartbeat to who asked, never longer than the question."""
        if kind not in (LanKind.HELLO, LanKind.PROBE):
            return []
        answer = self._packet(LanKind.HEARTBEAT, now)
        if len(answer) > len(question.data):
            return self._refuse(LanRefusal.TOO_SHORT, now)
        if not self._paces.may_be_answered(question.source, now.monotonic_s):
            return self._refuse(LanRefusal.TOO_MANY_QUESTIONS, now)
        return [Transmit(question.source, question.port, answer)]

    def _advertised(self, peer: PeerId, addresses: Sequence[str], now: Now) -> list[LanEffect]:
        """A peer that speaks libp2p's multicast DNS; it has no place in the table."""
        allowed = self.allowed
        usable = tuple(a for a in addresses if self._blocks.refusal(peer, a, allowed) is None)
        if peer == self._me.peer or not usable:
            return self._refuse(LanRefusal.IN_VAIN, now)
        if not self._paces.may_return(peer, usable, now.monotonic_s):
            return self._refuse(LanRefusal.COMES_AND_GOES, now)
        return self._reach_beside(peer, usable, None, now)

    # Who is gone

    def _parted(self, peer: PeerId, source: IPv4Address, now: Now) -> list[LanEffect]:
        """A goodbye, which counts where the peer was found."""
        known = self.peers.get(peer)
        if known is not None and known.source != source:
            return self._refuse(LanRefusal.ELSEWHERE, now)
        return self._lose(peer)

    def _lose(self, peer: PeerId) -> list[LanEffect]:
        self._paces.dials.forget(peer)
        return [] if self.peers.pop(peer, None) is None else [Tell(LanPeerLost(peer))]

    def _review(self) -> list[LanEffect]:
        """Part with those who are not wanted any more."""
        allowed = self.allowed
        gone = [
            peer.peer
            for peer in self.peers.values()
            if self._blocks.refusal(peer.peer, str(peer.source), allowed) is not None
        ]
        return [effect for peer in gone for effect in self._lose(peer)]

    def _confine(self, subnets: tuple[IPv4Network, ...]) -> list[LanEffect]:
        self._search = Search(subnets)
        self.refusals.forget(BY_OURSELVES)
        return [*self._review(), SetTimer(SEARCH, GREETINGS_S[0])]

    def _expire(self, now: Now) -> list[LanEffect]:
        least_s = now.monotonic_s - self._config.ttl_s
        gone = [peer.peer for peer in self.peers.values() if peer.heard_s <= least_s]
        return [effect for peer in gone for effect in self._lose(peer)]

    # What is said

    def _moved(self, interfaces: tuple[IPv4Interface, ...], now: Now) -> list[LanEffect]:
        new = [own for own in interfaces if own not in self._interfaces]
        self._interfaces = interfaces
        self.refusals.forget(LanRefusal)
        effects = self._review()
        if new:
            effects += self._broadcast(LanKind.HELLO, now, new)
            effects += [SetTimer(f"{GREETING}{delay_s}", delay_s) for delay_s in GREETINGS_S]
        return effects

    def _fired(self, name: str, now: Now) -> list[LanEffect]:
        match name:
            case "heartbeat":
                return [*self._to_everybody(LanKind.HEARTBEAT, now), self._next_heartbeat()]
            case "expiry":
                return [*self._expire(now), *self._reach(now), SetTimer(EXPIRY, EXPIRY_EVERY_S)]
            case "search":
                return self._probe(now)
            case _:
                return [*self._broadcast(LanKind.HELLO, now, self._interfaces)]

    def _next_heartbeat(self) -> SetTimer:
        return SetTimer(HEARTBEAT, self._config.heartbeat_s * self._rng.uniform(0.9, 1.0))

    def _probe(self, now: Now) -> list[LanEffect]:
        asked, pause_s = self._search.step()
        own = {interface.ip for interface in self._interfaces}
        known = {peer.source for peer in self.peers.values()}
        probes: list[LanEffect] = [
            self._transmit(address, LanKind.PROBE, now)
            for address in asked
            if address not in own | known and not self._blocks.blocks_address(str(address))
        ]
        return [*probes, SetTimer(SEARCH, pause_s)]

    def _to_everybody(self, kind: LanKind, now: Now) -> list[Transmit]:
        """To every network of ours, and, where networks were configured that broadcasts may not
        reach, to everybody known."""
        sent = self._broadcast(kind, now, self._interfaces)
        if self._search.has_ground:
            sent += [
                Transmit(peer.source, peer.port, self._packet(kind, now))
                for peer in self.peers.values()
            ]
        return sent

    def _broadcast(
        self, kind: LanKind, now: Now, interfaces: Iterable[IPv4Interface]
    ) -> list[Transmit]:
        targets = {
            own.network.broadcast_address
            for own in interfaces
            if own.network.prefixlen < 31 and in_subnets(own.ip, self.allowed)
        }
        return [self._transmit(target, kind, now) for target in sorted(targets)]

    def _transmit(self, address: IPv4Address, kind: LanKind, now: Now) -> Transmit:
        return Transmit(address, self._config.discovery_port, self._packet(kind, now))

    def _packet(self, kind: LanKind, now: Now) -> bytes:
        me = self._me
        nonce = self._rng.randbytes(NONCE_BYTES)
        packet = LanPacket(kind, me.peer, me.name, me.listen_port, now.wall_ms, nonce)
        return encode_lan(packet, me.key)
