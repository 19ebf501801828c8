"""Coming back with remembered peers alone."""

from __future__ import annotations

from p2pchat.kad.vocabulary import PeerUp, Query


def test_a_remembered_peer_that_answers_leads_to_a_lookup_of_ourselves(new_stage, cast):
    """Though it comes up while it is being asked whether it is still there."""
    alice = cast("alice")
    stage = new_stage(restored=[cast.contact(alice)])
    (probe,) = (effect for effect in stage.started if isinstance(effect, Query))
    addresses = cast.contact(alice).addresses
    stage.give(PeerUp(alice, addresses, True, addresses))
    stage.answer(probe)
    stage.sleep(0.1)
    (query,) = stage.take(Query)
    assert (query.peer, query.message.key) == (alice, cast.own)
