"""One stream to a relay that keeps mail."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from p2pchat.model.ids import PeerId
from p2pchat.net.mailbox_client import UNDER_WAY_MAX, _Line
from p2pchat.wire.mailbox_codec import Fetch


class Silent:
    """Takes every request and answers none."""

    peer = PeerId(b"\x00\x24" + bytes(36))

    def __init__(self) -> None:
        self.taken = 0

    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.taken += 1


def test_so_many_requests_are_under_way_and_the_others_wait():
    async def main() -> None:
        stream = Silent()
        line = _Line(stream)
        async with trio.open_nursery() as nursery:
            for _ in range(UNDER_WAY_MAX + 5):
                nursery.start_soon(line.ask, Fetch(0))
            await wait_all_tasks_blocked()
            assert stream.taken == UNDER_WAY_MAX
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock())
