"""The ladder from a relayed connection to a direct one."""

from __future__ import annotations

from p2pchat.events import PathChanged
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.route import Path
from p2pchat.protocol.routes import (
    ATTEMPT_AFTER_S,
    ATTEMPTS_MAX,
    ROUND_S,
    ROUTES_TIMER,
    UPGRADES_MAX,
    Routes,
)
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Gone,
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


def test_another_network_is_another_chance():
    say = Script()
    say(0, seen())
    for number in range(ATTEMPTS_MAX):
        assert len(upgrades(say(1 + number))) == 1
        say(1 + number, UpgradeEnded(BOB))
    assert upgrades(say(10)) == []
    say(10, OwnAddresses(HOME))
    assert len(upgrades(say(10 + ATTEMPT_AFTER_S))) == 1


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
    peers = [person(f"peer {number}").device.peer_id for number in range(UPGRADES_MAX + 3)]
    say(0, *map(seen, peers))
    assert len(upgrades(say(1))) == UPGRADES_MAX
    assert len(upgrades(say(2, UpgradeEnded(peers[0]), Gone(peers[1])))) == 2
