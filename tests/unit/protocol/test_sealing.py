"""Who is given the key of our sender session, and when the session is over."""

from __future__ import annotations

import pytest

from p2pchat.model.conversation import epoch_commitment, room_topic
from p2pchat.model.machine import Now
from p2pchat.protocol.sealing import (
    SESSION_BLOBS_MAX,
    SESSION_MS_MAX,
    EpochKey,
    Sharing,
    room_secret,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS, digest, op_id

READERS = {BOB.device, CAROL.device}


def at(ms: int) -> Now:
    return Now(WALL_MS + ms, ms / 1000)


@pytest.fixture
def sharing() -> Sharing:
    """Begun, and its key given to Bob and Carol."""
    made = Sharing()
    assert made.is_over(READERS, at(0))
    made.begin(at(0))
    made.give(READERS, READERS)
    return made


def test_everybody_is_told_the_key_once(sharing):
    assert not sharing.give(READERS, READERS)
    assert sharing.give(READERS | {ALICE.device}, READERS)
    assert not sharing.give(READERS | {ALICE.device}, READERS)


def test_who_was_away_is_told_again(sharing):
    sharing.lost(BOB.device)
    sharing.lost(ALICE.device)
    assert not sharing.give(READERS, READERS)
    assert sharing.give_again({CAROL.device}) == ()
    assert sharing.give_again(READERS) == (BOB.device,)
    assert sharing.give_again(READERS) == ()


def test_who_is_gone_and_may_not_have_the_key_has_it_from_the_others(sharing):
    sharing.lost(BOB.device)
    assert sharing.give(READERS, {CAROL.device})
    assert not sharing.give(READERS, {CAROL.device}), "they were told"
    assert sharing.give_again(READERS) == (BOB.device,), "and is given it when he is back"


def test_who_is_gone_and_has_the_key_keeps_it(sharing):
    assert not sharing.give(READERS, {CAROL.device})


def test_a_session_is_over_when_one_who_has_its_key_may_read_no_more(sharing):
    assert not sharing.is_over(READERS, at(1))
    assert sharing.is_over({CAROL.device}, at(1))
    sharing.lost(BOB.device)
    assert sharing.is_over({CAROL.device}, at(1)), "it was told, wherever it is now"
    sharing.begin(at(1))
    assert not sharing.is_over({CAROL.device}, at(1))


def test_a_session_is_over_after_a_hundred_blobs(sharing):
    for _ in range(SESSION_BLOBS_MAX):
        assert not sharing.is_over(READERS, at(1))
        sharing.used()
    assert sharing.is_over(READERS, at(1))
    sharing.begin(at(1))
    assert not sharing.is_over(READERS, at(1))


@pytest.mark.parametrize("ms", [SESSION_MS_MAX, -1])
def test_a_session_is_over_after_a_week_and_when_the_clock_went_back(sharing, ms):
    assert not sharing.is_over(READERS, at(SESSION_MS_MAX - 1))
    assert sharing.is_over(READERS, at(ms))


def test_an_epoch_is_named_by_its_commitment():
    key = EpochKey(op_id("epoch"), digest("secret"))
    assert key.tag == epoch_commitment(digest("secret"))[:4]
    assert digest("secret").hex() not in repr(key)


def test_where_members_meet_follows_from_the_rooms_secret():
    secret = room_secret(digest("room"))
    assert secret.topic == room_topic(digest("room"))
    assert digest("room").hex() not in repr(secret)
