"""Kademlia messages on the wire: known bytes, and every bound."""

from __future__ import annotations

import pytest

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.wire.kad_codec import (
    ADDRESSES_MAX,
    KEY_BYTES_MAX,
    MESSAGE_BYTES_MAX,
    PEERS_MAX,
    VALUE_BYTES_MAX,
    KadKind,
    KadMessage,
    KadPeer,
    KadRecord,
    decode_kad,
    encode_kad,
)
from p2pchat.wire.kad_pb2 import Message as MessagePb
from p2pchat.wire.multiaddr import multiaddr_bytes

ALICE = DeviceId(bytes(32)).peer_id
BOB = DeviceId(bytes(31) + b"\1").peer_id
ADDRESS = "/ip4/1.2.3.4/tcp/4001"
ALICE_HEX = "0024080112200000000000000000000000000000000000000000000000000000000000000000"
PEER_HEX = f"0a26{ALICE_HEX}120804010203040 60fa1".replace(" ", "")

GOLDEN = {
    "ping": (KadMessage(KadKind.PING), "0805"),
    "find node": (KadMessage(KadKind.FIND_NODE, ALICE), f"08041226{ALICE_HEX}"),
    "put value, whose kind is the default": (
        KadMessage(KadKind.PUT_VALUE, b"/a/b", KadRecord(b"/a/b", b"v")),
        "12042f612f621a090a042f612f62120176",
    ),
    "get value, answered": (
        KadMessage(KadKind.GET_VALUE, b"k", KadRecord(b"k", b"v"), (KadPeer(ALICE, (ADDRESS,)),)),
        f"080112016b1a060a016b1201764232{PEER_HEX}",
    ),
    "add provider": (
        KadMessage(KadKind.ADD_PROVIDER, b"k", providers=(KadPeer(ALICE, (ADDRESS,)),)),
        f"080212016b4a32{PEER_HEX}",
    ),
    "get providers": (KadMessage(KadKind.GET_PROVIDERS, b"k"), "080312016b"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_messages_have_the_bytes_that_other_implementations_write(name):
    message, raw = GOLDEN[name]
    assert encode_kad(message).hex() == raw
    assert decode_kad(bytes.fromhex(raw)) == message


def pb_peer(id=ALICE, addresses=(ADDRESS,)):
    return MessagePb.Peer(id=id, addrs=map(multiaddr_bytes, addresses))


def decoded(**fields):
    return decode_kad(MessagePb(**fields).SerializeToString())


def test_what_only_others_write_is_ignored():
    full = MessagePb(type="GET_VALUE", key=b"k", clusterLevelRaw=-1)
    full.record.key, full.record.value = b"k", b"v"
    full.record.timeReceived = "2026-01-01T00:00:00Z"
    full.closerPeers.add(id=ALICE, connection="CAN_CONNECT")
    unknown_fields = bytes.fromhex("d2290161") + bytes.fromhex("c83005")
    assert decode_kad(full.SerializeToString() + unknown_fields) == KadMessage(
        KadKind.GET_VALUE, b"k", KadRecord(b"k", b"v"), (KadPeer(ALICE),)
    )


@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"\x08", b"\x08\x06", b"\x08\x80\x80\x80\x80\x08", b"\x1a\x03\x2a\x01\xff"],
    ids=["no tag", "cut short", "unknown kind", "huge kind", "no UTF-8"],
)
def test_what_does_not_decode_is_malformed(raw):
    with pytest.raises(MalformedMessage):
        decode_kad(raw)


def test_sizes_are_bounded():
    with pytest.raises(FrameTooLarge):
        decode_kad(bytes(MESSAGE_BYTES_MAX + 1))
    assert decoded(key=bytes(KEY_BYTES_MAX)).key == bytes(KEY_BYTES_MAX)
    for fields in (
        {"key": bytes(KEY_BYTES_MAX + 1)},
        {"record": {"key": bytes(KEY_BYTES_MAX + 1)}},
        {"record": {"value": bytes(VALUE_BYTES_MAX + 1)}},
        {"closerPeers": [pb_peer()] * (PEERS_MAX + 1)},
        {"providerPeers": [pb_peer()] * (PEERS_MAX + 1)},
    ):
        with pytest.raises(MalformedMessage):
            decoded(**fields)


def test_a_peer_without_a_valid_id_is_dropped_and_one_told_twice_counts_once():
    message = decoded(
        closerPeers=[pb_peer(b""), pb_peer(b"x" * 40), pb_peer(BOB, ()), pb_peer(), pb_peer(BOB)]
    )
    assert message.closer == (KadPeer(BOB), KadPeer(ALICE, (ADDRESS,)))


def test_addresses_that_nobody_here_can_dial_are_dropped():
    peer = MessagePb.Peer(
        id=ALICE,
        addrs=[
            b"",
            b"\xff\xff",
            b"\x04" * 200,
            multiaddr_bytes(f"{ADDRESS}/p2p/{BOB}"),
            multiaddr_bytes(f"{ADDRESS}/p2p/{ALICE}"),
            multiaddr_bytes(ADDRESS),
        ],
    )
    assert decoded(closerPeers=[peer]).closer == (KadPeer(ALICE, (ADDRESS,)),)


def test_of_too_many_addresses_the_first_are_read():
    addresses = [f"/ip4/1.2.3.4/tcp/{port}" for port in range(1, 40)]
    (peer,) = decoded(providerPeers=[pb_peer(addresses=addresses)]).providers
    assert peer.addresses == tuple(addresses[:ADDRESSES_MAX])


def test_the_fullest_answer_of_ours_fits_a_message():
    relay = PeerId(b"\x12\x20" + bytes(32))
    circuit = f"/dns4/{'a' * 80}/tcp/443/wss/p2p/{relay}/p2p-circuit"
    peer = KadPeer(ALICE, (circuit,) * 8)
    message = KadMessage(
        KadKind.GET_PROVIDERS, bytes(KEY_BYTES_MAX), closer=(peer,) * 21, providers=(peer,) * 20
    )
    assert len(multiaddr_bytes(circuit)) > 120
    assert len(encode_kad(message)) < MESSAGE_BYTES_MAX
