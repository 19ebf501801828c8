"""The TXT record of libp2p's multicast DNS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import FrameTooLarge, MalformedMessage, RemoteProtocolError
from p2pchat.model.ids import DeviceId
from p2pchat.wire.mdns import TXT_ADDRESSES_MAX, TXT_BYTES_MAX, decode_txt, encode_txt

ALICE, BOB = DeviceId(b"a" * 32).peer_id, DeviceId(b"b" * 32).peer_id
HERE, THERE = "/ip4/10.77.0.1/tcp/19123", "/ip4/10.78.0.1/tcp/1"


def txt(*strings: str) -> bytes:
    return b"".join(bytes([len(s.encode())]) + s.encode() for s in strings)


def test_what_is_written_is_read_and_looks_as_the_specification_says():
    data = encode_txt(ALICE, (HERE, THERE))
    assert data == txt(f"dnsaddr={HERE}/p2p/{ALICE}", f"dnsaddr={THERE}/p2p/{ALICE}")
    assert decode_txt(data) == (ALICE, (HERE, THERE))


def test_of_what_other_peers_say_that_is_taken_which_can_be_dialled():
    data = txt(
        "version=1",
        f"dnsaddr=/ip4/10.77.0.1/udp/4001/quic-v1/p2p/{ALICE}",
        f"dnsaddr=/ip6/fe80::1/tcp/4001/p2p/{ALICE}",
        f"dnsaddr=/dns4/localhost/tcp/1/p2p/{ALICE}",
        f"dnsaddr={THERE}/p2p/{BOB}/p2p-circuit/p2p/{ALICE}",
        f"dnsaddr={HERE}",
        f"dnsaddr=/ip4/10.77.0.1/tcp/99999/p2p/{ALICE}",
        f"dnsaddr=/ip4/10.77.0.999/tcp/1/p2p/{ALICE}",
        f"dnsaddr={HERE}/p2p/{ALICE}",
        f"dnsaddr={THERE}/p2p/{BOB}",
    )
    assert decode_txt(data) == (ALICE, (HERE,))


def test_of_too_many_addresses_the_first_are_taken():
    many = [f"/ip4/10.77.0.1/tcp/{port}" for port in range(1, 20)]
    data = txt(*(f"dnsaddr={address}/p2p/{ALICE}" for address in many))
    assert decode_txt(data)[1] == tuple(many[:TXT_ADDRESSES_MAX])
    assert decode_txt(encode_txt(ALICE, many))[1] == tuple(many[:TXT_ADDRESSES_MAX])


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x05dns", txt("dnsaddr="), txt("dnsaddr=\x80")])
def test_a_record_without_a_peer_is_malformed(data):
    with pytest.raises(MalformedMessage):
        decode_txt(data)


def test_a_record_that_is_too_long_is_not_read():
    with pytest.raises(FrameTooLarge):
        decode_txt(bytes(TXT_BYTES_MAX + 1))


@given(
    st.binary(max_size=300)
    | st.lists(st.text(max_size=60).map(lambda s: f"dnsaddr=/ip4/{s}"), max_size=5).map(
        lambda strings: txt(*strings)
    )
)
def test_whatever_bytes_come_they_are_a_peer_or_against_the_rules(data):
    try:
        peer, addresses = decode_txt(data)
    except RemoteProtocolError:
        return
    assert decode_txt(encode_txt(peer, addresses)) == (peer, addresses)
