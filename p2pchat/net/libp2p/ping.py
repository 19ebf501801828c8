"""The libp2p ping: 32 bytes come back as they came, until the asker has had enough.

Other implementations part with a peer that does not answer it. This host asks in Yamux instead,
which costs no stream.

Source: https://github.com/libp2p/specs/blob/master/ping/ping.md
"""

from __future__ import annotations

import trio

from p2pchat.net.port import Stream

__all__ = ["PING", "answer_pings"]

PING = "/ipfs/ping/1.0.0"
PING_BYTES = 32
IDLE_TIMEOUT_S = 60.0


async def answer_pings(stream: Stream) -> None:
    """Serve one stream of pings."""
    async with stream:
        while True:
            with trio.fail_after(IDLE_TIMEOUT_S):
                data = await stream.receive_some(PING_BYTES)
            if not data:
                return
            await stream.send_all(data)
