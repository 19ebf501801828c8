"""What faults do to peers that talk, and that nothing else is done to them."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest
import trio

from p2pchat.errors import PeerUnreachable, StreamReset
from p2pchat.model.route import Path
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.faults import HalfOpen, Link, Partition, Refusal, ResetNext, SlowLink
from p2pchat.testing.network import NetworkOptions, open_network

PIPE = "/pipe/1.0.0"
STEADY = Link(latency_s=0.1, jitter_s=0.0, bandwidth_bytes_s=1e9)


def play(story, seed: int = 1):
    """Run `story(network, alice, bob)` with the two connected."""

    async def main():
        options = NetworkOptions(link=STEADY, keepalive_s=15.0)
        async with (
            open_network(seeded(seed, "network", "links"), options=options) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            await alice.connect(bob.peer_id, bob.addresses)
            with trio.fail_after(3_600):
                return await story(network, alice, bob)

    return run_simulation(main, seed)


async def streams(alice, bob):
    sender, receiver = trio.open_memory_channel(1)

    async def hand_over(stream) -> None:
        await sender.send(stream)

    bob.serve(PIPE, hand_over)
    return await alice.open_stream(bob.peer_id, [PIPE]), await receiver.receive()


async def read_until_broken(stream) -> bytes:
    found = b""
    try:
        async for chunk in stream:
            found += chunk
    except trio.BrokenResourceError:
        return found
    raise AssertionError("the stream ended in good order")


def apart(one, other, **options) -> Partition:
    return Partition(frozenset({one.peer_id}), frozenset({other.peer_id}), **options)


@pytest.mark.parametrize("cut", ["both ways", "there", "back"])
def test_a_partition_that_heals_in_time_loses_and_reorders_nothing(cut):
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        faults = {
            "both ways": apart(alice, bob),
            "there": apart(alice, bob, one_way=True),
            "back": apart(bob, alice, one_way=True),
        }
        said = [b"%03d" % number for number in range(100)]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _talk() -> None:
                for word in said:
                    await near.send_all(word)
                    await trio.sleep(0.13)
                await near.send_eof()

            @nursery.start_soon
            async def _flap() -> None:
                for _ in range(3):
                    await trio.sleep(1)
                    network.apply(faults[cut])
                    await trio.sleep(2)
                    network.lift(faults[cut])

            assert b"".join([chunk async for chunk in far]) == b"".join(said)

    play(story)


def test_nothing_crosses_a_partition_until_it_heals():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        cut = apart(alice, bob)
        network.apply(cut)
        await near.send_all(b"held")
        with trio.move_on_after(10) as scope:
            await far.receive_some()
        assert scope.cancelled_caught
        healed_s = trio.current_time()
        network.lift(cut)
        assert await far.receive_some() == b"held"
        assert trio.current_time() - healed_s == pytest.approx(0.1, abs=0.002)

    play(story)


def test_a_one_way_partition_lets_the_other_way_through():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        network.apply(apart(alice, bob, one_way=True))
        await far.send_all(b"through")
        assert await near.receive_some() == b"through"
        await near.send_all(b"held")
        with trio.move_on_after(5) as scope:
            await far.receive_some()
        assert scope.cancelled_caught

    play(story)


def test_a_writer_learns_nothing_of_reads_that_a_one_way_partition_hides():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        network.apply(apart(bob, alice, one_way=True))
        window = network.medium.options.window_bytes
        await near.send_all(bytes(window))
        await trio.sleep(1)
        assert len(await far.receive_some()) == window
        with trio.move_on_after(5) as scope:
            await near.send_all(b"x")
        assert scope.cancelled_caught
        network.heal()
        await near.send_all(b"y")
        assert await far.receive_some() == b"y"

    play(story)


@pytest.mark.parametrize("one_way", [False, True])
def test_a_partition_that_lasts_ends_the_connection_at_both_sides(one_way):
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        network.apply(apart(alice, bob, one_way=one_way))
        await trio.sleep(14.9)
        assert alice.is_connected(bob.peer_id)
        await trio.sleep(0.2)
        assert not alice.is_connected(bob.peer_id)
        assert not bob.is_connected(alice.peer_id)
        for stream in (near, far):
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()

    play(story)


def test_short_partitions_do_not_add_up():
    async def story(network, alice, bob):
        cut = apart(alice, bob)
        for _ in range(5):
            network.apply(cut)
            await trio.sleep(14)
            network.lift(cut)
            await trio.sleep(0.5)
        assert alice.is_connected(bob.peer_id)

    play(story)


def test_a_partitioned_peer_stays_reached_through_a_relay_and_that_is_told():
    async def story(network, alice, bob):
        async with network.host("relay", relay=True) as relay:
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.disconnect(bob.peer_id)
            await trio.sleep(1)
            await alice.connect(bob.peer_id, bob.addresses[-1:])
            await alice.connect(bob.peer_id, bob.addresses)
            await trio.sleep(1)
            with alice.changes() as changes:
                network.apply(apart(alice, bob))
                paths = []
                while Path.RELAYED not in paths:
                    change = await changes.receive()
                    paths += [change.state.path] if change.peer == bob.peer_id else []
            assert paths == [Path.DIRECT, Path.RELAYED]

    play(story)


def test_nobody_answers_across_a_partition():
    async def story(network, alice, bob):
        await alice.disconnect(bob.peer_id)
        cut = apart(bob, alice, one_way=True)
        network.apply(cut)
        for dialler, target in ((alice, bob), (bob, alice)):
            with pytest.raises(PeerUnreachable) as unreachable:
                await dialler.connect(target.peer_id, target.addresses)
            assert "no answer" in unreachable.value.attempts[0][1]
        network.lift(cut)
        await alice.connect(bob.peer_id, bob.addresses)

    play(story)


def test_a_stream_cannot_be_opened_across_a_partition():
    async def story(network, alice, bob):
        await streams(alice, bob)
        network.apply(apart(alice, bob))
        with pytest.raises(StreamReset, match="within 2 s"):
            await alice.open_stream(bob.peer_id, [PIPE], timeout_s=2)

    play(story)


def test_a_partition_leaves_others_alone():
    async def story(network, alice, bob):
        async with network.host("carol") as carol:
            await alice.connect(carol.peer_id, carol.addresses)
            network.apply(apart(alice, bob))
            near, far = await streams(alice, carol)
            await near.send_all(b"x")
            assert await far.receive_some() == b"x"
            await trio.sleep(30)
            assert alice.is_connected(carol.peer_id)

    play(story)


def test_a_circuit_is_cut_where_its_leg_is():
    async def story(network, alice, bob):
        async with network.host("relay", relay=True) as relay, network.host("carol") as carol:
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await carol.connect(bob.peer_id, bob.addresses[-1:])
            near, far = await streams(carol, bob)
            cut = apart(relay, bob)
            network.apply(cut)
            await near.send_all(b"held")
            with trio.move_on_after(5) as scope:
                await far.receive_some()
            assert scope.cancelled_caught
            network.lift(cut)
            assert await far.receive_some() == b"held"

    play(story)


def test_a_refusal_turns_dials_away_and_keeps_connections():
    async def story(network, alice, bob):
        async with network.host("carol") as carol:
            refusal = Refusal(bob.peer_id)
            network.apply(refusal)
            with pytest.raises(PeerUnreachable) as unreachable:
                await carol.connect(bob.peer_id, bob.addresses)
            assert unreachable.value.attempts[0][1] == "connection refused"
            assert alice.is_connected(bob.peer_id)
            network.lift(refusal)
            await carol.connect(bob.peer_id, bob.addresses)

    play(story)


def test_a_slow_link_delays_what_is_sent_from_now_on():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        slow = SlowLink(bob.peer_id, alice.peer_id, Link(3.0, 0.0, 1_000.0))
        for fault, takes_s in ((slow, 4.0), (None, 0.1)):
            if fault:
                network.apply(fault)
            else:
                network.heal()
            sent_s = trio.current_time()
            await near.send_all(bytes(1_000))
            await far.receive_some()
            assert trio.current_time() - sent_s == pytest.approx(takes_s, abs=0.01)

    play(story)


def test_the_newest_of_several_slow_links_counts():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        for latency_s in (9.0, 1.0):
            network.apply(SlowLink(alice.peer_id, bob.peer_id, Link(latency_s, 0.0, 1e9)))
        sent_s = trio.current_time()
        await near.send_all(b"x")
        await far.receive_some()
        assert trio.current_time() - sent_s == pytest.approx(1.0, abs=0.002)

    play(story)


def test_a_reset_between_frames_comes_after_the_whole_of_the_next_one():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        await near.send_all(b"first ")
        network.apply(ResetNext(alice.peer_id, bob.peer_id, inside=False))
        await near.send_all(b"second")
        await near.send_all(b"third")
        assert await read_until_broken(far) == b"first second"
        assert not alice.is_connected(bob.peer_id)
        assert not bob.is_connected(alice.peer_id)

    play(story)


def test_a_reset_inside_a_frame_comes_after_a_part_of_it():
    def arrived(seed: int) -> int:
        async def story(network, alice, bob):
            near, far = await streams(alice, bob)
            network.apply(ResetNext(alice.peer_id, bob.peer_id))
            await near.send_all(bytes(100))
            return len(await read_until_broken(far))

        return play(story, seed)

    sizes = {arrived(seed) for seed in range(10)}
    assert all(0 < size < 100 for size in sizes)
    assert len(sizes) > 3


def test_a_reset_spares_the_next_connection():
    async def story(network, alice, bob):
        near, _ = await streams(alice, bob)
        network.apply(ResetNext(alice.peer_id, bob.peer_id))
        await near.send_all(b"xx")
        await trio.sleep(1)
        await alice.connect(bob.peer_id, bob.addresses)
        near, far = await streams(alice, bob)
        await near.send_all(b"whole")
        assert await far.receive_some() == b"whole"

    play(story)


def test_a_half_open_connection_carries_nothing_and_a_new_one_does():
    async def story(network, alice, bob):
        near, far = await streams(alice, bob)
        network.apply(HalfOpen(alice.peer_id, bob.peer_id))
        await near.send_all(b"lost")
        assert alice.is_connected(bob.peer_id)
        await bob.connect(alice.peer_id, alice.addresses)
        network.heal()
        with trio.move_on_after(14) as scope:
            await far.receive_some()
        assert scope.cancelled_caught
        with pytest.raises(trio.BrokenResourceError):
            await far.receive_some()
        assert not alice.is_connected(bob.peer_id)
        await alice.connect(bob.peer_id, bob.addresses)
        near, far = await streams(alice, bob)
        await near.send_all(b"carried")
        assert await far.receive_some() == b"carried"

    play(story)


def test_only_a_standing_fault_that_was_applied_can_be_lifted():
    async def story(network, alice, bob):
        with pytest.raises(ValueError, match="not in list"):
            network.lift(Refusal(alice.peer_id))

    play(story)


def test_a_link_that_cannot_carry_is_refused():
    for figures in ((-1.0, 0.0, 1.0), (0.0, -1.0, 1.0), (0.0, 0.0, 0.0)):
        with pytest.raises(ValueError, match="no bytes can travel"):
            Link(*figures)


def test_whatever_breaks_a_stream_delivers_a_prefix():
    async def story(network, alice, bob):
        rng = Random(5)
        cut_short = 0
        faults = [
            ResetNext(alice.peer_id, bob.peer_id, inside=True),
            ResetNext(alice.peer_id, bob.peer_id, inside=False),
            ResetNext(bob.peer_id, alice.peer_id),
            HalfOpen(alice.peer_id, bob.peer_id),
            apart(alice, bob),
            apart(bob, alice, one_way=True),
        ]
        for fault in faults * 5:
            await alice.connect(bob.peer_id, bob.addresses)
            near, far = await streams(alice, bob)
            data = rng.randbytes(200_000)
            found = bytearray()

            async def read(stream=far, into=found) -> None:
                async for chunk in stream:
                    into.extend(chunk)
                    await stream.send_all(b"ack")

            async def write(stream=near, data=data) -> None:
                for start in range(0, len(data), 5_000):
                    await stream.send_all(data[start : start + 5_000])
                    await trio.sleep(0.05)

            async def tolerate(async_fn) -> None:
                with suppress(trio.BrokenResourceError):
                    await async_fn()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(tolerate, read)
                nursery.start_soon(tolerate, write)
                await trio.sleep(rng.uniform(0.1, 1.5))
                network.apply(fault)
                await trio.sleep(60)
                nursery.cancel_scope.cancel()
            network.heal()
            assert data.startswith(bytes(found))
            cut_short += 0 < len(found) < len(data)
            await alice.disconnect(bob.peer_id)
            await trio.sleep(1)
        assert cut_short >= 20

    play(story)
