"""Peers to try again: when, how often, how many at once."""

from __future__ import annotations

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.suspects import Suspects

CONFIG = KadConfig(retry_min_s=5, retry_max_s=15, retries_max=3, suspects_max=3, probes_max=2)


@pytest.fixture
def suspects():
    return Suspects(CONFIG)


@pytest.fixture
def alice(cast):
    return cast.contact(cast("alice"))


def test_the_wait_doubles_to_its_limit_and_after_enough_failures_a_peer_is_forgotten(
    suspects, alice
):
    for now_s, due_s in ((0, 5), (100, 110), (200, 215)):
        suspects.failed(alice, now_s)
        assert suspects.next_due_s() == due_s
        assert suspects.take_due(due_s - 1) == []
        assert suspects.take_due(due_s) == [alice]
    suspects.failed(alice, 300)
    assert (len(suspects), alice.peer in suspects, suspects.next_due_s()) == (0, False, None)


def test_a_peer_being_tried_is_not_tried_twice(suspects, alice):
    suspects.restore(alice, 7.0)
    assert suspects.take_due(7.0) == [alice]
    assert suspects.take_due(99.0) == []
    assert suspects.next_due_s() is None
    assert suspects.contacts == [alice]
    suspects.clear(alice.peer)
    suspects.clear(alice.peer)
    assert suspects.contacts == []


def test_only_a_few_are_tried_at_once(suspects, cast):
    contacts = [cast.contact(cast(n)) for n in range(3)]
    for contact in contacts:
        suspects.restore(contact, 0.0)
    assert suspects.take_due(0.0) == contacts[:2]
    assert suspects.take_due(0.0) == []
    suspects.clear(contacts[0].peer)
    assert suspects.take_due(0.0) == contacts[2:]


def test_of_too_many_the_one_with_most_failures_is_forgotten(suspects, cast):
    contacts = [cast.contact(cast(n)) for n in range(4)]
    for contact in contacts[:3]:
        suspects.failed(contact, 0.0)
    suspects.failed(contacts[1], 0.0)
    suspects.restore(contacts[3], 0.0)
    assert suspects.contacts == [contacts[0], contacts[2], contacts[3]]
    suspects.restore(contacts[0], 1.0)
    assert len(suspects) == 3
