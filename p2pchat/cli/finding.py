"""From what a person types to a contact, a room or a message.

Names are chosen by whoever bears them, and anybody may take another's. Who asks is therefore told
by the account alone, and a name means a contact only when one accepted contact bears it. A room's
name is chosen by others, too, and may become another at any time: what reads as an account or an id
is never a name, and a name that a person bears as well means neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import LocalProtocolError, UnknownContact, UnknownConversation, UnknownMessage
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.room import RoomInfo

__all__ = [
    "conversation_named",
    "find_account",
    "find_contact",
    "find_contacts",
    "find_member",
    "find_message",
    "find_room",
    "find_room_request",
    "find_target",
]

T = TypeVar("T", Contact, Room, RoomInfo, Contact | Room)


def conversation_named(client: Client, text: str) -> Contact | Room:
    """The contact or room that is meant. Raises `UnknownConversation`, or `LocalProtocolError`
    when the name is that of several."""
    contacts, rooms = _contacts(client, text), _rooms(client, text)
    if rooms and not contacts:
        contacts = _asked(client, text)
    return _only(
        text,
        [*contacts, *rooms] or _blocked(client, text),
        "no contact who has accepted, and no room that you are in, is {name}; `p2pchat contacts"
        " list` and `p2pchat rooms list` show them; give the account of whom you asked",
    )


def find_room(client: Client, text: str) -> Room:
    """The room that is meant. Raises like `conversation_named`."""
    return _only(
        text,
        _rooms(client, text),
        "you are in no room {name}; `p2pchat rooms list` shows yours, `p2pchat rooms join` enters"
        " an open one",
    )


def find_room_request(client: Client, text: str) -> RoomInfo:
    """The room that waits for our word. Raises like `conversation_named`."""
    found = [info for info in client.room_requests() if _names(info, text)]
    return _only(
        text, found, "no room {name} waits for your word; `p2pchat rooms requests` lists them"
    )


def find_contact(client: Client, text: str) -> Contact:
    """The contact, or whom we asked, that is meant. Raises like `conversation_named`."""
    return _only(
        text,
        _contacts(client, text) or _blocked(client, text),
        "no contact who has accepted is {name}; `p2pchat contacts list` shows them; give the"
        " account of whom you asked",
    )


def find_target(client: Client, text: str) -> str:
    """What is to be blocked or unblocked: a contact's account, where it is a contact's name, else
    as it was typed. Raises `LocalProtocolError` when the name is that of several."""
    try:
        return str(find_contact(client, text).account)
    except UnknownConversation:
        return text  # an account, a peer or a network, or the client says that it is none


def find_contacts(client: Client, texts: Sequence[str]) -> list[Contact]:
    """All of these contacts, or none: who is unknown is named. Raises `UnknownContact`, or
    `LocalProtocolError` when a name is that of several."""
    unknown = [text for text in texts if not _contacts(client, text)]
    if unknown:
        named = ", ".join(f"{text[:100]!a}" for text in unknown)
        raise UnknownContact(
            f"nothing was done, for no contact who has accepted is {named}; `p2pchat contacts"
            " list` shows them"
        )
    return [find_contact(client, text) for text in texts]


def find_member(room: Room, text: str) -> AccountId:
    """Who is meant of those in a room, by name or account; whoever else by account. Raises
    `UnknownContact`, or `LocalProtocolError` when the name is that of several."""
    try:
        return AccountId.parse(text)
    except ValueError:
        pass  # then it is a name
    named = [one.account for one in room.members() if one.name.casefold() == text.casefold()]
    if not named:
        raise UnknownContact(
            f"nobody in this room is {text[:100]!a}; `p2pchat rooms members` shows who is"
        )
    if len(named) > 1:
        raise LocalProtocolError(f"{text[:100]!a} means {len(named)} of them; give the account")
    return named[0]


def find_account(requests: Iterable[ContactInfo], text: str) -> AccountId:
    """Who is meant of those who ask, by account. Raises `UnknownContact`."""
    for info in requests:
        if text == str(info.account):
            return info.account
    raise UnknownContact(
        f"no request is by the account {text[:100]!a}; `p2pchat contacts requests` lists them"
    )


def find_message(text: str) -> OpId:
    """The message of this id. Raises `UnknownMessage`."""
    try:
        return OpId.parse(text)
    except ValueError as error:
        raise UnknownMessage(f"{text[:100]!a} is no message's id") from error


def _bears(contact: Contact, name: str) -> bool:
    """Whether this is an accepted contact of that name."""
    return contact.state is ContactState.ACCEPTED and contact.name.casefold() == name.casefold()


def _contacts(client: Client, text: str) -> list[Contact]:
    """By id or account, whoever it is; else by name."""
    contacts, exact = client.contacts(), _exact(text)
    if exact is not None:
        return [each for each in contacts if exact in (each.id, each.account)]
    return [each for each in contacts if _bears(each, text)]


def _blocked(client: Client, name: str) -> list[Contact]:
    """Who is blocked and called so; they mean less than anybody else of that name."""
    blocked = (each for each in client.contacts() if each.state is ContactState.BLOCKED)
    return [each for each in blocked if each.name.casefold() == name.casefold()]


def _asked(client: Client, name: str) -> list[Contact]:
    """Whom we asked, and who is called so: no room is written to in their place."""
    if _exact(name) is not None:
        return []
    asked = (each for each in client.contacts() if each.state is ContactState.ASKED)
    return [each for each in asked if each.name.casefold() == name.casefold()]


def _rooms(client: Client, text: str) -> list[Room]:
    return [room for room in client.rooms() if _names(room.info, text)]


def _names(info: RoomInfo, text: str) -> bool:
    exact = _exact(text)
    return info.id == exact if exact is not None else info.name.casefold() == text.casefold()


def _exact(text: str) -> AccountId | ConversationId | None:
    """The account or id that this is; then it is nobody's name."""
    for parse in (AccountId.parse, ConversationId.parse):
        with suppress(ValueError):
            return parse(text)
    return None


def _only(text: str, found: list[T], nothing: str) -> T:
    if not found:
        raise UnknownConversation(nothing.format(name=f"{text[:100]!a}"))
    if len(found) > 1:
        raise LocalProtocolError(
            f"{text[:100]!a} means {len(found)} of them; give the account or id"
        )
    return found[0]
