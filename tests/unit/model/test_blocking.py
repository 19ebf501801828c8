"""Block lists: how they are written, and whom they refuse."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest

from p2pchat.model.blocking import (
    BLOCKED_PEERS_MAX,
    BLOCKED_SUBNETS_MAX,
    NOBODY,
    BlockList,
    Confinement,
    Refusal,
    parse_subnet,
    parse_subnets,
    parse_target,
)
from p2pchat.model.ids import AccountId, DeviceId

BOB = DeviceId(b"b" * 32).peer_id
CAROL = DeviceId(b"c" * 32).peer_id
WRITTEN = {
    "10.1.2.3/16": "10.1.0.0/16",
    "10.1.2.3/32": "10.1.2.3/32",
    "0.0.0.0/0": "0.0.0.0/0",
    " 192.168.1.7 ": "192.168.1.0/24",
    "2001:db8::7/32": "2001:db8::/32",
    "2001:db8:1:2:3::7": "2001:db8:1:2::/64",
    "::ffff:192.168.1.7": "192.168.1.0/24",
    "::ffff:192.168.1.7/112": "192.168.0.0/16",
    "::ffff:192.168.1.7/96": "0.0.0.0/0",
    "::/0": "::/0",
}
BAD = (
    "",
    "/",
    "10.0.0.1/",
    "10.0.0.1/33",
    "10.0.0.1/-1",
    "10.0.0.1/255.255.0.0",
    "10.0.0.1/٨",
    "10.0.0/8",
    "::1/129",
    "fe80::1%eth0",
    "example.org",
    "1" * 500,
)


@pytest.mark.parametrize("text", WRITTEN)
def test_a_network_is_brought_to_its_own_address(text):
    assert parse_subnet(text) == ip_network(WRITTEN[text])


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_network_is_refused_with_one_line_that_says_what_to_write(text):
    with pytest.raises(ValueError, match="is no network; write") as caught:
        parse_subnet(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_network_written_twice_counts_once():
    texts = ["10.0.0.7", "10.0.0.0/24", "::1", "10.0.0.9/24"]
    assert parse_subnets(texts) == (ip_network("10.0.0.0/24"), ip_network("::/64"))


def test_a_list_is_read_from_text_and_equal_lists_are_equal():
    one = BlockList.parse([str(BOB)], ["10.0.0.1"])
    assert one == BlockList.parse([str(BOB), f" {BOB}"], ["10.0.0.2/24", "10.0.0.0/24"])
    assert one == BlockList(frozenset({BOB}), frozenset({ip_network("10.0.0.0/24")}))


def test_a_bad_peer_id_is_named():
    with pytest.raises(ValueError, match="'bob' is no peer id"):
        BlockList.parse(["bob"])


@pytest.mark.parametrize(
    ("address", "blocked"),
    [
        ("10.0.0.1", True),
        ("10.0.1.1", False),
        ("::ffff:10.0.0.1", True),
        ("::ffff:10.0.1.1", False),
        ("2001:db8::1", True),
        ("fe80::1%eth0", True),
        ("2001:db9::1", False),
        ("/ip4/10.0.0.1/tcp/4001", True),
        ("/ip4/10.0.1.1/tcp/4001", False),
        ("/ip6/::ffff:10.0.0.1/tcp/4001", True),
        ("/ip6zone/eth0/ip6/fe80::1/tcp/4001", True),
        (f"/ip4/10.0.0.1/tcp/4001/p2p/{BOB}/p2p-circuit", True),
        (f"/ip4/10.0.1.1/tcp/1/p2p/{BOB}/p2p-circuit/ip4/10.0.0.1/tcp/1", True),
        ("/dns4/example.org/tcp/4001", False),
        ("/dns4/ip4/tcp/4001", False),
        ("/ip4/10.0.0/tcp/4001", False),
        ("/ip4", False),
        ("nonsense", False),
        ("", False),
    ],
)
def test_an_address_is_blocked_when_any_ip_address_in_it_is(address, blocked):
    blocks = BlockList.parse(subnets=["10.0.0.0/24", "2001:db8::/32", "fe80::/64"])
    assert blocks.blocks_address(address) is blocked


def test_blocking_all_of_ipv6_leaves_ipv4_that_came_in_ipv6():
    assert not BlockList.parse(subnets=["::/0"]).blocks_address("::ffff:10.0.0.1")


def test_the_most_particular_rule_decides():
    blocks = BlockList.parse([str(BOB)], ["10.0.0.0/24"])
    allowed = parse_subnets(["10.0.0.0/16"])
    assert blocks.refusal(BOB, "10.0.0.1", allowed) is Refusal.PEER
    assert blocks.refusal(CAROL, "10.0.0.1", allowed) is Refusal.SUBNET
    assert blocks.refusal(None, "10.0.0.1", allowed) is Refusal.SUBNET
    assert blocks.refusal(CAROL, "10.1.0.1", allowed) is Refusal.OUTSIDE
    assert blocks.refusal(CAROL, "10.0.1.1", allowed) is None
    assert blocks.refusal(CAROL, "10.1.0.1") is None
    assert blocks.refusal(CAROL, "10.1.0.1", ()) is Refusal.OUTSIDE


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("/ip4/10.9.0.7/tcp/1", True),
        ("10.9.0.7", True),
        ("/ip4/10.1.0.7/tcp/1", False),
        ("/ip4/8.8.8.8/tcp/1", False),
        ("/dns4/relay.example/tcp/1", False),
        ("/ip4/10.9.0.7/tcp/1/p2p/x/p2p-circuit", False),
        ("/ip6/fd00::1/tcp/1", False),
    ],
)
def test_who_is_kept_out_of_a_lan_is_so_on_direct_private_connections_alone(address, refused):
    """Anybody on an open LAN can say hello in the name of our relay."""
    confinement = Confinement(frozenset({BOB}), (IPv4Network("10.1.0.0/24"),))
    confined = BlockList(confinement=confinement)
    assert (confined.refusal(BOB, address) is Refusal.OUTSIDE) is refused
    assert confined.refusal(CAROL, address) is None
    assert not confined.blocks_peer(BOB)
    assert confined
    assert (NOBODY | confined) == (confined | NOBODY) == confined


def test_two_lists_together_refuse_what_either_does():
    both = BlockList.parse([str(BOB)]) | BlockList.parse([str(CAROL)], ["10.0.0.1"])
    assert both.blocks_peer(BOB)
    assert both.blocks_peer(CAROL)
    assert both.blocks_address("10.0.0.9")
    assert both
    assert not NOBODY


def test_a_list_that_is_too_long_is_refused():
    peers = [str(DeviceId(n.to_bytes(32)).peer_id) for n in range(BLOCKED_PEERS_MAX + 1)]
    assert len(BlockList.parse(peers[1:]).peers) == BLOCKED_PEERS_MAX
    with pytest.raises(ValueError, match=f"{BLOCKED_PEERS_MAX} is the most"):
        BlockList.parse(peers)
    subnets = [f"10.{n // 256}.{n % 256}.0/24" for n in range(BLOCKED_SUBNETS_MAX + 1)]
    with pytest.raises(ValueError, match=f"{BLOCKED_SUBNETS_MAX} is the most"):
        BlockList.parse(subnets=subnets)


@pytest.mark.parametrize(
    "target",
    [AccountId(b"a" * 32), BOB, ip_network("10.0.0.0/24"), ip_network("2001:db8::/32")],
    ids=str,
)
def test_a_target_is_read_from_its_own_text(target):
    read = parse_target(f" {target} ")
    assert read == target
    assert type(read) is type(target)


@pytest.mark.parametrize("text", ["", "bob", "z6MkNonsense", "12D3KooW", "é", "z", "l0O"])
def test_a_target_that_is_none_is_refused_with_one_line(text):
    with pytest.raises(ValueError, match="is neither an account") as caught:
        parse_target(text)
    assert "\n" not in str(caught.value)
