"""LAN mode between real programs on a network of their own: no internet, no relay, no lists."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Processes, RpcPeer, open_processes
from tests.netns.ns import Host, Namespaces

pytestmark = [pytest.mark.netns, pytest.mark.process]

FIND_S = 2.0
PATIENCE_S = 20.0


class House:
    """A network in a house: one switch, a host for each person."""

    def __init__(self, net: Namespaces, processes: Processes) -> None:
        self.net = net
        self.switch = net.bridge("switch")
        self._processes = processes
        self._count = 0

    def host(self, name: str) -> Host:
        self._count += 1
        host = self.net.add(name)
        host.plug(self.switch, f"10.77.0.{self._count}/24")
        return host

    async def person(
        self, name: str, *, secret: str = "", settings: str = "", host: Host | None = None
    ) -> RpcPeer:
        """A client in LAN mode, on a host of its own."""
        host = host or self.host(name)
        home = self._processes.directory / name
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(settings)
        launch = Launch(
            listen=(),
            options=("--lan", "--log-level", "info"),
            prefix=host.prefix,
            environment={"P2PCHAT_LAN_SECRET": secret},
        )
        return await self._processes.peer(name, launch=launch)


def in_house(tmp_path: Path, net: Namespaces, story) -> None:
    """Live through a story in a house."""

    async def main() -> None:
        with trio.fail_after(60):
            async with open_processes(tmp_path) as processes:
                house = House(net, processes)
                await story(house)
                net.require_sealed()

    trio.run(main)


async def peer_id(person: RpcPeer) -> str:
    return (await person.call("account"))["peer_id"]


async def lan_peers(person: RpcPeer) -> set[str]:
    return {peer["peer_id"] for peer in (await person.call("status"))["lan"]["peers"]}


async def befriend(one: RpcPeer, other: RpcPeer) -> str:
    """Make contacts of two; the conversation."""
    link = (await other.call("account"))["contact_link"]
    contact = await one.call("add_contact", link=link)
    request = await other.heard("ContactRequested")
    await other.call("accept", account=request["account"])
    await one.heard("ContactAccepted")
    return contact["id"]


def test_two_find_each_other_at_once_and_talk(tmp_path, net):
    async def story(house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        ids = await peer_id(alice), await peer_id(bob)
        await alice.heard("LanPeerFound", peer_id=ids[1], timeout_s=FIND_S)
        await bob.heard("PeerConnected", peer_id=ids[0], timeout_s=FIND_S)

        conversation = await befriend(alice, bob)
        await alice.call("send", conversation=conversation, text="nobody else heard this")
        said = await bob.heard("MessageReceived")
        assert said["message"]["text"] == "nobody else heard this"

        status = await alice.call("status")
        assert status["lan"]["is_open"]
        assert status["lan"]["listen_port"] == 19123
        assert [peer["path"] for peer in status["peers"]] == ["lan"]
        assert "LAN mode has no secret" in alice.log.read_text()

    in_house(tmp_path, net, story)
