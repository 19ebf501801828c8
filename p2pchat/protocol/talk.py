"""Talk: what the user says, and says about what was said, becomes an op of ours.

Whether a message is there, and ours to change, is looked at before: it stands on disk. Others check
it again in any case, since a change counts only if its author wrote the message.
"""

from __future__ import annotations

from p2pchat.errors import (
    InvalidText,
    MessageTooLarge,
    P2PChatError,
    PermissionDenied,
    UnknownConversation,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Op
from p2pchat.protocol.contacts import BLOCKED, Contacts
from p2pchat.protocol.machine import Effect, SendText
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.reading import Reading
from p2pchat.protocol.relation_vocabulary import ChangeMessage
from p2pchat.protocol.rooms import Rooms
from p2pchat.protocol.state import LEFT, Conversation, State
from p2pchat.wire.contents import Text
from p2pchat.wire.relations import Edit

__all__ = ["Talk"]


class Talk:
    """Commands that write talk."""

    def __init__(
        self, state: State, contacts: Contacts, outbox: Outbox, rooms: Rooms, reading: Reading
    ) -> None:
        self._state = state
        self._contacts = contacts
        self._outbox = outbox
        self._rooms = rooms
        self._reading = reading

    def send(self, command: SendText, now: Now) -> list[Effect]:
        """Say something."""
        conversation = self._open(command.conversation)
        error = conversation if isinstance(conversation, P2PChatError) else self._bad(command.text)
        if isinstance(conversation, P2PChatError) or error is not None:
            return [Reply(command.id, error=error)]
        text = Text(command.text, command.reply_to)
        named = self._rooms.name_anew(conversation, now)
        op = self._state.author(conversation, text, now)
        effects = named + self._write(conversation, op, now)
        message = self._contacts.intake.consequences.message(op, text, now)
        effects += self._reading.keep(conversation.id, "")
        return [*effects, Reply(command.id, message)]

    def change(self, command: ChangeMessage, now: Now) -> list[Effect]:
        """Edit a message, take it back, or put an emoji to it."""
        conversation, relation = self._open(command.conversation), command.relation
        if isinstance(conversation, P2PChatError):
            return [Reply(command.id, error=conversation)]
        error = self._bad(relation.text) if isinstance(relation, Edit) else None
        if error is not None:
            return [Reply(command.id, error=error)]
        named = self._rooms.name_anew(conversation, now)
        op = self._state.author(conversation, relation, now, refers=command.target)
        return [*named, *self._write(conversation, op, now), Reply(command.id)]

    def _write(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        if conversation.other is None:
            return self._rooms.write(conversation, op, now)
        self._outbox.touch(conversation.id)
        return self._contacts.intake.apply(conversation, op, now)

    def _bad(self, text: str) -> P2PChatError | None:
        """What is wrong with a text."""
        most = self._state.limits.text_bytes_max
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return InvalidText("the text holds half a surrogate pair; take that character out")
        if size == 0:
            return InvalidText("the text is empty: say something")
        if size > most:
            return MessageTooLarge(f"a text has at most {most} bytes of UTF-8; send it in parts")
        return None

    def _open(self, id: ConversationId) -> Conversation | P2PChatError:
        """The conversation, if we may say something in it, or why not."""
        state = self._state
        conversation = state.conversations.get(id)
        if conversation is None:
            return UnknownConversation("no conversation has this id; see `contacts` and `rooms`")
        contact = state.contact_state(conversation.other)
        if contact in (ContactState.REQUEST, ContactState.REJECTED):
            return PermissionDenied("accept this contact first")
        if contact is ContactState.BLOCKED:
            return PermissionDenied(BLOCKED)
        doubt = self._contacts.trust.objection(conversation.other)
        if doubt is not None:
            return doubt
        if contact in LEFT:
            return PermissionDenied("you have removed this contact; add them again first")
        if not state.may_write(conversation):
            return PermissionDenied("you may read in this room only")
        return conversation
