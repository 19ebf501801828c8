"""How this program is started by others: by the system when somebody logs in, and by a link.

Functions here say what would be written; `autostart` and `url_scheme` write it. The format of
desktop entries, and what has to be escaped in them: Desktop Entry Specification 1.5.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["desktop_entry", "exec_line", "launch_command", "write", "xdg"]

_ICON = Path(__file__).parent.parent / "resources" / "dchat.svg"
_QUOTED = '"`$\\'
"""What a backslash stands before within quotes."""


def launch_command(home: Path) -> list[str]:
    """What starts the window of a home."""
    executable = Path(sys.executable)
    if sys.platform == "win32":  # the other one opens a console
        windowed = executable.with_name("pythonw.exe")
        executable = windowed if windowed.exists() else executable
    is_frozen = bool(vars(sys).get("frozen"))
    return [str(executable), *([] if is_frozen else ["-m", "p2pchat_qt"]), "--home", str(home)]


def exec_line(command: Sequence[str]) -> str:
    """A command as the line `Exec` of a desktop entry has it: each argument in quotes, and the
    whole as a text of the file."""

    def quoted(argument: str) -> str:
        return "".join(f"\\{each}" if each in _QUOTED else each for each in argument)

    return _text(" ".join(f'"{quoted(each)}"' for each in command)).replace("%", "%%")


def _text(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n")


def desktop_entry(line: str, more: Mapping[str, str]) -> str:
    """A desktop entry with this line `Exec`; `more` are further lines of it."""
    lines = {
        "Type": "Application",
        "Name": "DChat",
        "Comment": "Chat without a server",
        "Comment[zh_CN]": "无服务器聊天",
        "Exec": line,
        "Icon": _text(str(_ICON)),
        "Terminal": "false",
        **more,
    }
    return "[Desktop Entry]\n" + "".join(f"{name}={value}\n" for name, value in lines.items())


def xdg(variable: str, otherwise: str) -> Path:
    """A base directory of freedesktop.org; one that is not absolute counts as none."""
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / otherwise


def write(file: Path, words: str) -> None:
    """Put words into a file, all of them or none. Raises `OSError`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file = file.resolve()  # a link stays one
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as made:
            made.write(words)
        if file.exists():
            os.chmod(name, file.stat().st_mode & 0o777)
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
