"""Whether others can dial us."""

from __future__ import annotations

from p2pchat.events import ReachabilityChanged
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.route import Path
from p2pchat.model.status import Reachability
from p2pchat.protocol.reachability import (
    AGAIN_S,
    CANDIDATES_MAX,
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

SERVERS = [person(f"server {number}").device.peer_id for number in range(6)]
ONE, TWO, THREE, FOUR = SERVERS[:4]
HERE = "/ip4/9.9.9.9/tcp/4001"
THERE = "/ip4/9.9.9.9/tcp/4002"
AT_HOME = "/ip4/192.168.0.7/tcp/4001"
DUE = TimerFired(REACHABILITY_TIMER)


VICTIM = "/ip4/7.7.7.7/tcp/4001"


def server(peer, *, host=None, is_inbound=False, dials_back=True) -> Seen:
    """Each at an address of its own, unless told otherwise."""
    address = f"/ip4/{host or f'8.8.8.{SERVERS.index(peer) + 1}'}/tcp/1"
    return Seen(peer, Path.DIRECT, address, is_inbound=is_inbound, dials_back=dials_back)


def client(peer) -> Seen:
    """It says where it sees us, and dials nobody."""
    return server(peer, dials_back=False)


class Script:
    def __init__(self) -> None:
        self.machine = ReachabilityMachine()

        self.timer_s: float | None = None
        """For how long nothing is to be done, as it was told last."""

    def __call__(self, now_s: float, *inputs: object) -> list:
        now = Now(0, now_s)
        effects = [effect for one in inputs for effect in self.machine.handle(one, now)]
        effects += self.machine.settle(now)
        timers = [effect.delay_s for effect in effects if isinstance(effect, SetTimer)]
        self.timer_s = timers[-1] if timers else None
        return [effect for effect in effects if not isinstance(effect, SetTimer)]

    @property
    def given(self) -> tuple[str, ...]:
        return self.machine._given


def asked(effects: list) -> list:
    return [effect.server for effect in effects if isinstance(effect, Check)]


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
    assert asked(say(1, DUE)) == [ONE, TWO, THREE]
    say(2, Checked(ONE, HERE))
    assert say.machine.reachability is Reachability.UNKNOWN, "two have not answered yet"
    assert say.machine.is_undecided
    say(2, Checked(TWO, None))
    assert say.machine.reachability is Reachability.UNKNOWN
    assert say(2, Checked(THREE, None)) == [Announce(ReachabilityChanged(Reachability.NAT))]
    assert not say.machine.is_undecided


def test_two_of_three_need_not_wait_for_the_third():
    say = Script()
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    say(2, Checked(ONE, HERE))
    assert GiveAway((HERE,)) in say(2, Checked(TWO, HERE))
    assert say(3, Checked(THREE, None)) == []


def test_only_public_addresses_are_tried():
    say = Script()
    say(0, OwnAddresses((AT_HOME,)), server(ONE), ObservedAt(((ONE, AT_HOME),)))
    assert say(5, DUE) == []
    assert say.machine.reachability is Reachability.UNKNOWN


def test_an_address_that_one_claims_against_two_is_not_tried():
    say = Script()
    seen = ObservedAt(((ONE, HERE), (TWO, THERE), (THREE, HERE)))
    say(0, server(ONE), client(TWO), client(THREE), seen)
    assert say(1, DUE) == [Check(ONE, (HERE,))]


def test_what_one_server_claims_to_have_reached_against_two_is_not_given_away():
    say = Script()
    seen = ((ONE, HERE), (TWO, THERE))
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(seen))
    say(1, DUE)
    say(2, Checked(ONE, HERE), Checked(TWO, THERE), Checked(THREE, HERE))
    assert say.machine.reachability is Reachability.PUBLIC
    assert say.machine._given == (HERE,)


# Liars


def test_one_honest_observer_and_a_liar_who_dials_back_give_nothing_away():
    say = Script()
    say(0, client(ONE), server(TWO), ObservedAt(((ONE, HERE), (TWO, VICTIM))))
    say(1, DUE)
    assert say(2, Checked(TWO, VICTIM)) == []
    assert say.machine.reachability is Reachability.UNKNOWN


