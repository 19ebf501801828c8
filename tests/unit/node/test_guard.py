"""What one peer may cost."""

from __future__ import annotations

from p2pchat.node import guard as guard_module
from p2pchat.node.guard import BAN_S, FRAMES, OFFENCES_MAX, OFFENCES_S, Guard
from tests.unit.protocol.people import ALICE, BOB, person


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_not_delayed_and_a_flood_is():
    guard = Guard(Clock())
    assert guard.frames_delay_s(ALICE.device, int(FRAMES.burst)) == 0
    assert guard.frames_delay_s(ALICE.device, int(FRAMES.per_s)) == 1
    assert guard.frames_delay_s(BOB.device, 1) == 0
    assert not guard.is_banned(ALICE.device)


def test_bytes_count_as_well_as_frames():
    guard = Guard(Clock())
    assert guard.bytes_delay_s(ALICE.device, 40 << 20) == 1


def flood(guard, clock, blocks, per_s):
    """Frames at this rate, in blocks; for how many seconds until the sender was banned."""
    began_s = clock.now_s
    for _ in range(blocks):
        clock.now_s += max(16 / per_s, guard.frames_delay_s(ALICE.device, 16))
        if guard.is_banned(ALICE.device):
            return clock.now_s - began_s
    return None


def test_who_sends_ten_thousand_frames_a_second_is_banned_within_five_seconds():
    clock = Clock()
    guard = Guard(clock)
    assert flood(guard, clock, 10_000, 10_000) < 5
    assert not guard.is_banned(BOB.device)
    clock.now_s += BAN_S
    assert not guard.is_banned(ALICE.device)


def test_who_sends_as_fast_as_allowed_is_never_banned():
    clock = Clock()
    assert flood(Guard(clock), clock, 10_000, FRAMES.per_s) is None


def test_bytes_hold_back_and_ban_nobody():
    clock = Clock()
    guard = Guard(clock)
    for _ in range(100):
        clock.now_s += guard.bytes_delay_s(ALICE.device, 10 << 20)
        assert not guard.is_banned(ALICE.device)


def test_who_offends_time_and_again_is_banned_for_a_while():
    clock = Clock()
    guard = Guard(clock)
    verdicts = [guard.blame(ALICE.device) for _ in range(OFFENCES_MAX)]
    assert verdicts == [False] * (OFFENCES_MAX - 1) + [True]
    assert guard.is_banned(ALICE.device)
    assert not guard.is_banned(BOB.device)
    clock.now_s += BAN_S
    assert not guard.is_banned(ALICE.device)
    assert not guard.blame(ALICE.device)


def test_rare_offences_are_forgiven():
    clock = Clock()
    guard = Guard(clock)
    for _ in range(3 * OFFENCES_MAX):
        assert not guard.blame(ALICE.device)
        clock.now_s += OFFENCES_S / 4


def test_offenders_are_remembered_in_bounds(monkeypatch):
    monkeypatch.setattr(guard_module, "OFFENDERS_MAX", 2)
    guard = Guard(Clock())
    for _ in range(OFFENCES_MAX - 1):
        guard.blame(ALICE.device)
    for name in ("one", "other"):
        guard.blame(person(name).device)
    assert not guard.blame(ALICE.device)
