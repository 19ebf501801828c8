"""What a node knows of its LAN."""

from __future__ import annotations

import socket
from contextlib import closing
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
import trio
from trio.testing import MockClock

from p2pchat.config import LanConfig
from p2pchat.events import LanClockDiffers
from p2pchat.model.blocking import BlockList, Confinement
from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.model.status import LanPeerStatus, LanStatus
from p2pchat.net.port import Connectedness
from p2pchat.node import lan as node_lan
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.lan import CLOCK_S_MAX, CLOCKS_MAX, Lan, LanParts
from p2pchat.protocol.lan import Datagram, InterfacesChanged, LanIdentity, Tell
from p2pchat.wire.lan_codec import LanKind, LanPacket, encode_lan

ME, BOB = DeviceId(b"m" * 32).peer_id, DeviceId(b"b" * 32).peer_id


async def nowhere(*_: object) -> None:
    """Nobody is dialled."""


@pytest.fixture
def lan():
    """LAN mode that knows its networks and has heard of Bob."""

    async def make() -> Lan:
        ambient = SimulatedAmbient(1, "me")
        me = LanIdentity(peer=ME, name="Me", listen_port=19123)
        lan = Lan(LanParts(LanConfig(enabled=True), me), ambient, nowhere, print)
        now = ambient.now()
        packet = LanPacket(LanKind.HEARTBEAT, BOB, "Bob", 19123, now.wall_ms, bytes(16))
        for input in (
            InterfacesChanged((IPv4Interface("10.77.0.1/24"), IPv4Interface("127.0.0.1/8"))),
            Datagram(IPv4Address("10.77.0.2"), 4, encode_lan(packet, None)),
            Datagram(IPv4Address("10.77.0.3"), 4, b"junk"),
        ):
            lan._machine.handle(input, now)
        return lan

    return trio.run(make)


def test_its_status_names_who_is_here(lan):
    heard_ms = lan.status.peers[0].last_heard
    peers = (LanPeerStatus(BOB, "Bob", "/ip4/10.77.0.2/tcp/19123", heard_ms),)
    assert lan.status == LanStatus(True, 19123, ("10.77.0.0/24",), peers)
    assert lan.refused == {"MalformedMessage": 1}


@pytest.mark.parametrize(
    ("path", "addresses", "shown"),
    [
        (Path.DIRECT, ("/ip4/10.77.0.2/tcp/1",), Path.LAN),
        (Path.DIRECT, ("/ip6/fd00::1/tcp/1", "/ip4/10.77.0.2/tcp/1"), Path.LAN),
        (Path.DIRECT, ("/ip4/10.78.0.2/tcp/1",), Path.DIRECT),
        (Path.DIRECT, ("/dns4/bob.example/tcp/1", "/ip4/bad/tcp/1"), Path.DIRECT),
        (Path.RELAYED, ("/ip4/10.77.0.2/tcp/1/p2p/x/p2p-circuit",), Path.RELAYED),
        (Path.PUNCHED, ("/ip4/10.77.0.2/tcp/1",), Path.PUNCHED),
    ],
)
def test_a_direct_connection_into_one_of_our_networks_is_the_lan(lan, path, addresses, shown):
    assert lan.path(Connectedness(BOB, addresses, path, False)) is shown


def test_whom_a_narrower_lan_keeps_out_is_kept_out_there_and_they_are_not_without_number(
    lan, monkeypatch
):
    monkeypatch.setattr(node_lan, "OUTSIDE_MAX", 2)
    others = [DeviceId(bytes([number] * 32)).peer_id for number in range(3)]

    async def main() -> None:
        assert await lan.confine(["10.77.0.0/24"], others.__contains__) is None
        confinement = await lan.confine(["10.78.0.0/24"], others.__contains__)
        assert confinement == Confinement(frozenset({BOB}), (IPv4Network("10.78.0.0/24"),))
        assert await lan.confine(["10.78.0.0/24"], {BOB}.__contains__) is None
        lan._outside |= dict.fromkeys(others, IPv4Address("10.79.0.1"))
        confinement = await lan.confine(["10.78.0.0/24"], {BOB}.__contains__)
        assert len(confinement.peers) <= 2
        assert await lan.confine([], {BOB}.__contains__) is None

    trio.run(main)


