"""Pings: who neither asks nor reads what comes back is let go of, and nobody holds many streams."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.ping import IDLE_TIMEOUT_S, STREAMS_MAX, Pings
from p2pchat.net.port import Stream

PING = bytes(32)
MALLORY = PeerId(bytes.fromhex("002408011220") + bytes(32))


class Deaf(Stream):
    """Asks once, or without end, and never takes an answer."""

    def __init__(self, *, asks: bool) -> None:
        self.peer = MALLORY
        self.is_reset = False
        self._asks = asks

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._asks:
            await trio.sleep_forever()
        await trio.lowlevel.checkpoint()
        return PING

    async def send_all(self, data: bytes) -> None:
        await trio.sleep_forever()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.sleep_forever()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        self.is_reset = True
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("asks", [False, True])
def test_who_asks_nothing_or_reads_no_answer_is_let_go_of(asks: bool):
    async def story() -> None:
        with pytest.raises(trio.TooSlowError):
            await Pings().answer(Deaf(asks=asks))
        assert trio.current_time() == pytest.approx(IDLE_TIMEOUT_S, abs=1)

    trio.run(story, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_peer_holds_two_streams_and_as_many_again_when_they_have_ended():
    async def story() -> None:
        pings = Pings()
        for _ in range(2):
            streams = [Deaf(asks=True) for _ in range(STREAMS_MAX + 3)]
            async with trio.open_nursery() as nursery:
                for stream in streams:
                    nursery.start_soon(pings.answer, stream)
                    await trio.testing.wait_all_tasks_blocked()
                refused = [stream.is_reset for stream in streams]
                assert refused == [False] * STREAMS_MAX + [True] * 3
                nursery.cancel_scope.cancel()

    trio.run(story, clock=trio.testing.MockClock())
