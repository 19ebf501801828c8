"""Which tests reach the limits that no test names, and which limits no test reaches."""

from __future__ import annotations

_ARCHIVE = "tests/unit/wire/test_archive_codec.py::test_what_is_out_of_bounds_is_refused"
_BELIEVED = "tests/libp2p/test_identify.py::test_only_so_much_is_believed"
_NONSENSE = (
    "tests/libp2p/test_identify.py::test_a_peer_that_answers_nonsense_stays_connected_and_unknown"
)

REACHED: dict[str, str] = {
    "FetchLimits.redirects_max": "tests/net/test_bootstrap_servers.py::test_a_redirect_loop_ends",
    "HostLimits.identify_bytes_max": _NONSENSE,
    "HostLimits.identify_protocols_max": _BELIEVED,
    "HostLimits.malformed_streams_max": (
        "tests/libp2p/test_handlers.py::test_a_peer_that_keeps_negotiating_badly_is_cut_off"
    ),
    "KadConfig.bucket_stale_s": (
        "tests/unit/kad/test_machine.py"
        "::test_every_ten_minutes_we_are_looked_up_and_a_large_table_in_its_stale_buckets"
    ),
    "KadConfig.join_delay_s": (
        "tests/unit/kad/test_carrier.py::test_a_chain_of_three_finds_itself_within_three_seconds"
    ),
    "KadConfig.network_lookup_max": (
        "tests/unit/kad/test_lookup.py::test_peers_of_one_network_beyond_three_do_not_end_a_lookup"
    ),
    "KadConfig.record_lifetime_s": (
        "tests/unit/kad/test_records.py"
        "::test_a_value_is_kept_for_36_hours_unless_its_validator_says_otherwise"
    ),
    "KadConfig.provider_lifetime_s": (
        "tests/unit/kad/test_records.py::test_providers_are_told_for_two_hours_the_latest_first"
    ),
    "GossipConfig.fanout_ttl_s": (
        "tests/unit/gossip/test_mesh.py"
        "::test_fan_out_replaces_who_leaves_and_ends_after_a_minute_without_use"
    ),
    "GossipConfig.serves_max": (
        "tests/unit/gossip/test_cache.py::test_one_peer_gets_the_same_message_three_times_at_most"
    ),
    "GossipConfig.backoff_slack_s": (
        "tests/unit/gossip/test_router.py::test_a_prune_takes_a_peer_out_for_as_long_as_it_says"
    ),
    "model.blocking.BLOCKED_ACCOUNTS_MAX": (
        "tests/unit/protocol/test_blocking.py::test_only_so_many_can_be_blocked"
    ),
    "model.blocking.SUBNET_CHARACTERS_MAX": (
        "tests/unit/model/test_blocking.py"
        "::test_what_is_no_network_is_refused_with_one_line_that_says_what_to_write"
    ),
    "wire.framing.VARINT_BYTES_MAX": (
        "tests/unit/wire/test_framing.py::test_a_length_in_a_form_of_its_own_is_refused"
    ),
    "wire.archive_codec.ADDRESS_CHARS_MAX": _ARCHIVE,
    "wire.archive_codec.NUMBER_MAX": _ARCHIVE,
    "wire.archive_codec.SETTING_BYTES_MAX": _ARCHIVE,
    "wire.archive_codec.SETTING_NAME_CHARS_MAX": _ARCHIVE,
    "wire.archive_codec.PEER_ADDRESSES_MAX": _ARCHIVE,
    "wire.lan_codec._PORT_MAX": (
        "tests/unit/wire/test_lan_codec.py::test_what_no_peer_says_is_refused"
    ),
    "wire.multiaddr._COMPONENTS_MAX": (
        "tests/unit/wire/test_multiaddr.py::test_what_is_no_multiaddr_is_refused"
    ),
    "wire.gossip_codec.FIELDS_MAX": (
        "tests/unit/gossip/test_codec.py"
        "::test_a_swarm_of_tiny_fields_is_refused_before_it_is_parsed"
    ),
    "protocol.doctor.CLOCK_S_MAX": (
        "tests/unit/protocol/test_doctor.py"
        "::test_the_clock_is_wrong_when_most_others_tell_another_time"
    ),
    "protocol.serving.DIGEST_RATE": (
        "tests/unit/protocol/test_sync.py"
        "::test_comparisons_are_answered_in_bursts_and_then_once_a_second"
    ),
    "protocol.peering.LATE_ATTEMPTS_MAX": (
        "tests/unit/protocol/test_peering.py"
        "::test_who_was_lost_lately_is_tried_every_few_seconds_and_not_given_up"
    ),
    "protocol.peering.DISCOVERED_TRIES_MAX": (
        "tests/unit/protocol/test_peering.py"
        "::test_a_peer_that_was_only_heard_of_is_forgotten_after_three_failures"
    ),
    "kad.lookup._ATTEMPTS_MAX": (
        "tests/unit/kad/test_lookup.py::test_a_peer_that_cannot_be_reached_has_three_attempts"
    ),
    "net.gossip._WRITE_TIMEOUT_S": (
        "tests/unit/gossip/test_carrier.py::test_a_peer_that_never_reads_is_given_a_new_stream"
    ),
    "net.bootstrap_list._NAMED_MAX": (
        "tests/unit/net/test_bootstrap_list.py::test_many_bad_entries_are_counted_and_not_listed"
    ),
    "net.bootstrap_list._CACHE_BYTES_MAX": (
        "tests/unit/net/test_bootstrap_list.py::test_a_damaged_cache_is_ignored_with_a_warning"
    ),
    "node.guard.PATIENCE_S": (
        "tests/unit/node/test_guard.py"
        "::test_who_sends_ten_thousand_frames_a_second_is_banned_within_five_seconds"
    ),
    "net.libp2p.quotas.CALLED_SELDOM": (
        "tests/unit/net/libp2p/test_quotas.py"
        "::test_whoever_calls_now_and_then_gets_through_to_a_peer_that_many_call_without_end"
    ),
    "net.libp2p.quotas.CALLED_SPARE": (
        "tests/unit/net/libp2p/test_quotas.py"
        "::test_a_source_that_calls_most_leaves_turns_to_one_that_called_less"
    ),
    "net.libp2p.identify.PROTOCOL_CHARACTERS_MAX": _BELIEVED,
    "net.libp2p.identify.ANNOUNCED_MAX": _BELIEVED,
    "net.libp2p.identify.MESSAGES_MAX": _NONSENSE,
    "net.libp2p.negotiation.PROPOSALS_MAX": (
        "tests/libp2p/test_parsers.py::test_only_so_many_protocols_may_be_proposed"
    ),
}
"""A test that fails, or could pass, only because of the limit; by heading and name of its row."""

