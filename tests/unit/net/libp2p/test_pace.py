"""Paces as a script: who comes when, and what becomes of it."""

from __future__ import annotations

from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p import pace as pace_module
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.pace import Pace, Verdict
from p2pchat.net.port import STOP_PROTOCOL

ALICE, MALLORY, RELAY = (DeviceId(bytes([n]) * 32).peer_id for n in (1, 2, 3))
LIMITS = HostLimits()
FLOOD_PER_S = 10_000
CUT_S_MAX = 5.0
PENALTY_S_MAX = 10.0


def cut_after(pace: Pace, per_s: float, judge) -> float:
    """Ask at this rate until cut; for how long that took."""
    for number in range(100_000):
        if judge(number / per_s) is Verdict.CUT:
            return number / per_s
    raise AssertionError("never cut")


def test_ten_thousand_streams_a_second_are_cut_within_five_seconds_and_back_within_ten():
    pace = Pace(LIMITS)
    cut_s = cut_after(pace, FLOOD_PER_S, lambda now_s: pace.judge_stream(MALLORY, now_s))
    assert cut_s < CUT_S_MAX
    assert pace.is_shunned(MALLORY, cut_s)
    assert pace.judge_stream(MALLORY, cut_s) is Verdict.REFUSE
    assert pace.judge_stream(ALICE, cut_s) is Verdict.SERVE
    assert not pace.is_shunned(MALLORY, cut_s + PENALTY_S_MAX)


def test_ten_thousand_streams_of_one_protocol_are_cut_as_well():
    pace = Pace(LIMITS)
    cut_s = cut_after(pace, FLOOD_PER_S, lambda now_s: pace.judge_protocol(MALLORY, "/p/1", now_s))
    assert cut_s < CUT_S_MAX
    assert pace.judge_protocol(ALICE, "/p/1", cut_s) is Verdict.SERVE


def test_who_keeps_within_the_pace_is_served_for_ever():
    pace, per_s = Pace(LIMITS), LIMITS.streams_per_peer.per_s
    verdicts = {pace.judge_stream(ALICE, number / per_s) for number in range(10_000)}
    assert verdicts == {Verdict.SERVE}


def test_a_burst_is_served_what_exceeds_it_refused_and_time_brings_it_back():
    pace, rate = Pace(LIMITS), LIMITS.streams_per_peer
    burst = [pace.judge_stream(ALICE, 0.0) for _ in range(int(rate.burst) + 1)]
    assert burst == [Verdict.SERVE] * int(rate.burst) + [Verdict.REFUSE]
    assert pace.judge_stream(ALICE, 1 / rate.per_s) is Verdict.SERVE


def test_a_penalty_on_an_address_ends_within_ten_seconds():
    pace, source = Pace(LIMITS), "8.8.8.8"
    while pace.admits_knock(source, 0.0):
        pass
    assert not pace.admits_knock(source, 0.0)
    assert pace.admits_knock("1.1.1.1", 0.0)
    assert pace.admits_knock(source, PENALTY_S_MAX)


def test_a_peer_that_comes_back_too_often_is_kept_out_for_less_than_a_second():
    pace = Pace(LIMITS)
    entries = [pace.admits_entry(MALLORY, 0.0) for _ in range(100)]
    assert entries.count(True) == LIMITS.connects_per_peer.burst
    assert pace.admits_entry(ALICE, 0.0)
    assert pace.admits_entry(MALLORY, 1.0)


def test_those_shunned_are_remembered_in_bounds(monkeypatch):
    monkeypatch.setattr(pace_module, "SHUNNED_MAX", 1)
    pace = Pace(LIMITS)
    pace.shun(MALLORY, 0.0)
    pace.shun(ALICE, 0.0)
    assert not pace.is_shunned(MALLORY, 0.0)
    assert pace.is_shunned(ALICE, 0.0)


def test_calls_that_a_relay_of_ours_brings_cost_it_nothing_however_many_are_refused():
    pace = Pace(LIMITS)
    pace.is_our_relay = lambda peer, now_s: peer == RELAY
    calls = {pace.judge_protocol(RELAY, STOP_PROTOCOL, 0.0) for _ in range(100_000)}
    assert calls == {Verdict.SERVE, Verdict.REFUSE}
    assert cut_after(pace, FLOOD_PER_S, lambda _: pace.judge_protocol(MALLORY, STOP_PROTOCOL, 0.0))


def test_what_else_a_relay_of_ours_opens_has_a_pace_like_that_of_others():
    pace = Pace(LIMITS)
    pace.is_our_relay = lambda peer, now_s: peer == RELAY
    assert cut_after(pace, FLOOD_PER_S, lambda now_s: pace.judge_protocol(RELAY, "/p/1", now_s))


def test_a_relay_of_ours_is_cut_only_by_a_flood_that_no_callers_could_make_through_it():
    pace, limits = Pace(LIMITS), LIMITS
    pace.is_our_relay = lambda peer, now_s: peer == RELAY
    per_s = limits.streams_per_peer.per_s + limits.refusals_per_relay.per_s
    assert Verdict.CUT not in {pace.judge_stream(RELAY, n / per_s) for n in range(100_000)}
    assert cut_after(pace, FLOOD_PER_S, lambda now_s: pace.judge_stream(RELAY, 1000 + now_s))
