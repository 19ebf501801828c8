"""Settings changed in a configuration file whose owner writes in it, too: text in, text out.

A file is somebody's own: comments, order, spelling and keys of other versions stay as they are, and
of a list the entries that stay keep their lines. What comes out is read again and compared with
what was to be, value by value, before it is given to anybody.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from pathlib import Path
from typing import cast

from p2pchat.config.loading import config_text, parse_config, read_client_config
from p2pchat.errors import ConfigError

__all__ = ["edited_config", "settings_in"]

_Table = MutableMapping[str, object]
_LINE_CHARACTERS_MAX = 80
"""A new list that would be longer has a line for each entry."""


def settings_in(path: Path) -> dict[str, object]:
    """The settings that stand in a client's file, by their keys with dots (`lan.enabled`), as plain
    values and as they were written; secrets among them. Raises `ConfigError` as loading it does."""
    text = config_text(path)
    read_client_config(text, path)
    return dict(_flat(parse_config(text, path), ""))


def edited_config(text: str, changes: Mapping[str, object], path: Path) -> str:
    """The text of a configuration file with other values under these keys, which are written with
    dots (`lan.enabled`); None takes a key out. All else in it stays as it is.

    Whether the values are right is not looked at. `path` is for messages. Raises `ConfigError` for
    a text that is no TOML, and for what cannot be put there.
    """
    import tomlkit  # a tenth of a second, for who changes settings alone
    from tomlkit.exceptions import TOMLKitError

    wanted = parse_config(text, path)
    plain = {key: None if value is None else _plain(key, value) for key, value in changes.items()}
    written_now = dict(_flat(wanted, ""))
    plain = {key: value for key, value in plain.items() if not _is_same(written_now, key, value)}
    for key, value in plain.items():
        _put(wanted, key, copy.deepcopy(value))
    try:
        document = tomlkit.parse(text)
        for key, value in plain.items():
            _put(document, key, value)
        written = tomlkit.dumps(document)
        is_right = _pruned(parse_config(written, path)) == _pruned(wanted)
    except (
        TOMLKitError,
        ConfigError,
        RecursionError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):
        is_right, written = False, ""  # whatever it stumbles over, the file is as it was
    if not is_right:
        keys = ", ".join(changes)
        raise ConfigError(path.name, f"it is written so that {keys} must be changed by hand", "")
    return written


def _pruned(table: Mapping[str, object]) -> dict[str, object]:
    """The same without empty tables, which say nothing: with its last key one may go, too."""
    plain = {
        key: _pruned(cast("dict[str, object]", value)) if isinstance(value, dict) else value
        for key, value in table.items()
    }
    return {key: value for key, value in plain.items() if value != {}}


def _flat(table: Mapping[str, object], prefix: str) -> Sequence[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            found += _flat(cast("dict[str, object]", value), f"{prefix}{key}.")
        else:
            found.append((prefix + key, value))
    return found


def _is_same(present: Mapping[str, object], key: str, value: object) -> bool:
    there = present.get(key)
    return type(there) is type(value) and there == value


def _plain(key: str, value: object) -> object:
    """A value as TOML has it."""
    match value:
        case str():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise ConfigError(key, "it holds what UTF-8 cannot carry", "") from error
            return value
        case bool() | int() | float():
            return value
        case Mapping():
            table = cast("Mapping[str, object]", value)
            return {name: _plain(key, each) for name, each in table.items()}
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [_plain(key, each) for each in cast("Sequence[object]", value)]
        case _:
            raise ConfigError(key, f"{type(value).__name__} is nothing that a file can hold", "")


def _put(table: _Table, key: str, value: object) -> None:
    """Set a key in plain values or in a document, or take it out."""
    *above, name = key.split(".")
    for each in above:
        if each not in table:
            if value is None:
                return
            table[each] = _new_table(table)
        inner = table[each]
        if not isinstance(inner, MutableMapping):
            raise ConfigError(key, f"{each} is no table; write [{each}] above its keys", "")
        table = cast("_Table", inner)
    if value is None:
        table.pop(name, None)
    elif isinstance(value, list):
        _put_list(table, name, cast("list[object]", value))
    else:
        table[name] = value


def _new_table(within: _Table) -> object:
    import tomlkit
    from tomlkit.items import InlineTable

    if isinstance(within, InlineTable):
        return tomlkit.inline_table()
    return {} if type(within) is dict else tomlkit.table()


def _put_list(table: _Table, name: str, wanted: list[object]) -> None:
    from tomlkit.items import AoT, Array

    present = table.get(name)
    if isinstance(present, Array) or (
        isinstance(present, AoT) and all(each in present for each in wanted)
    ):
        _renew(cast("MutableSequence[object]", present), wanted)
        return
    table.pop(name, None)  # what has another form may stand where a list cannot
    table[name] = wanted if type(table) is dict else _new_list(wanted)


def _renew(array: MutableSequence[object], wanted: list[object]) -> None:
    """Make a list another one, with the lines of what is in both left alone."""
    for at in reversed(range(len(array))):
        if array[at] not in wanted:
            del array[at]
    for at, value in enumerate(wanted):
        if at >= len(array) or array[at] != value:
            array.insert(at, value)
    while len(array) > len(wanted):
        del array[-1]


def _new_list(values: list[object]) -> object:
    import tomlkit

    array = tomlkit.item(values)
    return array.multiline(len(array.as_string()) > _LINE_CHARACTERS_MAX)
