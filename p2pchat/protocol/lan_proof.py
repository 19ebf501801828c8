"""The proof that both ends of a connection know the secret of a LAN; `/dchat/lan/1.0.0`.

    opener                     responder
       nonce  ───────────────▶
              ◀───────────────  nonce
       code   ───────────────▶  checks it
    checks it ◀───────────────  code

The codes name both peer ids, which the handshake has authenticated, in their roles, and both
nonces. So a code is of use on no other connection: whoever stands in between has a peer id of its
own, what one side said cannot be said back to it, and nothing recorded fits a new nonce. The opener
proves first: whoever merely listens on a port hears a code of those alone who dial it, and whoever
merely dials hears none at all.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, auto

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import PeerId
from p2pchat.wire.lan_codec import (
    PROOF_NONCE_BYTES,
    Role,
    decode_proof_mac,
    decode_proof_nonce,
    encode_proof_mac,
    encode_proof_nonce,
    proof_mac,
)

__all__ = ["LAN_PROTOCOL", "TRANSITIONS", "LanProof", "Meeting", "Stage"]

LAN_PROTOCOL = "/dchat/lan/1.0.0"


class Stage(Enum):
    """What a side waits for."""

    NONCE = auto()
    CODE = auto()
    PROVED = auto()


TRANSITIONS: dict[Stage, Stage] = {Stage.NONCE: Stage.CODE, Stage.CODE: Stage.PROVED}
"""Each frame takes a side one stage on; none is taken after the last."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two peers on a connection, by who opened the stream."""

    opener: PeerId
    responder: PeerId


class LanProof:
    """One side of one proof."""

    def __init__(self, key: bytes, meeting: Meeting, role: Role, nonce: bytes) -> None:
        assert len(nonce) == PROOF_NONCE_BYTES, "made for this proof alone"
        self._key = key
        self._peers = (meeting.opener, meeting.responder)
        self._role = role
        self._nonce = nonce
        self._nonces = b""
        self.stage = Stage.NONCE

    def start(self) -> bytes | None:
        """The frame to begin with; None for who waits."""
        return encode_proof_nonce(self._nonce) if self._role is Role.OPENER else None

    def handle(self, frame: bytes) -> bytes | None:
        """The frame that answers one of the other side, if one does.

        Raises `MalformedMessage`, and `BadSignature` when the other does not know the secret.
        """
        match self.stage:
            case Stage.NONCE:
                answer = self._met(decode_proof_nonce(frame))
            case Stage.CODE:
                answer = self._checked(decode_proof_mac(frame))
            case Stage.PROVED:
                raise MalformedMessage("a frame after the proof")
        self.stage = TRANSITIONS[self.stage]
        return answer

    def _met(self, other: bytes) -> bytes:
        if self._role is Role.RESPONDER:
            self._nonces = other + self._nonce
            return encode_proof_nonce(self._nonce)
        self._nonces = self._nonce + other
        return self._code()

    def _checked(self, mac: bytes) -> bytes | None:
        other = Role.RESPONDER if self._role is Role.OPENER else Role.OPENER
        expected = proof_mac(self._key, other, self._peers, self._nonces)
        if not hmac.compare_digest(expected, mac):
            raise BadSignature("the peer does not know the secret of this LAN")
        return self._code() if self._role is Role.RESPONDER else None

    def _code(self) -> bytes:
        return encode_proof_mac(proof_mac(self._key, self._role, self._peers, self._nonces))
