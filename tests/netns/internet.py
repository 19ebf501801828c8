"""An internet of namespaces: public hosts on one wire, homes behind routers of their own.

Public addresses are real ones (45.33.0.0/16), so that every rule about scopes holds as outside; no
wire leads out of the namespaces. A router translates addresses as those at home do: what goes out
is answered, nothing else comes in. It keeps the port of a call where it can (`Nat.PRESERVING`) or
takes another for each destination (`Nat.SYMMETRIC`).
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Processes, RelayProcess, RpcPeer, open_processes
from tests.netns.ns import Host, Namespaces

__all__ = ["Internet", "Nat", "on_the_internet", "path", "talk"]

STORY_S_MAX = 280


class Nat(Enum):
    PRESERVING = ()
    SYMMETRIC = ("--random-fully",)


class Internet:
    """Public hosts, and homes behind routers."""

    def __init__(self, net: Namespaces, processes: Processes) -> None:
        self.net = net
        self._wire = net.bridge("internet")
        self.hosts: dict[str, Host] = {}
        """The machines of people and relays, by name."""
        self._processes = processes
        self._public = 0
        self._homes = 0

    def public(self, name: str) -> tuple[Host, str]:
        """A host with a public address."""
        self._public += 1
        host, ip = self.net.add(name), f"45.33.1.{self._public}"
        self.hosts[name] = host
        host.plug(self._wire, f"{ip}/16")
        return host, ip

    def home(self, name: str, nat: Nat) -> Host:
        """A host behind a router of its own."""
        self._homes += 1
        router, host = self.net.add(f"{name}router"), self.net.add(name)
        self.hosts[name] = host
        outside = router.plug(self._wire, f"45.33.2.{self._homes}/16")
        inside = router.plug(host, f"10.{self._homes}.0.1/24")
        host.ip("address", "add", f"10.{self._homes}.0.2/24", "dev", "eth0")
        host.ip("route", "add", "default", "via", f"10.{self._homes}.0.1")
        router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1")
        for rule in (
            ("-t", "nat", "-A", "POSTROUTING", "-o", outside, "-j", "MASQUERADE", *nat.value),
            ("-A", "INPUT", "-i", outside, "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP"),
            ("-P", "FORWARD", "DROP"),
            ("-A", "FORWARD", "-i", inside, "-j", "ACCEPT"),
            ("-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"),
        ):
            router.exec("iptables", *rule)
        return host

    async def relay(self, name: str, settings: str = "") -> RelayProcess:
        """A relay on a public host, with what stands in its `config.toml`."""
        host, ip = self.public(name)
        home = self._processes.directory / name
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(settings)
        launch = Launch(listen=(f"/ip4/{ip}/tcp/4001",), prefix=host.prefix)
        return await self._processes.relay(name, launch)

    async def person(self, name: str, host: Host, *relays: RelayProcess) -> RpcPeer:
        """A client on a host; it knows these relays."""
        launch = Launch(listen=("/ip4/0.0.0.0/tcp/0",), prefix=host.prefix)
        launch = replace(launch, options=("--log-level", "debug"))
        knows = [address for relay in relays for address in relay.addresses]
        peer = await self._processes.peer(name, knows=knows, launch=launch)
        await peer.call("wait_ready")
        return peer


def on_the_internet(
    tmp_path: Path,
    net: Namespaces,
    story: Callable[[Internet], Awaitable[None]],
    story_s_max: float = STORY_S_MAX,
) -> None:
    """Live through a story, on an internet that leads nowhere else."""
    if shutil.which("iptables") is None:
        pytest.skip("routers need the command `iptables`")

    async def main() -> None:
        with trio.fail_after(story_s_max):
            async with open_processes(tmp_path) as processes:
                internet = Internet(net, processes)
                await story(internet)

    trio.run(main)


async def talk(one: RpcPeer, other: RpcPeer, conversation: str, text: str) -> None:
    """A message from one that the other gets and says so."""
    message = await one.call("send", conversation=conversation, text=text)
    await one.call("wait_delivered", message_id=message["id"])
    history = await other.call("history", conversation=conversation, limit=1)
    assert history[-1]["text"] == text


async def path(one: RpcPeer, other: RpcPeer) -> str | None:
    """How one reaches the other now."""
    account = (await other.call("account"))["account"]
    peers = (await one.call("status"))["peers"]
    return next((peer["path"] for peer in peers if peer["account"] == account), None)
