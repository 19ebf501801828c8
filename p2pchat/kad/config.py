"""Every bound and delay of the DHT, with its unit, and what happens when it is reached.

The first block are parameters of the libp2p kad-dht specification; the others bound what remote
peers can make us hold, send or dial.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KAD_PROTOCOL", "KadConfig"]

KAD_PROTOCOL = "/dchat/kad/1.0.0"

_MINUTE_S = 60.0
_HOUR_S = 60 * _MINUTE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class KadConfig:
    """Settings of one DHT node; the defaults suit every node from phone to relay."""

    k: int = 20
    """Peers in a bucket, holders of a record, peers in an answer."""
    alpha: int = 3
    """Queries of one lookup in flight at first."""
    alpha_max: int = 10
    """What alpha rises to while answers bring a lookup no closer."""
    paths: int = 4
    """Disjoint paths of one lookup; what a peer tells stays on the path that asked it."""
    query_timeout_s: float = 1.5
    """From dialling to the answer; then the query has failed."""

    lookup_queries_max: int = 192
    """Queries of one lookup; then it ends with what it has."""
    queries_max: int = 256
    """Queries with a stream or a dial of their own at once; later ones wait, without their time
    running."""
    operations_max: int = 16
    """Commands under way at once; later ones wait."""
    operations_waiting_max: int = 1024
    """Commands that wait; above it they are refused."""

    join_delay_s: float = 0.075
    """After a new server came up, until we look ourselves up: several new ones share a lookup."""
    refresh_s: float = 10 * _MINUTE_S
    """Between two lookups of ourselves and of stale buckets."""
    bucket_stale_s: float = _HOUR_S
    """Without a lookup in its range a bucket is refreshed after this."""
    refresh_depth_max: int = 10
    """Deepest bucket that is refreshed; the lookup of ourselves refreshes what lies deeper."""

    check_after_s: float = 5 * _MINUTE_S
    """Silence after which the oldest entry of a full bucket is asked whether it is still there."""
    retry_min_s: float = 5.0
    """First wait before a peer that failed is tried again; doubles each time."""
    retry_max_s: float = 10 * _MINUTE_S
    """Longest such wait."""
    retries_max: int = 8
    """Failures in a row after which a peer is forgotten."""
    suspects_max: int = 256
    """Peers that wait for another try; above it the one with most failures is forgotten."""
    restored_max: int = 40
    """Peers of an earlier run that are tried at the start; the others are found again."""
    probes_max: int = 10
    """Peers being tried again at once."""
    replacements_max: int = 8
    """Peers that wait for a place in a full bucket; the one heard of longest ago is forgotten."""
    network_bucket_max: int = 2
    """Entries of one public /24 (IPv6 /48) in a bucket; further ones do not enter, and who moves
    there leaves."""
    network_table_max: int = 3
    """Entries of one public /24 (IPv6 /48) in the table; further ones do not enter, and who moves
    there leaves."""
    network_lookup_max: int = 3
    """Peers of one public /24 (IPv6 /48) that count towards the k of a lookup; further ones are
    asked, and the lookup goes on beyond them."""
    addresses_max: int = 8
    """Addresses kept of one peer, in a lookup by each who tells of it; the rest is ignored."""
    discovered_max: int = 512
    """Peers already told of, within one refresh; above it the oldest may be told again."""

    records_max: int = 4096
    """Records held for others; above it the one farthest from our id is dropped."""
    records_bytes_max: int = 8 * 1024 * 1024
    """Bytes of their keys and values; above it the same."""
    records_per_peer_max: int = 256
    """Records one peer may have stored here; above it they are refused."""
    record_lifetime_s: float = 36 * _HOUR_S
    """How long a record is held whose validator does not say."""
    provider_keys_max: int = 4096
    """Keys with providers; above it the one farthest from our id is dropped."""
    providers_per_key_max: int = 20
    """Providers of one key; above it the oldest announcement of the public network with the most
    of them is dropped."""
    network_providers_max: int = 4
    """Providers of one key from one public /24 (IPv6 /48); above it the oldest of these is
    dropped."""
    provider_bytes_max: int = 16 * 1024 * 1024
    """What all announcements take in memory; above it the key farthest from our id is dropped."""
    provider_addresses_max: int = 4
    """Addresses kept of one announcement; the rest is ignored."""
    provided_per_peer_max: int = 256
    """Keys one peer may provide here; above it they are refused."""
    provider_lifetime_s: float = 2 * _HOUR_S
    """How long an announcement counts."""
    republish_s: float = 11 * _HOUR_S
    """Age at which a value that we published ourselves is published again."""
    reprovide_s: float = 30 * _MINUTE_S
    """The same for an announcement, which nobody can hand on."""
    handover_records_max: int = 256
    """Records looked at in one refresh for whom to hand them on to; the others with the next."""
    published_max: int = 1024
    """Keys we keep published; above it the command is refused."""

    streams_per_peer_max: int = 8
    """Streams of one peer that are served at once; further ones are reset."""
    requests_per_peer_s: int = 100
    """Requests of one peer served in a second, and in one burst; above it its streams wait."""
    stream_idle_s: float = 10.0
    """Silence after which a stream is closed, by either side."""
    pool_max: int = 64
    """Idle streams kept for further queries; the longest idle is closed."""

    @property
    def record_lifetime_ms(self) -> int:
        return round(self.record_lifetime_s * 1000)

    @property
    def provider_lifetime_ms(self) -> int:
        return round(self.provider_lifetime_s * 1000)
