"""Parameters of the methods of `p2pchat rpc`: what is given, turned into what a function takes.

Text that is no id names nothing, and is answered like an id that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import NoneType
from typing import TypeVar, cast, get_args

from p2pchat.cli.jsonrpc import InvalidParams
from p2pchat.cli.reading import ReadReceipts
from p2pchat.client.transcripts import TranscriptFormat
from p2pchat.errors import UnknownContact, UnknownConversation, UnknownMessage
from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
from p2pchat.model.room import Role, RoomsFrom

__all__ = ["Parameter", "reader"]

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter and how it is read."""

    name: str
    read: Callable[[str, object], object]
    is_required: bool


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidParams(f"{name} is a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidParams(f"{name} holds half a surrogate pair") from error
    return value


def _read_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidParams(f"{name} is a whole number")
    return value


def _read_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidParams(f"{name} is true or false")
    return value


def _read_account(name: str, value: object) -> AccountId:
    try:
        return AccountId.parse(_read_text(name, value))
    except ValueError as error:
        raise UnknownContact(f"{value!a:.80} is no account; one begins with z6Mk") from error


def _read_conversation(name: str, value: object) -> ConversationId:
    try:
        return ConversationId.parse(_read_text(name, value))
    except ValueError as error:
        raise UnknownConversation(f"{value!a:.80} is no conversation's id") from error


def _read_message(name: str, value: object) -> OpId:
    try:
        return OpId.parse(_read_text(name, value))
    except ValueError as error:
        raise UnknownMessage(f"{value!a:.80} is no message's id") from error


def _read_peer(name: str, value: object) -> PeerId:
    try:
        return PeerId.parse(_read_text(name, value))
    except ValueError as error:
        raise InvalidParams(f"{name} is no peer id") from error


def _read_accounts(name: str, value: object) -> tuple[AccountId, ...]:
    if not isinstance(value, list):
        raise InvalidParams(f"{name} is a list of accounts")
    return tuple(_read_account(name, one) for one in cast("list[object]", value))


def _read_choice(kind: type[E]) -> Callable[[str, object], E]:
    def read(name: str, value: object) -> E:
        try:
            return kind(_read_text(name, value))
        except ValueError as error:
            raise InvalidParams(f"{name} is one of {', '.join(kind)}") from error

    return read


_READERS: Mapping[object, Callable[[str, object], object]] = {
    str: _read_text,
    int: _read_number,
    bool: _read_flag,
    AccountId: _read_account,
    ConversationId: _read_conversation,
    OpId: _read_message,
    PeerId: _read_peer,
    TranscriptFormat: _read_choice(TranscriptFormat),
    Role: _read_choice(Role),
    RoomsFrom: _read_choice(RoomsFrom),
    ReadReceipts: _read_choice(ReadReceipts),
    tuple[AccountId, ...]: _read_accounts,
}


def reader(hint: object) -> Callable[[str, object], object]:
    """The reader of a type, or of the type beside None."""
    if hint in _READERS:
        return _READERS[hint]
    kinds = [kind for kind in get_args(hint) if kind is not NoneType] or [hint]
    return _READERS[kinds[0]]
