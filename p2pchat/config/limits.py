"""Every bound of a node, with its unit in its name.

What a remote can make grow is bounded somewhere, and this is where: one frozen value is passed
down, so that a reader finds all figures on one page and a test can shrink any of them. The module
imports nothing but the errors, so that the pure core may use it.

Some figures are agreements: others refuse what exceeds them. Those can be lowered, never raised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from p2pchat.errors import ConfigError

__all__ = [
    "BLOB_BYTES_MAX",
    "NAME_CHARS_MAX",
    "TEXT_BYTES_MAX",
    "FetchLimits",
    "Limits",
    "MailboxLimits",
    "RelayLimits",
]

_KIB = 1024
_MIB = 1024 * _KIB
_GIB = 1024 * _MIB
_HOUR_S = 3600
_DAY_S = 24 * _HOUR_S

TEXT_BYTES_MAX = 32 * _KIB
"""UTF-8 bytes of one text; a peer that gets more refuses it."""
BLOB_BYTES_MAX = 64 * _KIB
"""Bytes of one blob in a mailbox; whoever keeps mailboxes refuses more."""
NAME_CHARS_MAX = 64
"""Characters of a person's name; a peer that gets more refuses it."""
_PAGE_BYTES_AGREED = 256 * _KIB
_FRAME_OVERHEAD_BYTES = 4 * _KIB
"""Headers and signatures round the content of one op, generously."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds of the chat core; configuration table `[limits]`."""

    text_bytes_max: int = TEXT_BYTES_MAX
    """UTF-8 bytes of one text; above it sending raises `MessageTooLarge`. An agreement."""
    page_bytes_max: int = _PAGE_BYTES_AGREED
    """Bytes of ops put into one frame when catching up; the rest follows. An agreement."""
    frame_bytes_max: int = _PAGE_BYTES_AGREED + TEXT_BYTES_MAX + 32 * _KIB
    """Bytes of one frame that is read: a page that one op overshoots. Above it the stream ends."""

    requests_max: int = 100
    """Contact requests kept, one an account; above it new ones are refused."""
    room_members_max: int = 1_000
    """Members of a room; above it nobody is admitted."""
    control_ops_max: int = 10_000
    """Length of one device's control chain; it ends there."""

    pending_ops_max: int = 1_000
    """Ops of one conversation held back until what they follow arrives; above it the oldest of the
    device that has most of them is dropped, and asked for again."""
    open_room_ops_max: int = 10_000
    """Ops kept of an open room, shared evenly by its authors; the oldest of each go."""
    open_room_device_ops_max: int = 1_000
    """Ops of one device kept of an open or password room; its oldest go."""
    open_room_devices_max: int = 1_000
    """Devices whose ops are kept of one open room; those of further ones are refused."""

    unacknowledged_ops_max: int = 512
    """Ops on the way to one device without a receipt; the next wait for one."""
    peer_queue_bytes_max: int = _MIB
    """Bytes waiting to be written to one peer; above it sync takes over."""

    inbox_inputs_max: int = 1_024
    """Inputs waiting for the node; above it readers wait, and so do their peers."""
    batch_inputs_max: int = 200
    """Inputs decided on, and committed, together."""
    subscriber_events_max: int = 1_000
    """Events one subscriber has not read; above it they are dropped and counted."""

    connections_max: int = 256
    """Connections open at once; above it the least useful is closed."""
    mesh_peers_max: int = 30
    """Connections sought on our own account: a network of so many peers becomes a full mesh."""

    def __post_init__(self) -> None:
        _require_positive(self, "limits")
        _require_at_most(self.text_bytes_max, TEXT_BYTES_MAX, "limits.text_bytes_max")
        _require_at_most(self.page_bytes_max, _PAGE_BYTES_AGREED, "limits.page_bytes_max")
        least = self.page_bytes_max + self.text_bytes_max + _FRAME_OVERHEAD_BYTES
        if self.frame_bytes_max < least:
            raise ConfigError(
                "limits.frame_bytes_max",
                f"{self.frame_bytes_max} cannot hold a page and a text; give {least} or more",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """What a relay carries for others; configuration table `[limits]` of a relay."""

    connections_max: int = 4_096
    """Connections open at once; above it the least useful is closed."""
    reservations_max: int = 1_024
    """Peers that can be reached through this relay at once; above it it refuses."""
    reservations_per_address_max: int = 64
    """Of them, from one public address (IPv6: one /56): carrier-grade NAT puts many households
    behind one. Who holds one already there gets no more than an eighth of what is left (IPv6: one
    /48)."""
    requests_per_peer_s: int = 10
    """Reservations and calls that one peer may ask for in a second, and twenty times as many at
    once; above it it refuses."""
    reservation_s: int = _HOUR_S
    """How long a reservation holds unless refreshed."""
    circuits_max: int = 1_024
    """Relayed connections at once; above it new ones are refused."""
    circuits_per_peer_max: int = 32
    """Relayed connections that one peer dials, or receives, at once; above it new ones are
    refused."""
    circuits_per_address_max: int = 128
    """Relayed connections that one public address (IPv6: one /56) dials at once; above it new ones
    are refused."""
    circuit_s_max: int = 2 * _HOUR_S
    """Age of a relayed connection; then it is reset and dialled anew."""
    circuit_idle_s: int = 120
    """How long nothing may pass through a relayed connection; then it is reset. One that lives asks
    for a sign of life sooner."""
    circuit_bytes_max: int = _GIB
    """Bytes through one relayed connection, both directions; then it is reset and dialled anew."""
    peer_bytes_per_s: int = 16 * _MIB
    """Bytes a second through all relayed connections that one peer dialled; faster ones are held
    back."""
    peer_bytes_max: int = 8 * _GIB
    """Bytes through all relayed connections that one peer dialled, within the window; then they
    are reset, and refused until some of it came back."""
    peer_bytes_window_s: int = _HOUR_S
    """The time in which all of `peer_bytes_max` comes back."""

    def __post_init__(self) -> None:
        _require_positive(self, "limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxLimits:
    """What whoever keeps mailboxes keeps of others; configuration table `[mailboxes.limits]`."""

    bytes_max: int = 4 * _GIB
    """Of all mailboxes together; above it those go whose owners stayed away, and then puts are
    refused."""
    mailboxes_max: int = 10_000
    """Above it the empty ones of owners who stayed away go, and then new ones are refused."""
    mailbox_bytes_max: int = 64 * _MIB
    """Of one mailbox; a tenth of it from strangers. Above it puts are refused."""
    mailbox_blobs_max: int = 10_000
    """Blobs of one mailbox; a tenth of them from strangers. Above it puts are refused."""
    blob_bytes_max: int = BLOB_BYTES_MAX
    """Bytes of one blob; a larger one is refused. An agreement."""
    blob_age_s: int = 30 * _DAY_S
    """How long a blob is kept; and how long an owner may stay away before its mailbox is among the
    first to go."""

    def __post_init__(self) -> None:
        _require_positive(self, "mailboxes.limits")
        _require_at_most(self.blob_bytes_max, BLOB_BYTES_MAX, "mailboxes.limits.blob_bytes_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """What fetching bootstrap lists may cost; configuration table `[fetch_limits]`."""

    timeout_s: float = 5.0
    """For one URL, name look-up, redirects and body together."""
    total_s: float = 8.0
    """For all URLs together."""
    bytes_max: int = 64 * _KIB
    """Bytes of one list; a longer one is refused."""
    entries_max: int = 256
    """Entries used of one list; the rest is ignored with a warning."""
    redirects_max: int = 3
    """Redirects followed for one URL."""

    def __post_init__(self) -> None:
        _require_positive(self, "fetch_limits")


def _require_positive(
    limits: Limits | RelayLimits | MailboxLimits | FetchLimits, table: str
) -> None:
    for field in fields(limits):
        value: object = getattr(limits, field.name)
        wanted = (int,) if field.type == "int" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            kind = "a whole number" if field.type == "int" else "a number"
            raise ConfigError(f"{table}.{field.name}", f"{value!r} is not {kind}")
        if not 0 < value < math.inf:
            raise ConfigError(f"{table}.{field.name}", f"{value} must be above zero and finite")


def _require_at_most(value: int, most: int, key: str) -> None:
    if value > most:
        raise ConfigError(key, f"{value} is more than others accept; give {most} or less")
