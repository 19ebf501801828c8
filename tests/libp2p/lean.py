"""Connections to try the lean transport on: in memory and over loopback, lean and stock."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from libp2p.abc import IMuxedConn, IMuxedStream, IRawConnection, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair, PrivateKey, PublicKey
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as StockNoise
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamReset
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr
from trio.testing import MockClock

from p2pchat.net.libp2p.noise import LeanNoise
from p2pchat.net.libp2p.upgrader import LeanUpgrader
from p2pchat.net.libp2p.yamux import LeanYamux
from p2pchat.net.libp2p.yamux_frames import Kind, encode_header
from p2pchat.net.libp2p.yamux_session import YamuxLimits

ALICE = create_new_key_pair(b"alice".ljust(32))
BOB = create_new_key_pair(b"bob".ljust(32))
STORY_S_MAX = 110.0

UPDATE = Kind.WINDOW_UPDATE
GO_AWAY = encode_header(Kind.GO_AWAY, 0, 0, 0)
PROTOCOL_ERROR = encode_header(Kind.GO_AWAY, 0, 0, 1)


async def expect(error, call, *args) -> None:
    """Wait for a call that fails."""
    with pytest.raises(error):
        await call(*args)


def peer_of(keys: KeyPair) -> ID:
    return ID.from_pubkey(keys.public_key)


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story on the real clock, within a bound that only a hang exceeds."""

    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(main)


