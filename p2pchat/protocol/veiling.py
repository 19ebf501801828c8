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
_URL = re.compile(r"(https?://)([^\s/?#]*)(\S*)", re.IGNORECASE)
_ENDS = ".,:;!?)]}>'\""
"""What follows an address in a sentence."""
_PLAIN = re.compile(r"[\w.~-]*", re.ASCII)
_RUN = re.compile(r"[^\W_]+", re.ASCII)
TOKEN_CHARACTERS, MIXED_CHARACTERS = 20, 10
"""Letters and digits in a row that are no word; fewer where there are both."""


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
    text = _URL.sub(_shown_url, _LINK.sub("dchat://…", text))
    text = _KEY.sub("…", text)
    if not keeps_ids:
        text = _ACCOUNT.sub("z6Mk…", _PEER.sub(lambda found: f"…{found[0][-6:]}", text))
    shown = "".join(c if c.isprintable() else " " for c in text)
    return shown[:TEXT_CHARACTERS_MAX]


def _shown_url(found: re.Match[str]) -> str:
    """Its host and the words of its path: a login, a query, or a token may open what it names."""
    scheme, authority, rest = found.groups()
    host = authority.rpartition("@")[2]
    if not rest:
        return scheme + host
    if "@" in rest and ":" in host:
        return f"{scheme}…"  # a password that holds "/", "?" or "#", or what looks like one
    path = re.split("[?#]", rest, maxsplit=1)[0]
    named = path.rstrip(_ENDS)
    shown = ("…" if _is_token(part) else part for part in named.split("/"))
    return scheme + host + "/".join(shown) + path[len(named) :]


def _is_token(part: str) -> bool:
    """Whether a part of a path may be a secret rather than a name."""
    return _PLAIN.fullmatch(part) is None or any(map(_is_random, _RUN.findall(part)))


def _is_random(run: str) -> bool:
    is_mixed = not run.isalpha() and not run.isdigit()
    is_cased = is_mixed and run.lower() != run != run.upper()
    return len(run) >= (MIXED_CHARACTERS if is_mixed else TOKEN_CHARACTERS) or is_cased
