"""Settings that change while a program runs: by JSON-RPC, and by SIGHUP."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress

import pytest
import trio

from p2pchat.testing.processes import RpcError, open_processes

pytestmark = pytest.mark.process

WITHIN_S = 30.0


def configure(program, text: str) -> None:
    program.home.mkdir(parents=True, exist_ok=True)
    (program.home / "config.toml").write_text(text, encoding="utf-8")


async def connected(peer) -> set[str]:
    return {each["peer_id"] for each in await peer.call("peers")}


async def eventually(condition) -> None:
    with trio.fail_after(WITHIN_S):
        while not await condition():  # noqa: ASYNC110 - the other process has no event for it
            await trio.sleep(0.05)


def test_bootstrap_peers_and_blocks_change_while_a_client_runs(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice, bob = await processes.peer("alice"), await processes.peer("bob")
            account = await bob.call("account")
            peer_id, known = account["peer_id"], f'bootstrap_peers = ["{account["addresses"][0]}"]'
            nothing = {"applied": [], "needs_restart": [], "warnings": []}
            assert await alice.call("reload_config") == nothing

            configure(alice, f"{known}\nlisten_at = 7\n[limits]\nrequests_max = 7\nnonsense = 1\n")
            change = await alice.call("reload_config")
            assert change["applied"] == ["bootstrap_peers"]
            assert change["needs_restart"] == ["limits.requests_max"]
            assert [warning.partition(": ")[2] for warning in change["warnings"]] == [
                "the unknown key listen_at is ignored; did you mean listen?",
                "the unknown key limits.nonsense is ignored",
            ]
            await alice.heard("PeerConnected", peer_id=peer_id)

            configure(alice, f'{known}\n[blocks]\npeers = ["{peer_id}"]\n')
            assert (await alice.call("reload_config"))["applied"] == ["blocks.peers"]
            assert await connected(alice) == set()
            with pytest.raises(RpcError, match="by the configuration: take it out there"):
                await alice.call("unblock", target=peer_id)

            for broken, key in (('[blocks]\npeers = ["bob"]', "blocks.peers"), ("[blocks", "TOML")):
                configure(alice, broken)
                with pytest.raises(RpcError, match=f"ConfigError: .*{key}") as refused:
                    await alice.call("reload_config")
                assert "\n" not in str(refused.value)
                assert [each["target"] for each in await alice.call("blocks")] == [peer_id]

            configure(alice, known)
            assert (await alice.call("reload_config"))["applied"] == ["blocks.peers"]
            await eventually(lambda: _is_connected(alice, peer_id))

    trio.run(main)


async def _is_connected(peer, peer_id: str) -> bool:
    return peer_id in await connected(peer)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_relay_reads_its_block_list_again_at_a_signal(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            own = (await alice.call("account"))["peer_id"]
            await alice.heard("PeerConnected", peer_id=relay.peer_id)
            await bob.heard("PeerConnected", peer_id=relay.peer_id)

            configure(relay, f'[blocks]\npeers = ["{own}"]\n[dht]\nmode = "client"\n')
            relay.signal(signal.SIGHUP)
            await alice.heard("PeerDisconnected", peer_id=relay.peer_id)
            with suppress(RpcError):  # or she believes for a moment that she is in
                await alice.call("connect", address=relay.addresses[0])
            await eventually(lambda: _is_gone(alice, relay.peer_id))
            assert await _is_connected(bob, relay.peer_id)
            await eventually(lambda: _says(relay, "these need a restart: dht.mode"))

            configure(relay, "[blocks")
            relay.signal(signal.SIGHUP)
            await eventually(lambda: _says(relay, "nothing has changed: config.toml: "))
            await relay.kill()
            configure(relay, f'[blocks]\npeers = ["{own}"]\n')
            await relay.start()
            await eventually(lambda: _is_gone(alice, relay.peer_id))

            configure(relay, "")
            relay.signal(signal.SIGHUP)
            await eventually(lambda: _back(alice, relay))
            assert await relay.stop() == 0

    trio.run(main)


async def _says(program, text: str) -> bool:
    return text in program.log.read_text(encoding="utf-8")


async def _back(alice, relay) -> bool:
    try:
        await alice.call("connect", address=relay.addresses[0])
    except RpcError:
        return False
    return await _is_connected(alice, relay.peer_id)


async def _is_gone(peer, peer_id: str) -> bool:
    return peer_id not in await connected(peer)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_client_reads_its_settings_again_at_a_signal(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice = await processes.peer("alice")
            configure(alice, '[blocks]\nsubnets = ["10.1.2.3/8"]\n')
            alice.signal(signal.SIGHUP)

            async def has_it() -> bool:
                return [each["target"] for each in await alice.call("blocks")] == ["10.0.0.0/8"]

            await eventually(has_it)

    trio.run(main)
