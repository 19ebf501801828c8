"""The ladder from a relayed connection to a direct one."""

from __future__ import annotations

import pytest

from p2pchat.events import PathChanged
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.route import Path
from p2pchat.protocol.routes import (
    ATTEMPT_AFTER_S,
    ATTEMPTS_MAX,
    NEIGHBOURS,
    NEIGHBOURS_MAX,
    ROUND_S,
    ROUNDS_MAX,
    ROUTES_TIMER,
    STRANGERS,
    STRANGERS_MAX,
    UPGRADES_MAX,
    Routes,
)
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Gone,
    Known,
    MoveStreams,
    OwnAddresses,
    Seen,
    Upgrade,
    UpgradeEnded,
)
from tests.unit.protocol.people import person

BOB = person("bob").device.peer_id
HOME = ("/ip4/9.9.9.9/tcp/4001",)


def seen(peer=BOB, path=Path.RELAYED, *, inbound=True, punches=True, announced=()) -> Seen:
    circuit = "/ip4/8.8.8.8/tcp/1/p2p/x/p2p-circuit"
    return Seen(peer, path, circuit, is_inbound=inbound, announced=announced, punches=punches)


class Script:
    def __init__(self) -> None:
        self.machine = Routes()

    def __call__(self, now_s: float, *inputs: object) -> list:
        now = Now(0, now_s)
        effects = [effect for one in inputs for effect in self.machine.handle(one, now)]
        return effects + self.machine.settle(now)


def upgrades(effects: list) -> list[Upgrade]:
    return [effect for effect in effects if isinstance(effect, Upgrade)]


def test_who_called_us_through_a_relay_is_punched_after_it_was_identified():
    say = Script()
    assert say(0, seen(punches=False)) == []
    assert say(0.1, seen()) == [SetTimer(ROUTES_TIMER, ATTEMPT_AFTER_S)]
    assert say(ATTEMPT_AFTER_S, TimerFired(ROUTES_TIMER)) == [Upgrade(BOB, (), may_punch=True)]
    assert say(1) == [], "one attempt at a time"


def test_whom_we_called_is_only_dialled_and_only_where_it_says_it_is():
    say = Script()
    assert say(0, seen(inbound=False)) == []
    assert upgrades(say(9)) == []
    later = say(9, seen(inbound=False, announced=HOME))
    assert upgrades(later) == [Upgrade(BOB, HOME, may_punch=False)]


def test_three_attempts_make_a_round_and_then_it_rests():
    say = Script()
    now_s = 0.0
    say(now_s, seen())
    for _ in range(ATTEMPTS_MAX):
        now_s += ATTEMPT_AFTER_S
        assert len(upgrades(say(now_s))) == 1
        say(now_s, UpgradeEnded(BOB))
    assert upgrades(say(now_s + ROUND_S - 1)) == []
    assert len(upgrades(say(now_s + ROUND_S))) == 1


def test_another_network_is_another_chance_and_the_same_one_is_not():
    say = Script()
    say(0, OwnAddresses(HOME), seen())
    for number in range(ATTEMPTS_MAX):
        assert len(upgrades(say(1 + number))) == 1
        say(1 + number, UpgradeEnded(BOB))
    assert upgrades(say(10)) == []
    say(10, OwnAddresses(HOME))
    assert upgrades(say(10 + ATTEMPT_AFTER_S)) == []
    say(20, OwnAddresses(("/ip4/7.7.7.7/tcp/1",)))
    assert len(upgrades(say(20 + ATTEMPT_AFTER_S))) == 1


def test_a_direct_connection_is_told_and_streams_move_to_it():
    say = Script()
    say(0, seen())
    say(1)
    assert say(2, seen(path=Path.PUNCHED)) == [
        Announce(PathChanged(BOB, Path.PUNCHED)),
        MoveStreams(BOB),
    ]
    assert upgrades(say(1000)) == [], "there is nothing better to look for"


def test_when_the_direct_connection_is_lost_the_search_begins_anew():
    say = Script()
    say(0, seen(path=Path.DIRECT))
    assert say(5, seen())[0] == Announce(PathChanged(BOB, Path.RELAYED))
    assert len(upgrades(say(5 + ATTEMPT_AFTER_S))) == 1


def test_who_is_gone_is_not_looked_for():
    say = Script()
    say(0, seen())
    assert say(1, Gone(BOB)) == []
    assert say(2, UpgradeEnded(BOB)) == []


def test_not_everybody_is_looked_for_at_once():
    say = Script()
    peers = people("friend", UPGRADES_MAX + 3)
    say(0, Known(frozenset(peers)), *map(seen, peers))
    assert len(upgrades(say(1))) == UPGRADES_MAX
    assert len(upgrades(say(2, UpgradeEnded(peers[0]), Gone(peers[1])))) == 2


def people(name: str, count: int) -> list[PeerId]:
    return [person(f"{name} {number}").device.peer_id for number in range(count)]


