"""What a host promises about peers and networks that are blocked."""

from __future__ import annotations

import pytest
import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.model.blocking import NOBODY, BlockList
from tests.compliance.host.conftest import PIPE
from tests.compliance.host.test_relaying import ECHO, circuits, three

EVERYBODY = BlockList.parse(subnets=["0.0.0.0/0"])
TRIES = 3


def bare(address: str) -> str:
    return address.partition("/p2p/")[0]


def is_down(state) -> bool:
    return state is None


def is_up(state) -> bool:
    return state is not None


def only(*hosts) -> BlockList:
    return BlockList(frozenset(one.peer_id for one in hosts))


async def knock(world, guest, host) -> None:
    """Dial a host that refuses; who dials may believe for a moment that it is in."""
    try:
        await guest.connect(host.peer_id, host.addresses)
    except PeerUnreachable:
        return
    await world.until(guest, host, is_down)


@pytest.mark.parametrize("blocker", ["who dialled", "who was dialled"])
@pytest.mark.parametrize("by", ["peer", "subnet"])
def test_who_is_blocked_is_gone_at_once_with_its_streams(play, blocker, by):
    async def story(world) -> None:
        async with world.pair() as pair:
            one, other = pair if blocker == "who dialled" else pair[::-1]
            far, near = await world.streams(other, one)
            one.block(only(other) if by == "peer" else EVERYBODY)
            assert not one.is_connected(other.peer_id)
            assert list(one.peers) == []
            with pytest.raises(PeerUnreachable):
                await one.open_stream(other.peer_id, [PIPE])
            with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
                await near.receive_some()
            await world.until(other, one, is_down)
            with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
                await far.receive_some()

    play(story)


