"""Peering: whom to be connected with, and never giving up on it.

Small networks become a full mesh, larger ones keep a bounded number of connections. A peer that
somebody wants to talk to is dialled at its known addresses, then looked up, and only then reported
as not reachable; the rest is retried with jittered back-off. A pure machine of its own, because a
relay needs it as much as a chatting client.

An identity costs nothing, so what strangers say about themselves earns no lasting place: a peer is
remembered only once *we* have reached it, each source fills at most its share of the table, and
who cannot be reached while others can is forgotten in the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from p2pchat.events import Event, PeerConnected, PeerDisconnected
from p2pchat.model.blocking import NOBODY, BlockList, Refusal
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.protocol.places import ADDRESSES_MAX, OWN_ADDRESSES_MAX, Place, Source, merged

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "Announce",
    "Blocked",
    "Configured",
    "Connect",
    "Connected",
    "DialFailed",
    "Disconnected",
    "Found",
    "NetworkChanged",
    "Peering",
    "PeeringEffect",
    "PeeringInput",
    "Remember",
    "Resolve",
    "Resolved",
    "Source",
    "Unreachable",
    "Wanted",
]

TIMER = "peering"
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 1.0, 60.0
KNOWN_MAX = 1000
REMEMBERED_MAX = 200
DIALS_MAX = 16
DISCOVERED_TRIES_MAX = 3
LAN_TRIES_MAX = 8
LISTED_TRIES_MAX = 8
REMEMBERED_TRIES_MAX = 32
"""A peer is forgotten after so many failures in a row; 32 are half an hour, which outlives most
restarts and partitions. Who is configured or was wanted is never given up."""
LATELY_S = 900.0
LATE_ATTEMPTS_MAX = 3
"""A peer that was connected lately is tried every few seconds: a partition that heals is over for
everybody soon."""
REMEMBER_EVERY_MS = 3600 * 1000
REMEMBER_MOVED_EVERY_MS = 60 * 1000
"""What a peer announces may change with every identify message; the disk hears of it so often."""


TRIES_MAX = {
    Source.REMEMBERED: REMEMBERED_TRIES_MAX,
    Source.LAN: LAN_TRIES_MAX,
    Source.LISTED: LISTED_TRIES_MAX,
    Source.DISCOVERED: DISCOVERED_TRIES_MAX,
}
SHARE_MAX = {Source.LAN: 100, Source.LISTED: 150, Source.DISCOVERED: 500}
"""Places that a source may fill. With `REMEMBERED_MAX` it leaves some for those we ask for."""


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
    dialled: tuple[str, ...]
    """Where we reached it; none when it came to us."""
    announced: tuple[str, ...] = ()
    """Where it says it can be reached, as far as that is believable."""


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


@dataclass(frozen=True, slots=True)
class Blocked:
    """Dial and remember these no more, in place of those said before."""

    blocks: BlockList


@dataclass(frozen=True, slots=True)
class Configured:
    """The configuration names these and no others; what it says of them comes as `Found`."""

    peers: frozenset[PeerId]


PeeringInput = (
    Found
    | Wanted
    | Resolved
    | Connected
    | Disconnected
    | DialFailed
    | NetworkChanged
    | Blocked
    | Configured
    | TimerFired
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
class Tries:
    """How often reaching a peer has failed since it last worked, and when it is tried again."""

    failures: int = 0
    next_s: float = 0.0
    lost_s: float = -math.inf
    """When it was last connected."""

    def fail(self, now: Now) -> None:
        """Once more."""
        self.failures += 1
        if now.monotonic_s - self.lost_s < LATELY_S:
            self.failures = min(self.failures, LATE_ATTEMPTS_MAX)

    def back_off(self, now: Now, rng: Random) -> None:
        """Wait longer with each failure."""
        delay_s = min(BACK_OFF_S_MIN * 2 ** min(self.failures, 16), BACK_OFF_S_MAX)
        self.next_s = now.monotonic_s + delay_s * rng.uniform(0.5, 1.0)


@dataclass(slots=True, eq=False)
class Known:
    """What we know of one peer."""

    peer: PeerId
    source: Source
    places: tuple[Place, ...] = ()
    barred: tuple[Place, ...] = ()
    """Where a block forbids to dial it; it may be taken back."""
    link: Link = Link.IDLE
    tries: Tries = field(default_factory=Tries)
    is_wanted: bool = False
    was_resolved: bool = False
    """The look-up of this round is done."""
    remembered: PutPeer | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where it may be dialled, what is best known first."""
        return tuple(one.address for one in self.places)


