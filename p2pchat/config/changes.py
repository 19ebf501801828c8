"""What a changed configuration changes: at once, or at the next start.

A node is built on most of its settings. Those that only say whom to dial and whom to refuse can be
replaced while it runs; of all others its user is told, by name, that they wait for a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Generic, TypeVar

from p2pchat.config.loading import Loaded
from p2pchat.config.settings import ClientConfig, RelayConfig
from p2pchat.errors import ConfigError

__all__ = ["ConfigChange", "SettingsInForce", "compare", "taken_over"]

_AT_RUN_TIME = ("bootstrap_peers", "bootstrap_urls", "fetch", "fetch_limits", "blocks")
_CONFINES_LAN = "lan.allowed_subnets"
_ONCE = ("name",)
"""What counts only when an identity is made."""

C = TypeVar("C", ClientConfig, RelayConfig)


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What became of a new configuration; keys are written as in the file."""

    applied: tuple[str, ...]
    """In force now."""
    needs_restart: tuple[str, ...]
    """Changed, and not in force before the next start."""
    warnings: tuple[str, ...] = ()
    """Keys of the file that were ignored."""


class SettingsInForce(Generic[C]):
    """The settings of a running node, and where they are read again."""

    def __init__(
        self,
        config: C,
        reload: Callable[[], Loaded[C]] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        """What is in force; what waits for a restart is not in it."""
        self.warnings = warnings
        """Keys that were ignored when they were read last."""
        self._reload = reload

    def load(self) -> Loaded[C]:
        """Read them again, changing nothing yet. Raises `ConfigError`."""
        if self._reload is None:
            raise ConfigError(
                "config", "it was opened with settings that stand in no file; give it new ones"
            )
        return self._reload()

    def renew(self, config: C, warnings: tuple[str, ...] | None = None) -> ConfigChange:
        """Take over what may change at run time; says what did, and what has to wait. `warnings`
        came with what was read again."""
        if warnings is not None:
            self.warnings = warnings
        change = replace(compare(self.config, config), warnings=warnings or ())
        self.config = taken_over(self.config, config)
        return change


def compare(before: C, after: C) -> ConfigChange:
    """Which settings differ, and when they take effect."""
    changed = [key for key in _changed(before, after, "") if key not in _ONCE]
    applied = tuple(key for key in changed if _is_applied(key))
    return ConfigChange(applied, tuple(key for key in changed if key not in applied))


def taken_over(before: C, after: C) -> C:
    """`before` with what of `after` is in force at once."""
    taken = replace(before, **{key: getattr(after, key) for key in _AT_RUN_TIME})
    if isinstance(taken, ClientConfig) and isinstance(after, ClientConfig):
        lan = replace(taken.lan, allowed_subnets=after.lan.allowed_subnets)
        return replace(taken, lan=lan)
    return taken


def _is_applied(key: str) -> bool:
    return key == _CONFINES_LAN or key.partition(".")[0] in _AT_RUN_TIME


def _changed(before: object, after: object, prefix: str) -> Iterator[str]:
    assert is_dataclass(before), "a table is a value"
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if is_dataclass(old):
            yield from _changed(old, new, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name
