"""The chat in a terminal as a value: which conversations there are, which one is open, what is seen
of it.

Everything that happens gives another value; nothing here knows a terminal, a clock or the network.
Unread is what the disk says; a conversation that is open is read as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.wire.links import LINK_SCHEME

__all__ = [
    "ALARMS_MAX",
    "HEARD_MAX",
    "HELD_MESSAGES_MAX",
    "PAGE_MESSAGES",
    "Alarm",
    "Chat",
    "Heard",
    "Place",
]

PAGE_MESSAGES = 50
HELD_MESSAGES_MAX = 2_000
"""Of the open conversation; the disk has the others."""
ALARMS_MAX = 64
"""That wait to be seen, one after the other."""
HEARD_MAX = 3
"""Things that others did since the last line was typed, of which one is told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation in the list."""

    id: ConversationId
    name: str
    kind: str
    """What it is: a contact, one who was asked, or a kind of room."""
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """What somebody should know before they write on. Each account has one of each kind at most,
    so that nobody takes another's off the screen by being alarming."""

    account: AccountId
    kind: str
    line: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What others did, said in passing. Each source has one at most, and all strangers together are
    one: they are as many as somebody makes."""

    source: str
    line: str


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
    marked: OpId | None = None
    """The message that the next command is about; it is always in sight."""
    notes: tuple[str, ...] = ()
    """What the last command said; the next one takes it away."""
    heard: tuple[Heard, ...] = ()
    """What others did since then, the latest last; it takes nothing of that away."""
    progress: str = ""
    """How far the start, or the network, is."""
    writing: frozenset[ConversationId] = frozenset()
    """Contacts who are writing to us at this moment."""
    requests: tuple[str, ...] = ()
    """Accounts and rooms that wait for our word."""
    names: Mapping[AccountId, str] = field(default_factory=dict[AccountId, str])
    """Who can be mentioned in the open one."""
    draft: str = ""
    """What was begun to be written in the open one, when it was opened."""
    turns: int = 0
    """How often the next one was asked for: then the line begins anew, with the draft."""
    alarms: tuple[Alarm, ...] = ()
    """The first is shown; it stays until the person has seen it, and gives way to the next."""

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

    def counted(self, unread: Mapping[ConversationId, int]) -> Chat:
        """So much is unread."""
        places = (replace(one, unread=unread.get(one.id, 0)) for one in self.places)
        return replace(self, places=tuple(places))

    def opened(self, id: ConversationId, page: Sequence[Message], draft: str = "") -> Chat:
        """One is open, from its newest page on."""
        places = tuple(replace(one, unread=0) if one.id == id else one for one in self.places)
        return replace(
            self,
            places=places,
            open=id,
            draft=draft,
            messages=tuple(page),
            has_earlier=len(page) >= PAGE_MESSAGES,
            back=0,
            marked=None,
            notes=(),
        )

    def closed(self) -> Chat:
        """None is."""
        bare = replace(self, open=None, messages=(), draft="")
        return replace(bare, has_earlier=False, back=0, marked=None)

    def turned(self, draft: str) -> Chat:
        """The next one is asked for; the line begins anew with this."""
        return replace(self, turns=self.turns + 1, draft=draft)

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
        return self._with(id, lambda message: replace(message, state=state))

    def changed(self, now: Message) -> Chat:
        """A message says something else, or somebody put an emoji to it."""
        return self._with(now.id, lambda _: now)

    def deleted(self, id: OpId) -> Chat:
        """A message was taken back."""
        gone = self._with(id, _without_words)
        return gone.marking(None) if gone.marked == id else gone

    def _with(self, id: OpId, change: Callable[[Message], Message]) -> Chat:
        messages = (change(known) if known.id == id else known for known in self.messages)
        return replace(self, messages=tuple(messages))

    def marking(self, id: OpId | None) -> Chat:
        """This message is meant, or none."""
        return replace(self, marked=id)

    def next_marked(self, direction: int) -> Message | None:
        """The message above (1) or below (-1) the one that is marked, of those that can be meant;
        none is marked below the newest."""
        places = (place for place, one in enumerate(self.messages) if one.id == self.marked)
        at = next(places, len(self.messages))
        others = self.messages[:at][::-1] if direction > 0 else self.messages[at + 1 :]
        return next((one for one in others if not one.deleted), None)

    def meant(self, *, is_own: bool | None = None) -> Message | None:
        """The message that a command is about: the one that is marked, or else the newest of ours
        or of others, if that matters."""
        whole = (one for one in reversed(self.messages) if not one.deleted)
        if self.marked is not None:
            return next((one for one in whole if one.id == self.marked), None)
        fitting = (one for one in whole if is_own in (None, one.author == self.me))
        return next(fitting, None)

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

    def told(self, heard: Heard) -> Chat:
        """Others did something."""
        others = (one for one in self.heard if one.source != heard.source)
        return replace(self, heard=(*others, heard)[-HEARD_MAX:])

    def answered(self) -> Chat:
        """The person typed something, and has seen what was said before."""
        return replace(self, notes=(), heard=())

    def warned(self, alarm: Alarm) -> Chat:
        """Something is not as it should be; one like it that waits already says what is new. Where
        very many wait it is said in passing."""
        key = alarm.account, alarm.kind
        if any((one.account, one.kind) == key for one in self.alarms):
            alarms = (alarm if (one.account, one.kind) == key else one for one in self.alarms)
            return replace(self, alarms=tuple(alarms))
        if len(self.alarms) >= ALARMS_MAX:
            return self.told(Heard(alarm.kind, alarm.line))
        return replace(self, alarms=(*self.alarms, alarm))

    def heeded(self) -> Chat:
        """The person has seen the alarm that was shown."""
        return replace(self, alarms=self.alarms[1:])

    def scrolled(self, back: int) -> Chat:
        """So many lines are below what is seen, where no message is marked."""
        return replace(self, back=max(0, back), marked=None)

    def next_unread(self) -> Place | None:
        """The conversation after the open one that has something unread, else the one after it."""
        at = next((n for n, place in enumerate(self.places) if place.id == self.open), -1)
        others = [*self.places[at + 1 :], *self.places[: max(at, 0)]]
        return next((one for one in others if one.unread), others[0] if others else None)


def _more(place: Place) -> Place:
    return replace(place, unread=place.unread + 1)


def _without_words(message: Message) -> Message:
    return replace(message, text="", reply_to=None, edited=False, deleted=True, reactions=())
