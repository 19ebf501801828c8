"""The routing table: who enters, who stays, who is nearest."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import (
    KEY_BITS,
    Entry,
    RoutingTable,
    kad_id,
    key_in_bucket,
    shared_bits,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now

NOW = Now(0, 0.0)
CONFIG = KadConfig(k=3, replacements_max=2)


@pytest.fixture
def table(cast):
    return RoutingTable(cast.own, CONFIG)


def entry(peer, *networks, now=NOW):
    return Entry(peer, ("/ip4/10.0.0.1/tcp/1",), networks, now)


def test_the_place_of_a_key_is_its_hash():
    assert f"{kad_id(b'abc'):064x}".startswith("ba7816bf8f01cfea")
    assert shared_bits(0b1000 << 252, 0b1010 << 252) == 2
    assert shared_bits(5, 5) == KEY_BITS


@pytest.mark.parametrize("bucket", [0, 1, 5, 9])
def test_a_random_key_of_a_bucket_is_in_it_and_looks_like_a_peer_id(cast, bucket):
    key = key_in_bucket(kad_id(cast.own), bucket, Random(bucket))
    assert shared_bits(kad_id(cast.own), kad_id(key)) == bucket
    assert PeerId(key)


def test_a_bucket_takes_k_and_the_next_waits_for_the_longest_silent(table, cast):
    first, second, third, fourth = cast.in_bucket(0, 4)
    assert [table.offer(entry(peer)) for peer in (first, second, third)] == [None] * 3
    assert table.offer(entry(fourth)) == first
    assert fourth not in table
    assert len(table) == 3


def test_who_is_heard_of_again_is_no_longer_the_longest_silent(table, cast):
    first, second, third, fourth = cast.in_bucket(0, 4)
    for peer in (first, second, third):
        table.offer(entry(peer))
    assert table.offer(entry(first, now=Now(5, 5.0))) is None
    assert table.offer(entry(fourth)) == second
    assert table.get(first).seen == Now(5, 5.0)
    assert len(table) == 3


def test_the_freshest_that_waits_takes_the_place_of_who_is_removed(table, cast):
    *inside, fourth, fifth, sixth = cast.in_bucket(0, 6)
    for peer in (*inside, fourth, fifth, sixth):
        table.offer(entry(peer))
    assert table.remove(inside[0]).peer == inside[0]
    assert sixth in table
    assert table.remove(inside[1]).peer == inside[1]
    assert fifth in table
    table.remove(inside[2])
    assert fourth not in table, "of three that waited two were kept"
    assert {e.peer for e in table} == {fifth, sixth}


def test_who_is_in_and_moves_to_a_network_of_which_there_are_enough_leaves(cast):
    config = KadConfig(network_bucket_max=2, network_table_max=3)
    table = RoutingTable(cast.own, config)
    peers = [peer for bucket in range(4) for peer in cast.in_bucket(bucket, 3)]
    for number, peer in enumerate(peers):
        table.offer(entry(peer, f"4:{number}"))
    assert len(table) == 12
    for peer in peers:
        table.offer(entry(peer, "4:evil"))
    assert len(table) == 3
    for bucket in range(4):
        assert sum(peer in table for peer in cast.in_bucket(bucket, 3)) <= 2
    for peer in peers:
        table.offer(entry(peer, "4:evil", now=Now(5, 5.0)))
    assert len(table) == 3


def test_the_place_of_who_moved_too_close_goes_to_the_freshest_that_waits(table, cast):
    *inside, fourth, fifth = cast.in_bucket(0, 5)
    for peer, network in zip((*inside, fourth, fifth), "aabcd", strict=True):
        table.offer(entry(peer, network))
    assert inside[2] in table
    assert fifth not in table
    table.offer(entry(inside[2], "a"))
    assert inside[2] not in table
    assert fifth in table


def test_who_waits_and_is_removed_waits_no_longer(table, cast):
    *inside, fourth = cast.in_bucket(0, 4)
    for peer in (*inside, fourth):
        table.offer(entry(peer))
    assert table.remove(fourth) is None
    table.remove(inside[0])
    assert len(table) == 2
    assert table.remove(inside[0]) is None


def test_other_buckets_have_room_of_their_own(table, cast):
    for bucket in range(4):
        for peer in cast.in_bucket(bucket, 3):
            assert table.offer(entry(peer)) is None
    assert len(table) == 12


def test_a_network_gets_two_places_in_a_bucket_and_three_in_the_table(table, cast):
    near, far = cast.in_bucket(1, 3), cast.in_bucket(0, 3)
    for peer in (*near, *far):
        table.offer(entry(peer, "4:10203"))
    assert [peer in table for peer in (*near, *far)] == [True, True, False, True, False, False]
    table.offer(entry(far[1], "4:10204"))
    assert far[1] in table


def test_a_place_that_is_given_up_counts_for_its_network_no_longer(table, cast):
    first, second, third = cast.in_bucket(0, 3)
    for peer in (first, second, third):
        table.offer(entry(peer, "4:10203"))
    table.remove(first)
    table.offer(entry(third, "4:10203"))
    assert third in table
    table.offer(entry(second, "4:99"))
    table.offer(entry(first, "4:10203"))
    assert first in table


def test_who_waits_and_would_crowd_a_network_is_passed_over(table, cast):
    *inside, crowding, other = cast.in_bucket(0, 5)
    for peer, network in zip(inside, ("a", "b", "c"), strict=True):
        table.offer(entry(peer, network))
    table.offer(entry(other, "d"))
    table.offer(entry(crowding, "x"))
    for bucket in (1, 2, 3):
        table.offer(entry(cast.in_bucket(bucket, 1)[0], "x"))
    table.remove(inside[0])
    assert (other in table, crowding in table) == (True, False)


def test_nobody_moves_up_when_nobody_who_waits_is_diverse(table, cast):
    *inside, crowding = cast.in_bucket(0, 4)
    for peer in inside:
        table.offer(entry(peer))
    table.offer(entry(crowding, "x"))
    for bucket in (1, 2, 3):
        table.offer(entry(cast.in_bucket(bucket, 1)[0], "x"))
    table.remove(inside[0])
    assert crowding not in table


def test_the_radius_is_as_far_as_the_kth_neighbour(table, cast):
    peers = cast.by_distance(cast.own, 50)
    assert table.radius() == 0
    for peer in peers[:2]:
        table.offer(entry(peer))
    assert table.radius() == 0
    for peer in peers[2:]:
        table.offer(entry(peer))
    assert table.radius() == kad_id(peers[2]) ^ kad_id(cast.own)


def test_the_radius_leaves_out_a_bucket_that_ids_were_made_for(cast):
    table = RoutingTable(cast.own, KadConfig(k=6))
    honest = cast.by_distance(cast.own, 600)[::6]
    for peer in honest:
        table.offer(entry(peer))
    calm = table.radius()
    for peer in cast.in_bucket(9, 6):
        table.offer(entry(peer))
    assert 0.5 < table.radius() / calm < 2
    crowded = sorted(kad_id(e.peer) ^ kad_id(cast.own) for e in table)[5]
    assert crowded < calm / 2, "the nearest six are the crowd"


def test_a_crowd_does_not_make_every_wider_bucket_look_like_another(cast):
    """Few know their deepest neighbourhood well: of a network of a hundred, two are deeper than the
    crowd, and what stands in the wide buckets is not three times that."""
    table = RoutingTable(cast.own, KadConfig())
    for bucket, held in enumerate((20, 20, 19, 2, 20, 1, 0, 0, 1)):
        for peer in cast.in_bucket(bucket, held) if held else ():
            table.offer(entry(peer))
    neighbour = max(kad_id(e.peer) ^ kad_id(cast.own) for e in table)
    assert neighbour / 4 < table.radius() < neighbour


def test_buckets_without_a_lookup_for_an_hour_are_stale_down_to_our_neighbourhood(cast):
    table = RoutingTable(cast.own, KadConfig(k=2, refresh_depth_max=2))
    first, *others = cast.in_bucket(4, 3)
    table.offer(entry(first))
    assert table.stale_buckets(0.0) == [], "a lookup of ourselves finds everybody"
    table.offer(entry(others[0]))
    assert table.stale_buckets(0.0) == [0, 1, 2]
    table.note_lookup(cast.in_bucket(1, 1)[0], 100.0)
    table.note_lookup(cast.in_bucket(2, 1)[0], 3000.0)
    assert table.stale_buckets(3600.0) == [0]
    assert table.stale_buckets(3700.0) == [0, 1]
    table.remove(first)
    table.offer(entry(cast.in_bucket(1, 1)[0]))
    assert table.stale_buckets(3700.0) == [0, 1], "not deeper than the second neighbour"