NOT_REACHED: dict[str, str] = {
    "HostLimits.close_timeout_s": "a peer that does not read while we leave",
    "net.bootstrap_list._WARNING_CHARACTERS_MAX": "cuts a text for people",
    "net.gossip._RETRY_S_MAX": "the wait of a retry alone",
    "net.kad_queries._CLOSE_TIMEOUT_S": "how long leaving takes",
    "net.lan.FAREWELL_TIMEOUT_S": "how long leaving takes",
    "net.libp2p.autonat.KNOCKS_MAX": "needs dials that hang",
    "net.libp2p.pipes.DRAIN_TIMEOUT_S": "how long leaving takes",
    "net.mdns.STOP_TIMEOUT_S": "how long leaving takes",
    "node.carrier.READS_MAX": "bounds reads of our own disk",
    "node.doctor.CLOCK_TIMEOUT_S": "how long a diagnosis takes",
    "node.doctor.EXAMINATION_TIMEOUT_S": "how long a diagnosis takes",
    "node.doctor.JOINING_TIMEOUT_S": "how long a diagnosis takes",
    "node.doctor.NAMES_MAX": "bounds our own configuration",
    "node.doctor.SETTLING_TIMEOUT_S": "how long a diagnosis takes",
    "node.lan.DIALS_S": "how long the start takes",
    "node.memory.LAST_SAVE_TIMEOUT_S": "how long leaving takes",
    "node.startup.JOIN_TIMEOUT_S": "how long the start takes",
    "node.startup.KEYS_TIMEOUT_S": "how long the start takes",
    "node.startup.RELAYS_TIMEOUT_S": "how long the start takes",
    "node.traversal.PROBE_TIMEOUT_S": "a silent relay is one of several",
}
"""And why. It may only shrink."""

NOT_REACHED_MAX = 20
