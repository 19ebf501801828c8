"""Memory that a relay lends to those who use its mailboxes: who holds some, and who waits for some.

Requests are counted while they come and until they are decided, pages while they are written. Both
are shared by where streams come from (`protocol.shares`), so that who sends half a request from
each of a few addresses keeps nobody else waiting. Beside that every stream has a little for itself,
and what fits into it waits for nothing: a short letter, a proof and a fetch get through whoever
holds the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from p2pchat.protocol.shares import Shares

__all__ = ["OWN_BYTES", "Requests", "Room", "Rooms"]

STREAMS_MAX = 4_096
OWN_BYTES = 4 * 1024
"""Of each stream's requests, what is not of the room that all share."""
REQUESTS_BYTES_MAX = 16 * 1024 * 1024
"""Of all requests beyond that which are coming or wait."""
PAGES_BYTES_MAX = 8 * 1024 * 1024
"""Of pages that are being read and written."""


class Room:
    """So many bytes, shared by sources; who finds none waits."""

    def __init__(self, size_bytes: int) -> None:
        self._shares = Shares[str](size_bytes)
        self._waiting = trio.lowlevel.ParkingLot()

    async def take(self, source: str, size_bytes: int) -> None:
        """Wait until there is room for so much more."""
        while not self._shares.fits(source, size_bytes):
            await self._waiting.park()
        self._shares.take(source, size_bytes)

    def give(self, source: str, size_bytes: int) -> None:
        """So much is free again."""
        self._shares.take(source, -size_bytes)
        self._waiting.unpark_all()


@dataclass(slots=True)
class Rooms:
    """All that is shared."""

    streams: Shares[str] = field(default_factory=lambda: Shares[str](STREAMS_MAX))
    requests: Room = field(default_factory=lambda: Room(REQUESTS_BYTES_MAX))
    pages: Room = field(default_factory=lambda: Room(PAGES_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class _Held:
    size_bytes: int
    is_own: bool


class Requests:
    """What the requests of one stream take: the one that is coming, and those not decided yet."""

    def __init__(self, room: Room, source: str) -> None:
        self._room = room
        self._source = source
        self._own_left = OWN_BYTES
        self._coming: _Held | None = None
        self._waiting: dict[int, _Held] = {}

    def __contains__(self, id: int) -> bool:
        return id in self._waiting

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def expect(self, size_bytes: int) -> None:
        """There is room for the next one from now on. It takes no more of it later, so nobody who
        waits here is waited for."""
        if self._coming is not None:
            return
        is_own = size_bytes <= self._own_left
        if is_own:
            self._own_left -= size_bytes
        else:
            await self._room.take(self._source, size_bytes)
        self._coming = _Held(size_bytes, is_own)

    def came(self, id: int) -> None:
        """The next one, for which there is room, is whole and has this id."""
        assert self._coming is not None, "what comes is expected"
        self._waiting[id], self._coming = self._coming, None

    def decided(self, id: int) -> None:
        """What this one took is free, if it is one."""
        if id in self._waiting:
            self._give(self._waiting.pop(id))

    def forget(self) -> None:
        """The stream is over."""
        if self._coming is not None:
            self._give(self._coming)
            self._coming = None
        while self._waiting:
            self._give(self._waiting.popitem()[1])

    def _give(self, held: _Held) -> None:
        if held.is_own:
            self._own_left += held.size_bytes
        else:
            self._room.give(self._source, held.size_bytes)
