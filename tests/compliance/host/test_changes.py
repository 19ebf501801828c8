"""What a host promises to those who want to know about its peers."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from p2pchat.net.port import PeerChanged

PROTOCOL = "/compliance/some/1.0.0"


async def ignore(stream) -> None:
    await stream.aclose()


async def next_about(changes, peer):
    """The next change of this peer."""
    async for change in changes:
        if change.peer == peer.peer_id:
            return change
    raise AssertionError("the subscription ended")


async def drain(changes, peer, is_last):
    """The states of this peer up to the one that is awaited."""
    states = []
    while not (states and is_last(states[-1])):
        states.append((await next_about(changes, peer)).state)
    return states


def is_down(state) -> bool:
    return state is None


def is_identified(state) -> bool:
    return state is not None and state.announced != ()


def test_a_subscription_starts_with_the_peers_connected_now(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob), world.host("carol") as carol:
            await carol.connect(alice.peer_id, alice.addresses)
            await world.until(alice, carol, lambda state: state is not None)
            with alice.changes() as changes:
                first, second = await changes.receive(), await changes.receive()
            # Who was identified meanwhile is told last, once.
            assert {first.peer, second.peer} == {bob.peer_id, carol.peer_id}
            assert (first.state.peer, second.state.peer) == (first.peer, second.peer)

    play(story)


def test_up_identified_and_down_are_told_at_both_sides(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            with alice.changes() as at_alice, bob.changes() as at_bob:
                await alice.connect(bob.peer_id, bob.addresses)
                up = (await next_about(at_alice, bob)).state
                assert up is not None
                assert not up.inbound
                assert is_identified((await drain(at_alice, bob, is_identified))[-1])
                await drain(at_bob, alice, is_identified)
                await alice.disconnect(bob.peer_id)
                assert (await next_about(at_alice, bob)).state is None
                assert (await next_about(at_bob, alice)).state is None

    play(story)


def test_a_change_is_told_when_it_is_true(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            with bob.changes() as changes:
                await alice.connect(bob.peer_id, bob.addresses)
                await next_about(changes, alice)
                assert bob.is_connected(alice.peer_id)
                await alice.disconnect(bob.peer_id)
                await drain(changes, alice, is_down)
                assert not bob.is_connected(alice.peer_id)

    play(story)


def test_a_down_between_two_ups_is_never_left_out(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            await world.until(alice, bob, is_identified)
            with alice.changes() as changes:
                assert (await next_about(changes, bob)).state is not None
                for _ in range(3):
                    await alice.disconnect(bob.peer_id)
                    await alice.connect(bob.peer_id, bob.addresses)
                assert (await next_about(changes, bob)).state is None
                assert (await next_about(changes, bob)).state is not None

    play(story)


def test_a_down_between_two_ups_is_kept_behind_the_changes_of_others(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob), world.host("carol") as carol:
            await alice.connect(carol.peer_id, carol.addresses)
            for peer in (bob, carol):
                await world.until(alice, peer, is_identified)
            with alice.changes() as changes:
                assert (await next_about(changes, bob)).state is not None
                assert (await next_about(changes, carol)).state is not None
                await alice.disconnect(carol.peer_id)
                await trio.testing.wait_all_tasks_blocked()
                await alice.disconnect(bob.peer_id)
                await alice.connect(bob.peer_id, bob.addresses)
                assert await changes.receive() == PeerChanged(carol.peer_id, None)
                assert await changes.receive() == PeerChanged(bob.peer_id, None)
                assert (await next_about(changes, bob)).state is not None

    play(story)


def test_unread_changes_of_a_peer_are_merged(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            await world.until(alice, bob, is_identified)
            await world.until(bob, alice, is_identified)
            with alice.changes() as changes:
                for number in range(10):
                    bob.serve(f"{PROTOCOL}/{number}", ignore)
                    await world.until(
                        alice,
                        bob,
                        lambda state, wanted=f"{PROTOCOL}/{number}": wanted in state.protocols,
                    )
                states = await drain(changes, bob, lambda state: f"{PROTOCOL}/9" in state.protocols)
                assert len(states) <= 3

    play(story)


def test_the_end_of_what_is_unread_is_the_present(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            with alice.changes() as changes:
                await next_about(changes, bob)
                for _ in range(5):
                    await alice.disconnect(bob.peer_id)
                    await alice.connect(bob.peer_id, bob.addresses)
                await alice.disconnect(bob.peer_id)
                await alice.disconnect(bob.peer_id)
                downs = 0
                with trio.move_on_after(1.0):
                    while True:
                        state = (await next_about(changes, bob)).state
                        downs += state is None
                assert state is None
                assert downs <= 2

    play(story)


def test_subscriptions_do_not_take_from_each_other(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            with alice.changes() as one, alice.changes() as other:
                await alice.connect(bob.peer_id, bob.addresses)
                assert (await next_about(one, bob)).state is not None
                assert (await next_about(other, bob)).state is not None

    play(story)


def test_a_reader_may_leave(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            alice.changes().close()
            with alice.changes() as changes:
                await alice.connect(bob.peer_id, bob.addresses)
                await alice.disconnect(bob.peer_id)
                await alice.connect(bob.peer_id, bob.addresses)
                assert (await next_about(changes, bob)) is not None

    play(story)


def test_a_subscription_ends_with_its_host(play):
    async def story(world) -> None:
        async with world.host("alice") as alice:
            changes = alice.changes()
            await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.EndOfChannel):
            await changes.receive()

    play(story)
