"""The libp2p ping: 32 bytes come back as they came, until the asker has had enough.

Other implementations part with a peer that does not answer it. This host asks in Yamux instead,
which costs no stream.

Source: https://github.com/libp2p/specs/blob/master/ping/ping.md
"""

from __future__ import annotations

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.port import Stream
from p2pchat.protocol.pace import Buckets, Rate

__all__ = ["PING", "Pings"]

PING = "/ipfs/ping/1.0.0"
PING_BYTES = 32
IDLE_TIMEOUT_S = 60.0
PINGS = Rate(per_s=20, burst=100)
"""Of one peer, over all its streams."""


class Pings:
    """Answers pings, each peer's at a pace: what is faster waits, and so does its peer."""

    def __init__(self) -> None:
        self._pace = Buckets[PeerId](PINGS)

    async def answer(self, stream: Stream) -> None:
        """Serve one stream of pings."""
        async with stream:
            while True:
                with trio.fail_after(IDLE_TIMEOUT_S):
                    data = await stream.receive_some(PING_BYTES)
                if not data:
                    return
                now_s = trio.current_time()
                await trio.sleep(self._pace.of(stream.peer, now_s).owe(1, now_s))
                await stream.send_all(data)
