"""Peering: whom to be connected with, and never giving up on it.

Small networks become a full mesh, larger ones keep a bounded number of connections. A peer that
somebody wants to talk to is dialled at its known addresses, then looked up, and only then reported
as not reachable; the rest is retried with jittered back-off for ever. A pure machine of its own,
because a relay needs it as much as a chatting client.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import TYPE_CHECKING

from p2pchat.events import Event, PeerConnected, PeerDisconnected
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired

if TYPE_CHECKING:
    from random import Random

TIMER = "peering"
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 1.0, 60.0
ADDRESSES_MAX = 16
KNOWN_MAX = 1000
REMEMBERED_MAX = 200
DIALS_MAX = 16
DISCOVERED_TRIES_MAX = 3
"""A peer that was only heard of is forgotten after so many failures."""
REMEMBER_EVERY_MS = 3600 * 1000


class Source(IntEnum):
    """How we learnt of a peer; a lower one is kept longer."""

    CONFIGURED = 0
    WANTED = 1
    REMEMBERED = 2
    LISTED = 3
    DISCOVERED = 4


class Link(Enum):
    """What we are doing about a peer."""

    IDLE = auto()
    DIALLING = auto()
    RESOLVING = auto()
    UP = auto()


class Turn(Enum):
    """What happens to a link."""

    DIAL = auto()
    FAILED = auto()
    RESOLVE = auto()
    CONNECTED = auto()
    LOST = auto()


TRANSITIONS: dict[tuple[Link, Turn], Link] = {
    (Link.IDLE, Turn.DIAL): Link.DIALLING,
    (Link.IDLE, Turn.RESOLVE): Link.RESOLVING,
    (Link.IDLE, Turn.CONNECTED): Link.UP,
    (Link.DIALLING, Turn.FAILED): Link.IDLE,
    (Link.DIALLING, Turn.RESOLVE): Link.RESOLVING,
    (Link.DIALLING, Turn.CONNECTED): Link.UP,
    (Link.RESOLVING, Turn.DIAL): Link.DIALLING,
    (Link.RESOLVING, Turn.FAILED): Link.IDLE,
    (Link.RESOLVING, Turn.CONNECTED): Link.UP,
    (Link.UP, Turn.LOST): Link.IDLE,
}


# Inputs


@dataclass(frozen=True, slots=True)
class Found:
    """A peer may be reached at these multiaddrs (without `/p2p/<peer>`); possibly none."""

    peer: PeerId
    addresses: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody has something for this peer: connect now, looking it up if need be."""

    peer: PeerId
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A look-up ended, with what it found."""

    peer: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """A first connection is up, or what is known of a connected peer changed."""

    peer: PeerId
    dialable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disconnected:
    peer: PeerId


@dataclass(frozen=True, slots=True)
class DialFailed:
    peer: PeerId
    reason: str


@dataclass(frozen=True, slots=True)
class NetworkChanged:
    """Our own addresses changed: what failed before may work now."""


PeeringInput = (
    Found | Wanted | Resolved | Connected | Disconnected | DialFailed | NetworkChanged | TimerFired
)

# Effects


@dataclass(frozen=True, slots=True)
class Connect:
    """Dial all addresses; `Connected` or `DialFailed` answers."""

    peer: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look the peer up in the DHT; `Resolved` answers."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Who wanted this peer is told that no way led there; it will be tried again when asked."""

    peer: PeerId
    reason: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep on disk where a peer was reached."""

    change: PutPeer | DropPeer


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell subscribers."""

    event: Event


PeeringEffect = Connect | Resolve | Unreachable | Remember | Announce | SetTimer


@dataclass(slots=True, eq=False)
class Known:
    """What we know of one peer."""

    peer: PeerId
    source: Source
    addresses: tuple[str, ...] = ()
    link: Link = Link.IDLE
    attempts: int = 0
    next_try_s: float = 0.0
    is_wanted: bool = False
    was_resolved: bool = False
    """The look-up of this round is done."""
    remembered: PutPeer | None = None
    reasons: list[str] = field(default_factory=list[str])


