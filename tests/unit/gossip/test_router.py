"""The router as scripts: inputs in, effects out, and what is said to whom."""

from __future__ import annotations

import pytest

from p2pchat.errors import MessageTooLarge
from p2pchat.gossip.router import HEARTBEAT
from p2pchat.gossip.vocabulary import (
    Deliver,
    Judgement,
    Misbehaved,
    PeerDown,
    PeerJoined,
    PeerLeft,
    PeerUp,
    Publish,
    RpcReceived,
    SendDropped,
    Subscribe,
    Unsubscribe,
    Verdict,
)
from p2pchat.model.machine import Reply
from p2pchat.wire.gossip_codec import IHave, Prune, Rpc, message_id
from tests.unit.gossip.values import HALL, NAMES, ROOM, leaves, subscribes

# Peers and subscriptions


def test_the_first_heartbeat_comes_within_a_second_at_a_random_time(stage):
    delays = set()
    for seed in range(20):
        router = stage(seed=seed).router
        (timer,) = router.start(stage().now)
        assert timer.name == HEARTBEAT
        assert 0.1 <= timer.delay_s <= 1.0
        delays.add(timer.delay_s)
    assert len(delays) == 20


def test_a_new_peer_is_told_all_topics_and_a_new_topic_is_told_to_all_peers(stage, named):
    alice = stage()
    alice.give(Subscribe(ROOM))
    alice.give(Subscribe(HALL))
    alice.give(PeerUp(named("bob")))
    assert alice.to(named("bob")).subscriptions == (subscribes(ROOM), subscribes(HALL))
    alice.give(Subscribe("third"))
    assert alice.to(named("bob")).subscriptions == (subscribes("third"),)
    alice.give(Unsubscribe(HALL))
    assert alice.to(named("bob")).subscriptions == (leaves(HALL),)


def test_subscribing_twice_and_leaving_what_is_not_heard_say_nothing(stage):
    alice = stage()
    alice.meet("bob")
    alice.give(Subscribe(ROOM))
    for command in (Subscribe(ROOM), Unsubscribe(HALL)):
        assert alice.give(command) == []
        assert alice.sent == []


def test_members_of_our_topics_are_told_as_they_come_and_go(stage, named):
    alice, bob = stage(), named("bob")
    alice.give(Subscribe(ROOM))
    alice.give(PeerUp(bob))
    joined = alice.hear(bob, subscriptions=(subscribes(HALL), subscribes(ROOM), subscribes(ROOM)))
    assert joined == [PeerJoined(bob, ROOM)]
    left = alice.hear(bob, subscriptions=(leaves(ROOM), leaves(ROOM), leaves(HALL)))
    assert left == [PeerLeft(bob, ROOM)]
    assert alice.router.mesh(ROOM) == ()


def test_members_known_before_we_subscribe_are_told_then(stage):
    alice = stage()
    bob, carol = alice.meet("bob", "carol")
    assert alice.give(Subscribe(ROOM)) == [PeerJoined(bob, ROOM), PeerJoined(carol, ROOM)]
    assert set(alice.receivers("graft")) == {bob, carol}


def test_a_peer_that_goes_down_leaves_all_our_topics(stage):
    alice = stage()
    alice.give(Subscribe(HALL))
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, subscriptions=(subscribes(HALL), subscribes("foreign")))
    assert alice.give(PeerDown(bob)) == [PeerLeft(bob, ROOM), PeerLeft(bob, HALL)]
    assert alice.router.mesh(ROOM) == ()
    assert alice.give(PeerDown(bob)) == []
    assert alice.router.statistics().peers == 0
    assert alice.router.statistics().subscriptions == 0


