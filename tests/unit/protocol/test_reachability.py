"""Whether others can dial us."""

from __future__ import annotations

from p2pchat.events import ReachabilityChanged
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.route import Path
from p2pchat.model.status import Reachability
from p2pchat.protocol.reachability import (
    AGAIN_S,
    REACHABILITY_TIMER,
    RETRY_S,
    SERVERS_MAX,
    SETTLE_S,
    ReachabilityMachine,
)
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Check,
    Checked,
    CheckFailed,
    GiveAway,
    Gone,
    ObservedAt,
    OwnAddresses,
    Seen,
)
from tests.unit.protocol.people import person

SERVERS = [person(f"server {number}").device.peer_id for number in range(5)]
ONE, TWO, THREE = SERVERS[:3]
HERE = "/ip4/9.9.9.9/tcp/4001"
THERE = "/ip4/9.9.9.9/tcp/4002"
AT_HOME = "/ip4/192.168.0.7/tcp/4001"
DUE = TimerFired(REACHABILITY_TIMER)


def server(peer) -> Seen:
    return Seen(peer, Path.DIRECT, "/ip4/8.8.8.8/tcp/1", is_inbound=False, dials_back=True)


class Script:
    def __init__(self) -> None:
        self.machine = ReachabilityMachine()

    def __call__(self, now_s: float, *inputs: object) -> list:
        now = Now(0, now_s)
        effects = [effect for one in inputs for effect in self.machine.handle(one, now)]
        effects += self.machine.settle(now)
        return [effect for effect in effects if not isinstance(effect, SetTimer)]


def test_the_address_at_which_we_are_seen_is_tried_and_given_away_when_it_works():
    say = Script()
    assert say(0, OwnAddresses((AT_HOME,)), server(ONE), ObservedAt(((ONE, HERE),))) == []
    assert say(SETTLE_S, DUE) == [Check(ONE, (HERE,))]
    assert say(2, Checked(ONE, HERE)) == [
        GiveAway((HERE,)),
        Announce(ReachabilityChanged(Reachability.PUBLIC)),
    ]
    assert say.machine.reachability is Reachability.PUBLIC


def test_behind_a_router_nothing_is_given_away():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    assert say(2, Checked(ONE, None)) == [Announce(ReachabilityChanged(Reachability.NAT))]


def test_the_word_of_one_against_that_of_two():
    say = Script()
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(((ONE, HERE),)))
    assert {effect.server for effect in say(1, DUE)} == {ONE, TWO, THREE}
    say(2, Checked(ONE, HERE))
    assert say.machine.reachability is Reachability.PUBLIC
    say(2, Checked(TWO, None))
    assert say.machine.reachability is Reachability.PUBLIC, "in doubt, what was known before"
    assert say(2, Checked(THREE, None)) == [
        GiveAway(()),
        Announce(ReachabilityChanged(Reachability.NAT)),
    ]


def test_only_public_addresses_are_tried():
    say = Script()
    say(0, OwnAddresses((AT_HOME,)), server(ONE), ObservedAt(((ONE, AT_HOME),)))
    assert say(5, DUE) == []
    assert say.machine.reachability is Reachability.UNKNOWN


def test_an_address_that_one_claims_against_two_is_not_tried():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE), (TWO, THERE), (THREE, HERE))))
    assert say(1, DUE) == [Check(ONE, (HERE,))]


def test_what_one_server_claims_to_have_reached_against_two_is_not_given_away():
    say = Script()
    seen = ((ONE, HERE), (TWO, THERE))
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(seen))
    say(1, DUE)
    say(2, Checked(ONE, HERE), Checked(TWO, THERE), Checked(THREE, HERE))
    assert say.machine.reachability is Reachability.PUBLIC
    assert say.machine._given == (HERE,)


def test_nobody_is_asked_more_often_than_needed():
    say = Script()
    say(0, *map(server, SERVERS), ObservedAt(((ONE, HERE),)))
    asked = say(1, DUE)
    assert len(asked) == SERVERS_MAX
    say(2, *(Checked(check.server, HERE) for check in asked))
    assert say(2 + AGAIN_S - 1, DUE) == []
    again = say(2 + AGAIN_S, DUE)
    assert {check.server for check in again} == {check.server for check in asked}


def test_who_would_not_try_is_asked_later():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    assert say(2, CheckFailed(ONE)) == []
    assert say(2 + RETRY_S - 1, DUE) == []
    assert say(2 + RETRY_S, DUE) == [Check(ONE, (HERE,))]


def test_another_address_is_another_question():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    say(2, Checked(ONE, HERE))
    say(3, ObservedAt(((ONE, THERE),)))
    assert say(3 + SETTLE_S, DUE) == [Check(ONE, (THERE,))]


def test_who_is_gone_is_not_asked_and_its_late_answer_not_taken():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    say(2, Gone(ONE))
    assert say(3, Checked(ONE, HERE)) == []
    assert say.machine.reachability is Reachability.UNKNOWN


def test_a_router_that_keeps_its_mappings_shows_one_port_to_all():
    say = Script()
    say(0, ObservedAt(((ONE, HERE), (TWO, HERE), (THREE, "/ip4/7.7.7.7/tcp/1"))))
    assert say.machine.is_mapping_stable
    say(1, ObservedAt(((ONE, HERE), (TWO, THERE))))
    assert not say.machine.is_mapping_stable
