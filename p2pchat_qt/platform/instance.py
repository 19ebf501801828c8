"""One window for each home: a second start hands its link to the first and ends.

A lock in the home decides which is the first. It listens at a socket in the home, which is closed
to other accounts, or where the way there is too long for a socket, in the session's own directory
(`XDG_RUNTIME_DIR`). What another account of this machine could have put there is not spoken to, and
a link counts as handed over once that was answered.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from enum import Enum
from hashlib import blake2b
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

__all__ = ["Instance", "Place"]

ANSWER_MS = 2_000
LINK_BYTES_MAX = 4_096
PATH_BYTES_MAX = 80
"""Of a socket: systems allow 104 or more, of which Qt takes some while it makes it."""
_OVER = b"\n"
_ANSWER = b"ok\n"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Place(Enum):
    """What a start of the program finds."""

    FREE = "free"
    """Nobody was here: now we are."""
    GIVEN = "given"
    """There is a window, and it has the link."""
    SILENT = "silent"
    """Somebody is here and does not answer: about to begin or to end, or no window."""


class Instance(QObject):
    """What other starts of the program find."""

    asked = Signal(str)
    """Another start wants the window shown, perhaps with a link."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._home = home.absolute()
        self._lock = QLockFile(str(self._home / "window.lock"))
        self._lock.setStaleLockTime(0)  # whose process is gone is broken all the same
        self._sockets = dict[QLocalSocket, bytes]()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)

    def take(self, link: str) -> Place:
        """Be the one here, or give a link (or none) to who is."""
        with suppress(OSError):  # the client says so, in words
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = self._name()
        if self._lock.tryLock(0) or self._lock.error() is not QLockFile.LockError.LockFailedError:
            if name:
                QLocalServer.removeServer(name)
                self._server.listen(name)
            return Place.FREE
        is_given = bool(name) and _is_ours(name) and _give(name, link)
        return Place.GIVEN if is_given else Place.SILENT

    def close(self) -> None:
        """Be found no more; others wait until all is over."""
        self._server.close()

    def leave(self) -> None:
        """All is over: another one may be here."""
        self._lock.unlock()

    def _name(self) -> str:
        """Where the socket is; empty where there is no place for it."""
        digest = blake2b(str(self._home).encode(), digest_size=12).hexdigest()
        if sys.platform == "win32":
            return f"dchat-{digest}"
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        places = [self._home / "window.sock"]
        places += [Path(runtime) / f"dchat-{digest}"] if runtime else []
        fit = [each for each in places if len(os.fsencode(each)) <= PATH_BYTES_MAX]
        return next((str(each) for each in fit if _is_private(each.parent)), "")

    def _answer(self) -> None:
        socket = self._server.nextPendingConnection()
        self._sockets[socket] = b""
        socket.readyRead.connect(self._read)
        socket.disconnected.connect(self._read)
        self._read()

    def _read(self) -> None:
        """What those say who are there. The server owns them, and ends with them."""
        for socket in list(self._sockets):
            said = self._sockets.get(socket, b"") + bytes(socket.readAll().data())
            if _OVER in said and socket in self._sockets:
                self._sockets[socket] = b""
                socket.write(_ANSWER)
                socket.flush()
                link = said.partition(_OVER)[0].decode("utf-8", "replace")
                self.asked.emit(link if link.startswith("dchat://") else "")
            elif socket.state() == QLocalSocket.LocalSocketState.UnconnectedState:
                self._sockets.pop(socket, None)
            elif len(said) > LINK_BYTES_MAX:
                socket.abort()
            else:
                self._sockets[socket] = said


def _give(name: str, link: str) -> bool:
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(ANSWER_MS):
        return False
    written = link.encode() if len(link.encode()) < LINK_BYTES_MAX else b""
    socket.write(written + _OVER)
    said = b""
    while _OVER not in said and socket.waitForReadyRead(ANSWER_MS):
        said += bytes(socket.readAll().data())
    return said == _ANSWER


def _is_private(directory: Path) -> bool:
    """Whether only we can put something there."""
    try:
        found = directory.stat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & _OTHERS_MAY_WRITE


def _is_ours(name: str) -> bool:
    """Whether who listens there is of our account."""
    if sys.platform == "win32":
        return True
    try:
        found = os.lstat(name)
    except OSError:
        return False
    return stat.S_ISSOCK(found.st_mode) and found.st_uid == os.getuid()
