"""Simulated connections: two wires, the streams over them, and how each side learns of the end.

The two sides of a connection are two objects, because they may disagree: one has closed or crashed
while the other has not heard of it. All that one side tells the other travels over its wire, first
in, first out, so "closed" never overtakes the last message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Protocol

import trio

from p2pchat.errors import StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.port import ProtocolId
from p2pchat.testing.faults import DEFAULT_LINK, Link, ResetNext
from p2pchat.testing.pump import Pump, on_tick
from p2pchat.testing.streams import SimulatedStream
from p2pchat.testing.trace import Trace

__all__ = [
    "Connection",
    "Introduction",
    "Medium",
    "NetworkOptions",
    "Opening",
    "Owner",
    "View",
    "Wire",
]

_NEGOTIATION_BYTES = 64
_IDENTIFY_BYTES = 400


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What all hosts of a simulated network share."""

    link: Link = DEFAULT_LINK
    """How bytes travel where no `SlowLink` says otherwise."""
    keepalive_s: float = 15.0
    """After how long a silent connection is given up by both sides."""
    window_bytes: int = 256 * 1024
    """Unread bytes per stream and direction, after which its sender waits."""
    streams_max: int = 256
    """Open streams per connection; more are refused."""
    subnet: str = "10.0.0.0/16"
    """Where hosts get their addresses, in the order of their first appearance."""
    reservations_max: int = 128
    """Reservations that one relay holds."""
    reservation_s: float = 3600.0


@dataclass(slots=True)
class Medium:
    """What every connection of one network works with."""

    pump: Pump
    rng: Random
    trace: Trace
    options: NetworkOptions
    sends: int = 0
    sent_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Introduction:
    """What identify tells."""

    protocols: frozenset[ProtocolId] = frozenset()
    announced: tuple[str, ...] = ()


class Owner(Protocol):
    """What a connection asks of the host on its side."""

    @property
    def name(self) -> str: ...
    @property
    def introduction(self) -> Introduction: ...
    def serves(self, protocol: ProtocolId) -> bool: ...
    def start(self, stream: SimulatedStream) -> None:
        """Run the handler of `stream.protocol`."""
        ...

    def on_identified(self, connection: Connection, introduction: Introduction) -> None: ...
    def on_connection_lost(self, connection: Connection) -> None: ...


class Wire:
    """One direction of a connection: late or held, but in order and never lossy."""

    def __init__(self, medium: Medium, link: Link) -> None:
        self.link = link
        self.held_since_s: float | None = None
        self.doom: ResetNext | None = None
        self._medium = medium
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._free_at_s = 0.0
        self._finished = False

    def carry(self, size_bytes: int, arrive: Callable[[], None]) -> None:
        """Call `arrive` after everything carried before, when `size_bytes` have travelled."""
        if self._finished:
            return
        link = self.link
        start_s = max(trio.current_time(), self._free_at_s)
        self._free_at_s = start_s + size_bytes / link.bandwidth_bytes_s
        jitter_s = self._medium.rng.random() * link.jitter_s
        at_s = on_tick(self._free_at_s + link.latency_s + jitter_s)
        self._queue.append((at_s, arrive))
        if len(self._queue) == 1 and self.held_since_s is None:
            self._medium.pump.at(at_s, self._deliver)

    def finish(self) -> None:
        """Accept nothing more; what is under way still arrives."""
        self._finished = True

    def cut_short(self) -> None:
        """Accept nothing more, and lose what had not left the machine when it stopped."""
        self._finished = True
        arriving = self._medium.rng.randint(0, len(self._queue))
        while len(self._queue) > arriving:
            self._queue.pop()

    def hold(self) -> None:
        """Deliver nothing until `release`."""
        if self.held_since_s is None:
            self.held_since_s = trio.current_time()

    def release(self) -> None:
        """Go on with what was held, after the way it still has to travel."""
        self.held_since_s = None
        if self._queue:
            at_s = on_tick(trio.current_time() + self.link.latency_s)
            self._medium.pump.at(max(at_s, self._queue[0][0]), self._deliver)

    def _deliver(self) -> None:
        queue, now_s = self._queue, trio.current_time()
        while queue and self.held_since_s is None and queue[0][0] <= now_s:
            queue.popleft()[1]()
        if queue and self.held_since_s is None:
            self._medium.pump.at(queue[0][0], self._deliver)


class Opening:
    """A stream that is being negotiated; once `abandoned`, it is reset when it opens."""

    def __init__(self) -> None:
        self.abandoned = False
        self._answered = trio.Event()
        self._answer: SimulatedStream | str = ""

    def answer(self, answer: SimulatedStream | str) -> None:
        """The stream, or why there is none."""
        self._answer = answer
        self._answered.set()

    async def wait(self) -> SimulatedStream:
        await self._answered.wait()
        if isinstance(self._answer, str):
            raise StreamReset(self._answer)
        return self._answer


@dataclass(frozen=True, slots=True)
class View:
    """What one side of a connection knows of the other."""

    peer: PeerId
    address: str
    path: Path
    inbound: bool


