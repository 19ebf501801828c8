"""The chat in a terminal as a value: which conversations there are, which one is open, what is seen
of it.

Everything that happens gives another value; nothing here knows a terminal, a clock or the network.
Unread is what came since the program began: what was read on another day is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.wire.links import LINK_SCHEME

__all__ = ["ALARMS_MAX", "HELD_MESSAGES_MAX", "PAGE_MESSAGES", "Chat", "Place"]

PAGE_MESSAGES = 50
HELD_MESSAGES_MAX = 2_000
"""Of the open conversation; the disk has the others."""
ALARMS_MAX = 5
"""The latest; the window is for messages."""


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation in the list."""

    id: ConversationId
    name: str
    kind: str
    """What it is: a contact, one who was asked, or a kind of room."""
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Chat:
    """What a person has before them."""

    me: AccountId
    places: tuple[Place, ...] = ()
    open: ConversationId | None = None
    messages: tuple[Message, ...] = ()
    """Of the open one, oldest first."""
    has_earlier: bool = False
    """Whether the disk has messages before these."""
    back: int = 0
    """How many lines of the newest are scrolled out of sight."""
    notes: tuple[str, ...] = ()
    """What the last command said; the next one takes it away."""
    progress: str = ""
    """How far the start, or the network, is."""
    requests: tuple[str, ...] = ()
    """Accounts and rooms that wait for our word."""
    alarms: tuple[str, ...] = ()
    """What somebody should know before they write on; they stay until the person has seen them."""

    @property
    def place(self) -> Place | None:
        """The open conversation."""
        return next((one for one in self.places if one.id == self.open), None)

    @property
    def shows_link(self) -> bool:
        """Whether there is something to be copied whole, beside which nothing else stands."""
        return any(note.startswith(LINK_SCHEME) for note in self.notes)

    @property
    def unread(self) -> int:
        """In all conversations."""
        return sum(place.unread for place in self.places)

    def listing(self, places: Sequence[Place]) -> Chat:
        """These are the conversations now; one that is gone is closed."""
        known = {place.id: place.unread for place in self.places}
        listed = tuple(replace(place, unread=known.get(place.id, 0)) for place in places)
        changed = replace(self, places=listed)
        return changed if changed.place is not None else changed.closed()

    def opened(self, id: ConversationId, page: Sequence[Message]) -> Chat:
        """One is open, from its newest page on."""
        places = tuple(replace(one, unread=0) if one.id == id else one for one in self.places)
        return replace(
            self,
            places=places,
            open=id,
            messages=tuple(page),
            has_earlier=len(page) >= PAGE_MESSAGES,
            back=0,
            notes=(),
        )

    def closed(self) -> Chat:
        """None is."""
        return replace(self, open=None, messages=(), has_earlier=False, back=0)

    def said(self, message: Message) -> Chat:
        """A message is on disk, ours or somebody else's."""
        if message.conversation != self.open:
            places = (_more(one) if one.id == message.conversation else one for one in self.places)
            return replace(self, places=tuple(places))
        if any(message.id == known.id for known in self.messages):
            return self
        messages = (*self.messages, message)
        return replace(
            self,
            messages=messages[-HELD_MESSAGES_MAX:],
            has_earlier=self.has_earlier or len(messages) > HELD_MESSAGES_MAX,
        )

    def moved(self, id: OpId, state: MessageState) -> Chat:
        """A message of ours came further."""
        messages = (
            replace(message, state=state) if message.id == id else message
            for message in self.messages
        )
        return replace(self, messages=tuple(messages))

    def earlier(self, page: Sequence[Message]) -> Chat:
        """Messages before those that are seen, as far as there is room for them; none is left when
        there is no whole page."""
        room = HELD_MESSAGES_MAX - len(self.messages)
        taken = tuple(page)[max(0, len(page) - room) :]
        return replace(
            self,
            messages=(*taken, *self.messages),
            has_earlier=len(page) >= PAGE_MESSAGES or len(taken) < len(page),
        )

    def noted(self, *lines: str) -> Chat:
        """A command said something."""
        return replace(self, notes=lines)

    def warned(self, line: str) -> Chat:
        """Something is not as it should be; said once, however often it happens."""
        others = (alarm for alarm in self.alarms if alarm != line)
        return replace(self, alarms=(*others, line)[-ALARMS_MAX:])

    def heeded(self) -> Chat:
        """The person has seen what there is to be warned of."""
        return replace(self, alarms=())

    def scrolled(self, back: int) -> Chat:
        """So many lines are below what is seen."""
        return replace(self, back=max(0, back))

    def next_unread(self) -> Place | None:
        """The conversation after the open one that has something unread, else the one after it."""
        at = next((n for n, place in enumerate(self.places) if place.id == self.open), -1)
        others = [*self.places[at + 1 :], *self.places[: max(at, 0)]]
        return next((one for one in others if one.unread), others[0] if others else None)


def _more(place: Place) -> Place:
    return replace(place, unread=place.unread + 1)
