"""What each peer and each address may have carried by a relay.

Reservations are one a peer and some an address. They are held for long, and somebody may have many
addresses; so no site has more than an eighth of what is left, but for the first.

Circuits are counted for who calls and, apart, for who is called, so that a caller cannot use up
what its target may do, and for the address that is called from, since keys are free. Bytes are
charged to the caller alone, both directions, for the same reason: at a pace, which holds back, and
over a window of time, which ends the circuit.

How often one peer is called is bounded for each source that it is called from, and above that for
all together. A source is what one customer of a provider has, or one private address. Many sources
would use up what there is for all, and so the turns are fair: the more of them a source has had
lately, the more must be left for it to get another. Who calls now and then gets through while
dozens call without end; only hundreds of sources make a peer uncallable.

Nothing here knows a stream or a clock; the time comes in with each question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.options import CircuitLimits, Total
from p2pchat.net.libp2p.sources import public_group, shared_source, site
from p2pchat.protocol.pace import Bucket, Buckets, Rate
from p2pchat.protocol.shares import Shares

__all__ = ["OverQuota", "Quotas"]

CIRCUITS_PER_PAIR_MAX = 4
"""Circuits from one caller to one target: no single caller uses up what a peer may receive."""
BURST_S = 20.0
"""So many seconds' worth of requests may come at once: a client that starts asks for many peers."""
CHARGE_BYTES = 4096
"""What a circuit costs its caller before it has carried anything: two handshakes."""

CALLED = Rate(per_s=20, burst=100)
"""Calls to one target, whoever makes them: below what a client takes from its relay, or strangers
could let it shun the relay."""
CALLED_FROM = Rate(per_s=2, burst=20)
"""Of them, those from one source."""
CALLED_SELDOM = Rate(per_s=0.04, burst=10)
"""Calls of one source to one target: who keeps to this has its turn before those who do not."""
CALLED_SPARE = CALLED.burst / 2
"""So many calls at once are left for others by a source that has used up the turns it has first."""


class OverQuota(Exception):
    """This is not carried; `total` says which counter it goes to."""

    def __init__(self, total: Total) -> None:
        super().__init__(total)
        self.total: Total = total


@dataclass(frozen=True, slots=True)
class _Reservation:
    until_s: float
    group: str | None
    """The public address it was made from, or what counts as one."""
    site: str | None
    """The same, of the wider kind."""


