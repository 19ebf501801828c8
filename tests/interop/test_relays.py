"""Circuits with go-libp2p and js-libp2p in every place: as relay, as the one called, as caller."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.testing.processes import open_processes
from tests.interop.foreign import Foreign
from tests.interop.ours import ours, play
from tests.libp2p.hosts import eventually

MIB = 1 << 20
HOLDS_S_MAX = 2 * 3600 + 10
PLACES = [
    (relay, called, caller)
    for relay in ("ours", "theirs")
    for called in ("ours", "theirs")
    for caller in ("ours", "theirs")
    if {relay, called, caller} == {"ours", "theirs"}
]


class Relay:
    """A relay of either kind: who it is and where."""

    def __init__(self, peer: object, addresses: tuple[str, ...]) -> None:
        self.peer = peer
        self.addresses = addresses


async def start_relay(stack, whose: str, meet, tmp_path) -> Relay:
    if whose == "theirs":
        relay = await stack.enter_async_context(meet("relay", relay=True))
        return Relay(relay.peer, relay.addresses)
    processes = await stack.enter_async_context(open_processes(tmp_path / "relays"))
    process = await processes.relay()
    return Relay(PeerId.parse(process.peer_id), process.addresses)


async def start_peer(stack, name: str, whose: str, meet, transport):
    """A peer that listens nowhere."""
    make = (
        meet(name, listen=[]) if whose == "theirs" else ours(name, listen=(), transport=transport)
    )
    return await stack.enter_async_context(make)


async def reserve(peer, relay: Relay) -> str:
    """Hold a place at the relay; the address to call."""
    if isinstance(peer, Foreign):
        held = await peer.call("reserve", address=relay.addresses[0])
        assert 60 <= held["seconds"] <= HOLDS_S_MAX
        return held["addresses"][0]
    await peer.dial(relay)
    assert 60 <= await peer.host.reserve(relay.peer) <= HOLDS_S_MAX
    (address,) = peer.addresses
    return address


async def call(caller, called, address: str) -> None:
    if isinstance(caller, Foreign):
        assert await caller.call("connect", address=address) == str(called.peer)
    else:
        await caller.host.connect(called.peer, [address])


async def echo(one, other, size: int) -> None:
    """Send to the other and get it back whole."""
    if isinstance(one, Foreign):
        assert await one.call("echo", peer=str(other.peer), size=size) == {
            "size": size,
            "is_intact": True,
        }
    else:
        data = bytes(range(256)) * (size // 256)
        assert await one.echo(other.peer, data) == data


def path_of(one, other) -> Path | None:
    return next((state.path for state in one.host.peers if state.peer == other.peer), None)


@pytest.mark.parametrize(("relay", "called", "caller"), PLACES)
def test_one_is_called_through_a_relay_and_both_talk(
    meet, transport, tmp_path, relay, called, caller
):
    async def story() -> None:
        async with AsyncExitStack() as stack:
            hop = await start_relay(stack, relay, meet, tmp_path)
            bob = await start_peer(stack, "bob", called, meet, transport)
            alice = await start_peer(stack, "alice", caller, meet, transport)
            address = await reserve(bob, hop)
            await call(alice, bob, address)
            for one, other in ((alice, bob), (bob, alice)):
                await echo(one, other, 256)
                await echo(one, other, MIB)
                if not isinstance(one, Foreign):
                    assert path_of(one, other) is Path.RELAYED
            if isinstance(alice, Foreign):
                await alice.call("disconnect", peer=str(bob.peer))
            else:
                await alice.host.disconnect(bob.peer)
            if isinstance(bob, Foreign):
                await bob.heard("disconnected", peer=str(alice.peer))
            else:
                await eventually(lambda: path_of(bob, alice) is None)

    play(story)


def test_they_refresh_their_reservation_at_our_relay(meet, tmp_path):
    async def story() -> None:
        async with AsyncExitStack() as stack:
            hop = await start_relay(stack, "ours", meet, tmp_path)
            bob = await stack.enter_async_context(meet("bob", listen=[]))
            alice = await stack.enter_async_context(ours("alice", listen=()))
            for _ in range(2):
                held = await bob.call("reserve", address=hop.addresses[0])
                assert set(held["told"]) == set(hop.addresses)
            await call(alice, bob, held["addresses"][0])
            await echo(alice, bob, 256)

    play(story)
