"""Both transports speak the same wire format, with each other and with py-libp2p as it comes."""

from __future__ import annotations

import hashlib
import random
from itertools import product

import pytest
import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from tests.libp2p.hosts import ECHO, echo, eventually, host, is_up, play, until

EVERY_PAIR = pytest.mark.parametrize(
    ("one", "other"), list(product(["lean", "stock"], repeat=2)), ids=lambda name: name
)


@EVERY_PAIR
def test_every_pair_of_transports_carries_streams_intact(one, other):
    async def story() -> None:
        async with host("alice", transport=one) as alice, host("bob", transport=other) as bob:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            async with trio.open_nursery() as nursery:
                for number in range(10):
                    nursery.start_soon(send_and_compare, alice, bob, number)
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: bob.statistics().connections == 0)

    play(story)


async def send_and_compare(alice, bob, number: int) -> None:
    data = random.Random(number).randbytes(400_000)
    async with await alice.open_stream(bob.peer_id, [ECHO]) as stream:

        async def send() -> None:
            await stream.send_all(data)
            await stream.send_eof()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            received = b"".join([chunk async for chunk in stream])
    assert received == data


@EVERY_PAIR
def test_every_pair_of_transports_meets_through_a_relay_of_either(one, other):
    async def story() -> None:
        async with (
            host("relay", is_relay=True, transport=one) as relay,
            host("alice", listen=(), transport=one) as alice,
            host("bob", listen=(), transport=other) as bob,
        ):
            bob.serve(ECHO, echo)
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            assert alice.peers[-1].path is Path.RELAYED
            await send_and_compare(alice, bob, 1)

    play(story)


@pytest.mark.parametrize("transport", ["lean", "stock"])
def test_py_libp2p_as_it_comes_is_talked_to_in_both_directions(transport):
    async def answer(stream) -> None:
        await stream.write(b"plain " + await stream.read(100))
        await stream.close()

    async def story() -> None:
        plain = new_host(key_pair=create_new_key_pair(hashlib.sha256(b"plain").digest()))
        plain.set_stream_handler(TProtocol("/test/plain/1.0.0"), answer)
        async with (
            host("alice", transport=transport) as alice,
            plain.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]),
        ):
            alice.serve(ECHO, echo)
            peer = PeerId(plain.get_id().to_bytes())
            try:
                address = str(plain.get_transport_addrs()[0])
                await alice.connect(peer, [address])
                async with await alice.open_stream(peer, ["/test/plain/1.0.0"]) as stream:
                    await stream.send_all(b"question")
                    assert await stream.receive_some() == b"plain question"
                await eventually(
                    lambda: any("/test/plain/1.0.0" in state.protocols for state in alice.peers)
                )
                await alice.disconnect(peer)
                await eventually(lambda: not plain.get_connected_peers())
                await plain.connect(info_from_p2p_addr(Multiaddr(alice.addresses[0])))
                stream = await plain.new_stream(ID(bytes(alice.peer_id)), [TProtocol(ECHO)])
                await stream.write(b"back")
                assert await stream.read(4) == b"back"
                await stream.close()
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(4):
                    await plain.close()

    play(story)


def test_the_ping_of_other_implementations_is_answered():
    async def story() -> None:
        plain = new_host(key_pair=create_new_key_pair(hashlib.sha256(b"plain").digest()))
        async with host("alice") as alice, plain.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
            try:
                await plain.connect(info_from_p2p_addr(Multiaddr(alice.addresses[0])))
                ping = TProtocol("/ipfs/ping/1.0.0")
                stream = await plain.new_stream(ID(bytes(alice.peer_id)), [ping])
                for number in range(3):
                    await stream.write(bytes([number]) * 32)
                    assert await stream.read(32) == bytes([number]) * 32
                await stream.close()
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(4):
                    await plain.close()

    play(story)
