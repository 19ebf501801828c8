"""The settings that stand in the home's configuration file: those of the network and of the LAN.

They are checked and written by the library, with a client or without: where one cannot start
because of a setting, that can be mended here. A client that is open takes over what it can at once;
what it cannot waits for its next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from PySide6.QtCore import QCoreApplication, Signal, Slot

import p2pchat
from p2pchat.config import CONFIG_FILE, ClientConfig, settings_in
from p2pchat.errors import ConfigError, P2PChatError
from p2pchat_qt.session import Session
from p2pchat_qt.values import Row, row, texts
from p2pchat_qt.viewmodels.base import ViewModel

__all__ = ["ConfigView"]

_LISTS: Mapping[str, Sequence[str]] = {
    "bootstrap_peers": (),
    "bootstrap_urls": (),
    "listen": ClientConfig().listen,
    "announce": (),
    "mailboxes.relays": (),
    "lan.allowed_subnets": (),
}
_SWITCHES = {"fetch": True, "lan.enabled": False, "lan.accept_requests": False}
"""What each is where the file says nothing."""
_SECRET = "lan.secret"  # noqa: S105 -- a key's name
_SECRET_FILE = "lan.secret_file"  # noqa: S105

_Values = Mapping[str, object]


class ConfigView(ViewModel):
    """Lists, switches, errors and what was saved, each by the key of its setting. No secret is
    among what the window is given, only whether there is one."""

    accepted = Signal(str)
    """What was typed for this key is saved."""
    refused = Signal(str)
    """It is not, and everything is as it was."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._turns = asyncio.Lock()
        self._errors = dict[str, str]()
        self._saved = dict[str, str]()
        self._show({})
        self.put(isLoaded=False, isBusy=False, fault="", waiting=[], errors={}, saved={})
        session.phase_changed.connect(self._phase)

    @Slot()
    def look(self) -> None:
        """A page of these settings is opened: read the file, and forget what was said of it."""
        self._errors.clear()
        self._saved.clear()
        self.put(isLoaded=False, errors={}, saved={})
        self.do(self._read())

    @Slot(str, str)
    def add(self, key: str, typed: str) -> None:
        """Put an entry at the end of a list."""
        entry = typed.strip()

        def with_it(entries: list[object]) -> list[object]:
            if entry in entries:
                raise ConfigError(key, "it is there already")
            return [*entries, entry]

        if entry:
            self._edit(key, with_it)

    @Slot(str, int)
    def remove(self, key: str, at: int) -> None:
        """Take an entry out of a list."""
        self._edit(key, lambda entries: [*entries[:at], *entries[at + 1 :]])

    @Slot(str)
    def restore(self, key: str) -> None:
        """Take a setting out of the file: its default holds again."""
        self._change(key, {key: None})

    @Slot(str, bool)
    def turn(self, key: str, is_on: bool) -> None:
        """Turn something on or off."""
        self._change(key, {key: is_on})

    @Slot(str)
    def set_secret(self, secret: str) -> None:
        """Another secret of the LAN, in place of the one that is there or is named there."""
        if secret:
            self._change(_SECRET, {_SECRET: secret, _SECRET_FILE: None})

    @Slot()
    def forget_secret(self) -> None:
        """No secret any more."""
        self._change(_SECRET, {_SECRET: None, _SECRET_FILE: None})

    @Slot()
    def restart(self) -> None:
        """Have the client begin anew, with what waits for that."""
        if self.session.phase == "open":
            self.session.restart()
        else:
            self.session.begin()

    def _phase(self) -> None:
        if self.session.phase == "open" and (self._saved or self.value("waiting")):
            self.do(self._take_over())  # it may have begun before the last of them was written

    def _change(self, key: str, changes: Mapping[str, object]) -> None:
        home = self.session.home
        self.act(self._changed(key, lambda: p2pchat.change_config(home, changes)))

    def _edit(self, key: str, edit: Callable[[list[object]], list[object]]) -> None:
        home = self.session.home

        def write() -> object:  # in a thread: whoever else writes in the file may just have done so
            present = _entries(settings_in(home / CONFIG_FILE), key)
            return p2pchat.change_config(home, {key: edit(present)})

        self.act(self._changed(key, write))

    async def _changed(self, key: str, write: Callable[[], object]) -> None:
        async with self._turns:
            self.put(isBusy=True)
            try:
                await asyncio.to_thread(write)
                self._errors.pop(key, None)
                self._saved[key] = "restart"
                await self._take_over()
                self.accepted.emit(key)
            except (P2PChatError, OSError) as error:
                self._errors[key] = self._words(key, error)
                self._saved.pop(key, None)
                self.refused.emit(key)
            finally:
                await self._read_and_tell()

    async def _read_and_tell(self) -> None:
        """What is said of a change comes together with what stands in the file since."""
        try:
            await self._read()
        finally:
            self.put(isBusy=False, errors=dict(self._errors), saved=dict(self._saved))

    async def _take_over(self) -> None:
        """Have the client read the file again, if it is there."""
        if self.session.phase == "open":
            change = row(await self.session.call("reload_config"))
            self._wait_for(texts(change["needs_restart"]))

    def _wait_for(self, keys: list[str]) -> None:
        """These alone are not in force."""
        self._saved = {key: "restart" if key in keys else "now" for key in self._saved}
        self.put(waiting=keys, saved=dict(self._saved))

    async def _read(self) -> None:
        try:
            values = await asyncio.to_thread(settings_in, self.session.home / CONFIG_FILE)
        except ConfigError as error:
            self.put(isLoaded=True, fault=self._words("", error))
        else:
            self._show(values)
            self.put(isLoaded=True, fault="")

    def _words(self, key: str, error: Exception) -> str:
        """What is wrong, without the key beside whose field it stands."""
        about = error.key if isinstance(error, ConfigError) else key
        reason = self.session.notices.say(str(error).removeprefix(f"{about}: "))
        if about in (key, CONFIG_FILE):
            return reason
        words = QCoreApplication.translate("ConfigView", "%1 in config.toml: %2")
        return words.replace("%1", about).replace("%2", reason)

    def _show(self, values: _Values) -> None:
        self.put(
            lists={key: [_shown(each) for each in _entries(values, key)] for key in _LISTS},
            written=[key for key in _LISTS if key in values],
            switches={key: values.get(key, default) for key, default in _SWITCHES.items()},
            hasSecret=_SECRET in values or _SECRET_FILE in values,
            secretFile=str(values.get(_SECRET_FILE, "")),
        )


def _entries(values: _Values, key: str) -> list[object]:
    """A list as it is written, or its default."""
    return list(cast("Sequence[object]", values.get(key, _LISTS[key])))


def _shown(entry: object) -> str:
    """An entry in a line: a table by its URL, and of that no query, which may hold a secret."""
    text = str(cast("Row", entry).get("url", "")) if isinstance(entry, dict) else str(entry)
    url, mark, _ = text.partition("?")
    return f"{url}?…" if mark else url