def play_fast(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story in memory, where waiting takes no time."""

    async def main() -> None:
        with trio.fail_after(3600 * 24):
            await story()

    trio.run(main, clock=MockClock(autojump_threshold=0))


class Pipe(IRawConnection):
    """A trio stream as py-libp2p's raw connection: `read`, `write`, `close` and no more."""

    def __init__(self, stream: trio.abc.Stream, *, initiator: bool) -> None:
        self.stream = stream
        self.is_initiator = initiator

    async def read(self, n: int | None = None) -> bytes:
        return bytes(await self.stream.receive_some(n))

    async def write(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def close(self) -> None:
        await self.stream.aclose()

    def get_remote_address(self) -> tuple[str, int] | None:
        return None

    def get_transport_addresses(self) -> list[Multiaddr]:
        return []

    def get_connection_type(self) -> ConnectionType:
        return ConnectionType.RELAYED


class Plain(Pipe, ISecureConn):
    """A pipe that claims to be secure, so that a test can read and write Yamux frames."""

    async def read(self, n: int | None = None) -> bytes:
        try:
            data = await super().read(n)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError(str(error)) from error
        if not data:
            raise ConnectionClosedError("the end")
        return data

    async def write(self, data: bytes) -> None:
        try:
            await super().write(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionClosedError(str(error)) from error

    def get_local_peer(self) -> ID:
        return peer_of(ALICE)

    def get_local_private_key(self) -> PrivateKey:
        return ALICE.private_key

    def get_remote_peer(self) -> ID:
        return peer_of(BOB)

    def get_remote_public_key(self) -> PublicKey:
        return BOB.public_key


Pair = tuple[trio.abc.Stream, trio.abc.Stream]


@asynccontextmanager
async def running(*several: IMuxedConn) -> AsyncGenerator[trio.Nursery]:
    """Run connections; whatever the test leaves of them is cancelled."""
    async with trio.open_nursery() as nursery:
        for muxed in several:
            nursery.start_soon(muxed.start)
            await muxed.event_started.wait()
        yield nursery
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def yamux_pair(
    pipes: Pair | None = None, limits: YamuxLimits | None = None
) -> AsyncGenerator[tuple[LeanYamux, LeanYamux]]:
    """Two lean ends of one connection in memory; `limits` are the second's."""
    ours, theirs = pipes or trio.testing.memory_stream_pair()
    alice = LeanYamux(Plain(ours, initiator=True), peer_of(BOB))
    bob = LeanYamux(Plain(theirs, initiator=False), peer_of(ALICE), limits)
    async with running(alice, bob):
        yield alice, bob


@asynccontextmanager
async def yamux_and_wire(
    pipes: Pair | None = None,
) -> AsyncGenerator[tuple[LeanYamux, trio.abc.Stream, trio.Nursery]]:
    """A lean end that did not dial, and the bare pipe of its peer."""
    ours, wire = pipes or trio.testing.memory_stream_pair()
    muxed = LeanYamux(Plain(ours, initiator=False), peer_of(BOB))
    async with running(muxed) as nursery:
        yield muxed, wire, nursery


def make_upgrader(kind: str, keys: KeyPair) -> TransportUpgrader:
    match kind:
        case "lean":
            return LeanUpgrader(keys)
        case "stock":
            noise = make_noise(StockNoise, keys)
            return TransportUpgrader({NOISE: noise}, {TProtocol(YAMUX): Yamux})
        case _:
            raise ValueError(kind)


def make_noise(transport: type[StockNoise], keys: KeyPair) -> StockNoise:
    return transport(keys, create_noise_key_pair().private_key)


async def secure(
    dialler: IRawConnection, listener: IRawConnection, *kinds: type[StockNoise]
) -> tuple[ISecureConn, ISecureConn]:
    """The two ends after a Noise handshake between alice, who dials, and bob."""
    ours, theirs = kinds or (LeanNoise, LeanNoise)
    ends = dict[str, ISecureConn]()

    async def listen() -> None:
        ends["bob"] = await make_noise(theirs, BOB).secure_inbound(listener)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        ends["alice"] = await make_noise(ours, ALICE).secure_outbound(dialler, peer_of(BOB))
    return ends["alice"], ends["bob"]


async def upgrade(
    kinds: tuple[str, str], dialler: IRawConnection, listener: IRawConnection
) -> tuple[IMuxedConn, IMuxedConn]:
    """The two ends after all negotiation between alice, who dials, and bob."""
    ends = dict[str, IMuxedConn]()

    async def rise(name: str, upgrader: TransportUpgrader, raw: IRawConnection) -> None:
        peer = peer_of(BOB) if raw.is_initiator else None
        secured = await upgrader.upgrade_security(raw, raw.is_initiator, peer)
        ends[name] = await upgrader.upgrade_connection(secured, secured.get_remote_peer())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(rise, "alice", make_upgrader(kinds[0], ALICE), dialler)
        nursery.start_soon(rise, "bob", make_upgrader(kinds[1], BOB), listener)
    return ends["alice"], ends["bob"]


async def sockets() -> tuple[trio.SocketStream, trio.SocketStream]:
    """Both ends of one TCP connection on loopback."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        host, port = listener.socket.getsockname()
        dialled = await trio.open_tcp_stream(host, port)
        return dialled, await listener.accept()


@asynccontextmanager
async def tcp_pair(kinds: tuple[str, str]) -> AsyncGenerator[tuple[IMuxedConn, IMuxedConn]]:
    """Two ends of one TCP connection, each lean or stock; alice dials."""
    ours, theirs = await sockets()
    with ours.socket, theirs.socket:
        alice, bob = await upgrade(
            kinds,
            RawConnection(TrioTCPStream(ours), initiator=True),
            RawConnection(TrioTCPStream(theirs), initiator=False),
        )
        async with running(alice, bob):
            yield alice, bob
            await alice.close()
            await bob.close()


async def stream_pair(
    opener: IMuxedConn, acceptor: IMuxedConn
) -> tuple[IMuxedStream, IMuxedStream]:
    ours = await opener.open_stream()
    return ours, await acceptor.accept_stream()


async def read_to_end(stream: IMuxedStream, n: int | None = None) -> bytes:
    received = bytearray()
    try:
        while True:
            received += await stream.read(n)
    except MuxedStreamEOF:
        return bytes(received)


async def read_to_reset(stream: IMuxedStream) -> bytes:
    received = bytearray()
    try:
        while True:
            received += await stream.read(10_000)
    except MuxedStreamReset:
        return bytes(received)
