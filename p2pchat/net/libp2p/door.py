"""The door: where others come in one after the other, and a look at who does.

A newcomer costs some milliseconds of cryptography and introductions, a crowd of them the whole
processor. Those who are inside do not have to notice: the next newcomer is let in when a turn of
the event loop has gone by, and then several times as long as that took. So a host with nothing else
to do lets in as many as it can, and its turns stay short all the same. Nobody waits for long: who
only stands in the line, or leaves it without a word, must not keep others out.

Whom we knock at while it knocks at us (hole punching) may reach our listening socket before our own
call has a way. Where we are to begin the handshake it is met so here; otherwise it is a call like
any other, for where somebody knocks from is only what it says, and may be where others are.

Whoever asked a server to dial this host wants to know whether it did. That somebody called proves
little, for strangers call all the time; so the asker waits at the door for a call from where that
server is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.sources import machine, plain
from p2pchat.net.libp2p.turns import turn_s

__all__ = [
    "KNOCKED_MAX",
    "KNOCKED_S",
    "LINE_S_MAX",
    "PAUSE_S_MAX",
    "PAUSE_TURNS",
    "Awaited",
    "Door",
]

PAUSE_TURNS = 40
"""How many times the length of the last turn newcomers wait for the next of them to go in."""
PAUSE_S_MAX = 0.05
"""However busy the host is."""
LINE_S_MAX = 1.0
"""However many newcomers there are: then they go in side by side."""
KNOCKED_S = 60.0
"""How long a router takes what comes from where we knocked for an answer."""
KNOCKED_MAX = 256
"""Where we knocked last; more are forgotten."""


@dataclass(slots=True, eq=False)
class Awaited:
    """Somebody who is expected to call."""

    source: str
    has_called: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Meeting:
    """Whose call is expected, and where from."""

    peer: PeerId
    remotes: Collection[tuple[str, int]]


class Door:
    """Open until it is closed, which is for good."""

    def __init__(self) -> None:
        self._open = trio.CancelScope()
        self._awaited: set[Awaited] = set()
        self._meetings: list[_Meeting] = []
        self._knocked: OrderedDict[str, float] = OrderedDict()
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
        """Wait behind those who came before, and for as long as keeps the host's turns short; not
        longer than `LINE_S_MAX`."""
        with trio.move_on_after(LINE_S_MAX):
            await self._pass()

    async def _pass(self) -> None:
        async with self._line:
            await trio.sleep(min(PAUSE_TURNS * await turn_s(), PAUSE_S_MAX))

    @contextmanager
    def meets(self, peer: PeerId, remotes: Collection[tuple[str, int]]) -> Generator[None]:
        """Begin the handshake with the first call from one of these while inside."""
        meeting = _Meeting(peer, remotes)
        self._meetings.append(meeting)
        try:
            yield
        finally:
            if meeting in self._meetings:
                self._meetings.remove(meeting)

    def met(self, host: str, port: int) -> PeerId | None:
        """With whom the handshake is to be begun on a call from there; once."""
        remote = str(plain(host)), port
        for meeting in self._meetings:
            if remote in meeting.remotes:
                self._meetings.remove(meeting)
                return meeting.peer
        return None

    def knocks(self, hosts: Iterable[str]) -> None:
        """We are about to call these IP addresses to punch holes."""
        for host in map(str, map(plain, hosts)):
            self._knocked[host] = trio.current_time()
            self._knocked.move_to_end(host)
        while len(self._knocked) > KNOCKED_MAX:
            self._knocked.popitem(last=False)

    def has_knocked(self, host: str) -> bool:
        """Whether a call from this IP address may come through a hole of ours."""
        at_s = self._knocked.get(str(plain(host)))
        return at_s is not None and trio.current_time() - at_s < KNOCKED_S

    def called(self, host: str) -> None:
        """Take note of a call from this IP address."""
        for awaited in self._awaited:
            awaited.has_called |= awaited.source == machine(host)

    @contextmanager
    def awaiting(self, host: str) -> Generator[Awaited]:
        """Look out for a call from this IP address while inside."""
        awaited = Awaited(machine(host))
        self._awaited.add(awaited)
        try:
            yield awaited
        finally:
            self._awaited.discard(awaited)
