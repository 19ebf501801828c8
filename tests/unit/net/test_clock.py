"""What time a peer has it, and what comes of answers that are none."""

from __future__ import annotations

import pytest
import trio

from p2pchat.errors import MalformedMessage
from p2pchat.model.machine import Now
from p2pchat.net.clock import CLOCK_PROTOCOL, ask_clock, tell_clock
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.network import open_network


def at(wall_ms: int):
    return lambda: Now(wall_ms=wall_ms, monotonic_s=0.0)


def ask(handler, own_ms: int, judge) -> None:
    """Let alice ask bob, who answers by `handler`; `judge` waits for what comes of it."""

    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "links")) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            bob.serve(CLOCK_PROTOCOL, handler)
            await alice.connect(bob.peer_id, bob.addresses)
            await judge(ask_clock(alice, bob.peer_id, at(own_ms), timeout_s=5))

    run_simulation(main, 1)


def saying(answer: bytes, *, ends: bool = True):
    async def handler(stream) -> None:
        await stream.send_all(answer)
        if not ends:
            await trio.sleep_forever()
        await stream.aclose()

    return handler


@pytest.mark.parametrize("ahead_ms", [0, 90_500, -3_600_000])
def test_the_difference_is_told_with_its_sign(ahead_ms):
    async def judge(answer) -> None:
        assert await answer == ahead_ms / 1000

    own_ms = 1_800_000_000_000
    ask(tell_clock(at(own_ms + ahead_ms)), own_ms, judge)


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (saying(b"short"), MalformedMessage),
        (saying(b"\xff" * 8), MalformedMessage),
        (saying(b"", ends=False), trio.TooSlowError),
    ],
)
def test_what_is_no_time_is_refused(handler, error):
    async def judge(answer) -> None:
        with pytest.raises(error):
            await answer

    ask(handler, 0, judge)
