"""Starting with the system: the window of one home opens when its user logs in.

On Linux a desktop entry in `~/.config/autostart`, on Windows a value of the user's key `Run`, on
macOS a launch agent. All of them are the user's own: nothing is asked of an administrator.
"""

from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QSettings

from p2pchat_qt.platform.launching import desktop_entry, exec_line, launch_command, write, xdg

__all__ = ["Autostart", "launch_agent", "login_entry", "run_value"]

_RUN = "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"
_NAME = "DChat"
_LABEL = "org.dchat.desktop"


def login_entry(command: list[str]) -> str:
    """What stands in `~/.config/autostart/dchat.desktop`."""
    return desktop_entry(exec_line(command), {"X-GNOME-Autostart-enabled": "true"})


def run_value(command: list[str]) -> str:
    """What stands in the key `Run` of Windows."""
    return subprocess.list2cmdline(command)


def launch_agent(command: list[str]) -> str:
    """What stands in `~/Library/LaunchAgents/org.dchat.desktop.plist`."""
    agent = {"Label": _LABEL, "ProgramArguments": command, "RunAtLoad": True}
    return plistlib.dumps(agent).decode()


class Autostart:
    """Of one home; another home's entry counts as none, and is replaced."""

    def __init__(self, home: Path) -> None:
        self._command = launch_command(home)

    def is_on(self) -> bool:
        """Whether the window of this home opens at the next login."""
        if sys.platform == "win32":
            run = QSettings(_RUN, QSettings.Format.NativeFormat)
            return run.value(_NAME) == run_value(self._command)
        try:
            return self._file().read_text(encoding="utf-8") == self._words()
        except (OSError, UnicodeDecodeError):
            return False

    def turn(self, is_on: bool) -> None:
        """Have it open, or not. Raises `OSError`."""
        if sys.platform == "win32":
            run = QSettings(_RUN, QSettings.Format.NativeFormat)
            if is_on:
                run.setValue(_NAME, run_value(self._command))
            else:
                run.remove(_NAME)
            run.sync()
        elif is_on:
            write(self._file(), self._words())
        else:
            self._file().unlink(missing_ok=True)

    def _file(self) -> Path:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
        return xdg("XDG_CONFIG_HOME", ".config") / "autostart" / "dchat.desktop"

    def _words(self) -> str:
        is_mac = sys.platform == "darwin"
        return launch_agent(self._command) if is_mac else login_entry(self._command)
