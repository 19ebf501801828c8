"""Which relays hold a place for us."""

from __future__ import annotations

from itertools import pairwise

from p2pchat.events import RelayProbed, RelaysDiscovered, RelaysDiscovering, RelaySelected
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.model.route import Path
from p2pchat.protocol.relaying import HELD_MAX, PROBED_MAX, RETRY_S_MAX, Relaying
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


def at(seconds: float) -> Now:
    return Now(0, seconds)


def seen(peer, *, is_relay=True) -> Seen:
    return Seen(peer, Path.DIRECT, "/ip4/8.8.8.8/tcp/1", is_inbound=False, is_relay=is_relay)


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
    assert say(2, Reserved(TWO, HOUR_S)) == [Reservations(), Announce(RelaySelected(address))]
    assert say(2, Reserved(THREE, HOUR_S)) == [Reservations(), Reply(7)]
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
    assert say(2 + HOUR_S / 2) == [Reserve(ONE)]
    assert say(2 + HOUR_S / 2 + 1) == []
    assert say(2 + HOUR_S / 2 + 2, Reserved(ONE, HOUR_S)) == [Reservations()]


def test_a_place_that_is_due_goes_to_a_spare_that_is_clearly_faster():
    say = Script()
    say.begin({ONE: 0.3, TWO: 0.3})
    say(2, Reserved(ONE, HOUR_S), Reserved(TWO, 2 * HOUR_S))
    assert say(3, seen(THREE)) == [Probe(THREE)], "spares are measured, too"
    assert say(4, Probed(THREE, 0.01)) == []
    assert say(2 + HOUR_S / 2) == [Reserve(THREE)], "the place of the slower one is not renewed"
    say(2 + HOUR_S / 2, Reserved(THREE, HOUR_S))
    assert set(say.machine.held) == {TWO, THREE}


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
