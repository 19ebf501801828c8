"""Multiaddrs between text and bytes."""

from __future__ import annotations

import pytest
from multiaddr import Multiaddr

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.wire.multiaddr import (
    MULTIADDR_BYTES_MAX,
    is_multiaddr,
    multiaddr_bytes,
    multiaddr_text,
    without_peer,
)

ALICE = DeviceId(bytes(32)).peer_id
BOB = DeviceId(bytes(31) + b"\1").peer_id
RSA = PeerId(b"\x12\x20" + bytes(32))

GOLDEN = {
    "/ip4/192.168.1.5/tcp/4001": "04c0a80105060fa1",
    "/ip6/2001:db8::1/udp/4001/quic-v1": "2920010db800000000000000000000000191020fa1cd03",
    "/ip6zone/eth0/ip6/fe80::1/tcp/1": "2a046574683029fe800000000000000000000000000001060001",
    "/dns4/chat.example.org/tcp/443/wss": "361063686174 2e6578616d706c652e6f72670601bbde03",
    "/dnsaddr/example.org": "380b6578616d706c652e6f7267",
    "/dns/a.example/tcp/443/tls/sni/b.example/ws": (
        "3509612e6578616d706c65 0601bb c003 c10309622e6578616d706c65 dd03"
    ),
    f"/ip4/1.2.3.4/tcp/1/p2p/{ALICE}/p2p-circuit": (
        "0401020304060001a5032600240801122000000000000000000000000000000000"
        "00000000000000000000000000000000a202"
    ),
}


@pytest.mark.parametrize("text", GOLDEN)
def test_text_and_bytes_are_inverses_with_known_bytes(text):
    raw = bytes.fromhex(GOLDEN[text])
    assert multiaddr_bytes(text) == raw
    assert multiaddr_text(raw) == text


@pytest.mark.parametrize("text", GOLDEN)
def test_the_bytes_are_those_of_the_reference_library(text):
    assert Multiaddr(text).to_bytes() == multiaddr_bytes(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "ip4/1.2.3.4/tcp/1",
        "x/ip4/1.2.3.4/tcp/1",
        "/ip4/1.2.3.4/tcp/",
        "/ip4/1.2.3.4/tcp",
        "/ip4/1.2.3.4/tcp/65536",
        "/ip4/1.2.3.4/tcp/01",
        "/ip4/1.2.3.4/tcp/-1",
        "/ip4/1.2.3.4/tcp/١",
        "/ip4/1.2.3.4/tcp/99999999999999999999",
        "/ip4/1.2.3/tcp/1",
        "/ip4/1.2.3.4//tcp/1",
        "/ip6/fe80::1%eth0/tcp/1",
        "/tcp/1",
        "/unix/socket",
        "/dns4/a b/tcp/1",
        "/dns4//tcp/1",
        "/dns4/-a/tcp/1",
        "/dns4/ä.example/tcp/1",
        "/ip4/1.2.3.4/tcp/1/p2p/nonsense",
        "/ip4/1.2.3.4/tcp/1" + "/ws" * 7,
        "/dns4/" + "a" * 124 + "/tcp/1",
        f"/ip4/1.2.3.4/tcp/1/p2p/{ALICE}/p2p-circuit/p2p/{BOB}/p2p/{BOB}",
    ],
)
def test_what_is_no_multiaddr_is_refused(text):
    assert not is_multiaddr(text)
    with pytest.raises(ValueError):  # noqa: PT011 - the message is for people
        multiaddr_bytes(text)


def test_a_multiaddr_is_one():
    assert is_multiaddr("/ip4/1.2.3.4/tcp/1")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "04",
        "04010203",
        "040102030406",
        "04010203040600",
        "ff",
        "8401",
        "fe7f",
        "060001",
        "36",
        "3605616263",
        "3600",
        "3603612f62",
        "3603ff6162",
        "3603616200",
        "0401020304060001a503",
        "0401020304060001a50302abcd",
        "04" * (MULTIADDR_BYTES_MAX + 1),
    ],
)
def test_bytes_that_are_no_multiaddr_are_the_peers_fault(raw):
    with pytest.raises(MalformedMessage):
        multiaddr_text(bytes.fromhex(raw))


def test_a_peers_address_is_kept_without_its_own_id():
    assert without_peer("/ip4/1.2.3.4/tcp/1", ALICE) == "/ip4/1.2.3.4/tcp/1"
    assert without_peer(f"/ip4/1.2.3.4/tcp/1/p2p/{ALICE}", ALICE) == "/ip4/1.2.3.4/tcp/1"
    assert without_peer(f"/ip4/1.2.3.4/tcp/1/p2p/{RSA}", RSA) == "/ip4/1.2.3.4/tcp/1"


def test_a_circuit_address_keeps_its_relay():
    circuit = f"/ip4/1.2.3.4/tcp/1/p2p/{BOB}/p2p-circuit"
    assert without_peer(circuit, ALICE) == circuit
    assert without_peer(f"{circuit}/p2p/{ALICE}", ALICE) == circuit


@pytest.mark.parametrize("address", [f"/ip4/1.2.3.4/tcp/1/p2p/{BOB}", f"/p2p/{ALICE}"])
def test_an_address_of_somebody_else_or_of_nothing_is_none_of_the_peers(address):
    assert without_peer(address, ALICE) is None
