"""What is left of a host that closed: nothing, whatever it was doing."""

from __future__ import annotations

import os

import pytest
import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.model.blocking import BlockList
from p2pchat.net.libp2p.options import HostLimits
from tests.libp2p.hosts import (
    ECHO,
    Strangers,
    descriptors,
    echo,
    host,
    is_down,
    is_up,
    pair,
    play,
    port_of,
    tasks,
    until,
)


def sockets() -> set[str]:
    links = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            links.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue  # the directory's own descriptor
    return {link for link in links if link.startswith("socket:")}


def test_a_closed_host_leaves_no_task_descriptor_or_socket():
    async def story() -> None:
        async with host("warm-up"):
            pass
        before = tasks(), descriptors(), sockets()
        async with pair() as (alice, bob), Strangers() as strangers:
            await strangers.connect(bob)
            for _ in range(3):
                await alice.open_stream(bob.peer_id, [ECHO])
            alice.changes()
        assert (tasks(), descriptors(), sockets()) == before

    play(story)


def test_peers_of_a_closing_host_know_at_once():
    async def story() -> None:
        async with host("bob") as bob:
            async with host("alice") as alice:
                await alice.connect(bob.peer_id, bob.addresses)
                await until(bob, alice, is_up)
            with trio.fail_after(HostLimits().keepalive_idle_s):  # no silence tells them
                await until(bob, alice, is_down)

    play(story)


def test_the_port_of_a_closed_host_is_free():
    async def story() -> None:
        async with host("alice") as alice:
            port = port_of(alice)
        async with host("bob", listen=(f"/ip4/127.0.0.1/tcp/{port}",)) as bob:
            assert port_of(bob) == port

    play(story)


def test_an_error_in_the_block_closes_the_host_and_comes_out_bare():
    async def story() -> None:
        before = tasks()
        with pytest.raises(KeyError):
            async with pair():
                raise KeyError("of the caller")
        assert tasks() == before

    play(story)


def test_a_cancelled_block_closes_the_host():
    async def story() -> None:
        before = tasks()
        async with host("bob") as bob:
            with trio.CancelScope() as scope:
                async with host("alice") as alice:
                    await alice.connect(bob.peer_id, bob.addresses)
                    await until(bob, alice, is_up)
                    scope.cancel()
                    await trio.sleep_forever()
            assert scope.cancelled_caught
            await until(bob, alice, is_down)
        assert tasks() == before

    play(story)


def test_a_host_closes_though_a_peer_does_not_read_and_a_handler_does_not_end():
    async def deaf(stream) -> None:
        with trio.CancelScope(shield=True), trio.move_on_after(0.5):
            await trio.sleep_forever()

    async def fill(stream) -> None:
        while True:
            await stream.send_all(bytes(65_536))

    async def story() -> None:
        async with host("bob") as bob:
            bob.serve(ECHO, deaf)
            async with host("alice") as alice:
                await alice.connect(bob.peer_id, bob.addresses)
                stream = await alice.open_stream(bob.peer_id, [ECHO])
                with trio.move_on_after(0.2):
                    await fill(stream)

    play(story)


def test_streams_may_be_closed_after_their_host():
    async def story() -> None:
        async with pair() as (alice, bob):
            stream = await alice.open_stream(bob.peer_id, [ECHO])
        await stream.reset()
        await stream.aclose()
        with pytest.raises(trio.ClosedResourceError):
            await stream.receive_some()

    play(story)


def test_a_closed_host_reaches_nobody_and_may_still_be_told_things():
    async def story() -> None:
        async with host("bob") as bob:
            async with host("alice") as alice:
                pass
            alice.serve(ECHO, echo)
            alice.unserve(ECHO)
            alice.block(BlockList(frozenset({bob.peer_id})))
            await alice.disconnect(bob.peer_id)
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, bob.addresses)
            with pytest.raises(PeerUnreachable):
                await alice.open_stream(bob.peer_id, [ECHO])
            assert alice.peers == ()

    play(story)


def test_a_dial_under_way_ends_with_its_host():
    async def story() -> None:
        async with host("warm-up"):
            pass
        before = tasks(), descriptors(), sockets()
        with trio.socket.socket() as mute:
            await mute.bind(("127.0.0.1", 0))
            mute.listen()
            hole = f"/ip4/127.0.0.1/tcp/{mute.getsockname()[1]}"
            with trio.move_on_after(0.2):
                async with host("alice") as alice, host("bob") as bob:
                    await alice.connect(bob.peer_id, [hole], timeout_s=600)
        assert (tasks(), descriptors(), sockets()) == before

    play(story)


def test_a_host_opens_again_with_the_same_identity():
    async def story() -> None:
        async with host("bob") as bob:
            bob.serve(ECHO, echo)
            seen = set()
            for _ in range(3):
                async with host("alice") as alice:
                    await alice.connect(bob.peer_id, bob.addresses)
                    await until(bob, alice, is_up)
                    seen.add(alice.peer_id)
                await until(bob, alice, is_down)
            assert len(seen) == 1

    play(story)
