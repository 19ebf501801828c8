"""A network of its own for one test: hosts, switches and the cables between them.

    with Namespaces() as net:
        lan = net.bridge("lan")
        alice, bob = net.add("alice"), net.add("bob")
        alice.plug(lan, "10.77.0.1/24")
        bob.plug(lan, "10.77.0.2/24")
        alice.exec("ip", "route")
        Launch(prefix=alice.prefix)  # a program of ours on that host

Hosts and switches are network namespaces, cables are veth pairs, and none of them ends in the
machine's own namespace: whatever is wrong with a test, no packet of it leaves. That is looked at
(`require_sealed`) before a program is let onto a host, each time that the network has changed, and
once more at the end, however the test ended. Names carry the id of this process, so that several
runs do not meet, and what a killed run left behind is removed by the next.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest

__all__ = ["Host", "Namespaces", "Switch", "missing"]

NAME = re.compile(r"p2pchat-(\d+)-\d+-\w+")
BRIDGE = "br0"
INSIDE = ("lo", BRIDGE, "tun0")
KINDS_INSIDE = ("loopback", "bridge", "tun")
"""A TUN device leads to the program that holds it: tests/netns/weather.py."""
EVERYBODY = ("0.0.0.0/0",)
_serial = count()

H = TypeVar("H", bound="Host")


def missing() -> str | None:
    """Why namespaces cannot be made here; None when they can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None if shutil.which("ip") else "network namespaces need the command `ip` (iproute2)"


@dataclass(frozen=True, slots=True)
class Look:
    """What can be seen of a namespace from inside."""

    leads_to: Mapping[str, str]
    """Each link but loopback and our own kinds, with the namespace at its far end, or what it is
    instead."""
    addresses: frozenset[str]
    routes: tuple[tuple[str, str], ...]
    """By which device each route leads, and to which router; empty when it leads to none."""


class Host:
    """A namespace: a machine with a loopback interface and what is plugged in."""

    def __init__(self, space: str, require_sealed: Callable[[], None]) -> None:
        self.space = space
        self.look: Look | None = None
        """What was seen of it since its network was changed last."""
        self._require_sealed = require_sealed
        self._devices = 0
        run("ip", "netns", "add", space)
        self.ip("link", "set", "lo", "up")

    @property
    def prefix(self) -> tuple[str, ...]:
        """What runs a program there, for `Launch`; the network is known to be sealed then."""
        self._require_sealed()
        return "ip", "netns", "exec", self.space

    def exec(self, *command: str) -> str:
        """Run a program there; its output. Fails the test when it fails."""
        self.look = None
        return run("ip", "netns", "exec", self.space, *command)

    def ip(self, *words: str) -> str:
        """Configure it: `ip -n <host> …`."""
        self.look = None
        return run("ip", "-n", self.space, *words)

    def plug(self, other: Host, *addresses: str) -> str:
        """Lay a cable to a switch or another host, give this end its addresses, and bring both
        ends up. Answers the name of the device here."""
        here, there = self._next_device(), other._next_device()
        far = ("peer", "name", there, "netns", other.space)
        run("ip", "link", "add", here, "netns", self.space, "type", "veth", *far)
        for address in addresses:
            self.ip("address", "add", address, "broadcast", "+", "dev", here)
        self.ip("link", "set", here, "up")
        other.ip("link", "set", there, "up")
        other.plugged(there)
        return here

    def unplug(self, device: str) -> None:
        """Take the cable out; `replug` puts it back."""
        self.ip("link", "set", device, "down")

    def replug(self, device: str) -> None:
        self.ip("link", "set", device, "up")

    def cut(self, *others: str) -> None:
        """Let packets to and from these addresses, or all, vanish without a word; see `mend`."""
        for rule in (rule for other in others or EVERYBODY for rule in silence(other)):
            self.exec("iptables", "--append", *rule)

    def mend(self, *others: str) -> None:
        """Undo a `cut` of the same addresses."""
        for rule in (rule for other in others or EVERYBODY for rule in silence(other)):
            self.exec("iptables", "--delete", *rule)

    def plugged(self, device: str) -> None:
        """A cable was laid to here."""

    def _next_device(self) -> str:
        self._devices += 1
        return f"eth{self._devices - 1}"


