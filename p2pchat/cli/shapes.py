"""What users hold, as JSON: one shape a value, the same in every command and in JSON-RPC.

Fields are those of the frozen values themselves (`model`, `events`), so that what Python programs
read and what others read cannot drift apart; ids are text, bytes are hexadecimal, times are
milliseconds. Fields may be added, never renamed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING

from p2pchat.client.transcripts import message_fields
from p2pchat.events import Event, StartupProgress
from p2pchat.model.diagnosis import Saying
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.message import Message

if TYPE_CHECKING:
    from p2pchat.client.client import Client

__all__ = ["account", "event", "to_json"]

_IDS = (AccountId, ConversationId, DeviceId, OpId, PeerId)


def account(client: Client) -> dict[str, object]:
    """Who we are and where."""
    return {
        "account": client.account,
        "peer_id": client.peer_id,
        "name": client.profile.name,
        "contact_link": client.contact_link,
        "addresses": client.addresses,
    }


def event(event: Event) -> dict[str, object]:
    """The parameters of an event's notification. A step of the start is named by its class."""
    if isinstance(event, StartupProgress):
        return {"type": "StartupProgress", "step": _snake(type(event).__name__), **_fields(event)}
    return {"type": type(event).__name__, **_fields(event)}


def to_json(value: object) -> bytes:
    """One line of JSON without its end. What no UTF-8 has (half a surrogate pair, which a file
    name may hold) is escaped, so that any line can be read back."""
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


def _encode(value: object) -> object:
    match value:
        case Message():
            return message_fields(value)
        case Saying():
            return str(value)
        case bytes():
            return str(value) if isinstance(value, _IDS) else value.hex()
        case _ if is_dataclass(value):
            return _fields(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON shape")


def _fields(value: object) -> Mapping[str, object]:
    return {name: getattr(value, name) for name in _names(type(value))}


@cache
def _names(kind: type[object]) -> tuple[str, ...]:
    assert is_dataclass(kind), "only values have a shape"
    return tuple(field.name for field in fields(kind))


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_encode
)
