"""How much a diagnosis tries out, whatever it is told of."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio
from trio.testing import MockClock

from p2pchat.errors import PeerUnreachable
from p2pchat.model.facts import Outcome
from p2pchat.net.clock import CLOCK_PROTOCOL
from p2pchat.node import doctor
from p2pchat.node.doctor import ADDRESSES_MAX, CLOCKS_MAX, DIAL_TIMEOUT_S, PEERS_MAX, _Examination
from tests.unit.protocol.people import Person


class Host:
    """Reaches nobody, or somebody who never says what it is."""

    def __init__(self, *, reaches: bool = False) -> None:
        self.peer_id = Person("me").device.peer_id
        self.reaches = reaches
        self.dialled: list[tuple[int, float]] = []
        self.peers: list[SimpleNamespace] = []

    async def connect(self, peer, addresses, timeout_s) -> None:
        await trio.lowlevel.checkpoint()
        self.dialled.append((len(addresses), timeout_s))
        if not self.reaches:
            raise PeerUnreachable("nobody is there")

    def is_connected(self, peer) -> bool:
        return self.reaches


def examination(host: Host, *, configured=()) -> _Examination:
    enforcer = SimpleNamespace(
        parted={}, newest=SimpleNamespace(refusal=lambda peer, address: None)
    )
    return _Examination(
        SimpleNamespace(
            parts=SimpleNamespace(host=host, ambient=SimpleNamespace(now=None)),
            around=SimpleNamespace(enforcer=enforcer),
            startup=SimpleNamespace(
                sources=SimpleNamespace(peers=configured),
                ready=SimpleNamespace(is_set=lambda: True),
            ),
            network=SimpleNamespace(lan=None),
            connections=SimpleNamespace(traversal=SimpleNamespace(is_undecided=False)),
        )
    )


@pytest.fixture(autouse=True)
def silence(monkeypatch):
    """The system knocks in vain, too."""

    async def knock(address, refuses):
        await trio.lowlevel.checkpoint()
        return Outcome.SILENT, "no answer"

    monkeypatch.setattr(doctor, "knock", knock)


def addresses_of(number: int, count: int) -> list[str]:
    peer = Person(f"{number}").device.peer_id
    return [f"/ip4/192.0.2.{one}/tcp/4001/p2p/{peer}" for one in range(count)]


def test_only_so_many_peers_and_addresses_of_each_are_tried():
    host = Host()
    told = [one for number in range(PEERS_MAX + 5) for one in addresses_of(number, 7)]
    trio.run(examination(host, configured=told)._peers, clock=MockClock(autojump_threshold=0))
    assert host.dialled == [(ADDRESSES_MAX, DIAL_TIMEOUT_S)] * PEERS_MAX


def test_who_never_says_what_it_is_is_waited_for_no_longer_than_a_dial_takes():
    async def main() -> None:
        began_s = trio.current_time()
        tried = examination(Host(reaches=True), configured=addresses_of(1, 1))
        await tried._peers()
        assert trio.current_time() - began_s == pytest.approx(DIAL_TIMEOUT_S)
        assert [one.outcome for one in tried.found.attempts] == [Outcome.REACHED]

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_only_so_many_peers_are_asked_for_the_time(monkeypatch):
    asked = []

    async def ask(host, peer, now, timeout_s):
        await trio.lowlevel.checkpoint()
        asked.append(peer)
        return 0.0

    monkeypatch.setattr(doctor, "ask_clock", ask)
    host = Host()
    host.peers = [
        SimpleNamespace(peer=Person(f"{n}").device.peer_id, protocols=(CLOCK_PROTOCOL,))
        for n in range(CLOCKS_MAX + 4)
    ]
    trio.run(examination(host)._settle, clock=MockClock(autojump_threshold=0))
    assert len(asked) == CLOCKS_MAX
