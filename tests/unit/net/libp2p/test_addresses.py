"""Addresses that a host gives away."""

from __future__ import annotations

from p2pchat.net.libp2p.addresses import concrete


def test_loopback_is_given_away_only_when_there_is_nothing_else():
    loopback = [("127.0.0.1", 2), ("::1", 3)]
    assert concrete(loopback) == ("/ip4/127.0.0.1/tcp/2", "/ip6/::1/tcp/3")
    assert concrete([*loopback, ("192.0.2.1", 1)]) == ("/ip4/192.0.2.1/tcp/1",)
