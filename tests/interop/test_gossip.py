"""Gossip with go-libp2p-pubsub and js-libp2p's gossipsub: heard both ways, passed on, judged."""

from __future__ import annotations

from functools import partial

from p2pchat.gossip.config import GossipConfig
from p2pchat.wire.gossip_codec import DATA_BYTES_MAX
from tests.interop.foreign import Foreign
from tests.interop.ours import Ours, ours, play
from tests.libp2p.hosts import eventually

TOPIC = "/dchat/room/" + "ab" * 32
LARGE = 60_000
SMALL = GossipConfig(
    mesh_size=1, mesh_size_min=1, mesh_size_max=1, mesh_outbound_min=0, flood_publish=False
)
"""Beside us there is one other in the mesh."""


async def in_topic(*nodes) -> None:
    """Subscribe nodes of both kinds."""
    for node in nodes:
        match node:
            case Ours():
                await node.gossip.subscribe(TOPIC)
            case Foreign():
                await node.call("subscribe", topic=TOPIC)


async def member_of(bob, other) -> None:
    """Wait until bob knows that the other hears the topic."""
    name = str(other.peer)
    await bob.becomes(lambda members: name in (members or ()), "members", topic=TOPIC)


async def acquainted(alice, bob) -> None:
    await alice.gossip.sees(bob.peer)
    await member_of(bob, alice)


async def publish(bob, data: bytes) -> None:
    await bob.call("publish", topic=TOPIC, data=data.hex())


async def heard(bob, data: bytes) -> None:
    await bob.heard("gossip", topic=TOPIC, data=data.hex())


def is_in_mesh(one, other) -> bool:
    return other.peer in one.gossip.router.mesh(TOPIC)


def test_a_message_is_heard_both_ways(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            assert await alice.gossip.publish(TOPIC, b"from alice") == 1
            await heard(bob, b"from alice")
            await publish(bob, b"from bob")
            await alice.gossip.hears(1)
            assert alice.gossip.heard == [b"from bob"]
            assert alice.gossip.carrier.statistics().malformed == 0

    play(story)


def test_who_subscribed_before_it_was_dialled_is_known_afterwards(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice") as alice:
            await in_topic(alice, bob)
            await bob.call("connect", address=alice.addresses[0])
            await acquainted(alice, bob)
            await publish(bob, b"hello")
            await alice.gossip.hears(1)

    play(story)


def test_a_burst_of_small_and_large_messages_comes_whole_and_once(meet):
    messages = [bytes([number]) * (LARGE if number % 10 == 0 else 200) for number in range(100)]

    async def story() -> None:
        async with meet("bob") as bob, ours("alice") as alice:
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            for data in messages:
                await alice.gossip.publish(TOPIC, data)
            for data in messages:
                await heard(bob, data)
            for data in messages:
                await publish(bob, b"back " + data)
            await alice.gossip.hears(len(messages))
            assert sorted(alice.gossip.heard) == sorted(b"back " + data for data in messages)

    play(story)


def test_they_pass_a_message_on_between_two_of_ours(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice") as alice, ours("carol") as carol:
            for one in (alice, carol):
                await one.dial(bob)
            await in_topic(alice, bob, carol)
            for one in (alice, carol):
                await acquainted(one, bob)
            await alice.gossip.publish(TOPIC, b"to carol")
            await carol.gossip.hears(1)
            await carol.gossip.publish(TOPIC, b"to alice")
            await alice.gossip.hears(1)
            assert (carol.gossip.heard, alice.gossip.heard) == ([b"to carol"], [b"to alice"])
            assert not alice.host.is_connected(carol.peer)

    play(story)


def test_we_pass_a_message_on_between_two_of_theirs(meet):
    async def story() -> None:
        async with meet("alice") as alice, ours("bob") as bob, meet("carol") as carol:
            for one in (alice, carol):
                await one.call("connect", address=bob.addresses[0])
            await in_topic(alice, bob, carol)
            for one in (alice, carol):
                await acquainted(bob, one)
            await publish(alice, b"to carol")
            await heard(carol, b"to carol")
            await publish(carol, b"to alice")
            await heard(alice, b"to alice")
            assert sorted(bob.gossip.heard) == [b"to alice", b"to carol"]

    play(story)


def test_who_is_outside_our_mesh_asks_for_what_we_advertise(meet):
    async def story() -> None:
        async with (
            meet("bob") as bob,
            ours("alice", gossip=SMALL) as alice,
            ours("carol") as carol,
        ):
            await in_topic(alice, bob, carol)
            await carol.dial(alice)
            await eventually(lambda: is_in_mesh(alice, carol))
            await bob.call("connect", address=alice.addresses[0])
            await acquainted(alice, bob)
            await alice.gossip.publish(TOPIC, b"asked for")
            await heard(bob, b"asked for")
            assert not is_in_mesh(alice, bob)

    play(story)


def test_outside_their_mesh_we_ask_for_what_they_advertise(meet):
    async def story() -> None:
        async with (
            meet("bob", small_mesh=True) as bob,
            ours("alice") as alice,
            ours("carol") as carol,
            ours("dave") as dave,
        ):
            await in_topic(alice, bob, carol, dave)
            for one in (carol, dave):
                await one.dial(bob)
                await eventually(partial(is_in_mesh, one, bob))
            await alice.dial(bob)
            await acquainted(alice, bob)
            await eventually(lambda: not is_in_mesh(alice, bob))
            await publish(bob, b"asked for")
            await alice.gossip.hears(1)
            assert not is_in_mesh(alice, bob)

    play(story)


def test_a_signed_message_is_left_out_and_its_sender_still_hears_us(meet):
    async def story() -> None:
        async with meet("bob", lenient=True) as bob, ours("alice") as alice:
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            await publish(bob, b"signed")
            await eventually(lambda: alice.gossip.router.statistics().counts.unfit > 0)
            assert alice.gossip.heard == []
            assert alice.gossip.carrier.statistics().malformed == 0

    play(story)


def test_a_message_that_is_too_large_is_left_out_and_the_next_is_heard(meet):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice") as alice:
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            await publish(bob, bytes(DATA_BYTES_MAX + 1))
            await publish(bob, bytes(DATA_BYTES_MAX))
            await alice.gossip.hears(1)
            assert alice.gossip.heard == [bytes(DATA_BYTES_MAX)]
            assert alice.gossip.router.statistics().counts.unfit == 1

    play(story)


def test_who_takes_part_in_other_topics_as_well_is_no_worse_for_it(meet):
    other = "/somebody/else/" + "x" * 200

    async def story() -> None:
        async with meet("bob") as bob, ours("alice") as alice:
            await bob.call("subscribe", topic=other)
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            await publish(bob, b"hello")
            await alice.gossip.hears(1)
            assert alice.gossip.router.statistics().counts.unfit >= 1

    play(story)


def test_a_go_node_whose_stream_we_reset_comes_back_and_is_told_again(meet_go):
    async def story() -> None:
        async with meet_go("bob") as bob, ours("alice") as alice:
            await alice.dial(bob)
            await in_topic(alice, bob)
            await acquainted(alice, bob)
            link = alice.gossip.carrier._links[bob.peer]
            stream = link.reading
            stream.cancel()
            await eventually(lambda: link.reading is not stream)
            await member_of(bob, alice)
            await publish(bob, b"again")
            await alice.gossip.hears(1)

    play(story)
