"""Somebody comes and goes, again and again: one entry, one event a change, no storm of dials."""

from __future__ import annotations

import re
import time

import pytest

from p2pchat.testing.processes import Fields, RpcPeer, befriend
from tests.netns.internet import Internet, on_the_internet, talk
from tests.netns.ns import Host
from tests.process.polling import until
from tests.process.yardstick import slowness

pytestmark = [pytest.mark.netns, pytest.mark.process, pytest.mark.slow]

TIMES = 20
"""As fast as a program starts: about twenty times a minute."""
FOUND_S = 5.0
"""What the design promises, on a machine that does nothing else meanwhile."""
PATIENCE_S = 60.0
DIALS_A_CHANGE_MAX = 8


def count_calls(host: Host, to: str) -> None:
    host.exec("iptables", "-A", "OUTPUT", "-p", "tcp", "--syn", "-d", to, "-j", "ACCEPT")


def calls(host: Host) -> int:
    """How many connections have been tried since."""
    lines = host.exec("iptables", "-nvxL", "OUTPUT")
    found = re.search(r"^\s*(\d+).*ACCEPT", lines.split("destination", 1)[1], re.MULTILINE)
    assert found is not None
    return int(found[1])


def watch(peer: RpcPeer, other: str) -> list[str]:
    """What is told of another's coming and going from now on."""
    changes = list[str]()

    def note(event: Fields) -> None:
        if event["type"] in {"PeerConnected", "PeerDisconnected"} and event["peer_id"] == other:
            changes.append(str(event["type"]))

    peer.listeners.append(note)
    return changes


async def has(changes: list[str], wanted: int) -> bool:
    return len(changes) >= wanted


def test_who_comes_and_goes_is_found_each_time_and_told_of_once(tmp_path, net, figure):
    """Each time within the design's figure, stretched on a busy machine by how long work takes
    there: the program that came back has most of its start still before it."""

    async def story(internet: Internet) -> None:
        (here, _), (there, ip) = internet.public("alice"), internet.public("bob")
        alice, bob = [
            await internet.person(name, host) for name, host in (("alice", here), ("bob", there))
        ]
        await bob.restart()
        await alice.call("connect", address=(await bob.call("account"))["addresses"][0])
        conversation = await befriend(alice, bob)
        peer_id = (await bob.call("account"))["peer_id"]
        known = (await alice.call("status"))["known_peers"]
        count_calls(here, ip)
        changes, took_s = watch(alice, peer_id), list[float]()
        for turn in range(1, TIMES + 1):
            await bob.kill()
            await until(lambda turn=turn: has(changes, 2 * turn - 1), PATIENCE_S)
            await bob.start()
            began_s = time.perf_counter()
            await until(lambda turn=turn: has(changes, 2 * turn), PATIENCE_S)
            took_s.append(time.perf_counter() - began_s)
            assert took_s[-1] <= FOUND_S * slowness()
        figure(f"found again after {max(took_s):.1f} s at most; {calls(here)} dials")
        assert changes == ["PeerDisconnected", "PeerConnected"] * TIMES
        assert calls(here) <= TIMES * DIALS_A_CHANGE_MAX
        assert (await alice.call("status"))["known_peers"] == known
        await talk(alice, bob, conversation, "hello again")

    on_the_internet(tmp_path, net, story, 400)
