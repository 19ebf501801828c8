"""Token buckets: a burst, then a rate, for a bounded number of keys."""

from __future__ import annotations

from p2pchat.protocol.pace import BUCKETS_MAX, Bucket, Buckets, Rate


def test_a_burst_passes_and_then_a_steady_rate():
    bucket = Bucket(Rate(per_s=2, burst=3), 0.0)
    assert [bucket.take(1, 0.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1, 1.0) for _ in range(3)] == [True, True, False]


def test_no_more_than_a_burst_is_saved_up():
    bucket = Bucket(Rate(per_s=2, burst=3), 0.0)
    assert [bucket.take(1, 1e6) for _ in range(4)] == [True, True, True, False]


def test_what_is_owed_is_waited_for():
    bucket = Bucket(Rate(per_s=2, burst=3), 0.0)
    assert bucket.owe(3, 0.0) == 0
    assert bucket.owe(4, 0.0) == 2
    assert bucket.owe(0, 2.0) == 0


def test_the_bucket_used_longest_ago_goes_first():
    buckets = Buckets[str](Rate(per_s=1, burst=1), buckets_max=2)
    for key in ("a", "b", "a", "c"):
        buckets.of(key, 0.0).take(1, 0.0)
    assert len(buckets) == 2
    assert not buckets.of("a", 0.0).take(1, 0.0)
    assert buckets.of("b", 0.0).take(1, 0.0)


def test_there_are_only_so_many_buckets():
    buckets = Buckets[int](Rate(per_s=1, burst=1))
    for key in range(BUCKETS_MAX + 1):
        buckets.of(key, 0.0).take(1, 0.0)
    assert len(buckets) == BUCKETS_MAX
    assert not buckets.of(1, 0.0).take(1, 0.0)
    assert buckets.of(0, 0.0).take(1, 0.0)


def test_waiting_takes_nothing():
    bucket = Bucket(Rate(per_s=2, burst=1), 0.0)
    assert bucket.wait_s(1, 0.0) == 0.0
    assert bucket.take(1, 0.0)
    assert [bucket.wait_s(1, 0.0) for _ in range(2)] == [0.5, 0.5]
    assert bucket.wait_s(1, 0.5) == 0.0
