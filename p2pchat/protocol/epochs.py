"""Epochs: the secrets of a room's blobs, and which of them is used.

An epoch is opened by a control op that commits to its secret, so a secret proves itself, whoever
brings it. It is usable while every exclusion that we know of lies in its op's past
(`Membership.epochs`): whoever is removed ends it, and whoever removed opens the next. Of several
usable ones the newest sends, which no other usable one has in its past; of several such the one
with the smallest op id. All that are known open. With none, nothing is published: what is written
goes to members on streams, until an admin who is there opens one.

A revoked device excludes nobody, yet knows the epoch. So whoever administers and hears of it doubts
the epochs of that moment, and opens one that comes after them.

A secret may come before the op that it belongs to; a few are kept until that is here.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.model.conversation import epoch_commitment
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.machine import Now
from p2pchat.protocol.membership import Membership
from p2pchat.protocol.sealing import EpochKey

__all__ = ["EARLY_MAX", "EPOCHS_MAX", "EPOCH_MS_MAX", "Epochs"]

EPOCHS_MAX = 64
EPOCH_MS_MAX = 30 * 24 * 3600 * 1000
EARLY_MAX = 8
PATIENCE_FACTOR_MAX = 1024


class Epochs:
    """The epochs of one room as far as their secrets are known."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._known: dict[OpId, EpochKey] = {}
        self._learned_ms: dict[OpId, int] = {}
        self._early: dict[bytes, bytes] = {}
        """Secrets of no epoch that is here, by commitment; the oldest go."""
        self._doubted: frozenset[OpId] = frozenset()
        self._tries = 0
        """How often we opened one since there was a usable one."""
        self._is_awaited = False

    # What comes

    def restore(self, key: EpochKey, learned_ms: int) -> None:
        """A secret as of the last commit."""
        self._known[key.op] = key
        self._learned_ms[key.op] = learned_ms

    def learn(self, secrets: Iterable[bytes], now: Now) -> list[EpochKey]:
        """Take secrets that somebody told; those that open something new."""
        for secret in secrets:
            commitment = epoch_commitment(secret)
            self._early.pop(commitment, None)
            self._early[commitment] = secret
        return self.settle(now)

    def settle(self, now: Now) -> list[EpochKey]:
        """Match secrets that came early with the epochs that are here now."""
        if not self._early:
            return []
        found: list[EpochKey] = []
        for op, commitment in self._membership.opened().items():
            secret = self._early.pop(commitment, None)
            if secret is not None and op not in self._known:
                found.append(EpochKey(op, secret))
                self.restore(found[-1], now.wall_ms)
        for commitment in list(self._early)[: max(len(self._early) - EARLY_MAX, 0)]:
            del self._early[commitment]
        return found

    def expire(self, now: Now) -> list[EpochKey]:
        """Forget secrets that are of no use any more: too many, or too old and not usable."""
        usable, surplus = self._membership.epochs(), len(self._known) - EPOCHS_MAX
        gone = [
            op
            for place, op in enumerate(self._by_use())
            if place < surplus
            or (op not in usable and now.wall_ms - self._learned_ms[op] > EPOCH_MS_MAX)
        ]
        for op in gone:
            del self._learned_ms[op]
        return [self._known.pop(op) for op in gone]

    # What follows

    @property
    def keys(self) -> tuple[EpochKey, ...]:
        """All that open blobs."""
        return tuple(self._known.values())

    def sending(self) -> EpochKey | None:
        """The one to seal with now."""
        usable = [op for op in self._membership.epochs() if op in self._known]
        return self._known[min(self._membership.newest(usable))] if usable else None

    def shown_to_members(self) -> tuple[bytes, ...]:
        """The secrets that members are told: of the usable ones alone, those that send first."""
        usable = self._membership.epochs()
        return tuple(self._known[op].secret for op in reversed(self._by_use()) if op in usable)

    def is_wanted(self, me: AccountId) -> bool:
        """Whether an epoch should be opened, and `me` may."""
        usable = self._membership.epochs()
        is_good = usable and self._doubted.isdisjoint(self._membership.newest(usable))
        return self._membership.standing(me).may_administer and not is_good

    def doubt(self) -> None:
        """Somebody who may read no more knows all that are usable now."""
        self._doubted = frozenset(self._membership.epochs())

    def patience(self) -> int | None:
        """How many times as long as usual others have to open one, before we do: the longer, the
        more often ours was of no use. None where that is awaited already."""
        if self._is_awaited:
            return None
        self._is_awaited = True
        return min(1 << self._tries, PATIENCE_FACTOR_MAX)

    def waited(self) -> None:
        """The time is over."""
        self._is_awaited = False

    def tried(self) -> None:
        """We open one, which may turn out to be of no use."""
        self._tries += 1

    def rest(self) -> None:
        """One is usable."""
        self._tries = 0

    def _by_use(self) -> list[OpId]:
        """All that are known, of the least use first. When each was learned has no part in it: a
        secret that was forgotten for others is so again, however often it is told."""
        usable = self._membership.epochs()
        newest = self._membership.newest(usable)
        opened = self._membership.opened()
        places = {op: self._membership.place(op) if op in opened else -1 for op in self._known}
        return sorted(self._known, key=lambda op: (op in newest, op in usable, places[op], op))
