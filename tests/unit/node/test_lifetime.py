"""Errors leave `running`, a client and a relay as they were raised, never in a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio
import trio.testing

from p2pchat.client.opening import open_client
from p2pchat.config import RelayConfig
from p2pchat.errors import DiskFull, NodeClosed
from p2pchat.node.lifetime import running
from p2pchat.relay import open_relay
from p2pchat.store.memory import MemoryStore


class OurMistake(Exception):
    """Raised by a block."""


def failing_after(error: Exception, begun: bool = True) -> Callable[..., Awaitable[None]]:
    """A run of nested nurseries that fails at second 1, or before it has begun."""

    async def run(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            if begun:
                task_status.started()
                await trio.sleep(1)
            raise error

    return run


def run_virtually(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("error", [DiskFull("no room"), OurMistake("a fault of ours")])
@pytest.mark.parametrize("begun", [True, False])
def test_a_run_that_fails_cancels_the_block_and_ends_it_with_that_failure(error, begun):
    async def main() -> None:
        async with running(failing_after(error, begun)):
            await trio.sleep(60)

    with pytest.raises(type(error)) as caught:
        run_virtually(main)
    assert caught.value is error


def test_a_failed_run_is_the_reason_of_what_the_block_raises_because_of_it():
    async def main() -> None:
        async with running(failing_after(DiskFull("no room"))):
            try:
                await trio.sleep(60)
            finally:
                raise NodeClosed("the node stopped before it could answer")

    with pytest.raises(DiskFull):
        run_virtually(main)


def test_cancelling_the_block_from_outside_is_no_error():
    async def main() -> None:
        with trio.move_on_after(1) as scope:
            async with running(failing_after(DiskFull("later"), begun=True)):
                scope.cancel()
                await trio.sleep(60)
        assert scope.cancelled_caught

    run_virtually(main)


def openings(home: Path) -> list[Callable[[], AbstractAsyncContextManager[object]]]:
    listen = ("/ip4/127.0.0.1/tcp/0",)
    return [
        lambda: open_client(None, name="Alice", offline=True),
        lambda: open_client(home / "alice", name="Alice", offline=True),
        lambda: open_relay(RelayConfig(home=None, listen=listen, fetch=False)),
    ]


@pytest.mark.parametrize("index", range(3), ids=["memory", "home", "relay"])
def test_what_a_block_raises_comes_out_bare(tmp_path, index):
    async def main() -> None:
        async with openings(tmp_path)[index]():
            raise OurMistake

    with pytest.raises(OurMistake):
        trio.run(main)


def test_a_client_whose_disk_is_full_ends_its_block_with_disk_full(monkeypatch):
    async def main() -> None:
        async with open_client(None, name="Alice", offline=True) as client:
            room = await client.join_open("lounge")
            monkeypatch.setattr(MemoryStore, "commit", refuse)
            with trio.fail_after(60):
                await room.send("nowhere to be written")

    def refuse(_store: MemoryStore, _changes: object) -> None:
        raise DiskFull("no room; free some and start again")

    with pytest.raises(DiskFull):
        trio.run(main)
