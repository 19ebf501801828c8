"""Slots: who gets one, who has to give one up, and that all come back."""

from __future__ import annotations

from collections import Counter
from contextlib import AsyncExitStack, ExitStack, suppress

import pytest
import trio
import trio.testing

from p2pchat.errors import PeerUnreachable
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.guard import Admission, Refused
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.protocol.pace import Rate
from tests.libp2p.hosts import (
    ECHO,
    Strangers,
    ask,
    descriptors,
    echo,
    eventually,
    host,
    is_down,
    is_up,
    limited,
    options,
    play,
    read_to_end,
    tasks,
    until,
)
from tests.libp2p.wires import wired

CYCLES = 300


def test_connections_that_come_and_go_leave_no_slot_task_or_descriptor():
    async def story() -> None:
        haste = Rate(per_s=1, burst=2 * CYCLES)
        async with host("alice") as alice, limited("bob", connects_per_peer=haste) as bob:
            bob.serve(ECHO, echo)
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


def test_an_honest_dial_succeeds_under_600_unfinished_handshakes():
    async def story() -> None:
        async with (
            host("alice") as alice,
            limited("bob", handshake_timeout_s=80) as bob,  # however slow this machine is
            Strangers() as strangers,
        ):
            for number in range(600):
                await strangers.connect(bob, f"127.0.{1 + number // 200}.{1 + number % 200}")
            await eventually(lambda: bob.statistics().accepted_total == 600)
            assert bob.statistics().handshakes_pending == 256
            await alice.connect(bob.peer_id, bob.addresses, timeout_s=20)  # none has ended by then
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


def test_a_peer_that_comes_back_again_and_again_has_few_connections():
    async def story() -> None:
        async with limited("bob", connections_per_peer_max=2) as bob, AsyncExitStack() as lives:
            bob.serve(ECHO, echo)
            for number in range(5):
                alice = await lives.enter_async_context(host("alice", listen=()))
                await alice.connect(bob.peer_id, bob.addresses)
                assert await ask(alice, bob, b"back") == b"back"
                assert bob.statistics().connections == min(number + 1, 2)
                assert len(bob.peers) == 1
            assert bob.statistics().connections_evicted_total == 3

    play(story)


def test_a_peer_that_connects_too_often_is_refused_and_others_are_not():
    async def story() -> None:
        slow = Rate(per_s=0.001, burst=3)
        async with (
            limited("bob", connects_per_peer=slow) as bob,
            host("alice") as alice,
            host("carol") as carol,
        ):
            for _ in range(3):
                await alice.connect(bob.peer_id, bob.addresses)
                await alice.disconnect(bob.peer_id)
            await refused(alice, bob)
            assert bob.statistics().refused_pace_total == 1
            await carol.connect(bob.peer_id, bob.addresses)
            await until(bob, carol, is_up)

    play(story)


async def refused(one, other) -> None:
    """Dial in vain: the far side ends what the near side may have taken for a connection."""
    with suppress(PeerUnreachable):
        await one.connect(other.peer_id, other.addresses)
        await until(one, other, is_down)


def test_streams_go_to_the_connection_that_is_alive():
    async def story() -> None:
        async with host("bob") as bob, AsyncExitStack() as lives:
            for number in range(3):
                wire = await lives.enter_async_context(wired(bob))
                alice = await lives.enter_async_context(host("alice", listen=()))
                alice.serve(ECHO, answering(b"%d" % number))
                await alice.connect(bob.peer_id, [wire.address])
                await until(alice, bob, lambda state: state is not None and state.protocols)
                await until(bob, alice, lambda state: state is not None and state.protocols)
                stream = await bob.open_stream(alice.peer_id, [ECHO])
                assert await stream.receive_some() == b"%d" % number
                await stream.aclose()
                wire.cut()  # it is gone, and its connection looks alive

    play(story)


def answering(data: bytes):
    async def handler(stream) -> None:
        async with stream:
            await stream.send_all(data)

    return handler


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


FROM_ONE_ADDRESS_MAX = HostLimits().connections_per_address_max


def admission(**changes) -> Admission:
    return Admission(ME, options("bob", **changes), Counter())


@pytest.mark.parametrize("source", ["8.8.8.8", "2606:4700::1"])
def test_a_public_address_gets_few_connections_and_each_slot_comes_back(source):
    guard = admission()
    with ExitStack() as held:
        for _ in range(FROM_ONE_ADDRESS_MAX):
            held.enter_context(guard.source(source, 0.0))
        with pytest.raises(Refused), guard.source(source, 0.0):
            pass
    with guard.source(source, 0.0):
        pass


def test_all_of_a_customers_public_ipv6_counts_as_one_source():
    guard = admission()
    with ExitStack() as held:
        for number in range(FROM_ONE_ADDRESS_MAX):
            held.enter_context(guard.source(f"2606:4700:0:{number:x}::1", 0.0))
        with pytest.raises(Refused), guard.source("2606:4700:0:ff::ffff", 0.0):
            pass
        with guard.source("2606:4700:0:100::1", 0.0):
            pass


@pytest.mark.parametrize("source", ["8.8.8.8", "2606:4700::1"])
def test_a_public_address_that_connects_too_fast_waits_a_moment_and_no_longer(source):
    guard = admission(limits=HostLimits(handshakes_per_address=Rate(per_s=1, burst=3)))
    for _ in range(3):
        with guard.source(source, 0.0):
            pass
    with pytest.raises(Refused, match="too often"), guard.source(source, 0.5):
        pass
    with guard.source("1.1.1.1", 0.5), guard.source(source, 1.0):
        pass


@pytest.mark.parametrize("source", ["127.0.0.1", "192.168.1.7", "10.0.0.1", "::1", "fe80::1"])
def test_loopback_and_private_addresses_are_not_counted(source):
    guard = admission()
    with ExitStack() as held:
        for _ in range(1000):
            held.enter_context(guard.source(source, 0.0))


def test_an_address_in_a_blocked_subnet_is_refused():
    guard = admission(blocks=BlockList.parse(subnets=["203.0.113.0/24"]))
    guard.require_allowed("203.0.112.1")
    with pytest.raises(Refused):
        guard.require_allowed("203.0.113.1")
