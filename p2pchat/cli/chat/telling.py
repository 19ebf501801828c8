"""Rooms, as who sits at the terminal is told of them: what they say of themselves, and how one gets
in."""

from __future__ import annotations

from p2pchat.client.client import Client
from p2pchat.client.handles import Room
from p2pchat.events import AnnouncementChanged, DescriptionChanged, PinChanged, RoomRenamed
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role

__all__ = ["OfRoom", "enter_room", "told_of_room"]

JOIN_S = 3.0
"""So long the first answer to a link may take; what comes later is told then."""
PUBLIC = "It is public: whoever knows its name reads and writes there."
WAITING = "Nobody has let you into {name} yet. Asking goes on while a node runs."
LET_IN = "You are in {name} now."

OfRoom = RoomRenamed | DescriptionChanged | AnnouncementChanged | PinChanged


def told_of_room(event: OfRoom, client: Client) -> tuple[ConversationId, str, dict[str, str]]:
    """In which room, the sentence, and what belongs into its blanks."""
    text = ""
    match event:
        case RoomRenamed(info):
            id, text, told = info.id, info.name, "{who} gave the room the name {said}."
        case DescriptionChanged(id, text):
            told = "{who} says what {name} is about: {said}"
        case AnnouncementChanged(id, text):
            told = "{who} announces in {name}: {said}"
        case PinChanged(id, _, pinned):
            told = "{who} unpinned a message in {name}."
            told = "{who} pinned a message in {name}." if pinned else told
    room = client.room(id)
    names = {member.account: member.name for member in room.members()}
    values = {"who": names.get(event.account, str(event.account)), "name": room.name}
    return id, told, values if isinstance(event, PinChanged) else {**values, "said": text or "-"}


async def enter_room(client: Client, said: str) -> tuple[Room, str, str]:
    """Into the open room of a name, or by a link into one by invitation: the room, what is said of
    that, and its name."""
    link = "".join(said.split())  # from a screen that broke it into lines
    if not link.startswith("dchat://"):
        return await client.join_open(said), PUBLIC, said
    room = await client.join(link, JOIN_S)
    info = room.info
    return room, WAITING if info.role is Role.JOINING else LET_IN, info.name
