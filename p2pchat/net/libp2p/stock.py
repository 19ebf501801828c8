"""py-libp2p's own Noise and Yamux, made safe to cancel and to close.

A write of theirs that is cancelled halfway has used a nonce, or left half a frame on the wire: the
whole connection is lost because one stream gave up. Here each frame is written to the end whatever
happens to the task, and a connection that does not take one in time is closed. And a connection
that ends takes along what had arrived and was not read yet; here it can be read.

py-libp2p's muxer negotiation builds its own `Yamux` whatever class it was given, so the class is
chosen after the same negotiation.
"""

from __future__ import annotations

import struct

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # it has none
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux, YamuxStream
from libp2p.transport.upgrader import TransportUpgrader

__all__ = ["StockUpgrader", "StockYamux"]

WRITE_TIMEOUT_S = 10.0
WINDOW_POLL_S = 0.01

_PING = struct.pack("!BBHII", 0, 2, 1, 0, 0)
"""Version 0, type ping, flag SYN: every Yamux answers it at once."""


class StockYamux(Yamux):
    """Yamux whose frames reach the wire whole, and who keeps what arrived before the end."""

    def __init__(self, conn: ISecureConn, peer_id: ID) -> None:
        super().__init__(conn, peer_id, is_initiator=conn.is_initiator)
        self._late: dict[int, bytearray] = {}
        self._finished: set[int] = set()

    def read_late(self, stream: YamuxStream, max_bytes: int | None) -> bytes | None:
        """What `stream` still has after reading it failed: bytes, `b""` for its end, else None."""
        if late := self._late.get(stream.stream_id):
            data = bytes(late[:max_bytes])
            del late[:max_bytes]
            return data
        finished = stream.recv_closed and not self.event_shutting_down.is_set()
        return b"" if finished or stream.stream_id in self._finished else None

    async def ping(self) -> None:
        """Send something that has to be answered."""
        await self._write_frame(_PING)

    async def write_patiently(self, stream: YamuxStream, data: bytes) -> None:
        """Write all of `data`, however slowly it is read; theirs gives up after five seconds."""
        sent = 0
        while sent < len(data):
            while stream.send_window <= 0 and not stream.closed:  # noqa: ASYNC110 - no event
                await trio.sleep(WINDOW_POLL_S)
            piece = data[sent : sent + max(stream.send_window, 1)]
            await stream.write(piece)
            sent += len(piece)

    async def _cleanup_on_error(self) -> None:
        """Theirs forgets what nobody has read yet, and who had finished."""
        streams = self.streams.values()
        self._finished |= {stream.stream_id for stream in streams if stream.recv_closed}
        for stream_id, buffer in self.stream_buffers.items():
            if buffer:
                self._late[stream_id] = bytearray(buffer)
                buffer.clear()
        await super()._cleanup_on_error()

    async def _write_frame(self, data: bytes) -> None:
        with trio.move_on_after(WRITE_TIMEOUT_S, shield=True) as patience:
            await super()._write_frame(data)
        if patience.cancelled_caught:
            self.event_shutting_down.set()
            await self.secured_conn.close()
            raise ConnectionClosedError("the peer takes nothing any more")


class StockUpgrader(TransportUpgrader):
    """Only Noise, which authenticates, and only Yamux: by default there would be plaintext too."""

    def __init__(self, keys: KeyPair) -> None:
        noise = Noise(keys, noise_privkey=create_new_key_pair().private_key)
        super().__init__({TProtocol(NOISE): noise}, {TProtocol(YAMUX): StockYamux})

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        await self.muxer_multistream.select_transport(conn)
        return StockYamux(conn, peer_id)
