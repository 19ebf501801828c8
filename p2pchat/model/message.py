"""A message as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.ids import AccountId, ConversationId, OpId

__all__ = ["Message", "MessageState"]


class MessageState(StrEnum):
    """How far one of our messages has come; a message of others is always `DELIVERED`.

    No message is `READ` or `FAILED` yet: nobody tells what was seen, and nothing is given up.
    """

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Message:
    """One text in a conversation. Times are milliseconds since the epoch; `sent_at` is the
    author's claim, `received_at` our own clock."""

    id: OpId
    conversation: ConversationId
    author: AccountId
    author_name: str
    type: str
    text: str
    sent_at: int
    received_at: int
    state: MessageState
    reply_to: OpId | None
    signature: bytes
    edited: bool = False
    deleted: bool = False
