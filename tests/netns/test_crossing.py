"""Two hosts without a router between them whose calls cross on the way."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest
import trio

from tests.netns.ns import Host, Namespaces

pytestmark = [pytest.mark.netns, pytest.mark.process]

STORY_S_MAX = 120.0
HELD_UP_S = 0.3
"""Both have called by then, and neither has called again: TCP does so after a second."""


async def say(process: trio.Process, line: str) -> None:
    assert process.stdin is not None
    await process.stdin.send_all(f"{line}\n".encode())


async def heard(process: trio.Process) -> str:
    assert process.stdout is not None
    said = b""
    while not said.endswith(b"\n"):
        chunk = await process.stdout.receive_some()
        assert chunk, "the program ended without a word"
        said += chunk
    return said.decode().strip()


def test_two_whose_calls_cross_on_the_way_are_connected(net: Namespaces):
    """Both calls are held up until both have been made: they become one connection."""

    async def start(nursery: trio.Nursery, one: Host, name: str, ip: str) -> trio.Process:
        command = [*one.prefix, sys.executable, "-m", "tests.netns.crossing", name, ip]
        piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "check": False}
        return await nursery.start(partial(trio.run_process, command, **piped))

    async def story() -> None:
        wire = net.bridge("internet")
        places = {"alice": "45.33.1.1", "bob": "45.33.1.2"}
        hosts = [net.add(name) for name in places]
        for one, ip in zip(hosts, places.values(), strict=True):
            one.plug(wire, f"{ip}/16")
        async with trio.open_nursery() as nursery:
            alice, bob = [
                await start(nursery, one, *place)
                for one, place in zip(hosts, places.items(), strict=True)
            ]
            of_alice, of_bob = await heard(alice), await heard(bob)
            for one in hosts:
                one.cut()
            await say(alice, of_bob)
            await say(bob, of_alice)
            await trio.sleep(HELD_UP_S)
            for one in hosts:
                one.mend()
            assert [await heard(alice), await heard(bob)] == ["connected", "connected"]
            nursery.cancel_scope.cancel()

    async def bounded() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(bounded)
