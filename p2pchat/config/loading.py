"""Settings from a TOML file, `config.toml` in the home.

A file outlives the version that it was written for. So a key that this version does not know is
ignored with a warning that names it, while a value that is wrong stops the start: it would not do
what its writer meant. Relative paths in the file start at the file's directory.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, cast

from p2pchat.config.fetch_url import FetchUrl
from p2pchat.config.lan import LanConfig
from p2pchat.config.limits import FetchLimits, Limits, MailboxLimits, RelayLimits
from p2pchat.config.mailboxes import ClientMailboxes, RelayMailboxes
from p2pchat.config.settings import ClientConfig, DhtConfig, RelayConfig
from p2pchat.errors import ConfigError
from p2pchat.model.blocking import BlockList, Subnet
from p2pchat.model.ids import PeerId

__all__ = [
    "CONFIG_FILE",
    "Loaded",
    "config_text",
    "load_client_config",
    "load_relay_config",
    "parse_config",
    "read_client_config",
]

CONFIG_FILE = "config.toml"
"""Its name in a home."""

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_C = TypeVar("_C", ClientConfig, RelayConfig)
Loaded = tuple[_C, tuple[str, ...]]
"""Settings, and one warning for each key of the file that was ignored."""
_Read = Callable[["_File", str, object], object]
"""Turns the TOML value under a key into the argument that the field wants."""


def load_client_config(path: Path) -> Loaded[ClientConfig]:
    """Read a client's settings; a file that does not exist means the defaults.

    The second value holds one warning for each key that was ignored; they are logged too.
    """
    config, warnings = read_client_config(config_text(path), path)
    return config, _reported(warnings)


def read_client_config(text: str, path: Path, wanted: Iterable[str] = ()) -> Loaded[ClientConfig]:
    """The settings that this text would be, stood it at `path`; nothing is logged. Raises
    `ConfigError` as loading it would, and for a key of `wanted` that is no setting."""
    file = _File(path)
    config = file.build(ClientConfig, _CLIENT, {}, text)
    for key in wanted:
        if any(f"{key}.".startswith(f"{ignored}.") for ignored in file.warnings):
            raise ConfigError(key, "there is no such setting", "")
    return config, tuple(file.warnings.values())


def _reported(warnings: Iterable[str]) -> tuple[str, ...]:
    """The warnings, logged."""
    for warning in warnings:
        logger.warning("%s", warning)
    return tuple(warnings)


def load_relay_config(path: Path) -> Loaded[RelayConfig]:
    """Read a relay's settings like `load_client_config`; its home is the file's directory."""
    file = _File(path)
    config = file.build(RelayConfig, _RELAY, {"home": path.parent}, config_text(path))
    return config, _reported(file.warnings.values())


def config_text(path: Path) -> str:
    """What stands in a configuration file; nothing when there is none. Raises `ConfigError`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""  # a home that is no folder is told of by who opens it
    except OSError as error:
        raise ConfigError(path.name, f"{path} is unreadable: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path.name, f"{path} is no TOML: {error}") from error


def parse_config(text: str, path: Path) -> dict[str, object]:
    """The plain values in a text, of which nothing is checked. Raises `ConfigError` naming the
    file."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path.name, f"{path} is no TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(path.name, f"{path} is nested too deeply") from error


class _File:
    """One configuration file while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: dict[str, str] = {}
        """By the key that was ignored."""

    def build(
        self,
        make: Callable[..., _T],
        readers: Mapping[str, _Read],
        given: Mapping[str, object],
        text: str,
    ) -> _T:
        return make(**given, **self.arguments(parse_config(text, self.path), readers))

    def arguments(
        self, table: Mapping[str, object], readers: Mapping[str, _Read], prefix: str = ""
    ) -> dict[str, object]:
        """Read what has a reader, note what has none."""
        known = table.keys() & readers.keys()
        for key in table:
            if key not in known:
                self.warnings[prefix + key] = self._unknown(key, prefix, readers)
        return {
            key: readers[key](self, prefix + key, value)
            for key, value in table.items()
            if key in known
        }

    def _unknown(self, key: str, prefix: str, readers: Mapping[str, _Read]) -> str:
        near = get_close_matches(key, readers, n=1)
        hint = f"; did you mean {prefix}{near[0]}?" if near else ""
        return f"{self.path}: the unknown key {prefix}{key} is ignored{hint}"


def _text(_: _File, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(key, f"{value!r} is no text; put it in quotes", repr(value))
    return value


def _secret(file: _File, key: str, value: object) -> str:
    """An empty one is a mistake: it would open the network to everybody."""
    if value == "":
        raise ConfigError(key, "it is empty; take the line out to let everybody in", "")
    return _text(file, key, value)


def _secret_text(_: _File, key: str, value: object) -> str:
    """Text that no message quotes."""
    if not isinstance(value, str):
        raise ConfigError(key, "it is no text; put it in quotes", "")
    return value


def _flag(_: _File, key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(key, f"{value!r} is neither true nor false", repr(value))
    return value


def _number(_: _File, key: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(key, f"{value!r} is no number", repr(value))
    return value


def _path(file: _File, key: str, value: object) -> Path:
    try:
        return file.path.parent / Path(_text(file, key, value)).expanduser()
    except RuntimeError as error:  # "~name" without such a user
        raise ConfigError(key, f"{value!r} is no path: {error}") from error


def _list(value: object, key: str) -> list[object]:
    if not isinstance(value, list):
        raise ConfigError(key, f"give a list in brackets: [{value!r}]", repr(value))
    return cast("list[object]", value)


def _texts(file: _File, key: str, value: object) -> tuple[str, ...]:
    return tuple(_text(file, key, item) for item in _list(value, key))


def _urls(file: _File, key: str, value: object) -> tuple[FetchUrl, ...]:
    return tuple(_url(file, key, item) for item in _list(value, key))


def _url(file: _File, key: str, value: object) -> FetchUrl:
    if isinstance(value, str):
        return FetchUrl(value)
    shown = repr(value)
    if not isinstance(value, dict) or "url" not in value:
        message = f'{shown} is neither "https://…" nor {{ url = "https://…", … }}'
        raise ConfigError(key, message, shown)
    return _table(FetchUrl, _FETCH_URL)(file, key, cast("dict[str, object]", value))


def _blocked_peers(file: _File, key: str, value: object) -> frozenset[PeerId]:
    try:
        return BlockList.parse(peers=_texts(file, key, value)).peers
    except ValueError as error:
        raise ConfigError(key, str(error)) from error


def _blocked_subnets(file: _File, key: str, value: object) -> frozenset[Subnet]:
    try:
        return BlockList.parse(subnets=_texts(file, key, value)).subnets
    except ValueError as error:
        raise ConfigError(key, str(error)) from error


def _table(make: Callable[..., _T], readers: Mapping[str, _Read]) -> Callable[..., _T]:
    """A reader of a table that becomes a value of its own."""

    def read(file: _File, key: str, value: object) -> _T:
        if not isinstance(value, dict):
            message = f"{value!r} is no table; write [{key}] above its keys"
            raise ConfigError(key, message, repr(value))
        return make(**file.arguments(cast("dict[str, object]", value), readers, f"{key}."))

    return read


def _numbers(cls: type[Limits | RelayLimits | MailboxLimits | FetchLimits]) -> Mapping[str, _Read]:
    return {field.name: _number for field in fields(cls)}


_FETCH_URL: Mapping[str, _Read] = {
    "url": _text,
    "ca_file": _path,
    "fingerprint": _text,
    "insecure": _flag,
}
_DHT: Mapping[str, _Read] = {
    "mode": _text,
    "query_timeout_s": _number,
}
_LAN: Mapping[str, _Read] = {
    "enabled": _flag,
    "name": _text,
    "listen_host": _text,
    "listen_port": _number,
    "discovery_port": _number,
    "heartbeat_s": _number,
    "ttl_s": _number,
    "allowed_subnets": _texts,
    "secret": _secret,
    "secret_file": _path,
    "accept_requests": _flag,
}
_RELAY_MAILBOXES: Mapping[str, _Read] = {
    "enabled": _flag,
    "database": _secret_text,
    "limits": _table(MailboxLimits, _numbers(MailboxLimits)),
}
_CLIENT_MAILBOXES: Mapping[str, _Read] = {
    "relays": _texts,
    "serve_for": _texts,
    "limits": _table(MailboxLimits, _numbers(MailboxLimits)),
}
_BLOCKS: Mapping[str, _Read] = {
    "peers": _blocked_peers,
    "subnets": _blocked_subnets,
}
_SHARED: Mapping[str, _Read] = {
    "identity_file": _path,
    "bootstrap_peers": _texts,
    "bootstrap_urls": _urls,
    "fetch": _flag,
    "listen": _texts,
    "announce": _texts,
    "blocks": _table(BlockList, _BLOCKS),
    "dht": _table(DhtConfig, _DHT),
    "fetch_limits": _table(FetchLimits, _numbers(FetchLimits)),
}
_CLIENT: Mapping[str, _Read] = {
    **_SHARED,
    "name": _text,
    "transport": _text,
    "lan": _table(LanConfig, _LAN),
    "mailboxes": _table(ClientMailboxes, _CLIENT_MAILBOXES),
    "limits": _table(Limits, _numbers(Limits)),
}
_RELAY: Mapping[str, _Read] = {
    **_SHARED,
    "metrics": _text,
    "mailboxes": _table(RelayMailboxes, _RELAY_MAILBOXES),
    "limits": _table(RelayLimits, _numbers(RelayLimits)),
}
