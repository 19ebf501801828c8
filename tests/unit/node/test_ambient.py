"""Clock and randomness as a value."""

from __future__ import annotations

import time

import trio
import trio.testing

from p2pchat.node.ambient import EPOCH_MS, SimulatedAmbient, SystemAmbient


def in_virtual_time(async_fn):
    return trio.run(async_fn, clock=trio.testing.MockClock(autojump_threshold=0))


def test_simulated_clocks_advance_with_virtual_time():
    async def main():
        ambient = SimulatedAmbient(seed=1, peer="alice")
        before = ambient.now()
        await trio.sleep(3600)
        return before, ambient.now()

    before, after = in_virtual_time(main)
    assert before.wall_ms == EPOCH_MS
    assert after.monotonic_s - before.monotonic_s == 3600
    assert after.wall_ms - before.wall_ms == 3_600_000


def test_skew_moves_the_wall_clock_alone_and_may_change():
    async def main():
        ambient = SimulatedAmbient(seed=1, peer="alice", skew_ms=-18_000_000)
        before = ambient.now()
        ambient.skew_ms = 5
        return before, ambient.now()

    before, after = in_virtual_time(main)
    assert before.wall_ms == EPOCH_MS - 18_000_000
    assert after.wall_ms == EPOCH_MS + 5
    assert after.monotonic_s == before.monotonic_s


def test_choices_depend_on_seed_peer_and_purpose_alone():
    def draw(seed, peer, purpose):
        return SimulatedAmbient(seed, peer).rng(purpose).random()

    assert draw(1, "alice", "gossip") == draw(1, "alice", "gossip")
    drawn = {
        draw(1, "alice", "gossip"),
        draw(2, "alice", "gossip"),
        draw(1, "bob", "gossip"),
        draw(1, "alice", "kad"),
    }
    assert len(drawn) == 4


def test_simulated_tokens_repeat_from_life_to_life_unless_the_life_is_named():
    def tokens(peer):
        ambient = SimulatedAmbient(1, peer)
        return [ambient.token_bytes(16) for _ in range(3)]

    assert tokens("alice") == tokens("alice")
    assert not set(tokens("alice")) & set(tokens("alice/2"))
    assert len(set(tokens("alice"))) == 3


def test_the_system_s_clocks_and_randomness_are_the_real_ones():
    ambient = SystemAmbient()
    before_ms, before_s = time.time_ns() // 1_000_000, time.monotonic()
    now = ambient.now()
    assert before_ms <= now.wall_ms <= time.time_ns() // 1_000_000
    assert before_s <= now.monotonic_s <= time.monotonic()
    assert len(ambient.token_bytes(32)) == 32
    assert ambient.token_bytes(32) != ambient.token_bytes(32)
    assert ambient.rng("one").random() != ambient.rng("one").random()
