"""The router as scripts: peers that misbehave, and what is held of them."""

from __future__ import annotations

from p2pchat.gossip.vocabulary import (
    Misbehaved,
    Offence,
    PeerDown,
    PeerLeft,
    PeerUp,
    Punish,
    Subscribe,
)
from p2pchat.wire.gossip_codec import IHave, Prune, message_id
from tests.unit.gossip.values import ROOM, leaves, subscribes

# Misbehaviour


def punished(effects):
    return [effect for effect in effects if isinstance(effect, Punish)]


def test_a_peer_that_sends_bytes_that_are_no_rpc_is_punished_the_third_time(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    assert alice.give(Misbehaved(bob), Misbehaved(bob)) == []
    effects = alice.give(Misbehaved(bob))
    assert effects == [PeerLeft(bob, ROOM), Punish(bob, Offence.MALFORMED)]
    assert bob not in alice.router.mesh(ROOM)
    assert alice.hear(bob, graft=(ROOM,)) == []
    assert alice.counts.punished == 1


def test_coming_back_does_not_clear_demerits_but_time_does(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.give(Misbehaved(bob), Misbehaved(bob), PeerDown(bob), PeerUp(bob))
    assert punished(alice.give(Misbehaved(bob))) != []
    alice.give(PeerUp(bob))
    alice.give(Misbehaved(bob), Misbehaved(bob))
    alice.beat(7)
    assert punished(alice.give(Misbehaved(bob))) == []


def test_a_peer_that_forwards_what_nobody_should_is_punished(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    effects = alice.hear(bob, messages=tuple(message(b"reject:%d" % n) for n in range(20)))
    assert punished(effects) == [Punish(bob, Offence.REJECTED)]


def test_a_peer_is_not_blamed_for_messages_that_we_cannot_open(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    for second in range(20):
        rubbish = tuple(message(b"ignore:%d:%d" % (second, n)) for n in range(100))
        assert alice.hear(bob, messages=rubbish) == []
        alice.beat()
    assert alice.router.mesh(ROOM) == (bob,)


def test_ten_thousand_messages_a_second_are_limited_and_end_within_five_seconds(stage, message):
    alice = stage(messages_max=50)
    (bob,) = alice.mesh_with(["bob"])
    seconds = 0
    while alice.counts.punished == 0:
        for part in range(10):
            batch = [message(b"%d:%d:%d" % (seconds, part, n)) for n in range(10)]
            alice.hear(bob, messages=tuple(batch))
        assert alice.counts.delivered <= 50 * (seconds + 1)
        alice.beat()
        seconds += 1
    assert seconds <= 5


def test_messages_up_to_the_rate_are_taken_from_an_rpc_that_exceeds_it(stage, message):
    alice = stage(messages_max=5)
    (bob,) = alice.mesh_with(["bob"])
    messages = tuple(message(bytes([n])) for n in range(8))
    assert [d.data for d in alice.hear(bob, messages=messages)] == [m.data for m in messages[:5]]
    assert alice.hear(bob, messages=messages[5:]) == []
    alice.beat()
    assert len(alice.hear(bob, messages=messages[5:])) == 3


def test_message_bytes_are_limited_too(stage, message):
    alice = stage(message_bytes_max=1000)
    (bob,) = alice.mesh_with(["bob"])
    assert len(alice.hear(bob, messages=(message(bytes(1000)),))) == 1
    assert alice.hear(bob, messages=(message(b"1"),)) == []
    assert alice.counts.over_limit == 1


def test_subscription_floods_are_limited_and_punished(stage, named):
    alice, bob = stage(subscription_changes_max=4), named("bob")
    alice.give(Subscribe(ROOM))
    alice.give(PeerUp(bob))
    flips = (subscribes(), leaves()) * 3
    assert len(alice.hear(bob, subscriptions=flips)) == 4
    assert alice.hear(bob, subscriptions=flips) == []
    effects = []
    for _ in range(3):
        assert punished(effects) == []
        alice.beat()
        effects = alice.hear(bob, subscriptions=flips)
    assert punished(effects) == [Punish(bob, Offence.SUBSCRIPTION_FLOOD)]


def test_ihave_floods_are_limited_and_punished(stage, message):
    alice = stage(ihaves_max=2)
    (bob,) = alice.mesh_with(["bob"])
    effects, seconds = [], 0
    while not punished(effects):
        seconds += 1
        for part in range(4):
            data = b"%d:%d" % (seconds, part)
            effects += alice.hear(bob, ihave=(IHave(ROOM, (message_id(data),)),))
            effects += alice.hear(bob, messages=(message(data),))
        alice.beat()
        assert seconds <= 10
    assert punished(effects) == [Punish(bob, Offence.IHAVE_FLOOD)]


def test_ihaves_over_the_limit_are_not_answered(stage):
    alice = stage(ihaves_max=2)
    (bob,) = alice.mesh_with(["bob"])
    asked = []
    for part in range(4):
        alice.hear(bob, ihave=(IHave(ROOM, (message_id(bytes([part])),)),))
        asked.append(len(alice.to(bob).iwant))
    assert asked == [1, 1, 0, 0]


def test_grafts_in_back_off_again_and_again_are_punished(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, prune=(Prune(ROOM, 0),))
    effects, seconds = [], 0
    while not punished(effects):
        alice.beat()
        for _ in range(10):
            effects += alice.hear(bob, graft=(ROOM,))
        seconds += 1
        assert seconds <= 20
    assert punished(effects) == [Punish(bob, Offence.GRAFT_IN_BACKOFF)]
    assert seconds > 10, "an honest peer that restarted is not cut off for it"


def test_promises_not_kept_are_counted_and_kept_ones_are_not(stage, message):
    alice = stage()
    bob, carol = alice.mesh_with(["bob", "carol"])
    seconds, number = 0, 0
    while alice.counts.punished == 0:
        for _ in range(5):
            number += 1
            alice.hear(bob, ihave=(IHave(ROOM, (message_id(b"lie%d" % number),)),))
            kept = b"kept%d" % number
            alice.hear(carol, ihave=(IHave(ROOM, (message_id(kept),)),))
            alice.hear(carol, messages=(message(kept),))
        alice.beat()
        seconds += 1
        assert seconds <= 15
    assert bob not in alice.router.mesh(ROOM)
    assert carol in alice.router.mesh(ROOM)


def test_one_broken_promise_a_heartbeat_is_forgiven(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    for number in range(60):
        alice.hear(bob, ihave=(IHave(ROOM, (message_id(b"%d" % number),)),))
        alice.beat()
    assert alice.counts.punished == 0


def test_promises_of_a_peer_that_is_gone_are_not_charged(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    for number in range(40):
        alice.hear(bob, ihave=(IHave(ROOM, (message_id(b"%d" % number),)),))
        if number % 8 == 7:
            alice.beat()
    alice.give(PeerDown(bob))
    alice.beat(5)
    assert alice.counts.punished == 0


def test_statistics_tell_what_is_held(stage, message):
    alice = stage()
    bob, _ = alice.mesh_with(["bob", "carol"])
    alice.hear(bob, messages=(message(b"1"),), prune=(Prune(ROOM, 0),))
    held = alice.router.statistics()
    assert (held.peers, held.topics, held.subscriptions) == (2, 1, 2)
    assert (held.seen, held.cached, held.backoffs) == (1, 1, 1)
    assert held.cached_bytes > 1
    assert held.counts.delivered == 1
    alice.hear(bob, messages=(message(b"2"),))
    assert held.counts.delivered == 1, "a snapshot does not change"
