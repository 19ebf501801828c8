"""What a person has before them, after each thing that can happen."""

from __future__ import annotations

import pytest

from p2pchat.cli.chat import model
from p2pchat.cli.chat.model import PAGE_MESSAGES, Chat, Place
from p2pchat.model.message import MessageState
from tests.unit.cli.chat.values import BOB, LOUNGE, ME, message

CHAT = Chat(ME).listing([Place(BOB, "Bob", "contact"), Place(LOUNGE, "lounge", "public")])


def texts(chat):
    return [one.text for one in chat.messages]


def unread(chat):
    return {place.name: place.unread for place in chat.places}


def test_what_comes_elsewhere_is_counted_and_what_comes_here_is_shown():
    chat = CHAT.opened(BOB, [message("before")])
    chat = chat.said(message("here")).said(message("there", LOUNGE)).said(message("too", LOUNGE))
    assert texts(chat) == ["before", "here"]
    assert unread(chat) == {"Bob": 0, "lounge": 2}
    assert chat.unread == 2


def test_a_message_is_shown_once():
    one = message("once")
    assert texts(CHAT.opened(BOB, [one]).said(one)) == ["once"]


def test_opening_reads_what_was_unread():
    chat = CHAT.said(message("there", LOUNGE)).opened(LOUNGE, [message("there", LOUNGE)])
    assert unread(chat) == {"Bob": 0, "lounge": 0}
    assert chat.place.name == "lounge"


def test_a_list_that_is_new_keeps_the_counts_and_closes_what_is_gone():
    chat = CHAT.said(message("there", LOUNGE)).opened(BOB, [message("here")])
    chat = chat.listing([Place(LOUNGE, "Lounge", "public")])
    assert unread(chat) == {"Lounge": 1}
    assert (chat.open, chat.messages, chat.place) == (None, (), None)


def test_a_message_of_ours_moves_on():
    mine = message("mine", author=ME, state=MessageState.QUEUED)
    chat = CHAT.opened(BOB, [message("theirs"), mine]).moved(mine.id, MessageState.SENT)
    assert [one.state for one in chat.messages] == ["delivered", "sent"]


def test_earlier_pages_go_before_until_one_is_not_whole():
    page = [message(f"{n}") for n in range(PAGE_MESSAGES)]
    chat = CHAT.opened(BOB, page)
    assert chat.has_earlier
    chat = chat.earlier([message("the first")])
    assert texts(chat)[:2] == ["the first", "0"]
    assert not chat.has_earlier
    assert not CHAT.opened(BOB, page[:-1]).has_earlier


def test_so_many_messages_are_held_and_the_disk_has_the_others(monkeypatch):
    monkeypatch.setattr(model, "HELD_MESSAGES_MAX", 3)
    chat = CHAT.opened(BOB, [message("1"), message("2")])
    full = chat.said(message("3")).said(message("4"))
    assert texts(full) == ["2", "3", "4"]
    assert full.has_earlier
    paged = chat.earlier([message("x"), message("y")])
    assert texts(paged) == ["y", "1", "2"]
    assert paged.has_earlier


@pytest.mark.parametrize(
    ("open", "unread_in", "next"),
    [
        (None, (), "Bob"),
        (BOB, (), "lounge"),
        (LOUNGE, (), "Bob"),
        (None, (LOUNGE,), "lounge"),
        (LOUNGE, (BOB,), "Bob"),
    ],
)
def test_the_next_one_is_one_with_something_unread_else_the_one_after(open, unread_in, next):
    chat = CHAT.opened(open, []) if open else CHAT
    for id in unread_in:
        chat = chat.said(message("new", id))
    assert chat.next_unread().name == next


def test_where_there_is_no_other_there_is_no_next():
    assert Chat(ME).next_unread() is None
    alone = Chat(ME).listing([Place(BOB, "Bob", "contact")]).opened(BOB, [])
    assert alone.next_unread() is None


def test_what_a_command_said_stays_until_the_next():
    assert CHAT.noted("one", "two").noted().notes == ()
    assert CHAT.noted("dchat://u/abc").shows_link
    assert CHAT.scrolled(-3).back == 0
