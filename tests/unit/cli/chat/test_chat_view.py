"""The lines that are drawn, at every width."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat.model import PAGE_MESSAGES, Chat, Place
from p2pchat.cli.chat.view import bar, body, cut, depth, side, wrapped
from p2pchat.model.message import MessageState
from tests.unit.cli.chat.values import BOB, LOUNGE, ME, NOON_MS, message

CHAT = Chat(ME).listing([Place(BOB, "Bob", "contact"), Place(LOUNGE, "lounge", "public")])
DAY_MS = 24 * 3600 * 1000


def drawn(lines):
    return ["".join(text for _, text in line) for line in lines]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("short", 10, ["short"]),
        ("two words", 8, ["two", "  words"]),
        ("exactly8 and", 8, ["exactly8", "  and"]),
        ("unbreakable", 8, ["unbreaka", "  ble"]),
        ("你好世界再见", 8, ["你好世界", "  再见"]),
        ("a你好世界", 8, ["a你好世", "  界"]),
        ("one\ntwo", 10, ["one", "  two"]),
        ("", 10, [""]),
    ],
)
def test_a_text_is_broken_at_spaces_and_by_width(text, width, lines):
    assert wrapped(text, width, "  ") == lines


@given(st.text(), st.integers(8, 60))
def test_no_line_is_wider_than_there_is_room(text, width):
    assert all(get_cwidth(line) <= width for line in wrapped(text, width, "  "))


def test_what_does_not_fit_is_cut_before_it_is_half_a_character():
    assert cut("你好", 3) == "你"
    assert cut("abc", 5) == "abc"


def test_the_newest_stand_at_the_bottom_with_their_states_and_days():
    mine = message("and mine", author=ME, state=MessageState.QUEUED, at=NOON_MS + DAY_MS)
    chat = CHAT.opened(BOB, [message("theirs"), mine])
    lines = drawn(body(chat, 60, 7, "en"))
    assert lines[:2] == ["", ""]
    assert lines[2] == "This is the beginning."
    assert lines[3].startswith("── 2023-11-1")
    assert lines[4].endswith("Bob: theirs")
    assert lines[5] > lines[3]
    assert lines[6].endswith("Alice: and mine [queued]")
    [chinese] = drawn(body(chat, 60, 1, "zh"))
    assert chinese.endswith("Alice: and mine [排队中]")


def test_what_a_command_said_stands_below():
    chat = CHAT.opened(BOB, [message("theirs")]).noted("first", "second")
    assert drawn(body(chat, 40, 4, "en"))[1:] == [
        drawn(body(chat, 40, 3, "en"))[0],
        "first",
        "second",
    ]
    assert drawn(body(chat, 40, 1, "en")) == ["second"]


def test_scrolling_shows_what_is_above_and_ends_at_the_top():
    chat = CHAT.opened(BOB, [message(str(n)) for n in range(10)])
    assert depth(chat, 40, "en") == 12
    assert drawn(body(chat.scrolled(3), 40, 2, "en"))[1].endswith("Bob: 6")
    assert drawn(body(chat.scrolled(100), 40, 2, "en"))[0] == "This is the beginning."
    full = CHAT.opened(BOB, [message("x")] * PAGE_MESSAGES)
    assert "Page up" in drawn(body(full.scrolled(1000), 40, 1, "en"))[0]


def test_nobody_draws_on_the_screen_of_another():
    chat = CHAT.opened(BOB, [message("\x1b[2Jgone\x07\u202e")])
    [line] = drawn(body(chat, 80, 1, "en"))
    assert line.endswith("Bob: \\x1b[2Jgone\\x07\\u202e")
    [name] = drawn(side(Chat(ME).listing([Place(BOB, "B\x1bb", "contact")]), 20))
    assert name.startswith("  B\\x1bb")


def test_the_list_marks_what_is_open_and_counts_what_is_unread():
    chat = CHAT.opened(BOB, []).said(message("new", LOUNGE))
    assert drawn(side(chat, 12)) == ["› Bob       ", "  lounge   1"]
    long = Chat(ME).listing([Place(BOB, "一个很长的名字", "contact")])
    assert get_cwidth(drawn(side(long, 12))[0]) <= 12


def test_the_bar_says_where_one_is():
    assert drawn([bar(CHAT, 60, "en")]) == ["No conversation is open"]
    chat = replace(CHAT.opened(LOUNGE, []).said(message("new")), progress="ready")
    assert drawn([bar(chat, 60, "en")]) == ["lounge (public)  1 unread  ready"]
    assert "Page down" in drawn([bar(chat.scrolled(2), 80, "en")])[0]
    assert drawn([bar(chat, 6, "en")]) == ["lounge"]
