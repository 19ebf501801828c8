"""The lines that are drawn, at every width."""

from __future__ import annotations

from dataclasses import replace

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat import view
from p2pchat.cli.chat.model import ALARMS_MAX, PAGE_MESSAGES, Chat, Place
from p2pchat.cli.chat.view import MESSAGE_LINES_MAX, bar, body, depth, side
from p2pchat.cli.chat.wrapping import MARKS_MAX, excerpt
from p2pchat.config.limits import TEXT_BYTES_MAX
from p2pchat.model.message import MessageState
from tests.unit.cli.chat.values import BOB, LOUNGE, ME, NOON_MS, message

CHAT = Chat(ME).listing([Place(BOB, "Bob", "contact"), Place(LOUNGE, "lounge", "public")])
FULL = TEXT_BYTES_MAX
DAY_MS = 24 * 3600 * 1000


def drawn(lines):
    return ["".join(text for _, text in line) for line in lines]


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


def test_alarms_stand_at_the_bottom_once_each_and_the_latest():
    chat = CHAT.opened(BOB, [message("theirs")]).noted("said")
    for number in [*range(ALARMS_MAX + 1), 2]:
        chat = chat.warned(f"alarm {number}\x1b")
    lines = drawn(body(chat, 40, 9, "en"))
    assert lines[-1] == "Enter on an empty line takes this away."
    assert lines[-6:-1] == [f"! alarm {number}\\x1b" for number in (1, 3, 4, 5, 2)]
    assert lines[-7] == "said"
    assert drawn(body(chat.heeded(), 40, 1, "en")) == ["said"]


def test_scrolling_shows_what_is_above_and_ends_at_the_top():
    chat = CHAT.opened(BOB, [message(str(n)) for n in range(10)])
    assert depth(chat, 40, "en", 100) == 12
    assert depth(chat, 40, "en", 5) == 5
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


# What others wrote costs no more than the window is large


def test_of_a_long_message_the_first_lines_are_shown_and_how_much_more_there_is():
    chat = CHAT.opened(BOB, [message("ha " * (FULL // 3), author=ME)])
    _, _, *shown, more, state = drawn(body(chat, 60, MESSAGE_LINES_MAX + 4, "en"))
    assert len(shown) == MESSAGE_LINES_MAX
    left = 3 * (FULL // 3 - sum(line.count("ha") for line in shown))
    assert more == f"  … {left} characters more: `p2pchat history` has them"
    assert state == "  [delivered]"


def test_a_screen_of_the_worst_messages_leaves_little_in_the_cache_of_the_terminal():
    marks = "a" + "\u0300" * 16_000
    chat = CHAT.opened(BOB, [message(marks), message("\x01" * FULL), message(marks * 2)])
    cells = [cell for line in drawn(body(chat, 80, 50, "en")) for cell in split(line)]
    assert max(map(len, cells)) <= 1 + MARKS_MAX


def split(line):
    """The cells that prompt_toolkit makes of it."""
    cells = [""]
    for character in line:
        cells += [character] if get_cwidth(character) else []
        cells[-1] += "" if get_cwidth(character) else character
    return cells


def test_a_message_is_broken_into_lines_once_for_each_width(monkeypatch):
    broken = []

    def counting(text, *rest):
        broken.append(len(text))
        return excerpt(text, *rest)

    monkeypatch.setattr(view, "excerpt", counting)
    chat = CHAT.opened(BOB, [message("x" * FULL) for _ in range(20)])
    for _ in range(3):
        body(chat, 80, 24, "en")
    assert len(broken) == 1, "the newest fills the window"
    depth(chat, 80, "en", 24 * 3)
    assert len(broken) == 2
    assert max(broken) < 8_000, "no more of a text is looked at than could be shown"
    body(chat, 60, 24, "en")
    assert len(broken) == 3
