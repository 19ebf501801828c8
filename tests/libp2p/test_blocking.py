"""Peers and networks nobody wants to hear of: cut at once, refused in both directions."""

from __future__ import annotations

import pytest
import trio

from p2pchat.errors import ConfigError, PeerUnreachable
from tests.libp2p.hosts import (
    ECHO,
    LOOPBACK,
    ask,
    eventually,
    host,
    is_down,
    is_up,
    options,
    pair,
    play,
    streams,
    until,
)


def test_a_blocked_peer_is_cut_off_at_once_with_its_streams():
    async def story() -> None:
        async with pair() as (alice, bob):
            near, far = await streams(alice, bob)
            bob.block(alice.peer_id)
            assert not bob.is_connected(alice.peer_id)
            with pytest.raises(trio.BrokenResourceError):
                await far.receive_some()
            await until(alice, bob, is_down)
            with pytest.raises(trio.BrokenResourceError):
                await near.receive_some()

    play(story)


def test_a_blocked_peer_is_neither_dialled_nor_let_in():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.block(alice.peer_id)
            with pytest.raises(PeerUnreachable):
                await bob.connect(alice.peer_id, alice.addresses)
            assert alice.statistics().accepted_total == 0
            await refused(alice, bob)
            assert bob.peers == ()
            assert bob.statistics().refused_peer_total == 1

    play(story)


async def refused(alice, bob) -> None:
    """alice may believe for a moment that she is connected; then she knows better."""
    try:
        await alice.connect(bob.peer_id, bob.addresses)
    except PeerUnreachable:
        return
    await until(alice, bob, is_down)


def test_a_blocked_peer_gets_no_stream_in_either_direction():
    async def story() -> None:
        async with pair() as (alice, bob):
            await until(alice, bob, lambda state: state is not None and state.protocols)
            await until(bob, alice, lambda state: state is not None and state.protocols)
            served = bob.statistics().streams_accepted_total
            bob._swarm.admission.blocked.add(alice.peer_id)  # before it is cut off
            with pytest.raises(PeerUnreachable):
                await bob.open_stream(alice.peer_id, [ECHO])
            muxed = await alice._swarm.best(bob.peer_id).open_stream()
            await muxed.write(b"\x13/multistream/1.0.0\n")
            await eventually(lambda: bob.statistics().streams_refused_total == 1)
            assert bob.statistics().streams_accepted_total == served

    play(story)


def test_an_unblocked_peer_is_welcome_again():
    async def story() -> None:
        async with pair() as (alice, bob):
            bob.block(alice.peer_id)
            await until(alice, bob, is_down)
            bob.unblock(alice.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"again") == b"again"

    play(story)


def test_others_do_not_notice_that_a_peer_is_blocked():
    async def story() -> None:
        async with pair() as (alice, bob), host("carol") as carol:
            await carol.connect(bob.peer_id, bob.addresses)
            await until(bob, carol, is_up)
            bob.block(alice.peer_id)
            assert await ask(carol, bob, b"fine") == b"fine"

    play(story)


@pytest.mark.parametrize("subnet", ["127.0.0.0/8", "127.0.0.1/32"])
def test_a_denied_network_is_neither_dialled_nor_let_in(subnet):
    async def story() -> None:
        async with host("alice") as alice, host("bob", deny_subnets=(subnet,)) as bob:
            with pytest.raises(PeerUnreachable) as unreachable:
                await bob.connect(alice.peer_id, alice.addresses)
            assert "denied network" in unreachable.value.attempts[0][1]
            assert alice.statistics().accepted_total == 0
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, bob.addresses)
            assert bob.statistics().refused_subnet_total == 1

    play(story)


def test_a_name_in_a_denied_network_is_not_dialled():
    async def story() -> None:
        async with host("alice") as alice, host("bob", deny_subnets=("127.0.0.0/8",)) as bob:
            with pytest.raises(PeerUnreachable):
                await bob.connect(
                    alice.peer_id, [alice.addresses[0].replace("/ip4/127.0.0.1", "/dns4/localhost")]
                )
            assert alice.statistics().accepted_total == 0

    play(story)


def test_a_denied_ipv4_network_is_denied_in_its_ipv6_form_too():
    async def story() -> None:
        async with (
            host("alice", listen=("/ip6/::/tcp/0",)) as alice,
            host("bob", listen=(), deny_subnets=("127.0.0.0/8",)) as bob,
        ):
            port = alice.addresses[0].split("/")[4]
            with pytest.raises(PeerUnreachable) as unreachable:
                await bob.connect(alice.peer_id, [f"/ip6/::ffff:127.0.0.1/tcp/{port}"])
            assert "denied network" in unreachable.value.attempts[0][1]

    play(story)


def test_a_network_that_is_none_is_a_setting_that_is_wrong():
    with pytest.raises(ConfigError, match="deny_subnets"):
        options("alice", listen=LOOPBACK, deny_subnets=("nonsense",))


def test_a_seed_of_another_length_is_a_setting_that_is_wrong():
    with pytest.raises(ConfigError, match="seed"):
        options("alice", seed=b"short")
