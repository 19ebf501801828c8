"""Quotas as a script: who asks for what when, and what is refused."""

from __future__ import annotations

from contextlib import ExitStack, suppress

import pytest

from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.options import CircuitLimits
from p2pchat.net.libp2p.quotas import (
    BURST_S,
    CALLED,
    CALLED_FROM,
    CHARGE_BYTES,
    CIRCUITS_PER_PAIR_MAX,
    OverQuota,
    Quotas,
)

ADDRESS = "8.8.8.8"


def peer(number: int):
    return DeviceId(number.to_bytes(32, "big")).peer_id


ALICE, BOB, CAROL = map(peer, range(3))


def quotas(**limits) -> Quotas:
    return Quotas(CircuitLimits(**limits))


def refusal(act, *arguments) -> str:
    with pytest.raises(OverQuota) as caught:
        act(*arguments)
    return caught.value.total


def test_a_relay_has_so_many_places_and_a_refreshed_one_is_not_another():
    relay = quotas(reservations_max=2)
    relay.reserve(ALICE, None, 0.0)
    relay.reserve(BOB, None, 0.0)
    assert refusal(relay.reserve, CAROL, None, 0.0) == "reservations_refused_full_total"
    relay.reserve(ALICE, None, 1.0)
    assert relay.reservations == 2
    relay.release(BOB)
    relay.reserve(CAROL, None, 1.0)


def test_one_public_address_gets_some_of_them_and_others_get_theirs():
    relay = quotas(reservations_per_address_max=2)
    relay.reserve(ALICE, ADDRESS, 0.0)
    relay.reserve(BOB, ADDRESS, 0.0)
    assert refusal(relay.reserve, CAROL, ADDRESS, 0.0) == "reservations_refused_address_total"
    relay.reserve(CAROL, "1.1.1.1", 0.0)
    relay.reserve(ALICE, ADDRESS, 1.0)


def test_a_thousand_reservations_of_one_address_leave_room_for_a_thousand_others():
    relay, most = quotas(), CircuitLimits().reservations_per_address_max
    refused = 0
    for number in range(1_000):
        try:
            relay.reserve(peer(number), ADDRESS, 0.0)
        except OverQuota:
            refused += 1
    assert (relay.reservations, refused) == (most, 1_000 - most)


def test_one_customer_of_a_provider_takes_no_more_whatever_it_has_of_ipv6():
    relay, most = quotas(), CircuitLimits().reservations_per_address_max
    assert reserved(relay, [f"2a02:8071:1234:56{net:02x}::1" for net in range(256)], 4) == most
    relay.reserve(ALICE, ADDRESS, 0.0)


def test_who_has_a_site_leaves_most_of_a_relay_to_others():
    """A /48, which hosters give to whoever asks for it, has 256 /56."""
    relay, most = quotas(), CircuitLimits().reservations_max
    taken = reserved(relay, [f"2a02:8071:1234:{net:02x}00::1" for net in range(256)], 64)
    assert taken == most // 9
    hosts = [f"9.9.{n // 256}.{n % 256}" for n in range(most)]
    assert reserved(relay, hosts, 1) == most - taken, "one each, to the last place"


def test_few_places_are_taken_by_the_first_of_each_address():
    relay = quotas(reservations_max=2)
    relay.reserve(ALICE, ADDRESS, 0.0)
    assert refusal(relay.reserve, BOB, ADDRESS, 0.0) == "reservations_refused_address_total"
    relay.reserve(BOB, "1.1.1.1", 0.0)
    relay.release(ALICE)
    relay.reserve(CAROL, ADDRESS, 0.0)


def test_who_renews_from_elsewhere_is_counted_there():
    relay, most = quotas(), 64
    people = [peer(number) for number in range(200)]
    for number, one in enumerate(people):
        relay.reserve(one, f"9.9.9.{number}", 0.0)
    moved = 0
    for one in people:
        with suppress(OverQuota):
            relay.reserve(one, ADDRESS, 100.0)
            moved += 1
    assert moved == most
    relay.reserve(people[0], ADDRESS, 200.0)
    assert relay.reservations == 200, "who was refused keeps its place for the time it was given"
    relay.expire(CircuitLimits().reservation_s)
    assert relay.reservations == most


