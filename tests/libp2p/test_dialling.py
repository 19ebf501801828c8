"""Dials: all addresses at once, none remembered against the peer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.net.libp2p import tcp
from p2pchat.net.libp2p.foreign import Failed
from p2pchat.net.port import NO_ANSWER
from tests.libp2p.hosts import ECHO, ask, bare, echo, host, limited, play, port_of

DEAD = "/ip4/127.0.0.1/tcp/1"
FOR_EVER_S = 600.0


@asynccontextmanager
async def black_hole() -> AsyncGenerator[str]:
    """An address that accepts and says nothing."""
    with trio.socket.socket() as mute:
        await mute.bind(("127.0.0.1", 0))
        mute.listen()
        yield f"/ip4/127.0.0.1/tcp/{mute.getsockname()[1]}"


def test_dead_addresses_and_black_holes_cost_nothing_while_one_answers():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, black_hole() as hole:
            addresses = [DEAD, hole, "/dns4/localhost/tcp/1", *bob.addresses]
            await alice.connect(bob.peer_id, addresses, timeout_s=FOR_EVER_S)
            assert alice.statistics().connections == 1

    play(story)


def test_a_black_hole_costs_no_more_than_the_timeout():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, black_hole() as hole:
            with trio.fail_after(4), pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [hole], timeout_s=0.2)
            assert unreachable.value.attempts == ((hole, NO_ANSWER),)
            assert alice.statistics().dials_failed_total == 1

    play(story)


def test_a_peer_that_could_not_be_reached_is_dialled_again_at_once():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            for _ in range(3):
                with pytest.raises(PeerUnreachable):
                    await alice.connect(bob.peer_id, [DEAD])
            await alice.connect(bob.peer_id, bob.addresses)

    play(story)


def test_names_are_looked_up():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            for kind in ("dns", "dns4"):
                await alice.connect(bob.peer_id, [f"/{kind}/localhost/tcp/{port_of(bob)}"])
                await alice.disconnect(bob.peer_id)

    play(story)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "only TCP"),
        ("nonsense", "no multiaddr"),
        ("/ip4/127.0.0.1/udp/4001/quic-v1", "only TCP"),
        ("/ip4/127.0.0.1/tcp/4001/ws", "only TCP"),
        ("/unix/tmp/socket", "only TCP"),
        ("/ip4/127.0.0.1/tcp/4001" * 40, "longer than"),
        ("/p2p-circuit", "names its relay"),
    ],
)
def test_an_address_that_cannot_be_dialled_says_why(address, reason):
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [address])
            ((tried, why),) = unreachable.value.attempts
            assert tried == address
            assert reason in why

    play(story)


def test_a_relay_calls_nobody_through_itself():
    """It would call itself, and count somebody who was refused."""

    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            own = alice.addresses[0].partition("/p2p/")[0]
            through = f"{own}/p2p/{alice.peer_id}/p2p-circuit"
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [through])
            assert "through this host itself" in unreachable.value.attempts[0][1]
            assert alice.statistics().accepted_total == 0

    play(story)


def test_an_address_of_another_peer_is_not_dialled():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, host("carol") as carol:
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, carol.addresses)
            assert "another peer" in unreachable.value.attempts[0][1]
            assert carol.statistics().accepted_total == 0

    play(story)


def test_who_proves_to_be_another_is_not_connected():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, host("mallory") as mallory:
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [bare(mallory.addresses[0])])
            assert alice.peers == ()

    play(story)


def test_only_so_many_addresses_of_one_peer_are_tried():
    async def story() -> None:
        async with limited("alice", addresses_per_dial_max=2) as alice, host("bob") as bob:
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [DEAD, f"{DEAD}1", *bob.addresses])
            assert len(unreachable.value.attempts) == 2

    play(story)


def test_both_sides_dialling_at_once_is_one_peer_that_comes_and_goes_once():
    async def story() -> None:
        for _ in range(10):
            async with host("alice") as alice, host("bob") as bob:
                alice.serve(ECHO, echo)
                bob.serve(ECHO, echo)
                with alice.changes() as at_alice, bob.changes() as at_bob:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
                        nursery.start_soon(bob.connect, alice.peer_id, alice.addresses)
                    assert await ask(alice, bob, b"to") == b"to"
                    assert await ask(bob, alice, b"fro") == b"fro"
                    assert len(alice.peers) == len(bob.peers) == 1
                    await alice.disconnect(bob.peer_id)
                    for changes in (at_alice, at_bob):
                        assert await ups_until_down(changes) == 1
                    assert not alice.is_connected(bob.peer_id)
                    assert not bob.is_connected(alice.peer_id)

    play(story)


async def ups_until_down(changes) -> int:
    """How often a peer came up before it went down for good."""
    ups, is_up = 0, False
    while True:
        change = await changes.receive()
        if change.state is None:
            return ups
        ups += not is_up
        is_up = True


def test_several_tasks_that_dial_one_peer_share_a_connection():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert alice.statistics().connections == 1

    play(story)


def test_only_so_many_dials_are_under_way_at_once(monkeypatch):
    under_way, most, total = 0, 0, 0

    async def fail_slowly(*_: object) -> None:
        nonlocal under_way, most, total
        under_way, total = under_way + 1, total + 1
        most = max(most, under_way)
        await trio.sleep(0.01)
        under_way -= 1
        raise Failed("nobody is there")

    monkeypatch.setattr(tcp.TcpDialler, "_connect", fail_slowly)

    async def story() -> None:
        async with limited("alice", dials_max=2) as alice, host("bob") as bob:
            addresses = [f"/ip4/127.0.0.1/tcp/{port}" for port in range(1, 7)]
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, addresses)

    play(story)
    assert (most, total) == (2, 6)
