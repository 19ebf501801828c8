"""Askers as a script: who wants to be dialled when, and who is refused."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.autonat import (
    ASKERS_MAX,
    ASKERS_PER_ADDRESS_MAX,
    DIAL_TIMEOUT_S,
    REQUESTS_PER_ADDRESS,
    Askers,
    Busy,
)


def peer(number: int):
    return DeviceId(number.to_bytes(32, "big")).peer_id


def refused(askers: Askers, number: int, host: str, now_s: float) -> bool:
    try:
        with askers.served(peer(number), host, now_s):
            return False
    except Busy:
        return True


@pytest.mark.parametrize("host", ["8.8.8.8", "10.0.0.7", "2a00:1:2:3{:02x}::1", "fd00::{:x}"])
def test_keys_at_one_address_hold_no_place_that_others_need(host):
    """Forty-eight of them, each with ports that are silent, one after another for a while."""
    askers, failed = Askers(), 0
    with ExitStack() as held:
        for second in range(200):
            if second % int(DIAL_TIMEOUT_S) == 0:
                held.close()
            for number in range(48):
                asks = askers.served(peer(1_000 + number), host.format(number), second)
                with suppress(Busy):
                    held.enter_context(asks)
            failed += refused(askers, second, f"9.9.{second}.9", second)
    assert failed == 0


def test_few_are_dialled_for_at_once_and_a_place_comes_back():
    askers = Askers()
    with ExitStack() as held:
        for number in range(ASKERS_MAX):
            host = f"8.8.8.{number // ASKERS_PER_ADDRESS_MAX}"
            held.enter_context(askers.served(peer(number), host, 0.0))
        assert refused(askers, 99, "9.9.9.9", 0.0)
    assert not refused(askers, 99, "9.9.9.9", 0.0)


def test_those_at_one_address_are_dialled_now_and_then_only():
    askers, most = Askers(), int(REQUESTS_PER_ADDRESS.burst)
    assert not any(refused(askers, number, "8.8.8.8", 0.0) for number in range(most))
    assert refused(askers, 99, "8.8.8.8", 0.0)
    assert not refused(askers, 99, "8.8.4.4", 0.0)
    assert not refused(askers, 98, "8.8.8.8", 1 / REQUESTS_PER_ADDRESS.per_s)


def test_who_was_refused_for_the_others_at_its_address_has_spent_nothing_there():
    askers = Askers()
    with ExitStack() as held:
        for number in range(ASKERS_PER_ADDRESS_MAX):
            held.enter_context(askers.served(peer(number), "8.8.8.8", 0.0))
        assert all(refused(askers, 99, "8.8.8.8", 0.0) for _ in range(10))
    assert not refused(askers, 99, "8.8.8.8", 0.0)
