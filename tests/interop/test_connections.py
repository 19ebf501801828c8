"""Connections with go-libp2p and js-libp2p: dialled by either, identified, alive, ended."""

from __future__ import annotations

from functools import partial

import pytest

from p2pchat.errors import PeerUnreachable
from p2pchat.net.libp2p.options import HostLimits
from tests.interop.foreign import ForeignError
from tests.interop.ours import ours, play
from tests.libp2p.hosts import eventually, host

PING = "/ipfs/ping/1.0.0"
PING_BYTES = 32
LATE = "/interop/late/1.0.0"
EXPECTED = {"/dchat/kad/1.0.0", "/meshsub/1.1.0", "/ipfs/id/1.0.0", PING}


def state_of(node, other):
    return next((state for state in node.host.peers if state.peer == other.peer), None)


async def identified(node, other) -> None:
    await eventually(lambda: getattr(state_of(node, other), "protocols", set()) >= EXPECTED)


def test_who_is_dialled_by_us_is_identified_and_identifies_us(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True, transport=transport) as alice:
            await alice.dial(bob)
            await bob.heard("connected", peer=str(alice.peer))
            await identified(alice, bob)
            state = state_of(alice, bob)
            assert not state.inbound
            assert {f"{address}/p2p/{bob.peer}" for address in state.announced} == set(
                bob.addresses
            )
            await knows_us(bob, alice)

    play(story)


def test_who_dials_us_is_identified_and_identifies_us(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True, transport=transport) as alice:
            assert await bob.call("connect", address=alice.addresses[0]) == str(alice.peer)
            await identified(alice, bob)
            assert state_of(alice, bob).inbound
            await knows_us(bob, alice)

    play(story)


async def knows_us(bob, alice) -> None:
    """Wait until bob has heard who alice is, and compare."""
    told = await bob.becomes(
        lambda told: set(told["protocols"]) >= EXPECTED, "identify", peer=str(alice.peer)
    )
    assert told["agent"] == "dchat"
    bare = alice.addresses[0].partition("/p2p/")[0]
    assert any(address.startswith(bare) for address in told["addresses"])


def test_a_protocol_that_we_begin_to_serve_later_is_pushed_to_them(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", kad=True) as alice:
            await alice.dial(bob)
            await knows_us(bob, alice)
            alice.host.serve(LATE, lambda stream: stream.aclose())
            await bob.becomes(
                lambda told: LATE in told["protocols"], "identify", peer=str(alice.peer)
            )

    play(story)


def test_both_sides_answer_pings(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            for _ in range(3):
                assert await bob.call("ping", peer=str(alice.peer)) < 5000
            async with await alice.host.open_stream(bob.peer, [PING]) as stream:
                for number in range(3):
                    sent = bytes([number]) * PING_BYTES
                    await stream.send_all(sent)
                    assert await read_exactly(stream, PING_BYTES) == sent

    play(story)


async def read_exactly(stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += await stream.receive_some(size - len(data))
    return data


@pytest.mark.parametrize("key", ["RSA", "secp256k1"])
def test_a_peer_with_another_kind_of_key_is_as_good_a_neighbour(meet, transport, key):
    async def story() -> None:
        async with (
            meet("bob", key=key) as bob,
            ours("alice", kad=True, transport=transport) as alice,
        ):
            assert bob.peer.device is None
            await alice.dial(bob)
            await identified(alice, bob)
            await alice.kad.knows(1)
            assert await alice.echo(bob.peer, b"hello") == b"hello"
            await alice.host.disconnect(bob.peer)
            await bob.heard("disconnected", peer=str(alice.peer))
            await bob.call("connect", address=alice.addresses[0])
            assert (await bob.call("echo", peer=str(alice.peer), size=10))["is_intact"]

    play(story)


def test_a_go_node_with_all_its_defaults_agrees_on_noise_and_yamux(meet_go, transport):
    async def story() -> None:
        async with (
            meet_go("bob", plain=True) as bob,
            ours("alice", transport=transport) as alice,
        ):
            await bob.call("connect", address=alice.addresses[0])
            assert (await bob.call("echo", peer=str(alice.peer), size=10))["is_intact"]
            await bob.call("disconnect", peer=str(alice.peer))
            await eventually(lambda: state_of(alice, bob) is None)
            await alice.dial(bob)
            assert await alice.echo(bob.peer, b"hello") == b"hello"

    play(story)


def test_of_a_node_with_many_transports_we_tell_others_where_tcp_is(meet_go):
    udp = "/ip4/127.0.0.1/udp/0/quic-v1"
    listen = ["/ip4/127.0.0.1/tcp/0", udp, f"{udp}/webtransport", "/ip4/127.0.0.1/tcp/0/ws"]

    async def story() -> None:
        async with (
            meet_go("bob", plain=True, listen=listen) as bob,
            ours("alice", kad=True) as alice,
            ours("carol", kad=True) as carol,
        ):
            assert len(bob.addresses) == len(listen)
            await bob.call("connect", address=alice.addresses[0])
            await alice.kad.knows(1)
            await carol.dial(alice)
            await carol.kad.knows(2)
            assert carol.host.is_connected(bob.peer)
            assert await carol.echo(bob.peer, b"hello") == b"hello"

    play(story)


def test_we_dial_a_go_node_back_to_see_whether_it_can_be_dialled(meet_go):
    async def story() -> None:
        async with meet_go("bob") as bob, host("relay", is_relay=True) as relay:
            await bob.call("connect", address=relay.addresses[0])
            await bob.call("dial_back", peer=str(relay.peer_id))

    play(story)


def test_who_claims_to_be_somebody_else_is_refused_by_either_side(meet, transport):
    async def story() -> None:
        async with (
            meet("bob") as bob,
            ours("alice", transport=transport) as alice,
            host("carol", listen=()) as carol,
        ):
            with pytest.raises(PeerUnreachable):
                await alice.host.connect(carol.peer_id, [bob.addresses[0].partition("/p2p/")[0]])
            lie = alice.addresses[0].replace(str(alice.peer), str(carol.peer_id))
            with pytest.raises(ForeignError):
                await bob.call("connect", address=lie)
            assert state_of(alice, bob) is None

    play(story)


def test_a_silent_connection_lasts_while_its_peer_answers_yamux_pings(meet, transport):
    limits = HostLimits(keepalive_idle_s=0.1, keepalive_timeout_s=5.0)

    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport, limits=limits) as alice:
            await alice.dial(bob)
            (connection,) = alice.host._swarm.connections
            for _ in range(3):
                heard_s = connection.heard_s
                await eventually(partial(has_spoken, connection, heard_s))
            assert state_of(alice, bob) is not None
            assert alice.host.statistics().connections_silent_total == 0

    play(story)


def has_spoken(connection, since_s: float) -> bool:
    return connection.heard_s > since_s


def test_either_side_notices_that_the_other_leaves(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            await bob.heard("connected", peer=str(alice.peer))
            await bob.call("disconnect", peer=str(alice.peer))
            await eventually(lambda: state_of(alice, bob) is None)
            await bob.heard("disconnected", peer=str(alice.peer))
            await alice.dial(bob)
            await bob.heard("connected", peer=str(alice.peer))
            await alice.host.disconnect(bob.peer)
            await bob.heard("disconnected", peer=str(alice.peer))

    play(story)


def test_a_peer_whose_process_is_killed_is_gone(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            await bob.kill()
            await eventually(lambda: state_of(alice, bob) is None)

    play(story)
