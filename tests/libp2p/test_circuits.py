"""Circuits: what the relay cannot read, whom it cannot pass off, and what it may refuse."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trio.testing
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as PeerMessage

from p2pchat.errors import NetworkError, PeerUnreachable, RelayRefused
from p2pchat.model.route import Path
from p2pchat.net.libp2p import carrying, circuit
from p2pchat.net.libp2p.options import CircuitLimits, HostLimits
from p2pchat.net.libp2p.pace import Verdict
from p2pchat.net.libp2p.relay_messages import HOP, STOP, read_message, write_message
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.protocol.pace import Rate
from tests.libp2p.hosts import (
    ECHO,
    ask,
    descriptors,
    echo,
    eventually,
    host,
    is_down,
    is_up,
    play,
    tasks,
    until,
)

CANARY = b"the canary sings at midnight"


@asynccontextmanager
async def three(**circuits) -> AsyncGenerator:
    """alice, a relay, and bob who listens nowhere and holds a reservation; all echo."""
    async with (
        host("relay", is_relay=True, circuits=CircuitLimits(**circuits)) as relay,
        host("alice", listen=()) as alice,
        host("bob", listen=()) as bob,
    ):
        for one in (alice, bob, relay):
            one.serve(ECHO, echo)
        await bob.connect(relay.peer_id, relay.addresses)
        await bob.reserve(relay.peer_id)
        yield alice, relay, bob


def path_of(one, other) -> Path:
    return next(state.path for state in one.peers if state.peer == other.peer_id)


def test_a_circuit_is_a_connection_like_others():
    async def story() -> None:
        async with three() as (alice, relay, bob):
            (address,) = bob.addresses
            assert address == f"{relay.addresses[0]}/p2p-circuit/p2p/{bob.peer_id}"
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            assert path_of(alice, bob) is path_of(bob, alice) is Path.RELAYED
            assert await ask(alice, bob, b"to") == b"to"
            assert await ask(bob, alice, b"fro") == b"fro"
            at_alice = next(state for state in alice.peers if state.peer == bob.peer_id)
            at_bob = next(state for state in bob.peers if state.peer == alice.peer_id)
            assert (at_alice.inbound, at_bob.inbound) == (False, True)
            assert at_alice.addresses == (f"{relay.addresses[0]}/p2p-circuit",)
            statistics = relay.statistics()
            assert (statistics.reservations, statistics.circuits) == (1, 1)
            assert statistics.circuit_bytes_total > 0
            await bob.disconnect(alice.peer_id)
            await until(alice, bob, is_down)
            await eventually(lambda: relay.statistics().circuits == 0)
            assert alice.is_connected(relay.peer_id)
            assert bob.is_connected(relay.peer_id)

    play(story)


def record_reads(monkeypatch, reader) -> bytearray:
    """All that `reader` ever gets from a stream, after its own transport has decrypted it."""
    held = bytearray()
    receive_some = LibP2PStream.receive_some

    async def recording(self, max_bytes=None):
        data = await receive_some(self, max_bytes)
        if self._farewells is reader._swarm.farewells:
            held.extend(data)
        return data

    monkeypatch.setattr(LibP2PStream, "receive_some", recording)
    return held


def test_the_relay_holds_no_plaintext_of_a_circuit(monkeypatch):
    async def story() -> None:
        async with three() as (alice, relay, bob):
            held = record_reads(monkeypatch, relay)
            assert await ask(bob, relay, CANARY) == CANARY
            assert held.count(CANARY) == 1  # what is told to the relay itself, it holds
            held.clear()
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, CANARY) == CANARY
            assert await ask(bob, alice, CANARY) == CANARY
            assert len(held) > 4 * len(CANARY)
            assert CANARY not in held

    play(story)


def test_who_is_at_the_far_end_is_proved_by_its_key_and_not_told_by_the_relay():
    async def story() -> None:
        async with (
            host("mallory") as mallory,
            host("alice", listen=()) as alice,
            host("carol", listen=()) as carol,
            host("bob") as bob,
        ):
            await carol.connect(mallory.peer_id, mallory.addresses)
            await until(mallory, carol, is_up)
            held = circuit._Reservation(math.inf, ())
            carol._ways.circuits._held[mallory.peer_id] = held  # carol takes its calls

            async def pass_carol_off_as_bob(near) -> None:
                await read_message(near, HopMessage())
                far = await mallory._swarm.open(carol.peer_id, [STOP])
                call = StopMessage(
                    type=StopMessage.CONNECT, peer=PeerMessage(id=bytes(bob.peer_id))
                )
                await write_message(far, call)
                await read_message(far, StopMessage())
                await write_message(near, HopMessage(type=HopMessage.STATUS, status=Status.OK))
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(forward, near, far)
                    nursery.start_soon(forward, far, near)

            mallory.serve(HOP, pass_carol_off_as_bob)
            lie = f"{mallory.addresses[0]}/p2p-circuit/p2p/{bob.peer_id}"
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [lie])
            assert not alice.is_connected(bob.peer_id)
            assert not alice.is_connected(carol.peer_id)
            truth = f"{mallory.addresses[0]}/p2p-circuit/p2p/{carol.peer_id}"
            await alice.connect(carol.peer_id, [truth])
            await until(carol, alice, is_up)  # not bob, whom mallory named as the caller
            assert not carol.is_connected(bob.peer_id)
            carol._ways.circuits._held.clear()

    play(story)


async def forward(source, sink) -> None:
    try:
        while data := await source.receive_some():
            await sink.send_all(data)
        await sink.send_eof()
    except trio.BrokenResourceError:
        await sink.reset()


def test_a_relay_that_holds_no_reservation_of_ours_has_nobody_for_us():
    async def story() -> None:
        async with host("mallory") as mallory, host("bob") as bob:
            await mallory.connect(bob.peer_id, bob.addresses)
            stream = await mallory._swarm.open(bob.peer_id, [STOP])
            call = StopMessage(type=StopMessage.CONNECT, peer=PeerMessage(id=bytes(bob.peer_id)))
            await write_message(stream, call)
            reply = await read_message(stream, StopMessage())
            assert reply.status == Status.PERMISSION_DENIED
            await stream.aclose()

    play(story)


def test_calls_without_end_do_not_part_us_from_our_relay():
    async def story() -> None:
        strict = HostLimits(
            streams_per_protocol=Rate(per_s=0.001, burst=3),
            refusals_per_peer=Rate(per_s=0.001, burst=2),
        )
        async with (
            host("relay", is_relay=True) as relay,
            host("bob", listen=(), limits=strict) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            for _ in range(12):
                with suppress(NetworkError):
                    await (await relay.open_stream(bob.peer_id, [STOP])).reset()
            await eventually(lambda: bob.statistics().streams_refused_pace_total == 9)
            assert bob.is_connected(relay.peer_id)
            assert bob.statistics().connections_flooding_total == 0
            assert len(bob.addresses) == 1

    play(story)


def test_a_place_that_has_lapsed_earns_its_relay_nothing_more(monkeypatch):
    async def story() -> None:
        async with host("relay", is_relay=True) as relay, host("bob", listen=()) as bob:
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            admission = bob._swarm.admission
            assert not admission.is_spare(relay.peer_id)
            monkeypatch.setattr(circuit, "HOLDS_S_MAX", 0.0)
            await bob.reserve(relay.peer_id)
            assert bob.addresses == ()
            assert admission.is_spare(relay.peer_id)
            stream = await relay._swarm.open(bob.peer_id, [STOP])
            call = StopMessage(type=StopMessage.CONNECT, peer=PeerMessage(id=bytes(bob.peer_id)))
            await write_message(stream, call)
            reply = await read_message(stream, StopMessage())
            assert reply.status == Status.PERMISSION_DENIED
            await stream.aclose()
            now_s, patience = trio.current_time(), bob._swarm.limits.refusals_per_peer.burst
            verdicts = [
                admission.pace.lose_patience(relay.peer_id, now_s) for _ in range(int(patience) + 1)
            ]
            assert verdicts[-1] is Verdict.CUT

    play(story)


def test_a_place_at_a_relay_that_has_lapsed_protects_nobody_there():
    async def story() -> None:
        async with three(reservation_s=0) as (_, relay, bob):
            assert relay._swarm.admission.is_spare(bob.peer_id)

    play(story)


def test_the_relay_is_dialled_when_it_is_not_connected():
    async def story() -> None:
        async with three() as (alice, relay, bob):
            assert not alice.is_connected(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            assert alice.is_connected(relay.peer_id)

    play(story)


def test_a_relay_named_without_an_address_must_be_connected():
    async def story() -> None:
        async with three() as (alice, relay, bob):
            bare = f"/p2p/{relay.peer_id}/p2p-circuit"
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [bare])
            await alice.connect(relay.peer_id, relay.addresses)
            await alice.connect(bob.peer_id, [bare])

    play(story)


def test_a_peer_without_a_reservation_cannot_be_called():
    async def story() -> None:
        async with three() as (alice, relay, bob), host("carol", listen=()) as carol:
            await carol.connect(relay.peer_id, relay.addresses)
            where = bob.addresses[0].replace(str(bob.peer_id), str(carol.peer_id))
            with pytest.raises(PeerUnreachable) as unreachable:
                await alice.connect(carol.peer_id, [where])
            assert "holds no reservation" in unreachable.value.attempts[0][1]

    play(story)


def test_a_reservation_ends_with_its_connection():
    async def story() -> None:
        async with three() as (alice, relay, bob):
            (where,) = bob.addresses
            await bob.disconnect(relay.peer_id)
            assert bob.addresses == ()
            await eventually(lambda: relay.statistics().reservations == 0)
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [where])
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, [where])

    play(story)


def test_a_reservation_is_refreshed_and_not_doubled():
    async def story() -> None:
        async with three(reservation_s=1200) as (_, relay, bob):
            for _ in range(3):
                assert 1195 <= await bob.reserve(relay.peer_id) <= 1200
            assert relay.statistics().reservations == 1
            assert len(bob.addresses) == 1

    play(story)


@pytest.mark.parametrize("skew_s", [-5 * 3600, 5 * 3600])
def test_a_wrong_clock_makes_a_reservation_short_or_long_but_never_absurd(skew_s):
    import time

    async def story() -> None:
        async with (
            host("relay", is_relay=True) as relay,
            host("bob", listen=(), wall_clock_s=lambda: time.time() + skew_s) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            assert 60 <= await bob.reserve(relay.peer_id) <= 7200
            assert len(bob.addresses) == 1

    play(story)


def test_a_full_relay_refuses_and_keeps_its_promises():
    async def story() -> None:
        async with three(reservations_max=1) as (alice, relay, bob):
            await alice.connect(relay.peer_id, relay.addresses)
            with pytest.raises(RelayRefused, match="takes no reservation"):
                await alice.reserve(relay.peer_id)
            assert relay.statistics().reservations_refused_full_total == 1
            await bob.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)

    play(story)


def test_who_is_no_relay_refuses():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            with pytest.raises(RelayRefused):
                await alice.reserve(bob.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            with pytest.raises(RelayRefused, match="serves none"):
                await alice.reserve(bob.peer_id)

    play(story)


async def say_nothing(_stream) -> None:
    await trio.sleep_forever()


def test_a_relay_that_does_not_answer_is_a_refusal_in_time():
    async def story() -> None:
        async with host("alice") as alice, host("mallory") as mallory:
            mallory.serve(HOP, say_nothing)
            await alice.connect(mallory.peer_id, mallory.addresses)
            with trio.fail_after(4), pytest.raises(RelayRefused, match="did not answer"):
                await alice.reserve(mallory.peer_id, timeout_s=0.1)

    play(story)


def test_two_circuits_of_one_caller_do_not_mix():
    async def story() -> None:
        async with three() as (alice, relay, bob), host("carol", listen=()) as carol:
            carol.serve(ECHO, echo)
            await carol.connect(relay.peer_id, relay.addresses)
            await carol.reserve(relay.peer_id)
            await alice.connect(bob.peer_id, bob.addresses)
            await alice.connect(carol.peer_id, carol.addresses)
            assert relay.statistics().circuits == 2
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: relay.statistics().circuits == 1)
            assert await ask(alice, carol, b"still") == b"still"

    play(story)


@pytest.mark.parametrize("limits", [{"circuits_max": 1}, {"circuits_per_peer_max": 1}])
def test_circuits_above_the_limit_are_refused(limits):
    async def story() -> None:
        async with three(**limits) as (alice, relay, bob), host("carol", listen=()) as carol:
            await alice.connect(bob.peer_id, bob.addresses)
            with pytest.raises(PeerUnreachable) as unreachable:
                await carol.connect(bob.peer_id, bob.addresses)
            assert "at its limit" in unreachable.value.attempts[0][1]
            await alice.disconnect(bob.peer_id)
            await eventually(lambda: relay.statistics().circuits == 0)
            await carol.connect(bob.peer_id, bob.addresses)

    play(story)


async def use_up(stream) -> None:
    while True:
        await stream.send_all(bytes(10_000))
        await stream.receive_some()


def test_a_circuit_that_has_carried_all_it_may_ends():
    async def story() -> None:
        async with three(circuit_bytes_max=100_000) as (alice, relay, bob):
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, [ECHO])
            with pytest.raises(trio.BrokenResourceError):
                await use_up(stream)
            await until(alice, bob, is_down)
            await until(bob, alice, is_down)
            assert relay.statistics().circuits == 0
            await alice.connect(bob.peer_id, bob.addresses)
            await stream.aclose()

    play(story)


def test_a_circuit_that_is_as_old_as_it_may_be_ends():
    async def story() -> None:
        async with three(circuit_s_max=1) as (alice, relay, bob):
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, is_up)
            await until(alice, bob, is_down)
            await until(bob, alice, is_down)
            await eventually(lambda: relay.statistics().circuits == 0)

    play(story)


def test_a_circuit_on_which_nothing_passes_ends():
    async def story() -> None:
        async with three(circuit_idle_s=1) as (alice, relay, bob):
            await alice.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, is_down)
            await until(bob, alice, is_down)
            await eventually(lambda: relay.statistics().circuits == 0)
            assert relay.statistics().circuits_silent_total == 1
            assert relay.statistics().circuits_spent_total == 0

    play(story)


def test_the_circuit_silent_for_longest_makes_room_at_a_full_relay(monkeypatch):
    monkeypatch.setattr(carrying, "SILENT_S", 0.0)

    async def story() -> None:
        async with three(circuits_max=1) as (alice, relay, bob), host("carol", listen=()) as carol:
            await alice.connect(bob.peer_id, bob.addresses)
            await carol.connect(bob.peer_id, bob.addresses)
            await until(alice, bob, is_down)
            assert carol.is_connected(bob.peer_id)
            statistics = relay.statistics()
            assert (statistics.circuits, statistics.circuits_silent_total) == (1, 1)

    play(story)


def test_who_is_refused_anyway_ends_no_circuit_of_others(monkeypatch):
    monkeypatch.setattr(carrying, "SILENT_S", 0.0)

    async def story() -> None:
        few = three(circuits_max=1, circuits_per_peer_max=1)
        async with few as (alice, relay, bob), host("carol", listen=()) as carol:
            await alice.connect(bob.peer_id, bob.addresses)
            with pytest.raises(PeerUnreachable):
                await carol.connect(bob.peer_id, bob.addresses)
            assert alice.is_connected(bob.peer_id)
            statistics = relay.statistics()
            assert (statistics.circuits, statistics.circuits_silent_total) == (1, 0)
            assert statistics.circuits_refused_peer_total > 0

    play(story)


def test_a_connection_that_lives_is_never_so_silent_that_its_circuit_ends():
    signs_s = HostLimits().keepalive_carried_idle_s + HostLimits().keepalive_timeout_s
    assert 2 * signs_s < carrying.SILENT_S < CircuitLimits().circuit_idle_s


def test_a_relay_that_closes_ends_its_circuits():
    async def story() -> None:
        async with host("alice", listen=()) as alice, host("bob", listen=()) as bob:
            async with host("relay", is_relay=True) as relay:
                await bob.connect(relay.peer_id, relay.addresses)
                await bob.reserve(relay.peer_id)
                await alice.connect(bob.peer_id, bob.addresses)
                await until(bob, alice, is_up)
            await until(alice, bob, is_down)
            await until(bob, alice, is_down)
            assert bob.addresses == ()

    play(story)


def test_circuits_that_come_and_go_leave_nothing_at_the_relay():
    async def story() -> None:
        async with three() as (alice, relay, bob):
            before = 0, 0
            for number in range(20):
                await alice.connect(bob.peer_id, bob.addresses)
                assert await ask(alice, bob, b"x") == b"x"
                await alice.disconnect(bob.peer_id)
                await until(bob, alice, is_down)
                await eventually(lambda: relay.statistics().circuits == 0)
                await trio.testing.wait_all_tasks_blocked(0.05)
                if number == 0:
                    before = tasks(), descriptors()
            assert relay.statistics().circuits_total == 20
            # One task may wait for the next change to see that its reader has left.
            await eventually(lambda: tasks() <= before[0] + 1 and descriptors() == before[1])

    play(story)


def test_a_circuit_does_not_pass_through_a_circuit():
    async def story() -> None:
        async with (
            three() as (_, relay, bob),
            host("inner", listen=(), is_relay=True) as inner,
        ):
            await inner.connect(relay.peer_id, relay.addresses)
            await inner.reserve(relay.peer_id)
            await bob.connect(inner.peer_id, inner.addresses)
            assert path_of(bob, inner) is Path.RELAYED
            with pytest.raises(RelayRefused, match="does not permit"):
                await bob.reserve(inner.peer_id)

    play(story)


GARBAGE = {
    "nothing": b"",
    "a length of 2^63": b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "too long a message": b"\x81\x40" + bytes(9000),
    "no protobuf": b"\x04\xff\xff\xff\xff",
    "half a message": b"\x20half",
    "a status out of turn": b"\x03\x08\x02\x28",
    "a call to nobody": HopMessage(type=HopMessage.CONNECT).SerializeToString(),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_on_a_relay_stream_ends_that_stream(garbage):
    async def story() -> None:
        async with three() as (alice, relay, bob):
            await alice.connect(relay.peer_id, relay.addresses)
            for protocol, one in ((HOP, relay), (STOP, relay)):
                async with await alice.open_stream(one.peer_id, [protocol]) as stream:
                    await stream.send_all(garbage)
                    await stream.send_eof()
                    await drain(stream)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"fine") == b"fine"
            assert relay.statistics().handlers_failed_total == 0

    play(story)


async def drain(stream) -> None:
    try:
        while await stream.receive_some():
            pass
    except trio.BrokenResourceError:
        pass


def test_a_direct_connection_is_made_beside_a_circuit_and_preferred():
    async def story() -> None:
        async with three() as (alice, _, bob), host("carol") as carol:
            carol.serve(ECHO, echo)
            relay = next(state for state in bob.peers)
            await carol.connect(relay.peer, [relay.addresses[0]])
            await carol.reserve(relay.peer)
            direct, circuit = carol.addresses
            await alice.connect(carol.peer_id, [circuit])
            assert path_of(alice, carol) is Path.RELAYED
            with alice.changes() as changes:
                await alice.connect(carol.peer_id, [circuit, direct])
                while path_of(alice, carol) is not Path.DIRECT:
                    await changes.receive()
            stream = await alice.open_stream(carol.peer_id, [ECHO])
            assert stream.origin.path is Path.DIRECT
            await stream.aclose()

    play(story)
