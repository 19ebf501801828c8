"""A peer that falls silent without a goodbye is noticed; one that has nothing to say is kept."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio

from p2pchat.errors import StreamReset
from p2pchat.net.libp2p import autonat, circuit, hop, ping
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.swarm import WATCH_INTERVAL_S
from p2pchat.net.port import AUTONAT_PROTOCOL, HOP_PROTOCOL, STOP_PROTOCOL
from tests.libp2p.hosts import ECHO, ask, echo, host, is_down, is_up, limited, play, until
from tests.libp2p.wires import wired

QUICK = {"keepalive_idle_s": 0.3, "keepalive_timeout_s": 1.0}
PATIENT = {"keepalive_idle_s": 0.3, "keepalive_timeout_s": 5.0}


def test_both_sides_notice_that_packets_are_dropped():
    async def story() -> None:
        async with (
            limited("alice", **QUICK) as alice,
            limited("bob", **QUICK) as bob,
            wired(bob) as wire,
        ):
            await alice.connect(bob.peer_id, [wire.address])
            await until(bob, alice, is_up)
            wire.cut()
            await until(alice, bob, is_down)
            await until(bob, alice, is_down)
            assert alice.statistics().connections_silent_total >= 1
            assert bob.statistics().connections_silent_total >= 1

    play(story)


@pytest.mark.slow
def test_dropped_packets_are_noticed_within_15_seconds_by_default():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, wired(bob) as wire:
            await alice.connect(bob.peer_id, [wire.address])
            await until(bob, alice, is_up)
            wire.cut()
            limits = HostLimits()
            asked_s = limits.keepalive_idle_s + WATCH_INTERVAL_S
            assert asked_s + limits.keepalive_timeout_s + WATCH_INTERVAL_S <= 15
            with trio.fail_after(45):
                await until(alice, bob, is_down)
                await until(bob, alice, is_down)

    play(story)


def test_an_idle_connection_lives_on_what_is_asked_and_answered():
    async def story() -> None:
        async with limited("alice", **PATIENT) as alice, host("bob") as bob, wired(bob) as wire:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, [wire.address])
            await wire.traffic(8)
            assert alice.is_connected(bob.peer_id)
            assert await ask(alice, bob, b"still") == b"still"
            assert alice.statistics().connections_silent_total == 0

    play(story)


def test_a_busy_connection_is_not_asked():
    async def story() -> None:
        async with limited("alice", **QUICK) as alice, host("bob") as bob:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            connection = alice._swarm.best(bob.peer_id)
            stream = await alice.open_stream(bob.peer_id, [ECHO])
            with trio.move_on_after(1.5):
                while True:
                    await stream.send_all(b"x")
                    await stream.receive_some()
                    await trio.sleep(0.05)
            assert connection._asked_s is None
            await stream.aclose()

    play(story)


def test_a_stream_that_is_not_answered_is_given_up_in_time():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, wired(bob) as wire:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, [wire.address])
            await until(alice, bob, lambda state: state is not None and state.protocols)
            wire.cut()
            with pytest.raises(StreamReset, match=r"within 0\.2 s"):
                await alice.open_stream(bob.peer_id, [ECHO], timeout_s=0.2)
            assert alice.is_connected(bob.peer_id)

    play(story)


@pytest.mark.parametrize(
    ("module", "bound", "protocol"),
    [
        (ping, "IDLE_TIMEOUT_S", ping.PING),
        (autonat, "ASK_TIMEOUT_S", AUTONAT_PROTOCOL),
        (hop, "ANSWER_TIMEOUT_S", HOP_PROTOCOL),
        (circuit, "ANSWER_TIMEOUT_S", STOP_PROTOCOL),
    ],
)
def test_who_opens_a_stream_and_says_nothing_loses_it(module, bound, protocol, monkeypatch):
    monkeypatch.setattr(module, bound, 0.05)

    async def story() -> None:
        async with host("alice") as alice, host("relay", is_relay=True) as relay:
            await alice.connect(relay.peer_id, relay.addresses)
            stream = await alice.open_stream(relay.peer_id, [protocol])
            said = b""
            with trio.fail_after(4), suppress(trio.BrokenResourceError):
                said = await stream.receive_some()
            assert said == b"", "it was closed or reset"
            await stream.aclose()

    play(story)
