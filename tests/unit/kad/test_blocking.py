"""Blocked peers are not known, not asked, and not told to others."""

from __future__ import annotations

from p2pchat.kad.vocabulary import Asked, Blocked, Discovered, FindPeer, PeerDown, Query
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer

PUBLIC = "/ip4/8.8.4.4/tcp/4001"


def table_of(stage):
    """The peers in the routing table."""
    return sorted(entry.peer for entry in stage.machine._peers.table)


def test_a_blocked_peer_leaves_the_table_and_nobody_is_told_of_it(stage, cast):
    for name in ("alice", "bob"):
        stage.up(cast(name))
    stage.give(Blocked(BlockList(frozenset({cast("bob")}))))
    assert table_of(stage) == [cast("alice")]
    stage.give(PeerDown(cast("bob")))
    answer = stage.give(Asked(1, cast("alice"), KadMessage(KadKind.FIND_NODE, cast("bob"))))[0]
    assert cast("bob") not in {peer.peer for peer in answer.message.closer}


def test_what_others_tell_of_the_blocked_is_not_believed(stage, cast):
    stage.up(cast("alice"))
    stage.give(Blocked(BlockList.parse([str(cast("bob"))], ["198.51.100.0/24"])))
    stage.give(FindPeer(1, cast("dave")))
    [query] = stage.take(Query)
    effects = stage.answer(
        query,
        KadPeer(cast("bob"), (PUBLIC,)),
        KadPeer(cast("carol"), ("/ip4/198.51.100.7/tcp/1", PUBLIC)),
        KadPeer(cast("dave"), ("/ip4/198.51.100.8/tcp/1",)),
    )
    told = [effect for effect in effects if isinstance(effect, Discovered)]
    assert told == [Discovered(cast("carol"), (PUBLIC,))]


def test_an_entry_in_a_blocked_subnet_leaves_and_may_come_back(stage, cast):
    near, far = ("/ip4/8.8.8.8/tcp/1",), ("/ip4/8.8.4.4/tcp/1",)
    stage.up(cast("alice"), addresses=near + far)
    stage.up(cast("bob"), addresses=near)
    stage.give(Blocked(BlockList.parse(subnets=["8.8.8.0/24"])))
    assert table_of(stage) == [cast("alice")]
    stage.give(Blocked(NOBODY))
    stage.up(cast("bob"), addresses=near)
    assert table_of(stage) == sorted([cast("alice"), cast("bob")])
