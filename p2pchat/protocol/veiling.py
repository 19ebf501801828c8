"""What a diagnosis does not tell: it is meant to be shown to others.

By construction facts hold no text, no contact and no key. Yet they quote messages of the system and
of servers, which may quote anything; so every text in them passes here at the end. Accounts and
peer ids are names of people: they are shortened, unless the owner asked to keep them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TypeVar, cast

__all__ = ["veiled"]

TEXT_CHARACTERS_MAX = 400
"""Of one text."""

T = TypeVar("T")

_ACCOUNT = re.compile(r"\bz6Mk\w{20,}")
_PEER = re.compile(r"\b(?:12D3Koo|16Uiu2|Qm)\w{35,}")
_LINK = re.compile(r"dchat://\S+")
_KEY = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_QUERY = re.compile(r"(https?://[^\s?#]+)[?#]\S*")
_LOGIN = re.compile(r"(https?://)[^\s/@]+@")


def veiled(value: T, places: Mapping[str, str], *, keeps_ids: bool) -> T:
    """The same value with all its texts made fit to be shown. `places` says what stands for
    directories that tell a login name."""
    return cast("T", _veiled(value, places, keeps_ids))


def _veiled(value: object, places: Mapping[str, str], keeps_ids: bool) -> object:
    match value:
        case str() if not isinstance(value, Enum):
            return _text(value, places, keeps_ids)
        case tuple():
            items = cast("tuple[object, ...]", value)
            return tuple(_veiled(one, places, keeps_ids) for one in items)
        case Mapping():
            items = cast("Mapping[str, object]", value)
            return {
                _text(key, places, keeps_ids): _veiled(one, places, keeps_ids)
                for key, one in items.items()
            }
        case _ if is_dataclass(value) and not isinstance(value, type):
            content = {
                field.name: _veiled(getattr(value, field.name), places, keeps_ids)
                for field in fields(value)
            }
            return type(value)(**content)
        case _:
            return value


def _text(text: str, places: Mapping[str, str], keeps_ids: bool) -> str:
    for place, stand_in in places.items():
        text = text.replace(place, stand_in)
    text = _LOGIN.sub(r"\1", _QUERY.sub(r"\1", _LINK.sub("dchat://…", text)))
    text = _KEY.sub("…", text)
    if not keeps_ids:
        text = _ACCOUNT.sub("z6Mk…", _PEER.sub(lambda found: f"…{found[0][-6:]}", text))
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown[:TEXT_CHARACTERS_MAX]
