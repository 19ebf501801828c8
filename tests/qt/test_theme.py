"""The colours can be read by everybody: WCAG 2.2, level AA."""

from __future__ import annotations

import pytest

from p2pchat_qt.theme import AVATARS, DARK, LIGHT, NAMES, PAIRS, SIGNS, THEMES

AA = 4.5
AA_SIGNS = 3.0


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_written_stands_out(theme):
    colours = THEMES[theme]
    weak = {pair: ratio for pair in PAIRS if (ratio := contrast(*(colours[c] for c in pair))) < AA}
    assert weak == {}


@pytest.mark.parametrize("theme", THEMES)
def test_names_stand_out_in_bubbles_and_letters_on_avatars(theme):
    assert [c for c in NAMES[theme] if contrast(c, THEMES[theme]["bubble"]) < AA] == []
    assert [c for c in AVATARS if contrast(c, "#ffffff") < AA] == []


@pytest.mark.parametrize("theme", THEMES)
def test_what_says_something_without_words_stands_out(theme):
    found = {pair: contrast(*(THEMES[theme][colour] for colour in pair)) for pair in SIGNS}
    assert {pair: ratio for pair, ratio in found.items() if ratio < AA_SIGNS} == {}


def test_both_themes_have_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert len(NAMES["light"]) == len(NAMES["dark"]) == len(AVATARS)
