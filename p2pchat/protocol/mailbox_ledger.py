"""The mailboxes that are kept here: whose puts each takes, and how much room is left.

Blobs are on disk and only counted here. What counts is an upper bound: a blob counts from the
moment that it is taken, and until the disk says that it is gone. Nobody's blobs go while their
owner comes: when there is no more room those mailboxes go whose owners stayed away for as long as a
blob is kept, longest first, and then puts are refused, which a sender is told and goes elsewhere.

Each mailbox has some room that is its own: half of all room is divided among as many mailboxes as
there may be. The other half, and write keys beyond a few, are shared by where mailboxes were made
from (`shares`), since keys are free: whoever makes a thousand mailboxes and fills them takes
nothing from those that are there, and leaves most to those that come. In a mailbox a writer has a
share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, takewhile

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.mailbox_change import (
    STRANGERS,
    DropMailbox,
    Held,
    PutMailbox,
    Removed,
    StoredMailbox,
    held_of,
)
from p2pchat.protocol.shares import Shares
from p2pchat.wire.mailbox_codec import WRITE_KEYS_MAX, Reason

__all__ = ["Ledger", "Mailbox"]

INTRO_SHARE, WRITER_SHARE = 0.1, 0.25
"""Of a mailbox's room, what strangers may fill, and what one writer may."""
WRITERS_OWN = 32
"""Write keys that every mailbox may have."""
WRITERS_SHARED_MAX = 100_000
"""Write keys beyond those, of all mailboxes together: with those of all mailboxes some 50 MB."""
MAKER_UNKNOWN = 0
GOING_MAX = 64
"""Mailboxes that go for one blob."""


@dataclass(slots=True, eq=False)
class Mailbox:
    """One mailbox."""

    key: bytes
    is_shared: bool
    maker: int
    seen_ms: int
    last_id: int
    writers: frozenset[bytes] = frozenset()
    intro: bytes | None = None
    held: Held = field(default_factory=Held)
    left: dict[bytes, Held] = field(default_factory=dict[bytes, Held])
    """What is held of strangers, and of each that may write."""

    @property
    def row(self) -> PutMailbox:
        """What is written of it."""
        return PutMailbox(
            self.key,
            self.writers,
            self.intro,
            self.is_shared,
            self.seen_ms,
            self.last_id,
            self.maker,
        )

    def writer(self, key: bytes) -> bytes | None:
        """Whose key this is, if it may write."""
        if key in self.writers:
            return key
        return STRANGERS if key == self.intro else None

    def share_of(self, writer: bytes) -> float:
        """How much of the room this writer may fill. Members of a room share a key."""
        if writer == STRANGERS:
            return INTRO_SHARE
        return 1.0 if self.is_shared else WRITER_SHARE

    def forget_writers(self) -> None:
        """What was left with a key that writes no more is nobody's."""
        there = self.writers | {STRANGERS}
        self.left = {writer: held for writer, held in self.left.items() if writer in there}


