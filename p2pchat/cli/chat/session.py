"""What happens in a client and what a person types, each changing what is seen.

Everything is done one after the other, so that what is seen is always of one moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, assert_never

import trio

from p2pchat.cli import shapes
from p2pchat.cli.chat.model import HELD_MESSAGES_MAX, PAGE_MESSAGES, Alarm, Chat, Heard, Place
from p2pchat.cli.chat.naming import contact_named, conversation_named, room_request_named
from p2pchat.cli.chat.telling import (
    OfRoom,
    enter_room,
    tell_reading,
    tell_typing,
    told_of_room,
    words_of_warning,
)
from p2pchat.cli.chat.terminal import Composed, Ended, Input, Marked, NextWanted, Paged, Typed
from p2pchat.cli.chat.typed import COMMANDS, Do, Mistake, Say, Verb, parse
from p2pchat.cli.describing import SAID
from p2pchat.cli.gathering import KINDS
from p2pchat.cli.language import Language, translate, translate_error
from p2pchat.cli.showing import step_name, words
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import P2PChatError, UnknownConversation, UnknownMessage
from p2pchat.events import (
    AnnouncementChanged,
    ContactAccepted,
    ContactRequested,
    DescriptionChanged,
    DeviceAdded,
    Event,
    EventsDropped,
    JoinFailed,
    KeyChanged,
    MembersChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageStateChanged,
    NetworkStatusChanged,
    PinChanged,
    ProfileChanged,
    ReactionChanged,
    Ready,
    RoomJoined,
    RoomRenamed,
    RoomRequested,
    SecurityAlert,
    StartupProgress,
    TypingChanged,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.control import Detail
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.mentions import with_accounts
from p2pchat.model.message import Message
from p2pchat.model.room import Role, RoomKind

__all__ = ["HEARD", "Session"]

HEARD = (
    AnnouncementChanged,
    ContactAccepted,
    ContactRequested,
    DescriptionChanged,
    DeviceAdded,
    JoinFailed,
    KeyChanged,
    MembersChanged,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageStateChanged,
    NetworkStatusChanged,
    PinChanged,
    ProfileChanged,
    ReactionChanged,
    RoomJoined,
    RoomRenamed,
    RoomRequested,
    SecurityAlert,
    StartupProgress,
    TypingChanged,
)
"""The events that change what is seen."""

T = TypeVar("T")

RULING = (Verb.ADMIT, Verb.PIN, Verb.RENAME, Verb.DESCRIBE, Verb.ANNOUNCE)
"""Of rooms by invitation alone."""
ABOUT_MESSAGES = (Verb.REPLY, Verb.EDIT, Verb.DELETE, Verb.REACT, Verb.TELL, Verb.MEMBERS)
"""Of a conversation that is open."""

LISTED = (ContactState.ACCEPTED, ContactState.ASKED)
ASKING, STRANGERS = "asking", "strangers"
"""Sources of what is said in passing, beside conversations and accounts."""
NOTHING_OPEN = "No conversation is open: /open NAME opens one, /list shows them."


class Session:
    """A client as one person sees it in a terminal; `warnings` are what the screen covered."""

    def __init__(self, client: Client, language: Language, warnings: Sequence[str] = ()) -> None:
        self._client = client
        self._language: Language = language
        self._turn = trio.Lock()
        self._ended = trio.Event()
        self.show: Callable[[Chat], None] = lambda chat: None
        self.chat = Chat(client.account)
        self._list()
        self._greet()
        self.chat = self.chat.noted(*warnings, *self.chat.notes)

    def _greet(self) -> None:
        if self.chat.places:
            self._say("/open NAME opens a conversation, /help lists the commands.")
            return
        self._say(
            "Nobody is here yet. Give your contact link away, or /add somebody's; /join enters an"
            " open room; /help lists the commands."
        )
        self.chat = self.chat.noted(*self.chat.notes, self._client.contact_link)

    async def run(self, events: AsyncIterable[Event], inputs: AsyncIterable[Input]) -> None:
        """Follow both until the person ends it; ends with the client, too."""
        async with self._turn:
            self.chat = self.chat.counted(await self._client.unread())
            self.show(self.chat)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow, events, self.hear)
            nursery.start_soon(self._follow, inputs, self.obey)
            await self._ended.wait()
            nursery.cancel_scope.cancel()

    async def _follow(self, things: AsyncIterable[T], take: Callable[[T], Awaitable[None]]) -> None:
        async for thing in things:
            async with self._turn:
                await take(thing)
                self.show(self.chat)

    # What happens

    async def hear(self, event: Event) -> None:
        """Something happened in the client. It may have waited, and what it is about be gone."""
        try:
            await self._heard(event)
        except UnknownConversation:
            self._list()
        except P2PChatError as error:
            told = translate_error(str(error), self._language)
            self.chat = self.chat.told(Heard(type(error).__name__, told))

    async def _heard(self, event: Event) -> None:
        match event:
            case MessageReceived(message, mentions_me):
                if all(place.id != message.conversation for place in self.chat.places):
                    self._list()
                self.chat = self.chat.said(message)
                if mentions_me and message.conversation != self.chat.open:
                    self._mentioned(message)
                if message.conversation == self.chat.open:
                    await _read(self._client.conversation(message.conversation), message.id)
            case MessageStateChanged(id, state):
                self.chat = self.chat.moved(id, state)
            case MessageEdited(message) | ReactionChanged(message):
                self.chat = self.chat.changed(message)
            case MessageDeleted(id, _):
                self.chat = self.chat.deleted(id)
            case Ready() | NetworkStatusChanged():
                network = self._words(self._client.status().health)
                told = self._words("network {health}", health=network)
                self.chat = replace(self.chat, progress=told)
            case TypingChanged(account, is_typing):
                writer = {one.id for one in self._client.contacts() if one.account == account}
                writing = self.chat.writing | writer if is_typing else self.chat.writing - writer
                self.chat = replace(self.chat, writing=writing)
            case StartupProgress():
                self.chat = replace(self.chat, progress=step_name(event, self._language))
            case ContactRequested(account, name):
                self._list()
                told = "{name} asks to be a contact: /accept {account}"
                self._tell_of(ASKING, told, name=name, account=account)
            case RoomRequested(room, _):
                self._list()
                self._tell_of(
                    ASKING, "Somebody took you into {name}: /accept {name}", name=room.name
                )
            case RoomRenamed() | DescriptionChanged() | AnnouncementChanged() | PinChanged():
                self._described(event)
            case JoinFailed(_, name, reason):
                reason = translate_error(reason, self._language)
                self._tell_of(ASKING, "{name} is not open to you: {why}", name=name, why=reason)
            case ContactAccepted(account):
                self._list()
                told = "{name} and you are contacts now."
                self._tell_of(str(account), told, name=self._name(account))
            case KeyChanged() | DeviceAdded() | SecurityAlert():
                self._warn(event)
            case EventsDropped():
                self._list()
                self.chat = self.chat.counted(await self._client.unread())
                if self.chat.open is not None:
                    await self._entered(self._client.conversation(self.chat.open))
            case _:
                self._list()

    def _warn(self, event: KeyChanged | DeviceAdded | SecurityAlert) -> None:
        """Of strangers it is said in passing: there are as many as somebody makes."""
        account, name = event.account, self._name(event.account)
        told = words_of_warning(event, name, self._language, is_own=account == self.chat.me)
        alarm = Alarm(account, type(event).__name__, told)
        is_near = self._is_near(account)
        self.chat = self.chat.warned(alarm) if is_near else self.chat.told(Heard(STRANGERS, told))

    def _mentioned(self, message: Message) -> None:
        """Where nobody rules a room, anybody mentions whom they like, as often as they like."""
        place = self._client.conversation(message.conversation)
        is_ruled = isinstance(place, Contact) or place.info.kind is RoomKind.INVITED
        source = str(place.id) if is_ruled or self._is_near(message.author) else STRANGERS
        told = "{who} mentions you in {name}."
        self._tell_of(source, told, who=message.author_name, name=place.name)

    def _is_near(self, account: AccountId) -> bool:
        """Whether this is ours, or a contact's."""
        contacts = (contact.account for contact in self._client.contacts())
        return account == self.chat.me or account in contacts

    def _described(self, event: OfRoom) -> None:
        """What a room says of itself is another; what we have said ourselves we know."""
        self._list()
        if event.account != self.chat.me:
            id, told, values = told_of_room(event, self._client)
            self._tell_of(str(id), told, **values)

    def _list(self) -> None:
        """Contacts and rooms as they are now, and who waits for our word."""
        client = self._client
        people = [
            Place(contact.id, contact.name or str(contact.account), _kind(contact.state))
            for contact in client.contacts()
            if contact.state in LISTED
        ]
        rooms = [Place(room.id, room.info.name, KINDS[room.info.kind]) for room in client.rooms()]
        asking = [str(info.account) for info in client.contact_requests()]
        asking += [info.name for info in client.room_requests()]
        self.chat = replace(self.chat.listing([*people, *rooms]), requests=tuple(asking))
        self._know()

    def _know(self) -> None:
        """Who can be mentioned in the open conversation."""
        names = dict[AccountId, str]()
        if self.chat.open is not None:
            match self._client.conversation(self.chat.open):
                case Contact() as contact:
                    names = {contact.account: contact.name}
                case Room() as room:
                    names = {member.account: member.name for member in room.members()}
        names[self.chat.me] = self._client.profile.name
        self.chat = replace(self.chat, names=names)

    def _name(self, account: AccountId) -> str:
        contacts = self._client.contacts()
        return next((one.name for one in contacts if one.account == account), str(account))

    # What is typed

    async def obey(self, input: Input) -> None:
        """The person wants something."""
        try:
            await self._obeyed(input)
        except P2PChatError as error:
            self.chat = self.chat.noted(translate_error(str(error), self._language))

    async def _obeyed(self, input: Input) -> None:
        match input:
            case Typed(line):
                self.chat = self.chat.answered()
                await self._typed(line)
            case Composed(is_writing):
                await self._compose(is_writing)
            case Paged():
                await self._page(input)
            case Marked(direction):
                await self._mark(direction)
            case NextWanted(typed, of):
                await self._go_on(typed, of)
            case Ended(typed, of):
                try:
                    await self._keep(typed, of)
                finally:
                    self._ended.set()
            case _:
                assert_never(input)

    async def _typed(self, line: str) -> None:
        action = parse(line)
        match action:
            case None:
                self.chat = self.chat.heeded()
            case Mistake(sentence, values):
                self._say(sentence, **dict(values))
            case Say(text):
                await self._send(text)
            case Do():
                await self._do(action)
            case _:
                assert_never(action)

    async def _send(self, text: str) -> None:
        if self.chat.open is None:
            self._say(NOTHING_OPEN)
            return
        said = with_accounts(text, self.chat.names)
        message = await self._client.conversation(self.chat.open).send(said)
        self.chat = self.chat.said(message).scrolled(0)

    async def _compose(self, is_writing: bool) -> None:
        """Rooms are not told."""
        place = self.chat.place
        if place is not None and place.kind == _kind(ContactState.ACCEPTED):
            contact = self._client.conversation(place.id)
            assert isinstance(contact, Contact), "its kind says so"
            await contact.set_typing(is_writing)

    async def _page(self, paged: Paged) -> None:
        """Scroll by a page, and read what the disk has before the first."""
        step = max(1, paged.height - 2)
        back = self.chat.back + paged.direction * step
        most = paged.lines - paged.height
        if paged.direction > 0 and back > most and self.chat.has_earlier:
            most += await self._read_earlier()  # each has a line at least
        self.chat = self.chat.scrolled(min(back, max(0, most)))

    async def _read_earlier(self) -> int:
        """How many there were."""
        before = self.chat.messages
        if len(before) >= HELD_MESSAGES_MAX:
            self._say("More than {count} messages are not shown at once.", count=HELD_MESSAGES_MAX)
            return 0
        conversation = self._client.conversation(_opened(self.chat))
        page = await conversation.history(PAGE_MESSAGES, before=before[0].id)
        self.chat = self.chat.earlier(page)
        return len(self.chat.messages) - len(before)

    async def _mark(self, direction: int) -> None:
        """Mark the message above or below, which perhaps only the disk has; none for 0."""
        found = self.chat.next_marked(direction) if direction else None
        if found is None and direction > 0 and self.chat.has_earlier:
            await self._read_earlier()
            found = self.chat.next_marked(direction)
        if found is not None or direction <= 0:
            self.chat = self.chat.marking(None if found is None else found.id)

    async def _go_on(self, typed: str, of: ConversationId | None) -> None:
        """What cannot be kept, or has nowhere to wait, stays in the line."""
        is_homeless = self.chat.open is None
        self.chat = self.chat.turned(typed)
        await self._keep(typed, of)
        await self._next()
        if is_homeless and self.chat.open is not None:
            self.chat = replace(self.chat, draft=self.chat.draft + typed)

    async def _keep(self, typed: str, of: ConversationId | None) -> None:
        """What was typed waits in the open conversation; behind what waits there already, if that
        was not in the line yet."""
        if self.chat.open is None:
            return
        place = self._client.conversation(self.chat.open)
        draft = typed if of == place.id else place.draft + typed
        self.chat = replace(self.chat, draft=draft)
        await place.set_draft(draft)

    async def _next(self) -> None:
        place = self.chat.next_unread()
        if place is not None:
            await self._open(self._client.conversation(place.id))

    async def _open(self, conversation: Contact | Room) -> None:
        page = await conversation.history(PAGE_MESSAGES)
        if page:
            await _read(conversation, page[-1].id)
        self._list()
        self.chat = self.chat.opened(conversation.id, page, conversation.draft)
        self._know()
        if isinstance(conversation, Room) and conversation.info.announcement:
            self._say("Announced: {said}", said=conversation.info.announcement)

    # Commands

    async def _do(self, action: Do) -> None:
        client, argument = self._client, action.argument
        match action.verb:
            case Verb.OPEN:
                await self._open(conversation_named(client, argument))
            case Verb.NEXT:
                await self._next()
            case Verb.ADD:
                copied = "".join(argument.split())  # from a screen that broke it into lines
                contact = await client.add_contact(copied)
                if contact.state is ContactState.ACCEPTED:
                    self._say("{name} and you are contacts now.", name=contact.name)
                else:
                    self._say("Asked. They have to accept before you can write to each other.")
                await self._entered(contact)
            case Verb.JOIN:
                room, told, name = await enter_room(client, argument)
                if room.info.role is not Role.JOINING:
                    await self._entered(room)
                self._say(told, name=name)
            case Verb.CREATE:
                await self._entered(await client.create_room(argument))
                self._say("/admit NAME takes a contact into it.")
            case Verb.ADMIT:
                contact = contact_named(client, argument)
                room = client.room(_opened(self.chat))
                await room.set_role(contact.account, Role.MEMBER)
                self._say("{name} is in {room} now.", name=contact.name, room=room.name)
            case Verb.RENAME | Verb.DESCRIBE | Verb.ANNOUNCE:
                await self._describe(action)
            case Verb.REPLY | Verb.EDIT | Verb.DELETE | Verb.REACT | Verb.PIN:
                await self._change(action)
            case Verb.TELL:
                told = await tell_reading(self._client.conversation(_opened(self.chat)), argument)
                self._say(told)
            case Verb.TYPING:
                self._say(await tell_typing(client, argument))
            case Verb.ACCEPT:
                await self._accept(argument)
            case Verb.REJECT:
                await self._reject(argument)
            case Verb.QUIT:
                self._ended.set()
            case _:
                self._tell(action.verb)

    async def _describe(self, action: Do) -> None:
        """Say what the room that is open is called, is about, or announces."""
        room = self._client.room(_opened(self.chat))
        text = "" if action.argument == "-" else action.argument
        match action.verb:
            case Verb.RENAME:
                told, info = SAID[Detail.NAME], await room.rename(action.argument)
            case Verb.DESCRIBE:
                told, info = SAID[Detail.DESCRIPTION], await room.describe(text)
            case _:
                told, info = SAID[Detail.ANNOUNCEMENT], await room.announce(text)
        self._list()
        self._say(told, name=info.name)

    async def _change(self, action: Do) -> None:
        """Say something about a message: the one that is marked, or else the last that fits."""
        conversation = self._client.conversation(_opened(self.chat))
        is_own = {Verb.REPLY: False, Verb.REACT: None, Verb.PIN: None}.get(action.verb, True)
        meant = self.chat.meant(is_own=is_own)
        if meant is None:
            self._say("There is no such message in sight yet.")
            return
        match action.verb:
            case Verb.REPLY:
                words = with_accounts(action.argument, self.chat.names)
                said = await conversation.send(words, reply_to=meant.id)
                self.chat = self.chat.said(said).scrolled(0)
            case Verb.EDIT:
                words = with_accounts(action.argument, self.chat.names)
                self.chat = self.chat.changed(await conversation.edit(meant.id, words))
            case Verb.DELETE:
                await conversation.delete(meant.id)
                self.chat = self.chat.deleted(meant.id)
            case Verb.PIN:
                room = self._client.room(_opened(self.chat))
                is_there = meant.id in room.pins()
                await room.pin(meant.id, remove=is_there)
                self._say("It is pinned no more." if is_there else "It is pinned.")
            case _:
                mine = (put.emoji for put in meant.reactions if put.account == self.chat.me)
                is_there = action.argument in mine
                now = await conversation.react(meant.id, action.argument, remove=is_there)
                self.chat = self.chat.changed(now)
        self.chat = self.chat.marking(None)

    async def _entered(self, conversation: Contact | Room) -> None:
        notes = self.chat.notes
        await self._open(conversation)
        self.chat = self.chat.noted(*notes)

    async def _accept(self, who: str) -> None:
        client = self._client
        for info in client.contact_requests():
            if str(info.account) == who:
                await self._entered(await client.accept(info.account))
                return
        await self._entered(await client.accept_room(room_request_named(client, who).id))

    async def _reject(self, who: str) -> None:
        client = self._client
        for info in client.contact_requests():
            if str(info.account) == who:
                await client.reject(info.account)
                self._list()
                self._say("Rejected {account}.", account=who)
                return
        room = room_request_named(client, who)
        await client.reject_room(room.id)
        self._list()
        self._say("You stay out of {name}. Its members are told.", name=room.name)

    def _tell(self, verb: Verb) -> None:
        """Commands that only show something."""
        match verb:
            case Verb.LIST:
                rows = [self._shown(place) for place in self.chat.places]
                self._show(rows, "No contacts yet. Give your contact link away.")
            case Verb.REQUESTS:
                self._show(self._waiting(), "Nobody waits for your word.")
            case Verb.MEMBERS:
                members = self._client.room(_opened(self.chat)).members()
                rows = [f"{one.name}  {self._words(one.role)}  {one.account}" for one in members]
                self._show(rows, "Nobody is known to be in this room.")
            case Verb.ID:
                account = shapes.account(self._client)
                self._show([str(account[key]) for key in ("name", "account", "contact_link")], "")
            case Verb.STATUS:
                now = self._client.status()
                told = "{health}; peers {count}, relays {relays}, messages that wait {outbox}"
                values = {"count": now.connected_peers, "relays": now.relays, "outbox": now.outbox}
                self._say(told, health=self._words(now.health), **values)
            case _:
                self._help()

    def _shown(self, place: Place) -> str:
        unread = self._words("{count} unread", count=place.unread) if place.unread else ""
        return f"{place.name}  {self._words(place.kind)}  {unread}".rstrip()

    def _waiting(self) -> list[str]:
        asking = self._client.contact_requests()
        rooms = self._client.room_requests()
        people = [f"{info.name}  {self._words('request')}  {info.account}" for info in asking]
        return [*people, *(f"{info.name}  {self._words(KINDS[info.kind])}" for info in rooms)]

    def _help(self) -> None:
        rows = [
            f"/{verb} {usage.argument}".ljust(16) + translate(usage.purpose, self._language)
            for verb, usage in COMMANDS.items()
            if self._is_of_use(verb)
        ]
        keys = (
            "Tab completes, Page up shows what was before, Ctrl-N opens the next unread, Shift-Up"
            " and Shift-Down mark a message."
        )
        self._show([*rows, self._words(keys)], "")

    def _is_of_use(self, verb: Verb) -> bool:
        """Whether there is something that a command could be about."""
        place = self.chat.place
        if place is None:
            return verb not in (*RULING, *ABOUT_MESSAGES, Verb.TYPING)
        if verb in RULING:
            return place.kind == KINDS[RoomKind.INVITED]
        is_room = place.kind in KINDS.values()
        return {Verb.MEMBERS: is_room, Verb.TYPING: not is_room}.get(verb, True)

    # Saying

    def _show(self, rows: list[str], nothing: str) -> None:
        self.chat = self.chat.noted(*(rows or [self._words(nothing)]))

    def _say(self, sentence: str, **values: object) -> None:
        self.chat = self.chat.noted(self._words(sentence, **values))

    def _tell_of(self, source: str, sentence: str, **values: object) -> None:
        self.chat = self.chat.told(Heard(source, self._words(sentence, **values)))

    def _words(self, sentence: str, **values: object) -> str:
        return words(sentence, self._language, **values)


def _kind(state: ContactState) -> str:
    return "contact" if state is ContactState.ACCEPTED else "asked"


async def _read(conversation: Contact | Room, id: OpId) -> None:
    """Somebody has it before them, or had: where many write, old messages make room."""
    with suppress(UnknownMessage):
        await conversation.mark_read(id)


def _opened(chat: Chat) -> ConversationId:
    if chat.open is None:
        raise UnknownConversation(NOTHING_OPEN)
    return chat.open