def test_whoever_watches_is_told_that_a_blocked_peer_is_gone(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            with alice.changes() as changes:
                assert (await changes.receive()).state is not None
                alice.block(only(bob))
                while (await changes.receive()).state is not None:
                    pass

    play(story)


def test_a_blocked_peer_does_not_come_back_however_often_it_tries(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            served = []

            async def serve(stream) -> None:
                served.append(stream.peer)

            bob.serve(PIPE, serve)
            bob.block(only(alice))
            with bob.changes() as changes:
                for _ in range(TRIES):
                    await knock(world, alice, bob)
                    with pytest.raises(PeerUnreachable):
                        await alice.open_stream(bob.peer_id, [PIPE])
                with pytest.raises(trio.WouldBlock):
                    changes.receive_nowait()
            assert served == []
            assert list(bob.peers) == []

    play(story)


def test_a_blocked_peer_is_not_dialled(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            alice.block(only(bob))
            with pytest.raises(PeerUnreachable, match="blocked") as unreachable:
                await alice.connect(bob.peer_id, bob.addresses)
            assert "\n" not in str(unreachable.value)
            assert list(bob.peers) == []

    play(story)


def test_a_blocked_subnet_is_neither_dialled_nor_let_in(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            alice.block(EVERYBODY)
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, bob.addresses)
            assert {reason for _, reason in unreachable.value.attempts} == {
                "its address is in a blocked subnet"
            }
            await knock(world, bob, alice)
            assert list(alice.peers) == list(bob.peers) == []

    play(story)


def test_of_several_addresses_those_that_are_not_blocked_are_dialled(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            alice.block(BlockList.parse(subnets=["192.0.2.0/24"]))
            await alice.connect(bob.peer_id, ["/ip4/192.0.2.1/tcp/4001", *bob.addresses])
            assert alice.is_connected(bob.peer_id)

    play(story)


@pytest.mark.parametrize("by", ["peer", "subnet"])
def test_a_dial_under_way_ends_without_a_connection(play, by):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            outcome: list[PeerUnreachable | None] = []

            async def dial() -> None:
                try:
                    await alice.connect(bob.peer_id, bob.addresses)
                    outcome.append(None)
                except PeerUnreachable as error:
                    outcome.append(error)

            with alice.changes() as changes:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(dial)
                    await trio.lowlevel.checkpoint()
                    alice.block(only(bob) if by == "peer" else EVERYBODY)
                with pytest.raises(trio.WouldBlock):
                    changes.receive_nowait()
            assert isinstance(outcome[0], PeerUnreachable)
            await world.until(bob, alice, is_down)

    play(story)


def test_whoever_is_blocked_while_it_introduces_itself_does_not_come_in(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            for turns in range(1, 40, 3):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(knock, world, alice, bob)
                    for _ in range(turns):
                        await trio.lowlevel.checkpoint()
                    bob.block(only(alice))
                    assert list(bob.peers) == []
                assert list(bob.peers) == []
                bob.block(NOBODY)
            await alice.connect(bob.peer_id, bob.addresses)
            await world.until(bob, alice, is_up)

    play(story)


def test_who_is_blocked_no_longer_is_welcome_again(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            for blocks in (only(alice), EVERYBODY):
                bob.block(blocks)
                await world.until(alice, bob, is_down)
                bob.block(NOBODY)
                await alice.connect(bob.peer_id, bob.addresses)
                await world.until(bob, alice, is_up)

    play(story)


def test_others_do_not_notice_that_a_peer_is_blocked(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob), world.host("carol") as carol:
            await carol.connect(bob.peer_id, bob.addresses)
            near, far = await world.streams(carol, bob)
            bob.block(only(alice))
            await near.send_all(b"fine")
            assert await far.receive_some() == b"fine"

    play(story)


def test_a_blocked_peer_does_not_come_in_through_a_relay_either(play):
    async def story(world) -> None:
        async with three(world) as (alice, _, bob):
            bob.block(only(alice))
            for _ in range(TRIES):
                await knock(world, alice, bob)
            assert not bob.is_connected(alice.peer_id)

    play(story)


def test_a_blocked_peer_is_not_dialled_through_a_relay_either(play):
    async def story(world) -> None:
        async with three(world) as (alice, relay, bob):
            alice.block(only(bob))
            with pytest.raises(PeerUnreachable, match="blocked"):
                await alice.connect(bob.peer_id, circuits(bob))
            assert [one.peer for one in bob.peers] == [relay.peer_id]

    play(story)


@pytest.mark.parametrize("what", ["the peer", "the relay", "the relay's subnet"])
def test_a_circuit_ends_at_once_when_its_end_or_its_relay_is_blocked(play, what):
    async def story(world) -> None:
        async with three(world) as (alice, relay, bob):
            await alice.connect(bob.peer_id, circuits(bob))
            stream = await alice.open_stream(bob.peer_id, [ECHO])
            blocks = {"the peer": only(bob), "the relay": only(relay)}.get(what, EVERYBODY)
            alice.block(blocks)
            await world.until(alice, bob, is_down)
            await world.until(bob, alice, is_down)
            with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
                await stream.receive_some()
            assert alice.is_connected(relay.peer_id) == (what == "the peer")

    play(story)


@pytest.mark.parametrize("is_connected", [True, False])
def test_a_peer_behind_a_relay_in_a_blocked_subnet_is_not_dialled_through_it(play, is_connected):
    async def story(world) -> None:
        async with three(world) as (alice, relay, bob):
            if is_connected:
                await alice.connect(relay.peer_id, relay.addresses)
            alice.block(EVERYBODY)
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, circuits(bob))
            short = f"/p2p/{relay.peer_id}/p2p-circuit"
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [short])
            assert list(alice.peers) == []

    play(story)


def test_a_blocked_relay_is_not_reserved_at(play):
    async def story(world) -> None:
        async with three(world) as (_, relay, bob):
            bob.block(only(relay))
            assert circuits(bob) == []
            await world.until(relay, bob, is_down)

    play(story)


def test_a_relay_carries_nobody_whom_it_blocks(play):
    async def story(world) -> None:
        async with three(world) as (alice, relay, bob):
            relay.block(only(bob))
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [f"/p2p/{relay.peer_id}/p2p-circuit"])
            relay.block(only(alice))
            await knock(world, alice, relay)
            assert list(relay.peers) == []

    play(story)
