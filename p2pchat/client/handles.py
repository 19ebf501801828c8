"""Handles on conversations: an id and verbs, no state."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, cast

from p2pchat.client.inviting import INVITE_S, new_invite
from p2pchat.client.proving import Proving, write_proof
from p2pchat.client.transcripts import (
    Transcript,
    TranscriptFormat,
    transcript_pieces,
    write_transcript,
)
from p2pchat.errors import (
    InvalidText,
    PermissionDenied,
    UnknownContact,
    UnknownConversation,
    UnknownMessage,
)
from p2pchat.events import Event, EventsDropped, MessageReceived, MessageStateChanged
from p2pchat.model.completeness import Completeness
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.control import Detail
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.invitation import Invitation
from p2pchat.model.message import Message, MessageState, is_emoji
from p2pchat.model.room import Member, Role, RoomInfo
from p2pchat.node.hub import Subscription
from p2pchat.node.node import Node
from p2pchat.protocol.completeness import completeness
from p2pchat.protocol.composing_vocabulary import SayTyping
from p2pchat.protocol.machine import ChangeStanding, LeaveRoom, SendText
from p2pchat.protocol.reading_vocabulary import KeepDraft, MarkRead, TellReading
from p2pchat.protocol.relation_vocabulary import ChangeMessage
from p2pchat.protocol.room_state import ROLES
from p2pchat.protocol.room_vocabulary import DescribeRoom, EndInvite, PinMessage
from p2pchat.store.port import Page
from p2pchat.wire.delivery_proof import DeliveryProof
from p2pchat.wire.relations import Delete, Edit, React

__all__ = ["Contact", "Conversation", "Messages", "Room"]

CATCH_UP_PAGE = 200
REREAD_MAX = 5_000
"""Messages, counted from the newest, among which those are sought that a slow reader missed."""
SHOWN_MAX = 2 * REREAD_MAX
"""Messages that a reader is known to have: enough for all that is read again."""


class Messages(Protocol):
    """Messages of one conversation, oldest first: what is stored, then what comes."""

    def __aiter__(self) -> AsyncIterator[Message]: ...


class Conversation:
    """What contacts and rooms share."""

    def __init__(self, node: Node, id: ConversationId) -> None:
        self._node = node
        self.id = id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"

    @property
    def title(self) -> str:
        """What it is called."""
        return str(self.id)

    async def send(self, text: str, reply_to: OpId | None = None) -> Message:
        """Write a text; answers when it is on disk, queued, whatever the network does.

        Raises `MessageTooLarge` (over 32 KiB of UTF-8), `InvalidText` (empty),
        `UnknownConversation`, `PermissionDenied` (a request not accepted yet).
        """
        sent = await self._node.driver.call(lambda id: SendText(id, self.id, text, reply_to))
        return cast("Message", sent)

    async def edit(self, id: OpId, text: str) -> Message:
        """Give a message of ours another text; answers when that is on disk.

        Raises what `send` does, `UnknownMessage` for one that is not here or was deleted, and
        `PermissionDenied` for one of somebody else.
        """
        await self._own(id)
        await self._node.driver.call(lambda call: ChangeMessage(call, self.id, id, Edit(text)))
        return await self._own(id)

    async def delete(self, id: OpId) -> None:
        """Take a message of ours back: its words go from our disk, and from each that hears of it.

        Raises `UnknownMessage` for one that is not here or was deleted, and `PermissionDenied` for
        one of somebody else.
        """
        await self._own(id)
        await self._node.driver.call(lambda call: ChangeMessage(call, self.id, id, Delete()))

    async def react(self, id: OpId, emoji: str, *, remove: bool = False) -> Message:
        """Put an emoji to anybody's message, or take it away again; answers when that is on disk.

        Raises `InvalidText` for what is no emoji, `UnknownMessage` for a message that is not here
        or was deleted, and what `send` does.
        """
        if not is_emoji(emoji):
            raise InvalidText("that is no emoji; give a sign such as 👍")
        await self._here(id)
        reaction = React(emoji, is_on=not remove)
        await self._node.driver.call(lambda call: ChangeMessage(call, self.id, id, reaction))
        return await self._here(id)

    async def _here(self, id: OpId) -> Message:
        message = await (await self._node.flushed_store()).message(id)
        if message is None or message.conversation != self.id or message.deleted:
            raise UnknownMessage("no message here has this id, or it was deleted")
        return message

    async def _own(self, id: OpId) -> Message:
        message = await self._here(id)
        if message.author != self._node.chat.state.me.account:
            raise PermissionDenied("only who wrote a message can change it or take it back")
        return message

    async def history(
        self, limit: int = 50, before: OpId | None = None, after: OpId | None = None
    ) -> list[Message]:
        """The newest `limit` messages before (or oldest after) an anchor, oldest first.

        At most 5,000. Raises `UnknownMessage` for an anchor from elsewhere.
        """
        store = await self._node.flushed_store()
        return await store.history(self.id, Page(limit, before, after))

    async def mark_read(self, id: OpId) -> None:
        """Say that everything up to a message was read; answers when that is on disk. Who wrote it
        is told only if that was wanted (`set_read_receipts`). Raises `UnknownMessage`."""
        store = await self._node.flushed_store()
        message = await store.message(id)
        if message is None or message.conversation != self.id:
            raise UnknownMessage("no message here has this id, or it was deleted")
        marks = tuple(await store.marks_to(id))
        await self._node.driver.call(lambda call: MarkRead(call, self.id, marks))

    async def unread(self) -> int:
        """How many messages of others were not read yet: 1,000 means as many or more."""
        return await (await self._node.flushed_store()).unread(self.id)

    async def first_unread(self) -> OpId | None:
        """The oldest of them in the order of `history`; None for none."""
        return await (await self._node.flushed_store()).first_unread(self.id)

    @property
    def read_receipts(self) -> bool:
        """Whether those who write here are told what was read."""
        chat = self._node.chat
        return chat.receipts.reading.tells(chat.state.conversations[self.id])

    async def set_read_receipts(self, is_on: bool | None) -> None:
        """Whether those who write here are told what was read, from the beginning on; None leaves
        it to `Client.set_read_receipts`, which says nothing in open rooms and in those with a
        password."""
        await self._node.driver.call(lambda call: TellReading(call, self.id, is_on))

    @property
    def draft(self) -> str:
        """What was begun to be written here."""
        return self._node.chat.receipts.reading.drafts.get(self.id, "")

    async def set_draft(self, text: str) -> None:
        """Keep what was begun to be written here, for this device alone; to send something takes it
        away. Raises `MessageTooLarge`, `InvalidText`."""
        await self._node.driver.call(lambda call: KeepDraft(call, self.id, text))

    def completeness(self) -> Completeness:
        """What is here at this moment: up to where each chain is whole, what is known to be
        missing, and a digest to be compared with another member's."""
        return completeness(self._node.chat.state.conversations[self.id])

    async def write_transcript(
        self,
        path: str | os.PathLike[str],
        format: TranscriptFormat | None = None,
        *,
        overwrite: bool = False,
    ) -> int:
        """Write all of it to a file to be read by people (text, HTML) or programs (a JSON array,
        one message a line), as its name asks for unless `format` says; answers how many messages.

        What others wrote is harmless in it. Raises `FileExists`, `FileUnusable`, `DiskFull`.
        """
        file = Path(path)
        transcript = Transcript(format or TranscriptFormat.of(file), self.title)
        await write_transcript(self._node, self.id, transcript, file, overwrite=overwrite)
        return transcript.count

    async def prove_delivery(
        self,
        path: str | os.PathLike[str],
        message: OpId | None = None,
        *,
        with_text: bool = True,
        overwrite: bool = False,
    ) -> DeliveryProof:
        """Write a file that proves to anybody what devices of others have signed to hold of our
        messages here, or from one message on; it holds the texts (that of the one message), or
        their hashes alone. `read_delivery_proof` checks it. Answers what it proves.

        Raises `NotProvable`, `FileExists`, `FileUnusable`, `DiskFull`.
        """
        proving = Proving(self.id, Path(path), message, with_text, overwrite)
        return await write_proof(self._node, proving)

    def transcript(self, format: TranscriptFormat) -> AsyncGenerator[str]:
        """The same in pieces, for whoever writes it elsewhere; to be closed when given up."""
        return transcript_pieces(self._node, self.id, Transcript(format, self.title))

    @asynccontextmanager
    async def messages(self, since: OpId | None = None) -> AsyncGenerator[Messages]:
        """Everything after `since` (or from the beginning), then everything that comes, each once.

        What came late stands where it came, not where it sorts. A reader too slow for the events is
        fed from the disk again: nothing is left out, unless more than 10,000 messages were shown
        already and a late one sorts before the newest 5,000, which `history` has then.
        """
        kinds = (MessageReceived, MessageStateChanged)
        with self._node.hub.subscribe(*kinds) as events:
            yield _Follower(self._node, self.id, events, since)


