"""Ruling a room by invitation: what its owners and admins say of accounts and of the room.

Who is let in is given what the room's history allows, as far as we have it. Where that is the last
messages they are looked up on disk first, and then all is judged anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from p2pchat.errors import LocalProtocolError, PermissionDenied, UnknownContact
from p2pchat.model.contact import ContactState
from p2pchat.model.control import Control, Pin, SetDetail, Standing
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.query import StoredOp
from p2pchat.protocol.admission import Admission
from p2pchat.protocol.machine import Effect, Load
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.room_details import pinning, saying
from p2pchat.protocol.room_history import latest_of
from p2pchat.protocol.room_meetings import tell
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.room_vocabulary import ChangeStanding, DescribeRoom, ForHistory, PinMessage
from p2pchat.protocol.room_writing import RoomWriter
from p2pchat.protocol.state import Conversation, State

__all__ = ["Ruling", "devices_of"]

UNREAD = "not all of this room is here yet that we wrote before; try again in a while"
Write = Callable[[Conversation, Control, Now], list[Effect]]
"""A control op of ours, to all who are there."""


class Ruling:
    """What the user says as who rules a room."""

    def __init__(
        self, state: State, outbox: Outbox, writer: RoomWriter, admission: Admission, write: Write
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._writer = writer
        self._admission = admission
        self._write = write

    def change(
        self, command: ChangeStanding, now: Now, rows: Sequence[StoredOp] | None = None
    ) -> list[Effect]:
        """Say what an account is from now on, naming where its devices stood; what was said last
        in the room is looked up first, where somebody comes who is to have that."""
        conversation = self._state.conversations.get(command.conversation)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None:
            return [Reply(command.id, error=PermissionDenied("this room has no roles"))]
        error = self._objection(command, conversation, room)
        if error is not None:
            return [Reply(command.id, error=error)]
        account = command.account
        before = room.membership.standing(account)
        control = self._writer.standing(conversation, account, command.standing)
        if command.standing.may_read and not before.may_read:
            query = latest_of(conversation)
            if query is not None and rows is None:
                return [Load(ForHistory(command), query)]
            control = self._writer.given(conversation, control, rows or ())
        objection = self._writer.objection(conversation, control)
        if objection is not None:
            return [Reply(command.id, error=objection)]
        effects = self._write(conversation, control, now)
        if before.may_read and not command.standing.may_read:
            words = self._writer.last_words(conversation, account)
            if words:
                effects += tell(self._state, words[-1:], devices_of(self._state, account))
                self._outbox.say_farewell(account, words)
        return [*effects, Reply(command.id)]

    def describe(self, command: DescribeRoom, now: Now) -> list[Effect]:
        """Say what a room is called, what it is about, or what all in it shall know."""
        said = saying(self._state, self._writer, command)
        if not isinstance(said, SetDetail):
            return [Reply(command.id, error=said)]
        conversation = self._state.conversations[command.conversation]
        if not self._admission.may_rule(conversation):
            return [Reply(command.id, error=PermissionDenied(UNREAD))]
        effects = self._write(conversation, said, now)
        return [*effects, Reply(command.id, self._state.room_info(conversation))]

    def pin(self, command: PinMessage, now: Now) -> list[Effect]:
        """Keep a message in sight, or no longer."""
        said = pinning(self._state, self._writer, command)
        if not isinstance(said, Pin):
            return [Reply(command.id, error=said)]
        conversation = self._state.conversations[command.conversation]
        if not self._admission.may_rule(conversation):
            return [Reply(command.id, error=PermissionDenied(UNREAD))]
        return [*self._write(conversation, said, now), Reply(command.id)]

    def _objection(
        self, command: ChangeStanding, conversation: Conversation, room: InvitedRoom
    ) -> LocalProtocolError | None:
        """Why the standing of an account is not ours to set so."""
        state, account = self._state, command.account
        if not self._admission.may_rule(conversation):
            return PermissionDenied(UNREAD)
        if command.standing is Standing.OWNER or not room.membership.may_set(
            state.me.account, account, command.standing
        ):
            return PermissionDenied("owners change admins, admins change members, nobody an owner")
        if not command.standing.may_read or room.membership.standing(account).may_read:
            return None
        if state.contact_state(account) is not ContactState.ACCEPTED:
            return UnknownContact("only an accepted contact can be added to a room")
        most = state.limits.room_members_max
        is_full = len(room.membership.members()) >= most
        return LocalProtocolError(f"a room has at most {most} members") if is_full else None


def devices_of(state: State, account: AccountId) -> set[DeviceId]:
    """The devices that act for an account, as they say or as is known for good."""
    greeted = {device for device, owner in state.directory.accounts.items() if owner == account}
    return greeted | state.directory.acting(account)
