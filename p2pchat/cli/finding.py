"""From what a person types to a contact, a room or a message: an id, an account, or a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import LocalProtocolError, UnknownContact, UnknownConversation, UnknownMessage
from p2pchat.model.contact import ContactInfo
from p2pchat.model.ids import AccountId, OpId

__all__ = ["conversation_named", "find_account", "find_message", "find_room"]

T = TypeVar("T", bound=Contact | Room)


def conversation_named(client: Client, text: str) -> Contact | Room:
    """The contact or room that is meant. Raises `UnknownConversation`, or `LocalProtocolError`
    when the name is that of several."""
    known: list[Contact | Room] = [*client.contacts(), *client.rooms()]
    return _only(text, [each for each in known if _is_meant(each, text)])


def find_room(client: Client, text: str) -> Room:
    """The room that is meant. Raises like `conversation_named`."""
    return _only(text, [room for room in client.rooms() if _is_meant(room, text)])


def find_account(requests: Iterable[ContactInfo], text: str) -> AccountId:
    """Who is meant of those who ask. Raises `UnknownContact`."""
    found = [
        info.account
        for info in requests
        if text == str(info.account) or info.name.casefold() == text.casefold()
    ]
    if len(found) != 1:
        raise UnknownContact(
            f"{len(found) or 'none'} of the requests is by {text[:100]!a}; `p2pchat contacts"
            " requests` lists them"
        )
    return found[0]


def find_message(text: str) -> OpId:
    """The message of this id. Raises `UnknownMessage`."""
    try:
        return OpId.parse(text)
    except ValueError as error:
        raise UnknownMessage(f"{text[:100]!a} is no message's id") from error


def _is_meant(conversation: Contact | Room, text: str) -> bool:
    names = [str(conversation.id), conversation.name.casefold()]
    if isinstance(conversation, Contact):
        names.append(str(conversation.account))
    return text in names or text.casefold() in names


def _only(text: str, found: list[T]) -> T:
    if not found:
        raise UnknownConversation(
            f"no contact or room is {text[:100]!a}; `p2pchat contacts` and `p2pchat rooms` list"
            " them"
        )
    if len(found) > 1:
        raise LocalProtocolError(f"{text[:100]!a} means {len(found)} of them; use the id instead")
    return found[0]
