"""How far addresses reach, and who may be believed about them."""

from __future__ import annotations

import pytest

from p2pchat.model.scope import (
    Scope,
    believable,
    believable_of,
    network_of,
    scope_of,
    scope_of_all,
    source_of,
)

RELAY = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"
ADDRESSES = {
    "/ip4/127.0.0.1/tcp/4001": Scope.LOOPBACK,
    "/ip4/0.0.0.0/tcp/4001": Scope.LOOPBACK,
    "/ip6/::1/tcp/4001": Scope.LOOPBACK,
    "/ip6/::ffff:127.0.0.1/tcp/4001": Scope.LOOPBACK,
    "/dns4/localhost/tcp/4001": Scope.LOOPBACK,
    "/dns/evil.LOCALHOST./tcp/4001": Scope.LOOPBACK,
    "/ip4/169.254.3.4/tcp/4001": Scope.LINK,
    "/ip6/fe80::1/tcp/4001": Scope.LINK,
    "/ip6zone/eth0/ip6/fe80::1/tcp/4001": Scope.LINK,
    "/ip4/224.0.0.251/udp/5353": Scope.LINK,
    "/dns/printer.local/tcp/4001": Scope.LINK,
    "/ip4/192.168.1.5/tcp/4001": Scope.PRIVATE,
    "/ip4/10.0.0.1/udp/4001/quic-v1": Scope.PRIVATE,
    "/ip4/100.64.0.1/tcp/4001": Scope.PRIVATE,
    "/ip6/fd00::1/tcp/4001": Scope.PRIVATE,
    f"/ip4/192.168.1.5/tcp/4001/p2p/{RELAY}/p2p-circuit": Scope.PRIVATE,
    f"/ip4/1.2.3.4/tcp/4001/p2p/{RELAY}/p2p-circuit": Scope.PUBLIC,
    "/ip4/1.2.3.4/tcp/4001": Scope.PUBLIC,
    "/ip6/2a00::1/tcp/4001": Scope.PUBLIC,
    "/dns4/chat.example.org/tcp/443": Scope.PUBLIC,
    "/memory/1234": Scope.PUBLIC,
    "/ip4/1.2.3/tcp/4001": Scope.PUBLIC,
    "/ip4": Scope.PUBLIC,
    "": Scope.PUBLIC,
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_has_the_scope_of_its_first_hop(address):
    assert scope_of(address) is ADDRESSES[address]


@pytest.mark.parametrize("told_over", Scope)
@pytest.mark.parametrize(
    "address", ["/ip4/127.0.0.1/tcp/1", "/ip4/10.1.1.1/tcp/1", "/ip4/8.8.8.8/tcp/1"]
)
def test_an_address_is_believed_over_the_same_or_a_narrower_scope(address, told_over):
    expected = told_over <= scope_of(address)
    assert believable(address, told_over) == expected
    assert believable_of((address,), told_over) == ((address,) if expected else ())


def test_of_several_connections_the_widest_counts_and_of_none_the_widest_there_is():
    loopback, private = "/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1"
    assert scope_of_all((loopback,)) is Scope.LOOPBACK
    assert scope_of_all((loopback, private)) is Scope.PRIVATE
    assert scope_of_all(()) is Scope.PUBLIC


def test_public_addresses_of_one_network_are_recognised():
    assert network_of("/ip4/1.2.3.4/tcp/1") == network_of("/ip4/1.2.3.250/udp/2/quic-v1")
    assert network_of("/ip4/1.2.3.4/tcp/1") != network_of("/ip4/1.2.4.4/tcp/1")
    assert network_of("/ip6/2a00:1:2::1/tcp/1") == network_of("/ip6/2a00:1:2:ff::9/tcp/1")
    assert network_of("/ip6/2a00:1:2::1/tcp/1") != network_of("/ip6/2a00:1:3::1/tcp/1")
    assert network_of("/ip6/::ffff:1.2.3.4/tcp/1") == network_of("/ip4/1.2.3.4/tcp/1")


@pytest.mark.parametrize(
    "address", ["/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/dns4/a.example/tcp/1", "/nonsense"]
)
def test_an_address_that_no_limit_may_count_has_no_network(address):
    assert network_of(address) is None
    assert source_of(address) is None


def test_one_customer_of_a_provider_is_one_source():
    assert source_of("/ip4/1.2.3.4/tcp/1") == source_of("/ip4/1.2.3.4/tcp/2")
    assert source_of("/ip4/1.2.3.4/tcp/1") == source_of("/ip6/::ffff:1.2.3.4/tcp/1")
    assert source_of("/ip4/1.2.3.4/tcp/1") != source_of("/ip4/1.2.3.5/tcp/1")
    assert source_of("/ip6/2a00:1:2:301::1/tcp/1") == source_of("/ip6/2a00:1:2:3ff::9/tcp/1")
    assert source_of("/ip6/2a00:1:2:301::1/tcp/1") != source_of("/ip6/2a00:1:2:401::1/tcp/1")
