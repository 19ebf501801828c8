"""What each peer and each address may have carried by a relay.

Reservations are one a peer and some an address; circuits are counted for who calls and, apart, for
who is called, so that a caller cannot use up what its target may do, and for the address that is
called from, since keys are free. How often one peer is called is bounded for each address that it
is called from, and above that for all together: one address with many keys must not make anybody
uncallable. Bytes are charged to the
caller alone, both directions, for the same reason: at a pace, which holds back, and over a window
of time, which ends the circuit.

Nothing here knows a stream or a clock; the time comes in with each question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.options import CircuitLimits, Total
from p2pchat.protocol.pace import Buckets, Rate

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
"""Of them, those from one public address; of a peer at a private one, its own."""


class OverQuota(Exception):
    """This is not carried; `total` says which counter it goes to."""

    def __init__(self, total: Total) -> None:
        super().__init__(total)
        self.total: Total = total


@dataclass(frozen=True, slots=True)
class _Reservation:
    until_s: float
    source: str | None
    """The public address it was made from."""


class Quotas:
    """Reservations, circuits and bytes of all peers of one relay."""

    def __init__(self, limits: CircuitLimits) -> None:
        self._limits = limits
        self._held: dict[PeerId, _Reservation] = {}
        self._circuits: Counter[str] = Counter()
        """How many in all, by `calls …`, `called …`, `pair …`, `from …`: what is at zero is
        dropped."""
        asks, per_s = limits.requests_per_peer_s, limits.peer_bytes_per_s
        window = limits.peer_bytes_max / limits.peer_bytes_window_s
        self._requests = Buckets[PeerId](Rate(asks, asks * BURST_S))
        self._called = Buckets[PeerId](CALLED)
        self._called_from = Buckets[tuple[str | PeerId, PeerId]](CALLED_FROM)
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

    def reserve(self, peer: PeerId, source: str | None, now_s: float) -> None:
        """Keep a place, or keep it for longer. Raises `OverQuota`."""
        if peer not in self._held:
            if len(self._held) >= self._limits.reservations_max:
                raise OverQuota("reservations_refused_full_total")
            there = sum(held.source == source for held in self._held.values())
            if source is not None and there >= self._limits.reservations_per_address_max:
                raise OverQuota("reservations_refused_address_total")
        self._held[peer] = _Reservation(now_s + self._limits.reservation_s, source)

    def holds(self, peer: PeerId, now_s: float) -> bool:
        """Whether this peer can be called."""
        held = self._held.get(peer)
        return held is not None and held.until_s > now_s

    def release(self, peer: PeerId) -> None:
        """End its reservation."""
        self._held.pop(peer, None)

    def expire(self, now_s: float) -> None:
        """Forget the reservations that are over."""
        for peer in [peer for peer in self._held if not self.holds(peer, now_s)]:
            del self._held[peer]

    # ---- circuits ----

    @contextmanager
    def circuit(
        self, caller: PeerId, target: PeerId, source: str | None, now_s: float
    ) -> Generator[None]:
        """Count a circuit, asked for from `source`, while inside. Raises `OverQuota`."""
        keys = [*_keys(caller, target), *([f"from {source}"] if source is not None else [])]
        if self._circuits[f"from {source}"] >= self._limits.circuits_per_address_max:
            raise OverQuota("circuits_refused_address_total")
        self._require_slot(caller, target)
        if not self._called_from.of((source or caller, target), now_s).take(1, now_s):
            raise OverQuota("circuits_refused_pace_total")
        if not self._volume.of(caller, now_s).take(CHARGE_BYTES, now_s):
            raise OverQuota("circuits_refused_bytes_total")
        # Last: what is refused for the caller's sake is nothing that the target was called.
        if not self._called.of(target, now_s).take(1, now_s):
            raise OverQuota("circuits_refused_pace_total")
        self._circuits.update(keys)
        try:
            yield
        finally:
            self._circuits -= Counter(keys)  # drops zeros, too

    def _require_slot(self, caller: PeerId, target: PeerId) -> None:
        every, calls, called, pair = (self._circuits[key] for key in _keys(caller, target))
        if every >= self._limits.circuits_max:
            raise OverQuota("circuits_refused_full_total")
        most = self._limits.circuits_per_peer_max
        # Counted apart: who calls a lot can still be called, and who is called still calls.
        if calls >= most or called >= most or pair >= CIRCUITS_PER_PAIR_MAX:
            raise OverQuota("circuits_refused_peer_total")

    def spend(self, caller: PeerId, size_bytes: int, now_s: float) -> float:
        """Charge bytes; for how many seconds to wait before more is carried.

        Raises `OverQuota` when the caller has had all it may for now.
        """
        if not self._volume.of(caller, now_s).take(size_bytes, now_s):
            raise OverQuota("circuits_spent_total")
        return self._speed.of(caller, now_s).owe(size_bytes, now_s)


def _keys(caller: PeerId, target: PeerId) -> tuple[str, str, str, str]:
    return ("all", f"calls {caller}", f"called {target}", f"pair {caller} {target}")
