"""Blocked peers and networks, as far as only sockets show it; the rest is in the host's suite."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio

from p2pchat.errors import ConfigError, PeerUnreachable
from p2pchat.model.blocking import BlockList
from tests.libp2p.hosts import (
    LOOPBACK,
    Strangers,
    eventually,
    host,
    is_down,
    is_up,
    options,
    pair,
    play,
    read_to_end,
    until,
)

BLOCKED = "its address is in a blocked subnet"


def subnet(text: str) -> BlockList:
    return BlockList.parse(subnets=[text])


def by_name(one) -> list[str]:
    return [one.addresses[0].replace("/ip4/127.0.0.1", "/dns4/localhost")]


def test_a_blocked_peer_is_refused_after_its_handshake_and_counted():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.block(BlockList(frozenset({alice.peer_id})))
            with pytest.raises(PeerUnreachable):
                await bob.connect(alice.peer_id, alice.addresses)
            assert alice.statistics().accepted_total == 0
            with suppress(PeerUnreachable):  # or she believes for a moment that she is in
                await alice.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, is_down)
            assert bob.statistics().refused_peer_total == 1
            assert bob.statistics().streams_accepted_total == 0

    play(story)


def test_a_stream_that_came_in_before_the_block_is_not_served_after_it():
    async def story() -> None:
        async with pair() as (alice, bob):
            await until(alice, bob, lambda state: state is not None and state.protocols)
            await until(bob, alice, lambda state: state is not None and state.protocols)
            served = bob.statistics().streams_accepted_total
            connection = bob._swarm.best(alice.peer_id)
            connection.is_closed = True  # as in the middle of being cut
            muxed = await alice._swarm.best(bob.peer_id).open_stream()
            await muxed.write(b"\x13/multistream/1.0.0\n")
            await eventually(lambda: bob.statistics().streams_refused_late_total == 1)
            assert bob.statistics().streams_accepted_total == served

    play(story)


@pytest.mark.parametrize("text", ["127.0.0.0/8", "127.0.0.1/32"])
def test_a_blocked_subnet_is_closed_when_it_is_accepted(text):
    async def story() -> None:
        async with host("bob", blocks=subnet(text)) as bob, Strangers() as strangers:
            assert await read_to_end(await strangers.connect(bob)) == b""
            await eventually(lambda: bob.statistics().refused_subnet_total == 1)
            assert bob.statistics().handshakes_failed_total == 0

    play(story)


def test_subnets_are_told_apart():
    async def story() -> None:
        async with (
            host("bob", listen=("/ip4/0.0.0.0/tcp/0",), blocks=subnet("127.0.0.2/32")) as bob,
            Strangers() as strangers,
        ):
            await strangers.connect(bob, "127.0.0.3")
            await eventually(lambda: bob.statistics().handshakes_pending == 1)
            await strangers.connect(bob, "127.0.0.2")
            await eventually(lambda: bob.statistics().refused_subnet_total == 1)
            assert bob.statistics().handshakes_pending == 1

    play(story)


def test_a_stranger_who_is_still_introducing_itself_is_refused_when_its_subnet_is_blocked():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            async with trio.open_nursery() as nursery:

                async def knock() -> None:
                    try:
                        await alice.connect(bob.peer_id, bob.addresses)
                    except PeerUnreachable:
                        return
                    await until(alice, bob, is_down)

                nursery.start_soon(knock)
                await eventually(lambda: bob.statistics().accepted_total == 1)
                bob.block(subnet("127.0.0.0/8"))
                assert bob.peers == ()
            assert bob.statistics().refused_subnet_total + bob.statistics().refused_peer_total <= 1
            assert bob.peers == ()

    play(story)


def test_a_name_in_a_blocked_subnet_is_not_dialled():
    async def story() -> None:
        async with host("alice") as alice, host("bob", blocks=subnet("127.0.0.0/8")) as bob:
            with pytest.raises(PeerUnreachable) as unreachable:
                await bob.connect(alice.peer_id, by_name(alice))
            assert unreachable.value.attempts[0][1] == BLOCKED
            assert alice.statistics().accepted_total == 0

    play(story)


def test_a_connection_that_was_dialled_by_name_is_cut_by_its_address():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            await bob.connect(alice.peer_id, by_name(alice))
            await until(alice, bob, is_up)
            bob.block(subnet("127.0.0.0/8"))
            assert bob.peers == ()
            await until(alice, bob, is_down)

    play(story)


def test_a_blocked_ipv4_subnet_is_blocked_in_its_ipv6_form_too():
    async def story() -> None:
        async with (
            host("alice", listen=("/ip6/::/tcp/0",)) as alice,
            host("bob", listen=(), blocks=subnet("127.0.0.0/8")) as bob,
        ):
            port = alice.addresses[0].split("/")[4]
            with pytest.raises(PeerUnreachable) as unreachable:
                await bob.connect(alice.peer_id, [f"/ip6/::ffff:127.0.0.1/tcp/{port}"])
            assert unreachable.value.attempts[0][1] == BLOCKED

    play(story)


def test_a_seed_of_another_length_is_a_setting_that_is_wrong():
    with pytest.raises(ConfigError, match="seed"):
        options("alice", seed=b"short", listen=LOOPBACK)
