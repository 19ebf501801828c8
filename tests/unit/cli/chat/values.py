"""People and messages for tests of the chat in a terminal."""

from __future__ import annotations

from hashlib import sha256
from itertools import count

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message, MessageState

ME, THEM = AccountId(bytes(32)), AccountId(b"\x01" * 32)
BOB, LOUNGE = ConversationId(b"\x02" * 32), ConversationId(b"\x03" * 32)
NOON_MS = 1_700_000_000_000
_numbers = count()


def message(text, conversation=BOB, *, author=THEM, state=MessageState.DELIVERED, at=NOON_MS):
    """One that is like no other."""
    return Message(
        id=OpId(sha256(str(next(_numbers)).encode()).digest()),
        conversation=conversation,
        author=author,
        author_name="Alice" if author == ME else "Bob",
        type="text",
        text=text,
        sent_at=at,
        received_at=at,
        state=state,
        reply_to=None,
        signature=b"",
    )
