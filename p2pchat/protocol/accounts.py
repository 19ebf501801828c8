"""Account records: which devices a contact has by now, asked before anything is mailed to one.

Who is never there when we are cannot say that a device was revoked, or that there is a new one. The
account's record in the DHT can, and so can its letters. So nothing is sealed for a contact's device
before that record was looked up, anew after three days; where none is found, a letter goes to the
devices that are known, and the look-up is repeated soon.

When that was is not kept on disk: each life asks once for everybody whom it writes to.
"""

from __future__ import annotations

from p2pchat.model.ids import AccountId, Party
from p2pchat.protocol.mail_vocabulary import AccountFound, LookUpAccount

__all__ = ["Accounts"]

LOOK_AGAIN_MS = 3 * 24 * 3600 * 1000
NOT_FOUND_AGAIN_MS = 10 * 60 * 1000


class Accounts:
    """Whose account record was looked up when, and which letters wait for one."""

    def __init__(self) -> None:
        self._fresh: dict[AccountId, tuple[int, int]] = {}
        """Between these two times, in milliseconds, what was found counts."""
        self._waiting: dict[AccountId, set[Party]] = {}

    def is_stale(self, account: AccountId, now_ms: int) -> bool:
        """Whether to ask before something is sealed for a device of this account."""
        since_ms, until_ms = self._fresh.get(account, (0, 0))
        return not since_ms <= now_ms < until_ms

    def ask(self, to: Party) -> list[LookUpAccount]:
        """A letter waits for the record; asked once for all devices of an account."""
        is_asked = to.account in self._waiting
        self._waiting.setdefault(to.account, set()).add(to)
        return [] if is_asked else [LookUpAccount(to.account)]

    def take(self, found: AccountFound, now_ms: int) -> list[Party]:
        """A look-up ended: whose letters go on."""
        until_ms = now_ms + (LOOK_AGAIN_MS if found.is_there else NOT_FOUND_AGAIN_MS)
        self._fresh[found.account] = now_ms, until_ms
        return sorted(self._waiting.pop(found.account, ()))
