"""What a host is told when it opens, and the figures it answers about itself.

This module imports no py-libp2p, which costs half a second and 80 MB: a configuration can be read,
checked and printed before the first socket is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from p2pchat.errors import ConfigError
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.model.ids import KEY_BYTES
from p2pchat.net.port import Gate
from p2pchat.protocol.pace import Rate

__all__ = ["CircuitLimits", "HostLimits", "HostOptions", "HostStatistics", "Total", "Transport"]

Total = Literal[
    "accepted_total",
    "refused_subnet_total",
    "refused_address_total",
    "refused_peer_total",
    "refused_full_total",
    "refused_gate_total",
    "refused_pace_total",
    "refused_shunned_total",
    "handshakes_evicted_total",
    "handshakes_failed_total",
    "handshakes_timed_out_total",
    "dials_failed_total",
    "connections_evicted_total",
    "connections_silent_total",
    "connections_flooding_total",
    "streams_opened_total",
    "streams_accepted_total",
    "streams_refused_full_total",
    "streams_refused_pace_total",
    "streams_refused_late_total",
    "streams_malformed_total",
    "streams_broken_total",
    "handlers_failed_total",
    "circuits_total",
    "circuits_refused_full_total",
    "circuits_refused_address_total",
    "circuits_refused_peer_total",
    "circuits_refused_bytes_total",
    "circuits_refused_pace_total",
    "circuits_refused_absent_total",
    "circuits_failed_total",
    "circuits_spent_total",
    "circuits_silent_total",
    "circuit_bytes_total",
    "reservations_total",
    "reservations_refused_full_total",
    "reservations_refused_address_total",
    "relaying_refused_pace_total",
    "relaying_refused_malformed_total",
]
"""The fields of `HostStatistics` that are counted as things happen."""

Transport = Literal["lean", "stock"]
"""Whose Noise session and Yamux carry the connections: ours or py-libp2p's; same wire format."""

