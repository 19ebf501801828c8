"""Figures that the pages of the protocols name in passing are those of the code."""

from __future__ import annotations

import pytest

from p2pchat.config import FetchLimits, LanConfig, Limits
from p2pchat.config.limits import NAME_CHARS_MAX
from p2pchat.crypto import lan_key
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.score import DEMERITS
from p2pchat.gossip.vocabulary import Offence
from p2pchat.kad.config import KAD_PROTOCOL, KadConfig
from p2pchat.model.conversation import ROOM_NAME_CHARS_MAX
from p2pchat.model.op import HLC_COUNTER_BITS
from p2pchat.net.gossip import PROTOCOLS, QUEUE_BYTES_MAX, SHUN_S
from p2pchat.net.libp2p import autonat, punching, swarm
from p2pchat.net.libp2p.options import CircuitLimits, HostLimits
from p2pchat.net.libp2p.relay_messages import HOP, MESSAGE_BYTES_MAX, STOP
from p2pchat.net.port import AUTONAT_PROTOCOL, DCUTR_PROTOCOL
from p2pchat.node import (
    dialling,
    fanout,
    guard,
    handlers,
    network,
    presence,
    publishing,
    room_pace,
)
from p2pchat.node import lan as node_lan
from p2pchat.protocol import (
    intake,
    lan,
    lan_guard,
    lan_proof,
    lan_search,
    log,
    outbox,
    peering,
    pruning,
    reachability,
    relaying,
    routes,
    serving,
    sync,
)
from p2pchat.protocol.machine import Lane
from p2pchat.wire import (
    contents,
    control,
    devices,
    frames,
    gossip_codec,
    kad_codec,
    lan_codec,
    links,
    mdns,
    ops,
    receipts,
)
from p2pchat.wire import records as wire_records
from tests.vectors.documents import FOLDER

LIMITS, HOST, CIRCUITS, LAN = Limits(), HostLimits(), CircuitLimits(), LanConfig()
KAD, GOSSIP = KadConfig(), GossipConfig()
MIB, KIB, DAY_MS = 1 << 20, 1 << 10, 24 * 3600 * 1000