class Peering:
    """The table of known peers and what is done about each."""

    def __init__(self, own: PeerId, remembered: Iterable[PutPeer], mesh: int, rng: Random) -> None:
        self._own = own
        self._mesh = mesh
        """How many connections are sought on our own account."""
        self._rng = rng
        self.known: dict[PeerId, Known] = {}
        for row in remembered:
            entry = Known(row.peer, Source.REMEMBERED, row.addresses, remembered=row)
            self.known[row.peer] = entry

    def start(self, now: Now) -> list[PeeringEffect]:
        return self._dial_due(now)

    def settle(self, now: Now) -> list[PeeringEffect]:
        return self._dial_due(now)

    def handle(self, input: PeeringInput, now: Now) -> list[PeeringEffect]:
        match input:
            case Found(peer, addresses, source):
                self._learn(peer, addresses, source)
                return []
            case Wanted():
                return self._want(input)
            case Resolved(peer, addresses):
                return self._resolved(peer, addresses, now)
            case Connected():
                return self._connected(input, now)
            case Disconnected(peer):
                return self._disconnected(peer, now)
            case DialFailed(peer, reason):
                return self._failed(peer, reason, now)
            case NetworkChanged():
                for known in self.known.values():
                    known.attempts, known.next_try_s = 0, 0.0
                return []
            case TimerFired():
                return []  # `settle` dials who is due

    @property
    def connected_count(self) -> int:
        return sum(known.link is Link.UP for known in self.known.values())

    # Learning

    def _learn(self, peer: PeerId, addresses: tuple[str, ...], source: Source) -> Known | None:
        if peer == self._own:
            return None
        known = self.known.get(peer)
        if known is None:
            if len(self.known) >= KNOWN_MAX and not self._forget_one(source):
                return None
            known = self.known[peer] = Known(peer, source)
        known.source = min(known.source, source)
        fresh = tuple(a for a in dict.fromkeys(addresses) if a not in known.addresses)
        if fresh:
            known.addresses = (fresh + known.addresses)[:ADDRESSES_MAX]
            if known.link is Link.IDLE:
                known.next_try_s = 0.0
        return known

    def _forget_one(self, source: Source) -> bool:
        """Make room: the least useful idle peer goes, if it is worth no more than the new one and
        nobody waits for it."""
        idle = [
            k
            for k in self.known.values()
            if k.link is Link.IDLE and k.source >= source and not k.is_wanted
        ]
        if not idle:
            return False
        worst = max(idle, key=lambda k: (k.source, k.attempts))
        del self.known[worst.peer]
        return True

    def _want(self, wanted: Wanted) -> list[PeeringEffect]:
        known = self._learn(wanted.peer, wanted.hints, Source.WANTED)
        if known is None:
            return [Unreachable(wanted.peer, "too many peers are known")]
        known.is_wanted = True  # also while connected: the news of its end may be on its way
        if known.link is Link.IDLE:
            known.next_try_s, known.was_resolved = 0.0, False
        return []

    # Connecting

    def _dial_due(self, now: Now) -> list[PeeringEffect]:
        """Dial who is wanted, then others while connections are sought."""
        effects: list[PeeringEffect] = []
        links = [known.link for known in self.known.values()]
        active = len(links) - links.count(Link.IDLE)
        dialling = active - links.count(Link.UP)
        idle = [k for k in self.known.values() if k.link is Link.IDLE]
        for known in sorted(idle, key=lambda k: (not k.is_wanted, k.source)):
            has_way = known.is_wanted or (known.addresses and active < self._mesh)
            if not has_way or known.next_try_s > now.monotonic_s:
                continue
            if dialling >= DIALS_MAX:
                break
            effects.append(self._begin(known))
            active, dialling = active + 1, dialling + 1
        waits = [
            k.next_try_s - now.monotonic_s
            for k in self.known.values()
            if k.link is Link.IDLE and k.next_try_s > now.monotonic_s
        ]
        if waits:
            effects.append(SetTimer(TIMER, max(min(waits), 0.01)))
        return effects

    def _begin(self, known: Known) -> PeeringEffect:
        if known.addresses:
            self._turn(known, Turn.DIAL)
            return Connect(known.peer, known.addresses)
        self._turn(known, Turn.RESOLVE)
        known.was_resolved = True
        return Resolve(known.peer)

    def _resolved(self, peer: PeerId, addresses: tuple[str, ...], now: Now) -> list[PeeringEffect]:
        known = self.known.get(peer)
        if known is None or known.link is not Link.RESOLVING:
            return []
        if not addresses:
            return self._give_up(known, "not found in the network", now)
        known.addresses = tuple(dict.fromkeys(addresses + known.addresses))[:ADDRESSES_MAX]
        self._turn(known, Turn.DIAL)
        return [Connect(peer, known.addresses)]

    def _failed(self, peer: PeerId, reason: str, now: Now) -> list[PeeringEffect]:
        known = self.known.get(peer)
        if known is None or known.link is not Link.DIALLING:
            return []
        if known.is_wanted and not known.was_resolved:
            self._turn(known, Turn.RESOLVE)
            known.was_resolved = True
            return [Resolve(peer)]
        return self._give_up(known, reason, now)

    def _give_up(self, known: Known, reason: str, now: Now) -> list[PeeringEffect]:
        self._turn(known, Turn.FAILED)
        effects: list[PeeringEffect] = []
        if known.is_wanted:
            effects.append(Unreachable(known.peer, reason))
        known.is_wanted = known.was_resolved = False
        known.attempts += 1
        if known.source is Source.DISCOVERED and known.attempts >= DISCOVERED_TRIES_MAX:
            del self.known[known.peer]
            return effects
        self._back_off(known, now)
        return effects

    def _back_off(self, known: Known, now: Now) -> None:
        delay_s = min(BACK_OFF_S_MIN * 2 ** min(known.attempts, 16), BACK_OFF_S_MAX)
        known.next_try_s = now.monotonic_s + delay_s * self._rng.uniform(0.5, 1.0)

    # Connected

    def _connected(self, input: Connected, now: Now) -> list[PeeringEffect]:
        known = self._learn(input.peer, input.dialable, Source.DISCOVERED)
        if known is None:
            return []
        effects: list[PeeringEffect] = []
        if known.link is not Link.UP:
            self._turn(known, Turn.CONNECTED)
            effects.append(Announce(PeerConnected(known.peer)))
        known.attempts, known.is_wanted, known.was_resolved = 0, False, False
        return effects + self._remember(known, input.dialable, now)

    def _remember(self, known: Known, dialable: tuple[str, ...], now: Now) -> list[PeeringEffect]:
        """Where it was reached goes to disk, when that is news."""
        before = known.remembered
        if not dialable or (
            before is not None
            and before.addresses == dialable
            and now.wall_ms - before.last_seen_ms < REMEMBER_EVERY_MS
        ):
            return []
        known.remembered = PutPeer(known.peer, dialable[:ADDRESSES_MAX], now.wall_ms)
        known.source = min(known.source, Source.REMEMBERED)
        effects: list[PeeringEffect] = [Remember(known.remembered)]
        rows = [k.remembered for k in self.known.values() if k.remembered is not None]
        if len(rows) > REMEMBERED_MAX:
            oldest = min(rows, key=lambda row: (row.last_seen_ms, row.peer))
            self.known[oldest.peer].remembered = None
            effects.append(Remember(DropPeer(oldest.peer)))
        return effects

    def _disconnected(self, peer: PeerId, now: Now) -> list[PeeringEffect]:
        known = self.known.get(peer)
        if known is None or known.link is not Link.UP:
            return []
        self._turn(known, Turn.LOST)
        if not known.is_wanted:
            self._back_off(known, now)
        return [Announce(PeerDisconnected(peer))]

    def _turn(self, known: Known, turn: Turn) -> None:
        known.link = TRANSITIONS.get((known.link, turn), known.link)
