"""py-libp2p's own Noise and Yamux, made safe to cancel.

A write of theirs that is cancelled halfway has used a nonce, or left half a frame on the wire: the
whole connection is lost because one stream gave up. Here each frame is written to the end whatever
happens to the task, and a connection that does not take one in time is closed.

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
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.upgrader import TransportUpgrader

__all__ = ["StockUpgrader"]

WRITE_TIMEOUT_S = 10.0

_PING = struct.pack("!BBHII", 0, 2, 1, 0, 0)
"""Version 0, type ping, flag SYN: every Yamux answers it at once."""


class StockYamux(Yamux):
    """Yamux whose frames reach the wire whole."""

    async def ping(self) -> None:
        """Send something that has to be answered."""
        await self._write_frame(_PING)

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
        return StockYamux(conn, peer_id, is_initiator=conn.is_initiator)
