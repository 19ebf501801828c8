"""What an export holds: the state of a home as records, in the order in which they are written.

    Manifest, ArchivedIdentity, then contacts, conversations and the rest, then every op, then End

Ratchets, keys of devices and what was on its way are not among them: a home made from an export is
a new device of the same account.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.change import (
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutName,
    PutPeer,
    PutProfile,
    PutReceipt,
    PutSetting,
    PutTrust,
    SetFloor,
)
from p2pchat.model.op import Op

__all__ = ["ArchivedIdentity", "ArchivedOp", "End", "Manifest", "Record"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """How much is to come."""

    created_ms: int
    ops: int


@dataclass(frozen=True, slots=True)
class ArchivedIdentity:
    """The account: its Ed25519 seed, and the name chosen at the first start."""

    account_seed: bytes = field(repr=False)
    name: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class ArchivedOp:
    """An op with what the home knew of it."""

    op: Op
    received_ms: int
    sort_key: int
    is_shown: bool
    """Whether it is a message in the history, or changes one."""
    is_delivered: bool
    """Of our own: whether it had reached everybody."""


@dataclass(frozen=True, slots=True)
class End:
    """So many ops were written."""

    ops: int


Record = (
    Manifest
    | ArchivedIdentity
    | PutContact
    | PutName
    | PutProfile
    | PutTrust
    | PutDeviceSet
    | PutConversation
    | SetFloor
    | ArchivedOp
    | PutReceipt
    | PutBlock
    | PutSetting
    | PutPeer
    | End
)
