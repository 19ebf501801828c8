"""How somebody shows that an invitation is theirs to use.

An invitation names a public key; who has the link has the private one, and signs with it which
account shall be let in by which invitation. What was signed for one account admits no other, so
whoever passes it on gains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.wire.envelope import Ed25519Signer, Purpose, verify

__all__ = ["KEY_BYTES", "PROOF_BYTES", "Join", "JoinRefused", "Refusal", "sign_join", "verify_join"]

KEY_BYTES = 32
"""Of an invitation's key, either half."""
PROOF_BYTES = 64


class Refusal(IntEnum):
    """Why a member does not let somebody in. A number never changes its meaning."""

    UNKNOWN = 1
    """This member knows of no such room or invitation, or says so."""
    EXPIRED = 2
    USED_UP = 3
    REVOKED = 4
    """It was taken back, or who gave it may invite no more."""
    EXCLUDED = 5
    """Somebody put this account out of the room."""
    FULL = 6
    OFTEN = 7
    """This account left the room as often as one may who comes by links."""


@dataclass(frozen=True, slots=True)
class Join:
    """Asks to be let in; the account is that of the device's hello."""

    conversation: ConversationId
    invite: OpId
    key: bytes
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """The answer, where it is no."""

    conversation: ConversationId
    invite: OpId
    reason: Refusal


def sign_join(seed: bytes, conversation: ConversationId, invite: OpId, account: AccountId) -> Join:
    """Ask for `account` with an invitation whose private key has this seed."""
    signer = Ed25519Signer(seed)
    proof = signer.sign(Purpose.JOIN, invite + account)
    return Join(conversation, invite, signer.public_key, proof)


def verify_join(key: bytes, invite: OpId, account: AccountId, proof: bytes) -> None:
    """Raise `BadSignature` unless who holds the key wants this account to be let in."""
    verify(key, Purpose.JOIN, invite + account, proof)
