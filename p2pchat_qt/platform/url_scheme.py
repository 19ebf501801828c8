"""`dchat://` links of other programs, such as a browser's, open here.

On Linux a desktop entry says that it opens them, and `mimeapps.list` that it is the one to do so;
on Windows a key of the user's classes says both. On macOS only a bundle can say it, in its own
`Info.plist`: a program that is run from its source cannot.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSettings

from p2pchat_qt.platform.launching import desktop_entry, exec_line, launch_command, write, xdg

__all__ = ["UrlScheme", "link_entry", "open_value", "with_default", "without_default"]

SCHEME = "dchat"
_TYPE = f"x-scheme-handler/{SCHEME}"
_ENTRY = "dchat.desktop"
_DEFAULTS = "[Default Applications]"
_CLASS = f"HKEY_CURRENT_USER\\Software\\Classes\\{SCHEME}"
_OPEN = "shell/open/command/."


def link_entry(command: list[str]) -> str:
    """What stands in `~/.local/share/applications/dchat.desktop`. What is opened comes after `--`:
    it is a link, and never an option."""
    more = {"Categories": "Network;InstantMessaging;", "MimeType": f"{_TYPE};"}
    return desktop_entry(exec_line([*command, "--"]) + " %u", more)


def open_value(command: list[str]) -> str:
    """What opens a link on Windows."""
    return subprocess.list2cmdline([*command, "--"]) + ' "%1"'


def with_default(words: str) -> str:
    """`mimeapps.list` with this program as the one that opens the links; what else stands there is
    left as it is."""
    lines = _without(words, lambda _: True)
    if _DEFAULTS not in lines:
        lines += [*([""] if lines else []), _DEFAULTS]
    lines.insert(lines.index(_DEFAULTS) + 1, f"{_TYPE}={_ENTRY}")
    return "\n".join(lines) + "\n"


def without_default(words: str) -> str:
    """The same with this program not named; another one stays."""
    kept = _without(words, lambda named: named.partition(";")[0].strip() == _ENTRY)
    return "".join(f"{line}\n" for line in kept)


def _without(words: str, drops: Callable[[str], bool]) -> list[str]:
    """The lines, but those that name a default for the links which is to be dropped."""
    kept, group = list[str](), ""
    for line in words.splitlines():
        group = line.strip() if line.startswith("[") else group
        name, _, named = line.partition("=")
        if group != _DEFAULTS or name.strip() != _TYPE or not drops(named):
            kept.append(line)
    return kept


class UrlScheme:
    """Of one home; another home's entry counts as none, and is replaced."""

    def __init__(self, home: Path) -> None:
        self._command = launch_command(home)

    @property
    def is_possible(self) -> bool:
        """Whether this system can be told by a program that is not installed."""
        return sys.platform != "darwin"

    def is_on(self) -> bool:
        """Whether links open in the window of this home."""
        if sys.platform == "win32":
            key = QSettings(_CLASS, QSettings.Format.NativeFormat)
            return key.value(_OPEN) == open_value(self._command)
        defaults = _read(_defaults())
        is_default = without_default(defaults).splitlines() != defaults.splitlines()
        return is_default and _read(_entry()) == link_entry(self._command)

    def turn(self, is_on: bool) -> None:
        """Have them open here, or not. Raises `OSError`."""
        if sys.platform == "win32":
            self._turn_key(is_on)
        elif is_on:
            write(_entry(), link_entry(self._command))
            write(_defaults(), with_default(_read(_defaults())))
        else:
            write(_defaults(), without_default(_read(_defaults())))
            _entry().unlink(missing_ok=True)

    def _turn_key(self, is_on: bool) -> None:
        key = QSettings(_CLASS, QSettings.Format.NativeFormat)
        if is_on:
            key.setValue(".", "URL:DChat")
            key.setValue("URL Protocol", "")
            key.setValue(_OPEN, open_value(self._command))
        else:
            key.remove("")
        key.sync()


def _entry() -> Path:
    return xdg("XDG_DATA_HOME", ".local/share") / "applications" / _ENTRY


def _defaults() -> Path:
    return xdg("XDG_CONFIG_HOME", ".config") / "mimeapps.list"


def _read(file: Path) -> str:
    """What stands in it, which may be nothing. Raises `OSError` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
