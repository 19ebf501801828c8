from __future__ import annotations

from p2pchat.model.message import MessageState
from p2pchat.store.folding import Progress, Reach


def test_without_recipients_an_own_message_is_queued() -> None:
    assert Progress.of([], published=0).state(0, own=True) is MessageState.QUEUED


def test_a_message_of_others_is_always_delivered() -> None:
    assert Progress().state(99, own=False) is MessageState.DELIVERED


def test_one_device_of_an_account_is_enough_for_delivery() -> None:
    progress = Progress.of([Reach("bob", 0, 0), Reach("bob", 3, 3)], published=0)
    assert progress.state(2, own=True) is MessageState.DELIVERED
    assert progress.state(3, own=True) is MessageState.QUEUED


def test_every_account_must_have_it_for_delivery() -> None:
    progress = Progress.of([Reach("bob", 5, 5), Reach("carol", 2, 5)], published=0)
    assert progress.state(1, own=True) is MessageState.DELIVERED
    assert progress.state(2, own=True) is MessageState.SENT
    assert progress.state(5, own=True) is MessageState.QUEUED


def test_one_stream_or_one_peer_of_the_room_is_enough_for_sent() -> None:
    assert Progress.of([Reach("bob", 0, 1)], published=0).state(0, own=True) is MessageState.SENT
    assert Progress.of([Reach("bob", 0, 0)], published=1).state(0, own=True) is MessageState.SENT
    assert Progress.of([], published=1).state(1, own=True) is MessageState.QUEUED
