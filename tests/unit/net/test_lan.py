"""The sockets of LAN discovery, on loopback."""

from __future__ import annotations

import socket
from contextlib import closing
from ipaddress import IPv4Address

import pytest
import trio
import trio.testing

from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.events import LanPeerLost
from p2pchat.model.ids import DeviceId
from p2pchat.net.lan import LanCarrier, open_sockets, require_own
from p2pchat.protocol.lan import Datagram, InterfacesChanged, Reachable, Tell, Transmit
from p2pchat.wire.lan_codec import DATAGRAM_BYTES_MAX

BOB = DeviceId(b"b" * 32).peer_id
LOOPBACK = IPv4Address("127.0.0.1")


def udp_port() -> int:
    """A UDP port that nobody uses."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Heard:
    """What a machine would have been told."""

    def __init__(self) -> None:
        self.send, self.inputs = trio.open_memory_channel(100)
        self.found, self.told = [], []

    async def put(self, input) -> None:
        if isinstance(input, Datagram):
            self.send.send_nowait(input)

    async def reach(self, peer, addresses) -> None:
        self.found.append((peer, addresses))

    def carrier(self, sockets) -> LanCarrier:
        return LanCarrier(sockets, self.put, self.reach, self.told.append)


def live(story, port: int) -> None:
    """A story of two carriers on one machine and one discovery port."""

    async def main() -> None:
        one, other = Heard(), Heard()
        with (
            trio.fail_after(60),
            closing(await open_sockets(port)) as first,
            closing(await open_sockets(port)) as second,
        ):
            carriers = one.carrier(first), other.carrier(second)
            async with trio.open_nursery() as nursery:
                for carrier in carriers:
                    await nursery.start(carrier.run)
                await story((one, other), carriers)
                nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_broadcast_comes_to_all_programs_of_a_machine_and_an_answer_to_who_asked():
    port = udp_port()

    async def story(heard, carriers) -> None:
        everybody = IPv4Address("127.255.255.255")
        await carriers[0].carry([Transmit(everybody, port, b"hello")])
        question = await heard[1].inputs.receive()
        assert (await heard[0].inputs.receive()).data == question.data == b"hello"
        await carriers[1].carry([Transmit(question.source, question.port, b"here")])
        assert (await heard[0].inputs.receive()).data == b"here"

    live(story, port)


def test_a_datagram_that_is_too_long_is_seen_to_be():
    port = udp_port()

    async def story(heard, carriers) -> None:
        await carriers[0].carry([Transmit(LOOPBACK, port, bytes(2 * DATAGRAM_BYTES_MAX))])
        with trio.move_on_after(0.01):
            await heard[0].inputs.receive()
        await carriers[0].carry([Transmit(IPv4Address("127.255.255.255"), port, bytes(2000))])
        assert len((await heard[1].inputs.receive()).data) == DATAGRAM_BYTES_MAX + 1

    live(story, port)


def test_what_the_system_does_not_send_is_counted_and_ends_nothing():
    async def story(heard, carriers) -> None:
        await carriers[0].carry([Transmit(LOOPBACK, 1, bytes(70_000)), Reachable(BOB, ("/x",))])
        assert carriers[0].unsent == 1
        assert heard[0].found == [(BOB, ("/x",))]
        carriers[0].conclude([Tell(LanPeerLost(BOB))])
        assert heard[0].told == [LanPeerLost(BOB)]

    live(story, udp_port())


def test_the_machine_is_told_of_its_networks_first_of_all():
    async def main() -> None:
        inputs = []

        async def put(input) -> None:
            inputs.append(input)

        with closing(await open_sockets(udp_port())) as sockets:
            carrier = LanCarrier(sockets, put, put, print)
            async with trio.open_nursery() as nursery:
                await nursery.start(carrier.run)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        (told,) = inputs
        assert isinstance(told, InterfacesChanged)
        assert any(own.is_loopback for own in told.interfaces)

    trio.run(main)


def test_a_discovery_port_that_another_program_holds_alone_is_named():
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=str(port)):
            trio.run(open_sockets, port)


def test_a_host_that_is_not_this_machine_is_refused():
    with pytest.raises(ConfigError, match=r"lan\.listen_host"):
        require_own("192.0.2.77")
    require_own("127.0.0.1")
