"""The door: where others come in one after the other, and a look at who does.

A newcomer costs some milliseconds of cryptography and introductions, a crowd of them the whole
processor. Those who are inside do not have to notice: the next newcomer is let in when a turn of
the event loop has gone by, and then several times as long as that took. So a host with nothing else
to do lets in as many as it can, and its turns stay short all the same.

Whom we knock at while it knocks at us (hole punching) may reach our listening socket before our own
call has a way: it is met here, in the roles that were agreed on.

Whoever asked a server to dial this host wants to know whether it did. That somebody called proves
little, for strangers call all the time; so the asker waits at the door for a call from where that
server is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.sources import plain, public_group

__all__ = ["PAUSE_S_MAX", "PAUSE_TURNS", "Awaited", "Door", "Meeting"]

PAUSE_TURNS = 10
"""How many times the length of the last turn newcomers wait for the next of them to go in."""
PAUSE_S_MAX = 0.05
"""However busy the host is."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Somebody at whom we knock while it knocks at us."""

    peer: PeerId
    initiates: bool
    """Whether we begin the handshake, whoever's call comes through."""


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
        self._meetings: dict[tuple[str, int], Meeting] = {}
        self._line = trio.Lock()

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

    async def line_up(self) -> None:
        """Wait behind those who came before, and for as long as keeps the host's turns short."""
        async with self._line:
            began_s = trio.current_time()
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()  # who is first in a turn and last in the next sees two
            turn_s = (trio.current_time() - began_s) / 2
            await trio.sleep(min(PAUSE_TURNS * turn_s, PAUSE_S_MAX))

    def meeting(self, host: str, port: int) -> Meeting | None:
        """Whom we knock at, at this IP address and port."""
        return self._meetings.get((str(plain(host)), port))

    @contextmanager
    def meets(self, remotes: Iterable[tuple[str, int]], meeting: Meeting) -> Generator[None]:
        """Look out for a knock from one of these while inside."""
        own = dict.fromkeys(remotes, meeting)
        self._meetings |= own
        try:
            yield
        finally:
            for remote in own:
                self._meetings.pop(remote, None)

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
