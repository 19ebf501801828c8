"""From what a person types to a contact, a room or a message.

Names are chosen by whoever bears them, and anybody may take another's. Who asks is therefore told
by the account alone, and a name means a contact only when one accepted contact bears it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import LocalProtocolError, UnknownContact, UnknownConversation, UnknownMessage
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.ids import AccountId, OpId

__all__ = [
    "conversation_named",
    "find_account",
    "find_contact",
    "find_member",
    "find_message",
    "find_room",
]

T = TypeVar("T", bound=Contact | Room)


def conversation_named(client: Client, text: str) -> Contact | Room:
    """The contact or room that is meant. Raises `UnknownConversation`, or `LocalProtocolError`
    when the name is that of several."""
    contacts = client.contacts()
    exact = [each for each in contacts if text in (str(each.id), str(each.account))]
    named = [each for each in contacts if _bears(each, text)]
    rooms = [room for room in client.rooms() if _is_meant(room, text)]
    return _only(text, [*exact, *rooms] if exact else [*named, *rooms])


def find_room(client: Client, text: str) -> Room:
    """The room that is meant. Raises like `conversation_named`."""
    return _only(text, [room for room in client.rooms() if _is_meant(room, text)])


def find_contact(client: Client, text: str) -> Contact:
    """The contact, or whom we asked, that is meant. Raises like `conversation_named`."""
    contacts = client.contacts()
    exact = [each for each in contacts if text in (str(each.id), str(each.account))]
    return _only(text, exact or [each for each in contacts if _bears(each, text)])


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


def _is_meant(room: Room, text: str) -> bool:
    return text == str(room.id) or text.casefold() == room.name.casefold()


def _only(text: str, found: list[T]) -> T:
    if not found:
        raise UnknownConversation(
            f"no accepted contact or room is {text[:100]!a}; `p2pchat contacts list` and `p2pchat"
            " rooms list` show them; give the account of whom you asked"
        )
    if len(found) > 1:
        raise LocalProtocolError(
            f"{text[:100]!a} means {len(found)} of them; give the account or id"
        )
    return found[0]
