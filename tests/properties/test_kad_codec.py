"""Whatever bytes come: a value that can be written again, or the peer's fault."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import RemoteProtocolError
from p2pchat.model.ids import DeviceId
from p2pchat.wire.kad_codec import (
    KEY_BYTES_MAX,
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
from p2pchat.wire.multiaddr import multiaddr_bytes, multiaddr_text, without_peer

ports = st.integers(0, 65535)
names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,8})?", fullmatch=True)
peers = st.binary(min_size=32, max_size=32).map(lambda raw: DeviceId(raw).peer_id)
hosts = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda n: f"/ip4/{IPv4Address(n)}"),
    st.integers(0, 2**128 - 1).map(lambda n: f"/ip6/{IPv6Address(n)}"),
    st.tuples(st.sampled_from(["dns", "dns4", "dns6"]), names).map("/{0[0]}/{0[1]}".format),
)
transports = st.one_of(
    ports.map("/tcp/{}".format), ports.map("/tcp/{}/ws".format), ports.map("/udp/{}/quic-v1".format)
)
direct = st.tuples(hosts, transports).map("".join)
circuits = st.tuples(hosts, transports, peers).map("{0[0]}{0[1]}/p2p/{0[2]}/p2p-circuit".format)
addresses = st.one_of(direct, circuits)
kad_peers = st.builds(KadPeer, peers, st.lists(addresses, max_size=4, unique=True).map(tuple))
peer_lists = st.lists(kad_peers, max_size=6, unique_by=lambda peer: peer.peer).map(tuple)
keys = st.binary(max_size=KEY_BYTES_MAX)
messages = st.builds(
    KadMessage,
    st.sampled_from(KadKind),
    keys,
    st.none() | st.builds(KadRecord, keys, st.binary(max_size=VALUE_BYTES_MAX)),
    peer_lists,
    peer_lists,
)


@given(messages)
def test_a_message_survives_the_wire(message):
    assert decode_kad(encode_kad(message)) == message


@given(st.binary(max_size=300) | messages.map(encode_kad), st.data())
def test_only_a_fault_of_the_peer_comes_out_of_any_bytes(raw, data):
    for _ in range(data.draw(st.integers(0, 3))):
        if raw:
            at = data.draw(st.integers(0, len(raw) - 1))
            raw = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + 1 :]
    try:
        message = decode_kad(raw)
    except RemoteProtocolError:
        return
    assert decode_kad(encode_kad(message)) == message
    assert len(message.closer) <= PEERS_MAX


@given(st.lists(st.tuples(st.binary(max_size=70), st.lists(st.binary(max_size=40), max_size=4))))
def test_any_lists_of_peers_become_usable_ones_or_a_fault(lists):
    pb = MessagePb(type="FIND_NODE")
    for id, raws in lists:
        pb.closerPeers.add(id=id, addrs=raws)
    try:
        message = decode_kad(pb.SerializeToString())
    except RemoteProtocolError:
        assert len(lists) > PEERS_MAX
        return
    assert len({peer.peer for peer in message.closer}) == len(message.closer)


@given(addresses, peers)
def test_an_address_survives_the_wire_and_losing_its_peer(address, peer):
    raw = multiaddr_bytes(address)
    assert multiaddr_text(raw) == address
    assert without_peer(f"{address}/p2p/{peer}", peer) == address


@given(st.binary(max_size=40) | addresses.map(multiaddr_bytes), st.data())
def test_multiaddr_bytes_that_are_accepted_are_the_only_ones_for_their_text(raw, data):
    if raw and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:at] + data.draw(st.binary(max_size=2)) + raw[at + 1 :]
    try:
        text = multiaddr_text(raw)
    except RemoteProtocolError:
        return
    assert multiaddr_bytes(text) == raw
