"""The door: where others come in, and a look at who does.

Whoever asked a server to dial this host wants to know whether it did. That somebody called proves
little, for strangers call all the time; so the asker waits at the door for a call from where that
server is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from p2pchat.net.libp2p.sources import plain, public_group

__all__ = ["Awaited", "Door"]


@dataclass(slots=True, eq=False)
class Awaited:
    """Somebody who is expected to call."""

    source: str
    has_called: bool = False


class Door:
    """Open until it is closed, which is for good."""

    def __init__(self) -> None:
        self._open = trio.CancelScope()
        self._awaited: set[Awaited] = set()

    @property
    def is_closed(self) -> bool:
        return self._open.cancel_called

    async def serve(
        self,
        listeners: Sequence[trio.SocketListener],
        accept: Callable[[trio.SocketStream], Awaitable[None]],
        nursery: trio.Nursery,
    ) -> None:
        """Have everybody who comes accepted, in tasks of `nursery`, until the door is closed."""
        with self._open:
            await trio.serve_listeners(accept, list(listeners), handler_nursery=nursery)

    def close(self) -> None:
        """Let nobody in any more; who is inside stays."""
        self._open.cancel()

    def called(self, host: str) -> None:
        """Take note of a call from this IP address."""
        for awaited in self._awaited:
            awaited.has_called |= awaited.source == _source(host)

    @contextmanager
    def awaiting(self, host: str) -> Generator[Awaited]:
        """Look out for a call from this IP address while inside."""
        awaited = Awaited(_source(host))
        self._awaited.add(awaited)
        try:
            yield awaited
        finally:
            self._awaited.discard(awaited)


def _source(host: str) -> str:
    """A machine may call from another IPv6 address of its /64 than the one it is called at."""
    return public_group(host) or str(plain(host))