def test_what_was_to_be_said_to_a_peer_that_goes_down_is_not_said_when_it_is_back(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.give(Publish(1, ROOM, b"x"), Unsubscribe(ROOM), PeerDown(bob), PeerUp(bob))
    assert alice.sent == [(bob, Rpc(messages=alice.to(bob).messages))]


def test_rpcs_and_misdeeds_of_unknown_peers_are_nothing(stage, named):
    alice, bob = stage(), named("bob")
    alice.give(Subscribe(ROOM))
    assert alice.hear(bob, subscriptions=(subscribes(),), graft=(ROOM,)) == []
    assert alice.give(*[Misbehaved(bob)] * 10, SendDropped(bob)) == []
    assert alice.sent == []


def test_we_are_no_peer_of_our_own(stage):
    alice = stage()
    alice.give(Subscribe(ROOM))
    alice.give(PeerUp(alice.own))
    assert alice.sent == []
    assert alice.router.statistics().peers == 0


def test_a_peer_over_the_limit_is_not_spoken_with(stage, named):
    alice = stage(peers_max=2)
    alice.give(Subscribe(ROOM))
    alice.meet("bob", "carol", "dave")
    assert alice.router.statistics().peers == 2
    alice.give(Publish(1, ROOM, b"x"))
    assert named("dave") not in alice.receivers("messages")


def test_a_peer_whose_stream_is_new_is_told_everything_again(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.give(Publish(1, ROOM, b"lost with the old stream"))
    alice.give(PeerUp(bob))
    assert alice.to(bob) == Rpc(subscriptions=(subscribes(),), graft=(ROOM,))
    alice.beat()
    assert alice.to(bob).ihave == (IHave(ROOM, (message_id(b"lost with the old stream"),)),)


def test_topics_over_the_limit_of_a_peer_are_skipped(stage, named):
    alice, bob = stage(topics_per_peer_max=2), named("bob")
    alice.give(Subscribe("3"))
    alice.give(PeerUp(bob))
    assert alice.hear(bob, subscriptions=tuple(map(subscribes, "123"))) == []
    assert alice.hear(bob, graft=("3",)) == []
    assert alice.router.mesh("3") == ()
    alice.hear(bob, subscriptions=(leaves("1"),))
    assert alice.hear(bob, subscriptions=(subscribes("3"),)) == [PeerJoined(bob, "3")]


# Messages


def test_a_message_is_delivered_and_forwarded_to_the_mesh_but_not_back(stage, message):
    alice = stage()
    bob, carol, dave = alice.mesh_with(["bob", "carol", "dave"])
    heard = message(b"hello")
    assert alice.hear(bob, messages=(heard,)) == [
        Deliver(ROOM, bob, message_id(b"hello"), b"hello", opened=(ROOM, 5))
    ]
    assert alice.sent == [(carol, Rpc(messages=(heard,))), (dave, Rpc(messages=(heard,)))]


def test_a_duplicate_is_neither_delivered_nor_forwarded_nor_judged(stage, message):
    judged = []

    def judge(topic, data):
        judged.append(data)
        return Judgement(Verdict.ACCEPT)

    alice = stage(judge=judge)
    bob, carol = alice.mesh_with(["bob", "carol"])
    alice.hear(bob, messages=(message(b"1"),))
    assert alice.hear(carol, messages=(message(b"1"), message(b"1"))) == []
    assert alice.sent == []
    assert judged == [b"1"]
    assert alice.counts.duplicates == 2


def test_who_sends_a_message_in_the_same_batch_is_not_sent_it(stage, message):
    alice = stage()
    bob, carol, dave = alice.mesh_with(["bob", "carol", "dave"])
    rpc = Rpc(messages=(message(b"1"),))
    alice.give(RpcReceived(bob, rpc), RpcReceived(carol, rpc))
    assert alice.receivers("messages") == [dave]


def test_messages_of_one_batch_travel_in_one_rpc_in_order(stage, message):
    alice = stage()
    bob, carol = alice.mesh_with(["bob", "carol"])
    inputs = [RpcReceived(bob, Rpc(messages=(message(bytes([n])),))) for n in range(100)]
    alice.give(*inputs)
    ((peer, rpc),) = alice.sent
    assert peer == carol
    assert [m.data for m in rpc.messages] == [bytes([n]) for n in range(100)]


def test_a_message_that_is_ignored_or_rejected_goes_no_further(stage, message):
    alice = stage()
    bob, _ = alice.mesh_with(["bob", "carol"])
    rpc = (message(b"ignore:1"), message(b"reject:1"))
    assert alice.hear(bob, messages=rpc) == []
    assert alice.sent == []
    alice.hear(bob, messages=rpc)
    assert (alice.counts.ignored, alice.counts.rejected, alice.counts.duplicates) == (1, 1, 2)


def test_data_refused_in_one_topic_is_still_accepted_in_another(stage, message, named):
    """Else a member of both could hide a message by publishing it where it does not open."""

    def opens_in_room(topic, data):
        return Judgement(Verdict.ACCEPT if topic == ROOM else Verdict.IGNORE)

    alice = stage(judge=opens_in_room)
    alice.give(Subscribe(HALL), Subscribe(ROOM))
    (bob,) = alice.meet("bob")
    assert alice.hear(bob, messages=(message(b"sealed", HALL),)) == []
    (delivered,) = alice.hear(bob, messages=(message(b"sealed"),))
    assert delivered.topic == ROOM


def test_messages_of_topics_we_do_not_hear_are_dropped_and_not_remembered(stage, message):
    alice = stage()
    (bob,) = alice.meet("bob")
    assert alice.hear(bob, messages=(message(b"1"),)) == []
    assert alice.counts.foreign == 1
    alice.give(Subscribe(ROOM))
    assert len(alice.hear(bob, messages=(message(b"1"),))) == 1


def test_an_id_is_known_for_two_minutes(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, messages=(message(b"1"), message(b"ignore:1")))
    alice.beat(119)
    assert alice.hear(bob, messages=(message(b"1"), message(b"ignore:1"))) == []
    assert alice.counts.ignored == 1
    alice.beat(2)
    assert len(alice.hear(bob, messages=(message(b"1"), message(b"ignore:1")))) == 1
    assert alice.counts.ignored == 2


def test_rubbish_does_not_crowd_out_what_was_accepted(stage, message):
    alice = stage(seen_count_max=10, refused_count_max=5)
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, messages=(message(b"1"),))
    alice.hear(bob, messages=tuple(message(b"ignore:%d" % n) for n in range(100)))
    assert alice.hear(bob, messages=(message(b"1"),)) == []
    assert alice.router.statistics().seen == 6


def test_a_message_for_a_topic_left_in_the_same_batch_is_not_forwarded(stage, message):
    alice = stage()
    bob, carol = alice.mesh_with(["bob", "carol"])
    alice.give(RpcReceived(bob, Rpc(messages=(message(b"1"),))), Unsubscribe(ROOM))
    assert alice.receivers("messages") == []
    assert set(alice.receivers("prune")) == {bob, carol}


# Publishing


def test_an_own_message_goes_to_every_subscriber_and_is_not_delivered_to_us(stage):
    alice = stage()
    peers = alice.mesh_with(NAMES)
    alice.meet("stranger", topic=HALL)
    assert alice.give(Publish(7, ROOM, b"hello")) == [Reply(7, len(peers))]
    assert alice.receivers("messages") == peers
    assert alice.counts.published == 1


def test_an_own_message_that_comes_back_is_a_duplicate(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.give(Publish(1, ROOM, b"hello"))
    assert alice.hear(bob, messages=(message(b"hello"),)) == []


def test_publishing_the_same_data_again_reaches_nobody(stage):
    alice = stage()
    alice.mesh_with(["bob"])
    assert alice.give(Publish(1, ROOM, b"x"), Publish(2, ROOM, b"x")) == [Reply(1, 1), Reply(2, 0)]
    assert len(alice.sent) == 1


def test_publishing_needs_no_subscription(stage):
    alice = stage()
    peers = alice.meet(*NAMES)
    assert alice.give(Publish(1, ROOM, b"x")) == [Reply(1, len(peers))]
    assert alice.give(Publish(2, HALL, b"x2")) == [Reply(2, 0)]


def test_data_over_64_kb_is_refused_with_an_error(stage):
    alice = stage()
    (reply,) = alice.give(Publish(1, ROOM, bytes(65537)))
    assert (reply.id, type(reply.error)) == (1, MessageTooLarge)
    assert alice.give(Publish(2, ROOM, bytes(65536))) == [Reply(2, 0)]


@pytest.mark.parametrize("command", [Subscribe(""), Publish(1, "x" * 129, b"")])
def test_a_topic_of_ours_is_well_formed(stage, command):
    with pytest.raises(AssertionError, match="128 bytes"):
        stage().give(command)


def test_without_flooding_an_own_message_goes_to_the_mesh(stage):
    alice = stage(flood_publish=False)
    alice.give(Subscribe(ROOM))
    alice.meet(*NAMES)
    mesh = set(alice.router.mesh(ROOM))
    assert len(mesh) < len(NAMES)
    assert alice.give(Publish(1, ROOM, b"x")) == [Reply(1, len(mesh))]
    assert set(alice.receivers("messages")) == mesh


def test_without_flooding_a_foreign_topic_gets_six_peers_that_stay(stage):
    alice = stage(flood_publish=False)
    alice.meet(*NAMES)
    assert alice.give(Publish(1, ROOM, b"1")) == [Reply(1, 6)]
    first = alice.receivers("messages")
    alice.beat()
    assert set(alice.receivers("ihave")).isdisjoint(first)
    assert len(alice.receivers("ihave")) == 3
    alice.give(Publish(2, ROOM, b"2"))
    assert alice.receivers("messages") == first
    alice.give(PeerDown(first[0]))
    alice.beat()
    alice.give(Publish(3, ROOM, b"3"))
    assert len(alice.receivers("messages")) == 6
    alice.give(Subscribe(ROOM))
    assert set(alice.router.mesh(ROOM)) == set(alice.receivers("graft"))
    assert set(first[1:]) <= set(alice.router.mesh(ROOM))


# Meshes


def test_a_graft_brings_a_peer_into_the_mesh_without_an_answer(stage):
    alice = stage()
    alice.mesh_with(NAMES)
    assert alice.sent == []


def test_a_graft_for_a_topic_we_do_not_hear_is_nothing(stage):
    alice = stage()
    (bob,) = alice.meet("bob")
    assert alice.hear(bob, graft=(ROOM,)) == []
    assert alice.sent == []


def test_a_graft_tells_a_subscription_that_was_lost(stage, named):
    alice, bob = stage(), named("bob")
    alice.give(Subscribe(ROOM))
    alice.give(PeerUp(bob))
    assert alice.hear(bob, graft=(ROOM, ROOM)) == [PeerJoined(bob, ROOM)]
    assert alice.router.mesh(ROOM) == (bob,)


def test_a_prune_takes_a_peer_out_for_as_long_as_it_says(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, prune=(Prune(ROOM, 5), Prune(HALL, 5)))
    assert alice.router.mesh(ROOM) == ()
    alice.beat(7)
    assert alice.router.mesh(ROOM) == (bob,), "5 s and 2 s of slack later it is taken back"
    assert alice.to(bob).graft == (ROOM,)


def test_a_graft_in_back_off_is_answered_with_prune(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, prune=(Prune(ROOM, 0),))
    alice.hear(bob, graft=(ROOM,))
    assert alice.to(bob).prune == (Prune(ROOM, 60),)
    assert alice.router.mesh(ROOM) == ()


def test_a_graft_into_a_full_mesh_is_answered_with_prune(stage):
    alice = stage()
    alice.mesh_with(f"peer{number}" for number in range(12))
    (late,) = alice.meet("late")
    alice.hear(late, graft=(ROOM,))
    assert alice.to(late).prune == (Prune(ROOM, 60),)
    assert alice.counts.punished == 0


def test_a_heartbeat_cuts_back_and_tells_whom_it_prunes(stage):
    alice = stage()
    alice.mesh_with(f"peer{number}" for number in range(12))
    dialled = alice.meet("dialled", outbound=True)
    alice.hear(dialled[0], graft=(ROOM,))
    assert len(alice.router.mesh(ROOM)) == 13
    alice.beat()
    assert len(alice.router.mesh(ROOM)) == 6
    assert len(alice.receivers("prune")) == 7


def test_a_heartbeat_fills_the_mesh_and_tells_whom_it_grafts(stage):
    alice = stage()
    peers = alice.mesh_with(NAMES[:4])
    alice.meet(*NAMES[4:])
    alice.give(PeerDown(peers[0]))
    alice.beat()
    assert len(alice.router.mesh(ROOM)) == 6
    assert len(alice.receivers("graft")) == 3


def test_leaving_a_topic_prunes_its_mesh_for_ten_seconds(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    assert alice.give(Unsubscribe(ROOM)) == []
    assert alice.to(bob) == Rpc(subscriptions=(leaves(),), prune=(Prune(ROOM, 10),))
    alice.give(Subscribe(ROOM))
    assert alice.to(bob).graft == ()
    alice.beat(12)
    assert alice.to(bob).graft == (ROOM,)
