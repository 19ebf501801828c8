"""What becomes of a peer that advertises what it does not have."""

from __future__ import annotations

from p2pchat.gossip.vocabulary import PeerDown, PeerUp
from p2pchat.wire.gossip_codec import IHave, message_id
from tests.unit.gossip.conftest import ROOM


def test_who_advertises_what_it_has_not_is_asked_for_less_and_less(stage):
    alice = stage(asked_max=1000, asked_min=10)
    bob, carol = alice.mesh_with(["bob", "carol"])

    def asked(peer, number, count=1000):
        ids = tuple(message_id(b"%s %d %d" % (peer, number, n)) for n in range(count))
        alice.hear(peer, ihave=(IHave(ROOM, ids),))
        return len(alice.to(peer).iwant)

    counts = []
    for number in range(20):
        counts.append(asked(bob, number))
        alice.beat()
    assert counts[0] == 1000
    assert counts[10:] == [10] * 10
    assert asked(carol, 0) == 1000, "another one is asked as before"
    assert alice.counts.punished == 0, "it may be an honest one under load"
    alice.give(PeerDown(bob), PeerUp(bob))
    assert asked(bob, 20) == 10, "coming back clears nothing"
    alice.beat(400)
    assert asked(bob, 21) == 1000
