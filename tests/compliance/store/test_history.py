"""Messages as a person pages through them, and the states of our own."""

from __future__ import annotations

import pytest

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import Change, Counting, PutConversation, PutName, SetPublished
from p2pchat.model.ids import OpId
from p2pchat.model.message import Message, MessageState
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import ExpectMember, ForgetMember, SetLost, SetSettled
from p2pchat.store import memory, reading
from p2pchat.store.port import Page, Store
from tests.compliance.store.values import ALICE, BOB, CAROL, OTHER_ROOM, ROOM, Writer, delivery


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def test_a_message_is_told_as_it_was_shown(store: Store) -> None:
    alice, bob = Writer(), Writer(person=BOB, own=Counting.NOBODY)
    store.commit(alice.message("hello"))
    store.commit([*bob.message("yes?", reply_to=alice.ops[0].id), PutName(BOB.account, "Bob", 1)])
    question = store.message(alice.ops[0].id)
    answer = store.message(bob.ops[0].id)
    assert question is not None
    assert question.state is MessageState.QUEUED
    assert (question.author_name, question.reply_to) == ("", None)
    assert answer == Message(
        id=bob.ops[0].id,
        conversation=ROOM,
        author=BOB.account,
        author_name="Bob",
        type="text",
        text="yes?",
        sent_at=1_000,
        received_at=5_000,
        state=MessageState.DELIVERED,
        reply_to=alice.ops[0].id,
        signature=bob.ops[0].signature,
    )
    assert {message.id for message in store.history(ROOM, Page())} == {question.id, answer.id}


def test_an_op_that_is_not_shown_is_no_message(store: Store) -> None:
    writer = Writer()
    store.commit([writer.op()])
    assert store.message(writer.ops[0].id) is None
    assert store.history(ROOM, Page()) == []
    with pytest.raises(UnknownMessage):
        store.history(ROOM, Page(before=writer.ops[0].id))


def test_messages_come_in_order_of_their_sort_keys_not_of_their_coming(store: Store) -> None:
    writer = Writer()
    for key in (30, 10, 20):
        store.commit(writer.message(str(key), sort_key=key))
    assert texts(store.history(ROOM, Page())) == ["10", "20", "30"]


def test_a_page_has_so_many_messages_at_most(store: Store, monkeypatch) -> None:
    for module in (memory, reading):
        monkeypatch.setattr(module, "PAGE_LIMIT_MAX", 2)
    writer = Writer()
    for key in (10, 20, 30):
        store.commit(writer.message(str(key), sort_key=key))
    assert texts(store.history(ROOM, Page(3))) == ["20", "30"]


def test_a_page_is_the_newest_without_an_anchor(store: Store) -> None:
    store.commit(Writer().messages(10))
    assert texts(store.history(ROOM, Page(limit=3))) == ["number 7", "number 8", "number 9"]
    assert len(store.history(ROOM, Page(limit=50))) == 10
    assert store.history(ROOM, Page(limit=0)) == []
    assert store.history(ROOM, Page(limit=-1)) == []
    assert store.history(OTHER_ROOM, Page()) == []


def test_a_page_before_an_anchor_is_the_newest_below_it(store: Store) -> None:
    writer = Writer()
    store.commit(writer.messages(10))
    page = Page(limit=3, before=writer.ops[5].id)
    assert texts(store.history(ROOM, page)) == ["number 2", "number 3", "number 4"]
    assert store.history(ROOM, Page(before=writer.ops[0].id)) == []


def test_a_page_after_an_anchor_is_the_oldest_above_it(store: Store) -> None:
    writer = Writer()
    store.commit(writer.messages(10))
    page = Page(limit=3, after=writer.ops[5].id)
    assert texts(store.history(ROOM, page)) == ["number 6", "number 7", "number 8"]
    assert store.history(ROOM, Page(after=writer.ops[9].id)) == []


def test_a_page_between_two_anchors_begins_after_the_first(store: Store) -> None:
    writer = Writer()
    store.commit(writer.messages(10))
    after, before = writer.ops[2].id, writer.ops[6].id
    assert texts(store.history(ROOM, Page(2, before, after))) == ["number 3", "number 4"]
    assert len(store.history(ROOM, Page(9, before, after))) == 3
    assert store.history(ROOM, Page(9, before=after, after=before)) == []


def test_equal_sort_keys_are_ordered_by_id_and_no_page_loses_or_repeats_one(store: Store) -> None:
    people = (ALICE, BOB, CAROL)
    writers = [Writer(person=person) for person in people]
    for key in (1, 1, 1, 2, 2):
        for writer in writers:
            store.commit(writer.message(sort_key=key))
    everything = [message.id for message in store.history(ROOM, Page())]
    keys = {op.id: key for w in writers for op, key in zip(w.ops, (1, 1, 1, 2, 2), strict=True)}
    assert everything == sorted(keys, key=lambda id: (keys[id], id))
    assert len(everything) == 15
    for limit in (1, 2, 4):
        assert walk_back(store, limit) == everything
        assert walk_forth(store, limit, everything[0]) == everything[1:]