class _Follower:
    """History, then live: the subscription is older than the first page read.

    History is walked forward a page at a time, so that a long one takes no more memory than a page.
    """

    def __init__(
        self, node: Node, id: ConversationId, events: Subscription, since: OpId | None
    ) -> None:
        self._node = node
        self._id = id
        self._events = events
        self._since = since
        self._walked_to = since
        self._must_walk = True
        self._page: deque[Message] = deque()
        self._shown: dict[OpId, None] = {}

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        while True:
            while self._page:
                message = self._page.popleft()
                if message.id not in self._shown:
                    self._note(message.id)
                    return message
            if self._must_walk:
                await self._walk()
            else:
                await self._take(await self._events.__anext__())

    def _note(self, id: OpId) -> None:
        self._shown[id] = None
        if len(self._shown) > SHOWN_MAX:
            del self._shown[next(iter(self._shown))]

    async def _walk(self) -> None:
        try:
            page = await self._read(
                Page(CATCH_UP_PAGE, after=self._walked_to, from_start=self._walked_to is None)
            )
        except UnknownMessage:
            if self._walked_to == self._since:
                raise
            await self._walk_back()  # where we stood was dropped from the room meanwhile
            return
        self._page.extend(page)
        self._walked_to = page[-1].id if page else self._walked_to
        self._must_walk = len(page) >= CATCH_UP_PAGE

    async def _take(self, event: Event) -> None:
        match event:
            case MessageReceived(message) if message.conversation == self._id:
                self._page.append(message)
            case MessageStateChanged(_, MessageState.SENT):
                self._must_walk = True  # perhaps one of our own, which no event brings
            case EventsDropped():
                await self._walk_back()
            case _:
                pass

    async def _walk_back(self) -> None:
        """Go back as far as what was missed may sort: to the beginning, as long as all that was
        shown is known, else by `REREAD_MAX` messages."""
        self._must_walk = True
        self._walked_to = self._since
        if len(self._shown) < SHOWN_MAX:
            return
        anchor: OpId | None = None
        for _ in range(REREAD_MAX // CATCH_UP_PAGE):
            page = await self._read(Page(CATCH_UP_PAGE, before=anchor))
            if len(page) < CATCH_UP_PAGE or any(message.id == self._since for message in page):
                return
            anchor = page[0].id
        self._walked_to = anchor

    async def _read(self, page: Page) -> list[Message]:
        store = await self._node.flushed_store()
        return await store.history(self._id, page)


class Contact(Conversation):
    """A person."""

    def __init__(self, node: Node, account: AccountId) -> None:
        row = node.chat.state.contacts.get(account)
        if row is None:
            raise UnknownContact(f"{account} is no contact; see `contacts`")
        super().__init__(node, row.conversation)
        self.account = account

    @property
    def info(self) -> ContactInfo:
        """Name and state at this moment."""
        state = self._node.chat.state
        return state.contact_info(state.contacts[self.account])

    @property
    def name(self) -> str:
        """What this person goes by."""
        return self.info.name

    @property
    def title(self) -> str:
        return f"{self.name} ({self.account})"

    @property
    def state(self) -> ContactState:
        """How far the acquaintance has come."""
        return self.info.state

    async def set_typing(self, is_typing: bool) -> None:
        """Say that our person is writing to this one, with each key if one likes, or has stopped.
        It goes to who is connected, a few times a minute, and only where `typing_notices` are on.
        Raises `UnknownContact` for who has not accepted."""
        await self._node.driver.call(lambda id: SayTyping(id, self.account, is_typing))


class Room(Conversation):
    """A room that we are in."""

    @property
    def info(self) -> RoomInfo:
        """The room at this moment; while we wait to be let in, what the link says of it, with role
        `JOINING`. Raises `UnknownConversation` once it is left."""
        state = self._node.chat.state
        conversation = state.conversations.get(self.id)
        if conversation is None or not conversation.is_entered:
            knocking = self._node.chat.rooms.invited.admission.joins.get(self.id)
            if knocking is not None:
                return knocking.info
            raise UnknownConversation("we are not in this room; see `rooms`")
        return state.room_info(conversation)

    @property
    def name(self) -> str:
        """Its name."""
        return self.info.name

    @property
    def title(self) -> str:
        return self.name

    def members(self) -> list[Member]:
        """Everybody known to be in it: for an open room, who has written there."""
        state = self._node.chat.state
        conversation = state.conversations.get(self.info.id)
        if conversation is None:
            return []  # we wait to be let in
        if conversation.invited is not None:
            standings = conversation.invited.membership.members()
            return [
                Member(account, state.directory.name(account), ROLES[standings[account]])
                for account in sorted(standings, key=lambda account: (standings[account], account))
            ]
        accounts = conversation.log.accounts() | {state.me.account}
        return [
            Member(account, state.directory.name(account), Role.MEMBER)
            for account in sorted(accounts)
        ]

    async def set_role(self, account: AccountId, role: Role) -> None:
        """Say what an account is from now on: owners make and unmake admins, admins act on all
        others. Who is removed or banned reads nothing that is said from then on; to remove who is
        banned lifts the ban.

        Raises `PermissionDenied`, and `UnknownContact` for a newcomer who is no accepted contact.
        """
        standing = next(one for one, name in ROLES.items() if name is role)
        await self._node.driver.call(lambda id: ChangeStanding(id, self.id, account, standing))

    async def rename(self, name: str) -> RoomInfo:
        """Give a room by invitation another name, of 1 to 64 characters. Raises `PermissionDenied`
        (owners and admins do this), `LocalProtocolError` for what is no name."""
        return await self._describe(Detail.NAME, name)

    async def describe(self, text: str) -> RoomInfo:
        """Say what it is about, in 500 characters at most; nothing takes that away. Raises as
        `rename` does."""
        return await self._describe(Detail.DESCRIPTION, text)

    async def announce(self, text: str) -> RoomInfo:
        """Say what all in it shall know, in 1,000 characters at most; nothing takes that away.
        Raises as `rename` does."""
        return await self._describe(Detail.ANNOUNCEMENT, text)

    async def _describe(self, detail: Detail, text: str) -> RoomInfo:
        info = await self._node.driver.call(lambda id: DescribeRoom(id, self.id, detail, text))
        return cast("RoomInfo", info)

    async def pin(self, message: OpId, *, remove: bool = False) -> None:
        """Keep a message of a room by invitation in sight of all, or no longer; 32 at most. Raises
        `PermissionDenied` (owners and admins do this), `LocalProtocolError` for one too many, and
        `UnknownMessage` to pin what is not here or was deleted."""
        if not remove:
            await self._here(message)
        pinned = not remove
        await self._node.driver.call(lambda id: PinMessage(id, self.id, message, pinned))

    def pins(self) -> list[OpId]:
        """The messages that are kept in sight, those pinned last at the end, as all others see
        them. Some may not be here, or be deleted."""
        conversation = self._node.chat.state.conversations.get(self.id)
        room = conversation.invited if conversation is not None else None
        return list(room.membership.pins()) if room is not None else []

    async def remove(self, account: AccountId) -> None:
        """Remove a member. Raises `PermissionDenied`."""
        await self.set_role(account, Role.REMOVED)

    async def ban(self, account: AccountId) -> None:
        """Remove an account for good, until that is taken back. Raises `PermissionDenied`."""
        await self.set_role(account, Role.BANNED)

    async def invite(self, uses: int = 1, expires_s: int = INVITE_S) -> str:
        """A link that lets in whoever has it, so many accounts in all, with no admin there: any
        member lets them in. It is shown once. Raises `PermissionDenied`, `LocalProtocolError`."""
        return await new_invite(self._node, self._node.parts.ambient, self.id, uses, expires_s)

    def invitations(self) -> list[Invitation]:
        """Those that are still good for somebody, but for their time."""
        conversation = self._node.chat.state.conversations.get(self.id)
        room = conversation.invited if conversation is not None else None
        return room.membership.invitations() if room is not None else []

    async def revoke_invite(self, id: OpId) -> None:
        """Take an invitation back that we gave, or as an owner anybody's: whoever was let in by it
        unknown to us was not. Raises `PermissionDenied`."""
        await self._node.driver.call(lambda command: EndInvite(command, self.id, id))

    async def leave(self) -> None:
        """Forget the room and what others said in it. What we said stays on disk, shown nowhere,
        and is there again when we come back: nobody else may have all of it."""
        await self._node.driver.call(lambda id: LeaveRoom(id, self.id))
