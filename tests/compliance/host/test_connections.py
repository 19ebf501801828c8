"""What a host promises about connections: dialling, refusing, parting."""

from __future__ import annotations

import pytest
import trio
from nacl.signing import SigningKey

from p2pchat.errors import PeerUnreachable
from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.testing.network import seed_of

ECHO = "/compliance/echo/1.0.0"


def bare(address: str) -> str:
    return address.partition("/p2p/")[0]


def state_of(host, peer):
    return next(one for one in host.peers if one.peer == peer.peer_id)


def is_up(state) -> bool:
    return state is not None


def is_down(state) -> bool:
    return state is None


def test_a_host_is_who_its_device_key_says(play):
    async def story(world) -> None:
        async with world.host("alice") as alice:
            key = SigningKey(seed_of("alice")).verify_key
            assert alice.peer_id == DeviceId(bytes(key)).peer_id

    play(story)


def test_addresses_are_concrete_and_end_in_the_own_peer_id(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("carol", listening=False) as carol:
            assert alice.addresses
            for address in alice.addresses:
                assert address.endswith(f"/p2p/{alice.peer_id}")
                assert "/0.0.0.0/" not in address
                assert "/tcp/0/" not in address
            assert carol.addresses == ()

    play(story)


def test_a_connection_is_known_at_both_sides(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            at_alice, at_bob = state_of(alice, bob), state_of(bob, alice)
            assert alice.is_connected(bob.peer_id)
            assert bob.is_connected(alice.peer_id)
            assert (at_alice.inbound, at_bob.inbound) == (False, True)
            assert at_alice.addresses == (bare(bob.addresses[0]),)
            assert (at_alice.dialled, at_bob.dialled) == (at_alice.addresses, ())
            assert len(at_bob.addresses) == 1
            assert "/p2p/" not in at_bob.addresses[0]
            assert at_alice.path is at_bob.path is Path.DIRECT

    play(story)


def test_an_address_needs_no_peer_id_at_its_end(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            await alice.connect(bob.peer_id, [bare(bob.addresses[0])])
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_a_host_that_does_not_listen_can_dial(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob", listening=False) as bob:
            await bob.connect(alice.peer_id, alice.addresses)
            await world.until(alice, bob, is_up)
            assert state_of(alice, bob).inbound

    play(story)


def test_peers_stand_in_the_order_they_came(play):
    async def story(world) -> None:
        async with (
            world.host("alice") as alice,
            world.host("bob") as bob,
            world.host("carol") as carol,
        ):
            await alice.connect(carol.peer_id, carol.addresses)
            await bob.connect(alice.peer_id, alice.addresses)
            await world.until(alice, bob, is_up)
            assert [one.peer for one in alice.peers] == [carol.peer_id, bob.peer_id]

    play(story)


def test_an_unreachable_peer_is_reported_with_every_attempt(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("carol") as carol:
            async with world.host("bob") as bob:
                closed = bare(bob.addresses[0])
            of_another = carol.addresses[0]
            no_address = "/ip4/nowhere"
            tried = [closed, of_another, no_address]
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, tried)
            attempts = dict(unreachable.value.attempts)
            assert sorted(attempts) == sorted(tried)
            assert all(attempts.values())
            assert not alice.is_connected(bob.peer_id)
            assert not alice.is_connected(carol.peer_id)

    play(story)


def test_a_dial_without_addresses_fails_without_attempts(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [])
            assert unreachable.value.attempts == ()

    play(story)


def test_a_host_does_not_connect_to_itself(play):
    async def story(world) -> None:
        async with world.host("alice") as alice:
            with pytest.raises(PeerUnreachable):
                await alice.connect(alice.peer_id, alice.addresses)
            assert list(alice.peers) == []

    play(story)


def test_who_answers_under_another_id_is_refused(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("mallory") as mallory:
            bob = DeviceId(bytes(SigningKey(seed_of("bob")).verify_key)).peer_id
            where = bare(mallory.addresses[0])
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob, [where])
            assert [address for address, _ in unreachable.value.attempts] == [where]
            assert list(alice.peers) == []

    play(story)


def test_a_silent_address_fails_when_the_time_is_up(play):
    async def story(world) -> None:
        async with (
            world.host("alice") as alice,
            world.host("bob") as bob,
            world.black_hole() as hole,
        ):
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [hole], timeout_s=0.3)
            ((address, reason),) = unreachable.value.attempts
            assert address == hole
            assert reason

    play(story)


def test_all_addresses_are_dialled_at_once_and_the_first_wins(play):
    async def story(world) -> None:
        async with (
            world.host("alice") as alice,
            world.host("bob") as bob,
            world.black_hole() as hole,
        ):
            with trio.fail_after(20):  # one after the other would take far longer
                await alice.connect(bob.peer_id, [hole, *bob.addresses], timeout_s=600)
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_a_connected_peer_is_not_dialled_again(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob), world.black_hole() as hole:
            with trio.fail_after(20):
                await alice.connect(bob.peer_id, [hole], timeout_s=600)
            assert len(state_of(alice, bob).addresses) == 1

    play(story)


def test_a_cancelled_dial_leaves_nothing_behind(play):
    async def story(world) -> None:
        async with (
            world.host("alice") as alice,
            world.host("bob") as bob,
            world.black_hole() as hole,
        ):
            with trio.move_on_after(0.1) as scope:
                await alice.connect(bob.peer_id, [hole], timeout_s=600)
            assert scope.cancelled_caught
            await alice.connect(bob.peer_id, bob.addresses)
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_both_sides_may_dial_at_once(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            for host in (alice, bob):
                host.serve(ECHO, echo)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
                nursery.start_soon(bob.connect, alice.peer_id, alice.addresses)
            assert await ask(alice, bob, b"ping") == b"ping"
            assert await ask(bob, alice, b"pong") == b"pong"

    play(story)


def test_several_tasks_may_dial_one_peer_at_once(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            bob.serve(ECHO, echo)
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"ping") == b"ping"
            assert len(alice.peers) == 1

    play(story)


def test_disconnecting_ends_all_connections_at_both_sides(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            await alice.disconnect(bob.peer_id)
            assert not alice.is_connected(bob.peer_id)
            await world.until(bob, alice, is_down)
            assert list(alice.peers) == list(bob.peers) == []

    play(story)


def test_disconnecting_a_stranger_does_nothing(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob), world.host("carol") as carol:
            await alice.disconnect(carol.peer_id)
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_a_peer_can_come_back(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            for _ in range(3):
                await alice.disconnect(bob.peer_id)
                await world.until(bob, alice, is_down)
                await alice.connect(bob.peer_id, bob.addresses)
                assert await ask(alice, bob, b"again") == b"again"

    play(story)


def test_a_closing_host_is_down_for_its_peers(play):
    async def story(world) -> None:
        async with world.host("alice") as alice:
            async with world.host("bob") as bob:
                await alice.connect(bob.peer_id, bob.addresses)
            await world.until(alice, bob, is_down)

    play(story)


def test_identify_tells_what_a_peer_serves_and_where_it_listens(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob", listening=False) as bob:
            alice.serve(ECHO, echo)
            await bob.connect(alice.peer_id, alice.addresses)
            await world.until(bob, alice, lambda state: ECHO in state.protocols)
            assert state_of(bob, alice).announced == tuple(map(bare, alice.addresses))
            await world.until(alice, bob, lambda state: state is not None)
            assert ECHO not in state_of(alice, bob).protocols
            assert state_of(alice, bob).announced == ()

    play(story)


def test_identify_follows_what_a_peer_serves(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            # What changes while a peer is still being identified may be told with the next change.
            await world.until(alice, bob, lambda state: state.announced)
            await world.until(bob, alice, lambda state: state.announced)
            bob.serve(ECHO, echo)
            await world.until(alice, bob, lambda state: ECHO in state.protocols)
            bob.unserve(ECHO)
            await world.until(alice, bob, lambda state: ECHO not in state.protocols)

    play(story)


async def echo(stream) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send_all(chunk)


async def ask(host, peer, question: bytes) -> bytes:
    """What an echo answers on a stream of its own."""
    async with await host.open_stream(peer.peer_id, [ECHO]) as stream:
        await stream.send_all(question)
        await stream.send_eof()
        return b"".join([chunk async for chunk in stream])
