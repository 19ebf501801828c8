"""`p2pchat chat` in real terminals: two people, a relay, and keys."""

from __future__ import annotations

import json
import signal
import sys

import pytest
import trio
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.testing.processes import open_processes
from tests.process.screen import Terminal, in_a_terminal

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")
ENTER, CTRL_C, CTRL_D, CTRL_N, TAB = "\r", "\x03", "\x04", "\x0e", "\t"
PAGE_UP, PAGE_DOWN, SHIFT_UP = "\x1b[5~", "\x1b[6~", "\x1b[1;2A"


def at(home, *words):
    return [*PROGRAM, "--home", str(home), *LOOPBACK, *words, "chat"]


def made(home, name):
    ended = CliRunner().invoke(app, ["--home", str(home), "init", "--name", name, "--json"])
    return json.loads(ended.stdout)


async def _see_each_other_write(alice: Terminal, bob: Terminal) -> None:
    for one in (alice, bob):
        one.types(f"/typing on{ENTER}")
        await one.shows("Contacts who want that, too, see")
    alice.types("I am still")
    await bob.shows("Alice (contact)  writing…")
    alice.types(f" here{ENTER}")
    await bob.shows("Alice: I am still here")
    await bob.hides("writing…")


def test_two_people_chat_in_their_terminals(tmp_path):
    accounts = {name: made(tmp_path / name, name) for name in ("Alice", "Bob")}

    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            near = ("--bootstrap-peer", relay.addresses[0])
            async with (
                in_a_terminal(at(tmp_path / "Alice", *near)) as alice,
                in_a_terminal(at(tmp_path / "Bob", *near)) as bob,
            ):
                await alice.shows("Nobody is here yet")
                await bob.shows("Nobody is here yet")
                alice.types(f"/add {accounts['Bob']['contact_link']}{ENTER}")
                await bob.shows("Alice asks to be a contact: /accept z6Mk")
                bob.types(f"/acc{TAB}")
                await bob.shows("> /accept")
                bob.types(f"z6{TAB}")
                account = accounts["Alice"]["account"]
                await bob.shows(f"> /accept {account}")
                bob.types(ENTER)
                await alice.shows("Bob and you are contacts now.", "› Bob")
                await bob.shows("› Alice")
                alice.types(f"hello 你好 🎉{ENTER}")
                await bob.shows("Alice: hello 你好 🎉")
                await alice.shows("hello 你好 🎉 [delivered]")

                bob.types(f"/react 👍{ENTER}")
                await alice.shows("    👍 1")
                alice.types(f"/edit {TAB}")
                await alice.shows("> /edit hello 你好 🎉")
                alice.types(f", Bob{ENTER}")
                await bob.shows("Alice: hello 你好 🎉, Bob [edited]")
                bob.types(f"/reply thanks{ENTER}")
                await alice.shows("  ┌ Alice: hello", "Bob: thanks")
                alice.types(f"{SHIFT_UP}{SHIFT_UP}")
                await alice.shows("▸")
                alice.types(f"/delete{ENTER}")
                await bob.shows("Alice: [deleted]", "  ┌ Alice: [deleted]")

                await _see_each_other_write(alice, bob)
                bob.types(f"/join lounge{ENTER}")
                await bob.shows("› lounge", "It is public")
                bob.types("half a line")
                await bob.shows("> half a line")
                alice.types(f"second{ENTER}")
                await bob.shows(f"  Alice{' ' * 16}1│", "> half a line", "1 unread")
                bob.types(f"{CTRL_C}{CTRL_N}")
                await bob.shows("› Alice", "Alice: second", ">")
                bob.types(f"/open lo{TAB}")
                await bob.shows("> /open lounge")
                bob.types(ENTER)
                await bob.shows("› lounge")

                for terminal, end in ((alice, CTRL_D), (bob, CTRL_C)):
                    assert terminal.is_raw
                    terminal.types(end)
                    with trio.fail_after(60):
                        assert await terminal.process.wait() == 0
                    assert not terminal.is_raw

    trio.run(main)


def test_history_is_paged_and_the_commands_are_listed_in_chinese(tmp_path):
    made(tmp_path, "爱丽丝")

    async def main():
        async with in_a_terminal(at(tmp_path, "--language", "zh")) as terminal:
            await terminal.shows("这里还没有人")
            terminal.types(f"/join 茶馆{ENTER}")
            await terminal.shows("› 茶馆", "这是开头。")
            for number in range(30):
                terminal.types(f"第 {number} 条{ENTER}")
            await terminal.shows("爱丽丝: 第 29 条 [排队中]")
            terminal.types(PAGE_UP)
            await terminal.shows("按 Page Down 查看最新消息", "第 0 条")
            terminal.types(PAGE_DOWN)
            await terminal.shows("第 29 条")
            terminal.types(f"/help{ENTER}")
            await terminal.shows("打开联系人或房间。")
            terminal.types(f"/quit{ENTER}")
            with trio.fail_after(60):
                assert await terminal.process.wait() == 0

    trio.run(main)


def test_a_signal_ends_it_and_gives_the_terminal_back(tmp_path):
    async def main():
        async with in_a_terminal(at(tmp_path)) as terminal:
            await terminal.shows("Nobody is here yet")
            terminal.process.send_signal(signal.SIGTERM)
            with trio.fail_after(60):
                assert await terminal.process.wait() == 128 + signal.SIGTERM
            assert not terminal.is_raw

    trio.run(main)


def test_without_a_terminal_it_says_what_else_there_is(tmp_path):
    ended = CliRunner().invoke(app, ["--home", str(tmp_path), "chat"])
    assert ended.exit_code == 2
    assert ended.stderr == "p2pchat: chat needs a terminal; `p2pchat rpc` is for programs\n"
    assert not list(tmp_path.iterdir())
