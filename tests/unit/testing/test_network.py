"""The simulated network beyond the `Host` port: places, timing, restarts, bounds."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
import trio.testing
from nacl.signing import SigningKey

from p2pchat.errors import PeerUnreachable, RelayRefused, StreamReset
from p2pchat.model.ids import DeviceId
from p2pchat.net.port import NO_ANSWER
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.faults import Link, Nat
from p2pchat.testing.network import NetworkOptions, open_network, seed_of
from p2pchat.testing.trace import Trace

SINK = "/sink/1.0.0"
STEADY = Link(latency_s=0.1, jitter_s=0.0, bandwidth_bytes_s=1e9)


def play(story, **options):
    """Run `story(network)` in a network with these options."""

    async def main():
        chosen = NetworkOptions(**options)
        async with open_network(seeded(1, "network", "links"), options=chosen) as network:
            with trio.fail_after(3_600):
                await story(network)

    run_simulation(main, 1)


async def never_read(stream) -> None:
    await trio.sleep_forever()


async def streams(alice, bob):
    """A new stream from alice to bob: her side and his."""
    sender, receiver = trio.open_memory_channel(1)

    async def hand_over(stream) -> None:
        await sender.send(stream)

    bob.serve("/pipe/1.0.0", hand_over)
    return await alice.open_stream(bob.peer_id, ["/pipe/1.0.0"]), await receiver.receive()


def test_an_identity_is_a_name_or_a_device_key():
    async def story(network):
        async with network.host("alice") as alice:
            name_id = alice.peer_id
        async with network.host(seed_of("alice")) as alice:
            assert alice.peer_id == name_id
        assert name_id == DeviceId(bytes(SigningKey(seed_of("alice")).verify_key)).peer_id

    play(story)


def test_addresses_are_given_in_order_and_kept_over_a_restart():
    async def story(network):
        async with network.host("alice") as alice:
            assert alice.addresses == (f"/ip4/10.0.0.1/tcp/4001/p2p/{alice.peer_id}",)
            before = alice.addresses
            async with network.host("bob") as bob:
                assert bob.addresses[0].startswith("/ip4/10.0.0.2/")
        async with network.host("alice") as alice:
            assert alice.addresses == before

    play(story)


def test_a_subnet_has_room_for_so_many_hosts():
    async def story(network):
        async with network.host("alice"), network.host("bob"):
            with pytest.raises(ValueError, match="no address is left"):
                async with network.host("carol"):
                    pass

    play(story, subnet="1.2.3.0/30")


def test_an_identity_runs_once_at_a_time():
    async def story(network):
        async with network.host("alice"):
            with pytest.raises(ValueError, match="running already"):
                async with network.host("alice"):
                    pass

    play(story)


def test_who_is_behind_a_nat_dials_out_and_is_not_dialled():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob", nat=Nat.CLOSED) as bob:
            with pytest.raises(PeerUnreachable, match=r".") as unreachable:
                await alice.connect(bob.peer_id, bob.addresses)
            assert unreachable.value.attempts[0][1] == NO_ANSWER
            await bob.connect(alice.peer_id, alice.addresses)
            assert alice.is_connected(bob.peer_id)

    play(story)


def test_who_does_not_listen_refuses():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob", listening=False) as bob:
            where = f"/ip4/10.0.0.2/tcp/4001/p2p/{bob.peer_id}"
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [where])
            assert unreachable.value.attempts == ((where, "connection refused"),)

    play(story)


def test_bytes_take_the_latency_of_the_link():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            near, far = await streams(alice, bob)
            sent_s = trio.current_time()
            await near.send_all(b"x")
            await far.receive_some()
            assert trio.current_time() - sent_s == pytest.approx(0.1, abs=0.002)

    play(story, link=STEADY)


def test_bytes_share_the_bandwidth_of_their_connection():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            pairs = [await streams(alice, bob) for _ in range(2)]
            sent_s = trio.current_time()
            for near, _ in pairs:
                await near.send_all(bytes(100_000))
            for _, far in pairs:
                found = 0
                while found < 100_000:
                    found += len(await far.receive_some())
            assert trio.current_time() - sent_s == pytest.approx(0.1 + 2.0, abs=0.01)

    play(story, link=Link(latency_s=0.1, jitter_s=0.0, bandwidth_bytes_s=100_000))


def test_jitter_never_reorders_a_stream():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            near, far = await streams(alice, bob)
            for number in range(500):
                await near.send_all(b"%04d" % number)
                await trio.sleep(0.01)
            await near.aclose()
            found = b"".join([chunk async for chunk in far])
            assert found == b"".join(b"%04d" % number for number in range(500))

    play(story, link=Link(latency_s=0.01, jitter_s=1.0))


def test_unread_bytes_are_bounded_by_the_window():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            bob.serve(SINK, never_read)
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, [SINK])
            with trio.move_on_after(60):
                await stream.send_all(bytes(10_000))
            assert network.statistics().sent_bytes == 1_000

    play(story, window_bytes=1_000)


def test_streams_above_their_limit_are_refused():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            bob.serve(SINK, never_read)
            await alice.connect(bob.peer_id, bob.addresses)
            held = [await alice.open_stream(bob.peer_id, [SINK]) for _ in range(3)]
            with pytest.raises(StreamReset, match="too many"):
                await alice.open_stream(bob.peer_id, [SINK])
            await held[0].reset()
            await alice.open_stream(bob.peer_id, [SINK])

    play(story, streams_max=3)


def test_an_abandoned_opening_leaves_no_stream():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            bob.serve(SINK, never_read)
            await alice.connect(bob.peer_id, bob.addresses)
            with pytest.raises(StreamReset):
                await alice.open_stream(bob.peer_id, [SINK], timeout_s=0.15)
            with trio.move_on_after(0.05):
                await alice.open_stream(bob.peer_id, [SINK])
            await trio.sleep(1)
            assert network.statistics().streams == 0

    play(story, link=STEADY)


def test_a_relay_holds_so_many_reservations_for_so_long():
    async def story(network):
        async with (
            network.host("relay", relay=True) as relay,
            network.host("alice") as alice,
            network.host("bob", listening=False) as bob,
            network.host("carol") as carol,
        ):
            for host in (alice, bob, carol):
                await host.connect(relay.peer_id, relay.addresses)
            assert await alice.reserve(relay.peer_id) == 60
            await bob.reserve(relay.peer_id)
            with pytest.raises(RelayRefused, match="no room"):
                await carol.reserve(relay.peer_id)
            await trio.sleep(30)
            await bob.reserve(relay.peer_id)
            await trio.sleep(31)
            assert len(alice.addresses) == 1
            assert len(bob.addresses) == 1
            await carol.reserve(relay.peer_id)
            await carol.connect(bob.peer_id, bob.addresses)
            await trio.sleep(60)
            assert bob.addresses == ()

    play(story, reservations_max=2, reservation_s=60.0)


def test_a_reservation_ends_with_its_connection():
    async def story(network):
        async with (
            network.host("relay", relay=True) as relay,
            network.host("alice") as alice,
            network.host("bob", listening=False) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            circuits = bob.addresses
            await bob.disconnect(relay.peer_id)
            assert bob.addresses == ()
            await trio.sleep(1)
            await bob.connect(relay.peer_id, relay.addresses)
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, circuits)
            assert "no reservation" in unreachable.value.attempts[0][1]

    play(story)


@pytest.mark.parametrize("parting", ["alice", "bob"])
def test_a_circuit_ends_with_either_of_its_legs(parting):
    async def story(network):
        async with (
            network.host("relay", relay=True) as relay,
            network.host("alice") as alice,
            network.host("bob", listening=False) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            one, other = (alice, bob) if parting == "alice" else (bob, alice)
            await one.disconnect(relay.peer_id)
            assert not one.is_connected(other.peer_id)
            assert other.is_connected(one.peer_id)
            await trio.sleep(1)
            assert not other.is_connected(one.peer_id)
            assert other.is_connected(relay.peer_id)

    play(story)


def test_a_host_that_closes_while_it_dials_connects_to_nobody():
    async def story(network):
        async with network.host("bob") as bob, trio.open_nursery() as nursery:
            async with network.host("alice") as alice:

                @nursery.start_soon
                async def _dial() -> None:
                    with pytest.raises(PeerUnreachable):
                        await alice.connect(bob.peer_id, bob.addresses)

                await trio.testing.wait_all_tasks_blocked()
            await trio.sleep(1)
            assert bob.peers == ()

    play(story)


def test_a_relay_that_came_back_grants_nothing_over_what_it_forgot():
    async def story(network):
        async with network.host("bob", listening=False) as bob:
            async with network.host("relay", relay=True) as relay:
                await bob.connect(relay.peer_id, relay.addresses)
                network.crash(relay.peer_id)
            async with network.host("relay", relay=True) as relay:
                with pytest.raises(RelayRefused, match="was lost"):
                    await bob.reserve(relay.peer_id)

    play(story)


def test_a_circuit_is_not_made_when_a_leg_ends_in_the_handshake():
    async def story(network):
        async with (
            network.host("relay", relay=True) as relay,
            network.host("alice") as alice,
            network.host("bob", listening=False) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(relay.peer_id, relay.addresses)
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def _cut() -> None:
                    await trio.sleep(0.3)
                    await bob.disconnect(relay.peer_id)

                with pytest.raises(PeerUnreachable) as unreachable:
                    await alice.connect(bob.peer_id, bob.addresses)
            assert "handshake" in unreachable.value.attempts[0][1]

    play(story, link=STEADY)


def test_addresses_that_lead_nowhere_say_why():
    async def story(network):
        async with (
            network.host("alice") as alice,
            network.host("bob") as bob,
            network.host("gone", listening=False) as gone,
        ):
            reasons = {
                f"/ip4/10.0.0.3/tcp/4001/p2p/{gone.peer_id}/p2p-circuit": "cannot be reached",
                f"/p2p/{gone.peer_id}/p2p-circuit": "cannot be reached",
                "/ip4/10.0.0.2/tcp/4001/p2p-circuit": "names its relay",
                "/ip4/10.0.0.1/tcp/4001": "our own",
                "/dns4/bob.example/tcp/4001": "can be dialled",
            }
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [*reasons])
            attempts = dict(unreachable.value.attempts)
            assert all(reasons[address] in attempts[address] for address in reasons), attempts

    play(story)


def test_circuits_do_not_nest():
    async def story(network):
        async with (
            network.host("inner", relay=True, listening=False) as inner,
            network.host("outer", relay=True) as outer,
            network.host("alice") as alice,
            network.host("bob", listening=False) as bob,
        ):
            await inner.connect(outer.peer_id, outer.addresses)
            await inner.reserve(outer.peer_id)
            await alice.connect(inner.peer_id, inner.addresses)
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, [f"/p2p/{inner.peer_id}/p2p-circuit"])
            assert "directly" in unreachable.value.attempts[0][1]

    play(story)


def test_several_dials_of_one_host_make_one_connection():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    nursery.start_soon(alice.connect, bob.peer_id, bob.addresses)
            assert network.statistics().connections == 1

    play(story)


def test_an_opening_ends_with_its_connection():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            bob.serve(SINK, never_read)
            await alice.connect(bob.peer_id, bob.addresses)
            async with trio.open_nursery() as nursery:

                @nursery.start_soon
                async def _cut() -> None:
                    await trio.sleep(0.05)
                    await alice.disconnect(bob.peer_id)

                with trio.fail_after(1), pytest.raises(StreamReset, match="was lost"):
                    await alice.open_stream(bob.peer_id, [SINK], timeout_s=60)

    play(story, link=STEADY)


def test_a_peer_that_comes_back_is_identified_anew():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            await trio.sleep(1)
            assert alice.peers[0].announced
            await alice.disconnect(bob.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            assert alice.peers[0].announced == ()
            await trio.sleep(1)
            assert alice.peers[0].announced

    play(story)


def test_a_crash_is_noticed_when_the_keep_alive_ends():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            near, _ = await streams(alice, bob)
            network.crash(bob.peer_id)
            await near.send_all(b"into the void")
            await trio.sleep(14)
            assert alice.is_connected(bob.peer_id)
            await trio.sleep(2)
            assert not alice.is_connected(bob.peer_id)
            with pytest.raises(trio.BrokenResourceError):
                await near.receive_some()
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(bob.peer_id, bob.addresses)
            assert "no answer" in unreachable.value.attempts[0][1]

    play(story)


def test_a_killed_process_is_noticed_at_once():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            network.crash(bob.peer_id, noticed_after_s=0.0)
            assert alice.is_connected(bob.peer_id)
            await trio.sleep(0.2)
            assert not alice.is_connected(bob.peer_id)

    play(story)


def test_a_crash_cancels_handlers_and_lets_nothing_out():
    said_after = []

    async def story(network):
        cancelled = trio.Event()
        async with network.host("alice") as alice, network.host("bob") as bob:

            async def talk(stream) -> None:
                try:
                    await trio.sleep_forever()
                finally:
                    cancelled.set()
                    with trio.CancelScope(shield=True):
                        await trio.lowlevel.checkpoint()
                        with suppress(trio.BrokenResourceError):
                            await stream.send_all(b"last words")
                            said_after.append("something")

            bob.serve("/talk", talk)
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, ["/talk"])
            network.crash(bob.peer_id)
            with trio.fail_after(0.001):
                await cancelled.wait()
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            assert bob.peers == ()
            assert said_after == []
            with pytest.raises(PeerUnreachable):
                await bob.connect(alice.peer_id, alice.addresses)

    play(story)


def test_what_a_crash_cuts_off_is_the_end_never_the_middle():
    arrived = set()

    def crashed(seed: int) -> bytes:
        async def main():
            async with (
                open_network(seeded(seed, "network", "links")) as network,
                network.host("alice") as alice,
                network.host("bob") as bob,
            ):
                await alice.connect(bob.peer_id, bob.addresses)
                near, far = await streams(alice, bob)
                for number in range(10):
                    await near.send_all(b"%d" % number)
                network.crash(alice.peer_id)
                found = b""
                with suppress(trio.BrokenResourceError):
                    async for chunk in far:
                        found += chunk
                return found

        return run_simulation(main, seed)

    for seed in range(20):
        found = crashed(seed)
        assert b"0123456789".startswith(found)
        arrived.add(len(found))
    assert len(arrived) > 3


def test_a_peer_that_is_back_resets_what_it_does_not_know():
    async def story(network):
        async with network.host("alice") as alice:
            async with network.host("bob") as bob:
                await alice.connect(bob.peer_id, bob.addresses)
                near, _ = await streams(alice, bob)
                network.crash(bob.peer_id)
            async with network.host("bob") as bob:
                assert alice.is_connected(bob.peer_id)
                with trio.fail_after(1), pytest.raises(trio.BrokenResourceError):
                    await near.receive_some()
                await alice.connect(bob.peer_id, bob.addresses)
                assert bob.is_connected(alice.peer_id)

    play(story)


def test_nothing_is_left_after_the_hosts_are_closed():
    async def story(network):
        async with (
            network.host("relay", relay=True) as relay,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            bob.serve(SINK, never_read)
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses[1:])
            await alice.open_stream(bob.peer_id, [SINK])
            open_now = network.statistics()
            assert (open_now.hosts, open_now.connections, open_now.streams) == (3, 3, 2)
        await trio.sleep(1)
        left = network.statistics()
        assert (left.hosts, left.connections, left.streams) == (0, 0, 0)
        assert network._routes == {}

    play(story)


def test_an_error_of_a_handler_is_kept_for_the_scenario():
    async def story(network):
        async with network.host("alice") as alice, network.host("bob") as bob:

            async def faulty(stream) -> None:
                raise ZeroDivisionError

            bob.serve("/faulty", faulty)
            await alice.connect(bob.peer_id, bob.addresses)
            await alice.open_stream(bob.peer_id, ["/faulty"])
            await trio.sleep(1)
            assert [type(error) for error in bob.handler_errors] == [ZeroDivisionError]
            assert network.statistics().handler_errors == 1

    play(story)


def test_what_a_block_raises_comes_out_as_it_is():
    async def story(network):
        with pytest.raises(ZeroDivisionError):
            async with network.host("alice"):
                raise ZeroDivisionError

    play(story)


def test_the_trace_tells_who_did_what_and_no_content():
    trace = Trace()

    async def main():
        async with (
            open_network(seeded(1, "network", "links"), trace=trace) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            await alice.connect(bob.peer_id, bob.addresses)
            near, far = await streams(alice, bob)
            await near.send_all(b"secret words")
            await far.receive_some()

    run_simulation(main, 1)
    kinds = [line.split(" ", 1)[1] for line in trace.tail().splitlines()]
    assert kinds[:3] == ["alice > bob dial", "alice > bob up direct", "alice > bob /pipe/1.0.0"]
    assert "secret" not in trace.tail()
