"""Rooms and what is said in them and between contacts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import cast

import trio

from p2pchat.client.handles import Contact, Room
from p2pchat.client.inviting import invite_info
from p2pchat.client.part import ClientPart
from p2pchat.crypto.password_rooms import password_room
from p2pchat.errors import (
    InvalidText,
    LinkError,
    LocalProtocolError,
    UnknownConversation,
    UnknownMessage,
)
from p2pchat.events import JoinFailed, RoomJoined
from p2pchat.model.explanation import Explanation
from p2pchat.model.history import parse_history
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.invitation import InviteInfo
from p2pchat.model.message import Message
from p2pchat.model.room import Role, RoomInfo, RoomsFrom
from p2pchat.model.search import QUERY_CHARS_MAX, Query
from p2pchat.node.deliveries import UNDER_WAY
from p2pchat.node.explaining import message_facts
from p2pchat.node.hub import Subscription
from p2pchat.protocol.composing_vocabulary import TellTyping
from p2pchat.protocol.explaining import explain
from p2pchat.protocol.machine import CreateRoom, JoinOpen, JoinWithPassword, LeaveRoom
from p2pchat.protocol.reading_vocabulary import TellReading
from p2pchat.protocol.room_state import Stage
from p2pchat.protocol.room_vocabulary import (
    AcceptRoom,
    GiveUpJoining,
    JoinByLink,
    SetRoomsFrom,
)
from p2pchat.protocol.sealing import SECRET_BYTES
from p2pchat.wire.control import NONCE_BYTES
from p2pchat.wire.invite_links import decode_invite
from p2pchat.wire.links import LINK_SCHEME

__all__ = ["Rooms"]

JOIN_WAIT_S = 10.0
_STRETCHING = trio.CapacityLimiter(1)


class Rooms(ClientPart):
    """Verbs about rooms, and about single messages wherever they stand."""

    async def join_open(self, name: str) -> Room:
        """Enter the open room of this name; whoever knows the name reads it. Raises `LinkError` for
        a link, `LocalProtocolError` for what is no name."""
        _refuse_link(name)
        info = await self._node.driver.call(lambda id: JoinOpen(id, name))
        return Room(self._node, cast("RoomInfo", info).id)

    async def join_with_password(self, name: str, password: str) -> Room:
        """Enter the room of this name and password: whoever knows both is in it, and nobody can
        be removed. Another password is another room, so a wrong one finds nobody.

        Takes about a second, in which everything goes on. Raises `LocalProtocolError` for what is
        no name, `ConfigError` for an empty or endless password.
        """
        _refuse_link(name)
        stretch = partial(password_room, name, password)
        try:
            # Pure computing, made slow on purpose; one at a time, for each takes 256 MiB.
            made = await trio.to_thread.run_sync(stretch, limiter=_STRETCHING)  # noqa: TID251
        except ValueError as error:
            raise LocalProtocolError(str(error)) from error
        info = await self._node.driver.call(
            lambda id: JoinWithPassword(id, made.name, made.id, made.key)
        )
        return Room(self._node, cast("RoomInfo", info).id)

    def read_invite(self, link: str) -> InviteInfo:
        """What an invitation to a room says. Nobody is dialled, and nobody learns of it. Raises
        `LinkError`."""
        return invite_info(link)

    async def join(self, link: str, wait_s: float = JOIN_WAIT_S) -> Room:
        """Ask to be let into the room of an invitation, and wait so long for an answer. The members
        that it names are dialled. With no answer our role in the room is `JOINING`: asking goes on,
        also after restarts, until `RoomJoined` or `JoinFailed`.

        Raises `LinkError`, with the reason, for a link that is none or lets nobody in.
        """
        parsed = decode_invite(link)
        with self._node.hub.subscribe(RoomJoined, JoinFailed) as events:
            info = await self._node.driver.call(lambda id: JoinByLink(id, link.strip(), parsed))
            if cast("RoomInfo", info).role is Role.JOINING:
                with trio.move_on_after(wait_s):
                    await _let_in(events, parsed.conversation)
        return Room(self._node, parsed.conversation)

    def joining(self) -> list[RoomInfo]:
        """The rooms that we wait to be let into."""
        joins = self._node.chat.rooms.invited.admission.joins
        return [knocking.info for knocking in joins.values()]

    async def stop_joining(self, id: ConversationId) -> None:
        """Ask to be let in no more. Raises `LocalProtocolError` where we do not."""
        await self._node.driver.call(lambda command: GiveUpJoining(command, id))

    async def create_room(
        self,
        name: str,
        members: Iterable[AccountId] = (),
        owners: Iterable[AccountId] = (),
        history: str = "all",
    ) -> Room:
        """Begin a room by invitation with accepted contacts, two of them further owners at most.
        `history` says for good what who comes later may have of what was said before: `none`,
        `joining`, `last:N` or `all` (docs/protocols/history.md).

        Raises `UnknownContact` for who is none, `LocalProtocolError` for no name, no such history,
        or too many."""
        who = tuple(members), tuple(owners)
        try:
            rule = parse_history(history)
        except ValueError as error:
            raise LocalProtocolError(str(error)) from error
        nonce, secret = map(self._ambient.token_bytes, (NONCE_BYTES, SECRET_BYTES))
        info = await self._node.driver.call(
            lambda id: CreateRoom(id, name, *who, nonce, secret, rule)
        )
        return Room(self._node, cast("RoomInfo", info).id)

    def rooms(self) -> list[Room]:
        """The rooms we are in."""
        conversations = self._state.conversations.values()
        return [Room(self._node, c.id) for c in conversations if c.is_entered]

    @property
    def rooms_from(self) -> RoomsFrom:
        """Into whose rooms we go without a question."""
        return self._node.chat.rooms.invited.admission.rooms_from

    async def set_rooms_from(self, rooms_from: RoomsFrom) -> None:
        """Go into rooms of contacts without a question, ask about each, or want none. It is about
        rooms to come."""
        await self._node.driver.call(lambda id: SetRoomsFrom(id, rooms_from))

    def room_requests(self) -> list[RoomInfo]:
        """Rooms that somebody took us into, and that we were not asked about before."""
        return [
            self._state.room_info(conversation)
            for conversation in self._state.conversations.values()
            if conversation.invited is not None and conversation.invited.stage is Stage.ASKED
        ]

    async def accept_room(self, id: ConversationId) -> Room:
        """Go into such a room. Raises `UnknownConversation`."""
        info = await self._node.driver.call(lambda command: AcceptRoom(command, id))
        return Room(self._node, cast("RoomInfo", info).id)

    async def reject_room(self, id: ConversationId) -> None:
        """Stay out of it; its members are told that we left. Raises `UnknownConversation`."""
        await self._node.driver.call(lambda command: LeaveRoom(command, id))

    def room(self, id: ConversationId) -> Room:
        """The room of this id. Raises `UnknownConversation`."""
        return Room(self._node, Room(self._node, id).info.id)

    def conversation(self, id: ConversationId) -> Contact | Room:
        """The contact or room of this id. Raises `UnknownConversation`."""
        known = self._state.conversations.get(id)
        if known is None:
            raise UnknownConversation("no conversation has this id; see `contacts` and `rooms`")
        return Contact(self._node, known.other) if known.other else Room(self._node, id)

    # Messages

    async def message(self, id: OpId) -> Message:
        """One message as it stands. Raises `UnknownMessage`."""
        message = await (await self._node.flushed_store()).message(id)
        if message is None:
            raise UnknownMessage("no message has this id")
        return message

    async def unread(self) -> dict[ConversationId, int]:
        """How many messages of others were not read yet, where there are any: 1,000 means as many
        or more."""
        store = await self._node.flushed_store()
        counts = {id: await store.unread(id) for id in tuple(self._state.conversations)}
        return {id: count for id, count in counts.items() if count}

    @property
    def read_receipts(self) -> bool:
        """Whether contacts, and members of rooms by invitation, are told what we have read."""
        return self._node.chat.receipts.reading.is_told

    async def set_read_receipts(self, is_on: bool) -> None:
        """Tell them, or do not; at first nobody is told. `Conversation.set_read_receipts` says
        otherwise for one conversation."""
        await self._node.driver.call(lambda id: TellReading(id, None, is_on))

    @property
    def typing_notices(self) -> bool:
        """Whether contacts are told when we write to them, and we when they do."""
        return self._node.chat.contacts.composing.is_told

    async def set_typing_notices(self, is_on: bool) -> None:
        """Tell and be told, or neither; at first neither. To tell is to say
        `Contact.set_typing`."""
        await self._node.driver.call(lambda id: TellTyping(id, is_on))

    async def explain(self, id: OpId) -> Explanation:
        """Why a message is in its present state, in one sentence, with what speaks for it, when it
        is tried next, and the same of each recipient. Nobody is asked for it. Raises
        `UnknownMessage`."""
        return explain(await message_facts(self._node, id))

    async def search(
        self, text: str, conversation: ConversationId | None = None, limit: int = 50
    ) -> list[Message]:
        """Messages with these words, here or in one conversation; the newest to come stands first.

        What spaces separate must all occur. A word of three letters or more is found by its
        beginning, whatever its case and accents; Chinese as it stands, from one character on; at
        most 5,000 messages. Raises `InvalidText` for more than 200 characters, or no word at all;
        `UnknownConversation`.
        """
        if len(text) > QUERY_CHARS_MAX:
            raise InvalidText(f"search for at most {QUERY_CHARS_MAX} characters, not {len(text)}")
        query = Query.of(text)
        if query is None:
            raise InvalidText("there is no word to search for: give one, or a sign such as 🎉")
        within = None if conversation is None else self.conversation(conversation).id
        return await (await self._node.flushed_store()).search(query, within, limit)

    async def wait_delivered(self, id: OpId) -> Message:
        """Wait until a message of ours is on disk at every recipient, however long that takes.
        Raises `UnknownMessage`, and `NodeClosed` when the node ends first."""
        with self._node.deliveries.waiting(id) as waiter:
            message = await self.message(id)
            if message.state not in UNDER_WAY:
                return message
            return replace(message, state=await waiter.state())


async def _let_in(events: Subscription, id: ConversationId) -> None:
    async for event in events:
        match event:
            case RoomJoined(room) if room.id == id:
                return
            case JoinFailed(conversation, _, reason) if conversation == id:
                raise LinkError(reason)
            case _:
                pass  # of another room


def _refuse_link(name: str) -> None:
    """A link taken for a name would lead to an empty room of that name, open to all who see it."""
    if name.strip().casefold().startswith(LINK_SCHEME):
        raise LinkError("this is a link and no room's name: join it as a link")
