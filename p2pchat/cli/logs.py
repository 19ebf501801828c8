"""The log of a program, on standard error: for people, or one JSON object a line for collectors.

In JSON nothing else may stand between the lines: warnings of Python and errors that nobody foresaw
become records too. What a record carries beside its message (`extra=`) becomes keys of its own.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

__all__ = ["JsonFormatter", "LogFormat", "start_logging"]

LogFormat = Literal["text", "json"]

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest are fields of its own."""


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "message": …}`, then fields, then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def start_logging(level: str, style: LogFormat) -> None:
    """Send the log to standard error, in this form and from this level on."""
    handler = logging.StreamHandler(sys.stderr)
    match style:
        case "text":
            handler.setFormatter(logging.Formatter(TEXT))
        case "json":
            handler.setFormatter(JsonFormatter())
            logging.captureWarnings(True)
            sys.excepthook = _log_fault
    logging.basicConfig(level=level.upper(), handlers=[handler])


def _log_fault(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    logging.getLogger("p2pchat").critical(
        "this program failed: %s", error, exc_info=(kind, error, traceback)
    )
