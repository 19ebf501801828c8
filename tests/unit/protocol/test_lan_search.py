"""The walk over configured subnets."""

from __future__ import annotations

from ipaddress import IPv4Network

from p2pchat.protocol.lan_search import PROBE_EVERY_S, PROBES_AT_ONCE_MAX, REST_S, Search


def test_all_addresses_of_all_subnets_are_asked_and_again_after_a_rest():
    search = Search([IPv4Network("10.0.0.0/27"), IPv4Network("10.9.0.0/30")])
    first, pause_s = search.step()
    second, rest_s = search.step()
    assert (len(first), len(second)) == (PROBES_AT_ONCE_MAX, 30 + 2 - PROBES_AT_ONCE_MAX)
    assert (pause_s, rest_s) == (PROBE_EVERY_S, PROBE_EVERY_S)
    assert search.step() == ([], REST_S)
    assert search.step()[0] == first


def test_what_is_too_large_to_walk_over_only_confines():
    assert not Search([IPv4Network("10.0.0.0/19")]).has_ground
    assert Search([IPv4Network("10.0.0.0/20")]).has_ground
    assert not Search([]).has_ground
