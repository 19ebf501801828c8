"""Commands that wait for their reply."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from p2pchat.errors import NodeClosed
from p2pchat.model.machine import Reply

__all__ = ["Calls"]


@dataclass(slots=True)
class Call:
    """One command; `outcome` waits for its reply."""

    id: int
    done: trio.Event = field(default_factory=trio.Event)
    reply: Reply | None = None

    async def outcome(self) -> object:
        """The value replied. Raises what was replied, or `NodeClosed`."""
        await self.done.wait()
        if self.reply is None:
            raise NodeClosed("the node stopped before it could answer; open it again")
        if self.reply.error is not None:
            raise self.reply.error
        return self.reply.value


class Calls:
    """The commands under way of one driver."""

    def __init__(self) -> None:
        self._waiting: dict[int, Call] = {}
        self._serial = 0
        self._closed = False

    @contextmanager
    def begin(self) -> Generator[Call]:
        """A new command, forgotten with the block. Raises `NodeClosed` after `close`."""
        if self._closed:
            raise NodeClosed("the node is closed; open it again")
        self._serial += 1
        call = self._waiting[self._serial] = Call(self._serial)
        try:
            yield call
        finally:
            self._waiting.pop(call.id, None)

    def resolve(self, reply: Reply) -> None:
        """Hand a reply to who waits for it; it may have given up."""
        call = self._waiting.get(reply.id)
        if call is not None:
            call.reply = reply
            call.done.set()

    def close(self) -> None:
        """Nobody will be answered any more."""
        self._closed = True
        for call in self._waiting.values():
            call.done.set()
