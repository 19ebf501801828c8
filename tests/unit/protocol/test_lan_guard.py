"""What strangers on a LAN may cost, as scripts: everybody together, and each."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import count

from p2pchat.model.ids import DeviceId
from p2pchat.protocol.lan_guard import (
    ANSWERS,
    CLOCK_REPORTS,
    CLOCK_REPORTS_OF_ALL,
    DATAGRAMS,
    HURRIES,
    RETURNS,
    SOURCE_ANSWERS,
    SOURCES_MAX,
    LanPaces,
)

FIRST = IPv4Address("10.0.0.1")


def peer(number: int):
    return DeviceId(number.to_bytes(32, "big")).peer_id


def granted(asks) -> int:
    """How many are granted until the first that is not."""
    return next(number for number, may in enumerate(asks) if not may)


def test_datagrams_of_many_sources_together_keep_a_pace():
    paces = LanPaces(0.0)
    assert granted(paces.may_speak(FIRST + n, 0.0) for n in count()) == DATAGRAMS.burst
    assert granted(paces.may_speak(FIRST + n, 1.0) for n in count()) == DATAGRAMS.per_s


def test_questions_of_many_sources_together_are_answered_at_a_pace():
    paces = LanPaces(0.0)
    assert granted(paces.may_be_answered(FIRST + n, 0.0) for n in count()) == ANSWERS.burst
    assert granted(paces.may_be_answered(FIRST + n, 1.0) for n in count()) == ANSWERS.per_s


def test_one_source_is_answered_at_a_pace_of_its_own():
    paces = LanPaces(0.0)
    assert granted(paces.may_be_answered(FIRST, 0.0) for _ in count()) == SOURCE_ANSWERS.burst
    assert paces.may_be_answered(FIRST + 1, 0.0)
    assert granted(paces.may_be_answered(FIRST, 1.0) for _ in count()) == SOURCE_ANSWERS.per_s


def test_a_heartbeat_is_brought_forward_now_and_then_only():
    paces = LanPaces(0.0)
    assert granted(paces.may_hurry(0.0) for _ in count()) == HURRIES.burst
    assert not paces.may_hurry(0.9 / HURRIES.per_s)
    assert paces.may_hurry(1 / HURRIES.per_s)


def test_one_clock_that_differs_is_told_of_now_and_then_only():
    paces = LanPaces(0.0)
    assert granted(paces.may_differ(peer(1), 0.0) for _ in count()) == CLOCK_REPORTS.burst
    assert not paces.may_differ(peer(1), 0.9 / CLOCK_REPORTS.per_s)
    assert paces.may_differ(peer(1), 1 / CLOCK_REPORTS.per_s)


def test_the_clocks_of_many_peers_together_are_told_of_at_a_pace():
    paces = LanPaces(0.0)
    most = CLOCK_REPORTS_OF_ALL
    assert granted(paces.may_differ(peer(n), 0.0) for n in count()) == most.burst
    assert granted(paces.may_differ(peer(1000 + n), 1.0) for n in count()) == most.per_s


def test_the_pace_of_the_peer_heard_of_longest_ago_is_forgotten():
    paces = LanPaces(0.0)
    assert granted(paces.may_return(peer(0), FIRST, 0.0) for _ in count()) == RETURNS.burst
    for number in range(1, SOURCES_MAX):
        paces.may_return(peer(number), FIRST, 0.0)
    assert not paces.may_return(peer(0), FIRST, 0.0)
    for number in range(1, SOURCES_MAX + 1):
        paces.may_return(peer(number), FIRST, 0.0)
    assert paces.may_return(peer(0), FIRST, 0.0)