FIGURES: dict[str, list[str]] = {
    "identifiers.md": [
        f"it has 1 to {ROOM_NAME_CHARS_MAX} characters",
        f"shifted left by {HLC_COUNTER_BITS} bits",
    ],
    "log.md": [
        f"A header has at most {ops.HEADER_BYTES_MAX:,} bytes",
        f"a content {ops.CONTENT_BYTES_MAX // KIB} KiB",
        f"| < 2^{ops.SEQ_MAX.bit_length() - 1} |",
        f"| < 2^{ops.HLC_MAX.bit_length() - 1} |",
        f"| 1 … {ops.KIND_MAX - 1} |",
        f"that the author knew | at most {ops.DEPS_MAX} |",
        f"that the author had shown | at most {ops.AFTER_MAX} |",
        f"| 1 … {contents.TEXT_BYTES_MAX:,} bytes |",
        f"at most {contents.NAME_CHARS_MAX} characters; characters that",
        f"| at most {contents.GREETING_CHARS_MAX} characters |",
        f"| at most {contents.BIO_CHARS_MAX} characters; those",
        f"at most {contents.AVATAR_BYTES_MAX // KIB} KiB and {contents.AVATAR_PIXELS_MAX} × ",
        f"| {contents.INTRO_BYTES} bytes, from the",
        f"| {contents.PAIR_HALF_BYTES} random bytes.",
        f"by number ({LIMITS.pending_ops_max:,}) and bytes ({log.WAITING_BYTES_MAX // MIB} MiB)",
        f"its content has at most {control.CONTROL_BYTES_MAX // KIB} KiB",
        f"its `seq` is below {LIMITS.control_ops_max:,}",
        f"`seq` below {intake.STRANGER_OPS_MAX} and kinds",
    ],
    "devices.md": [
        f"at most {devices.DEVICES_MAX} certificates and {devices.REVOCATIONS_MAX + 1} revocations",
        f"{devices.DEVICE_SET_BYTES_MAX // KIB} KiB at most; a `Signed` certificate has at most"
        f" {devices.CERTIFICATE_BYTES_MAX} bytes and a revocation {devices.REVOCATION_BYTES_MAX}",
        f"at most {devices.REVOCATIONS_MAX} devices are revoked",
    ],
    "profiles.md": [
        f"at most {contents.AVATAR_BYTES_MAX:,} bytes",
        f"are 1 to {contents.AVATAR_PIXELS_MAX}",
    ],
    "direct.md": [
        f"`{Lane.LIVE.value}` carries what is live",
        f"`{Lane.SYNC.value}` carries the same",
        f"A frame has at most {LIMITS.frame_bytes_max:,} bytes",
        f"it may take {handlers.FRAME_TIMEOUT_S:.0f} seconds",
        f"more than {guard.FRAMES.per_s:,} frames or {int(guard.BYTES.per_s) // MIB} MiB a second",
        f"gives up after {fanout.WRITE_TIMEOUT_S:.0f} seconds",
        f"more than {LIMITS.peer_queue_bytes_max // MIB} MiB waits",
        f"Up to {frames.OPS_PER_FRAME_MAX} ops, and up to {frames.OPS_PER_FRAME_MAX} device sets",
        f"keeps a frame below {LIMITS.page_bytes_max // KIB} KiB",
        f"`head`; {receipts.ENTRIES_MAX:,} at most",
        f"At most {LIMITS.unacknowledged_ops_max} ops of a chain,"
        f" and {LIMITS.peer_queue_bytes_max // 2 // KIB} KiB of talk",
        f"Without a receipt for {outbox.SILENCE_S:.0f} seconds",
        f"from {outbox.BACK_OFF_S_MIN:.0f} second to {outbox.UNANSWERED_S_MAX / 60:.0f} minutes",
        f"after {outbox.BACK_OFF_S_MIN:.0f} second, doubling to {outbox.BACK_OFF_S_MAX:.0f}",
        f"fewer than {LIMITS.requests_max} requests wait",
    ],
    "sync.md": [
        f"without an answer for {sync.SESSION_S_MAX:.0f} seconds",
        f"every {sync.INTERVAL_S:.0f} seconds",
        f"at most {serving.HEADS_MAX:,} heads",
        f"takes at most {frames.FRONTIER_ENTRIES_MAX:,} of each",
        f"At most {serving.PULL_CHAINS_MAX} chains",
        f"frames of about {serving.FRAME_BYTES // KIB} KiB",
        f"about {LIMITS.page_bytes_max // KIB} KiB were sent",
        f"at a time and {serving.SESSIONS_MAX} altogether",
    ],
    "rooms.md": [
        f"at most {gossip_codec.DATA_BYTES_MAX:,} bytes",
        f"| {LIMITS.open_room_devices_max:,}; ops of further ones",
        f"| {LIMITS.open_room_ops_max:,}, shared evenly among the devices that have written,"
        f" at least {pruning.SHARE_MIN} each |",
        f"| ops of one device | {LIMITS.open_room_device_ops_max:,} |",
        f"at most {LIMITS.room_members_max:,} devices in a room",
        f"{room_pace.AUTHOR.per_s} ops a second of one device after a burst of"
        f" {room_pace.AUTHOR.burst:,}",
        f"{room_pace.ROOM.per_s:,} of one room after a burst of {room_pace.ROOM.burst:,}",
    ],
    "gossip.md": [
        f"`{PROTOCOLS[0]}`, else `{PROTOCOLS[1]}`",
        f"1 to {gossip_codec.TOPIC_BYTES_MAX} bytes",
        f"`data` | at most {gossip_codec.DATA_BYTES_MAX:,} bytes",
        f"one `RPC`, at most {gossip_codec.RPC_BYTES_MAX // MIB} MiB",
        f"| {GOSSIP.mesh_size}, {GOSSIP.mesh_size_min}, {GOSSIP.mesh_size_max},"
        f" {GOSSIP.mesh_outbound_min} |",
        f"| {GOSSIP.lazy_peers_min}, {GOSSIP.lazy_share} |",
        f"| {GOSSIP.heartbeat_s:.0f} s, the first",
        f"| {GOSSIP.history_windows}, {GOSSIP.gossip_windows} heartbeats |",
        f"seen TTL | {GOSSIP.seen_ttl_s:.0f} s |",
        f"| {GOSSIP.prune_backoff_s} s, {GOSSIP.unsubscribe_backoff_s} s;"
        f" at most {GOSSIP.backoff_s_max:,} s",
        f"IWANT follow-up | {GOSSIP.promise_s:.0f} s |",
        f"| messages | {GOSSIP.messages_max:,}, and {GOSSIP.message_bytes_max // MIB} MiB |",
        f"changes of subscriptions | {GOSSIP.subscription_changes_max:,} |",
        f"RPCs with IHAVE | {GOSSIP.ihaves_max} |",
        f"at most {gossip_codec.ENTRIES_MAX:,} entries of a kind",
        f"at most {GOSSIP.topics_per_peer_max:,} topics. {GOSSIP.peers_max} peers",
        f"has {QUEUE_BYTES_MAX // MIB} MiB queued",
        f"(the stream is reset, too) | {DEMERITS[Offence.MALFORMED]} |",
        f"may send | {DEMERITS[Offence.OVER_RATE]}, once",
        f"is rejected | {DEMERITS[Offence.REJECTED]} |",
        f"does not come | {DEMERITS[Offence.BROKEN_PROMISE]} |",
        f"At {GOSSIP.demerits_max} both gossip streams",
        f"served for {SHUN_S:.0f} seconds",
    ],
    "kad.md": [
        f"`{KAD_PROTOCOL}`: the libp2p",
        f"at most {kad_codec.MESSAGE_BYTES_MAX:,} bytes",
        f"answers closes it after {KAD.stream_idle_s:.0f}",
        f"are the {KAD.k} servers",
        f"| {kad_codec.PEERS_MAX}; a longer one",
        f"| 1 to {kad_codec.KEY_BYTES_MAX} bytes",
        f"| {kad_codec.VALUE_BYTES_MAX:,} bytes |",
        f"α = {KAD.alpha} at first",
        f"up to {KAD.alpha_max}. A query takes at most {KAD.query_timeout_s} seconds",
        f"after {KAD.lookup_queries_max} queries",
        f"after {KAD.retry_min_s:.0f} seconds, doubling to {KAD.retry_max_s / 60:.0f} minutes",
        f"Every {KAD.refresh_s / 60:.0f} minutes",
        f"after {KAD.republish_s / 3600:.0f} hours",
        f"at most {KAD.records_max:,} records and {KAD.records_bytes_max // MIB} MiB,"
        f" {KAD.records_per_peer_max} of one sender",
        f"at most {wire_records.RECORD_BYTES_MAX:,} bytes and decodes",
        f"at most {wire_records.ADDRESSES_MAX} addresses of at most"
        f" {wire_records.ADDRESS_CHARS_MAX} characters",
        f"now + {2 * wire_records.LIFETIME_MS // DAY_MS} days. Owners write"
        f" {wire_records.LIFETIME_MS // DAY_MS} days",
        "after {:.0f}, {:.0f} and {:.0f} seconds".format(*publishing.SETTLING_S),
    ],
    "lan.md": [
        f"IPv4 and UDP, discovery port {LAN.discovery_port}.",
        f"at most {NAME_CHARS_MAX} printable characters",
        f"| {lan_codec.NONCE_BYTES} bytes, different in every packet |",
        f"so that the datagram has {lan_codec.DATAGRAM_BYTES} bytes",
        f"A datagram has at most {lan_codec.DATAGRAM_BYTES_MAX:,} bytes."
        f" Senders pad every one to {lan_codec.DATAGRAM_BYTES}:",
        "once more after {:.0f} and {:.0f} seconds".format(*lan.GREETINGS_S),
        f"is broadcast every {LAN.heartbeat_s:.0f} seconds",
        f"most {lan_search.SEARCHED_ADDRESSES_MAX:,} addresses is asked,"
        f" {lan_search.PROBES_AT_ONCE_MAX} a second,"
        f" and again {lan_search.REST_S:.0f} seconds after the last",
        f"remembered for {lan.NONCE_S:.0f} seconds",
        f"more than {lan.WINDOW_MS // 1000} seconds from",
        f"ends after {LAN.ttl_s:.0f} seconds of silence. At most {lan.PEERS_MAX} peers are listed,"
        f" {lan.PEERS_PER_SOURCE_MAX} at one",
        f"every {1 / lan_guard.RETURNS.per_s:.0f} seconds for long".replace("2", "two"),
        f"instance name of {node_lan.NAME_LENGTH} letters",
        f"at most {mdns.TXT_ADDRESSES_MAX}, all of",
        f"→ {lan_key.KEY_BYTES} bytes",
        f"`{lan_proof.LAN_PROTOCOL}`.",
        f"Frames have at most {lan_codec.PROOF_BYTES_MAX} bytes",
        f"nonce ({lan_codec.PROOF_NONCE_BYTES} bytes)",
    ],
    "peering.md": [
        f"At most {HOST.addresses_per_dial_max}; the first",
        f"{dialling.RESOLVE_TIMEOUT_S:.0f} seconds;",
        f"it before; {peering.REMEMBERED_MAX} on disk",
        f"bootstrap-lists); {peering.SHARE_MAX[peering.Source.LISTED]} |",
        f"or multicast DNS did; {peering.SHARE_MAX[peering.Source.LAN]} |",
        f"or it came in; {peering.SHARE_MAX[peering.Source.DISCOVERED]} |",
        f"At most {peering.KNOWN_MAX:,} peers are known",
        f"fewer than {network.NetworkOptions().mesh} are connected",
        f"At most {peering.DIALS_MAX} dials",
        f"waits {peering.BACK_OFF_S_MIN:.0f} second, doubling to {peering.BACK_OFF_S_MAX:.0f}",
        f"a listed one after {peering.LISTED_TRIES_MAX},"
        f" a remembered one after {peering.REMEMBERED_TRIES_MAX}",
        f"At {HOST.connections_max} connections",
        f"up to {presence.ROOM_PEERS_KEPT} peers of each room",
        f"Silence of {HOST.keepalive_idle_s:.0f} seconds",
        f"in {HOST.keepalive_timeout_s:.0f} more",
    ],
    "nat.md": [
        f"`{DCUTR_PROTOCOL}`",
        f"`{AUTONAT_PROTOCOL}`",
        f"Frames have at most {MESSAGE_BYTES_MAX:,} bytes",
        f"at most {punching.ADDRESSES_MAX} addresses",
        f"for {punching.DIAL_TIMEOUT_S:.0f} seconds",
        f"{routes.ATTEMPTS_MAX} attempts make a round; the next begins"
        f" {routes.ROUND_S / 60:.0f} minutes later",
        f"asks at most {reachability.SERVERS_MAX} servers",
        f"every {reachability.AGAIN_S / 60:.0f} minutes",
        f"{autonat.REQUESTS.burst} requests at once, then one every"
        f" {1 / autonat.REQUESTS.per_s:.0f} seconds",
        f"closed {swarm.DETOUR_S:.0f} seconds later",
        f"Silence of {HOST.keepalive_carried_idle_s:.0f} seconds",
    ],
    "relay.md": [
        f"`{HOP}` and `{STOP}`",
        f"Frames have at most {MESSAGE_BYTES_MAX:,} bytes",
        f"after {relaying.RETRY_S_MIN:.0f} seconds, doubling to {relaying.RETRY_S_MAX:.0f}",
        f"ends after {CIRCUITS.circuit_bytes_max // (KIB * MIB)} GiB",
        f"UTF-8 JSON, at most {FetchLimits().bytes_max:,} bytes",
        f"after the {FetchLimits().entries_max}th are ignored",
    ],
    "links.md": [
        f"At most {links.LINK_CHARS_MAX:,} characters",
        f"at most {links.HINTS_MAX} multiaddrs",
        f"{contents.INTRO_BYTES} random bytes, the token",
    ],
}


@pytest.mark.parametrize("page", FIGURES)
def test_figures_in_the_text_are_those_of_the_code(page):
    text = " ".join((FOLDER / page).read_text(encoding="utf-8").split())
    assert [figure for figure in FIGURES[page] if figure not in text] == []
