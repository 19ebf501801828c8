"""Datagrams of LAN discovery and the frames of its proof."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from p2pchat.errors import FrameTooLarge, MalformedMessage, UnknownVersion
from p2pchat.model.ids import PEER_ID_BYTES_MAX, DeviceId, PeerId
from p2pchat.wire.lan_codec import (
    DATAGRAM_BYTES,
    DATAGRAM_BYTES_MAX,
    MAC_BYTES,
    PROOF_BYTES_MAX,
    PROOF_NONCE_BYTES,
    LanKind,
    LanPacket,
    Role,
    decode_lan,
    decode_proof_mac,
    decode_proof_nonce,
    encode_lan,
    encode_proof_mac,
    encode_proof_nonce,
    proof_mac,
)
from p2pchat.wire.lan_pb2 import Datagram as DatagramPb
from p2pchat.wire.lan_pb2 import Packet as PacketPb

ALICE, BOB = DeviceId(b"a" * 32).peer_id, DeviceId(b"b" * 32).peer_id
KEY, OTHER = b"k" * 32, b"o" * 32
PACKET = LanPacket(LanKind.HELLO, ALICE, "Алиса 🌿", 19123, 1_767_225_600_000, b"n" * 16)


def forged(mac: bytes = b"", **fields) -> bytes:
    """A datagram with some fields of the packet replaced."""
    body = PacketPb.FromString(DatagramPb.FromString(encode_lan(PACKET, None)).body)
    for name, value in fields.items():
        setattr(body, name, value)
    return DatagramPb(body=body.SerializeToString(), mac=mac).SerializeToString()


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("kind", LanKind)
def test_what_is_written_is_read(kind, key):
    packet = replace(PACKET, kind=kind)
    datagram = decode_lan(encode_lan(packet, key))
    assert datagram.packet == packet
    assert datagram.is_authentic(key)


@pytest.mark.parametrize("name", ["", "Bob", "🌿" * 64], ids=["none", "short", "long"])
@pytest.mark.parametrize("key", [None, KEY])
def test_all_datagrams_are_of_one_length(name, key):
    assert len(encode_lan(replace(PACKET, name=name, time_ms=1), key)) == DATAGRAM_BYTES
    longest = replace(PACKET, node=PeerId(b"\x12\x3e" + bytes(62)), name=name)
    assert len(longest.node) == PEER_ID_BYTES_MAX
    assert len(encode_lan(longest, key)) == DATAGRAM_BYTES


def test_only_the_key_that_made_a_code_confirms_it():
    assert not decode_lan(encode_lan(PACKET, KEY)).is_authentic(OTHER)
    assert not decode_lan(encode_lan(PACKET, None)).is_authentic(KEY)


def test_where_there_is_no_secret_a_packet_with_a_code_is_somebody_elses():
    assert not decode_lan(encode_lan(PACKET, KEY)).is_authentic(None)


def test_every_flipped_bit_is_noticed():
    data = encode_lan(PACKET, KEY)
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with suppress(MalformedMessage, UnknownVersion):  # it may not even decode
            assert not decode_lan(bytes(changed)).is_authentic(KEY), bit


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"version": 2}, UnknownVersion),
        ({"version": 0}, UnknownVersion),
        ({"kind": 0}, MalformedMessage),
        ({"kind": 9}, MalformedMessage),
        ({"node": b""}, MalformedMessage),
        ({"node": b"x" * 100}, MalformedMessage),
        ({"name": "x" * 65}, MalformedMessage),
        ({"name": "two\nlines"}, MalformedMessage),
        ({"listen_port": 0}, MalformedMessage),
        ({"listen_port": 65_536}, MalformedMessage),
        ({"nonce": b"short"}, MalformedMessage),
        ({"mac": b"short"}, MalformedMessage),
    ],
)
def test_what_no_peer_says_is_refused(fields, error):
    with pytest.raises(error):
        decode_lan(forged(**fields))


def test_what_is_too_long_is_not_parsed():
    padded = forged(padding=bytes(DATAGRAM_BYTES_MAX))
    with pytest.raises(FrameTooLarge):
        decode_lan(padded)


def test_the_code_of_a_proof_is_that_of_one_role_two_peers_and_both_nonces():
    nonces = bytes(PROOF_NONCE_BYTES) + b"x" * PROOF_NONCE_BYTES
    macs = {
        proof_mac(KEY, Role.OPENER, (ALICE, BOB), nonces),
        proof_mac(KEY, Role.RESPONDER, (ALICE, BOB), nonces),
        proof_mac(KEY, Role.OPENER, (BOB, ALICE), nonces),
        proof_mac(KEY, Role.OPENER, (ALICE, BOB), nonces[::-1]),
        proof_mac(OTHER, Role.OPENER, (ALICE, BOB), nonces),
    }
    assert len(macs) == 5


def test_frames_of_a_proof_hold_one_thing_of_its_length():
    nonce, mac = b"n" * PROOF_NONCE_BYTES, b"m" * MAC_BYTES
    assert decode_proof_nonce(encode_proof_nonce(nonce)) == nonce
    assert decode_proof_mac(encode_proof_mac(mac)) == mac
    assert len(encode_proof_mac(mac)) <= PROOF_BYTES_MAX
    for body in (b"", b"\xff", encode_proof_nonce(b"short"), encode_proof_mac(mac)):
        with pytest.raises(MalformedMessage):
            decode_proof_nonce(body)
    with pytest.raises(MalformedMessage):
        decode_proof_mac(encode_proof_nonce(nonce))
