"""What mail may leave behind.

Whoever has our contact link, and whoever keeps our mail, can leave any number of letters of any
number of accounts that were made for it. A stranger's letter is opened, at a pace, for the request
that may be in it, and leaves nothing: no session, no id, no hash. The chat bounds the requests.

What contacts send is remembered, so that it counts once: hashes for as long as relays keep a blob,
ids of sessions as long as the keys that begin them. Both are bounded, and what a contact can add to
the ids has a pace, since none of them may be forgotten to make room. Anybody can write in a
contact's name, so only what opens counts there; what is tried for it has a pace for all together.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.model.ids import AccountId
from p2pchat.model.machine import Now
from p2pchat.model.ratchet import ForgetSeen, SeeMail
from p2pchat.protocol.pace import Bucket, Buckets, Rate

__all__ = ["BEGINNINGS", "SEEN_MAX", "STRANGERS", "TRIES", "MailDoor"]

DAY_MS = 24 * 3600 * 1000
SEEN_MS = 31 * DAY_MS
"""A blob is kept for 30 days, and so it may come again for as long."""
SEEN_MAX = 20_000
"""As many as two mailboxes hold: what comes again lies in one of them."""
SEEN_DROPPED = 1_000
"""At once, when there are too many; the oldest."""
STRANGERS = Rate(2, 2_000)
"""Letters of strangers; as many at once as two mailboxes set aside for them."""
TRIES = Rate(20, 2_000)
"""Letters in the names of contacts that would begin a session, forged or not, of all contacts."""
BEGINNINGS = Rate(0.002, 32)
"""Sessions that one contact begins with us."""


class MailDoor:
    """Says what is let in, and what is remembered of it."""

    def __init__(self, seen: Iterable[SeeMail], now: Now) -> None:
        oldest_first = sorted(seen, key=lambda row: row.until_ms)
        self._seen = {row.hash: row.until_ms for row in oldest_first}
        self._strangers = Bucket(STRANGERS, now.monotonic_s)
        self._tries = Bucket(TRIES, now.monotonic_s)
        self._beginnings: Buckets[AccountId] = Buckets(BEGINNINGS)
        self._tidied_ms: int | None = None

    def was_seen(self, hash: bytes) -> bool:
        """Whether a contact's letter came before."""
        return hash in self._seen

    def takes_stranger(self, now: Now) -> bool:
        """Whether one more letter of somebody who is no contact is opened."""
        return self._strangers.take(1, now.monotonic_s)

    def takes_try(self, now: Now) -> bool:
        """Whether it is tried to begin one more session in a contact's name."""
        return self._tries.take(1, now.monotonic_s)

    def takes_beginning(self, account: AccountId, now: Now) -> bool:
        """Whether a contact, who it is by what opened, may begin one more session with us."""
        return self._beginnings.of(account, now.monotonic_s).take(1, now.monotonic_s)

    def see(self, hash: bytes, now_ms: int) -> tuple[SeeMail | ForgetSeen, ...]:
        """Remember a contact's letter."""
        row = SeeMail(hash, now_ms + SEEN_MS)
        self._seen[hash] = row.until_ms
        if len(self._seen) <= SEEN_MAX:
            return (row,)
        ends = sorted(self._seen.values())
        return row, *self._forget(ends[SEEN_DROPPED - 1])

    def is_tidy(self, now_ms: int) -> bool:
        """Whether what is over was forgotten less than a day ago."""
        return self._tidied_ms is not None and 0 <= now_ms - self._tidied_ms < DAY_MS

    def tidied(self, now_ms: int) -> tuple[ForgetSeen, ...]:
        """Forget what need not be remembered any more."""
        self._tidied_ms = now_ms
        return self._forget(now_ms)

    def _forget(self, until_ms: int) -> tuple[ForgetSeen, ...]:
        before = len(self._seen)
        self._seen = {blob: end for blob, end in self._seen.items() if end > until_ms}
        return (ForgetSeen(until_ms),) if len(self._seen) < before else ()
