"""py-libp2p's own Yamux, as this program runs it."""

from __future__ import annotations

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from trio.testing import MockClock

from p2pchat.net.libp2p.stock import WRITE_TIMEOUT_S, StockYamux
from tests.libp2p.lean import BOB, peer_of


class Stuck:
    """A connection whose other side takes nothing."""

    is_initiator = True

    def __init__(self) -> None:
        self.is_closed = False

    async def write(self, data: bytes) -> None:
        await trio.sleep_forever()

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()
        self.is_closed = True


def test_a_connection_that_takes_nothing_ends():
    async def main() -> None:
        stuck = Stuck()
        began_s = trio.current_time()
        with pytest.raises(ConnectionClosedError):
            await StockYamux(stuck, peer_of(BOB)).ping()
        assert stuck.is_closed
        assert trio.current_time() - began_s == pytest.approx(WRITE_TIMEOUT_S)

    trio.run(main, clock=MockClock(autojump_threshold=0))
