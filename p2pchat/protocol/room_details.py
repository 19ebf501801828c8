"""What a room by invitation says of itself: name, description, announcement, what is pinned.

Each is what the last control op says that counts (`protocol.membership`). The name stands also with
the conversation, so that it is known wherever that is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from p2pchat.errors import LocalProtocolError, PermissionDenied
from p2pchat.events import AnnouncementChanged, DescriptionChanged, PinChanged, RoomRenamed
from p2pchat.model.change import PutConversation
from p2pchat.model.control import Detail, Pin, SetDetail
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.op import Op
from p2pchat.protocol.machine import Effect, Emit, Persist
from p2pchat.protocol.room_state import Details, InvitedRoom
from p2pchat.protocol.room_vocabulary import DescribeRoom, PinMessage
from p2pchat.protocol.room_writing import RoomWriter
from p2pchat.protocol.sayings import PINS_MAX
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.control import DETAIL_CHARS_MAX, is_detail

__all__ = ["WHAT", "detail_taken", "pinning", "saying"]

WHAT: Mapping[Detail, str] = {
    Detail.NAME: f"a room name has 1 to {DETAIL_CHARS_MAX[Detail.NAME]} printable characters",
    Detail.DESCRIPTION: (
        f"a description has at most {DETAIL_CHARS_MAX[Detail.DESCRIPTION]} printable characters"
    ),
    Detail.ANNOUNCEMENT: (
        f"an announcement has at most {DETAIL_CHARS_MAX[Detail.ANNOUNCEMENT]} printable characters"
    ),
}
"""What each may be, to who wanted it otherwise."""


def _cleaned(detail: Detail, text: str) -> str:
    """A text of our own without what is seen by nobody: space around it, and in a name repeated."""
    if detail is Detail.NAME:
        return " ".join(text.split())
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def saying(
    state: State, writer: RoomWriter, command: DescribeRoom
) -> SetDetail | LocalProtocolError:
    """What we would say of a room, or why we cannot."""
    conversation = state.conversations.get(command.conversation)
    room = conversation.invited if conversation is not None else None
    if conversation is None or room is None:
        return PermissionDenied("this room has no roles")
    if not room.membership.standing(state.me.account).may_administer:
        return PermissionDenied("owners and admins alone say what a room is called, and announce")
    said = SetDetail(command.detail, _cleaned(command.detail, command.text))
    if not is_detail(said.detail, said.text):
        return LocalProtocolError(WHAT[said.detail])
    return writer.objection(conversation, said) or said


def pinning(
    state: State, writer: RoomWriter, command: PinMessage
) -> Pin | LocalProtocolError | None:
    """What we would say of a message, or why we cannot; None where that is so already."""
    conversation = state.conversations.get(command.conversation)
    room = conversation.invited if conversation is not None else None
    if conversation is None or room is None:
        return PermissionDenied("this room has no roles")
    if not room.membership.standing(state.me.account).may_administer:
        return PermissionDenied("owners and admins alone pin messages")
    if _is_so(room, command):
        return None
    if command.is_on and _is_full(room, state.me.account):
        return LocalProtocolError(f"a room pins at most {PINS_MAX} messages")
    said = Pin(command.message, command.is_on)
    return writer.objection(conversation, said) or said


def _is_so(room: InvitedRoom, command: PinMessage) -> bool:
    """Whether a message is in sight as it shall be; one that is pinned and has no place there is
    pinned all the same, and would have the next that is free."""
    if command.is_on:
        return command.message in room.membership.pins()
    word = room.membership.pin(command.message)
    return word is None or not isinstance(word.control, Pin) or not word.control.is_on


def _is_full(room: InvitedRoom, account: AccountId) -> bool:
    """Whether no pin has to make room for one of an account's: that of who stands below it."""
    membership, pins = room.membership, room.membership.pins()
    words = [word for word in map(membership.pin, pins) if word is not None]
    standing = membership.standing(account)
    is_over = any(membership.standing(word.account) > standing for word in words)
    return len(pins) >= PINS_MAX and not is_over


def detail_taken(state: State, conversation: Conversation, op: Op, before: Details) -> list[Effect]:
    """A control op was taken, before which the room said this of itself. Who is in it is told what
    it says by that op, be it the op's own words or others', which count now that the last do not.
    """
    effects = _renamed(conversation)
    room = conversation.invited
    if room is None or not room.is_entered:
        return effects
    effects += _pinned(conversation, room.membership.pins(), before.pins, op.header.account)
    for detail in Detail:
        said = room.membership.detail(detail)
        is_said = said is not None and said[0] == op.id
        if is_said or room.says(detail) != before.texts[detail]:
            effects.append(Emit(_changed(state, conversation, detail, op.header.account)))
    return effects


def _pinned(
    conversation: Conversation, now: Sequence[OpId], before: Sequence[OpId], account: AccountId
) -> list[Effect]:
    """Messages came into sight, or went, by what an account said: perhaps of somebody who had
    pinned them, or by pinning one more than is shown."""
    gone = [PinChanged(conversation.id, one, False, account) for one in before if one not in now]
    came = [PinChanged(conversation.id, one, True, account) for one in now if one not in before]
    return [Emit(event) for event in (*gone, *came)]


def _changed(
    state: State, conversation: Conversation, detail: Detail, account: AccountId
) -> RoomRenamed | DescriptionChanged | AnnouncementChanged:
    """What the room says now, and by whom that is so."""
    room = conversation.invited
    assert room is not None, "other rooms say nothing of themselves"
    match detail:
        case Detail.NAME:
            return RoomRenamed(state.room_info(conversation), account)
        case Detail.DESCRIPTION:
            return DescriptionChanged(conversation.id, room.says(detail), account)
        case Detail.ANNOUNCEMENT:
            return AnnouncementChanged(conversation.id, room.says(detail), account)


def _renamed(conversation: Conversation) -> list[Effect]:
    """Keep with the conversation what its room is called now."""
    room = conversation.invited
    assert room is not None, "other rooms keep their names"
    name = room.says(Detail.NAME)
    if name == conversation.name:
        return []
    conversation.name = name
    row = PutConversation(conversation.id, conversation.kind, name, conversation.created_ms)
    return [Persist(row)]
