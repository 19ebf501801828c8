"""`p2pchat` where a process of its own matters: signals, pipes, disks, and other people."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
import trio
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.testing.processes import open_processes
from tests.process.polling import until
from tests.process.test_store_disks import on_a_disk

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")


def test_a_full_disk_is_said_in_one_line(tmp_path):
    done = on_a_disk(tmp_path, "size=64k", *PROGRAM, "--home", str(tmp_path / "home"), "init")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "is full: free some space" in line


def test_a_reader_that_goes_away_is_no_fault(tmp_path):
    subprocess.run([*PROGRAM, "--home", str(tmp_path), "init"], check=True, capture_output=True)
    with subprocess.Popen(
        [*PROGRAM, "--home", str(tmp_path), "id", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        program.stdout.close()
        assert program.stderr.read() == b""
    assert program.returncode == 1


def test_somebody_who_runs_single_commands_talks_to_somebody_who_is_there(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            bob = await processes.peer("bob", knows=relay.addresses)
            link = (await bob.call("account"))["contact_link"]
            home = tmp_path / "alice"
            near = (*LOOPBACK, "--name", "Alice", "--bootstrap-peer", relay.addresses[0])

            async def alice(*words):
                program = await trio.run_process(
                    [*PROGRAM, "--home", str(home), *near, *words, "--json"], capture_stdout=True
                )
                return json.loads(program.stdout)

            asked = await alice("contacts", "add", link)
            assert asked["state"] == "asked"
            request = await bob.heard("ContactRequested", name="Alice")
            contact = await bob.call("accept", account=request["account"])
            sent = await alice(
                "send", "bob", "Hello, Bob!"
            )  # nothing of hers ran since he accepted
            assert sent["state"] == "delivered"
            received = await bob.heard("MessageReceived")
            assert received["message"]["text"] == "Hello, Bob!"

            await bob.call("send", conversation=contact["id"], text="Hello, Alice!")
            again = await alice("send", "bob", "Are you still there?")
            assert again["state"] == "delivered"
            texts = [message["text"] for message in await alice("history", "bob")]
            assert sorted(texts) == ["Are you still there?", "Hello, Alice!", "Hello, Bob!"]
            assert [each["state"] for each in await alice("contacts", "list")] == ["accepted"]
            return home, request["account"], (await bob.call("account"))["account"]

    home, alice, bob = trio.run(main)
    proof, nowhere = tmp_path / "delivered.proof", tmp_path / "nowhere"
    made = subprocess.run(
        [*PROGRAM, "--home", home, "prove", "bob", proof],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 messages to 1 devices" in made.stdout
    checked = CliRunner().invoke(app, ["--home", str(nowhere), "verify", str(proof), "--json"])
    proven = json.loads(checked.stdout)
    assert [message["text"] for message in proven["messages"]] == [
        "Hello, Bob!",
        "Are you still there?",
    ]
    [receipt] = proven["receipts"]
    assert (proven["account"], receipt["account"]) == (alice, bob)
    assert not nowhere.exists(), "no home is needed"
    read = CliRunner().invoke(app, ["--home", str(nowhere), "verify", str(proof)]).stdout
    assert f"{bob} signed on" in read
    assert "to hold 2 of these 2 messages" in read
    assert "without their words" not in read
    proof.write_bytes(proof.read_bytes()[:-5])
    cut = CliRunner().invoke(app, ["--home", str(nowhere), "verify", str(proof)])
    assert cut.exit_code == 1
    assert "is not whole" in cut.stderr


def heeds_interrupts():
    """Whoever runs the tests in the background lets their programs ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_while_waiting_is_silent_and_loses_nothing(tmp_path):
    def at_rest(*words):
        ended = CliRunner().invoke(app, ["--home", str(tmp_path), *words])
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    async def main():
        words = [*PROGRAM, "--home", str(tmp_path), *LOOPBACK, "send", "lounge", "kept"]
        process = await trio.lowlevel.open_process(
            [*words, "--timeout", "60"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heeds_interrupts,
        )
        state = trio.Path(tmp_path / "p2pchat.state")

        async def is_open():
            return await state.exists() and (await state.read_bytes()).startswith(b"open ")

        await until(is_open, timeout_s=60)
        process.send_signal(signal.SIGINT)
        with trio.fail_after(60):
            assert await process.wait() == 130
        assert await process.stderr.receive_some() == b""

    at_rest("rooms", "join", "lounge")
    trio.run(main)
    at_rest("history", "lounge")
