"""What reads bytes and text of strangers: one kind of error, whatever comes."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage
from libp2p.stream_muxer.exceptions import MuxedStreamEOF

from p2pchat.errors import RemoteProtocolError
from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.addresses import (
    Circuit,
    Endpoint,
    parse,
    parse_listen,
    read_multiaddr,
    relay_address,
    without_peer,
)
from p2pchat.net.libp2p.negotiation import NotServed, answer, propose
from p2pchat.net.libp2p.relay_messages import read_message
from p2pchat.wire.framing import frame

ALICE, BOB = (DeviceId(bytes([n]) * 32).peer_id for n in (1, 2))
HEADER = frame(b"/multistream/1.0.0\n")

PARTS = st.sampled_from(
    ["/ip4/127.0.0.1", "/ip6/::1", "/tcp/1", "/udp/1", "/p2p-circuit", f"/p2p/{ALICE}", "/ws", "/"]
)
ADDRESSES = st.one_of(st.text(), st.lists(PARTS).map("".join))


class Source:
    """A stream that is read in given pieces; what is written to it is kept."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.written = b""
        self.muxed_conn = None

    async def read(self, _n: int | None = None) -> bytes:
        if not self.pieces:
            raise MuxedStreamEOF
        return self.pieces.pop(0)

    async def write(self, data: bytes) -> None:
        self.written += data

    async def receive_some(self, max_bytes: int) -> bytes:
        return self.pieces.pop(0)[:max_bytes] if self.pieces else b""

    def unread(self, data: bytes) -> None:
        self.pieces.insert(0, data)


@given(ADDRESSES)
def test_an_address_is_read_or_is_a_value_error(text):
    for read in (
        lambda: parse(text, ALICE),
        lambda: parse_listen(text),
        lambda: without_peer(text),
    ):
        with suppress(ValueError):
            read()


@given(st.binary(max_size=100))
def test_a_binary_address_is_read_or_is_none(raw):
    text = read_multiaddr(raw)
    assert text is None or isinstance(parse(text, ALICE), Endpoint)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/ip4/1.2.3.4/tcp/5", Endpoint("1.2.3.4", 5)),
        (f"/ip4/1.2.3.4/tcp/5/p2p/{ALICE}", Endpoint("1.2.3.4", 5)),
        ("/ip6/::1/tcp/5", Endpoint("::1", 5)),
        (f"/ip4/1.2.3.4/tcp/5/p2p/{BOB}/p2p-circuit", Circuit(BOB, "/ip4/1.2.3.4/tcp/5")),
        (
            f"/ip4/1.2.3.4/tcp/5/p2p/{BOB}/p2p-circuit/p2p/{ALICE}",
            Circuit(BOB, "/ip4/1.2.3.4/tcp/5"),
        ),
        (f"/p2p/{BOB}/p2p-circuit/p2p/{ALICE}", Circuit(BOB, "")),
    ],
)
def test_addresses_are_taken_apart(text, meant):
    assert parse(text, ALICE) == meant


def test_a_circuit_through_a_circuit_is_refused():
    twice = relay_address(relay_address("/ip4/1.2.3.4/tcp/5", BOB), ALICE)
    with pytest.raises(ValueError, match="only TCP"):
        parse(twice, ALICE)


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_negotiation_reads_what_it_knows_or_calls_it_malformed(pieces):
    async def main() -> None:
        for negotiate in (
            lambda stream: answer(stream, lambda protocol: protocol == "/test"),
            lambda stream: propose(stream, ["/test"]),
        ):
            try:
                choice = await negotiate(Source(HEADER, *pieces))
            except (RemoteProtocolError, NotServed):
                continue
            assert choice.protocol == "/test"

    trio.run(main)


@given(st.binary(max_size=200), st.integers(1, 20))
def test_negotiation_hands_on_what_follows_however_it_is_cut(early, size):
    data = HEADER + frame(b"/none\n") + frame(b"/test\n") + early
    pieces = [data[start : start + size] for start in range(0, len(data), size)]

    async def main() -> None:
        source = Source(*pieces)
        choice = await answer(source, lambda protocol: protocol == "/test")
        assert source.written == HEADER + frame(b"na\n") + frame(b"/test\n")
        assert choice.early + b"".join(source.pieces) == early

    trio.run(main)


def test_only_so_many_protocols_may_be_proposed():
    async def main() -> None:
        with pytest.raises(RemoteProtocolError, match="over 32"):
            await answer(Source(HEADER + frame(b"/none\n") * 100), lambda _: False)

    trio.run(main)


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_a_relay_message_is_read_or_malformed(pieces):
    async def main() -> None:
        with suppress(RemoteProtocolError):
            await read_message(Source(*pieces), HopMessage())

    trio.run(main)


@given(st.binary(max_size=200), st.integers(1, 20))
def test_what_follows_a_relay_message_is_put_back(rest, size):
    data = frame(HopMessage(type=HopMessage.STATUS).SerializeToString()) + rest
    pieces = [data[start : start + size] for start in range(0, len(data), size)]

    async def main() -> None:
        source = Source(*pieces)
        message = await read_message(source, HopMessage())
        assert message.type == HopMessage.STATUS
        assert b"".join(source.pieces) == rest

    trio.run(main)
