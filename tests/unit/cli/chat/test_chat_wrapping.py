"""Texts in lines, and what the worst of them costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat import wrapping
from p2pchat.cli.chat.wrapping import MARKS_MAX, cut, excerpt, tame, wrapped
from p2pchat.config.limits import TEXT_BYTES_MAX


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


# What it costs

FULL = TEXT_BYTES_MAX
WORST = {
    "marks": "a" + "\u0300" * (FULL // 2 - 1),
    "controls": "\x01" * FULL,
    "one word": "a" * FULL,
    "spaces": " " * FULL,
    "breaks": "\n" * FULL,
    "tabs": "\t" * FULL,
    "wide": "你" * (FULL // 3),
    "marked words": "a\u0300\u0301 " * (FULL // 6),
}
alphabet = st.sampled_from(["\u0300", "\u200d", "\x01", "\x1b", "\t", "\n", " ", "a", "你", "👩"])
hostile = st.builds(
    lambda pieces, times: ("".join(pieces) * times)[: FULL // 4],
    st.lists(alphabet, min_size=1, max_size=12),
    st.integers(1, FULL),
)


@pytest.fixture
def measured(monkeypatch):
    """The characters that were measured."""
    counted = []

    def counting(text):
        counted.append(len(text))
        return get_cwidth(text)

    monkeypatch.setattr(wrapping, "get_cwidth", counting)
    return counted


@pytest.mark.parametrize("width", [8, 80])
@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_the_largest_text_is_measured_in_two_passes(measured, text, width):
    tamed = "\n".join(map(tame, text.split("\n")))
    wrapped(tamed, width, "  ")
    assert sum(measured) <= 3 * 4 * len(text), "a control character is written out as four"


def test_only_the_lines_that_are_wanted_are_measured(measured):
    lines, rest = excerpt("a" * FULL, 80, "  ", 3)
    assert [len(line) for line in lines] == [80, 80, 80]
    assert rest == FULL - 80 - 78 - 78
    assert sum(measured) == 80 + 78 + 78 + 3


@given(hostile, st.integers(1, 60))
def test_no_hostile_text_is_wider_than_the_window_or_grows_in_one_place(text, width):
    lines = wrapped("\n".join(map(tame, text.split("\n"))), width, "  ")
    for line in lines:
        assert get_cwidth(line) <= max(width, 8)
        assert line == "" or line.isprintable()
        assert most_marks(line) <= MARKS_MAX


def most_marks(line):
    """On one character."""
    runs = "".join("." if get_cwidth(character) else "m" for character in line)
    return max(map(len, runs.split(".")))


def test_marks_that_a_language_needs_stay_and_pictures_stand_side_by_side():
    assert tame("שָׁ֑ e\u0301 हिन्दी") == "שָׁ֑ e\u0301 हिन्दी"
    assert tame("👩\u200d👧") == "👩👧"
    assert tame("a" + "\u0300" * 100) == "a" + "\u0300" * MARKS_MAX
