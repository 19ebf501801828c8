"""The machine as its node sees it: who enters the table, what commands do, what timers do."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    Answered,
    Asked,
    Discovered,
    Failure,
    FindPeer,
    FindProviders,
    FoundPeer,
    FoundProviders,
    FoundValue,
    GetValue,
    PeerDown,
    PeerUp,
    Provide,
    PutValue,
    Query,
    Refresh,
    SetAddresses,
    Withdraw,
)
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord

KEY = b"/test/key"
PUBLIC = "/ip4/8.8.4.4/tcp/4001"


def record(value, key=KEY):
    return KadRecord(key, value)


def table_of(stage):
    """The peers in the routing table."""
    return sorted(entry.peer for entry in stage.machine._peers.table)


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


# --- Commands -----------------------------------------------------------------------------------


def chain(stage, cast, *names):
    """The machine knows the first; each tells of the next when asked."""
    stage.know(cast(names[0]))
    following = dict(zip(map(cast, names), map(cast, names[1:]), strict=False))
    return lambda query: [cast.contact(following[query.peer])] if query.peer in following else []


def test_a_peer_is_found_by_asking_one_after_the_other(stage, cast):
    respond = chain(stage, cast, "a", "b", "c", "target")
    stage.give(FindPeer(1, cast("target")))
    asked = stage.play(respond)
    assert [query.peer for query in asked] == [cast(n) for n in ("a", "b", "c", "target")]
    assert {query.message for query in asked} == {KadMessage(KadKind.FIND_NODE, cast("target"))}
    at = (cast.address_of(cast("target")),)
    assert stage.result() == FoundPeer(cast("target"), at, True, 3, 4)


def test_a_peer_that_serves_nobody_is_found_when_it_comes_up(stage, cast):
    stage.know(cast("a"))
    stage.give(FindPeer(1, cast("client")))
    stage.answer(stage.take(Query)[0], cast.contact(cast("client")))
    (query,) = stage.take(Query)
    stage.up(cast("someone else"), is_server=False)
    assert stage.replies == {}
    stage.up(cast("client"), is_server=False)
    assert stage.result() == FoundPeer(
        cast("client"), (cast.address_of(cast("client")),), True, 1, 1
    )
    stage.fail(query, Failure.REFUSED)
    assert stage.take() == []


def test_a_peer_that_cannot_be_reached_is_hearsay(stage, cast):
    stage.know(cast("a"))
    stage.give(FindPeer(1, cast("target")))
    told = cast.contact(cast("target"))
    stage.play(lambda query: None if query.peer == told.peer else [told])
    assert stage.result() == FoundPeer(told.peer, told.addresses, False, 1, 1)


def test_a_connected_peer_and_we_ourselves_need_no_lookup(stage, cast):
    stage.up(cast("bob"), is_server=False)
    stage.give(FindPeer(1, cast("bob")))
    assert stage.result() == FoundPeer(cast("bob"), (cast.address_of(cast("bob")),), True, 0, 0)
    stage.give(SetAddresses((PUBLIC,)))
    stage.give(FindPeer(2, cast.own))
    assert stage.result(2) == FoundPeer(cast.own, (PUBLIC,), True, 0, 0)
    assert stage.take(Query) == []


def test_with_nobody_to_ask_a_command_ends_at_once(stage, cast):
    stage.give(FindPeer(1, cast("x")))
    assert stage.result() == FoundPeer(cast("x"), (), False, 0, 0)
    stage.give(GetValue(2, KEY, 1))
    assert stage.result(2) == FoundValue(KEY, None, 0, 0, 0)
    stage.give(PutValue(3, KEY, b"1"))
    assert stage.result(3) == 0
    stage.give(Provide(4, b"room"))
    assert stage.result(4) == 0
    stage.give(FindProviders(5, b"room"))
    assert stage.result(5) == FoundProviders(b"room", (), 0, 0)


def test_a_value_is_read_from_the_network_until_the_quorum(stage, cast):
    names = ["a", "b", "c", "d"]
    stage.know(*map(cast, names))
    stage.give(GetValue(1, KEY, 2))
    first, second, third = stage.take(Query)
    assert first.message == KadMessage(KadKind.GET_VALUE, KEY)
    stage.answer(first, record=record(b"5"))
    assert stage.replies == {}
    stage.answer(second, record=record(b"5"))
    assert stage.result() == FoundValue(KEY, b"5", 2, 1, 2)
    stage.answer(third, record=record(b"9"))
    assert stage.replies == {}


def test_the_best_value_wins_and_who_answered_a_worse_one_is_corrected(stage, cast):
    stage.know(*map(cast, "abc"))
    values = {cast("a"): b"5", cast("b"): b"7", cast("c"): None}
    stage.give(GetValue(1, KEY, 9))
    for query in stage.take(Query):
        value = values[query.peer]
        stage.answer(query, record=record(value) if value else None)
    assert stage.result() == FoundValue(KEY, b"7", 2, 1, 3)
    (correction,) = stage.take(Query)
    assert correction.peer == cast("a")
    assert correction.message == KadMessage(KadKind.PUT_VALUE, KEY, record(b"7"))
    stage.answer(correction, record=record(b"7"))
    assert stage.take() == []


@pytest.mark.parametrize(
    "bad",
    [record(b"no number"), record(b"7", b"/test/other")],
    ids=["invalid", "of another key"],
)
def test_a_value_that_is_none_counts_for_nothing(stage, cast, bad):
    stage.know(cast("a"))
    stage.give(GetValue(1, KEY, 1))
    stage.play(lambda query: [])
    stage.replies.clear()
    stage.give(GetValue(1, KEY, 1))
    stage.answer(stage.take(Query)[0], record=bad)
    assert stage.result() == FoundValue(KEY, None, 0, 1, 1)


def test_our_own_copy_is_weighed_and_never_enough(stage, cast):
    stage.up(cast("a"), is_server=False)
    stage.give(Asked(1, cast("a"), KadMessage(KadKind.PUT_VALUE, KEY, record(b"6"))))
    stage.know(cast("b"))
    stage.give(GetValue(1, KEY, 0))
    (query,) = stage.take(Query)
    assert stage.replies == {}
    stage.answer(query, record=record(b"5"))
    assert stage.result() == FoundValue(KEY, b"6", 1, 1, 1)
    (correction,) = stage.take(Query)
    assert correction.message.record == record(b"6")


def test_a_value_found_farther_away_says_how_far(stage, cast):
    respond = chain(stage, cast, "a", "b", "c")
    stage.give(GetValue(1, KEY, 1))
    while queries := stage.take(Query):
        for query in queries:
            found = record(b"1") if query.peer == cast("c") else None
            stage.answer(query, *respond(query), record=found)
    assert stage.result() == FoundValue(KEY, b"1", 1, 3, 3)


def test_a_value_is_put_at_the_k_closest_and_those_that_took_it_are_counted(new_stage, cast):
    stage = new_stage(k=3)
    nearest = cast.by_distance(KEY, 12)
    stage.know(nearest[5])
    stage.give(PutValue(1, KEY, b"5"))
    everybody = [cast.contact(peer) for peer in nearest]

    def respond(query):
        return [] if query.message.kind is KadKind.PUT_VALUE else everybody

    puts = []
    while queries := stage.take(Query):
        for query in queries:
            if query.message.kind is KadKind.PUT_VALUE:
                puts.append(query)
            else:
                assert query.message == KadMessage(KadKind.FIND_NODE, KEY)
                stage.answer(query, *everybody)
    assert [put.peer for put in puts] == nearest[:3]
    assert puts[0].message == KadMessage(KadKind.PUT_VALUE, KEY, record(b"5"))
    stage.answer(puts[0], record=record(b"5"))
    stage.answer(puts[1], record=record(b"4"))
    assert stage.replies == {}
    stage.fail(puts[2], Failure.REFUSED)
    assert stage.result() == 1


def test_who_fails_while_the_closest_are_sought_gets_nothing(stage, cast):
    stage.know(cast("a"), cast("b"))
    stage.give(PutValue(1, KEY, b"5"))
    first, second = stage.take(Query)
    stage.fail(first)
    stage.answer(second)
    (put,) = stage.take(Query)
    assert put.peer == second.peer
    stage.answer(put, record=record(b"5"))
    assert stage.result() == 1


def test_who_comes_up_is_of_no_interest_to_other_commands(stage, cast):
    stage.know(cast("a"))
    stage.give(GetValue(1, KEY, 1))
    stage.give(Refresh(2))
    stage.up(cast("b"))
    assert stage.replies == {}
    for query in stage.take(Query):
        stage.fail(query)
    assert (stage.result(1).asked, stage.result(2)) == (0, 1)


def test_a_peer_may_refuse_a_gift_and_stay_in_the_table(stage, cast):
    stage.know(cast("a"))
    stage.give(PutValue(1, KEY, b"5"))
    stage.answer(stage.take(Query)[0])
    (put,) = stage.take(Query)
    stage.fail(put, Failure.REFUSED)
    assert stage.result() == 0
    assert table_of(stage) == [cast("a")]
    stage.give(Provide(2, b"room"))
    stage.answer(stage.take(Query)[0])
    stage.fail(stage.take(Query)[0], Failure.TIMED_OUT)
    assert table_of(stage) == []


def test_a_peer_that_serves_no_longer_leaves(stage, cast):
    stage.know(cast("a"))
    stage.give(FindPeer(1, cast("x")))
    stage.fail(stage.take(Query)[0], Failure.REFUSED)
    assert table_of(stage) == []


def test_an_answer_of_another_kind_is_a_failure(stage, cast):
    stage.know(cast("a"))
    stage.give(FindPeer(1, cast("x")))
    (query,) = stage.take(Query)
    stage.give(Answered(query.query_id, KadMessage(KadKind.PING)))
    assert stage.result().asked == 0
    assert table_of(stage) == []


def test_a_server_keeps_its_own_value_and_a_client_does_not(new_stage):
    for is_server in (True, False):
        stage = new_stage(is_server=is_server)
        stage.give(PutValue(1, KEY, b"5"))
        assert stage.machine.statistics().records == is_server


def test_our_own_value_is_published_though_our_store_is_full_of_nearer_keys(new_stage, cast):
    stage = new_stage(records_max=1)
    own_id = kad_id(cast.own)
    near, far = sorted((b"/test/%d" % n for n in range(9)), key=lambda key: kad_id(key) ^ own_id)[
        ::8
    ]
    stage.give(PutValue(1, near, b"5"))
    stage.give(PutValue(2, far, b"5"))
    assert stage.result(2) == 0
    assert stage.machine.statistics().records == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [(KEY, b"no number"), (b"/other/key", b"1"), (b"", b"1"), (b"/test/" + bytes(125), b"1")],
)
def test_a_value_that_others_would_refuse_is_not_sent(stage, cast, key, value):
    stage.know(cast("a"))
    stage.give(PutValue(1, key, value))
    assert isinstance(stage.error(), LocalProtocolError)
    assert stage.take(Query) == []


@pytest.mark.parametrize("key", [b"", bytes(129), b"/other/key"])
def test_a_key_that_no_record_can_have_is_not_asked_for(stage, cast, key):
    stage.know(cast("a"))
    stage.give(GetValue(1, key, 1))
    assert isinstance(stage.error(), LocalProtocolError)
    for id, make in ((2, Provide), (3, FindProviders)):
        stage.give(make(id, key[:0] or bytes(200)))
        assert isinstance(stage.error(id), LocalProtocolError)


def test_a_value_worse_than_the_one_we_hold_is_not_published(stage):
    stage.give(PutValue(1, KEY, b"5"))
    stage.give(PutValue(2, KEY, b"4"))
    assert "better" in str(stage.error(2))
    stage.give(PutValue(3, KEY, b"5"))
    assert stage.result(3) == 0


def test_we_are_announced_with_our_addresses_and_the_answers_counted(stage, cast):
    stage.give(SetAddresses((f"{PUBLIC}/p2p/{cast.own}",)))
    stage.know(cast("a"), cast("b"))
    stage.give(Provide(1, b"room"))
    for query in stage.take(Query):
        assert query.message == KadMessage(KadKind.FIND_NODE, b"room")
        stage.answer(query)
    first, second = stage.take(Query)
    ourselves = KadPeer(cast.own, (PUBLIC,))
    assert first.message == KadMessage(KadKind.ADD_PROVIDER, b"room", providers=(ourselves,))
    stage.give(Answered(first.query_id, KadMessage(KadKind.FIND_NODE)))
    stage.fail(second)
    assert stage.result() == 1


def test_what_we_published_is_published_again_until_withdrawn(new_stage, cast):
    stage = new_stage(republish_s=1000, reprovide_s=1000, refresh_s=100)
    stage.know(cast("a"))
    stage.up(cast("a"))

    def respond(query):
        return [] if query.message.kind is not KadKind.PUT_VALUE else None

    def gifts(seconds):
        given = []
        for _ in range(seconds // 50):
            stage.sleep(50)
            while queries := stage.take(Query):
                for query in queries:
                    if query.message.kind in (KadKind.PUT_VALUE, KadKind.ADD_PROVIDER):
                        given.append(query.message.kind)
                    stage.answer(query, record=query.message.record)
        return given

    stage.give(PutValue(1, KEY, b"5"))
    stage.give(Provide(2, b"room"))
    assert sorted(gifts(900)) == [KadKind.PUT_VALUE, KadKind.ADD_PROVIDER]
    assert sorted(gifts(1000)) == [KadKind.PUT_VALUE, KadKind.ADD_PROVIDER]
    stage.give(Withdraw(KEY))
    assert gifts(1000) == [KadKind.ADD_PROVIDER]


def test_what_nobody_took_is_offered_again_soon(new_stage, cast):
    stage = new_stage(republish_s=100_000, refresh_s=100)
    stage.give(PutValue(1, KEY, b"5"))
    assert stage.result() == 0
    stage.know(cast("a"))
    stage.sleep(220)
    kinds = [query.message for query in stage.play(lambda query: ())]
    assert KadMessage(KadKind.PUT_VALUE, KEY, record(b"5")) in kinds


def test_a_value_that_is_not_the_best_any_more_is_not_published_again(new_stage, cast):
    stage = new_stage(republish_s=1000, reprovide_s=1000, refresh_s=100)
    stage.give(PutValue(1, KEY, b"5"))
    stage.up(cast("a"))
    stage.give(Asked(1, cast("a"), KadMessage(KadKind.PUT_VALUE, KEY, record(b"6"))))
    stage.sleep(2000)
    kinds = [query.message.kind for query in stage.play(lambda query: ())]
    assert KadKind.PUT_VALUE not in kinds


def test_so_much_is_kept_published_and_no_more(new_stage):
    stage = new_stage(published_max=1)
    stage.give(Provide(1, b"room"))
    stage.give(Provide(2, b"other"))
    assert "withdraw" in str(stage.error(2))
    stage.give(Withdraw(b"room"))
    stage.give(Provide(3, b"other"))
    assert stage.result(3) == 0


def test_commands_wait_for_their_turn_and_too_many_are_refused(new_stage, cast):
    stage = new_stage(operations_max=1, operations_waiting_max=1)
    stage.know(cast("a"))
    for id in (1, 2, 3):
        stage.give(FindPeer(id, cast(id)))
    assert isinstance(stage.error(3), LocalProtocolError)
    (query,) = stage.take(Query)
    assert query.message.key == cast(1)
    assert stage.machine.statistics().operations == 1
    stage.sleep(700)
    assert [q for q in stage.take(Query) if q.message.key != cast.own] == []
    stage.answer(query)
    (query,) = stage.take(Query)
    assert query.message.key == cast(2)
    stage.answer(query)
    assert {1, 2} <= set(stage.replies)


def test_nothing_is_said_at_the_end_of_a_batch(stage):
    assert stage.machine.settle(stage.now) == []
