from __future__ import annotations

from p2pchat.model.change import Counting
from p2pchat.model.message import MessageState
from p2pchat.store.folding import Progress, Reach


def test_without_recipients_an_own_message_is_queued() -> None:
    assert Progress.of([], published=0).state(0, own=Counting.HERE) is MessageState.QUEUED


def test_a_message_of_others_is_always_delivered() -> None:
    assert Progress().state(99, own=Counting.NOBODY) is MessageState.DELIVERED


def test_one_device_of_an_account_is_enough_for_delivery() -> None:
    progress = Progress.of([Reach("bob", 0, 0), Reach("bob", 3, 3)], published=0)
    assert progress.state(2, own=Counting.HERE) is MessageState.DELIVERED
    assert progress.state(3, own=Counting.HERE) is MessageState.QUEUED


def test_every_account_must_have_it_for_delivery() -> None:
    progress = Progress.of([Reach("bob", 5, 5), Reach("carol", 2, 5)], published=0)
    assert progress.state(1, own=Counting.HERE) is MessageState.DELIVERED
    assert progress.state(2, own=Counting.HERE) is MessageState.SENT
    assert progress.state(5, own=Counting.HERE) is MessageState.QUEUED


def test_one_stream_or_one_peer_of_the_room_is_enough_for_sent() -> None:
    assert (
        Progress.of([Reach("bob", 0, 1)], published=0).state(0, own=Counting.HERE)
        is MessageState.SENT
    )
    assert (
        Progress.of([Reach("bob", 0, 0)], published=1).state(0, own=Counting.HERE)
        is MessageState.SENT
    )
    assert Progress.of([], published=1).state(1, own=Counting.HERE) is MessageState.QUEUED


def test_what_another_device_of_ours_wrote_is_on_its_way_whatever_this_one_counts():
    progress = Progress(delivered=5, sent=9)
    assert progress.state(0, own=Counting.ELSEWHERE) is MessageState.SENT
