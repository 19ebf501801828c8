"""Who told of whom in one lookup, and what that turned out to be worth.

A peer that tells of others who cannot be reached may have bad luck: networks change. One that told
of several such, and of fewer that answered, is doubted, and whom it alone told of is left aside.
What we know ourselves is never doubted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import PeerId

__all__ = ["Hearsay"]

_REFUTED_MIN = 2
"""One that cannot be reached says nothing about who told of it."""


@dataclass(slots=True)
class _Teller:
    proved: int = 0
    refuted: int = 0

    @property
    def is_doubted(self) -> bool:
        return self.refuted >= _REFUTED_MIN and self.refuted > self.proved


@dataclass(slots=True)
class _Subject:
    """A peer that was told of."""

    tellers: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    is_proved: bool | None = None


class Hearsay:
    """What was told in one lookup: bounded as its candidates are."""

    def __init__(self) -> None:
        self._tellers: dict[PeerId, _Teller] = {}
        self._subjects: dict[PeerId, _Subject] = {}
        self._vouched: set[PeerId] = set()

    def vouch(self, peer: PeerId) -> None:
        """We know it ourselves."""
        self._vouched.add(peer)

    def told(self, teller: PeerId, peer: PeerId) -> None:
        """`teller` told of `peer`; of one whose worth is known already that counts at once."""
        subject = self._subjects.get(peer)
        if subject is None:
            subject = self._subjects[peer] = _Subject()
        if teller in subject.tellers:
            return
        subject.tellers[teller] = None
        if subject.is_proved is not None:
            self._credit(teller, is_proved=subject.is_proved)

    def proved(self, peer: PeerId) -> None:
        """It answered."""
        self._settle(peer, is_proved=True)

    def refuted(self, peer: PeerId) -> None:
        """It could not be reached."""
        self._settle(peer, is_proved=False)

    def is_doubted(self, peer: PeerId) -> bool:
        """Whether nobody told of this peer who is believed."""
        subject = self._subjects.get(peer)
        if subject is None or peer in self._vouched:
            return False
        return all(self._is_teller_doubted(teller) for teller in subject.tellers)

    def _is_teller_doubted(self, peer: PeerId) -> bool:
        teller = self._tellers.get(peer)
        return teller is not None and teller.is_doubted

    def _settle(self, peer: PeerId, *, is_proved: bool) -> None:
        subject = self._subjects.setdefault(peer, _Subject())
        subject.is_proved = is_proved
        for teller in subject.tellers:
            self._credit(teller, is_proved=is_proved)

    def _credit(self, peer: PeerId, *, is_proved: bool) -> None:
        teller = self._tellers.setdefault(peer, _Teller())
        if is_proved:
            teller.proved += 1
        else:
            teller.refuted += 1
