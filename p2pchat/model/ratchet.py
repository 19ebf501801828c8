"""What goes to disk of the ratchets: parts of the same transaction as what they sealed or opened.

A ratchet that is rolled back uses a key twice. So each step is on disk before its ciphertext
leaves, or with the ops that its ciphertext held; and no copy of a home ever holds one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import DeviceId

__all__ = [
    "SESSION_BYTES",
    "DropRatchet",
    "PutOlmAccount",
    "PutRatchet",
    "RatchetChange",
    "SpendSession",
]

SESSION_BYTES = 32


@dataclass(frozen=True, slots=True)
class PutOlmAccount:
    """This device's Olm account, pickled under a key of its own."""

    pickle: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutRatchet:
    """A session with another device, as it is after its newest step."""

    device: DeviceId
    session: bytes
    """Its id, 32 bytes, the same at both ends."""
    pickle: str = field(repr=False)
    counter: int
    """Messages that we sealed with it."""
    is_answered: bool
    """Something came back on it: the other side has it, too."""
    used_ms: int


@dataclass(frozen=True, slots=True)
class DropRatchet:
    """A session is used no more."""

    device: DeviceId
    session: bytes


@dataclass(frozen=True, slots=True)
class SpendSession:
    """A session that another device began with us: its first messages must not begin it again, as
    long as the fallback key lives that it was begun with."""

    session: bytes
    until_ms: int


RatchetChange = PutOlmAccount | PutRatchet | DropRatchet | SpendSession
