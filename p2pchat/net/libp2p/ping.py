"""The libp2p ping: 32 bytes come back as they came, until the asker has had enough.

Other implementations part with a peer that does not answer it. This host asks in Yamux instead,
which costs no stream.

Source: https://github.com/libp2p/specs/blob/master/ping/ping.md
"""

from __future__ import annotations

from collections import Counter

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.port import Stream
from p2pchat.protocol.pace import Buckets, Rate

__all__ = ["PING", "Pings"]

PING = "/ipfs/ping/1.0.0"
PING_BYTES = 32
IDLE_TIMEOUT_S = 60.0
"""From one answer to the next: who neither asks nor reads its answers is done."""
STREAMS_MAX = 2
"""Of one peer, as the specification has it. Each holds what the peer does not read."""
PINGS = Rate(per_s=20, burst=100)
"""Of one peer, over all its streams."""


class Pings:
    """Answers pings, each peer's at a pace: what is faster waits, and so does its peer."""

    def __init__(self) -> None:
        self._pace = Buckets[PeerId](PINGS)
        self._streams: Counter[PeerId] = Counter()

    async def answer(self, stream: Stream) -> None:
        """Serve one stream of pings."""
        peer = stream.peer
        if self._streams[peer] >= STREAMS_MAX:
            await stream.reset()
            return
        self._streams[peer] += 1
        try:
            async with stream:
                stream.keep_small()
                await self._answer(stream)
        finally:
            self._streams[peer] -= 1
            if not self._streams[peer]:
                del self._streams[peer]

    async def _answer(self, stream: Stream) -> None:
        while True:
            with trio.fail_after(IDLE_TIMEOUT_S):
                data = await stream.receive_some(PING_BYTES)
                if not data:
                    return
                now_s = trio.current_time()
                await trio.sleep(self._pace.of(stream.peer, now_s).owe(1, now_s))
                await stream.send_all(data)
