"""Reading: what the person at this device has read, whom that is told, and drafts.

A mark is a place in the talk chain of one device of an author, and only ever moves on; what is kept
of it is the highest, so that it does not matter in which order marks come. Nobody is told of it
unless the person wants that: then the receipt for that device says it, too (`protocol.receipts`),
as long as that device may read the conversation itself. In rooms whose members nobody chose, it is
told only where it was asked for that very room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from p2pchat.errors import InvalidText, MessageTooLarge, P2PChatError, UnknownConversation
from p2pchat.events import ConversationRead
from p2pchat.model.change import PutDraft, PutReadMark, PutSetting, SetTelling
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Reply
from p2pchat.model.snapshot import ReadingSnapshot
from p2pchat.protocol.machine import Effect, Emit, Persist
from p2pchat.protocol.reading_vocabulary import KeepDraft, MarkRead, ReadingCommand, TellReading
from p2pchat.protocol.state import Conversation, State

__all__ = ["Reading"]

SETTING = "read_receipts"


class Reading:
    """Marks, whom they are told, and drafts."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.is_told = False
        """Whether those who write are told, where nothing else was said of a conversation."""
        self._choices: dict[ConversationId, bool] = {}
        self._marks: dict[DeviceId, dict[ConversationId, int]] = {}
        self.drafts: dict[ConversationId, str] = {}

    def restore(self, kept: ReadingSnapshot, settings: Mapping[str, bytes]) -> None:
        """As of the last commit."""
        self.is_told = bool(settings.get(SETTING))
        for mark in kept.marks:
            self._marks.setdefault(mark.device, {})[mark.conversation] = mark.below
        self._choices = {
            row.conversation: row.is_on for row in kept.telling if row.is_on is not None
        }
        self.drafts = {row.conversation: row.text for row in kept.drafts}

    def handle(self, command: ReadingCommand) -> tuple[list[Effect], list[DeviceId]]:
        """What is decided, and the devices that are to hear in the conversation how far it was
        read."""
        id = command.conversation
        if id is not None and id not in self._state.conversations:
            error = UnknownConversation("no conversation has this id; see `contacts` and `rooms`")
            return [Reply(command.id, error=error)], []
        match command:
            case MarkRead():
                return self._mark(command)
            case TellReading():
                changes, authors = self._tell(command)
            case KeepDraft(_, id, text):
                error = self._bad(text)
                if error is not None:
                    return [Reply(command.id, error=error)], []
                changes, authors = self.keep(id, text), []
        return [*changes, Reply(command.id)], authors

    def tells(self, conversation: Conversation) -> bool:
        """Whether those who write in a conversation are told what was read."""
        return self._choices.get(conversation.id, self.is_told and not conversation.is_unruled)

    def chosen(self, id: ConversationId) -> bool | None:
        """What was said of a conversation alone."""
        return self._choices.get(id)

    def told(self, conversation: Conversation, author: DeviceId) -> int:
        """Below which place an author's talk was read, if that is told: who was put out of a room,
        is no contact any more or is in doubt has no business knowing when somebody reads."""
        below = self._marks.get(author, {}).get(conversation.id, 0)
        if not below or not self.tells(conversation):
            return 0
        return below if self._state.may_read(conversation, author) else 0

    def marked(self, author: DeviceId) -> list[Conversation]:
        """Where an author is told how far it was read."""
        known = (self._state.conversations.get(id) for id in self._marks.get(author, {}))
        return [one for one in known if one is not None and self.told(one, author)]

    def keep(self, id: ConversationId, text: str) -> list[Effect]:
        """A draft is this now; nothing to do where it was before."""
        if self.drafts.get(id, "") == text:
            return []
        self.drafts.pop(id, None)
        if text:
            self.drafts[id] = text
        return [Persist(PutDraft(id, text))]

    def forget(self, id: ConversationId) -> None:
        """A conversation is left."""
        self._choices.pop(id, None)
        self.drafts.pop(id, None)
        for marks in self._marks.values():
            marks.pop(id, None)

    def _mark(self, command: MarkRead) -> tuple[list[Effect], list[DeviceId]]:
        news = list(self._news(command.marks))
        for mark in news:
            self._marks.setdefault(mark.device, {})[mark.conversation] = mark.below
        effects: list[Effect] = [Persist(mark) for mark in news]
        effects += [Emit(ConversationRead(command.conversation))] if news else []
        conversation = self._state.conversations[command.conversation]
        authors = [mark.device for mark in news if self.told(conversation, mark.device)]
        return [*effects, Reply(command.id)], authors

    def _news(self, marks: Iterable[PutReadMark]) -> Iterable[PutReadMark]:
        for mark in marks:
            if mark.below > self._marks.get(mark.device, {}).get(mark.conversation, 0):
                yield mark

    def _tell(self, command: TellReading) -> tuple[list[Effect], list[DeviceId]]:
        id, is_on = command.conversation, command.is_on
        if id is None:
            self.is_told = bool(is_on)
            return [Persist(PutSetting(SETTING, b"on" if is_on else b""))], []
        self._choices.pop(id, None)
        if is_on is not None:
            self._choices[id] = is_on
        conversation = self._state.conversations[id]
        authors = [device for device in self._marks if self.told(conversation, device)]
        return [Persist(SetTelling(id, is_on))], authors

    def _bad(self, text: str) -> P2PChatError | None:
        most = self._state.limits.text_bytes_max
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            return InvalidText("the text holds half a surrogate pair; take that character out")
        if size <= most:
            return None
        return MessageTooLarge(f"a text has at most {most} bytes of UTF-8; send it in parts")
