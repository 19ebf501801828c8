"""What control ops of a room say that sets nobody's standing: epochs, details, pins.

Of those that say something of the same (a detail, or whether a message is kept in sight) and count,
the last ones hold, and of several the one with the greatest id: no clock enters, so who could not
reach each other agree afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from p2pchat.model.control import ControlOp, Detail, Epoch, Pin, SetDetail
from p2pchat.model.ids import OpId
from p2pchat.protocol.control_graph import Graph

__all__ = ["PINS_MAX", "Sayings"]

PINS_MAX = 32
"""Messages that a room keeps in sight. Admins who cannot reach each other may pin more altogether:
then those hold whose ops have the greatest ids."""


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

    def take(self, graph: Graph, index: int, is_usable: Callable[[int], bool]) -> None:
        """Look at one more op."""
        op = graph.ops[index]
        match op.control:
            case Epoch(commitment):
                self.opened[op.id] = commitment
                if is_usable(index):
                    self.usable[op.id] = commitment
            case SetDetail(about) | Pin(about):
                before = self.said.get(about, [])
                last = [other for other in before if not graph.past[index] >> other & 1]
                self.said[about] = [*last, index]
            case _:
                pass  # it says nothing that is asked for here

    def word(self, graph: Graph, about: Detail | OpId) -> ControlOp | None:
        """The op that holds; None when nobody said anything."""
        said = (graph.ops[index] for index in self.said.get(about, ()))
        return max(said, key=lambda op: op.id, default=None)

    def pins(self, graph: Graph) -> tuple[OpId, ...]:
        """The messages that are kept in sight, in the order in which that was said here."""
        words = [self.word(graph, about) for about in self.said if isinstance(about, OpId)]
        pinned = [op for op in words if op and isinstance(op.control, Pin) and op.control.is_on]
        kept = sorted(pinned, key=lambda op: op.id)[-PINS_MAX:]
        kept.sort(key=lambda op: graph.index[op.id])
        return tuple(op.control.message for op in kept if isinstance(op.control, Pin))
