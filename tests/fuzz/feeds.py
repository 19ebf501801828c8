"""Decoders that read from streams and files, as functions of bytes."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio
from libp2p.abc import ISecureConn
from libp2p.security.exceptions import HandshakeFailure
from libp2p.stream_muxer.exceptions import MuxedStreamEOF
from noise.connection import Keypair, NoiseConnection
from trio.testing import memory_stream_pair

from p2pchat.config import edited_config, load_client_config, load_relay_config
from p2pchat.monitoring.http import PageServer
from p2pchat.net.libp2p.identify import protocols_of, read_identify
from p2pchat.net.libp2p.negotiation import NotServed, answer, propose
from p2pchat.net.libp2p.noise import LeanNoise
from p2pchat.net.libp2p.noise_packets import PacketOpener
from p2pchat.net.libp2p.relay_messages import M, read_message
from p2pchat.net.libp2p.yamux_frames import FrameReader
from p2pchat.net.libp2p.yamux_session import Session, YamuxLimits
from p2pchat.store.key_file import read_identity_file
from p2pchat.store.relay_home import PeerFile
from p2pchat.wire.framing import FrameParser
from tests.libp2p.lean import ALICE, BOB, Pipe, make_noise, peer_of

PIECE_BYTES = 37
"""Streams bring what was written in pieces of any size."""
PATIENCE_S = 60.0
NOISE_BYTES_MAX = 60_000
NOISE = b"Noise_XX_25519_ChaChaPoly_SHA256"
YAMUX = YamuxLimits(inbound_streams_max=3, backlog_max=2, unread_bytes_max=300_000)


class Source:
    """A stream that brings these bytes in pieces, and then ends."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.muxed_conn = None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        size = min(max_bytes or PIECE_BYTES, PIECE_BYTES)
        piece, self._data = self._data[:size], self._data[size:]
        return piece

    async def read(self, n: int | None = None) -> bytes:
        if piece := await self.receive_some(n):
            return piece
        raise MuxedStreamEOF

    async def write(self, data: bytes) -> None:
        """Nobody listens."""

    def unread(self, data: bytes) -> None:
        self._data = data + self._data


def run(story: Callable[[], Awaitable[object]]) -> None:
    async def main() -> None:
        with trio.fail_after(PATIENCE_S):
            await story()

    trio.run(main)


def relay_message(make: Callable[[], M], raw: bytes) -> None:
    run(lambda: read_message(Source(raw), make()))


def identify(raw: bytes) -> None:
    async def heard() -> None:
        message = await read_identify(Source(raw), 32_768)
        assert all(isinstance(one, str) for one in protocols_of(message, 64))

    run(heard)


def proposals(raw: bytes) -> None:
    """What who opened a stream says."""
    run(lambda: answer(Source(raw), lambda protocol: protocol == "/test"))


def answers(raw: bytes) -> None:
    """What comes to our proposals."""
    with suppress(NotServed):
        run(lambda: propose(Source(raw), ["/other", "/test"]))


def frames(raw: bytes) -> None:
    parser = FrameParser(300)
    for at in range(0, len(raw), PIECE_BYTES):
        assert all(len(body) <= 300 for body in parser.feed(raw[at : at + PIECE_BYTES]))


def yamux_frames(raw: bytes) -> None:
    reader = FrameReader()
    for at in range(0, len(raw), PIECE_BYTES):
        list(reader.feed(raw[at : at + PIECE_BYTES]))


def yamux_session(raw: bytes) -> None:
    session = Session(initiator=True, limits=YAMUX)
    session.open()
    for at in range(0, len(raw), PIECE_BYTES):
        list(session.receive(raw[at : at + PIECE_BYTES], 0.0))
        session.take()
    assert session.table.unread <= YAMUX.unread_bytes_max


def noise_packets(raw: bytes) -> None:
    opener = PacketOpener(bytes(32))
    for at in range(0, len(raw), PIECE_BYTES):
        opener.feed(raw[at : at + PIECE_BYTES])
        while opener.next() is not None:
            pass


def noise_handshake(raw: bytes) -> None:
    """A stranger who sends this in place of a handshake."""
    noise = make_noise(LeanNoise, BOB)
    run(lambda: _meet(partial(noise.secure_outbound, peer_id=peer_of(ALICE)), raw))
    run(lambda: _meet(noise.secure_inbound, raw))


async def _meet(secure: Callable[[Pipe], Awaitable[ISecureConn]], raw: bytes) -> None:
    ours, theirs = memory_stream_pair()
    await theirs.send_all(raw)
    await theirs.aclose()
    await secure(Pipe(ours, initiator=False))


def noise_payload(raw: bytes) -> None:
    """A peer that keeps to Noise, and says this about itself."""
    run(lambda: _introduce(raw))


async def _introduce(raw: bytes) -> None:
    ours, theirs = memory_stream_pair()
    noise = NoiseConnection.from_name(NOISE)
    noise.set_as_initiator()
    noise.set_keypair_from_private_bytes(Keypair.STATIC, bytes(range(32)))
    noise.start_handshake()

    async def say() -> None:
        await theirs.send_all(_packet(noise.write_message(b"")))
        reply = b""
        while len(reply) < 2 or len(reply) < 2 + int.from_bytes(reply[:2], "big"):
            reply += await theirs.receive_some()
        noise.read_message(reply[2:])
        await theirs.send_all(_packet(noise.write_message(raw[:NOISE_BYTES_MAX])))

    secure = make_noise(LeanNoise, BOB).secure_inbound
    async with trio.open_nursery() as nursery:
        nursery.start_soon(say)
        with suppress(HandshakeFailure):  # that, or it is somebody after all
            await secure(Pipe(ours, initiator=False))


def _packet(sealed: bytes) -> bytes:
    return len(sealed).to_bytes(2, "big") + sealed


def http(raw: bytes) -> None:
    """Somebody asks for the pages of a relay's operator."""

    async def story() -> None:
        ours, theirs = memory_stream_pair()
        await theirs.send_all(raw)
        await theirs.send_eof()
        await PageServer({}).serve(ours)

    run(story)


def _as_file(use: Callable[[Path], object], raw: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(raw)
        file.flush()
        use(Path(file.name))


def changed_settings(words: str) -> None:
    """Somebody's file in which settings are changed."""
    for value in (None, True, ["b", "c"]):
        keys = ("fetch", "listen", "lan.name", "bootstrap_urls", "mailboxes.relays")
        edited_config(words, dict.fromkeys(keys, value), Path("config.toml"))


client_settings = partial(_as_file, load_client_config)
relay_settings = partial(_as_file, load_relay_config)
identity_file = partial(_as_file, read_identity_file)
peer_file = partial(_as_file, lambda path: PeerFile(path).rows)
