"""Noise packets without a network: order, cuts, counters, forgeries."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.net.libp2p.noise_packets import (
    NONCE_MAX,
    PLAINTEXT_BYTES_MAX,
    BadPacket,
    NonceExhausted,
    PacketOpener,
    PacketSealer,
)

KEY = bytes(range(32))


def open_all(opener: PacketOpener, *blocks: bytes) -> list[bytes]:
    packets = list[bytes]()
    for block in blocks:
        opener.feed(block)
        while (packet := opener.next()) is not None:
            packets.append(packet)
    return packets


def test_a_packet_is_a_length_and_a_ciphertext_under_a_little_endian_counter():
    sealer = PacketSealer(KEY)
    for counter in range(3):
        nonce = bytes(4) + counter.to_bytes(8, "little")
        sealed = ChaCha20Poly1305(KEY).encrypt(nonce, b"hello", None)
        assert sealer.seal(b"hello") == len(sealed).to_bytes(2, "big") + sealed


def test_what_is_longer_than_a_packet_is_cut_into_full_ones():
    data = bytes(PLAINTEXT_BYTES_MAX + 7)
    packets = open_all(PacketOpener(KEY), PacketSealer(KEY).seal(data))
    assert [len(packet) for packet in packets] == [PLAINTEXT_BYTES_MAX, 7]


def test_all_packets_of_one_block_are_opened_and_empty_ones_are_packets_too():
    sealer = PacketSealer(KEY)
    block = sealer.seal(b"one") + sealer.seal(b"") + sealer.seal(b"three")
    assert open_all(PacketOpener(KEY), block) == [b"one", b"", b"three"]


@given(
    st.lists(st.one_of(st.binary(max_size=64), st.integers(0, 140_000).map(bytes)), max_size=6),
    st.lists(st.sampled_from([1, 2, 3, 17, 1000, 65_535, 65_537, 131_072]), max_size=60),
)
def test_packets_come_out_the_same_however_the_bytes_are_cut(plain: list[bytes], sizes: list[int]):
    sealer, opener = PacketSealer(KEY), PacketOpener(KEY)
    wire = b"".join(sealer.seal(one) for one in plain)
    blocks, at = list[bytes](), 0
    for size in [*sizes, len(wire)]:
        blocks.append(wire[at : at + size])
        at += size
    packets = open_all(opener, *filter(None, blocks))
    assert b"".join(packets) == b"".join(plain)
    assert not opener.partial


def test_a_packet_that_has_begun_is_told_from_none():
    opener = PacketOpener(KEY)
    wire = PacketSealer(KEY).seal(b"hello")
    assert open_all(opener, wire[:1]) == []
    assert opener.partial
    assert open_all(opener, wire[1:]) == [b"hello"]
    assert not opener.partial


@given(st.integers(2, 22), st.integers(0, 7))
def test_a_packet_with_any_bit_of_its_ciphertext_flipped_is_refused(at: int, bit: int):
    wire = bytearray(PacketSealer(KEY).seal(b"hello"))
    wire[at] ^= 1 << bit
    opener = PacketOpener(KEY)
    opener.feed(bytes(wire))
    with pytest.raises(BadPacket):
        opener.next()


@pytest.mark.parametrize("length", [0, 1, 15])
def test_a_packet_too_short_for_its_tag_is_refused(length: int):
    opener = PacketOpener(KEY)
    opener.feed(length.to_bytes(2, "big") + bytes(length))
    with pytest.raises(BadPacket):
        opener.next()


def test_a_packet_that_comes_again_is_refused():
    wire = PacketSealer(KEY).seal(b"hello")
    opener = PacketOpener(KEY)
    assert open_all(opener, wire) == [b"hello"]
    opener.feed(wire)
    with pytest.raises(BadPacket):
        opener.next()


def test_packets_that_change_places_are_refused():
    sealer = PacketSealer(KEY)
    first, second = sealer.seal(b"first"), sealer.seal(b"second")
    opener = PacketOpener(KEY)
    opener.feed(second + first)
    with pytest.raises(BadPacket):
        opener.next()


def test_the_last_counter_is_used_and_none_after_it():
    sealer, opener = PacketSealer(KEY, NONCE_MAX), PacketOpener(KEY, NONCE_MAX)
    wire = sealer.seal(b"last")
    assert open_all(opener, wire) == [b"last"]
    with pytest.raises(NonceExhausted):
        sealer.seal(b"one more")
    opener.feed(wire)
    with pytest.raises(NonceExhausted):
        opener.next()


def test_counters_go_on_from_where_the_handshake_left_them():
    wire = PacketSealer(KEY, 41).seal(b"hello")
    assert open_all(PacketOpener(KEY, 41), wire) == [b"hello"]