class Connection:
    """One side of a connection; `join` makes two of them one."""

    def __init__(self, medium: Medium, owner: Owner, view: View, link: Link) -> None:
        self.owner = owner
        self.view = view
        self.wire = Wire(medium, link)
        self.twin = self
        self.ended = False
        self._medium = medium
        self._streams: dict[SimulatedStream, None] = {}
        self._openings: dict[Opening, None] = {}
        self._riders: dict[Connection, None] = {}
        self._legs: tuple[Connection, ...] = ()

    @property
    def peer(self) -> PeerId:
        """Who is at the other side."""
        return self.view.peer

    @property
    def streams_count(self) -> int:
        """Streams that this side has not closed yet."""
        return len(self._streams)

    def join(self, twin: Connection) -> None:
        """Make these two the sides of one connection, and let each identify the other."""
        self.twin, twin.twin = twin, self
        for side in (self, twin):
            side.wire.carry(_NEGOTIATION_BYTES, side.twin.identify)

    def identify(self) -> None:
        """Tell the remote side what this host serves and where it listens."""
        told = partial(self.twin._on_identified, self.owner.introduction)
        self.wire.carry(_IDENTIFY_BYTES, told)

    def ride(self, *legs: Connection) -> None:
        """End when one of `legs` ends: this side of a circuit runs over them."""
        self._legs = legs
        for leg in legs:
            leg._riders[self] = None

    def open(self, protocols: Sequence[ProtocolId]) -> Opening:
        """Begin to negotiate a stream of the first protocol that the remote side serves."""
        opening = Opening()
        self._openings[opening] = None
        ask = partial(self.twin._asked_to_open, tuple(protocols), opening)
        self.wire.carry(_NEGOTIATION_BYTES, ask)
        return opening

    def close(self) -> None:
        """End this side now, the other one when it has received everything."""
        if not self.ended:
            self.wire.carry(0, self.twin.lose)
            self.lose()

    def lose(self) -> None:
        """End this side: the remote one is gone. The circuits over it end as well."""
        riders = tuple(self._riders)
        self.vanish()
        for rider in riders:
            if rider.owner is self.owner:
                rider.lose()
            else:  # the relay tells the far side
                at_s = on_tick(trio.current_time() + self.wire.link.latency_s)
                self._medium.pump.at(at_s, rider.lose)

    def vanish(self) -> None:
        """End this side without a word to anybody."""
        if self.ended:
            return
        self.ended = True
        self.wire.finish()
        for stream in self._streams:
            stream.on_connection_lost()
        for opening in self._openings:
            opening.answer("the connection was lost while the stream was opened")
        for leg in self._legs:
            leg._riders.pop(self, None)
        for left in (self._streams, self._openings, self._riders):
            left.clear()
        self.owner.on_connection_lost(self)

    def transmit(self, protocol: ProtocolId, data: bytes, arrive: Callable[[bytes], None]) -> None:
        medium = self._medium
        medium.sends += 1
        medium.sent_bytes += len(data)
        medium.trace.note(self.owner.name, self.twin.owner.name, protocol)
        if self.wire.doom is None:
            self.wire.carry(len(data), partial(arrive, data))
        else:
            self._transmit_last(self.wire.doom, data, arrive)

    def carry(self, size_bytes: int, arrive: Callable[[], None]) -> None:
        self.wire.carry(size_bytes, arrive)

    def acknowledge(self, refund: Callable[[], None]) -> None:
        if self.wire.held_since_s is None:
            refund()
        else:
            self.wire.carry(0, refund)

    def forget(self, stream: SimulatedStream) -> None:
        self._streams.pop(stream, None)

    def on_reset(self) -> None:
        """Both sides see the end at once."""
        self.twin.lose()
        self.lose()

    def _transmit_last(self, doom: ResetNext, data: bytes, arrive: Callable[[bytes], None]) -> None:
        inside = doom.inside and len(data) > 1
        part = data[: self._medium.rng.randrange(1, len(data))] if inside else data

        def arrive_and_reset() -> None:
            arrive(part)
            # Later, or no reader would ever see what came before the reset.
            at_s = on_tick(trio.current_time() + self.wire.link.latency_s)
            self._medium.pump.at(at_s, self.on_reset)

        self.wire.carry(len(part), arrive_and_reset)
        self.wire.finish()

    def _on_identified(self, introduction: Introduction) -> None:
        if not self.ended:
            self.owner.on_identified(self, introduction)

    def _asked_to_open(self, protocols: tuple[ProtocolId, ...], opening: Opening) -> None:
        if self.ended:
            return
        protocol = next(filter(self.owner.serves, protocols), None)
        if protocol is None:
            self._refuse(opening, f"the peer serves none of {', '.join(protocols)}")
        elif len(self._streams) >= self._medium.options.streams_max:
            self._refuse(opening, "the peer has too many streams open with us")
        else:
            self._accept(opening, protocol)

    def _refuse(self, opening: Opening, reason: str) -> None:
        self.wire.carry(_NEGOTIATION_BYTES, partial(self.twin._answered, opening, reason))

    def _accept(self, opening: Opening, protocol: ProtocolId) -> None:
        window_bytes = self._medium.options.window_bytes
        mine = SimulatedStream(self, protocol, window_bytes)
        theirs = SimulatedStream(self.twin, protocol, window_bytes)
        mine.join(theirs)
        self._streams[mine] = None
        self.wire.carry(_NEGOTIATION_BYTES, partial(self.twin._answered, opening, theirs))
        self.owner.start(mine)

    def _answered(self, opening: Opening, answer: SimulatedStream | str) -> None:
        if self.ended:
            return
        del self._openings[opening]
        if isinstance(answer, SimulatedStream):
            self._streams[answer] = None
            if opening.abandoned:
                answer.reset_nowait()
        opening.answer(answer)