class Peering:
    """The table of known peers and what is done about each."""

    def __init__(self, own: PeerId, remembered: Iterable[PutPeer], mesh: int, rng: Random) -> None:
        self._own = own
        self._mesh = mesh
        """How many connections are sought on our own account."""
        self._rng = rng
        self._blocks = NOBODY
        self.known: dict[PeerId, Known] = {}
        self._dropped: list[PeerId] = []
        """Forgotten in this batch, and on disk."""
        for row in remembered:
            places = merged((), row.addresses, Source.REMEMBERED)
            entry = Known(row.peer, Source.REMEMBERED, places, remembered=row)
            self.known[row.peer] = entry

    def start(self, now: Now) -> list[PeeringEffect]:
        return self._dial_due(now)

    def settle(self, now: Now) -> list[PeeringEffect]:
        drops = [Remember(DropPeer(p)) for p in self._dropped if not self._is_remembered(p)]
        self._dropped.clear()
        return [*drops, *self._dial_due(now)]

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
                self._try_anew()
                return []
            case Blocked(blocks):
                return self._blocked(blocks)
            case Configured(peers):
                self._configured(peers)
                return []
            case TimerFired():
                return []  # `settle` dials who is due

    @property
    def connected_count(self) -> int:
        return sum(known.link is Link.UP for known in self.known.values())

    def _try_anew(self) -> None:
        for known in self.known.values():
            known.tries.failures, known.tries.next_s = 0, 0.0

    def _configured(self, peers: frozenset[PeerId]) -> None:
        """Who was taken out of the configuration is given up when it fails, like others."""
        for known in self.known.values():
            if known.source is Source.CONFIGURED and known.peer not in peers:
                known.source = Source.LISTED if known.remembered is None else Source.REMEMBERED

    # Blocking

    def _blocked(self, blocks: BlockList) -> list[PeeringEffect]:
        """What may be dialled is sorted out anew. Who is blocked stays known, so that it is found
        again once it is welcome, but goes first when there is no room, and is not on disk."""
        self._blocks = blocks
        self._try_anew()
        effects: list[PeeringEffect] = []
        for known in self.known.values():
            every = {one.address: one for one in known.places + known.barred}
            free = dict.fromkeys(self._unblocked(known.peer, tuple(every)))
            known.places = tuple(sorted((every[one] for one in free), key=lambda one: one.source))
            barred = (one for address, one in every.items() if address not in free)
            known.barred = tuple(barred)[:ADDRESSES_MAX]
            if blocks.blocks_peer(known.peer):
                effects += self._shut_out(known)
        return effects

    def _shut_out(self, known: Known) -> list[PeeringEffect]:
        if known.source is not Source.CONFIGURED:
            known.source = Source.DISCOVERED
        if known.remembered is not None:
            known.remembered = None
            self._dropped.append(known.peer)
        if not known.is_wanted:
            return []
        known.is_wanted = False
        return [Unreachable(known.peer, Refusal.PEER)]

    def _unblocked(self, peer: PeerId, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Those addresses at which a peer may be dialled."""
        if not self._blocks:
            return addresses
        return tuple(one for one in addresses if self._blocks.refusal(peer, one) is None)

    # Learning

    def _learn(self, peer: PeerId, addresses: tuple[str, ...], source: Source) -> Known | None:
        """A peer and where it may be. Who tells lies wins no dials by telling further ones: hearsay
        about a peer for which there is something to try waits for its turn."""
        if peer == self._own or self._blocks.blocks_peer(peer):
            return None
        addresses = self._unblocked(peer, addresses)
        known = self.known.get(peer)
        if known is None:
            if not self._has_place(source):
                return None
            known = self.known[peer] = Known(peer, source)
        known.source = min(known.source, source)
        is_news = not known.places or (
            source is not Source.DISCOVERED and not set(addresses) <= set(known.addresses)
        )
        known.places = merged(known.places, addresses, source)
        # Who speaks up on our own network is there now, whatever failed before.
        if (is_news or source is Source.LAN) and known.link is Link.IDLE:
            known.tries.next_s = 0.0
        return known

    def _has_place(self, source: Source) -> bool:
        """Whether one more of this source may be known, now that the least useful has gone."""
        peers = self.known.values()
        if sum(k.source is source for k in peers) >= SHARE_MAX.get(source, KNOWN_MAX):
            return self._forget_one(k for k in peers if k.source is source)
        return len(peers) < KNOWN_MAX or self._forget_one(k for k in peers if k.source >= source)

    def _forget_one(self, among: Iterable[Known]) -> bool:
        """Make room: the least useful idle peer goes, unless somebody waits for it."""
        idle = [k for k in among if k.link is Link.IDLE and not k.is_wanted]
        if not idle:
            return False
        self._forget(max(idle, key=lambda k: (k.source, k.tries.failures)))
        return True

    def _forget(self, known: Known) -> None:
        del self.known[known.peer]
        if known.remembered is not None:
            self._dropped.append(known.peer)

    def _is_remembered(self, peer: PeerId) -> bool:
        known = self.known.get(peer)
        return known is not None and known.remembered is not None

    def _want(self, wanted: Wanted) -> list[PeeringEffect]:
        if self._blocks.blocks_peer(wanted.peer):
            return [Unreachable(wanted.peer, Refusal.PEER)]
        known = self._learn(wanted.peer, wanted.hints, Source.WANTED)
        if known is None:
            return [Unreachable(wanted.peer, "too many peers are known")]
        known.is_wanted = True  # also while connected: the news of its end may be on its way
        if known.link is Link.IDLE:
            known.tries.next_s, known.was_resolved = 0.0, False
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
            if not has_way or known.tries.next_s > now.monotonic_s:
                continue
            if dialling >= DIALS_MAX:
                break
            effects.append(self._begin(known))
            active, dialling = active + 1, dialling + 1
        waits = [
            k.tries.next_s - now.monotonic_s
            for k in self.known.values()
            if k.link is Link.IDLE and k.tries.next_s > now.monotonic_s
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
        found = self._unblocked(peer, addresses)[:OWN_ADDRESSES_MAX]
        if not found:
            return self._give_up(known, "not found in the network", now)
        known.places = merged(known.places, found, Source.DISCOVERED)
        self._turn(known, Turn.DIAL)
        # What was known has just failed: what is new goes first.
        return [Connect(peer, tuple(dict.fromkeys(found + known.addresses)))]

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
        known.tries.fail(now)
        if self._is_hopeless(known):
            self._forget(known)
        else:
            known.tries.back_off(now, self._rng)
        return effects

    def _is_hopeless(self, known: Known) -> bool:
        """Whether it failed too often. While nobody at all is connected it may be our own network
        that fails: then only hearsay is given up."""
        if known.tries.failures < TRIES_MAX.get(known.source, known.tries.failures + 1):
            return False
        return known.source is Source.DISCOVERED or self.connected_count > 0

    # Connected

    def _connected(self, input: Connected, now: Now) -> list[PeeringEffect]:
        addresses = input.dialled + input.announced
        known = self._learn(input.peer, addresses, Source.DISCOVERED)
        if known is None:
            return []
        if input.dialled or known.remembered is not None:
            own = self._unblocked(known.peer, addresses)
            known.places = merged(known.places, own, Source.REMEMBERED)
        effects: list[PeeringEffect] = []
        if known.link is not Link.UP:
            self._turn(known, Turn.CONNECTED)
            effects.append(Announce(PeerConnected(known.peer)))
        known.tries.failures, known.is_wanted, known.was_resolved = 0, False, False
        return effects + self._remember(known, input, now)

    def _remember(self, known: Known, input: Connected, now: Now) -> list[PeeringEffect]:
        """Where it was reached goes to disk, when that is news. Who came to us has proven nothing
        about its addresses, unless we had reached it before."""
        before = known.remembered
        earlier = before.addresses if before is not None and not input.dialled else ()
        found = self._unblocked(known.peer, input.dialled + input.announced + earlier)
        addresses = tuple(dict.fromkeys(found))[:ADDRESSES_MAX]
        if not (input.dialled or before) or not _is_news(before, addresses, input.dialled, now):
            return []
        known.remembered = PutPeer(known.peer, addresses, now.wall_ms)
        known.source = min(known.source, Source.REMEMBERED)
        return [Remember(known.remembered), *self._forget_oldest_row()]

    def _forget_oldest_row(self) -> list[PeeringEffect]:
        rows = [k.remembered for k in self.known.values() if k.remembered is not None]
        if len(rows) <= REMEMBERED_MAX:
            return []
        oldest = self.known[min(rows, key=lambda row: (row.last_seen_ms, row.peer)).peer]
        oldest.remembered = None
        if oldest.source is Source.REMEMBERED:
            oldest.source = Source.DISCOVERED
        return [Remember(DropPeer(oldest.peer))]

    def _disconnected(self, peer: PeerId, now: Now) -> list[PeeringEffect]:
        known = self.known.get(peer)
        if known is None or known.link is not Link.UP:
            return []
        self._turn(known, Turn.LOST)
        known.tries.lost_s = now.monotonic_s
        if not known.is_wanted:
            known.tries.back_off(now, self._rng)
        return [Announce(PeerDisconnected(peer)), *self._last_seen(known, now)]

    def _last_seen(self, known: Known, now: Now) -> list[PeeringEffect]:
        """Until when it was there goes to disk, unless what that says is hardly older."""
        row = known.remembered
        if row is None or 0 <= now.wall_ms - row.last_seen_ms < REMEMBER_MOVED_EVERY_MS:
            return []
        known.remembered = replace(row, last_seen_ms=now.wall_ms)
        return [Remember(known.remembered)]

    def _turn(self, known: Known, turn: Turn) -> None:
        known.link = TRANSITIONS.get((known.link, turn), known.link)


def _is_news(
    before: PutPeer | None, addresses: tuple[str, ...], dialled: tuple[str, ...], now: Now
) -> bool:
    """Whether a row is worth writing: the peer is new, was reached elsewhere, says that it moved,
    or was last written long ago."""
    if before is None or not set(dialled) <= set(before.addresses):
        return True
    age_ms = now.wall_ms - before.last_seen_ms
    is_moved = addresses != before.addresses
    return age_ms >= (REMEMBER_MOVED_EVERY_MS if is_moved else REMEMBER_EVERY_MS)
