"""The mailboxes that are kept here: whose puts each takes, and how much room is left.

Blobs are on disk and only counted here. What counts is an upper bound: a blob counts from the
moment that it is taken, and until the disk says that it is gone. Nobody's blobs go while their
owner comes: when there is no more room those mailboxes go whose owners stayed away for as long as a
blob is kept, longest first, and then puts are refused, which a sender is told and goes elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.mailbox_change import (
    DropMailbox,
    Held,
    PutMailbox,
    Removed,
    StoredMailbox,
)
from p2pchat.wire.mailbox_codec import WRITE_KEYS_MAX, Reason

__all__ = ["Ledger", "Mailbox"]

INTRO_SHARE = 0.1
"""Of a mailbox's room, what strangers may fill."""
WRITERS_TOTAL_MAX = 200_000
"""Write keys of all mailboxes together: some 25 MB."""


@dataclass(slots=True, eq=False)
class Mailbox:
    """One mailbox."""

    key: bytes
    is_shared: bool
    seen_ms: int
    last_id: int
    writers: frozenset[bytes] = frozenset()
    intro: bytes | None = None
    held: Held = field(default_factory=Held)
    held_intro: Held = field(default_factory=Held)

    @property
    def row(self) -> PutMailbox:
        """What is written of it."""
        return PutMailbox(
            self.key, self.writers, self.intro, self.is_shared, self.seen_ms, self.last_id
        )

    def takes(self, key: bytes) -> bool:
        """Whether who holds this key may write."""
        return key in self.writers or key == self.intro

    def count(self, held: Held, *, is_intro: bool) -> None:
        self.held = self.held.plus(held)
        if is_intro:
            self.held_intro = self.held_intro.plus(held)


class Ledger:
    """All mailboxes, by their keys."""

    def __init__(self, stored: Iterable[StoredMailbox], limits: MailboxLimits) -> None:
        self._limits = limits
        boxes = sorted(map(_restored, stored), key=lambda box: box.seen_ms)
        self._mailboxes = {box.key: box for box in boxes}
        """Whose owners stayed away longest come first."""
        self._total = Held()
        for box in self._mailboxes.values():
            self._total = self._total.plus(box.held)
        self._writers = sum(len(box.writers) for box in self._mailboxes.values())

    def __len__(self) -> int:
        return len(self._mailboxes)

    @property
    def total(self) -> Held:
        """All that is held."""
        return self._total

    def get(self, key: bytes) -> Mailbox | None:
        return self._mailboxes.get(key)

    # ---- mailboxes ----

    def make(self, key: bytes, now_ms: int, *, is_shared: bool) -> Mailbox:
        """A new mailbox, for which there is room. Ids go on from the wall clock: one that was lost
        with a disk and is made anew gives none twice."""
        box = self._mailboxes[key] = Mailbox(key, is_shared, now_ms, last_id=now_ms)
        return box

    def room_for_another(self, now_ms: int) -> tuple[bool, list[DropMailbox]]:
        """Whether one more can be made, and what goes for it."""
        if len(self._mailboxes) < self._limits.mailboxes_max:
            return True, []
        empty = next((box for box in self._lapsed(now_ms) if not box.held.blobs), None)
        return (False, []) if empty is None else (True, [self._drop(empty)])

    def seen(self, box: Mailbox, now_ms: int) -> None:
        """Its owner is here."""
        box.seen_ms = max(box.seen_ms, now_ms)
        self._mailboxes[box.key] = self._mailboxes.pop(box.key)

    def has_room_for_writers(self, box: Mailbox | None, writers: frozenset[bytes]) -> bool:
        """Whether a mailbox (None: a new one) may take puts of so many."""
        present = 0 if box is None else len(box.writers)
        total = self._writers - present + len(writers)
        return len(writers) <= WRITE_KEYS_MAX and total <= WRITERS_TOTAL_MAX

    def set_writers(self, box: Mailbox, writers: frozenset[bytes], intro: bytes | None) -> None:
        """Take puts of these from now on."""
        self._writers += len(writers) - len(box.writers)
        box.writers, box.intro = writers, intro

    # ---- blobs ----

    def room_for(
        self, box: Mailbox, held: Held, now_ms: int, *, is_intro: bool
    ) -> tuple[Reason | None, list[DropMailbox]]:
        """Why there is none, and what goes so that there is."""
        limits = self._limits
        share = INTRO_SHARE if is_intro else 1
        after = (box.held_intro if is_intro else box.held).plus(held)
        is_over = not _fits(after, limits, share) or not _fits(box.held.plus(held), limits, 1)
        if is_over:
            return Reason.MAILBOX_FULL, []
        dropped: list[DropMailbox] = []
        while self._total.size_bytes + held.size_bytes > limits.bytes_max:
            lapsed = next((one for one in self._lapsed(now_ms) if one is not box), None)
            if lapsed is None:
                return Reason.RELAY_FULL, dropped
            dropped.append(self._drop(lapsed))
        return None, dropped

    def count(self, box: Mailbox, held: Held, *, is_intro: bool) -> None:
        """A blob is taken."""
        box.count(held, is_intro=is_intro)
        self._total = self._total.plus(held)

    def removed(self, removed: Removed) -> None:
        """The disk says that so much is gone. Of a mailbox that went it says nothing."""
        box = self._mailboxes.get(removed.mailbox)
        if box is not None:
            box.held = box.held.minus(removed.held)
            box.held_intro = box.held_intro.minus(removed.held_intro)
            self._total = self._total.minus(removed.held)

    def forget_lapsed(self, now_ms: int) -> list[DropMailbox]:
        """Mailboxes that are empty and whose owners stayed away go."""
        return [self._drop(box) for box in list(self._lapsed(now_ms)) if not box.held.blobs]

    # ----

    def _lapsed(self, now_ms: int) -> Iterator[Mailbox]:
        """Those whose owners stayed away, longest first."""
        since_ms = now_ms - self._limits.blob_age_s * 1000
        return takewhile(lambda box: box.seen_ms < since_ms, self._mailboxes.values())

    def _drop(self, box: Mailbox) -> DropMailbox:
        del self._mailboxes[box.key]
        self._writers -= len(box.writers)
        self._total = self._total.minus(box.held)
        return DropMailbox(box.key)


def _restored(stored: StoredMailbox) -> Mailbox:
    row = stored.row
    return Mailbox(
        row.mailbox,
        row.is_shared,
        row.seen_ms,
        row.last_id,
        row.writers,
        row.intro,
        stored.held,
        stored.held_intro,
    )


def _fits(held: Held, limits: MailboxLimits, share: float) -> bool:
    return (
        held.blobs <= limits.mailbox_blobs_max * share
        and held.size_bytes <= limits.mailbox_bytes_max * share
    )