def test_a_place_that_ends_is_for_others_of_the_same_site():
    relay = quotas(reservation_s=10)
    hosts = [f"2a02:8071:1234:{net:02x}00::1" for net in range(3)]
    first = reserved(relay, hosts, 64)
    relay.expire(10.0)
    assert relay.reservations == 0
    assert reserved(relay, hosts, 64) == first


def reserved(relay: Quotas, hosts: list[str], each: int) -> int:
    """How many places somebody gets who has these addresses and as many keys as it likes."""
    before, first = relay.reservations, 1000 + len(hosts) * each
    for number, host in enumerate(hosts):
        for n in range(each):
            with suppress(OverQuota):
                relay.reserve(peer(first + number * each + n), host, 0.0)
    return relay.reservations - before


def test_addresses_that_households_share_are_not_counted():
    relay = quotas(reservations_per_address_max=1)
    for number in range(100):
        relay.reserve(peer(number), None, 0.0)
    assert relay.reservations == 100


def test_reservations_end_in_time():
    relay = quotas(reservation_s=10)
    relay.reserve(ALICE, None, 0.0)
    relay.reserve(BOB, None, 5.0)
    assert relay.holds(ALICE, 9.9)
    assert not relay.holds(ALICE, 10.0)
    relay.expire(9.9)
    assert relay.reservations == 2
    relay.expire(10.0)
    assert relay.reservations == 1
    relay.release(BOB)
    assert not relay.holds(BOB, 9.9)


def test_who_asks_too_often_waits_and_others_do_not():
    relay = quotas(requests_per_peer_s=2)
    for _ in range(int(2 * BURST_S)):
        relay.require_pace(ALICE, 0.0)
    assert refusal(relay.require_pace, ALICE, 0.0) == "relaying_refused_pace_total"
    relay.require_pace(BOB, 0.0)
    relay.require_pace(ALICE, 0.5)


def test_circuits_are_bounded_in_all_for_each_caller_target_and_pair():
    relay = quotas(circuits_max=6, circuits_per_peer_max=5)

    def call(caller, target) -> str | None:
        try:
            held.enter_context(relay.call(caller, target, None, 0.0))
            held.enter_context(relay.place())
        except OverQuota as refused:
            return refused.total
        return None

    with ExitStack() as held:
        for _ in range(CIRCUITS_PER_PAIR_MAX):
            assert call(ALICE, BOB) is None
        assert call(ALICE, BOB) == "circuits_refused_peer_total"
        assert call(ALICE, CAROL) is None
        assert call(ALICE, peer(7)) == "circuits_refused_peer_total"
        assert call(BOB, ALICE) is None
        assert call(CAROL, BOB) == "circuits_refused_full_total"
        assert relay.circuits == 6
    assert relay.circuits == 0
    with relay.call(ALICE, BOB, None, 0.0), relay.place():
        assert relay.circuits == 1


def test_one_public_address_dials_some_of_the_circuits_however_many_keys_it_has():
    relay = quotas(circuits_per_address_max=2)

    def call(number: int, source: str | None) -> None:
        held.enter_context(relay.call(peer(number), peer(number + 100), source, 0.0))

    with ExitStack() as held:
        call(1, ADDRESS)
        call(2, ADDRESS)
        assert refusal(call, 3, ADDRESS) == "circuits_refused_address_total"
        call(3, "1.1.1.1")
        call(4, None)
        call(5, None)
        call(6, None)
    with ExitStack() as held:
        call(1, ADDRESS)
        call(2, ADDRESS)


def test_bytes_are_held_back_to_a_pace():
    relay = quotas(peer_bytes_per_s=1_000)
    assert relay.spend(ALICE, 1_000, 0.0) == 0
    assert relay.spend(ALICE, 500, 0.0) == 0.5
    assert relay.spend(BOB, 500, 0.0) == 0
    assert relay.spend(ALICE, 500, 2.0) == 0


