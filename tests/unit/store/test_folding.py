from __future__ import annotations

from collections.abc import Hashable

from p2pchat.model.change import Counting
from p2pchat.model.expected import Expected
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


def test_who_is_expected_holds_back_what_was_written_since_and_nothing_before():
    expected = Expected[Hashable]({"bob": 0, "carol": 4}, settled=1)
    progress = Progress.of([Reach("bob", 5, 6), Reach("dave", 1, 1)], 0, expected)
    states = [progress.state(seq, own=Counting.HERE) for seq in range(7)]
    delivered, sent = [MessageState.DELIVERED] * 4, [MessageState.SENT] * 2
    assert states == [*delivered, *sent, MessageState.QUEUED]
    nobody = Progress.of([Reach("bob", 5, 5)], 0, Expected[Hashable](settled=3))
    assert (nobody.delivered, nobody.sent) == (3, 5)


def test_what_was_read_is_what_all_have_read_of_whom_it_is_expected():
    reaches = [Reach("bob", 5, 5, 4), Reach("carol", 6, 6, 1), Reach("dave", 3, 3, 2)]

    def read(since: dict[Hashable, int], settled: int = 0) -> int:
        return Progress.of(reaches, 0, Expected(since, settled)).read

    assert Progress.of(reaches, 0).read == 1
    assert read({"bob": 0}) == 4, "whoever else has it is not asked"
    assert read({"bob": 0, "carol": 4}) == 4
    assert read({"bob": 0, "erin": 5}) == 4
    assert read({"bob": 0, "erin": 0}) == 0, "Erin has nothing"
    assert read({"erin": 5}, settled=5) == 1, "of nobody there, so of all who have it"
    assert read({}, settled=3) == 1
    assert read({}) == 0


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
