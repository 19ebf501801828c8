"""Rooms that nobody rules: whoever can name one is in it.

No owner, no roles, no end: the id and the key of an open room are hashes of its name, those of a
room by password follow from name and password. What is written is published by gossip to those who
are there, and anybody who comes later gets it from any member.

Who leaves forgets everything but its own chain: coming back it goes on from there, since a second
beginning would be a fork to everybody else; and perhaps nobody else has what it said last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from p2pchat.errors import LocalProtocolError, UnknownConversation
from p2pchat.events import RoomJoined
from p2pchat.model.change import PutConversation
from p2pchat.model.conversation import normal_room_name, open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Op
from p2pchat.model.query import NamedQuery, StoredOp
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import NO_GENESIS, PutRoom
from p2pchat.protocol.admission import GUEST_PREFIX
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.invited import InvitedRooms
from p2pchat.protocol.machine import (
    Effect,
    Emit,
    EnterTopic,
    JoinOpen,
    JoinWithPassword,
    LeaveRoom,
    LeaveTopic,
    Load,
    Persist,
    Publish,
)
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.room_history import is_strange_to_some
from p2pchat.protocol.room_state import Stage
from p2pchat.protocol.room_vocabulary import ForLeaving
from p2pchat.protocol.room_writing import talk_sent
from p2pchat.protocol.sealing import RoomSecret, room_secret
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.contents import Profile
from p2pchat.wire.frames import Ops, split_ops

__all__ = ["Rooms"]

BLOB_BYTES_MAX = 60 * 1024
"""Several ops in one blob when they come in a burst; sealed they stay below 64 KB."""


class Rooms:
    """The rooms we are in; those by invitation with the help of `InvitedRooms`."""

    def __init__(self, state: State, outbox: Outbox, intake: Intake, invited: InvitedRooms) -> None:
        self._state = state
        self._outbox = outbox
        self._intake = intake
        self.invited = invited
        self._unpublished: dict[Conversation, list[Op]] = {}

    def start(self) -> list[Effect]:
        """Enter the topics of all rooms again."""
        return [
            EnterTopic(conversation.id, _secret(conversation))
            for conversation in self._state.conversations.values()
            if conversation.is_unruled
        ]

    def join(self, command: JoinOpen, now: Now) -> list[Effect]:
        """Enter the open room of a name; entering twice is entering once."""
        try:
            name = normal_room_name(command.name)
        except ValueError as error:
            return [Reply(command.id, error=LocalProtocolError(str(error)))]
        return self._enter(
            command, PutConversation(open_room_id(name), RoomKind.OPEN, name, 0), now
        )

    def join_with_password(self, command: JoinWithPassword, now: Now) -> list[Effect]:
        """The same for the room of a name and a password."""
        row = PutConversation(command.conversation, RoomKind.PASSWORD, command.name, 0)
        return self._enter(command, row, now)

    def _enter(
        self, command: JoinOpen | JoinWithPassword, row: PutConversation, now: Now
    ) -> list[Effect]:
        id, row = row.conversation, replace(row, created_ms=now.wall_ms)
        conversation = self._state.conversations.get(id)
        if conversation is not None:
            return [Reply(command.id, self._state.room_info(conversation))]
        conversation = self._state.add_conversation(row, None)
        effects: list[Effect] = [Persist(row)]
        if isinstance(command, JoinWithPassword):
            conversation.key = command.key
            effects.append(Persist(PutRoom(id, NO_GENESIS, command.key)))
        self._state.come_back(conversation)
        effects += [EnterTopic(id, _secret(conversation)), *self._introduce(conversation, now)]
        info = self._state.room_info(conversation)
        return [*effects, Reply(command.id, info), Emit(RoomJoined(info))]

    def renamed(self, now: Now) -> list[Effect]:
        """Our name is another one: all rooms are told that, and nothing else of us."""
        rooms = [c for c in self._state.conversations.values() if c.is_unruled]
        return [effect for room in rooms for effect in self._introduce(room, now)]

    def _introduce(self, conversation: Conversation, now: Now) -> list[Effect]:
        op = self._state.author(conversation, Profile(self._state.profile.name), now)
        return self.write(conversation, op, now)

    def name_anew(self, conversation: Conversation, now: Now) -> list[Effect]:
        """Before we say something: our name, where somebody came who was not given it."""
        is_due = is_strange_to_some(self._state, conversation)
        return self._introduce(conversation, now) if is_due else []

    def leave(
        self, command: LeaveRoom, now: Now, rows: Sequence[StoredOp] | None = None
    ) -> list[Effect]:
        """Forget a room and what it held here. `rows` are what of that has to be kept for our talk:
        they are looked up first."""
        conversation = self._state.conversations.get(command.conversation)
        if conversation is None or conversation.kind is None:
            error = UnknownConversation("no room has this id; see `rooms`")
            return [Reply(command.id, error=error)]
        objection = self.invited.objection_to_leaving(conversation)
        if objection is not None:
            return [Reply(command.id, error=objection)]
        named = self.invited.named_beside(conversation) if rows is None else ()
        if named:
            return [
                Load(ForLeaving(command.id, conversation.id), NamedQuery(conversation.id, named))
            ]
        going = self.invited.leave(conversation, now, rows or ())
        return [*going, *self._forget(conversation), Reply(command.id)]

    def expired(self, name: str) -> list[Effect]:
        """A room that somebody brought did not show in time that we are a member."""
        id = ConversationId(bytes.fromhex(name.removeprefix(GUEST_PREFIX)))
        conversation = self._state.conversations.get(id)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None or room.stage is not Stage.GUEST:
            return []
        return self._forget(conversation)

    def _forget(self, conversation: Conversation) -> list[Effect]:
        effects = self.invited.admission.forget(conversation)
        self._unpublished.pop(conversation, None)
        self._intake.pruning.forget(conversation.id)
        self._outbox.forget(conversation.id)
        return [*effects, LeaveTopic(conversation.id)]

    def write(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """Apply an op of ours; it is published when the batch is decided."""
        self._unpublished.setdefault(conversation, []).append(op)
        return self._intake.apply(conversation, op, now)

    def settle(self, now: Now) -> list[Effect]:
        """Publish what the batch wrote, several ops a blob."""
        effects: list[Effect] = []
        devices = self._state.own_devices
        for conversation, ops in self._unpublished.items():
            parts = split_ops(ops, BLOB_BYTES_MAX - len(devices.raw))
            blobs = [Ops(tuple(part), (devices,)) for part in parts]
            if conversation.invited is not None:
                effects += self.invited.publish(conversation, blobs, now)
            else:
                effects += [Publish(conversation.id, blob, talk_sent(blob)) for blob in blobs]
        self._unpublished.clear()
        return effects


def _secret(conversation: Conversation) -> RoomSecret:
    assert conversation.key is not None, "whoever is in a room that nobody rules has its key"
    return room_secret(conversation.key)
