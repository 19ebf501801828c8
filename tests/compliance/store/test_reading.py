"""What was read: marks on authors' chains, and what is unread above them."""

from __future__ import annotations

from itertools import permutations

import pytest

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import Counting, DropConversation, PutReadMark
from p2pchat.model.message import MessageState
from p2pchat.store.port import UNREAD_MAX, Page, Store
from tests.compliance.store.values import (
    ALICE,
    BOB,
    CAROL,
    OTHER_ROOM,
    ROOM,
    Person,
    Writer,
    delivery,
)


def others(person=BOB) -> Writer:
    return Writer(person, own=Counting.NOBODY)


def test_what_others_said_is_unread_until_it_is_marked(store: Store) -> None:
    alice, bob = Writer(), others()
    store.commit([*alice.messages(2), *bob.messages(3)])
    assert store.unread(ROOM) == 3
    marks = store.marks_to(bob.ops[1].id)
    assert marks == [PutReadMark(ROOM, BOB.device, 2)]
    store.commit(marks)
    assert store.unread(ROOM) == 1
    assert store.marks_to(bob.ops[1].id) == []
    assert store.unread(OTHER_ROOM) == 0


def test_a_message_marks_all_that_is_shown_before_it(store: Store) -> None:
    bob, carol = others(), others(CAROL)
    store.commit([*bob.message("one", sort_key=1), *bob.message("four", sort_key=4)])
    store.commit([*carol.message("two", sort_key=2), *carol.message("three", sort_key=3)])
    marks = store.marks_to(carol.ops[1].id)
    assert sorted((mark.device, mark.below) for mark in marks) == sorted(
        [(BOB.device, 1), (CAROL.device, 2)]
    )


def test_what_comes_late_is_unread_though_it_sorts_before_what_was_read(store: Store) -> None:
    bob, carol = others(), others(CAROL)
    store.commit(bob.message("read", sort_key=9))
    store.commit(store.marks_to(bob.ops[0].id))
    store.commit(carol.message("late", sort_key=1))
    assert store.unread(ROOM) == 1


def test_the_first_unread_one_is_the_first_in_display_order(store: Store) -> None:
    bob, carol = others(), others(CAROL)
    assert store.first_unread(ROOM) is None
    store.commit([*Writer().message("ours", sort_key=1), *bob.message("two", sort_key=2)])
    store.commit([*carol.message("four", sort_key=4), *bob.message("five", sort_key=5)])
    assert store.first_unread(ROOM) == bob.ops[0].id
    store.commit(store.marks_to(bob.ops[0].id))
    assert store.first_unread(ROOM) == carol.ops[0].id
    store.commit(carol.delete(carol.ops[0].id))
    assert store.first_unread(ROOM) == bob.ops[1].id
    dave = others(Person("dave"))
    store.commit(dave.message("late", sort_key=1))
    assert store.first_unread(ROOM) == dave.ops[0].id
    assert store.first_unread(OTHER_ROOM) is None


def test_what_one_said_first_is_their_first_unread_one_wherever_it_is_shown(store: Store) -> None:
    bob, carol = others(), others(CAROL)
    store.commit([*bob.message("begun", sort_key=9), *bob.message("then", sort_key=3)])
    assert store.first_unread(ROOM) == bob.ops[0].id
    store.commit(carol.message("between", sort_key=5))
    assert store.first_unread(ROOM) == carol.ops[0].id


def test_marks_count_the_same_in_any_order(store: Store) -> None:
    bob = others()
    store.commit(bob.messages(4))
    for order in permutations([1, 3, 2]):
        store.commit([PutReadMark(ROOM, BOB.device, below) for below in order])
        assert store.unread(ROOM) == 1
        assert [mark.below for mark in store.snapshot().reading.marks] == [3]


def test_what_was_taken_back_is_not_unread(store: Store) -> None:
    bob = others()
    store.commit(bob.message("oops"))
    store.commit(bob.delete(bob.ops[0].id))
    assert store.unread(ROOM) == 0


def test_no_more_is_counted_than_the_bound(store: Store) -> None:
    bob = others()
    store.commit(bob.messages(UNREAD_MAX + 1))
    assert store.unread(ROOM) == UNREAD_MAX


def test_up_to_a_message_that_is_not_here_nothing_is_marked(store: Store) -> None:
    with pytest.raises(UnknownMessage):
        store.marks_to(Writer().op().op.id)


def test_marks_and_drafts_go_with_their_conversation(store: Store) -> None:
    store.commit([PutReadMark(ROOM, BOB.device, 2), DropConversation(ROOM, ALICE.device)])
    assert store.snapshot().reading.marks == ()


def test_a_message_is_read_when_every_account_has_read_it(store: Store) -> None:
    alice = Writer()
    store.commit(alice.messages(3))

    def deliver(bobs: int, carols: int) -> list[MessageState]:
        rows = (delivery(BOB, acked=3, read=bobs), delivery(CAROL, acked=2, sent=3, read=carols))
        store.commit(rows)
        return [message.state for message in store.history(ROOM, Page())]

    assert deliver(3, 0) == ["delivered", "delivered", "sent"]
    assert deliver(3, 1) == ["read", "delivered", "sent"]
