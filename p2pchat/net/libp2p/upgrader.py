"""From a raw connection to a multiplexed one, with our Yamux at the top.

py-libp2p's `MuxerMultistream.new_conn` builds its own `Yamux` whatever class it was given for
`/yamux/1.0.0`, so the choice is made here, after the same negotiation.
"""

from __future__ import annotations

from libp2p.abc import IMuxedConn, IRawConnection, ISecureConn
from libp2p.crypto.keys import KeyPair
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # has none
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.transport.exceptions import (
    MuxerUpgradeFailure,
    SecurityUpgradeFailure,
    UpgradeFailure,
)
from libp2p.transport.upgrader import TransportUpgrader

from p2pchat.net.libp2p.noise import LeanNoise
from p2pchat.net.libp2p.yamux import LeanYamux
from p2pchat.net.libp2p.yamux_session import YamuxLimits
from p2pchat.net.libp2p.yamux_table import Unread

__all__ = ["LeanUpgrader"]

_GARBAGE = (BaseLibp2pError, ValueError)
"""What negotiation makes of bytes that are none; undecodable text is a `ValueError`."""


class LeanUpgrader(TransportUpgrader):
    """Noise and Yamux only, both lean; `key_pair` is the host's identity, `unread` what its
    connections may hold together."""

    def __init__(
        self, key_pair: KeyPair, limits: YamuxLimits | None = None, unread: Unread | None = None
    ) -> None:
        noise = LeanNoise(key_pair, noise_privkey=create_new_key_pair().private_key)
        super().__init__({NOISE: noise}, {TProtocol(YAMUX): LeanYamux})
        self._limits = limits
        self._unread = unread

    async def upgrade_security(
        self, raw_conn: IRawConnection, is_initiator: bool, peer_id: ID | None = None
    ) -> ISecureConn:
        """Negotiate Noise and shake hands. Raises `SecurityUpgradeFailure`."""
        try:
            return await super().upgrade_security(raw_conn, is_initiator, peer_id)
        except UpgradeFailure:
            raise
        except _GARBAGE as error:
            raise SecurityUpgradeFailure(f"no security agreed on: {error}") from error

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        """Negotiate Yamux. Raises `MuxerUpgradeFailure`."""
        try:
            await self.muxer_multistream.select_transport(conn)
        except _GARBAGE as error:
            raise MuxerUpgradeFailure(f"no multiplexer agreed on: {error}") from error
        return LeanYamux(conn, peer_id, self._limits, self._unread)