def test_who_was_blocked_before_it_ran_is_blocked_when_it_does():
    async def main() -> None:
        ambient = SimulatedAmbient(1, "me")
        me = LanIdentity(peer=ME, name="Me", listen_port=19123, key=bytes(32))
        port = free_udp_port()
        config = LanConfig(
            enabled=True, discovery_port=port, allowed_subnets=("127.0.0.0/8",), heartbeat_s=1
        )
        parts = LanParts(config, me, blocks=BlockList(frozenset({BOB})))
        lan = Lan(parts, ambient, nowhere, print)
        packet = LanPacket(LanKind.HEARTBEAT, BOB, "Bob", 1, ambient.now().wall_ms, bytes(16))
        async with trio.open_nursery() as nursery:
            await nursery.start(lan.run)
            with closing(trio.socket.socket(type=socket.SOCK_DGRAM)) as bob:
                await bob.sendto(encode_lan(packet, me.key), ("127.0.0.1", port))
                while "the peer is blocked" not in lan.refused:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert lan.status.peers == ()

    async def bounded() -> None:
        with trio.fail_after(60):
            await main()

    trio.run(bounded)


def free_udp_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


KEY = bytes(32)
PEERS = [DeviceId(bytes([number]) * 32).peer_id for number in range(1, 6)]


class Watched:
    """LAN mode, and packets of peers whose clocks are off by so much."""

    def __init__(self, key: bytes | None) -> None:
        self.ambient = SimulatedAmbient(1, "me")
        self.key = key
        self.count = 0
        me = LanIdentity(peer=ME, name="Me", listen_port=19123, key=key)
        self.lan = Lan(LanParts(LanConfig(enabled=True), me), self.ambient, nowhere, lambda _: None)
        self.hear(InterfacesChanged((IPv4Interface("10.77.0.1/24"),)))

    def hear(self, input) -> None:
        for effect in self.lan._machine.handle(input, self.ambient.now()):
            if isinstance(effect, Tell):
                self.lan._told(effect.event)

    def says(self, peer, off_s: float) -> None:
        self.count += 1
        time_ms = self.ambient.now().wall_ms + int(off_s * 1000)
        nonce = self.count.to_bytes(16, "big")
        packet = LanPacket(LanKind.HEARTBEAT, peer, "Peer", 19123, time_ms, nonce)
        self.hear(Datagram(IPv4Address("10.77.0.2"), 4, encode_lan(packet, self.key)))


def play(story, key: bytes | None = KEY) -> None:
    async def main() -> None:
        await story(Watched(key))

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_a_clock_that_was_set_right_is_no_evidence_any_more():
    async def story(watched):
        watched.says(BOB, 600.0)
        assert watched.lan.clocks == {BOB: 600.0}
        watched.says(BOB, 0.0)
        assert watched.lan.clocks == {}

    play(story)


def test_a_clock_that_jumps_while_its_peer_is_known_counts_until_it_is_right():
    async def story(watched):
        watched.says(BOB, 0.0)
        await trio.sleep(1)
        watched.says(BOB, 600.0)
        assert watched.lan.clocks == {BOB: 600.0}
        await trio.sleep(1)
        watched.says(BOB, 0.0)
        assert watched.lan.clocks == {}

    play(story)


def test_the_clock_of_a_peer_that_is_gone_counts_no_more():
    async def story(watched):
        watched.says(BOB, 600.0)
        await trio.sleep(CLOCK_S_MAX)
        assert watched.lan.clocks == {}

    play(story)


@pytest.mark.parametrize(("key", "votes"), [(KEY, 5), (None, 1)])
def test_on_an_open_lan_all_clocks_together_have_one_vote(key, votes):
    async def story(watched):
        for number, peer in enumerate(PEERS):
            watched.says(peer, 1000.0 + number)
        assert len(watched.lan.clocks) == votes
        assert watched.lan.clocks[PEERS[2]] == 1002.0

    play(story, key)


def test_the_oldest_of_too_many_clocks_that_differ_is_forgotten():
    async def story(watched):
        tell = watched.lan._told
        peers = [DeviceId(bytes([number]) * 32).peer_id for number in range(CLOCKS_MAX + 1)]
        for number, peer in enumerate(peers):
            tell(LanClockDiffers(peer, "Peer", 1000.0 + number))
        assert set(watched.lan.clocks) == set(peers[1:])

    play(story)
