"""Who waits for which message to arrive: one event each, whatever else happens.

A subscription to all state changes would wake every waiter for every message, which for a few
hundred in flight costs more than sending them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from p2pchat.errors import NodeClosed
from p2pchat.events import MessageStateChanged
from p2pchat.model.ids import OpId
from p2pchat.model.message import MessageState
from p2pchat.protocol.machine import Effect, Emit

__all__ = ["UNDER_WAY", "Deliveries", "Waiter"]

UNDER_WAY = frozenset({MessageState.QUEUED, MessageState.SENT})
"""States that another one follows."""


@dataclass(slots=True, eq=False)
class Waiter:
    """One wait for one message."""

    _moved: trio.Event = field(default_factory=trio.Event)
    _state: MessageState | None = None

    async def state(self) -> MessageState:
        """How the message ended. Raises `NodeClosed` when the node ends first."""
        await self._moved.wait()
        if self._state is None:
            raise NodeClosed("the node stopped before this was delivered; open it again")
        return self._state

    def settle(self, state: MessageState | None) -> None:
        """The message ended so, or, with None, the node did."""
        self._state = self._state or state
        self._moved.set()


class Deliveries:
    """The waiters of one node, by message."""

    def __init__(self) -> None:
        self._waiters: dict[OpId, dict[Waiter, None]] = {}
        self._closed = False

    @contextmanager
    def waiting(self, id: OpId) -> Generator[Waiter]:
        """Hear of this message's end from now on. Raises `NodeClosed` after `close`."""
        if self._closed:
            raise NodeClosed("the node is closed; open it again")
        waiter = Waiter()
        self._waiters.setdefault(id, {})[waiter] = None
        try:
            yield waiter
        finally:
            others = self._waiters[id]
            del others[waiter]
            if not others:
                del self._waiters[id]

    def conclude(self, effects: Sequence[Effect]) -> None:
        """Wake who waits for a message that this batch brought to its end."""
        if not self._waiters:
            return
        for effect in effects:
            match effect:
                case Emit(MessageStateChanged(id, state)) if state not in UNDER_WAY:
                    for waiter in self._waiters.get(id, ()):
                        waiter.settle(state)
                case _:
                    pass

    def close(self) -> None:
        """No message moves any more."""
        self._closed = True
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.settle(None)
