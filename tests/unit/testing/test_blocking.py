"""Blocking in a world of whole peers: what is sent, stored and restored, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio

from p2pchat.errors import InvalidTarget, LocalProtocolError, PermissionDenied
from p2pchat.events import ContactRequested, MessageReceived
from p2pchat.model.blocking import BlockList
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId
from p2pchat.model.message import MessageState
from p2pchat.testing.world import World, run_world

A_WHILE_S = 300.0
"""Longer than any back-off."""


async def friends(world: World):
    """Alice and Bob, contacts of each other, with a relay that both know."""
    await world.open_relay("relay")
    alice = await world.start("alice", knows=("relay",))
    bob = await world.start("bob", knows=("relay",))
    async with bob.subscribe(ContactRequested) as requests:
        contact = await alice.add_contact(bob.contact_link)
        await anext(aiter(requests))
    await bob.accept(alice.account)
    await until(lambda: contact.state is ContactState.ACCEPTED)
    return alice, bob


async def until(condition) -> None:
    with trio.fail_after(120):
        while not condition():  # noqa: ASYNC110 - virtual time costs nothing
            await trio.sleep(0.1)


def is_connected(one, other) -> bool:
    return other.peer_id in {peer.peer_id for peer in one.status().peers}


@pytest.mark.parametrize("by", ["account", "peer"])
def test_who_is_blocked_is_gone_stays_gone_after_a_crash_and_comes_back(by):
    async def scenario(world: World) -> None:
        alice, bob = await friends(world)
        target = bob.account if by == "account" else bob.peer_id
        before = bob.contact(alice.account)
        shown = await alice.block(target)
        assert not is_connected(alice, bob)
        assert [block.target for block in alice.blocks()] == [shown.target]
        waiting = await before.send("let me in")
        await trio.sleep(A_WHILE_S)
        assert not is_connected(alice, bob)
        world.crash("alice")
        alice = await world.open("alice")
        await trio.sleep(A_WHILE_S)
        assert not is_connected(alice, bob)
        assert alice.blocks() == [shown]
        assert await alice.contact(bob.account).history() == []
        await alice.unblock(target)
        with trio.fail_after(A_WHILE_S):
            assert (await bob.wait_delivered(waiting.id)).state is MessageState.DELIVERED
        await until(lambda: is_connected(alice, bob))
        assert alice.contact(bob.account).state is ContactState.ACCEPTED

    run_world(scenario, 11)


def test_nothing_is_owed_to_a_blocked_contact_and_nothing_can_be_written():
    async def scenario(world: World) -> None:
        alice, bob = await friends(world)
        contact = alice.contact(bob.account)
        world.crash("bob")
        await contact.send("are you there?")
        assert alice.status().outbox == 1
        await alice.block(bob.account)
        assert alice.status().outbox == 0
        assert contact.state is ContactState.BLOCKED
        with pytest.raises(PermissionDenied):
            await contact.send("hello?")
        bob = await world.open("bob")
        await trio.sleep(A_WHILE_S)
        async with bob.subscribe(MessageReceived) as events:
            await alice.unblock(bob.account)
            with trio.fail_after(A_WHILE_S):
                assert (await anext(aiter(events))).message.text == "are you there?"

    run_world(scenario, 12)


def test_what_cannot_be_blocked_says_why():
    async def scenario(world: World) -> None:
        alice = await world.start("alice")
        for own in (alice.account, alice.peer_id, str(alice.account)):
            with pytest.raises(LocalProtocolError, match="this is you yourself"):
                await alice.block(own)
        with pytest.raises(InvalidTarget, match="is neither an account"):
            await alice.block("bob")
        with pytest.raises(LocalProtocolError, match="is not blocked"):
            await alice.unblock(AccountId(b"x" * 32))

    run_world(scenario, 13)


def test_the_configuration_is_changed_while_a_peer_runs():
    async def scenario(world: World) -> None:
        alice, bob = await friends(world)
        config = replace(alice._settings.config, blocks=BlockList(frozenset({bob.peer_id})))
        change = await alice.reconfigure(config)
        assert (change.applied, change.needs_restart) == (("blocks.peers",), ())
        assert not is_connected(alice, bob)
        change = await alice.reconfigure(replace(config, blocks=BlockList(), transport="stock"))
        assert (change.applied, change.needs_restart) == (("blocks.peers",), ("transport",))
        await until(lambda: is_connected(alice, bob))

    run_world(scenario, 14)
