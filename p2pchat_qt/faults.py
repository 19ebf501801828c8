"""The log of faults: what the library and the window warned of, kept for the network page."""

from __future__ import annotations

import logging
from collections import deque

from PySide6.QtCore import QObject, Qt, Signal

from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.values import Row

__all__ = ["FAULTS_MAX", "Faults"]

FAULTS_MAX = 200
CHARS_MAX = 500


class _Handler(logging.Handler):
    def __init__(self, faults: Faults) -> None:
        super().__init__(logging.WARNING)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()[:CHARS_MAX]
        self._faults.happened.emit(record.created * 1000, record.levelname, words)


class Faults(QObject):
    """The newest warnings and errors; they may come from any thread."""

    happened = Signal(float, str, str)
    """Milliseconds since the epoch, level, words."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = RowsModel(("id", "at", "level", "text"), parent=self)
        self._kept = deque[Row](maxlen=FAULTS_MAX)
        self._count = 0
        self._handler = _Handler(self)
        self.happened.connect(self._keep, Qt.ConnectionType.QueuedConnection)
        logging.getLogger("p2pchat").addHandler(self._handler)
        logging.getLogger("p2pchat_qt").addHandler(self._handler)

    def close(self) -> None:
        """Listen no further."""
        logging.getLogger("p2pchat").removeHandler(self._handler)
        logging.getLogger("p2pchat_qt").removeHandler(self._handler)

    def _keep(self, at: float, level: str, words: str) -> None:
        self._count += 1
        self._kept.appendleft({"id": self._count, "at": at, "level": level, "text": words})
        self.rows.replace(list(self._kept))
