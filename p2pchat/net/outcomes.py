"""How dialling an address ended, read from the reason that an attempt was given.

A host tells reasons in words, for they come from far below it. Whatever begins with an error's
class, or is one of the port's own phrases, is known here; the rest is a failure like any other.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping

from p2pchat.model.blocking import Refusal
from p2pchat.model.facts import Outcome
from p2pchat.net.port import ANOTHER_PEER, AT_LIMIT, NO_ANSWER, NOT_AT_RELAY

__all__ = ["outcome_of"]

_PHRASES: Mapping[str, Outcome] = {
    ANOTHER_PEER: Outcome.STRANGER,
    NO_ANSWER: Outcome.SILENT,
    AT_LIMIT: Outcome.RELAY_FULL,
    NOT_AT_RELAY: Outcome.ABSENT,
    "the peer did not take the call": Outcome.ABSENT,
    "the secret of this LAN": Outcome.OTHER_SECRET,
    "the connection ended at once": Outcome.TURNED_AWAY,
    "the connection was lost at once": Outcome.TURNED_AWAY,
    "ConnectionRefusedError": Outcome.REFUSED,
    "ConnectionResetError": Outcome.TURNED_AWAY,
    "TimeoutError": Outcome.SILENT,
    "gaierror": Outcome.NO_NAME,
}
_NUMBERS: Mapping[int, Outcome] = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ENETUNREACH: Outcome.NO_ROUTE,
    errno.ENETDOWN: Outcome.NO_ROUTE,
    errno.EADDRNOTAVAIL: Outcome.NO_ROUTE,
    errno.EHOSTUNREACH: Outcome.SILENT,
    errno.ETIMEDOUT: Outcome.SILENT,
}
_NUMBER = re.compile(r"\[Errno (\d+)\]")


def outcome_of(reason: str) -> Outcome:
    """What came of an address."""
    if isinstance(reason, Refusal):
        return Outcome.BLOCKED
    for phrase, outcome in _PHRASES.items():
        if phrase in reason:
            return outcome
    found = _NUMBER.search(reason)
    return _NUMBERS.get(int(found[1]), Outcome.FAILED) if found else Outcome.FAILED
