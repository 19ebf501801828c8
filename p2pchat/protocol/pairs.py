"""Pair secrets: what the two sides of a direct conversation have given each other.

A request and an acceptance each carry a random half. Nobody else ever sees one, so the half of an
account is what it lets its contacts in by: who knows it may write into the mailboxes of that
account's devices. Ours are good from the moment that they are written, before the other side has
answered, or its answer could not be left with us.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.op import Op
from p2pchat.wire.contents import PAIR_HALF_BYTES, Accept, Content, Request

__all__ = ["OWN_HALVES_MAX", "Pairs"]

OWN_HALVES_MAX = 4
"""That we gave one account, the newest first; one a link that we asked with."""

_Place = tuple[int, OpId]


class Pairs:
    """The halves of all direct conversations."""

    def __init__(self) -> None:
        self._theirs: dict[AccountId, tuple[_Place, bytes]] = {}
        self._ours: dict[AccountId, dict[_Place, bytes]] = {}
        self.is_changed = False
        """Since somebody set it back: we gave a half, or a new link."""

    def note(self, other: AccountId, op: Op, content: Content) -> None:
        """An op of the conversation with `other`, ours or theirs, may carry a half."""
        if not isinstance(content, Request | Accept) or len(content.pair_half) != PAIR_HALF_BYTES:
            return
        place = op.header.hlc, op.id
        if op.header.account == other:
            known = self._theirs.get(other)
            if known is None or known[0] < place:
                self._theirs[other] = place, content.pair_half
            return
        ours = self._ours.setdefault(other, {})
        self.is_changed |= place not in ours
        ours[place] = content.pair_half
        while len(ours) > OWN_HALVES_MAX:
            del ours[min(ours)]

    def theirs(self, other: AccountId) -> bytes | None:
        """The newest half that they gave us."""
        known = self._theirs.get(other)
        return known[1] if known is not None else None

    def ours(self, other: AccountId) -> tuple[bytes, ...]:
        """What we gave them, the newest first."""
        ours: Mapping[_Place, bytes] = self._ours.get(other, {})
        return tuple(ours[place] for place in sorted(ours, reverse=True))
