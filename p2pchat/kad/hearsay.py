"""Who told of whom and where in one lookup, and what that turned out to be worth.

Whoever is told of has one address and many who speak of it, and a few of these may lie. So each
teller gets its turn: those to try are taken from one after the other, the believed first, and what
came first crowds out nothing. An outcome speaks of the addresses that were tried, for or against
those who told of them and nobody else.

A peer that tells of others who cannot be reached may have bad luck: networks change. One that told
of several such, and of fewer that answered, is doubted, and whom it alone told of is left aside.
What we know ourselves is never doubted, and tried before anything else.
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

    told: dict[PeerId, tuple[str, ...]] = field(default_factory=dict[PeerId, tuple[str, ...]])
    """Addresses by teller."""
    ours: tuple[str, ...] | None = None
    """Those that we know ourselves; None if we know nothing of it."""
    tried: dict[str, bool | None] = field(default_factory=dict[str, "bool | None"])
    """Whether it answered when an address was tried; None while nobody can say."""
    verdicts: dict[PeerId, bool] = field(default_factory=dict[PeerId, bool])
    """What it says of its tellers: once of each, however many addresses that one told."""

    def verdict(self, teller: PeerId) -> bool | None:
        """Whether a teller told the truth; None while nothing that it told was tried."""
        outcomes = [self.tried.get(address) for address in self.told[teller]]
        return True if True in outcomes else False if False in outcomes else None


class Hearsay:
    """What was told in one lookup: of each peer, by each teller, at most `addresses_max`."""

    def __init__(self, addresses_max: int) -> None:
        self._most = addresses_max
        self._subjects: dict[PeerId, _Subject] = {}
        self._tellers: dict[PeerId, _Teller] = {}
        self._doubted: set[PeerId] = set()

    def vouch(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """We know it ourselves, at these."""
        subject = self._subject(peer)
        subject.ours = self._joined(subject.ours or (), addresses)

    def told(self, teller: PeerId, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """`teller` told of `peer` at these; of one that was tried there that counts at once."""
        subject = self._subject(peer)
        subject.told[teller] = self._joined(subject.told.get(teller, ()), addresses)
        if subject.tried:
            self._judge(teller, subject)

    def untried(self, peer: PeerId) -> tuple[str, ...]:
        """The addresses to try next: ours, then those of each teller in turn."""
        subject = self._subjects.get(peer)
        if subject is None:
            return ()
        tellers = sorted(subject.told, key=self._doubted.__contains__)
        told = [subject.told[teller] for teller in tellers]
        turns = (
            addresses[turn]
            for turn in range(self._most)
            for addresses in told
            if turn < len(addresses)
        )
        order = dict.fromkeys((*(subject.ours or ()), *turns))
        return tuple(address for address in order if address not in subject.tried)[: self._most]

    def tried(self, peer: PeerId) -> tuple[str, ...]:
        """The addresses that were tried until now."""
        subject = self._subjects.get(peer)
        return () if subject is None else tuple(subject.tried)

    def trying(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """It is being asked at these."""
        self._subject(peer).tried.update(dict.fromkeys(addresses))

    def proved(self, peer: PeerId) -> None:
        """It answered."""
        self._settle(peer, is_proved=True)

    def refuted(self, peer: PeerId) -> None:
        """It could not be reached where it was tried."""
        self._settle(peer, is_proved=False)

    def is_doubted(self, peer: PeerId) -> bool:
        """Whether nobody told of this peer who is believed."""
        if not self._doubted:
            return False
        subject = self._subjects.get(peer)
        if subject is None or subject.ours is not None:
            return False
        return subject.told.keys() <= self._doubted

    def _subject(self, peer: PeerId) -> _Subject:
        subject = self._subjects.get(peer)
        if subject is None:
            subject = self._subjects[peer] = _Subject()
        return subject

    def _joined(self, before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        return (
            tuple(dict.fromkeys((*before, *more)))[: self._most] if before else more[: self._most]
        )

    def _settle(self, peer: PeerId, *, is_proved: bool) -> None:
        subject = self._subject(peer)
        for address, outcome in subject.tried.items():
            if outcome is None:
                subject.tried[address] = is_proved
        for teller in subject.told:
            self._judge(teller, subject)

    def _judge(self, teller: PeerId, subject: _Subject) -> None:
        verdict, before = subject.verdict(teller), subject.verdicts.get(teller)
        if verdict is None or verdict == before:
            return
        subject.verdicts[teller] = verdict
        worth = self._tellers.setdefault(teller, _Teller())
        worth.proved += verdict - (before is True)
        worth.refuted += (not verdict) - (before is False)
        if worth.is_doubted:
            self._doubted.add(teller)
        else:
            self._doubted.discard(teller)
