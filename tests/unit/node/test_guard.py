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
    assert guard.delay_s(ALICE.device, int(FRAMES.burst), 1000) == 0
    assert guard.delay_s(ALICE.device, int(FRAMES.per_s), 1000) == 1
    assert guard.delay_s(BOB.device, 1, 1000) == 0


def test_bytes_count_as_well_as_frames():
    guard = Guard(Clock())
    assert guard.delay_s(ALICE.device, 1, 40 << 20) == 1


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
