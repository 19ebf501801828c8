"""What lies on the disk, with real programs and what a passphrase really costs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import pytest
import trio

from p2pchat.testing.processes import Launch, RpcError, befriend, open_processes
from tests.process.polling import until

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
SECRET = "correct horse battery staple"


async def talk(one, other, conversation, text):
    """One writes, and it is on the other's disk."""
    sent = await one.call("send", conversation=conversation, text=text)
    heard = await other.heard("MessageReceived", lambda event: event["message"]["text"] == text)
    assert heard["message"]["id"] == sent["id"]
    assert (await one.call("wait_delivered", message_id=sent["id"]))["state"] == "delivered"


async def texts(peer, conversation):
    return [m["text"] for m in await peer.call("history", conversation=conversation, limit=100)]


def test_who_lost_everything_but_an_export_talks_on(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            place = await befriend(alice, bob)
            await talk(alice, bob, place, "before")
            await talk(bob, alice, place, "before, too")
            room = (await alice.call("join_open", name="lounge"))["id"]
            await alice.call("send", conversation=room, text="is anybody here?")
            before = await alice.call("account")
            export = tmp_path / "alice.dchat"
            assert await alice.call("export", path=str(export), passphrase=SECRET) is None
            with pytest.raises(RpcError, match="FileExists"):
                await alice.call("export", path=str(export), passphrase=SECRET)
            with pytest.raises(RpcError, match="HomeNotEmpty"):
                await alice.call("import", path=str(export), passphrase=SECRET)
            await talk(alice, bob, place, "after the export")
            await alice.stop()
            shutil.rmtree(alice.home)

            await alice.start()
            other = await alice.call("account")
            with pytest.raises(RpcError, match="WrongPassphrase"):
                await alice.call("import", path=str(export), passphrase="wrong")
            assert await alice.call("account") == other
            ready = alice.begin("wait_ready")
            after = await alice.call("import", path=str(export), passphrase=SECRET)
            assert (after["account"], after["name"]) == (before["account"], "alice")
            assert after["peer_id"] not in (before["peer_id"], other["peer_id"])
            await alice.heard("ExportProgress", is_import=True)
            with pytest.raises(RpcError, match="NodeClosed"):
                await ready()
            assert (await texts(alice, place))[:2] == ["before", "before, too"]
            assert await texts(alice, room) == ["is anybody here?"]

            await talk(alice, bob, place, "I am back")
            await talk(bob, alice, place, "welcome back")
            every = ["before", "before, too", "after the export", "I am back", "welcome back"]

            async def has_all():
                return sorted(await texts(alice, place)) == sorted(every)

            await until(has_all, 30)
            assert sorted(await texts(bob, place)) == sorted(every)
            await alice.restart()
            assert await alice.call("account") | {"addresses": None} == await alice.call(
                "account"
            ) | {"addresses": None}
            await talk(bob, alice, place, "still there?")

    trio.run(main)


def test_a_locked_home_is_opened_by_who_has_the_passphrase(tmp_path, figure):
    home, secret, wrong = tmp_path / "home", tmp_path / "secret", tmp_path / "wrong"
    secret.write_text(f"{SECRET}\n")
    wrong.write_text("a guess\n")

    def run(*words, **options):
        return subprocess.run(
            [*PROGRAM, "--home", str(home), "--no-fetch", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            **options,
        )

    assert run("init", "--name", "Alice").returncode == 0
    begun_s = time.monotonic()
    assert run("id").returncode == 0
    open_s = time.monotonic() - begun_s
    assert run("passphrase", "set", "--new-passphrase-file", secret).returncode == 0
    begun_s = time.monotonic()
    account = json.loads(run("--passphrase-file", secret, "id", "--json").stdout)
    figure(f"unlocking takes {time.monotonic() - begun_s - open_s:.2f} s more than opening")
    asked = '{"jsonrpc":"2.0","id":1,"method":"account"}\n'
    served = run(
        "--passphrase-file", secret, "rpc", "--listen", "/ip4/127.0.0.1/tcp/0", input=asked
    )
    answers = [json.loads(line) for line in served.stdout.splitlines()]
    [answer] = [each for each in answers if each.get("id") == 1]
    assert answer["result"]["account"] == account["account"]
    for words in (("id",), ("--passphrase-file", wrong, "id"), ("rpc",)):
        ended = run(*words, input=asked)
        assert (ended.returncode, ended.stdout) == (1, "")
        [line] = ended.stderr.splitlines()
        assert "passphrase" in line


def test_a_passphrase_is_changed_while_a_program_drives_the_client(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("second")

    async def main():
        async with open_processes(tmp_path / "peers") as processes:
            no_keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            peer = await processes.peer("alice", launch=Launch(environment=no_keyring))
            await peer.call("change_passphrase", new="first")
            with pytest.raises(RpcError, match="WrongPassphrase"):
                await peer.call("change_passphrase", old="wrong", new="second")
            await peer.call("change_passphrase", old="first", new="second")
            account = await peer.call("account")
            with pytest.raises(RpcError, match="BadExport"):  # and it opens its home again
                await peer.call("import", path=str(secret), passphrase="any")
            assert (await peer.call("account"))["account"] == account["account"]
            with pytest.raises(RpcError, match="KeyringUnusable"):
                await peer.call("use_keyring", passphrase="second")
            await peer.stop()
            peer.launch = Launch(options=("--passphrase-file", str(secret)))
            await peer.start()
            assert (await peer.call("account"))["account"] == account["account"]

    trio.run(main)