def test_bytes_within_a_window_are_bounded_and_come_back():
    most = 10 * CHARGE_BYTES
    relay = quotas(peer_bytes_max=most, peer_bytes_window_s=10, peer_bytes_per_s=most)
    relay.spend(ALICE, most, 0.0)
    assert refusal(relay.spend, ALICE, 1, 0.0) == "circuits_spent_total"
    assert refusal(relay.call(ALICE, BOB, None, 0.0).__enter__) == "circuits_refused_bytes_total"
    with relay.call(BOB, ALICE, None, 0.0):
        relay.spend(BOB, most - CHARGE_BYTES, 0.0)
    with relay.call(ALICE, BOB, None, 1.0):
        pass


def test_many_callers_together_call_one_peer_no_faster_than_it_takes():
    relay = quotas()

    def call(caller: int, now_s: float) -> None:
        with relay.call(peer(caller), ALICE, None, now_s):
            pass

    for number in range(int(CALLED.burst)):
        call(number + 10, 0.0)
    assert refusal(call, 9, 0.0) == "circuits_refused_pace_total"
    call(9, 1 / CALLED.per_s)
    with relay.call(CAROL, BOB, None, 0.0):
        pass  # others are called as before


@pytest.mark.parametrize(("source", "keys"), [(ADDRESS, 10), (None, 1)])
def test_who_calls_a_peer_without_end_does_not_make_it_uncallable_for_others(source, keys):
    relay, carried, tenths = quotas(), 0, 200

    def call(caller, source: str | None, now_s: float) -> None:
        with relay.call(caller, ALICE, source, now_s):
            pass

    for tenth in range(tenths):
        for number in range(10, 20):
            with suppress(OverQuota):
                call(peer(10 + number % keys), source, tenth / 10)
                carried += 1
        if tenth % 10 == 0:
            call(BOB, "1.1.1.1", tenth / 10)
    assert carried <= CALLED_FROM.burst + CALLED_FROM.per_s * tenths / 10


@pytest.mark.parametrize(
    ("host", "machines"),
    [("2a00:1:2:3{:02x}::1", 60), ("192.168.1.7", 60), ("fd00::{:x}", 60), ("8.8.8.{}", 60)],
    ids=["one /56", "keys at a private address", "one private network", "sixty sources"],
)
def test_whoever_calls_now_and_then_gets_through_to_a_peer_that_many_call_without_end(
    host, machines
):
    relay, refused = quotas(), 0

    def call(caller: int, source: str, now_s: float) -> bool:
        try:
            with relay.call(peer(caller), ALICE, source, now_s):
                return True
        except OverQuota:
            return False

    for second in range(60):
        for half in (0.0, 0.5):
            for number in range(machines):
                call(1_000 + number, host.format(number), second + half)
        refused += not call(second, f"9.9.{second}.9", second + 0.5)
    assert refused == 0


def test_a_source_that_calls_most_leaves_turns_to_one_that_called_less():
    relay, most = quotas(), 100

    def calls(caller: int, source: str) -> int:
        carried = 0
        for _ in range(most):
            with suppress(OverQuota), relay.call(peer(caller), ALICE, source, 0.0):
                carried += 1
        return carried

    greedy = [calls(100 + number, f"8.8.8.{number}") for number in range(8)]
    assert CALLED.burst / 2 < sum(greedy) < CALLED.burst
    assert calls(100, "8.8.8.0") == 0
    assert calls(1, "9.9.9.9") > 0


def test_calls_refused_for_the_sake_of_their_caller_are_not_counted_for_the_one_called():
    most = 10 * CHARGE_BYTES
    relay = quotas(peer_bytes_max=most, peer_bytes_per_s=most)
    relay.spend(ALICE, most, 0.0)
    for number in range(int(2 * CALLED.burst)):
        source = f"8.8.8.{number}"
        refused = refusal(relay.call(ALICE, BOB, source, 0.0).__enter__)
        assert refused == "circuits_refused_bytes_total"
    with relay.call(CAROL, BOB, ADDRESS, 0.0):
        pass
