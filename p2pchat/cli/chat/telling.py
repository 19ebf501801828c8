"""What who sits at the terminal is told: what rooms say of themselves, how one gets into them, what
others learn of what one does, and what may be an attack."""

from __future__ import annotations

from p2pchat.cli.language import Language, translate
from p2pchat.cli.reading import TOLD, ReadReceipts, set_read_receipts
from p2pchat.cli.showing import words
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.events import (
    AnnouncementChanged,
    DescriptionChanged,
    DeviceAdded,
    KeyChanged,
    PinChanged,
    RoomRenamed,
    SecurityAlert,
)
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role

__all__ = [
    "OfRoom",
    "enter_room",
    "tell_reading",
    "tell_typing",
    "told_of_room",
    "words_of_warning",
]

JOIN_S = 3.0
"""So long the first answer to a link may take; what comes later is told then."""
PUBLIC = "It is public: whoever knows its name reads and writes there."
WAITING = "Nobody has let you into {name} yet. Asking goes on while a node runs."
LET_IN = "You are in {name} now."
KEY_CHANGED = (
    "A device of {name} speaks for another account now. Nothing is sent to them before you have"
    " asked them by another way, and then, after /quit, said `p2pchat contacts confirm`."
)
ALERT = "{name}: {reason}"
DEVICE_ADDED = "{name} has one more device, which reads and writes."
OWN_DEVICE_ADDED = (
    "Your account has one more device. If you did not add it, /quit and end it:"
    " `p2pchat devices revoke`."
)

TYPING_TOLD = {
    "on": "Contacts who want that, too, see that you are writing to them; and you that they are.",
    "off": "Nobody sees that you are writing, and you see nobody write.",
}

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


def words_of_warning(
    event: KeyChanged | DeviceAdded | SecurityAlert, name: str, language: Language, *, is_own: bool
) -> str:
    """What is said of an account of this name whose keys are not what they were."""
    match event:
        case KeyChanged():
            return words(KEY_CHANGED, language, name=name)
        case DeviceAdded() if is_own:
            return words(OWN_DEVICE_ADDED, language)
        case DeviceAdded():
            return words(DEVICE_ADDED, language, name=name)
        case SecurityAlert(_, reason):
            return words(ALERT, language, name=name, reason=translate(reason, language))


async def tell_reading(conversation: Contact | Room, value: str) -> str:
    """Whether those who write in a conversation learn what was read; what is said of that."""
    if value not in tuple(ReadReceipts):
        return "Say on, off or usual."
    await set_read_receipts(conversation, ReadReceipts(value))
    return TOLD[conversation.read_receipts]


async def tell_typing(client: Client, value: str) -> str:
    """Whether contacts learn that one is writing to them; what is said of that."""
    if value not in TYPING_TOLD:
        return "Say on or off."
    await client.set_typing_notices(value == "on")
    return TYPING_TOLD[value]
