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

from dataclasses import dataclass

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


_Told = dict[PeerId, tuple[str, ...]]
"""Addresses by teller."""


class Hearsay:
    """What was told in one lookup: of each peer, by each teller, at most `addresses_max`."""

    def __init__(self, addresses_max: int) -> None:
        self._most = addresses_max
        self._ours: dict[PeerId, tuple[str, ...]] = {}
        self._told: dict[PeerId, _Told] = {}
        self._tried: dict[PeerId, dict[str, bool | None]] = {}
        """Whether a peer answered when an address was tried; None while nobody can say."""
        self._verdicts: dict[tuple[PeerId, PeerId], bool] = {}
        """What a teller's word of a peer was worth: one verdict, however many addresses."""
        self._tellers: dict[PeerId, _Teller] = {}
        self._doubted: set[PeerId] = set()
        self._is_judging = False
        """There is nothing to judge before a first failure."""

    def vouch(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """We know it ourselves, at these."""
        self._ours[peer] = self._joined(self._ours.get(peer, ()), addresses)

    def told(self, teller: PeerId, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """`teller` told of `peer` at these; of one that was tried there that counts at once."""
        told = self._told.get(peer)
        if told is None:
            told = self._told[peer] = {}
        told[teller] = self._joined(told.get(teller, ()), addresses)
        if self._is_judging:
            self._judge(teller, peer)

    def untried(self, peer: PeerId) -> tuple[str, ...]:
        """The addresses to try next: ours, then those of each teller in turn."""
        told = self._told.get(peer, {})
        tellers = sorted(told, key=self._doubted.__contains__) if self._doubted else told
        turns = (
            addresses[turn]
            for turn in range(max(map(len, told.values()), default=0))
            for teller in tellers
            if turn < len(addresses := told[teller])
        )
        order = dict.fromkeys((*self._ours.get(peer, ()), *turns))
        tried = self._tried.get(peer, {})
        return tuple(address for address in order if address not in tried)[: self._most]

    def tried(self, peer: PeerId) -> tuple[str, ...]:
        """The addresses that were tried until now."""
        return tuple(self._tried.get(peer, ()))

    def trying(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        """It is being asked at these."""
        self._tried.setdefault(peer, {}).update(dict.fromkeys(addresses))

    def proved(self, peer: PeerId) -> None:
        """It answered."""
        self._settle(peer, is_proved=True)

    def refuted(self, peer: PeerId) -> None:
        """It could not be reached where it was tried."""
        self._settle(peer, is_proved=False)
        if not self._is_judging:
            self._is_judging = True
            for tried in self._tried:
                self._judge_all(tried)

    def is_doubted(self, peer: PeerId) -> bool:
        """Whether nobody told of this peer who is believed."""
        if not self._doubted or peer in self._ours:
            return False
        told = self._told.get(peer)
        return told is not None and told.keys() <= self._doubted

    def _joined(self, before: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
        joined = tuple(dict.fromkeys((*before, *more))) if before else more
        return joined[: self._most]

    def _settle(self, peer: PeerId, *, is_proved: bool) -> None:
        tried = self._tried[peer]
        for address, outcome in tried.items():
            if outcome is None:
                tried[address] = is_proved
        if self._is_judging:
            self._judge_all(peer)

    def _judge_all(self, peer: PeerId) -> None:
        for teller in self._told.get(peer, ()):
            self._judge(teller, peer)

    def _judge(self, teller: PeerId, peer: PeerId) -> None:
        verdict, before = self._verdict(teller, peer), self._verdicts.get((teller, peer))
        if verdict is None or verdict == before:
            return
        self._verdicts[teller, peer] = verdict
        worth = self._tellers.setdefault(teller, _Teller())
        worth.proved += verdict - (before is True)
        worth.refuted += (not verdict) - (before is False)
        if worth.is_doubted:
            self._doubted.add(teller)
        else:
            self._doubted.discard(teller)

    def _verdict(self, teller: PeerId, peer: PeerId) -> bool | None:
        """Whether a teller told the truth of a peer; None while nothing that it told was tried."""
        tried = self._tried.get(peer)
        if tried is None:
            return None
        outcomes = [tried.get(address) for address in self._told[peer][teller]]
        return True if True in outcomes else False if False in outcomes else None
