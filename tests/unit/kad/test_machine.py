"""The machine as its node sees it: who enters the table, what commands do, what timers do."""

from __future__ import annotations

import pytest

from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    Asked,
    Discovered,
    FindPeer,
    FoundPeer,
    PeerDown,
    PeerUp,
    Query,
    Refresh,
)
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer
from tests.unit.kad.values import PUBLIC, table_of

# --- Who enters the table -----------------------------------------------------------------------


def test_only_a_peer_that_announced_server_mode_enters(stage, cast):
    stage.up(cast("client"), is_server=False)
    stage.up(cast("unknown"), is_server=None)
    assert table_of(stage) == []
    stage.up(cast("server"))
    stage.up(cast("unknown"), is_server=True)
    assert table_of(stage) == sorted([cast("server"), cast("unknown")])


def test_a_server_that_becomes_a_client_leaves(stage, cast):
    stage.up(cast("bob"))
    stage.up(cast("bob"), is_server=None)
    assert table_of(stage) == [cast("bob")], "identify has not told yet"
    stage.up(cast("bob"), is_server=False)
    assert table_of(stage) == []


def test_a_disconnected_server_stays(stage, cast):
    stage.up(cast("bob"))
    stage.give(PeerDown(cast("bob")))
    stage.give(PeerDown(cast("nobody")))
    assert table_of(stage) == [cast("bob")]


def test_a_peer_that_was_heard_of_enters_when_it_is_up_and_answers(stage, cast):
    stage.up(cast("carol"))
    stage.give(FindPeer(1, cast("x")))
    stage.answer(stage.take(Query)[0], cast.contact(cast("bob")))
    (query,) = stage.take(Query)
    assert query.peer == cast("bob")
    stage.answer(query)
    assert table_of(stage) == [cast("carol")], "an answer over a connection nobody told of"
    stage.up(cast("bob"), is_server=None)
    stage.give(FindPeer(2, cast("y")))
    stage.answer(stage.take(Query)[0], cast.contact(cast("bob")))
    stage.answer(stage.take(Query)[0])
    assert set(table_of(stage)) == {cast("bob"), cast("carol")}


def test_a_peer_that_fails_leaves_and_is_tried_again_later_ever_more_rarely(stage, cast):
    stage.know(cast("bob"))
    stage.give(FindPeer(1, cast("x")))
    stage.fail(stage.take(Query)[0])
    assert table_of(stage) == []
    for wait_s in (5, 10, 20):
        stage.sleep(wait_s - 1)
        assert stage.take(Query) == []
        stage.sleep(1)
        (query,) = stage.take(Query)
        assert (query.peer, query.message) == (
            cast("bob"),
            KadMessage(KadKind.FIND_NODE, cast.own),
        )
        stage.fail(query)
    stage.sleep(40)
    stage.up(cast("bob"), is_server=None)
    stage.answer(stage.take(Query)[0])
    assert table_of(stage) == [cast("bob")]
    assert stage.machine.statistics().suspects == 0


def test_a_merely_heard_of_peer_that_fails_is_not_tried_again(stage, cast):
    stage.up(cast("carol"))
    stage.give(FindPeer(1, cast("x")))
    stage.answer(stage.take(Query)[0], cast.contact(cast("bob")))
    stage.fail(stage.take(Query)[0])
    assert stage.machine.statistics().suspects == 0


def test_a_suspect_that_comes_up_by_itself_is_none_any_more(stage, cast):
    stage.up(cast("bob"))
    stage.give(FindPeer(1, cast("x")))
    stage.fail(stage.take(Query)[0])
    stage.give(PeerDown(cast("bob")))
    stage.up(cast("bob"))
    assert stage.machine.statistics().suspects == 0
    assert table_of(stage) == [cast("bob")]


def test_the_longest_silent_entry_of_a_full_bucket_is_asked_once_and_replaced(new_stage, cast):
    stage = new_stage(k=3, check_after_s=60)
    *inside, fourth, fifth = cast.in_bucket(0, 5)
    for peer in inside:
        stage.up(peer)
        stage.give(PeerDown(peer))
    stage.take()
    stage.up(fourth)
    assert stage.take(Query) == [], "it has been heard a moment ago"
    stage.now_s += 60
    stage.up(fourth, addresses=("/ip4/10.0.0.4/tcp/1",))
    (query,) = stage.take(Query)
    assert (query.peer, query.message.kind) == (inside[0], KadKind.FIND_NODE)
    stage.up(fifth)
    assert stage.take(Query) == [], "it is being asked"
    stage.fail(query)
    assert set(table_of(stage)) == {inside[1], inside[2], fifth}


def test_a_connected_entry_needs_no_asking(new_stage, cast):
    stage = new_stage(k=1)
    first, second = cast.in_bucket(0, 2)
    stage.up(first)
    stage.now_s += 3600
    stage.up(second)
    assert stage.take(Query) == []
    assert table_of(stage) == [first]


