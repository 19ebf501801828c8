"""What was read: the choices and answers about it that commands and JSON-RPC share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import InvalidText
from p2pchat.model.ids import ConversationId

__all__ = ["TOLD", "ReadReceipts", "Unread", "set_read_receipts"]


TOLD = {
    True: "Others are told what you have read.",
    False: "Nobody is told what you have read.",
}


class ReadReceipts(StrEnum):
    """Whether others are told what we have read."""

    ON = "on"
    OFF = "off"
    USUAL = "usual"
    """Of one conversation: as it is everywhere."""


@dataclass(frozen=True, slots=True)
class Unread:
    """So many messages of others in a conversation; 1,000 means as many or more."""

    conversation: ConversationId
    count: int


async def set_read_receipts(where: Client | Contact | Room, value: ReadReceipts) -> None:
    """Choose, for one conversation or all. Raises `InvalidText` for what says nothing of all."""
    is_on = None if value is ReadReceipts.USUAL else value is ReadReceipts.ON
    if not isinstance(where, Client):
        await where.set_read_receipts(is_on)
    elif is_on is None:
        raise InvalidText("`usual` is about one conversation: name it, or say on or off")
    else:
        await where.set_read_receipts(is_on)
