"""Whom a name means where no other command can run: what to do then is said in chat's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from p2pchat.cli import finding
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import UnknownConversation
from p2pchat.model.room import RoomInfo

__all__ = ["contact_named", "conversation_named", "room_request_named"]

T = TypeVar("T")

NOBODY = (
    "no contact who has accepted, and no room that you are in, is {name}; /list shows who is, and"
    " whom you asked is named by account"
)
NO_REQUEST = "no request is by {name}; /requests shows who waits for your word"


def conversation_named(client: Client, text: str) -> Contact | Room:
    """As `finding.conversation_named`."""
    return _found(finding.conversation_named, client, text, NOBODY)


def contact_named(client: Client, text: str) -> Contact:
    """As `finding.find_contact`."""
    return _found(finding.find_contact, client, text, NOBODY)


def room_request_named(client: Client, text: str) -> RoomInfo:
    """As `finding.find_room_request`."""
    return _found(finding.find_room_request, client, text, NO_REQUEST)


def _found(find: Callable[[Client, str], T], client: Client, text: str, nothing: str) -> T:
    try:
        return find(client, text)
    except UnknownConversation:
        raise UnknownConversation(nothing.format(name=f"{text[:100]!a}")) from None