class Quotas:
    """Reservations, circuits and bytes of all peers of one relay."""

    def __init__(self, limits: CircuitLimits) -> None:
        self._limits = limits
        self._held: dict[PeerId, _Reservation] = {}
        self._places = Shares[str | None](limits.reservations_max)
        self._circuits: Counter[str] = Counter()
        """How many in all, by `all`, `calls …`, `called …`, `pair …`, `from …`: what is at zero is
        dropped."""
        asks, per_s = limits.requests_per_peer_s, limits.peer_bytes_per_s
        window = limits.peer_bytes_max / limits.peer_bytes_window_s
        self._requests = Buckets[PeerId](Rate(asks, asks * BURST_S))
        self._called = Buckets[PeerId](CALLED)
        self._called_from = Buckets[tuple[str, PeerId]](CALLED_FROM)
        self._called_seldom = Buckets[tuple[str, PeerId]](CALLED_SELDOM)
        self._speed = Buckets[PeerId](Rate(per_s, per_s))
        self._volume = Buckets[PeerId](Rate(window, limits.peer_bytes_max))

    @property
    def reservations(self) -> int:
        """Peers that can be called."""
        return len(self._held)

    @property
    def circuits(self) -> int:
        """Circuits that are open."""
        return self._circuits["all"]

    def require_pace(self, peer: PeerId, now_s: float) -> None:
        """Count a request. Raises `OverQuota` when this peer asks too often."""
        if not self._requests.of(peer, now_s).take(1, now_s):
            raise OverQuota("relaying_refused_pace_total")

    # ---- reservations ----

    def reserve(self, peer: PeerId, host: str | None, now_s: float) -> None:
        """Keep a place, or keep it for longer, for who asks from the IP address `host`. Raises
        `OverQuota`; a place that was held already stays until its time is over."""
        group = public_group(host) if host is not None else None
        wide = site(host) if host is not None and group is not None else None
        held = self._held.get(peer)
        if held is None and len(self._held) >= self._limits.reservations_max:
            raise OverQuota("reservations_refused_full_total")
        if group is not None and (held is None or held.group != group):
            self._require_place(group, wide)
        self.release(peer)
        self._held[peer] = _Reservation(now_s + self._limits.reservation_s, group, wide)
        self._places.take(wide, 1)

    def _require_place(self, group: str, wide: str | None) -> None:
        there = sum(held.group == group for held in self._held.values())
        is_over = there >= self._limits.reservations_per_address_max
        if is_over or (self._places.held_by(wide) and not self._places.fits(wide, 1)):
            raise OverQuota("reservations_refused_address_total")

    def holds(self, peer: PeerId, now_s: float) -> bool:
        """Whether this peer can be called."""
        held = self._held.get(peer)
        return held is not None and held.until_s > now_s

    def release(self, peer: PeerId) -> None:
        """End its reservation."""
        held = self._held.pop(peer, None)
        if held is not None:
            self._places.take(held.site, -1)

    def expire(self, now_s: float) -> None:
        """Forget the reservations that are over."""
        for peer in [peer for peer in self._held if not self.holds(peer, now_s)]:
            self.release(peer)

    # ---- circuits ----

    @contextmanager
    def call(
        self, caller: PeerId, target: PeerId, host: str | None, now_s: float
    ) -> Generator[None]:
        """Count a circuit, asked for from the IP address `host`, for those it concerns while
        inside. Raises `OverQuota`."""
        group = public_group(host) if host is not None else None
        keys = f"calls {caller}", f"called {target}", f"pair {caller} {target}"
        self._require_share(keys, group)
        source = (shared_source(host) if host is not None else str(caller), target)
        called, seldom = self._called.of(target, now_s), self._called_seldom.of(source, now_s)
        # First, and only looked at: nobody pays for a turn that is not its own.
        if called.left(now_s) < 1 + _left_for_others(seldom, now_s):
            raise OverQuota("circuits_refused_pace_total")
        if not self._called_from.of(source, now_s).take(1, now_s):
            raise OverQuota("circuits_refused_pace_total")
        if not self._volume.of(caller, now_s).take(CHARGE_BYTES, now_s):
            raise OverQuota("circuits_refused_bytes_total")
        called.take(1, now_s)
        seldom.take(1, now_s)
        with self._counted((*keys, f"from {group}")):
            yield

    @contextmanager
    def place(self) -> Generator[None]:
        """Count a circuit for the relay while inside. Raises `OverQuota` when there is no place."""
        if self.circuits >= self._limits.circuits_max:
            raise OverQuota("circuits_refused_full_total")
        with self._counted(("all",)):
            yield

    def _require_share(self, keys: tuple[str, str, str], group: str | None) -> None:
        calls, called, pair = (self._circuits[key] for key in keys)
        there = self._circuits[f"from {group}"]
        if group is not None and there >= self._limits.circuits_per_address_max:
            raise OverQuota("circuits_refused_address_total")
        most = self._limits.circuits_per_peer_max
        # Counted apart: who calls a lot can still be called, and who is called still calls.
        if calls >= most or called >= most or pair >= CIRCUITS_PER_PAIR_MAX:
            raise OverQuota("circuits_refused_peer_total")

    @contextmanager
    def _counted(self, keys: tuple[str, ...]) -> Generator[None]:
        self._circuits.update(keys)
        try:
            yield
        finally:
            self._circuits -= Counter(keys)  # drops zeros, too

    def spend(self, caller: PeerId, size_bytes: int, now_s: float) -> float:
        """Charge bytes; for how many seconds to wait before more is carried.

        Raises `OverQuota` when the caller has had all it may for now.
        """
        if not self._volume.of(caller, now_s).take(size_bytes, now_s):
            raise OverQuota("circuits_spent_total")
        return self._speed.of(caller, now_s).owe(size_bytes, now_s)


def _left_for_others(seldom: Bucket, now_s: float) -> float:
    """How many turns a source leaves, by those it has had lately."""
    return CALLED_SPARE * (1 - seldom.left(now_s) / CALLED_SELDOM.burst)
