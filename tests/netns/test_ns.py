"""The networks that tests are in: they work, they are sealed, and they go away."""

from __future__ import annotations

import os
import sys

import pytest

from tests.netns.ns import Namespaces, missing, run

pytestmark = [pytest.mark.netns]

KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), timeout=20)
except OSError as error:
    print(error)  # only a machine that is there refuses
"""


def test_hosts_on_one_switch_hear_each_other_and_nobody_else(net):
    lan = net.bridge("lan")
    alice, bob = net.add("alice"), net.add("bob")
    alice.plug(lan, "10.77.0.1/24")
    bob.plug(lan, "10.77.0.2/24")

    assert "refused" in alice.exec(sys.executable, "-c", KNOCK, "10.77.0.2")

    net.require_sealed()
    with pytest.raises(pytest.fail.Exception, match="unreachable"):
        alice.ip("route", "get", "203.0.113.1")


def test_a_cable_into_the_machine_itself_is_noticed(net):
    alice = net.add("alice")
    way_out = f"out{os.getpid()}"  # its far end, which goes away with the near one
    run("ip", "link", "add", "eth0", "netns", alice.space, "type", "veth", "peer", "name", way_out)
    with pytest.raises(AssertionError, match="leads out"):
        _ = alice.prefix  # so no program gets there
    with pytest.raises(AssertionError, match="leads out"):
        net.__exit__(None, None, None)
    assert alice.space not in run("ip", "netns", "list"), "and nothing of it stays"


@pytest.mark.parametrize(
    "way",
    [("default", "via", "10.77.0.9"), ("203.0.113.0/24", "via", "10.77.0.9")],
    ids=["default", "one subnet"],
)
def test_a_route_to_a_router_of_nobody_is_noticed(net, way):
    lan, alice = net.bridge("lan"), net.add("alice")
    alice.plug(lan, "10.77.0.1/24")
    assert alice.prefix
    alice.ip("route", "add", *way)
    with pytest.raises(AssertionError, match="route out"):
        _ = alice.prefix
    bob = net.add("bob")
    bob.plug(lan, "10.77.0.9/24")
    assert alice.prefix, "now somebody of ours is there"


@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_network_is_gone_when_its_test_has_failed():
    def fail(other: Namespaces) -> None:
        with other:
            spaces.append(other.add("alice").space)
            raise ZeroDivisionError

    spaces: list[str] = []
    with pytest.raises(ZeroDivisionError):
        fail(Namespaces())
    assert spaces[0] not in run("ip", "netns", "list")
