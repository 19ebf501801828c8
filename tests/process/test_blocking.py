"""Blocking between real processes: gone at once, gone for good, and back when it is taken back."""

from __future__ import annotations

import pytest
import trio

from p2pchat.testing.processes import Launch, RpcError, befriend, open_processes

pytestmark = pytest.mark.process

RETRIES_S = 4.0
"""Long enough for who was cut off to try again, more than once."""
BACK_S = 60.0


async def connected(peer) -> set[str]:
    return {each["peer_id"] for each in await peer.call("peers")}


async def cut_off(alice, peer_id: str) -> None:
    """Not there now, and not after a while of trying."""
    with trio.move_on_after(RETRIES_S):
        while True:
            assert peer_id not in await connected(alice)
            await trio.sleep(0.2)


async def back(alice, peer_id: str) -> None:
    with trio.fail_after(BACK_S):
        while peer_id not in await connected(alice):  # noqa: ASYNC110 - no event tells of an old one
            await trio.sleep(0.1)


@pytest.mark.parametrize("by", ["account", pytest.param("peer_id", marks=pytest.mark.slow)])
def test_a_blocked_contact_is_gone_at_once_stays_gone_and_comes_back(tmp_path, by):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            direct = await befriend(alice, bob)
            account = await bob.call("account")
            target, peer_id = account[by], account["peer_id"]
            await back(alice, peer_id)

            block = await alice.call("block", target=target)
            assert peer_id not in await connected(alice)
            assert (block["target"], block["configured"]) == (target, False)
            assert await alice.call("blocks") == [block]
            [contact] = await alice.call("contacts")
            assert contact["state"] == ("blocked" if by == "account" else "accepted")
            sent = await bob.call("send", conversation=direct, text="let me in")
            await cut_off(alice, peer_id)

            await alice.kill()
            await alice.start()
            assert await alice.call("blocks") == [block]
            await alice.call("wait_ready")
            await cut_off(alice, peer_id)
            assert (await alice.call("status"))["outbox"] == 0
            assert await alice.call("history", conversation=direct) == []

            await alice.call("unblock", target=target)
            await alice.heard("MessageReceived", timeout_s=BACK_S)
            await bob.call("wait_delivered", message_id=sent["id"])
            await back(alice, peer_id)
            assert await alice.call("blocks") == []
            assert [each["state"] for each in await alice.call("contacts")] == ["accepted"]

    trio.run(main)


@pytest.mark.slow
def test_a_blocked_subnet_is_not_dialled_and_comes_back(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            bob = await processes.peer("bob", launch=Launch(listen=("/ip4/127.0.0.2/tcp/0",)))
            account = await bob.call("account")
            peer_id, [address] = account["peer_id"], account["addresses"]
            assert address.startswith("/ip4/127.0.0.2/")
            alice = await processes.peer("alice", knows=[address])
            await alice.call("wait_ready")
            await back(alice, peer_id)
            block = await alice.call("block", target="127.0.0.7/8")
            assert (block["target"], block["kind"]) == ("127.0.0.0/8", "subnet")
            assert await connected(alice) == set()
            with pytest.raises(RpcError, match="PeerUnreachable"):
                await alice.call("connect", address=address)
            await cut_off(alice, peer_id)
            await alice.kill()
            await alice.start()
            await alice.call("wait_ready")
            await cut_off(alice, peer_id)
            assert await connected(bob) == set()
            await alice.call("unblock", target="127.0.0.0/8")
            await back(alice, peer_id)

    trio.run(main)


def test_what_cannot_be_blocked_is_answered_in_one_line(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice = await processes.peer("alice")
            own = await alice.call("account")
            for target, kind in (
                (own["account"], "LocalProtocolError"),
                (own["peer_id"], "LocalProtocolError"),
                ("bob", "InvalidTarget"),
                ("10.0.0.0/40", "InvalidTarget"),
            ):
                with pytest.raises(RpcError, match=kind) as refused:
                    await alice.call("block", target=target)
                assert "\n" not in str(refused.value)
            with pytest.raises(RpcError, match="is not blocked; see `blocks`"):
                await alice.call("unblock", target="10.0.0.0/8")
            assert await alice.call("blocks") == []

    trio.run(main)
