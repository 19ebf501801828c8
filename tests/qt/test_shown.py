"""Texts of others, as they are shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat_qt.shown import (
    colour_of,
    found_text,
    initials,
    links,
    message_text,
    name_text,
    preview_text,
)

OVERRIDES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


@given(st.text())
def test_nothing_that_is_shown_hides_turns_round_or_controls(text):
    for shown in (name_text(text), message_text(text), preview_text(text)):
        kinds = {unicodedata.category(each) for each in shown if each not in "\n\t\u200d"}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.text())
def test_a_name_and_a_preview_are_one_short_line(text):
    assert len(name_text(text)) <= 64
    assert len(preview_text(text)) <= 140
    assert "\n" not in name_text(text) + preview_text(text)


def test_an_override_cannot_make_one_file_look_like_another():
    assert name_text("photo\u202egpj.exe") == "photogpj.exe"
    assert message_text(f"a{OVERRIDES}b\nc") == "ab\nc"


def test_marks_do_not_pile_up_over_other_lines():
    assert len(message_text("e" + "\u0301" * 500)) == 5
    assert message_text("e\u0301te\u0301") == "e\u0301te\u0301"


@pytest.mark.parametrize("between", ["\u200b", "\u200d", "\u2060", "\u202e"])
def test_what_nobody_sees_does_not_let_marks_pile_up_again(between):
    shown = message_text("e" + ("\u0301" * 4 + between) * 200)
    assert sum(unicodedata.category(each) == "Mn" for each in shown) == 4


@pytest.mark.parametrize("mark", ["\u0e31", "\u20dd"])
def test_marks_of_no_combining_class_pile_up_no_less(mark):
    assert len(message_text("o" + mark * 100)) == 5


@pytest.mark.parametrize(
    "name", ["\u3164", "\u2800\u2800", "\u115f\u1160", "\u200d", "\ufe0f", "\uffa0 "]
)
def test_a_name_that_nobody_sees_is_none(name):
    assert name_text(name) == ""


def test_what_people_really_write_stays_as_it_is():
    for text in (
        "你好，小雨！",
        "¡Sí!",
        "👩‍👩‍👧 family",
        "tab\tand\nline",
        "שלום",
        "नमस्ते",
        "1️⃣ ❤️‍🔥",
        "ที่นี่",
    ):
        assert message_text(text) == text


@pytest.mark.parametrize(
    ("text", "sought", "shown"),
    [
        ("Did you see the new trace? Latency", "latency", "…the new trace? Latency"),
        ("Late again", "late", "Late again"),
        ("one\ntwo three", "THREE", "one two three"),
        (
            "一二三四五六七八九十一二三四五六七八九十找到",
            "找到",
            "…五六七八九十一二三四五六七八九十找到",
        ),
        ("not by its letters", "other words", "not by its letters"),
        ("x " * 500 + "end", "end x", "x " * 70),
    ],
)
def test_what_was_found_is_in_sight(text, sought, shown):
    assert found_text(text, sought) == shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://example.org/a?b=c.", ["https://example.org/a?b=c"]),
        (
            "看https://example.org/路 and (http://x.example)",
            ["https://example.org/", "http://x.example"],
        ),
        ("dchat://u/AAAA, javascript:alert(1) file:///etc/passwd", ["dchat://u/AAAA"]),
        ("nothing", []),
    ],
)
def test_links_are_found_by_us_and_only_of_kinds_we_know(text, found):
    assert [text[begin:end] for begin, end in links(text)] == found


def test_an_avatar_has_letters_and_the_same_colour_everywhere():
    assert [initials(name) for name in ("Ada L", "bob", "林小雨", "", "\u202e")] == [
        "AL", "B", "林", "?", "?",
    ]  # fmt: skip
    assert colour_of("z6MkExample") == 4
