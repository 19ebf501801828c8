"""Values as lines, and no line that somebody else draws."""

from __future__ import annotations

from dataclasses import replace

from p2pchat import events
from p2pchat.cli.showing import message_line, plain, progress_line, table, words
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message, MessageState

ME = AccountId(b"\x01" * 32)
MESSAGE = Message(
    OpId(bytes(32)),
    ConversationId(bytes(32)),
    AccountId(bytes(32)),
    "Bob",
    "text",
    "hello",
    1_767_225_600_000,
    0,
    MessageState.DELIVERED,
    None,
    b"",
)


def test_control_characters_are_written_out():
    assert plain("\x1b[2Jgone\u202e") == "\\x1b[2Jgone\\u202e"
    assert plain("Zoë 你好") == "Zoë 你好"


def test_spaces_of_every_script_and_joined_pictures_are_readable():
    assert plain("你好\u3000世界") == "你好\u3000世界"
    assert plain("10\u00a0km") == "10 km"
    family = "👩🏽\u200d❤\ufe0f\u200d👩 👨\u200d👧 🙂\u200d↔\ufe0f"
    assert plain(family) == family


def test_what_joins_no_pictures_is_written_out():
    assert plain("ad\u200dmin\u200c\u2066") == "ad\\u200dmin\\u200c\\u2066"
    assert plain("\u200d👩\u200d") == "\\u200d👩\\u200d"


def test_values_in_a_sentence_are_plain():
    assert words("You are in {name}.", "en", name="a\x07b") == "You are in a\\x07b."


def test_columns_stand_below_each_other():
    assert list(table([("a", "x", "1"), ("long", "y", "2")])) == ["a     x  1", "long  y  2"]
    assert list(table([])) == []


def test_a_message_is_who_when_and_what():
    line = message_line(MESSAGE, ME, "en")
    assert line.endswith("  Bob: hello")
    assert line[:2] == "20"
    assert message_line(replace(MESSAGE, edited=True), ME, "en").endswith("Bob: hello  [edited]")


def test_of_our_own_messages_it_is_said_how_far_they_came():
    mine = replace(MESSAGE, author=ME)
    assert message_line(mine, ME, "en").endswith("Bob: hello  [delivered]")
    changed = replace(mine, edited=True)
    assert message_line(changed, ME, "en").endswith("Bob: hello  [edited, delivered]")


def test_further_lines_of_a_text_cannot_pass_for_messages():
    text = "one\n2026-01-01 00:00:00  Carol: two"
    first, second = message_line(replace(MESSAGE, text=text), ME, "en").split("\n")
    assert first.endswith("Bob: one")
    assert second.startswith("    2026")


def test_times_beyond_any_calendar_are_shown_somehow():
    for sent_at in (-(2**63), 2**63 - 1):
        assert "Bob: hello" in message_line(replace(MESSAGE, sent_at=sent_at), ME, "en")


def test_a_step_of_the_start_says_what_belongs_to_it():
    step = events.RelayProbed("/ip4/192.0.2.1/tcp/1", 1.26, True)
    assert progress_line(step, "en") == "· relay probed  /ip4/192.0.2.1/tcp/1  1.3  True"
    assert progress_line(events.Ready(("a", "b")), "zh") == "· 就绪  a b"
