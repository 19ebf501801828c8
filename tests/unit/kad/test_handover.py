"""Whom a holder hands its records to, and when."""

from __future__ import annotations

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.handover import Handover
from p2pchat.kad.records import Namespaces, RecordStore
from p2pchat.kad.table import Entry, RoutingTable, kad_id
from p2pchat.kad.vocabulary import Answered, Asked, Failure, Query, QueryFailed, SetMode
from p2pchat.model.machine import Now
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadRecord

from .conftest import EPOCH_MS

KEY, VALUE = b"/test/until", b"9000000"
CONFIG = KadConfig(k=4)


@pytest.fixture
def table(cast):
    return RoutingTable(cast.own, CONFIG)


@pytest.fixture
def records(cast, numbers):
    return RecordStore(cast.own, CONFIG, Namespaces({"/test/": numbers}))


@pytest.fixture
def handover(cast, table, records):
    return Handover(cast.own, CONFIG, table, records)


@pytest.fixture
def meet(cast, table):
    def entering(*peers):
        for peer in peers:
            addresses = cast.contact(peer).addresses
            table.offer(Entry(peer, addresses, (), Now(EPOCH_MS, 0.0)))

    return entering


@pytest.fixture
def around(cast):
    """Peers nearer to the key than we are, and peers farther away, each the nearest first."""
    own = kad_id(cast.own) ^ kad_id(KEY)
    by_distance = cast.by_distance(KEY, 400)
    nearer = [peer for peer in by_distance if kad_id(peer) ^ kad_id(KEY) < own]
    return nearer, by_distance[len(nearer) :]


def due(handover, now_ms=EPOCH_MS):
    return [(entry.peer, record) for entry, record in handover.take_due(now_ms)]


def test_who_came_to_be_near_is_given_what_we_hold_once(handover, records, meet, around, cast):
    _, farther = around
    meet(*farther[2:5])
    records.put(cast("giver"), KEY, VALUE, EPOCH_MS)
    assert due(handover) == [], "who was near when it was put has got it"
    meet(farther[0])
    assert due(handover) == [(farther[0], KadRecord(KEY, VALUE))]
    assert due(handover) == []


def test_only_the_three_nearest_hand_on_to_all_and_get_it_from_everybody(
    handover, records, meet, around, cast
):
    nearer, farther = around
    assert len(nearer) > 3
    meet(*nearer[:2], *farther[5:7])
    records.put(cast("giver"), KEY, VALUE, EPOCH_MS)
    due(handover)
    meet(farther[0])
    assert [peer for peer, _ in due(handover)] == [farther[0]]
    meet(nearer[2], farther[1])
    given = [peer for peer, _ in due(handover)]
    assert given == [nearer[2]], "three are nearer now: the others are for them"


def test_what_expired_or_names_no_end_is_not_handed_on(handover, records, meet, around, cast):
    _, farther = around
    meet(farther[3])
    for key in (KEY, b"/test/endless"):
        records.put(cast("giver"), key, VALUE, EPOCH_MS)
    due(handover)
    meet(farther[0])
    assert {record.key for _, record in due(handover)} == {KEY}
    meet(farther[1])
    assert due(handover, EPOCH_MS + int(VALUE)) == []


def test_so_many_records_are_looked_at_in_one_refresh(cast, numbers, table, meet, around):
    config = KadConfig(k=4, handover_records_max=4)
    records = RecordStore(cast.own, config, Namespaces({"/test/": numbers}))
    handover = Handover(cast.own, config, table, records)
    keys = {b"/test/%d/until" % n for n in range(6)}
    for key in keys:
        records.put(cast("giver"), key, VALUE, EPOCH_MS)
    meet(cast("anybody"))
    for _ in range(3):
        assert due(handover) == []
    meet(cast("somebody"))
    told = [[record.key for _, record in due(handover)] for _ in range(3)]
    assert max(map(len, told)) <= 2
    assert {key for keys in told for key in keys} == keys


def test_a_server_hands_on_at_its_refresh_and_a_client_does_not(new_stage, cast):
    for is_server in (True, False):
        stage = new_stage()
        stage.know(cast("near"))
        message = KadMessage(KadKind.PUT_VALUE, KEY, KadRecord(KEY, VALUE))
        stage.give(Asked(1, cast("near"), message))
        stage.give(SetMode(is_server))
        stage.sleep(700)
        stage.play(lambda query: ())
        stage.up(cast("newcomer"))
        stage.sleep(700)
        given = [q for q in stage.take(Query) if q.message.kind is KadKind.PUT_VALUE]
        assert [query.peer for query in given] == ([cast("newcomer")] if is_server else [])


def test_gifts_go_one_by_one_and_end_with_the_first_that_fails(new_stage, cast):
    stage = new_stage()
    stage.know(cast("near"))
    keys = [b"/test/%d/until" % n for n in range(3)]
    for number, key in enumerate(keys):
        message = KadMessage(KadKind.PUT_VALUE, key, KadRecord(key, VALUE))
        stage.give(Asked(number, cast("near"), message))
    stage.give(SetMode(is_server=True))
    stage.sleep(700)
    stage.play(lambda query: ())
    stage.up(cast("newcomer"))
    stage.sleep(700)
    first = gift(stage)
    stage.give(Answered(first.query_id, KadMessage(KadKind.PUT_VALUE, first.message.key)))
    second = gift(stage)
    assert second.message.key != first.message.key
    stage.give(QueryFailed(second.query_id, Failure.TIMED_OUT))
    assert gift(stage) is None


def gift(stage):
    """What is being given now, which is one record at most."""
    given = [q for q in stage.take(Query) if q.message.kind is KadKind.PUT_VALUE]
    assert len(given) <= 1
    return given[0] if given else None
