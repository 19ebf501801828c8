"""Listening: a port is ours alone, and what is announced can be dialled."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
import trio

from p2pchat.errors import AddressInUse, ConfigError
from tests.libp2p.hosts import LOOPBACK, descriptors, host, play, port_of


def test_a_port_taken_by_another_host_is_named():
    async def story() -> None:
        async with host("alice") as alice:
            taken = f"/ip4/127.0.0.1/tcp/{port_of(alice)}"
            with pytest.raises(AddressInUse, match=taken):
                async with host("bob", listen=(taken,)):
                    pass

    play(story)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_taken_by_another_program_is_named(shared):
    async def story() -> None:
        with socket.socket() as other:
            if shared:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"/ip4/127.0.0.1/tcp/{other.getsockname()[1]}"
            before = descriptors()
            with pytest.raises(AddressInUse, match=taken):
                async with host("bob", listen=(*LOOPBACK, taken)):
                    pass
            assert descriptors() == before

    play(story)


def test_a_dial_may_leave_from_the_listen_port():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            with trio.socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                await sock.bind(("127.0.0.1", port_of(alice)))
                await sock.connect(("127.0.0.1", port_of(bob)))

    play(story)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "/dns4/localhost/tcp/0",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/udp/0/quic-v1",
        "/ip4/127.0.0.1/tcp/0/ws",
        "/ip4/203.0.113.1/tcp/0",
    ],
)
def test_what_cannot_be_listened_on_is_a_setting_that_is_wrong(address):
    async def story() -> None:
        with pytest.raises(ConfigError) as wrong:
            async with host("alice", listen=(address,)):
                pass
        assert wrong.value.key == "listen"
        assert address in str(wrong.value)

    play(story)


@pytest.mark.parametrize(("listen", "version"), [("/ip4/0.0.0.0/tcp/0", 4), ("/ip6/::/tcp/0", 6)])
def test_every_interface_is_announced_by_its_address(listen, version):
    async def story() -> None:
        async with host("alice", listen=(listen,)) as alice, host("bob", listen=()) as bob:
            assert alice.addresses
            for address in alice.addresses:
                ip = ip_address(address.split("/")[2])
                assert ip.version == version
                assert not ip.is_unspecified
                assert not ip.is_link_local
                assert port_of(alice) > 0
            await bob.connect(alice.peer_id, alice.addresses)

    play(story)


def test_ipv6_is_listened_on_and_dialled():
    async def story() -> None:
        async with host("alice", listen=("/ip6/::1/tcp/0",)) as alice, host("bob") as bob:
            await bob.connect(alice.peer_id, alice.addresses)
            (state,) = bob.peers
            assert state.addresses[0].startswith("/ip6/::1/tcp/")

    play(story)


def test_announced_addresses_come_first_and_nothing_twice():
    async def story() -> None:
        announce = "/dns4/relay.example/tcp/4001"
        async with host("alice", announce=(announce, announce)) as alice:
            first, second = alice.addresses
            assert first == f"{announce}/p2p/{alice.peer_id}"
            assert second.startswith("/ip4/127.0.0.1/tcp/")

    play(story)


def test_several_addresses_are_listened_on():
    async def story() -> None:
        async with host("alice", listen=LOOPBACK * 2) as alice, host("bob", listen=()) as bob:
            assert len(set(alice.addresses)) == 2
            for address in alice.addresses:
                await bob.connect(alice.peer_id, [address])
                await bob.disconnect(alice.peer_id)

    play(story)


def test_nothing_listens_on_udp():
    psutil = pytest.importorskip("psutil")

    async def story() -> None:
        async with host("alice"):
            assert psutil.Process().net_connections("udp") == []

    play(story)


def test_as_many_descriptors_as_the_system_allows_can_be_open():
    import resource

    async def story() -> None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with host("alice"):
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most

    play(story)