class Switch(Host):
    """A namespace with a bridge; whatever is plugged in is on one link."""

    def __init__(self, space: str, require_sealed: Callable[[], None]) -> None:
        super().__init__(space, require_sealed)
        self.ip("link", "add", BRIDGE, "type", "bridge")
        self.ip("link", "set", BRIDGE, "up")

    def plugged(self, device: str) -> None:
        self.ip("link", "set", device, "master", BRIDGE)


class Namespaces:
    """All hosts and switches of one test; closing removes them."""

    def __init__(self) -> None:
        self._number = next(_serial)
        self._hosts: list[Host] = []
        if self._number == 0:
            remove_leftovers()

    def add(self, name: str) -> Host:
        """A host of this name."""
        return self._keep(Host(self._space(name), self.require_sealed))

    def bridge(self, name: str) -> Switch:
        """A switch of this name."""
        return self._keep(Switch(self._space(name), self.require_sealed))

    def require_sealed(self) -> None:
        """Fail when any link leads elsewhere than to a host of ours, or any route by another
        device or to a router that is none of ours. Looks only at what has changed."""
        for host in self._hosts:
            host.look = host.look or look_at(host.space)
        ours = {host.space for host in self._hosts}
        addresses = {one for host in self._hosts if host.look for one in host.look.addresses}
        for host in self._hosts:
            assert host.look is not None
            for link, end in host.look.leads_to.items():
                assert end in ours, f"{host.space} leads out by {link} to {end}"
            for device, router in host.look.routes:
                assert device in {*host.look.leads_to, *INSIDE}, f"{host.space} has a route out"
                assert router in {"", *addresses}, f"{host.space} has a route out: {router}"

    def close(self) -> None:
        """Remove everything. Programs in it must have been ended."""
        while self._hosts:
            remove(self._hosts.pop().space)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            for host in self._hosts:
                host.look = None
            self.require_sealed()
        finally:
            self.close()

    def _keep(self, host: H) -> H:
        self._hosts.append(host)
        return host

    def _space(self, name: str) -> str:
        space = f"p2pchat-{os.getpid()}-{self._number}-{name}"
        assert NAME.fullmatch(space), "a name has letters and digits"
        return space


def silence(other: str) -> Iterator[tuple[str, ...]]:
    """The rules that drop what comes from an address and goes to it; loopback stays."""
    yield "INPUT", "!", "-i", "lo", "-s", other, "-j", "DROP"
    yield "OUTPUT", "!", "-o", "lo", "-d", other, "-j", "DROP"


def look_at(space: str) -> Look:
    """Look round in a namespace."""
    names = dict(
        re.findall(r"nsid (\d+).*name: (\S+)\)", run("ip", "-n", space, "netns", "list-id"))
    )
    links = json.loads(run("ip", "-n", space, "-json", "-details", "address", "show"))
    routes = json.loads(run("ip", "-n", space, "-json", "route", "show", "table", "all"))
    return Look(
        leads_to={
            link["ifname"]: names.get(str(link.get("link_netnsid")), kind_of(link))
            for link in links
            if kind_of(link) not in KINDS_INSIDE
        },
        addresses=frozenset(one["local"] for link in links for one in link["addr_info"]),
        routes=tuple((one["dev"], one.get("gateway", "")) for one in routes if "dev" in one),
    )


def kind_of(link: Mapping[str, Any]) -> str:
    return link.get("linkinfo", {}).get("info_kind", link["link_type"])


def remove_leftovers() -> None:
    """Remove the namespaces of runs that are gone."""
    for match in NAME.finditer(run("ip", "netns", "list")):
        if not os.path.exists(f"/proc/{match[1]}"):
            remove(match[0])


def remove(space: str) -> None:
    """Remove a namespace, if it is there."""
    subprocess.run(["ip", "netns", "delete", space], check=False, capture_output=True)


def run(*command: str) -> str:
    """Run a program; its output. Fails the test, saying why, when the program fails."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
