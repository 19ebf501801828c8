"""What may be put to a message."""

from __future__ import annotations

import pytest

from p2pchat.model.message import EMOJI_CHARS_MAX, is_emoji

ENGLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f"
FAMILY = "👨\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    "text", ["👍", "👍🏽", "❤️", "1️⃣", "#️⃣", "🇨🇳", ENGLAND, FAMILY, "✓", "‼", "〰️"]
)
def test_signs_and_what_joins_them_are_emoji(text: str):
    assert is_emoji(text)


@pytest.mark.parametrize(
    "text", ["", "a", "7", "好", "👍a", "👍 ", "\n", "\ud800", "\u202e👍", "\u200d", "\ufe0f"]
)
def test_letters_spaces_and_what_nobody_sees_are_none(text: str):
    assert not is_emoji(text)


def test_an_emoji_is_short():
    assert is_emoji("👍" * EMOJI_CHARS_MAX)
    assert not is_emoji("✓" * (EMOJI_CHARS_MAX + 1))
    assert not is_emoji("👍" * 10_000)