_GIB = 1 << 30
_HOUR_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """The bounds of one host; what is above them is refused and counted."""

    connections_max: int = 256
    """Open connections; above it the least useful one is closed for a newcomer. A relay has more
    use for them."""
    connections_per_peer_max: int = 4
    """Open connections with one peer, whatever their direction; above it the one that was silent
    for longest is closed."""
    connections_per_address_max: int = 32
    """Connections and handshakes from one public address (IPv6: one /56). A house, an office or a
    provider's NAT is one address, and a full mesh (30) may be behind it; an eighth of all places is
    the most that a stranger there can take. Private and loopback addresses are not counted."""
    handshakes_max: int = 256
    """Inbound connections that have not authenticated; above it the oldest is reset."""
    handshake_timeout_s: float = 3.0
    """From the end of the line at the door to authenticated and multiplexed."""
    handshakes_per_address: Rate = Rate(per_s=5, burst=64)
    """Connections that one public address (IPv6: one /56) may begin; others are refused."""
    connects_per_peer: Rate = Rate(per_s=2, burst=60)
    """Connections that one peer may make to us, wherever from; others are refused."""
    dials_max: int = 64
    """Addresses dialled at once, all peers together; further ones wait."""
    addresses_per_dial_max: int = 16
    """Addresses of one `connect` that are tried; the rest is ignored."""
    streams_per_connection_max: int = 256
    """Inbound streams served at once on one connection; above it new ones are reset."""
    negotiations_per_connection_max: int = 32
    """Inbound streams of one connection whose protocol is being agreed on; the next ones wait until
    one of these is done, and too many that wait are reset."""
    streams_per_peer: Rate = Rate(per_s=100, burst=500)
    """Inbound streams that one peer may open, over all its connections; others are reset."""
    streams_per_protocol: Rate = Rate(per_s=50, burst=250)
    """The same, of one protocol."""
    refusals_per_peer: Rate = Rate(per_s=20, burst=200)
    """Streams of one peer that may be refused for their pace; then it is shunned."""
    refusals_per_relay: Rate = Rate(per_s=500, burst=5000)
    """The same, of a relay that holds a place for us: whose calls they are is not its doing."""
    shun_s: float = 8.0
    """How long a peer that floods is cut off."""
    unread_bytes_max: int = 48 << 20
    """Received on all connections and not yet read; above it a stream that brings more is reset,
    unless its connection holds little."""
    negotiation_timeout_s: float = 4.0
    """From an inbound stream's first byte to its protocol."""
    malformed_streams_max: int = 8
    """Streams of one connection that may fail to negotiate before it is closed."""
    keepalive_idle_s: float = 7.0
    """Silence after which a peer is asked for a sign of life."""
    keepalive_carried_idle_s: float = 3.0
    """The same where more hangs on it: a relay that holds a place for us or we for it, a relayed
    connection."""
    keepalive_timeout_s: float = 5.0
    """How long the answer may take; then the connection is aborted."""
    close_timeout_s: float = 2.0
    """How long a stream, a connection, or the host may take to say goodbye."""
    linger_s: float = 5.0
    """How long a closed stream waits for the remote's end before it is reset."""
    handler_grace_s: float = 5.0
    """How long handlers of a lost connection may finish before they are cancelled."""
    identify_bytes_max: int = 32 * 1024
    """Bytes of one identify message; a longer one is ignored."""
    identify_protocols_max: int = 256
    """Protocol ids taken from one identify message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitLimits:
    """What a relay carries for others."""

    reservations_max: int = 1024
    """Peers reachable through this relay at once."""
    reservation_s: int = _HOUR_S
    """How long a reservation holds unless refreshed."""
    reservations_per_address_max: int = 64
    """Of them, from one public address (IPv6: one /56), as long as it is no more than an eighth of
    what is left (IPv6: from one /48); the first is none too many."""
    requests_per_peer_s: int = 10
    """Reservations and calls that one peer may ask for in a second, and twenty times as many at
    once."""
    circuits_max: int = 1024
    """Relayed connections at once."""
    circuits_per_peer_max: int = 32
    """Relayed connections that one peer dials, or receives, at once."""
    circuits_per_address_max: int = 128
    """Relayed connections that one public address (IPv6: one /56) dials at once."""
    circuit_s_max: int = 2 * _HOUR_S
    """Age of a relayed connection; then it is reset."""
    circuit_idle_s: int = 120
    """How long nothing may pass through a relayed connection; then it is reset."""
    circuit_bytes_max: int = _GIB
    """Bytes through one relayed connection, both directions; then it is reset."""
    peer_bytes_per_s: int = 16 << 20
    """Bytes a second through all circuits that one peer dialled; faster ones are held back."""
    peer_bytes_max: int = 8 * _GIB
    """Bytes through all circuits that one peer dialled, within the window; then they are reset."""
    peer_bytes_window_s: int = _HOUR_S
    """The time in which all of that comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """Everything a host needs to know; see `open_host`."""

    seed: bytes = field(repr=False)
    """The device key: a 32-byte Ed25519 seed."""
    listen: tuple[str, ...] = ()
    """Multiaddrs `/ip4/<address>/tcp/<port>`; none for a client that only dials."""
    announce: tuple[str, ...] = ()
    """Multiaddrs that others shall dial, without `/p2p/…`; they come first in `addresses`."""
    is_relay: bool = False
    """Carry circuits for others."""
    transport: Transport = "lean"
    limits: HostLimits = HostLimits()
    circuits: CircuitLimits = CircuitLimits()
    blocks: BlockList = NOBODY
    """Who is refused from the start; `LibP2PHost.block` changes it."""
    gate: Gate | None = None
    """What peers have to show on a new connection."""
    wall_clock_s: Callable[[], float] = time.time  # noqa: TID251 - the default of the port
    """Unix time: reservations carry their expiry in it."""

    def __post_init__(self) -> None:
        if len(self.seed) != KEY_BYTES:
            raise ConfigError("seed", f"a device key has {KEY_BYTES} bytes, not {len(self.seed)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatistics:
    """A snapshot; names ending in `_total` only ever grow."""

    peers: int = 0
    connections: int = 0
    handshakes_pending: int = 0
    streams_served: int = 0
    accepted_total: int = 0
    refused_subnet_total: int = 0
    refused_address_total: int = 0
    refused_peer_total: int = 0
    refused_full_total: int = 0
    refused_gate_total: int = 0
    refused_pace_total: int = 0
    refused_shunned_total: int = 0
    handshakes_evicted_total: int = 0
    handshakes_failed_total: int = 0
    handshakes_timed_out_total: int = 0
    dials_failed_total: int = 0
    connections_evicted_total: int = 0
    connections_silent_total: int = 0
    connections_flooding_total: int = 0
    streams_opened_total: int = 0
    streams_accepted_total: int = 0
    streams_refused_full_total: int = 0
    streams_refused_pace_total: int = 0
    streams_refused_late_total: int = 0
    streams_malformed_total: int = 0
    streams_broken_total: int = 0
    handlers_failed_total: int = 0
    reservations: int = 0
    circuits: int = 0
    circuits_total: int = 0
    circuits_refused_full_total: int = 0
    circuits_refused_address_total: int = 0
    circuits_refused_peer_total: int = 0
    circuits_refused_bytes_total: int = 0
    circuits_refused_pace_total: int = 0
    circuits_refused_absent_total: int = 0
    circuits_failed_total: int = 0
    circuits_spent_total: int = 0
    circuits_silent_total: int = 0
    circuit_bytes_total: int = 0
    reservations_total: int = 0
    reservations_refused_full_total: int = 0
    reservations_refused_address_total: int = 0
    relaying_refused_pace_total: int = 0
    relaying_refused_malformed_total: int = 0
