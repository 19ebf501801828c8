"""What a host promises about circuits through a relay."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from p2pchat.errors import PeerUnreachable, RelayRefused
from p2pchat.model.route import Path

ECHO = "/compliance/echo/1.0.0"


async def echo(stream) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send_all(chunk)


def path_of(host, peer):
    return next(one.path for one in host.peers if one.peer == peer.peer_id)


@asynccontextmanager
async def three(world, *, bob_listens: bool = False):
    """bob holds a reservation at the relay; alice knows neither."""
    async with (
        world.host("relay", relay=True) as relay,
        world.host("bob", listening=bob_listens) as bob,
        world.host("alice") as alice,
    ):
        await bob.connect(relay.peer_id, relay.addresses)
        await bob.reserve(relay.peer_id)
        bob.serve(ECHO, echo)
        yield alice, relay, bob


def circuits(host) -> list[str]:
    return [address for address in host.addresses if "/p2p-circuit" in address]


def test_a_reservation_holds_for_a_while_and_can_be_refreshed(play):
    async def story(world) -> None:
        async with world.host("relay", relay=True) as relay, world.host("bob") as bob:
            await bob.connect(relay.peer_id, relay.addresses)
            for _ in range(2):
                assert 60 < await bob.reserve(relay.peer_id) <= 24 * 3600

    play(story)


def test_a_reservation_is_announced_behind_the_other_addresses(play):
    async def story(world) -> None:
        async with three(world, bob_listens=True) as (_, relay, bob):
            (circuit,) = circuits(bob)
            assert bob.addresses[-1] == circuit
            assert f"/p2p/{relay.peer_id}/p2p-circuit" in circuit
            assert circuit.endswith(f"/p2p/{bob.peer_id}")

    play(story)


def test_identify_tells_peers_of_a_new_reservation(play):
    async def story(world) -> None:
        async with (
            world.host("relay", relay=True) as relay,
            world.host("bob") as bob,
            world.host("alice") as alice,
        ):
            await alice.connect(bob.peer_id, bob.addresses)
            await world.until(alice, bob, lambda state: state.announced)
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await world.until(
                alice,
                bob,
                lambda state: any(one.endswith("/p2p-circuit") for one in state.announced),
            )

    play(story)


def test_only_a_connected_relay_grants_reservations(play):
    async def story(world) -> None:
        async with (
            world.host("relay", relay=True) as relay,
            world.host("carol") as carol,
            world.host("bob") as bob,
        ):
            with pytest.raises(RelayRefused):
                await bob.reserve(relay.peer_id)
            await bob.connect(carol.peer_id, carol.addresses)
            with pytest.raises(RelayRefused):
                await bob.reserve(carol.peer_id)
            assert circuits(bob) == []

    play(story)


def test_a_circuit_reaches_who_cannot_be_dialled(play):
    async def story(world) -> None:
        async with three(world) as (alice, relay, bob):
            await alice.connect(bob.peer_id, circuits(bob))
            assert path_of(alice, bob) is Path.RELAYED
            await world.until(bob, alice, lambda state: state is not None)
            assert path_of(bob, alice) is Path.RELAYED
            async with await alice.open_stream(bob.peer_id, [ECHO]) as stream:
                await stream.send_all(b"through")
                assert await stream.receive_some() == b"through"
            assert alice.is_connected(relay.peer_id)

    play(story)


def test_streams_open_from_the_far_side_of_a_circuit(play):
    async def story(world) -> None:
        async with three(world) as (alice, _, bob):
            alice.serve(ECHO, echo)
            await alice.connect(bob.peer_id, circuits(bob))
            await world.until(bob, alice, lambda state: state is not None)
            async with await bob.open_stream(alice.peer_id, [ECHO]) as stream:
                await stream.send_all(b"back")
                assert await stream.receive_some() == b"back"

    play(story)


def test_no_circuit_leads_to_who_holds_no_reservation(play):
    async def story(world) -> None:
        async with three(world) as (alice, relay, _), world.host("carol") as carol:
            address = f"{relay.addresses[0]}/p2p-circuit/p2p/{carol.peer_id}"
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(carol.peer_id, [address])
            ((tried, reason),) = unreachable.value.attempts
            assert tried == address
            assert reason

    play(story)


def test_a_relayed_peer_is_dialled_directly_when_an_address_is_known(play):
    async def story(world) -> None:
        async with three(world, bob_listens=True) as (alice, _, bob):
            await alice.connect(bob.peer_id, circuits(bob))
            assert path_of(alice, bob) is Path.RELAYED
            await alice.connect(bob.peer_id, circuits(bob))
            assert path_of(alice, bob) is Path.RELAYED
            with alice.changes() as changes:
                await alice.connect(bob.peer_id, bob.addresses)
                assert path_of(alice, bob) is Path.DIRECT
                async for change in changes:
                    if change.peer == bob.peer_id and change.state.path is Path.DIRECT:
                        break

    play(story)


def test_a_circuit_ends_with_its_relay(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob", listening=False) as bob:
            async with world.host("relay", relay=True) as relay:
                await bob.connect(relay.peer_id, relay.addresses)
                await bob.reserve(relay.peer_id)
                bob.serve(ECHO, echo)
                await alice.connect(bob.peer_id, circuits(bob))
                await world.until(bob, alice, lambda state: state is not None)
                stream = await alice.open_stream(bob.peer_id, [ECHO])
            for host, peer in ((alice, bob), (bob, alice), (alice, relay), (bob, relay)):
                await world.until(host, peer, lambda state: state is None)
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            assert circuits(bob) == []

    play(story)