def walk_back(store: Store, limit: int) -> list[OpId]:
    found = store.history(ROOM, Page(limit))
    while page := store.history(ROOM, Page(limit, before=found[0].id)):
        found = page + found
    return [message.id for message in found]


def walk_forth(store: Store, limit: int, anchor: OpId) -> list[OpId]:
    found: list[OpId] = []
    while page := store.history(ROOM, Page(limit, after=anchor)):
        found += [message.id for message in page]
        anchor = found[-1]
    return found


@pytest.mark.parametrize("side", ["before", "after"])
def test_an_anchor_of_another_conversation_is_unknown(store: Store, side: str) -> None:
    elsewhere = Writer(conversation=OTHER_ROOM)
    store.commit(Writer().messages(1) + elsewhere.messages(1))
    for anchor in (elsewhere.ops[0].id, Writer(person=CAROL).op().op.id):
        with pytest.raises(UnknownMessage):
            store.history(ROOM, Page(**{side: anchor}))


def test_a_page_holds_five_thousand_messages_at_most(store: Store) -> None:
    store.commit(Writer().messages(5_010))
    assert len(store.history(ROOM, Page(limit=1_000_000))) == 5_000


def test_a_new_name_is_shown_at_old_messages(store: Store) -> None:
    store.commit([*Writer(person=BOB).messages(1), PutName(BOB.account, "Bob", 1)])
    store.commit([PutName(BOB.account, "Bobby", 2)])
    assert store.history(ROOM, Page())[0].author_name == "Bobby"


def states(store: Store) -> str:
    """One letter a message, in order: q(ueued), s(ent), d(elivered)."""
    return "".join(message.state[0] for message in store.history(ROOM, Page()))


def test_a_receipt_moves_all_messages_below_it(store: Store) -> None:
    store.commit(Writer().messages(4))
    assert states(store) == "qqqq"
    store.commit([delivery(BOB, acked=0, sent=3)])
    assert states(store) == "sssq"
    store.commit([delivery(BOB, acked=2, sent=3)])
    assert states(store) == "ddsq"
    store.commit([delivery(BOB, acked=9, sent=9, conversation=OTHER_ROOM)])
    assert states(store) == "ddsq"


def test_delivered_needs_every_account(store: Store) -> None:
    store.commit([*Writer().messages(3), delivery(BOB, acked=3), delivery(CAROL, acked=1)])
    assert states(store) == "dss", "what one of them has is out, however it came there"


def test_in_a_room_by_invitation_who_is_expected_counts_and_nobody_else(store: Store) -> None:
    invited = PutConversation(ROOM, RoomKind.INVITED, "crew", 1)
    store.commit([invited, *Writer().messages(4), delivery(BOB, acked=3, sent=4)])
    assert states(store) == "ssss", "nobody is expected, so nobody has it"
    expected: list[tuple[Change, str]] = [
        (ExpectMember(ROOM, BOB.account, 0), "ddds"),
        (ExpectMember(ROOM, CAROL.account, 2), "ddss"),
        (ExpectMember(ROOM, CAROL.account, 0), "ssss"),
        (SetSettled(ROOM, 1), "dsss"),
        (ForgetMember(ROOM, BOB.account), "dsss"),
        (delivery(CAROL, acked=4), "dddd"),
        (SetSettled(ROOM, 1, 1), "rddd"),
        (SetLost(ROOM, ((0, 1), (2, 3))), "sdsd"),
        (SetLost(ROOM, ((1, 3),)), "rssd"),
        (SetLost(ROOM, ()), "rddd"),
        (ForgetMember(ROOM, CAROL.account), "rsss"),
        (PutConversation(ROOM, RoomKind.OPEN, "crew", 1), "ddds"),
    ]
    for change, told in expected:
        store.commit([change])
        assert states(store) == told, change


def test_what_was_published_is_sent(store: Store) -> None:
    store.commit([*Writer().messages(3), SetPublished(ROOM, 2)])
    assert states(store) == "ssq"
    store.commit([SetPublished(OTHER_ROOM, 3)])
    assert states(store) == "ssq"


def test_messages_of_others_are_delivered_whatever_ours_are(store: Store) -> None:
    store.commit(Writer(person=BOB, own=Counting.NOBODY).messages(2))
    assert states(store) == "dd"


def test_a_page_from_the_start_is_the_oldest_of_all(store: Store) -> None:
    writer = Writer()
    store.commit(writer.messages(10))
    assert texts(store.history(ROOM, Page(2, from_start=True))) == ["number 0", "number 1"]
    page = Page(9, before=writer.ops[3].id, from_start=True)
    assert texts(store.history(ROOM, page)) == ["number 0", "number 1", "number 2"]
    assert store.history(OTHER_ROOM, Page(from_start=True)) == []
