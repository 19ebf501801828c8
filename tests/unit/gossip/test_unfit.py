"""What a router makes of RPCs of which something had to be left out."""

from __future__ import annotations

from p2pchat.gossip.vocabulary import Offence, Punish
from tests.unit.gossip.conftest import ROOM


def punished(effects) -> list:
    return [effect for effect in effects if isinstance(effect, Punish)]


def test_a_peer_that_passes_on_unfit_messages_is_punished_in_the_end(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    for _ in range(14):
        assert punished(alice.hear(bob, unfit=1)) == []
    assert punished(alice.hear(bob, unfit=3)) == [Punish(bob, Offence.REJECTED)]
    assert alice.counts.unfit == 17


def test_nobody_is_blamed_for_topics_and_ids_of_other_networks(stage):
    alice = stage()
    (bob,) = alice.mesh_with(["bob"])
    for _ in range(100):
        assert punished(alice.hear(bob, skipped=5)) == []
    assert alice.counts.unfit == 500
    assert alice.router.mesh(ROOM) == (bob,)
