"""`p2pchat rpc` as other programs drive it: real processes, real sockets, the loopback."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys

import pytest
import trio

from p2pchat.testing.processes import Launch, ProgramEnded, RpcError, open_processes

pytestmark = pytest.mark.process

END_S = 20.0
STEPS = (
    *("network_detected", "listening", "bootstrap_connecting", "bootstrap_connected"),
    *("relays_discovering", "relays_discovered", "relay_probed", "relay_selected"),
    *("keys_fetching", "keys_ready", "ready"),
)


def test_the_program_ends_in_order_at_a_signal(tmp_path):
    async def ended_by(processes, name, end, status):
        peer = await processes.peer(name)
        end(peer)
        assert await peer.wait_ended(END_S) == status, name
        assert peer.log_end() == ""

    async def main():
        async with open_processes(tmp_path) as processes, trio.open_nursery() as nursery:
            for name, end, status in (
                ("terminate", lambda peer: peer.signal(signal.SIGTERM), 0),
                ("interrupt", lambda peer: peer.signal(signal.SIGINT), 130),
            ):
                nursery.start_soon(ended_by, processes, name, end, status)

    trio.run(main)


def test_requests_that_are_piped_in_are_answered_before_the_end(tmp_path):
    requests = [
        {"jsonrpc": "2.0", "id": number, "method": method}
        for number, method in enumerate(["account", "status", "rooms", "nonsense", "wait_ready"])
    ]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "p2pchat.cli.app", "--home", tmp_path, "--no-fetch"),
            *("--listen", "/ip4/127.0.0.1/tcp/0", "rpc"),
        ],
        input="".join(json.dumps(each) + "\n" for each in requests),
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    answers = {line["id"]: line for line in lines if "id" in line}
    assert sorted(answers) == [0, 1, 2, 3, 4]
    assert answers[3]["error"]["data"]["type"] == "MethodNotFound"
    assert answers[4]["result"]["health"] == "offline"
    assert ended.stderr == ""


def test_the_steps_of_the_start_are_told(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            status = await alice.call("wait_ready")
            assert status["health"] == "good"
            await alice.heard("StartupProgress", step="ready")
            steps = [e["step"] for e in alice.events if e["type"] == "StartupProgress"]
            assert set(steps) <= set(STEPS)
            assert {"bootstrap_connected", "keys_ready", "ready"} <= set(steps)

    trio.run(main)


async def befriend_after_all(alice, bob):
    """Make two peers contacts, after some hesitation; answers the conversation's id."""
    account = await bob.call("account")
    asked = await alice.call("add_contact", link=account["contact_link"])
    assert asked["state"] == "asked"
    request = await bob.heard("ContactRequested", name="alice")
    assert [each["state"] for each in await bob.call("contact_requests")] == ["request"]
    assert await bob.call("reject", account=request["account"]) is None
    assert await bob.call("contact_requests") == await bob.call("contacts") == []
    with pytest.raises(RpcError, match="UnknownContact"):
        await bob.call("accept", account=request["account"])
    link = (await alice.call("account"))["contact_link"]
    assert (await bob.call("add_contact", link=link))["state"] == "accepted"
    await alice.heard("ContactAccepted", account=account["account"])
    [contact] = await bob.call("contacts")
    assert (contact["id"], contact["state"], contact["name"]) == (asked["id"], "accepted", "alice")
    return asked["id"]


async def talk(alice, bob, direct):
    """A text and a reply to it, with everything that is told on the way."""
    sent = await alice.call("send", conversation=direct, text="Hello! 你好 \U0001f600")
    assert sent["state"] == "queued"
    received = (await bob.heard("MessageReceived", about(sent)))["message"]
    assert (received["text"], received["author"]) == (sent["text"], sent["author"])
    assert received["author_name"] == "alice"
    delivered = await alice.call("wait_delivered", message_id=sent["id"])
    assert delivered["state"] == "delivered"
    await alice.heard("MessageStateChanged", message_id=sent["id"], state="delivered")

    reply = await bob.call("send", conversation=direct, text="yes", reply_to=sent["id"])
    heard = (await alice.heard("MessageReceived", about(reply)))["message"]
    assert heard["reply_to"] == sent["id"]
    for peer in (alice, bob):
        texts = [m["text"] for m in await peer.call("history", conversation=direct)]
        assert texts == [sent["text"], "yes"]


async def meet(alice, bob):
    """A text in an open room, and leaving it."""
    room = await alice.call("join_open", name="Lounge")
    assert (room["name"], room["kind"], room["role"]) == ("lounge", "open", "member")
    assert (await bob.call("join_open", name="LOUNGE "))["id"] == room["id"]
    await alice.heard("MembersChanged", conversation=room["id"])
    sent = await alice.call("send", conversation=room["id"], text="to the room")
    await bob.heard("MessageReceived", about(sent))
    names = {member["name"] for member in await bob.call("members", room=room["id"])}
    assert names == {"alice", "bob"}
    assert await bob.call("leave", room=room["id"]) is None
    assert await bob.call("rooms") == []


def about(message):
    return lambda event: event["message"]["id"] == message["id"]


def test_two_who_know_each_others_address_talk_and_everything_is_told(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice, bob = await processes.peer("alice"), await processes.peer("bob")
            other = await bob.call("account")
            await alice.call("connect", address=other["addresses"][0])
            await alice.heard("PeerConnected", peer_id=other["peer_id"])
            assert other["peer_id"] in [each["peer_id"] for each in await alice.call("peers")]
            await talk(alice, bob, await befriend_after_all(alice, bob))
            await meet(alice, bob)
            assert await alice.call("disconnect", peer_id=other["peer_id"]) is None
            await alice.heard("PeerDisconnected", peer_id=other["peer_id"])

    trio.run(main)


def test_a_home_belongs_to_one_program_and_its_files_are_private_and_hold_no_words(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice = await processes.peer("alice-the-canary")
            room = (await alice.call("join_open", name="canary-lounge"))["id"]
            await alice.call("send", conversation=room, text="canary-words")
            with pytest.raises(ProgramEnded, match=f"process {alice.pid}"):
                await processes.peer(alice.name)
            assert await alice.stop() == 0
            files = list(alice.home.iterdir())
            assert len(files) > 2
            for file in files:
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
                assert b"canary" not in file.read_bytes()

    trio.run(main)


@pytest.mark.slow
def test_with_nobody_reachable_it_is_ready_after_ten_seconds_and_offline(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            address = relay.addresses[0]
            await relay.kill()
            alice = await processes.peer("alice", launch=Launch(knows=(address,)))
            with trio.fail_after(60):
                assert (await alice.call("wait_ready"))["health"] == "offline"
            await relay.start()
            await alice.heard("PeerConnected", peer_id=relay.peer_id, timeout_s=60)

    trio.run(main)
