"""Telling peers the time, and asking them for it.

Nothing depends on it: clocks differ, and whoever asks only wants to know by how much. The answer is
eight bytes, milliseconds since the epoch, big-endian, as soon as the stream is open.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.net.port import Handler, Host, Stream

__all__ = ["CLOCK_PROTOCOL", "ask_clock", "tell_clock"]

CLOCK_PROTOCOL = "/dchat/clock/1.0.0"
ANSWER_BYTES = 8
_MS_MAX = 1 << 53


def tell_clock(now: Callable[[], Now]) -> Handler:
    """The handler that answers."""

    async def tell(stream: Stream) -> None:
        async with stream:
            await stream.send_all(now().wall_ms.to_bytes(ANSWER_BYTES, "big"))

    return tell


async def ask_clock(host: Host, peer: PeerId, now: Callable[[], Now], *, timeout_s: float) -> float:
    """How many seconds the clock of a connected peer is ahead of ours.

    Raises `PeerUnreachable`, `StreamReset`, `MalformedMessage`, `trio.BrokenResourceError`,
    `trio.TooSlowError`.
    """
    with trio.fail_after(timeout_s):
        stream = await host.open_stream(peer, [CLOCK_PROTOCOL], timeout_s=timeout_s)
        async with stream:
            answer = await _read(stream)
    told_ms = int.from_bytes(answer, "big")
    if told_ms > _MS_MAX:
        raise MalformedMessage("that is no time")
    return (told_ms - now().wall_ms) / 1000


async def _read(stream: Stream) -> bytes:
    answer = bytearray()
    while len(answer) < ANSWER_BYTES:
        data = await stream.receive_some(ANSWER_BYTES - len(answer))
        if not data:
            raise MalformedMessage("the stream ended before the time was told")
        answer += data
    return bytes(answer)
