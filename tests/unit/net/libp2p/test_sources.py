"""Whom to charge for what comes from an address."""

from __future__ import annotations

import pytest

from p2pchat.net.libp2p.sources import machine, public_group, shared_source, site


@pytest.mark.parametrize(
    ("host", "by_turns", "held"),
    [
        ("198.51.100.7", "198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7", "198.51.100.7"),
        ("2a01:4f8:1:2ff::7", "2a01:4f8:1:200::/56", "2a01:4f8:1::/48"),
        ("fd00:1:2:3::7%eth0", "fd00:1:2:3::/64", "fd00:1:2:3::/64"),
    ],
)
def test_a_source_is_what_one_customer_has_and_a_site_what_one_may_have_for_the_asking(
    host, by_turns, held
):
    assert shared_source(host) == by_turns
    assert site(host) == held


@pytest.mark.parametrize(
    ("host", "group", "where"),
    [
        ("8.8.8.8", "8.8.8.8", "8.8.8.8"),
        ("2a01:4f8:1:2ff::7", "2a01:4f8:1:200::/56", "2a01:4f8:1:2ff::/64"),
        ("192.168.0.7", None, "192.168.0.7"),
        ("fd00:1:2:3::7%eth0", None, "fd00:1:2:3::7"),
    ],
)
def test_a_public_group_is_what_a_customer_has_and_a_machine_is_on_one_link(host, group, where):
    assert public_group(host) == group
    assert machine(host) == where
