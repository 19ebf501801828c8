"""From facts to a diagnosis that can be shown to others; also of a client that cannot start."""

from __future__ import annotations

import errno
from pathlib import Path

from p2pchat.errors import ConfigError
from p2pchat.model.diagnosis import Diagnosis
from p2pchat.model.explanation import Explanation
from p2pchat.model.facts import Facts, StartFailure
from p2pchat.model.ids import OpId
from p2pchat.model.message_facts import MessageFacts
from p2pchat.net.machine import machine_facts
from p2pchat.protocol.doctor import diagnose
from p2pchat.protocol.explaining import explain
from p2pchat.protocol.veiling import veiled

__all__ = ["diagnose_start", "diagnosis_of", "explain_start"]

_PRIVATE = frozenset({"bootstrap_urls", "lan", "lan.name", "lan.secret", "name"})
"""Keys of the configuration whose values are nobody else's business."""


def diagnose_start(error: Exception, home: Path | None, *, keep_ids: bool = False) -> Diagnosis:
    """What keeps a client from starting, by the error of its opening."""
    message = _without_value(error) if isinstance(error, ConfigError) else str(error)
    facts = Facts(machine=machine_facts(home), start=StartFailure(_kind(error), message))
    return diagnosis_of(facts, home, keep_ids=keep_ids)


def explain_start(error: Exception, message: OpId) -> Explanation:
    """Why a message does not leave a home whose client cannot start."""
    start = StartFailure(_kind(error), str(error))
    return explain(MessageFacts(message=message, start=start))


def _kind(error: Exception) -> str:
    """The error's name; a full disk is one, whoever noticed it."""
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "DiskFull" if is_full else type(error).__name__


def _without_value(error: ConfigError) -> str:
    """Which setting is wrong and why, without the value where that is private."""
    if error.key not in _PRIVATE and not error.key.startswith("bootstrap_urls"):
        return str(error)
    if error.quoted is None:
        return error.key
    return str(error).replace(error.quoted, "…") if error.quoted else str(error)


def diagnosis_of(facts: Facts, home: Path | None, *, keep_ids: bool) -> Diagnosis:
    """The findings, once what is nobody else's business is taken out of the facts."""
    places = {} if home is None else {str(home.absolute()): "<home>"}
    login = Path.home()
    if login != Path(login.anchor):
        places[str(login)] = "~"
    return diagnose(veiled(facts, places, keeps_ids=keep_ids))
