"""What is remembered is forgotten by age and by size."""

from __future__ import annotations

import pytest

from p2pchat.gossip.cache import MessageCache, SeenCache
from p2pchat.gossip.config import GossipConfig


def test_a_key_is_known_until_its_time_is_over():
    seen = SeenCache[str](ttl_s=120, count_max=10)
    seen.add("early", 0.0)
    seen.add("late", 60.0)
    seen.expire(119.9)
    assert "early" in seen
    seen.expire(120.0)
    assert "early" not in seen
    assert "late" in seen
    seen.expire(500.0)
    assert len(seen) == 0
    seen.expire(501.0)


def test_the_oldest_key_gives_way_when_there_are_too_many():
    seen = SeenCache[int](ttl_s=120, count_max=3)
    for key in range(5):
        seen.add(key, 0.0)
    assert [key for key in range(5) if key in seen] == [2, 3, 4]
    assert len(seen) == 3


@pytest.fixture
def cache():
    return MessageCache(GossipConfig(history_count_max=5, history_bytes_max=100))


def test_a_message_is_advertised_for_three_windows_and_served_for_five(cache, named):
    cache.put(b"id", "room", b"encoded")
    advertised, served = [], []
    for _ in range(6):
        advertised.append(cache.recent().get("room"))
        served.append(cache.serve(b"id", named("bob" + str(len(served)))))
        cache.shift()
    assert advertised == [[b"id"]] * 3 + [None] * 3
    assert served == [b"encoded"] * 5 + [None]
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_what_is_advertised_is_told_by_topic_the_newest_first(cache):
    cache.put(b"1", "room", b"")
    cache.put(b"2", "hall", b"")
    cache.shift()
    cache.put(b"3", "room", b"")
    assert cache.recent() == {"room": [b"3", b"1"], "hall": [b"2"]}


def test_the_oldest_message_gives_way_by_count_and_by_bytes(cache, named):
    for id in b"1", b"2", b"3", b"4", b"5", b"6":
        cache.put(id, "room", b"x")
    assert (len(cache), cache.size_bytes) == (5, 5)
    assert cache.serve(b"1", named("bob")) is None
    cache.put(b"7", "room", bytes(97))
    assert (len(cache), cache.size_bytes) == (4, 100)
    cache.put(b"8", "room", bytes(200))
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_one_peer_gets_the_same_message_three_times_at_most(cache, named):
    cache.put(b"id", "room", b"encoded")
    assert [cache.serve(b"id", named("bob")) for _ in range(4)] == [b"encoded"] * 3 + [None]
    assert cache.serve(b"id", named("carol")) == b"encoded"
