"""The machine as its node sees it: what commands do, and what is published again."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    Answered,
    Asked,
    Failure,
    FindPeer,
    FindProviders,
    FoundPeer,
    FoundProviders,
    FoundValue,
    GetValue,
    Provide,
    PutValue,
    Query,
    Refresh,
    SetAddresses,
    Withdraw,
)
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord
from tests.unit.kad.values import KEY, PUBLIC, table_of


def record(value, key=KEY):
    return KadRecord(key, value)


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