def test_strangers_and_neighbours_leave_places_to_contacts_who_come_first():
    say = Script()
    strangers, neighbours, friends = (
        people(name, UPGRADES_MAX) for name in ("stranger", "neighbour", "friend")
    )
    say(0, Known(frozenset(friends), frozenset(neighbours)), *map(seen, strangers))
    assert len(upgrades(say(1))) == STRANGERS_MAX
    say(2, *map(seen, neighbours))
    assert peers_of(say(3)) == neighbours[:NEIGHBOURS_MAX]
    say(4, *map(seen, friends))
    rest = UPGRADES_MAX - STRANGERS_MAX - NEIGHBOURS_MAX
    assert peers_of(say(5)) == friends[:rest]
    others = (*strangers[:STRANGERS_MAX], *neighbours[:NEIGHBOURS_MAX], *friends[:rest])
    assert peers_of(say(6, *map(UpgradeEnded, others))) == [*friends[rest:], *neighbours[4:6]]


def peers_of(effects: list) -> list[PeerId]:
    return [upgrade.peer for upgrade in upgrades(effects)]


@pytest.mark.parametrize("rate", [STRANGERS, NEIGHBOURS])
def test_strangers_and_neighbours_that_come_anew_for_ever_are_tried_at_a_pace(rate):
    say = Script()
    attempts = 0
    for number, peer in enumerate(people("somebody", 600)):
        if rate is NEIGHBOURS:
            say(number, Known(frozenset(), frozenset({peer})))
        say(number, seen(peer, announced=HOME))
        attempts += len(upgrades(say(number + ATTEMPT_AFTER_S)))
        say(number + 0.9, Gone(peer))
    assert rate.burst <= attempts <= rate.burst + 600 * rate.per_s


def test_strangers_held_back_are_tried_when_it_is_their_turn_and_those_we_know_at_once():
    say = Script()
    strangers = people("stranger", 12)
    say(0, *map(seen, strangers))
    tried, effects = [], say(1)
    while begun := peers_of(effects):
        tried += begun
        effects = say(1, *map(Gone, begun))
    assert tried == strangers[: int(STRANGERS.burst)]
    assert effects == [SetTimer(ROUTES_TIMER, 1 / STRANGERS.per_s)]
    say(1, Known(frozenset({BOB})), seen(BOB))
    assert peers_of(say(1 + ATTEMPT_AFTER_S)) == [BOB]
    assert peers_of(say(1 + 1 / STRANGERS.per_s)) == [strangers[len(tried)]]


@pytest.mark.parametrize("neighbours", [frozenset(), frozenset({BOB})])
def test_who_is_no_contact_and_comes_back_goes_on_where_its_round_was(neighbours):
    say = Script()
    say(0, Known(frozenset(), neighbours))
    now_s = 0.0
    for _ in range(ATTEMPTS_MAX):
        say(now_s, seen(announced=HOME))
        now_s += ATTEMPT_AFTER_S
        assert len(upgrades(say(now_s))) == 1
        say(now_s, Gone(BOB))
    say(now_s, seen(announced=HOME))
    assert upgrades(say(now_s + ROUND_S - 1)) == []
    assert len(upgrades(say(now_s + ROUND_S))) == 1


def test_a_stranger_reached_directly_for_a_moment_goes_on_where_its_round_was():
    say = Script()
    say(0, seen(announced=HOME))
    attempts = 0
    for number in range(1, 60):
        attempts += len(upgrades(say(number)))
        say(number, seen(path=Path.DIRECT), UpgradeEnded(BOB), seen(announced=HOME))
    assert attempts == ATTEMPTS_MAX


def test_a_friend_that_comes_back_is_looked_for_anew():
    say = Script()
    say(0, Known(frozenset({BOB})))
    for number in range(2 * ATTEMPTS_MAX):
        say(number, seen())
        assert len(upgrades(say(number + ATTEMPT_AFTER_S))) == 1
        say(number + ATTEMPT_AFTER_S, UpgradeEnded(BOB), Gone(BOB))


def test_a_stranger_that_becomes_a_contact_is_looked_for_at_once():
    say = Script()
    say(0, seen())
    for number in range(ATTEMPTS_MAX):
        say(1 + number)
        say(1 + number, UpgradeEnded(BOB))
    assert upgrades(say(10, Known(frozenset({BOB})))) == []
    assert len(upgrades(say(10 + ATTEMPT_AFTER_S))) == 1


def test_the_rounds_of_those_gone_are_remembered_in_bounds():
    say = Script()
    for number in range(ROUNDS_MAX + 10):
        peer = DeviceId(number.to_bytes(32, "big")).peer_id
        say(number * 20, seen(peer))
        assert len(upgrades(say(number * 20 + 1))) == 1
        say(number * 20 + 2, Gone(peer))
    assert len(say.machine._left) == ROUNDS_MAX
