"""Which relays hold a place for us."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from p2pchat.events import RelayProbed, RelaysDiscovered, RelaysDiscovering, RelaySelected
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.model.route import Path
from p2pchat.protocol.relaying import (
    CHOICE_TIMEOUT_S,
    HELD_MAX,
    PATIENCE_S,
    PROBED_MAX,
    REMEMBERED_MAX,
    RETRY_S_MAX,
    RETRY_S_MIN,
    Relaying,
)
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    ChooseRelays,
    Gone,
    Probe,
    Probed,
    Reservations,
    Reserve,
    Reserved,
    Seen,
)
from tests.unit.protocol.people import person

RELAYS = [person(f"relay {number}").device.peer_id for number in range(PROBED_MAX + 2)]
ONE, TWO, THREE = RELAYS[:3]
HOUR_S = 3600.0
DUE_S = 2 + HOUR_S / 2
"""When a place that was given at 2 s for an hour is to be renewed."""


def at(seconds: float) -> Now:
    return Now(0, seconds)


def seen(peer, *, is_relay=True, is_inbound=False, host="8.8.8.8") -> Seen:
    address = f"/ip4/{host}/tcp/1"
    return Seen(peer, Path.DIRECT, address, is_inbound=is_inbound, is_relay=is_relay)


class Script:
    """Says inputs, and answers what was decided, without timers."""

    def __init__(self) -> None:
        self.machine = Relaying()

    def __call__(self, now_s: float, *inputs: object) -> list:
        now = at(now_s)
        effects = [effect for one in inputs for effect in self.machine.handle(one, now)]
        effects += self.machine.settle(now)
        self.timers = [effect for effect in effects if isinstance(effect, SetTimer)]
        return [effect for effect in effects if not isinstance(effect, SetTimer)]

    def begin(self, latencies: dict) -> list:
        """The first choice among relays that answer in these times, as far as `Reserve`."""
        self(0, *map(seen, latencies))
        self(0, ChooseRelays(7))
        return self(1, *(Probed(peer, latency) for peer, latency in latencies.items()))


def with_a_spare() -> Script:
    """ONE holds a place until it is due, THREE another for days; TWO is a spare."""
    say = Script()
    say.begin({ONE: 0.1, TWO: 0.2, THREE: 0.1})
    say(2, Reserved(ONE, HOUR_S), Reserved(THREE, 100 * HOUR_S))
    return say


def test_the_start_probes_all_and_reserves_at_the_two_fastest_telling_each_step():
    say = Script()
    assert say(0, seen(ONE), seen(TWO), seen(THREE)) == []
    assert say(0, ChooseRelays(7)) == [
        Announce(RelaysDiscovering()),
        Announce(RelaysDiscovered(3)),
        Probe(ONE),
        Probe(TWO),
        Probe(THREE),
    ]
    assert say(1, Probed(ONE, 0.3), Probed(TWO, 0.1)) == []
    address = "/ip4/8.8.8.8/tcp/1"
    assert say(1, Probed(THREE, 0.2)) == [
        Announce(RelayProbed(address, 100.0, selected=True)),
        Reserve(TWO),
        Announce(RelayProbed(address, 200.0, selected=True)),
        Reserve(THREE),
        Announce(RelayProbed(address, 300.0, selected=False)),
    ]
    assert say(1.5, Reserved(TWO, HOUR_S)) == [Reservations(), Announce(RelaySelected(address))]
    assert say(1.5, Reserved(THREE, HOUR_S)) == [Reservations(), Reply(7)]
    assert set(say.machine.held) == {TWO, THREE}


def test_with_no_relay_the_start_is_answered_at_once():
    assert Script()(0, ChooseRelays(7))[-1] == Reply(7)


def test_before_the_start_nothing_is_asked():
    assert Script()(100, seen(ONE)) == []


def test_a_spare_takes_the_place_of_a_relay_that_is_lost():
    say = Script()
    say.begin({ONE: 0.1, TWO: 0.2, THREE: 0.3})
    say(2, Reserved(ONE, HOUR_S), Reserved(TWO, HOUR_S))
    assert say(9, Gone(ONE)) == [Reservations(), Reserve(THREE)]
    say(9, Reserved(THREE, HOUR_S))
    assert set(say.machine.held) == {TWO, THREE}


def test_a_relay_that_serves_no_circuits_any_more_is_let_go():
    say = Script()
    say.begin({ONE: 0.1})
    say(2, Reserved(ONE, HOUR_S))
    assert say(3, seen(ONE, is_relay=False)) == [Reservations()]
    assert say.machine.held == ()


def test_who_comes_later_is_used_while_a_place_is_free_and_silently():
    say = Script()
    say.begin({ONE: 0.1})
    say(2, Reserved(ONE, HOUR_S))
    assert say(50, seen(TWO)) == [Probe(TWO)]
    assert say(51, Probed(TWO, 0.1)) == [Reserve(TWO)]
    assert say(52, Reserved(TWO, HOUR_S)) == [Reservations()]
    assert say(53, seen(THREE)) == [Probe(THREE)]
    assert say(54, Probed(THREE, 0.1)) == [], "two are enough"


def test_a_reservation_is_renewed_at_half_its_time_and_only_once():
    say = Script()
    say.begin({ONE: 0.1})
    say(2, Reserved(ONE, HOUR_S))
    assert say.timers[0].delay_s == HOUR_S / 2
    assert say(2 + HOUR_S / 2 - 1) == []
    assert say(2 + HOUR_S / 2) == [Probe(ONE)]
    assert say(2 + HOUR_S / 2 + 1) == []
    assert say.machine.held == (ONE,)
    assert say(2 + HOUR_S / 2 + 1, Probed(ONE, 0.1)) == [Reserve(ONE)]
    assert say(2 + HOUR_S / 2 + 1) == []
    assert say(2 + HOUR_S / 2 + 2, Reserved(ONE, HOUR_S)) == [Reservations()]


def test_a_place_that_is_due_goes_to_a_spare_that_is_clearly_faster():
    say = Script()
    say.begin({ONE: 0.3, TWO: 0.3})
    say(2, Reserved(ONE, HOUR_S), Reserved(TWO, 2 * HOUR_S))
    assert say(3, seen(THREE)) == [Probe(THREE)], "spares are measured, too"
    assert say(4, Probed(THREE, 0.3)) == []
    assert say(DUE_S) == [Probe(ONE), Probe(THREE)], "and all of them anew"
    assert say(DUE_S, Probed(ONE, 0.3)) == [], "the spare may be better by now"
    assert say(DUE_S, Probed(THREE, 0.01)) == [Reserve(THREE)]
    say(DUE_S, Reserved(THREE, HOUR_S))
    assert set(say.machine.held) == {TWO, THREE}


@pytest.mark.parametrize(
    ("held_s", "spare_s", "chosen"),
    [(0.1, 0.2, ONE), (0.3, 0.2, ONE), (0.9, 0.2, TWO), (None, 0.2, TWO), (None, None, ONE)],
)
def test_what_relays_were_like_hours_ago_does_not_count_when_a_place_is_due(
    held_s, spare_s, chosen
):
    say = with_a_spare()
    assert say(DUE_S) == [Probe(ONE), Probe(TWO)]
    assert reserved(say(DUE_S + 1, Probed(ONE, held_s), Probed(TWO, spare_s))) == [chosen]


def test_a_relay_that_did_not_answer_when_its_place_was_due_is_put_off():
    say = with_a_spare()
    say(DUE_S)
    assert reserved(say(DUE_S + 2, Probed(ONE, None), Probed(TWO, 0.2))) == [TWO]
    assert say(DUE_S + 2, Reserved(TWO, None)) == [Reservations()]
    assert say(DUE_S + 2 + RETRY_S_MIN) == [Probe(ONE), Probe(TWO)]


def test_a_spare_that_never_answers_does_not_keep_a_place_from_being_renewed():
    say = with_a_spare()
    say(DUE_S)
    assert say(DUE_S, Probed(ONE, 0.1)) == []
    assert say.timers[0].delay_s == PATIENCE_S
    assert say(DUE_S + PATIENCE_S) == [Reserve(ONE)]


def test_a_relay_that_is_lost_while_it_is_measured_anew_is_replaced():
    say = with_a_spare()
    say(DUE_S)
    assert say(DUE_S, Gone(ONE)) == [Reservations()]
    assert say(DUE_S, Probed(TWO, 0.2), Probed(ONE, 0.1)) == [Reserve(TWO)]


def test_all_relays_are_measured_at_each_renewal_for_a_day():
    say, latencies, now_s = with_a_spare(), {ONE: 0.1, TWO: 0.2}, DUE_S
    probes, renewals = Counter[PeerId](), Counter[PeerId]()
    while now_s < 24 * HOUR_S:
        asked = [effect.peer for effect in say(now_s) if isinstance(effect, Probe)]
        probes.update(asked)
        renewed = reserved(say(now_s, *(Probed(peer, latencies[peer]) for peer in asked)))
        renewals.update(renewed)
        say(now_s, *(Reserved(peer, HOUR_S) for peer in renewed))
        now_s += say.timers[0].delay_s
    assert probes == {ONE: 47, TWO: 47}
    assert renewals == {ONE: 47}


def test_a_relay_that_refuses_is_asked_ever_less_often():
    say = Script()
    say.begin({ONE: 0.1})
    asked, now_s = [], 2.0
    say(now_s, Reserved(ONE, None))
    while len(asked) < 8:
        now_s += say.timers[0].delay_s
        asked.append(now_s)
        assert say(now_s) == [Probe(ONE)]
        assert say(now_s, Probed(ONE, 0.1)) == [Reserve(ONE)]
        assert say(now_s, Reserved(ONE, None)) == [Reservations()]
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 10.0
    assert pauses[-1] == RETRY_S_MAX


def test_a_relay_that_does_not_answer_is_put_off_and_the_others_are_taken():
    say = Script()
    assert Reserve(TWO) in say.begin({ONE: None, TWO: 0.5})
    assert say(2, Reserved(TWO, HOUR_S))[-1] == Reply(7)
    assert say(2.5) == []
    assert say(1 + 5.0) == [Probe(ONE)]


def test_no_more_relays_are_measured_at_once_than_the_limit():
    say = Script()
    say(0, *map(seen, RELAYS))
    probes = [effect for effect in say(0, ChooseRelays(1)) if isinstance(effect, Probe)]
    assert len(probes) == PROBED_MAX
    rest = say(1, *(Probed(probe.peer, 0.1) for probe in probes))
    assert len([effect for effect in rest if isinstance(effect, Probe)]) == 2
    chosen = say(2, *(Probed(peer, 0.1) for peer in RELAYS[PROBED_MAX:]))
    assert len([effect for effect in chosen if isinstance(effect, Reserve)]) == HELD_MAX


def test_answers_that_nobody_waits_for_change_nothing():
    say = Script()
    say.begin({ONE: 0.1})
    say(2, Reserved(ONE, HOUR_S))
    assert say(3, Probed(ONE, None), Probed(TWO, 0.1), Reserved(TWO, HOUR_S)) == []
    assert say.machine.held == (ONE,)


# Relays that mean ill


def stranger(number: int):
    return DeviceId(number.to_bytes(32, "big")).peer_id


def flapping(now_s: float) -> list[object]:
    """Relays by claim, each there for as long as two others: somebody is always being measured."""
    number = int(now_s * 10)
    return [seen(stranger(number)), *([Gone(stranger(number - 3))] if number >= 3 else [])]


def reserved(effects) -> list:
    return [effect.peer for effect in effects if isinstance(effect, Reserve)]


def test_relays_that_come_and_go_unmeasured_do_not_hold_up_the_choice():
    say = Script()
    say(0, seen(ONE), *flapping(0), ChooseRelays(7))
    assert say(0.1, Probed(ONE, 0.1), *flapping(0.1))[:1] != [Reserve(ONE)], "others may be faster"
    effects = []
    for tenth in range(2, 60):
        effects += say(tenth / 10, *flapping(tenth / 10))
        if reserved(effects) and not say.machine.held:
            assert tenth / 10 <= 0.1 + PATIENCE_S + 0.1
            effects += say(tenth / 10, Reserved(ONE, HOUR_S))
    assert say.machine.held == (ONE,)
    assert effects.count(Reply(7)) == 1


def test_where_all_only_claim_to_be_relays_the_start_is_answered_in_time():
    say = Script()
    say(0, *flapping(0), ChooseRelays(7))
    effects = []
    for tenth in range(1, int(CHOICE_TIMEOUT_S * 10) + 1):
        assert Reply(7) not in effects
        effects += say(tenth / 10, *flapping(tenth / 10))
    assert Reply(7) in effects
    assert reserved(effects) == []


def test_a_timer_ends_the_patience_with_those_that_are_measured():
    say = Script()
    say(0, seen(ONE), seen(TWO), ChooseRelays(7))
    assert say(0.5, Probed(ONE, 0.5)) == []
    assert say.timers[0].delay_s == PATIENCE_S
    assert reserved(say(0.5 + PATIENCE_S)) == [ONE]


def test_a_lost_relay_is_replaced_at_once_while_others_are_being_measured():
    say = Script()
    say.begin({ONE: 0.1, TWO: 0.2, THREE: 0.3})
    say(2, Reserved(ONE, HOUR_S), Reserved(TWO, HOUR_S))
    say(30, *flapping(30))
    assert reserved(say(30, Gone(ONE))) == [THREE]


def test_who_does_not_answer_for_a_place_has_none_and_what_is_too_much_lapses():
    say = Script()
    assert reserved(say.begin({ONE: 0.1, TWO: 0.2, THREE: 0.3, RELAYS[3]: 0.4})) == [ONE, TWO]
    assert say.timers[0].delay_s == PATIENCE_S
    assert reserved(say(1 + PATIENCE_S)) == [THREE, RELAYS[3]]
    say(3, Reserved(THREE, HOUR_S), Reserved(RELAYS[3], HOUR_S), Reserved(TWO, HOUR_S))
    assert set(say.machine.held) == {THREE, RELAYS[3]}
    assert reserved(say(4, Gone(THREE))) == [TWO], "it is known to be good"


def test_a_relay_that_refused_is_not_asked_sooner_for_having_left_meanwhile():
    say = Script()
    say.begin({ONE: 0.1})
    say(2, Reserved(ONE, None))
    say(3, Gone(ONE))
    assert say(3, seen(ONE)) == []
    assert say(2 + RETRY_S_MIN - 0.1) == []
    assert say(2 + RETRY_S_MIN) == [Probe(ONE)]
    say(8, Probed(ONE, None))
    assert say.timers[0].delay_s == 2 * RETRY_S_MIN, "nor is it forgotten how often it did"


@pytest.mark.parametrize("answer", [(), (Probed(ONE, 0.1),)])
def test_a_relay_that_leaves_instead_of_answering_is_not_asked_the_moment_it_is_back(answer):
    say = Script()
    say(0, seen(ONE), ChooseRelays(7))
    say(1, *answer)
    assert say(2, Gone(ONE), seen(ONE)) in ([], [Reply(7)])
    assert say(2 + RETRY_S_MIN)[:1] == [Probe(ONE)]


def test_no_more_relays_are_remembered_than_the_limit_the_newest():
    say = Script()
    say(0, ChooseRelays(7), seen(ONE))
    say(1, Gone(ONE))
    for number in range(REMEMBERED_MAX):
        assert say(1, seen(stranger(number))) == [Probe(stranger(number))]
        say(1, Gone(stranger(number)))
    assert say(1, seen(ONE)) == [Probe(ONE)], "its refusal is forgotten"
    assert say(1, seen(stranger(1))) == []


def test_relays_that_called_us_are_measured_and_chosen_after_those_that_we_dialled():
    say = Script()
    *callers, dialled = RELAYS
    say(0, *(seen(peer, is_inbound=True) for peer in callers), seen(dialled))
    probed = [one.peer for one in say(0, ChooseRelays(1)) if isinstance(one, Probe)]
    assert probed == [dialled, *callers[: PROBED_MAX - 1]]
    say(1, *(Probed(peer, 0.01) for peer in probed[1:]), Probed(dialled, 0.9))
    assert reserved(say(1 + PATIENCE_S))[0] == dialled


def test_the_second_relay_stands_in_another_network_where_there_is_a_choice():
    say = Script()
    hosts = {ONE: "8.8.8.1", TWO: "8.8.8.2", THREE: "8.8.9.1"}
    say(0, *(seen(peer, host=host) for peer, host in hosts.items()), ChooseRelays(7))
    answers = [Probed(ONE, 0.1), Probed(TWO, 0.2), Probed(THREE, 0.3)]
    assert reserved(say(1, *answers)) == [ONE, THREE]
    say(2, Reserved(ONE, HOUR_S), Reserved(THREE, HOUR_S))
    assert reserved(say(3, Gone(THREE))) == [TWO], "where there is none one network will do"


def test_relays_of_this_lan_count_as_different_networks():
    say = Script()
    hosts = {ONE: "192.168.1.1", TWO: "192.168.1.2", THREE: "8.8.9.1"}
    say(0, *(seen(peer, host=host) for peer, host in hosts.items()), ChooseRelays(7))
    answers = [Probed(ONE, 0.1), Probed(TWO, 0.2), Probed(THREE, 0.3)]
    assert reserved(say(1, *answers)) == [ONE, TWO]
