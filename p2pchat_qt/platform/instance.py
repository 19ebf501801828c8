"""One window for each home: a second start hands its link to the first and ends."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

__all__ = ["Instance"]

ANSWER_MS = 500
LINK_BYTES_MAX = 4_096


class Instance(QObject):
    """What other starts of the program find."""

    asked = Signal(str)
    """Another start wants the window shown, perhaps with a link."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        name = blake2b(str(home.absolute()).encode(), digest_size=12).hexdigest()
        self._name = f"dchat-{name}"
        self._sockets = list[QLocalSocket]()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)

    def hand_over(self, link: str) -> bool:
        """Whether there is a window already, which has the link now; else we are the one."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(ANSWER_MS):
            socket.write(link.encode()[:LINK_BYTES_MAX])
            socket.waitForBytesWritten(ANSWER_MS)
            socket.disconnectFromServer()
            return True
        QLocalServer.removeServer(self._name)
        self._server.listen(self._name)
        return False

    def close(self) -> None:
        """Be found no more."""
        self._server.close()

    def _answer(self) -> None:
        self._sockets.append(self._server.nextPendingConnection())
        self._sockets[-1].disconnected.connect(self._read)
        self._read()

    def _read(self) -> None:
        """What those have said who are gone again. The server owns them, and ends with them."""
        over = QLocalSocket.LocalSocketState.UnconnectedState
        for socket in [each for each in self._sockets if each.state() == over]:
            self._sockets.remove(socket)
            link = bytes(socket.read(LINK_BYTES_MAX).data()).decode("utf-8", "replace")
            self.asked.emit(link if link.startswith("dchat://") else "")
