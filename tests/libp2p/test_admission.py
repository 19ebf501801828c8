"""Slots: who gets one, who has to give one up, and that all come back."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from ipaddress import ip_address

import pytest
import trio
import trio.testing

from p2pchat.errors import PeerUnreachable
from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.guard import Admission, Refused
from tests.libp2p.hosts import (
    Strangers,
    ask,
    descriptors,
    echo,
    eventually,
    host,
    is_up,
    limited,
    options,
    play,
    read_to_end,
    tasks,
    until,
)

CYCLES = 300


def test_connections_that_come_and_go_leave_no_slot_task_or_descriptor():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            bob.serve("/test/echo/1.0.0", echo)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"first") == b"first"
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: bob.statistics().connections == 0)
            await trio.testing.wait_all_tasks_blocked(0.05)
            before = tasks(), descriptors()
            for _ in range(CYCLES):
                await alice.connect(bob.peer_id, bob.addresses)
                await alice.disconnect(bob.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"last") == b"last"
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: (tasks(), descriptors()) == before)
            assert bob.statistics().accepted_total == CYCLES + 2

    play(story)


def test_an_honest_dial_succeeds_at_once_under_600_unfinished_handshakes():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, Strangers() as strangers:
            for number in range(600):
                await strangers.connect(bob, f"127.0.{1 + number // 200}.{1 + number % 200}")
            await eventually(lambda: bob.statistics().accepted_total == 600)
            assert bob.statistics().handshakes_pending == 256
            with trio.fail_after(2):
                await alice.connect(bob.peer_id, bob.addresses)
            assert bob.statistics().handshakes_evicted_total >= 344

    play(story)


def test_the_oldest_of_too_many_handshakes_is_reset_and_the_others_stay():
    async def story() -> None:
        async with limited("bob", handshakes_max=3) as bob, Strangers() as strangers:
            oldest, *others = [await strangers.connect(bob) for _ in range(3)]
            await eventually(lambda: bob.statistics().handshakes_pending == 3)
            others.append(await strangers.connect(bob))
            with pytest.raises(trio.BrokenResourceError):
                await collect(oldest)
            for other in others:
                assert (await other.receive_some(1)) != b""
            assert bob.statistics().handshakes_pending == 3

    play(story)


def test_a_handshake_that_takes_too_long_is_ended_and_counted():
    async def story() -> None:
        async with limited("bob", handshake_timeout_s=0.1) as bob, Strangers() as strangers:
            await read_to_end(await strangers.connect(bob))
            await eventually(lambda: bob.statistics().handshakes_timed_out_total == 1)
            assert bob.statistics().handshakes_pending == 0

    play(story)


def test_one_peer_has_few_connections_however_often_it_dials():
    async def story() -> None:
        async with (
            limited("bob", connections_per_peer_max=2) as bob,
            trio.open_nursery() as nursery,
        ):
            done = trio.Event()
            refused = 0

            async def dial(*, task_status) -> None:
                nonlocal refused
                async with host("alice", listen=()) as alice:
                    try:
                        await alice.connect(bob.peer_id, bob.addresses)
                        await until(alice, bob, lambda state: state is None or state.announced)
                        refused += not alice.is_connected(bob.peer_id)
                    except PeerUnreachable:
                        refused += 1
                    task_status.started()
                    await done.wait()

            for _ in range(4):
                await nursery.start(dial)
            assert refused == 2
            assert bob.statistics().connections == 2
            assert bob.statistics().refused_full_total == 2
            assert len(bob.peers) == 1
            done.set()

    play(story)


def test_a_full_host_parts_with_the_least_useful_peer():
    async def story() -> None:
        async with (
            limited("bob", connections_max=2) as bob,
            host("alice") as alice,
            host("carol") as carol,
            host("dave") as dave,
        ):
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            bob.protect([alice.peer_id])
            await carol.connect(bob.peer_id, bob.addresses)
            await until(bob, carol, is_up)
            await dave.connect(bob.peer_id, bob.addresses)
            await until(bob, dave, is_up)
            assert {state.peer for state in bob.peers} == {alice.peer_id, dave.peer_id}
            assert bob.statistics().connections_evicted_total == 1

    play(story)


def test_a_host_full_of_protected_peers_refuses():
    async def story() -> None:
        async with (
            limited("bob", connections_max=1) as bob,
            host("alice") as alice,
            host("carol") as carol,
        ):
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            bob.protect([alice.peer_id])
            try:
                await carol.connect(bob.peer_id, bob.addresses)
                await until(carol, bob, lambda state: state is None)
            except PeerUnreachable:
                pass
            assert [state.peer for state in bob.peers] == [alice.peer_id]
            await eventually(lambda: bob.statistics().refused_full_total == 1)

    play(story)


ME = DeviceId(bytes(32)).peer_id


async def collect(stream) -> bytes:
    return b"".join([chunk async for chunk in stream])


def admission(**changes) -> Admission:
    return Admission(ME, options("bob", **changes), Counter())


@pytest.mark.parametrize("source", ["8.8.8.8", "2606:4700::1"])
def test_a_public_address_gets_few_connections_and_each_slot_comes_back(source):
    guard = admission()
    with ExitStack() as held:
        for _ in range(8):
            held.enter_context(guard.source(source))
        with pytest.raises(Refused), guard.source(source):
            pass
    with guard.source(source):
        pass


def test_a_public_ipv6_network_counts_as_one_source():
    guard = admission()
    with ExitStack() as held:
        for number in range(8):
            held.enter_context(guard.source(f"2606:4700::{number + 1:x}"))
        with pytest.raises(Refused), guard.source("2606:4700::ffff"):
            pass
        with guard.source("2606:4700:0:1::1"):
            pass


@pytest.mark.parametrize("source", ["127.0.0.1", "192.168.1.7", "10.0.0.1", "::1", "fe80::1"])
def test_loopback_and_private_addresses_are_not_counted(source):
    guard = admission()
    with ExitStack() as held:
        for _ in range(1000):
            held.enter_context(guard.source(source))


def test_an_address_in_a_denied_network_is_refused():
    guard = admission(deny_subnets=("203.0.113.0/24",))
    guard.require_allowed(ip_address("203.0.112.1"))
    with pytest.raises(Refused):
        guard.require_allowed(ip_address("203.0.113.1"))