class Ledger:
    """All mailboxes, by their keys."""

    def __init__(self, stored: Iterable[StoredMailbox], limits: MailboxLimits) -> None:
        self._limits = limits
        self._own_bytes = limits.bytes_max // 2 // limits.mailboxes_max
        """The room that each has for itself."""
        self._total = Held()
        self._made = Shares[int](limits.mailboxes_max)
        self._keys = Shares[int](WRITERS_SHARED_MAX)
        self._bytes = Shares[int](limits.bytes_max // 2)
        self._mailboxes: dict[bytes, Mailbox] = {}
        """Whose owners stayed away longest come first."""
        for one in sorted(stored, key=lambda one: one.row.seen_ms):
            self._restore(one)

    def __len__(self) -> int:
        return len(self._mailboxes)

    @property
    def total(self) -> Held:
        """All that is held."""
        return self._total

    def get(self, key: bytes) -> Mailbox | None:
        return self._mailboxes.get(key)

    # ---- mailboxes ----

    def has_room_for_another(self, maker: int) -> bool:
        """Whether one more can be made from there."""
        return self._made.fits(maker, 1)

    def make(self, key: bytes, maker: int, now_ms: int, *, is_shared: bool) -> Mailbox:
        """A new mailbox, for which there is room. Ids go on from the wall clock: one that was lost
        with a disk and is made anew gives none twice."""
        box = self._mailboxes[key] = Mailbox(key, is_shared, maker, now_ms, last_id=now_ms)
        self._made.take(maker, 1)
        return box

    def adopt(self, box: Mailbox, maker: int) -> None:
        """One that was made before anybody noted from where counts for its owner's place."""
        if box.maker != MAKER_UNKNOWN:
            return
        keys, size_bytes = _above(len(box.writers), WRITERS_OWN), self._shared_bytes(box)
        for pool, amount in ((self._made, 1), (self._keys, keys), (self._bytes, size_bytes)):
            pool.take(MAKER_UNKNOWN, -amount)
            pool.take(maker, amount)
        box.maker = maker

    def seen(self, box: Mailbox, now_ms: int) -> None:
        """Its owner is here."""
        box.seen_ms = max(box.seen_ms, now_ms)
        self._mailboxes[box.key] = self._mailboxes.pop(box.key)

    def see_no_future(self, now_ms: int) -> None:
        """Owners who were seen when the clock was ahead were seen now: behind them nobody is
        found to have stayed away."""
        for box in [one for one in self._mailboxes.values() if one.seen_ms > now_ms]:
            box.seen_ms = now_ms
            self.seen(box, now_ms)

    def has_room_for_writers(self, box: Mailbox | None, maker: int, count: int) -> bool:
        """Whether a mailbox (None: a new one of this maker) may take puts of so many."""
        present = 0 if box is None else len(box.writers)
        more = _above(count, WRITERS_OWN) - _above(present, WRITERS_OWN)
        return count <= WRITE_KEYS_MAX and (more <= 0 or self._keys.fits(maker, more))

    def set_writers(self, box: Mailbox, writers: frozenset[bytes], intro: bytes | None) -> None:
        """Take puts of these from now on."""
        before, after = len(box.writers), len(writers)
        self._keys.take(box.maker, _above(after, WRITERS_OWN) - _above(before, WRITERS_OWN))
        box.writers, box.intro = writers, intro
        box.forget_writers()

    # ---- blobs ----

    def room_for(
        self, box: Mailbox, held: Held, writer: bytes, now_ms: int
    ) -> tuple[Reason | None, list[DropMailbox]]:
        """Why there is none; or what goes so that there is."""
        after = box.held.plus(held)
        of_writer = box.left.get(writer, Held()).plus(held)
        share = box.share_of(writer)
        if not (_fits(after, self._limits, 1) and _fits(of_writer, self._limits, share)):
            return Reason.MAILBOX_FULL, []
        more = _above(after.size_bytes, self._own_bytes) - self._shared_bytes(box)
        if more <= 0 or self._bytes.fits(box.maker, more):
            return None, []
        going = self._going_for(box, more, now_ms)
        return (None, list(map(self._drop, going))) if going else (Reason.RELAY_FULL, [])

    def _going_for(self, box: Mailbox, more: int, now_ms: int) -> list[Mailbox]:
        """The mailboxes that have to go so that this one gets so much of the shared room; none if
        it would not have it then."""
        lapsed = (one for one in self._lapsed(now_ms) if one is not box and self._shared_bytes(one))
        going: list[Mailbox] = []
        has_room = False
        for one in islice(lapsed, GOING_MAX):
            going.append(one)
            self._bytes.take(one.maker, -self._shared_bytes(one))
            has_room = self._bytes.fits(box.maker, more)
            if has_room:
                break
        for one in going:  # whoever goes gives it back
            self._bytes.take(one.maker, self._shared_bytes(one))
        return going if has_room else []

    def count(self, box: Mailbox, held: Held, writer: bytes) -> None:
        """A blob is taken."""
        box.left[writer] = box.left.get(writer, Held()).plus(held)
        self._hold(box, box.held.plus(held))

    def removed(self, removed: Removed) -> None:
        """The disk says that so much is gone. Of a mailbox that went it says nothing."""
        box = self._mailboxes.get(removed.mailbox)
        if box is None:
            return
        self._hold(box, box.held.minus(held_of(removed.left)))
        for writer, held in removed.left.items():
            if writer in box.left:
                box.left[writer] = box.left[writer].minus(held)
                if box.left[writer].blobs <= 0:  # below, if it was forgotten in between
                    del box.left[writer]

    def forget_lapsed(self, now_ms: int) -> list[DropMailbox]:
        """Mailboxes that are empty and whose owners stayed away go."""
        return [self._drop(box) for box in list(self._lapsed(now_ms)) if not box.held.blobs]

    # ----

    def _restore(self, stored: StoredMailbox) -> None:
        row = stored.row
        box = self.make(row.mailbox, row.maker, row.seen_ms, is_shared=row.is_shared)
        box.last_id = row.last_id
        box.left = dict(stored.left)
        self.set_writers(box, row.writers, row.intro)
        self._hold(box, held_of(stored.left))

    def _hold(self, box: Mailbox, held: Held) -> None:
        """A mailbox has so much in it from now on."""
        before = self._shared_bytes(box)
        self._total = self._total.minus(box.held).plus(held)
        box.held = held
        self._bytes.take(box.maker, self._shared_bytes(box) - before)

    def _shared_bytes(self, box: Mailbox) -> int:
        """What it takes of the room that all share."""
        return _above(box.held.size_bytes, self._own_bytes)

    def _lapsed(self, now_ms: int) -> Iterator[Mailbox]:
        """Those whose owners stayed away, longest first."""
        since_ms = now_ms - self._limits.blob_age_s * 1000
        return takewhile(lambda box: box.seen_ms < since_ms, self._mailboxes.values())

    def _drop(self, box: Mailbox) -> DropMailbox:
        self._hold(box, Held())
        self.set_writers(box, frozenset(), None)
        self._made.take(box.maker, -1)
        del self._mailboxes[box.key]
        return DropMailbox(box.key)


def _above(count: int, own: int) -> int:
    return max(count - own, 0)


def _fits(held: Held, limits: MailboxLimits, share: float) -> bool:
    return (
        held.blobs <= limits.mailbox_blobs_max * share
        and held.size_bytes <= limits.mailbox_bytes_max * share
    )