def test_one_honest_server_and_a_liar_give_nothing_away_whoever_answers_first():
    for first, second in (((ONE, HERE), (TWO, VICTIM)), ((TWO, VICTIM), (ONE, HERE))):
        say = Script()
        say(0, server(ONE), server(TWO), ObservedAt(((ONE, HERE), (TWO, VICTIM))))
        say(1, DUE)
        assert say(2, Checked(*first)) == []
        assert say(3, Checked(*second)) == []


def test_a_liar_whom_nobody_contradicts_needs_the_word_of_more_than_half():
    say = Script()
    say(0, server(ONE), server(TWO), ObservedAt(((TWO, VICTIM),)))
    say(1, DUE)
    assert say(2, Checked(TWO, VICTIM)) == [], "the other one was asked, too"
    assert say(3, Checked(ONE, None)) == []
    assert say.machine.reachability is Reachability.UNKNOWN


def test_many_keys_at_one_address_have_one_voice():
    say = Script()
    crowd = [server(peer, host="6.6.6.6") for peer in SERVERS[1:]]
    seen = tuple((peer, VICTIM) for peer in SERVERS[1:])
    say(0, server(ONE), *crowd, ObservedAt(((ONE, HERE), *seen)))
    assert asked(say(1, DUE)) == [ONE, TWO]
    assert say(2, Checked(TWO, VICTIM), Checked(ONE, HERE)) == []
    assert say.machine.is_mapping_stable


def test_what_was_given_away_rests_on_no_more_than_what_others_say():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, VICTIM),)))
    say(1, DUE)
    assert GiveAway((VICTIM,)) in say(2, Checked(ONE, VICTIM)), "there was nobody else"
    say(3, OwnAddresses((VICTIM, AT_HOME)))
    say(4, server(TWO), server(THREE), ObservedAt(((ONE, VICTIM), (TWO, HERE), (THREE, HERE))))
    assert say.given == ()


def test_who_called_us_is_not_asked_to_dial_back():
    say = Script()
    say(0, server(ONE, is_inbound=True), client(TWO), ObservedAt(((TWO, HERE),)))
    assert say(1, DUE) == []
    say(1, server(ONE))
    assert asked(say(2, server(ONE, is_inbound=True))) == [ONE], "we called each other"


def test_neighbours_in_our_own_network_have_no_voice():
    say = Script()
    neighbours = SERVERS[3:]
    near = [server(peer, host=f"192.168.0.{n}") for n, peer in enumerate(neighbours, 10)]
    honest = map(server, (ONE, TWO, THREE))
    lies = tuple((peer, VICTIM) for peer in neighbours)
    say(0, *near, *honest, ObservedAt((*lies, (ONE, HERE))))
    assert say(1, DUE) == [Check(one, (HERE,)) for one in (ONE, TWO, THREE)]


def test_who_has_moved_into_our_own_network_is_asked_no_longer():
    say = Script()
    say(0, server(ONE), client(TWO), ObservedAt(((TWO, HERE),)))
    say(0.5, server(ONE, host="192.168.0.9"))
    assert say(1, DUE) == []


