"""The gate of a LAN with a secret: between private addresses nobody passes without the proof.

See `net.port.Gate`; `protocol.lan_proof` says what is proved. Configured peers and accepted
contacts pass without it, for the user has said who they are. They are offered it all the same,
since they may not know us.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from p2pchat.errors import StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.model.scope import Scope, scope_of
from p2pchat.net.frames import FrameReader
from p2pchat.net.port import Handler, Host, ProtocolId, Stream
from p2pchat.protocol.lan_proof import LAN_PROTOCOL, LanProof, Meeting, Stage
from p2pchat.wire.framing import frame
from p2pchat.wire.lan_codec import PROOF_BYTES_MAX, PROOF_NONCE_BYTES, Role

__all__ = ["LanGate", "offered"]

PROOF_TIMEOUT_S = 5.0
"""For a proof that is no part of an upgrade, which has a time-out of its own."""
PROVED_MAX = 1_024


class LanGate:
    """See `net.port.Gate`."""

    protocol: ProtocolId = LAN_PROTOCOL

    def __init__(
        self,
        own: PeerId,
        key: bytes,
        configured: frozenset[PeerId],
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self._own = own
        self.key = key
        """What the secret became."""
        self._token_bytes = token_bytes
        self.configured = configured
        """Peers that stand in the configuration; it may change."""
        self.is_contact: Callable[[PeerId], bool] = lambda _: False
        """Whether a peer is a device of an accepted contact; the node knows."""
        self.proved: dict[PeerId, None] = {}
        """Peers that have proved that they know the secret, the latest last."""

    def guards(self, address: str) -> bool:
        return scope_of(address) is not Scope.PUBLIC

    def knows(self, peer: PeerId) -> bool:
        return peer in self.configured or self.is_contact(peer)

    async def prove(self, stream: Stream) -> None:
        await self._run(stream, Meeting(self._own, stream.peer), Role.OPENER)

    async def answer(self, stream: Stream) -> None:
        await self._run(stream, Meeting(stream.peer, self._own), Role.RESPONDER)

    async def _run(self, stream: Stream, meeting: Meeting, role: Role) -> None:
        proof = LanProof(self.key, meeting, role, self._token_bytes(PROOF_NONCE_BYTES))
        frames = FrameReader(stream, PROOF_BYTES_MAX)
        said = proof.start()
        while True:
            if said is not None:
                await stream.send_all(frame(said))
            if proof.stage is Stage.PROVED:
                break
            said = proof.handle(await _next(frames))
        await stream.aclose()
        self._remember(stream.peer)

    def _remember(self, peer: PeerId) -> None:
        self.proved.pop(peer, None)
        self.proved[peer] = None
        if len(self.proved) > PROVED_MAX:
            del self.proved[next(iter(self.proved))]


def offered(gate: LanGate, host: Host) -> Handler:
    """The proof as a service, to peers that passed because we know them, and who do not know us.

    In bounded time, and on networks that are guarded alone: elsewhere strangers could guess at the
    secret.
    """

    async def answer(stream: Stream) -> None:
        origins = (one.addresses for one in host.peers if one.peer == stream.peer)
        if not any(map(gate.guards, next(origins, ()))):
            raise StreamReset("the proof of a LAN is asked for from outside")
        with trio.move_on_after(PROOF_TIMEOUT_S) as scope:
            await gate.answer(stream)
        if scope.cancelled_caught:
            raise StreamReset("the peer does not finish its proof")

    return answer


async def _next(frames: FrameReader) -> bytes:
    body = await frames.next()
    if body is None:
        raise StreamReset("the peer does not prove that it knows the secret of this LAN")
    return body
