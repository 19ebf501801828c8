"""The lines that are drawn, at every width."""

from __future__ import annotations

from dataclasses import replace

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat import view
from p2pchat.cli.chat.model import ALARMS_MAX, HEARD_MAX, PAGE_MESSAGES, Alarm, Chat, Heard, Place
from p2pchat.cli.chat.view import (
    HEARD_LINES_MAX,
    MESSAGE_LINES_MAX,
    REACTIONS_COUNTED_MAX,
    bar,
    body,
    depth,
    side,
)
from p2pchat.cli.chat.wrapping import MARKS_MAX, excerpt
from p2pchat.config.limits import TEXT_BYTES_MAX
from p2pchat.model.ids import AccountId
from p2pchat.model.message import MessageState, Reaction
from tests.unit.cli.chat.values import BOB, LOUNGE, ME, NOON_MS, THEM, message

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


def alarm(number: int, line: str, kind: str = "KeyChanged") -> Alarm:
    return Alarm(AccountId(number.to_bytes(32, "big")), kind, line)


def test_alarms_stand_at_the_bottom_until_each_was_seen():
    chat = CHAT.opened(BOB, [message("theirs")]).noted("said")
    chat = chat.warned(alarm(1, "first\x1b")).warned(alarm(2, "second"))
    assert drawn(body(chat, 60, 3, "en")) == [
        "said",
        "! first\\x1b",
        "Enter on an empty line shows the next of 1 more.",
    ]
    chat = chat.heeded()
    last = ["! second", "Enter on an empty line takes this away."]
    assert drawn(body(chat, 60, 3, "en")) == ["said", *last]
    assert drawn(body(chat, 60, 2, "en")) == last, "in a low window, too"
    assert drawn(body(chat.heeded(), 60, 1, "en")) == ["said"]


def test_nobody_takes_anothers_alarm_off_the_screen():
    chat = CHAT.opened(BOB, []).warned(alarm(1, "the key changed"))
    for number in range(2 * ALARMS_MAX):
        chat = chat.warned(alarm(2, f"device {number}", "DeviceAdded"))
    assert [one.line for one in chat.alarms] == ["the key changed", f"device {2 * ALARMS_MAX - 1}"]
    for number in range(2 * ALARMS_MAX):
        chat = chat.warned(alarm(3 + number, "another"))
    assert len(chat.alarms) == ALARMS_MAX
    assert chat.alarms[0].line == "the key changed"
    assert [one.line for one in chat.heard] == ["another"]


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
    written = replace(chat, writing=frozenset([chat.open]))
    assert drawn([bar(written, 60, "en")]) == ["lounge (public)  writing…  1 unread  ready"]
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


# What became of messages


def put(*emoji):
    return tuple(Reaction(one, THEM) for one in emoji)


def test_what_was_edited_deleted_answered_and_reacted_to_is_seen():
    first = message("first\nof two lines")
    edited = replace(message("mended", author=ME, state=MessageState.SENT), edited=True)
    answer = replace(message("indeed"), reply_to=first.id, reactions=put("👍", "👍", "🎉"))
    chat = CHAT.opened(BOB, [first, replace(message("theirs"), edited=True), edited, answer])
    lines = drawn(body(chat, 60, 6, "en"))
    assert lines[1].endswith("Bob: theirs [edited]")
    assert lines[2].endswith("Alice: mended [edited, sent]")
    assert lines[3] == "  ┌ Bob: first"
    assert lines[4].endswith("Bob: indeed")
    assert lines[5] == "    👍 2  🎉 1"
    chat = chat.deleted(first.id)
    lines = drawn(body(chat, 60, 7, "en"))
    assert lines[1].endswith("Bob: [deleted]")
    assert lines[4] == "  ┌ Bob: [deleted]"
    alone = CHAT.opened(BOB, [answer])
    assert drawn(body(alone, 60, 3, "zh"))[0] == "  ┌ 更早的一条消息"


def test_the_marked_message_is_always_in_sight():
    chat = CHAT.opened(BOB, [message(f"{n} " + "x" * 100) for n in range(20)])
    for number in (0, 5, 19):
        marked = chat.marking(chat.messages[number].id)
        for back in (0, 20, 1000):
            lines = drawn(body(replace(marked, back=back), 60, 6, "en"))
            [at] = [place for place, line in enumerate(lines) if line.startswith("▸")]
            assert lines[at].endswith(f"Bob: {number}")
    assert not any("▸" in line for line in drawn(body(chat, 60, 6, "en")))


def test_reactions_take_one_line_however_many_there_are():
    crowd = put(*(f"{chr(0x1F300 + n % 200)}\u0300\u0300" for n in range(20_000)))
    chat = CHAT.opened(BOB, [replace(message("said"), reactions=crowd)])
    *_, line = drawn(body(chat, 40, 3, "en"))
    assert get_cwidth(line) <= 40
    few = CHAT.opened(BOB, [replace(message("said"), reactions=put("👍") * 501)])
    assert drawn(body(few, 40, 3, "en"))[-1] == f"    👍 {REACTIONS_COUNTED_MAX}  …"


def test_what_others_did_stands_below_an_answer_that_stays_whole():
    answer = [f"answer {number}" for number in range(9)]
    chat = Chat(ME).noted(*answer)
    for source in ("one", "two", "three"):
        chat = chat.told(Heard(source, f"{source}: {'long ' * 100}"))
    lines = drawn(body(chat, 40, 10, "en"))
    assert lines[:9] == answer
    assert lines[9].endswith("…")
    lines = drawn(body(chat, 40, 40, "en"))
    below = lines[lines.index(answer[-1]) + 1 :]
    assert len(below) == HEARD_MAX * HEARD_LINES_MAX
    assert [line[:4] for line in below[::HEARD_LINES_MAX]] == ["one:", "two:", "thre"]
    assert all(len(line) <= 40 for line in below)