def test_a_voice_that_falls_silent_loses_its_vote():
    say = Script()
    say(0, server(ONE), server(TWO), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    assert say(2, Checked(ONE, HERE)) == []
    assert GiveAway((HERE,)) in say(16, CheckFailed(TWO))


def test_own_addresses_need_no_vote_and_are_not_given_away():
    say = Script()
    say(0, server(ONE), server(TWO), OwnAddresses((HERE,)), ObservedAt(((TWO, VICTIM),)))
    say(1, DUE)
    effects = say(2, Checked(ONE, HERE), Checked(TWO, HERE))
    assert effects == [Announce(ReachabilityChanged(Reachability.PUBLIC))]


# When to ask


def test_nobody_is_asked_more_often_than_needed():
    say = Script()
    say(0, *map(server, SERVERS), ObservedAt(((ONE, HERE),)))
    first = asked(say(1, DUE))
    assert len(first) == SERVERS_MAX
    say(2, *(Checked(one, HERE) for one in first))
    assert say.timer_s == AGAIN_S, "others are of no use"
    assert say(2 + AGAIN_S - 1, DUE) == []
    assert asked(say(2 + AGAIN_S, DUE)) == first


def test_another_takes_the_place_of_who_is_gone_or_would_not_try_again():
    say = Script()
    say(0, *map(server, SERVERS), ObservedAt(((TWO, HERE),)))
    assert asked(say(1, DUE)) == [ONE, TWO, THREE]
    say(2, *(Checked(one, HERE) for one in (ONE, TWO, THREE)))
    assert asked(say(3, Gone(ONE))) == [FOUR]
    say(4, Checked(FOUR, HERE))
    assert asked(say(2 + AGAIN_S, DUE)) == [TWO, THREE]
    assert asked(say(903, CheckFailed(TWO), Checked(THREE, HERE))) == [SERVERS[4]]
    assert say.given == (HERE,)


def test_a_mapping_that_died_is_noticed_and_given_away_no_longer():
    say = Script()
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    say(2, *(Checked(one, HERE) for one in (ONE, TWO, THREE)))
    say(2 + AGAIN_S, DUE)
    say(903, Checked(ONE, None))
    assert say.given == (HERE,)
    assert GiveAway(()) in say(904, Checked(TWO, None))


def test_what_is_given_away_stays_while_the_same_is_asked_again():
    say = Script()
    say(0, *map(server, (ONE, TWO, THREE)), ObservedAt(((ONE, HERE), (TWO, HERE))))
    say(1, DUE)
    say(2, *(Checked(one, HERE) for one in (ONE, TWO, THREE)))
    tie = ObservedAt(((ONE, HERE), (TWO, THERE)))
    assert say(3, tie) == [], "another question"
    assert say(4, DUE) == [Check(one, (HERE, THERE)) for one in (ONE, TWO, THREE)]
    assert say(5, ObservedAt(())) == [], "nobody says where we are"
    assert say.given == (HERE,)
    assert GiveAway(()) in say(6, ObservedAt(((ONE, VICTIM),))), "we are somewhere else"


def test_an_answer_to_an_old_question_is_none_to_the_new_one():
    say = Script()
    say(0, server(ONE), ObservedAt(((ONE, HERE),)))
    say(1, DUE)
    say(2, ObservedAt(((ONE, THERE),)))
    assert say(3, Checked(ONE, None)) == []
    assert say.machine.reachability is Reachability.UNKNOWN
    assert say(4, DUE) == [Check(ONE, (THERE,))]


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


def test_one_who_sees_another_port_may_lie_and_two_do_not():
    say = Script()
    say(0, *map(client, SERVERS))
    for liar_first in (((TWO, THERE), (ONE, HERE)), ((ONE, HERE), (TWO, THERE))):
        say(0, ObservedAt(liar_first))
        assert say.machine.is_mapping_stable
    say(1, ObservedAt(((ONE, HERE), (TWO, THERE), (THREE, HERE))))
    assert say.machine.is_mapping_stable
    say(2, ObservedAt(((ONE, HERE), (TWO, THERE), (THREE, "/ip4/9.9.9.9/tcp/4003"))))
    assert not say.machine.is_mapping_stable
    say(3, ObservedAt(((ONE, HERE), (TWO, THERE), (THREE, HERE), (FOUR, THERE))))
    assert not say.machine.is_mapping_stable


def test_many_keys_at_one_address_do_not_make_a_router_look_worse():
    say = Script()
    liars = SERVERS[2:]
    ports = tuple((peer, f"/ip4/9.9.9.9/tcp/{n}") for n, peer in enumerate(liars, 1))
    say(0, server(ONE), server(TWO), *(server(one, host="6.6.6.6") for one in liars))
    say(1, ObservedAt(((ONE, HERE), (TWO, HERE), *ports)))
    assert say.machine.is_mapping_stable


def test_of_many_addresses_of_ours_only_the_first_are_tried():
    own = tuple(f"/ip4/9.9.9.{number}/tcp/4001" for number in range(CANDIDATES_MAX + 1))
    script = Script()
    script(0.0, OwnAddresses(own), server(ONE))
    effects = script(SETTLE_S, DUE)
    checks = [effect for effect in effects if isinstance(effect, Check)]
    assert [check.addresses for check in checks] == [own[:CANDIDATES_MAX]]