def test_who_asks_us_is_alive_as_well(stage, cast):
    alice, bob = cast("alice"), cast("bob")
    stage.up(alice)
    stage.up(bob)
    stage.now_s += 10
    stage.give(Asked(1, alice, KadMessage(KadKind.PING)))
    assert table_of(stage) == [alice, bob]


def test_networks_are_those_of_connections_and_local_ones_do_not_count(stage, cast):
    peers = cast.in_bucket(0, 6)
    for peer in peers[:3]:
        stage.give(PeerUp(peer, ("/ip4/8.8.4.4/tcp/50000",), True, (PUBLIC,)))
    assert len(table_of(stage)) == 2
    for peer in peers[3:]:
        stage.give(PeerUp(peer, ("/ip4/10.0.0.1/tcp/50000",), True, (PUBLIC,)))
    assert len(table_of(stage)) == 5


# --- Joining, refreshing, saving ----------------------------------------------------------------


def test_a_new_server_leads_to_one_lookup_of_ourselves_a_moment_later(stage, cast):
    stage.up(cast("alice"))
    stage.sleep(0.05)
    stage.up(cast("bob"))
    assert stage.take(Query) == []
    stage.sleep(0.03)
    queries = stage.take(Query)
    assert {query.peer for query in queries} == {cast("alice"), cast("bob")}
    assert {query.message for query in queries} == {KadMessage(KadKind.FIND_NODE, cast.own)}
    stage.up(cast("alice"))
    stage.sleep(1)
    assert stage.take(Query) == [], "nobody new"
    stage.up(cast("carol"))
    stage.sleep(1)
    assert cast("carol") in {query.peer for query in stage.take(Query)}


def test_a_server_that_our_lookup_found_leads_to_no_other(stage, cast):
    stage.up(cast("alice"))
    stage.sleep(0.1)
    stage.answer(stage.take(Query)[0], cast.contact(cast("bob")))
    (query,) = stage.take(Query)
    assert query.peer == cast("bob")
    stage.up(cast("bob"))
    stage.answer(query)
    stage.sleep(1)
    assert stage.take(Query) == []


def test_a_new_server_leads_to_no_lookup_when_the_table_is_large(new_stage, cast):
    stage = new_stage(k=2)
    for peer in (*cast.in_bucket(0, 2), *cast.in_bucket(1, 2)):
        stage.up(peer)
    stage.sleep(1)
    stage.play(lambda query: ())
    stage.up(cast.in_bucket(2, 1)[0])
    stage.sleep(1)
    assert stage.take(Query) == []


def keys_asked(stage):
    return list(dict.fromkeys(query.message.key for query in stage.play(lambda query: ())))


def test_every_ten_minutes_we_are_looked_up_and_a_large_table_in_its_stale_buckets(new_stage, cast):
    stage = new_stage(k=2)
    assert 540 <= stage.timers["refresh"] - stage.now_s <= 660
    first, second = cast.in_bucket(2, 2)
    stage.up(first)
    stage.sleep(1)
    assert keys_asked(stage) == [cast.own]
    stage.up(second)
    stage.sleep(1)
    ours, *others = keys_asked(stage)
    assert ours == cast.own
    own_id = kad_id(cast.own)
    assert [256 - (own_id ^ kad_id(key)).bit_length() for key in others] == [0, 1, 2]
    for _ in range(5):
        stage.sleep(660)
        assert keys_asked(stage) == [cast.own]
    stage.sleep(660)
    assert len(keys_asked(stage)) == 4


def test_a_refresh_on_demand_replies_the_size_of_the_table(stage, cast):
    stage.give(Refresh(1))
    assert stage.result() == 0
    stage.up(cast("bob"))
    stage.give(Refresh(2))
    stage.play(lambda query: ())
    assert stage.result(2) == 1


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_late_outcome_of_an_earlier_walk_does_not_disturb_a_refresh(new_stage, cast, is_answered):
    stage = new_stage(k=3, alpha=3, paths=1)
    far, also_far, late = cast.in_bucket(0, 3)
    stage.know(far, also_far, late)
    stage.now_s += 3600
    stage.give(Refresh(1))
    by_peer = {query.peer: query for query in stage.take(Query)}
    stage.answer(by_peer[far], *map(cast.contact, cast.by_distance(cast.own, 60)[:3]))
    stage.answer(by_peer[also_far])
    for query in stage.take(Query):
        assert query.message.key == cast.own
        stage.answer(query)
    others = stage.take(Query)
    assert others
    assert cast.own not in {query.message.key for query in others}
    if is_answered:
        stage.answer(by_peer[late], cast.contact(cast("new")))
    else:
        stage.fail(by_peer[late])
    assert stage.take(Query) == []
    for query in others:
        stage.answer(query)
    stage.play(lambda query: ())
    assert stage.result() == (3 if is_answered else 2)


