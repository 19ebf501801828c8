"""The log of faults: what the library and the window warned of, kept for the network page."""

from __future__ import annotations

import logging
from collections import deque

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.values import Row

__all__ = ["FAULTS_MAX", "Faults"]

FAULTS_MAX = 200
CHARS_MAX = 500
SHOWN_MS = 500
"""What strangers can have the library warn of comes as fast as they like, and is shown so often."""


class _Handler(logging.Handler):
    """Keeps the newest until they are taken. An appended record is seen by one `take` or followed
    by another notice: a deque needs no lock for that."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(logging.WARNING)
        self._faults = faults
        self._waiting = deque[Row](maxlen=FAULTS_MAX)
        self._is_told = False

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()[:CHARS_MAX]
        self._waiting.append(
            {"at": record.created * 1000, "level": record.levelname, "text": words}
        )
        if not self._is_told:
            self._is_told = True
            self._faults.happened.emit()

    def take(self) -> list[Row]:
        """Those since the last time."""
        self._is_told = False
        return [self._waiting.popleft() for _ in range(len(self._waiting))]


class Faults(QObject):
    """The newest warnings and errors; they may come from any thread."""

    happened = Signal()
    """Something waits to be shown."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = RowsModel(("id", "at", "level", "text"), parent=self)
        self._kept = deque[Row](maxlen=FAULTS_MAX)
        self._count = 0
        self._handler = _Handler(self)
        self._soon = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._soon.timeout.connect(self._show)
        self.happened.connect(self._soon.start, Qt.ConnectionType.QueuedConnection)
        logging.getLogger("p2pchat").addHandler(self._handler)
        logging.getLogger("p2pchat_qt").addHandler(self._handler)

    def close(self) -> None:
        """Listen no further."""
        self._soon.stop()
        logging.getLogger("p2pchat").removeHandler(self._handler)
        logging.getLogger("p2pchat_qt").removeHandler(self._handler)

    def _show(self) -> None:
        for fault in self._handler.take():
            self._count += 1
            self._kept.appendleft({"id": self._count, **fault})
        self.rows.replace(list(self._kept))
