"""The examples run as they stand, and are short enough to be read at a glance."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.events import ContactAccepted, MessageReceived

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != "demo.py")
LINES_MAX = 25
LISTEN = "/ip4/127.0.0.1/tcp/0"


class Example:
    """An example while it runs, and the lines that it prints."""

    def __init__(self, process):
        self.process = process
        self._rest = b""

    async def line(self):
        while b"\n" not in self._rest:
            chunk = await self.process.stdout.receive_some()
            assert chunk, "the example ended"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


def run(scenario, home):
    """Let `scenario` start examples whose home is on the loopback."""

    async def main():
        async with trio.open_nursery() as nursery:

            async def start(name, *words, knows=()):
                home.mkdir(exist_ok=True)
                peers = ", ".join(f'"{address}"' for address in knows)
                (home / "config.toml").write_text(
                    f'fetch = false\nlisten = ["{LISTEN}"]\nbootstrap_peers = [{peers}]\n'
                )
                command = [sys.executable, EXAMPLES / name, *words]
                program = partial(trio.run_process, command, stdout=subprocess.PIPE, check=False)
                process = await nursery.start(program)
                return Example(process)

            with trio.fail_after(180):
                await scenario(start)
            nursery.cancel_scope.cancel()

    trio.run(main)


def config(*knows):
    return ClientConfig(fetch=False, listen=(LISTEN,), bootstrap_peers=knows)


@pytest.mark.parametrize("name", SMALL)
def test_an_example_is_short(name):
    assert len((EXAMPLES / name).read_text().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("name", ["echo_bot.py", "asyncio_bot.py"])
def test_a_bot_says_back_what_it_hears(name, tmp_path):
    async def scenario(start):
        async with (
            open_client(None, name="Alice", config=config()) as alice,
            alice.subscribe(ContactAccepted, MessageReceived) as events,
        ):
            bot = await start(name, str(tmp_path / "bot"), knows=alice.addresses)
            contact = await alice.add_contact(await bot.line())
            assert isinstance(await anext(events), ContactAccepted)
            await contact.send("Is anybody there?")
            assert (await anext(events)).message.text == "Is anybody there?"

    run(scenario, tmp_path / "bot")


def test_a_room_is_printed_from_its_beginning(tmp_path):
    async def scenario(start):
        async with open_client(None, name="Alice", config=config()) as alice:
            room = await alice.join_open("lounge")
            await room.send("before")
            reader = await start(
                "print_room.py", str(tmp_path / "r"), "lounge", knows=alice.addresses
            )
            assert await reader.line() == "Alice: before"
            await room.send("after")
            assert await reader.line() == "Alice: after"

    run(scenario, tmp_path / "r")


def test_a_relay_runs_inside_a_program(tmp_path):
    async def scenario(start):
        relay = await start("run_relay.py", str(tmp_path / "relay"))
        address = await relay.line()
        async with open_client(None, name="Alice", config=config(address)) as alice:
            assert (await alice.wait_ready()).relays == 1

    run(scenario, tmp_path / "relay")


def test_two_peers_in_one_program_deliver_a_message():
    shown = subprocess.run(
        [sys.executable, EXAMPLES / "two_in_memory.py"],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    assert (shown.stdout, shown.stderr) == ("delivered\n", "")