def test_restored_peers_are_asked_at_the_start_and_trusted_when_they_answer(new_stage, cast):
    names = ["own", "alice", "bob", "carol"]
    restored = [KadPeer(cast(n), (cast.address_of(cast(n)), "none")) for n in names]
    stage = new_stage(restored=restored, restored_max=2)
    asked = [effect for effect in stage.started if isinstance(effect, Query)]
    assert [query.peer for query in asked] == [cast("alice"), cast("bob")]
    assert asked[0].addresses == (cast.address_of(cast("alice")),)
    assert table_of(stage) == []
    stage.up(cast("alice"), is_server=None)
    stage.answer(asked[0])
    stage.fail(asked[1])
    assert table_of(stage) == [cast("alice")]
    assert stage.machine.statistics().suspects == 1


def test_suspects_seed_a_lookup_when_there_is_nobody_else(new_stage, cast):
    stage = new_stage(restored=[cast.contact(cast("alice"))])
    stage.give(FindPeer(1, cast("x")))
    assert [query.peer for query in stage.take(Query)] == [cast("alice")]
    stage.up(cast("bob"))
    stage.give(FindPeer(2, cast("x")))
    assert [query.peer for query in stage.take(Query)] == [cast("bob")]


def test_connections_that_nobody_told_of_seed_a_lookup_when_there_is_nobody_else(stage, cast):
    stage.up(cast("client"), is_server=False)
    stage.up(cast("unknown"), is_server=None)
    stage.give(FindPeer(1, cast("x")))
    (query,) = stage.take(Query)
    assert query.peer == cast("unknown")
    stage.answer(query)
    assert table_of(stage) == [cast("unknown")]


# --- What a lookup believes and tells -----------------------------------------------------------


@pytest.mark.parametrize(
    ("connection", "believed"),
    [
        ("/ip4/127.0.0.1/tcp/1", 3),
        ("/ip4/192.168.1.1/tcp/1", 2),
        ("/ip4/8.8.8.8/tcp/1", 1),
    ],
)
def test_addresses_are_believed_as_far_as_the_connection_reaches(stage, cast, connection, believed):
    addresses = (PUBLIC, "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1")
    stage.up(cast("bob"), addresses=(connection,))
    stage.give(FindPeer(1, cast("x")))
    stage.answer(stage.take(Query)[0], KadPeer(cast("x"), addresses))
    assert stage.take(Discovered) == [Discovered(cast("x"), addresses[:believed])]


def test_without_a_connection_the_dialled_address_says_how_far(stage, cast):
    stage.up(cast("bob"), addresses=("/ip4/192.168.1.1/tcp/1",))
    stage.give(PeerDown(cast("bob")))
    stage.give(FindPeer(1, cast("x")))
    told = KadPeer(cast("y"), ("/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"))
    stage.answer(stage.take(Query)[0], told)
    assert stage.take(Query)[0].addresses == ("/ip4/10.0.0.1/tcp/1",)


def test_a_peer_without_a_believable_address_is_asked_only_when_connected(stage, cast):
    stage.up(cast("bob"))
    stage.give(FindPeer(1, cast("x")))
    stage.answer(stage.take(Query)[0], KadPeer(cast("y")))
    assert stage.take(Query) == []
    assert stage.result() == FoundPeer(cast("x"), (), False, 1, 1)
    stage.up(cast("y"), is_server=None)
    stage.give(FindPeer(2, cast("x")))
    stage.answer(stage.take(Query)[0], KadPeer(cast("y")))
    assert [query.peer for query in stage.take(Query)] == [cast("y")]


def test_what_we_know_first_hand_comes_before_hearsay(stage, cast):
    stage.up(cast("bob"))
    stage.up(cast("carol"))
    stage.give(PeerDown(cast("carol")))
    stage.give(FindPeer(1, cast("x")))
    by_peer = {query.peer: query for query in stage.take(Query)}
    stage.answer(by_peer[cast("bob")], KadPeer(cast("carol"), ("/ip4/10.0.0.9/tcp/1",)))
    (discovered,) = stage.take(Discovered)
    assert discovered.addresses == (cast.address_of(cast("carol")), "/ip4/10.0.0.9/tcp/1")


def test_discoveries_are_told_once_a_refresh_and_not_of_the_connected(new_stage, cast):
    stage = new_stage(discovered_max=3)
    stage.know(cast("bob"))
    stage.up(cast("carol"), is_server=False)

    def discovered(*names):
        stage.give(Refresh(1))
        told = [cast.contact(cast(name)) for name in names]
        found: list = []
        while effects := stage.take():
            found += [effect.peer for effect in effects if isinstance(effect, Discovered)]
            for query in effects:
                if isinstance(query, Query):
                    stage.answer(query, *told)
        stage.replies.clear()
        return found

    assert discovered("carol", 1, 2) == [cast(1), cast(2)]
    assert discovered("carol", 1, 2) == []
    assert discovered(1, 3) == [cast(3)]
    assert discovered(4) == [cast(4)]
    assert discovered(1) == [cast(1)], "forgotten, as the oldest of four"
    stage.sleep(660)
    stage.take()
    assert discovered(3, 1) == [cast(3), cast(1)]
    moved = KadPeer(cast(3), ("/ip4/10.9.9.9/tcp/1",))
    stage.give(Refresh(1))
    for query in stage.take(Query):
        stage.answer(query, moved)
    assert cast(3) in [effect.peer for effect in stage.take(Discovered)]
