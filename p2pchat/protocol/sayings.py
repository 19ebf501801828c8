"""What control ops of a room say that sets nobody's standing: epochs, details, pins.

Of those that say something of the same (a detail, or whether a message is kept in sight) and count,
the last ones hold, and of several the one with the greatest id: no clock enters, so who could not
reach each other agree afterwards.

Of more pinned messages than are shown those of owners come before those of admins, and these before
those of whoever is that no more; of authors who stand alike each has as many as the others, its
newest first. So nobody takes all places from who stands above it, nor from who stands beside it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field

from p2pchat.model.control import ControlOp, Detail, Epoch, Pin, SetDetail, Standing
from p2pchat.model.ids import AccountId, OpId
from p2pchat.protocol.control_graph import Graph

__all__ = ["PINS_MAX", "Sayings"]

PINS_MAX = 32
"""Messages that a room keeps in sight. Admins who cannot reach each other may pin more altogether.
"""
_Age = tuple[int, OpId]
"""Of an op: how many are in its past, and its id. The same for everybody, and an author's later op
is greater than its earlier ones."""


@dataclass(slots=True)
class Sayings:
    """Of the ops that count, as far as they were looked at."""

    others: int = -1
    """The ops from which it follows which epochs are usable."""
    looked_at: int = 0
    opened: dict[OpId, bytes] = field(default_factory=dict[OpId, bytes])
    usable: dict[OpId, bytes] = field(default_factory=dict[OpId, bytes])
    said: dict[Detail | OpId, list[int]] = field(default_factory=dict[Detail | OpId, list[int]])
    """By detail, or message, what nothing that counts follows."""
    pinned: dict[AccountId, list[_Age]] = field(default_factory=dict[AccountId, list[_Age]])
    """By who pinned it, what is pinned, the newest last."""
    shown: tuple[OpId, ...] | None = None
    """The pins that are shown, once somebody asked."""

    def judge(self, others: int, graph: Graph, is_usable: Callable[[int], bool]) -> None:
        """Somebody's standing changed, from which it follows which epochs are usable, and whose
        pins come first."""
        self.others, self.shown = others, None
        epochs = self.opened.items()
        self.usable = {id: found for id, found in epochs if is_usable(graph.index[id])}

    def take(self, graph: Graph, index: int, is_usable: Callable[[int], bool]) -> None:
        """Look at one more op."""
        op = graph.ops[index]
        match op.control:
            case Epoch(commitment):
                self.opened[op.id] = commitment
                if is_usable(index):
                    self.usable[op.id] = commitment
            case SetDetail(about) | Pin(about):
                was, before = self.word(graph, about), self.said.get(about, [])
                last = [other for other in before if not graph.past[index] >> other & 1]
                self.said[about] = [*last, index]
                self._pin(graph, was, self.word(graph, about))
            case _:
                pass  # it says nothing that is asked for here

    def _pin(self, graph: Graph, was: ControlOp | None, now: ControlOp | None) -> None:
        """Another op says whether a message is pinned."""
        if was is now:
            return
        if was is not None and isinstance(was.control, Pin) and was.control.is_on:
            ages = self.pinned[was.account]
            del ages[bisect_left(ages, _age(graph, was))]
        if now is not None and isinstance(now.control, Pin) and now.control.is_on:
            insort(self.pinned.setdefault(now.account, []), _age(graph, now))
        self.shown = None

    def word(self, graph: Graph, about: Detail | OpId) -> ControlOp | None:
        """The op that holds; None when nobody said anything."""
        said = (graph.ops[index] for index in self.said.get(about, ()))
        return max(said, key=lambda op: op.id, default=None)

    def pins(self, graph: Graph, standing: Callable[[AccountId], Standing]) -> tuple[OpId, ...]:
        """The messages that are kept in sight, those pinned last at the end; the same for all."""
        if self.shown is None:
            rows: list[tuple[Standing, int, _Age]] = []
            for account, ages in self.pinned.items():
                rank = min(standing(account), Standing.MEMBER)
                newest = reversed(ages[-PINS_MAX:])
                rows += [(rank, place, age) for place, age in enumerate(newest)]
            rows.sort(key=lambda row: row[2], reverse=True)
            rows.sort(key=lambda row: row[:2])
            kept = sorted(age for _, _, age in rows[:PINS_MAX])
            said = (graph.ops[graph.index[id]].control for _, id in kept)
            self.shown = tuple(one.message for one in said if isinstance(one, Pin))
        return self.shown


def _age(graph: Graph, op: ControlOp) -> _Age:
    return graph.past[graph.index[op.id]].bit_count(), op.id
