"""Inputs and effects about messages that change after they were said (`protocol.relations`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.op import Kind
from p2pchat.wire.relations import Relation

__all__ = ["ChangeMessage", "Look", "Looked", "Said"]


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """Say something about an earlier message, which is the caller's to have looked at; answered by
    None."""

    id: int
    conversation: ConversationId
    target: OpId
    relation: Relation = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """Who said what about a message since it was looked at last."""

    conversation: ConversationId
    target: OpId
    by: frozenset[tuple[AccountId, Kind]]


@dataclass(frozen=True, slots=True)
class Look:
    """Effect: read a message as it is shown now; it comes back as `Looked`."""

    said: Said


@dataclass(frozen=True, slots=True)
class Looked:
    """Input: the answer to a `Look`; None where no such message is here."""

    said: Said
    message: Message | None
