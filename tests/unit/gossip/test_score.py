"""What speaks against a peer adds up, is forgiven, and takes bounded room."""

from __future__ import annotations

import pytest

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.peers import Peer
from p2pchat.gossip.score import DEMERITS, Demerits, Promises
from p2pchat.gossip.vocabulary import Offence


@pytest.fixture
def demerits():
    return Demerits(GossipConfig(peers_max=2))


@pytest.fixture
def promises():
    return Promises(GossipConfig(promises_max=3))


def test_every_offence_has_its_demerits_below_the_limit():
    assert set(DEMERITS) == set(Offence)
    assert all(0 < points < GossipConfig().demerits_max for points in DEMERITS.values())


def test_a_peer_is_due_at_the_limit_and_then_starts_afresh(demerits, named):
    bob = named("bob")
    for _ in range(2):
        demerits.charge(bob, Offence.MALFORMED)
        assert demerits.take_due() == []
    demerits.charge(bob, Offence.OVER_RATE)
    assert demerits.take_due() == [(bob, Offence.OVER_RATE)]
    assert demerits.take_due() == []
    assert len(demerits) == 0


def test_each_heartbeat_forgives_one_demerit(demerits, named):
    demerits.charge(named("bob"), Offence.REJECTED)
    demerits.forgive()
    assert len(demerits) == 1
    demerits.forgive()
    assert len(demerits) == 0


def test_some_offences_count_once_a_heartbeat(demerits, named):
    bob = Peer(named("bob"), outbound=False)
    for _ in range(100):
        demerits.charge_once(bob, Offence.OVER_RATE)
        demerits.charge_once(bob, Offence.IHAVE_FLOOD)
    assert demerits.take_due() == []


def test_demerits_of_very_many_peers_are_not_all_kept(demerits, named):
    for number in range(100):
        demerits.charge(named(str(number)), Offence.MALFORMED)
        assert len(demerits) <= 4
    demerits.charge(named("99"), Offence.MALFORMED)
    assert len(demerits) == 4


def test_a_promise_is_broken_when_its_time_is_over(promises, named):
    promises.add(named("bob"), b"1", 10.0)
    promises.add(named("carol"), b"1", 11.0)
    promises.add(named("bob"), b"2", 10.0)
    assert promises.take_broken(12.9) == []
    assert promises.take_broken(13.0) == [named("bob"), named("bob")]
    assert len(promises) == 1
    assert promises.take_broken(14.0) == [named("carol")]
    assert len(promises) == 0


def test_who_breaks_promises_is_asked_for_half_each_time_and_forgiven_with_time(named):
    promises = Promises(GossipConfig(asked_max=100, asked_min=20, promise_s=1, doubt_s=30))
    bob = named("bob")
    assert promises.may_ask(bob) == 100
    asked = []
    for second in range(4):
        promises.add(bob, b"%d" % second, second)
        promises.add(bob, b"and %d" % second, second)
        promises.take_broken(second + 1)
        asked.append(promises.may_ask(bob))
    assert asked == [50, 25, 20, 20]
    for later, left in ((31, 20), (32, 20), (61, 25), (91, 50), (121, 100)):
        promises.take_broken(later)
        assert promises.may_ask(bob) == left
    assert promises.may_ask(named("carol")) == 100


def test_doubts_are_kept_of_so_many_and_the_oldest_go(named):
    promises = Promises(GossipConfig(peers_max=1))
    for number, name in enumerate(("bob", "carol", "dave")):
        promises.add(named(name), b"x", number)
        promises.take_broken(number + 10)
    assert promises.may_ask(named("bob")) == GossipConfig().asked_max
    assert promises.may_ask(named("dave")) == GossipConfig().asked_max // 2


def test_a_message_that_comes_from_anyone_frees_all_who_promised_it(promises, named):
    promises.add(named("bob"), b"1", 10.0)
    promises.add(named("carol"), b"1", 10.0)
    promises.fulfil(b"1")
    promises.fulfil(b"never promised")
    assert promises.take_broken(99.0) == []
    assert len(promises) == 0


def test_a_repeated_promise_keeps_its_deadline(promises, named):
    promises.add(named("bob"), b"1", 10.0)
    promises.add(named("bob"), b"1", 12.0)
    assert len(promises) == 1
    assert promises.take_broken(13.0) == [named("bob")]


def test_promises_are_bounded(promises, named):
    for number in range(10):
        promises.add(named("bob"), bytes([number]), 0.0)
    assert len(promises) == 3
