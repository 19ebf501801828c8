"""The router as scripts: what is advertised and asked for, and peers that cannot keep up."""

from __future__ import annotations

from p2pchat.gossip.vocabulary import (
    Publish,
    SendDropped,
)
from p2pchat.wire.gossip_codec import IHave, Rpc, message_id
from tests.unit.gossip.values import HALL, NAMES, ROOM, subscribes

# Advertising and asking


def test_a_heartbeat_advertises_what_was_heard_to_peers_outside_the_mesh(stage, message):
    alice = stage()
    peers = alice.mesh_with(NAMES[:4])
    lazy = alice.meet(*NAMES[4:])
    alice.hear(peers[0], messages=(message(b"1"),))
    for _ in range(3):
        alice.beat()
        assert set(alice.receivers("ihave")) == set(lazy)
        assert alice.to(lazy[0]).ihave == (IHave(ROOM, (message_id(b"1"),)),)
    alice.beat()
    assert alice.receivers("ihave") == []


def test_six_peers_or_a_quarter_of_many_are_advertised_to(stage):
    alice = stage(flood_publish=False)
    alice.mesh_with(NAMES[:4])
    alice.meet(*(f"lazy{number}" for number in range(20)))
    alice.give(Publish(1, ROOM, b"1"))
    alice.beat()
    assert len(alice.receivers("ihave")) == 6
    alice.meet(*(f"more{number}" for number in range(20)))
    alice.beat()
    assert len(alice.receivers("ihave")) == 10


def test_nothing_is_advertised_when_nothing_was_heard(stage):
    alice = stage()
    alice.mesh_with(NAMES)
    alice.beat()
    assert alice.receivers("ihave") == []


def test_very_many_messages_are_advertised_in_part_and_in_pieces(stage):
    alice = stage(flood_publish=False, asked_max=1200)
    alice.mesh_with(NAMES[:4])
    bob, carol = alice.meet("lazy1", "lazy2")
    for number in range(1500):
        alice.give(Publish(number, ROOM, b"%d" % number))
    alice.beat()
    pieces = alice.to(bob).ihave
    assert [len(piece.ids) for piece in pieces] == [500, 500, 200]
    ids = {id for piece in pieces for id in piece.ids}
    assert len(ids) == 1200
    assert ids != {id for piece in alice.to(carol).ihave for id in piece.ids}


def test_what_is_advertised_and_new_is_asked_for(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, messages=(message(b"old"), message(b"ignore:")))
    known, new = message_id(b"old"), message_id(b"new")
    refused, foreign = message_id(b"ignore:"), message_id(b"foreign")
    alice.hear(bob, ihave=(IHave(ROOM, (known, new, refused, new)), IHave(HALL, (foreign,))))
    assert alice.to(bob).iwant == (new,)


def test_nothing_is_asked_for_when_all_is_known(stage, message):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    alice.hear(bob, messages=(message(b"1"),))
    alice.hear(bob, ihave=(IHave(ROOM, (message_id(b"1"),)),))
    assert alice.sent == []


def test_what_is_asked_for_is_sent_three_times_at_most_and_only_while_kept(stage, message):
    alice = stage()
    bob, carol = alice.mesh_with(["bob", "carol"])
    alice.hear(bob, messages=(message(b"1"),))
    wanted = (message_id(b"unknown"), message_id(b"1"))
    for _ in range(3):
        alice.hear(carol, iwant=wanted)
        assert alice.to(carol).messages == (message(b"1"),)
    alice.hear(carol, iwant=wanted)
    assert alice.sent == []
    alice.hear(bob, iwant=wanted)
    assert alice.to(bob).messages == (message(b"1"),)
    alice.beat(5)
    alice.hear(bob, iwant=wanted)
    assert alice.sent == []


def test_a_peer_is_asked_for_so_many_messages_a_heartbeat(stage):
    alice = stage(asked_max=3)
    (bob,) = alice.mesh_with(["bob"])
    ids = tuple(message_id(bytes([n])) for n in range(5))
    alice.hear(bob, ihave=(IHave(ROOM, ids),))
    assert alice.to(bob).iwant == ids[:3]
    alice.hear(bob, ihave=(IHave(ROOM, ids),))
    assert alice.sent == []
    alice.beat()
    alice.hear(bob, ihave=(IHave(ROOM, ids),))
    assert alice.to(bob).iwant == ids[:3]


def test_a_peer_is_served_so_many_messages_and_bytes_a_heartbeat(stage):
    alice = stage(wanted_max=4, served_bytes_max=1000)
    (bob,) = alice.mesh_with(["bob"])
    small = [b"%d" % n for n in range(6)]
    large = [bytes([n]) * 600 for n in range(4)]
    for number, data in enumerate([*small, *large]):
        alice.give(Publish(number, ROOM, data))
    alice.hear(bob, iwant=tuple(map(message_id, small)))
    assert [m.data for m in alice.to(bob).messages] == small[:4]
    alice.hear(bob, iwant=tuple(map(message_id, small)))
    assert alice.sent == []
    alice.beat()
    alice.hear(bob, iwant=tuple(map(message_id, large)))
    assert [m.data for m in alice.to(bob).messages] == large[:2]
    assert alice.counts.over_limit == 1


# A peer that cannot keep up


def test_a_peer_for_whom_something_was_dropped_is_brought_up_to_date(stage, message):
    alice = stage()
    bob, carol = alice.mesh_with(["bob", "carol"])
    alice.hear(bob, messages=(message(b"1"),))
    alice.give(SendDropped(carol))
    assert alice.sent == []
    alice.beat()
    caught_up = Rpc(
        subscriptions=(subscribes(),),
        ihave=(IHave(ROOM, (message_id(b"1"),)),),
        graft=(ROOM,),
    )
    assert alice.sent == [(carol, caught_up)]
    alice.beat()
    assert alice.sent == []


def test_a_peer_to_whom_too_much_would_go_at_once_is_brought_up_to_date_too(stage):
    alice = stage(burst_bytes_max=64 * 1024)
    (bob,) = alice.mesh_with(["bob"])
    alice.give(*(Publish(n, ROOM, bytes([n]) * 20_000) for n in range(4)))
    assert [m.data[0] for m in alice.to(bob).messages] == [0]
    assert alice.counts.cut_off == 1
    alice.beat()
    assert len(alice.to(bob).ihave[0].ids) == 4
