"""The figures of the gossip router: the mesh of the specification, and every bound.

Names say what the specification's letters mean; defaults are the specification's unless argued.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.errors import ConfigError

__all__ = ["GossipConfig"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipConfig:
    """Immutable once made; raises `ConfigError` for a mesh that cannot work."""

    mesh_size: int = 6
    """D: members aimed for when a mesh is filled or cut back."""
    mesh_size_min: int = 4
    """D_lo: below this many the mesh is filled."""
    mesh_size_max: int = 12
    """D_hi: above this many it is cut back. A smaller room may be meshed completely."""
    mesh_outbound_min: int = 2
    """D_out: members that we dialled ourselves, against a take-over from outside."""
    pushing_min: int = 2
    """Members of a mesh that go on sending whole messages though others were faster."""
    authors_max: int = 256
    """Told apart in a topic between two heartbeats; where more write, members push."""
    lazy_peers_min: int = 6
    """D_lazy: peers outside the mesh to whom a heartbeat advertises messages, at least."""
    lazy_share: float = 0.25
    """Gossip factor: their share of all peers outside the mesh, when that is more."""
    heartbeat_s: float = 1.0
    flood_publish: bool = True
    """Send own messages to every known subscriber, not to the mesh alone."""
    fanout_ttl_s: float = 60.0
    """Without flood publishing: how long the peers for a foreign topic are kept."""

    history_windows: int = 5
    """Heartbeats for which a message can be asked for."""
    gossip_windows: int = 3
    """Heartbeats for which it is advertised."""
    history_count_max: int = 10_000
    history_bytes_max: int = 16 * _MIB
    """Messages that can be asked for; the oldest go first."""
    serves_max: int = 3
    """Times one message is sent to one peer because it asked."""
    seen_ttl_s: float = 120.0
    """How long a message is known again."""
    seen_count_max: int = 100_000
    """Accepted messages known again; the oldest is forgotten first."""
    refused_count_max: int = 10_000
    """Refused ones, in a place of their own, so that rubbish cannot crowd out what was accepted."""

    prune_backoff_s: int = 60
    unsubscribe_backoff_s: int = 10
    backoff_s_max: int = 3600
    """Above what a remote side may ask for."""
    backoff_slack_s: float = 2.0
    """Waited beyond a back-off before asking again, since heartbeats are not in step."""
    backoffs_max: int = 10_000
    promise_s: float = 3.0
    """Within this time an advertised message that we asked for has to come."""
    promises_max: int = 10_000

    peers_max: int = 512
    """Above it a new peer is not spoken with."""
    topics_per_peer_max: int = 1_000
    subscriptions_max: int = 50_000
    """Of all peers, to topics that we do not hear."""
    demerits_max: int = 30
    """At this many a peer is punished; one is forgiven each heartbeat."""

    rpcs_max: int = 5_000
    messages_max: int = 5_000
    message_bytes_max: int = 8 * _MIB
    """What one peer may send a heartbeat; above it the rest is dropped."""
    subscription_changes_max: int = 2_000
    """Likewise; above it the rest is skipped."""
    ihaves_max: int = 10
    """RPCs with IHAVE one peer may send a heartbeat; above it they are skipped."""
    asked_max: int = 5_000
    """Messages asked of one peer a heartbeat, and advertised to one per topic."""
    asked_min: int = 50
    """What the former falls to: it is halved when a promise is found broken."""
    doubt_s: float = 30.0
    """After this time one halving less holds, for everybody."""
    wanted_max: int = 5_000
    served_bytes_max: int = _MIB
    """Messages one peer may ask for a heartbeat, and how much of them it gets."""
    rpc_bytes: int = 32 * _KIB
    """Messages, and apart from them control entries, joined into one RPC; a larger message goes
    alone. Small, so that the receiver begins before all has come."""
    burst_bytes_max: int = _MIB
    """Sent to one peer after one batch of inputs; the rest is dropped and advertised later."""

    def __post_init__(self) -> None:
        if not 0 < self.mesh_size_min <= self.mesh_size <= self.mesh_size_max:
            raise ConfigError("gossip.mesh_size", "it lies between its minimum and its maximum")
        if not self.mesh_outbound_min < self.mesh_size_min:
            raise ConfigError("gossip.mesh_outbound_min", "it is below mesh_size_min")
        if self.mesh_outbound_min > self.mesh_size // 2:
            raise ConfigError("gossip.mesh_outbound_min", "it is at most half of mesh_size")
        if not 0 < self.gossip_windows <= self.history_windows:
            raise ConfigError("gossip.gossip_windows", "it is at most history_windows")
        if self.heartbeat_s <= 0:
            raise ConfigError("gossip.heartbeat_s", "it is more than 0")
