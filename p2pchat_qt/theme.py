"""The colours of the window, light and dark. Every pair of text and ground in `PAIRS` has the
contrast that WCAG 2.2 asks for at level AA; a test counts it.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AVATARS", "NAMES", "PAIRS", "SIGNS", "THEMES", "Palette"]

Palette = Mapping[str, str]

LIGHT: Palette = {
    "window": "#ffffff",
    "sidebar": "#ffffff",
    "chat": "#e9eef2",
    "raised": "#f3f5f7",
    "hover": "#eef1f4",
    "selected": "#d3e5f6",
    "onSelected": "#14181c",
    "onSelectedFaint": "#4a555e",
    "line": "#dfe4e8",
    "text": "#14181c",
    "faint": "#5b666f",
    "accent": "#1f6fb2",
    "onAccent": "#ffffff",
    "badge": "#1f6fb2",
    "badgeQuiet": "#66727c",
    "bubble": "#ffffff",
    "bubbleText": "#14181c",
    "bubbleFaint": "#5b666f",
    "own": "#dff3d0",
    "ownText": "#14181c",
    "ownFaint": "#3f6b35",
    "link": "#1561a0",
    "day": "#56697a",
    "onDay": "#ffffff",
    "good": "#1f7a3d",
    "warn": "#8a5a00",
    "bad": "#b3261e",
    "onBad": "#ffffff",
    "notice": "#27303a",
    "onNotice": "#ffffff",
    "shade": "#66000000",
}
DARK: Palette = {
    "window": "#17212b",
    "sidebar": "#17212b",
    "chat": "#0e1621",
    "raised": "#1f2c38",
    "hover": "#202b36",
    "selected": "#2b5278",
    "onSelected": "#ffffff",
    "onSelectedFaint": "#c9dcee",
    "line": "#26333f",
    "text": "#f1f4f6",
    "faint": "#93a3b1",
    "accent": "#64b5ef",
    "onAccent": "#0b1620",
    "badge": "#4f9fd9",
    "badgeQuiet": "#7d8f9e",
    "bubble": "#182533",
    "bubbleText": "#f1f4f6",
    "bubbleFaint": "#93a3b1",
    "own": "#2b5278",
    "ownText": "#ffffff",
    "ownFaint": "#b9d5ee",
    "link": "#8accfa",
    "day": "#24313e",
    "onDay": "#dfe7ee",
    "good": "#6fcf8a",
    "warn": "#e6b450",
    "bad": "#ff8a80",
    "onBad": "#200503",
    "notice": "#e8edf1",
    "onNotice": "#14181c",
    "shade": "#99000000",
}
THEMES: Mapping[str, Palette] = {"light": LIGHT, "dark": DARK}

AVATARS = (
    "#b5453b", "#a85a12", "#7a6a00", "#2e7d3a", "#0e7478", "#2a6db0", "#6a55b8", "#a8437f",
)  # fmt: skip
"""White letters stand on them; names of people in a room are drawn in lighter or darker ones."""
NAMES: Mapping[str, tuple[str, ...]] = {
    "light": AVATARS,
    "dark": (
        "#f08f86",
        "#eda25f",
        "#cdbb4a",
        "#7fcf8b",
        "#5fc9cd",
        "#7fb8f0",
        "#b3a4f2",
        "#ee93c9",
    ),
}

PAIRS = (
    ("text", "window"), ("text", "sidebar"), ("text", "raised"), ("text", "hover"),
    ("text", "chat"), ("faint", "window"), ("faint", "sidebar"), ("faint", "raised"),
    ("faint", "hover"), ("faint", "chat"), ("onSelected", "selected"),
    ("onSelectedFaint", "selected"), ("accent", "window"), ("accent", "sidebar"),
    ("accent", "raised"), ("onAccent", "accent"), ("bubbleText", "bubble"),
    ("bubbleFaint", "bubble"), ("accent", "bubble"), ("link", "bubble"), ("ownText", "own"),
    ("ownFaint", "own"), ("link", "own"), ("onDay", "day"), ("good", "window"),
    ("warn", "window"), ("bad", "window"), ("bad", "raised"), ("onBad", "bad"),
    ("onNotice", "notice"), ("warn", "raised"), ("good", "raised"),
)  # fmt: skip
"""What is written on what."""
SIGNS = (
    ("accent", "selected"), ("accent", "sidebar"), ("good", "sidebar"), ("good", "selected"),
    ("accent", "chat"), ("badgeQuiet", "window"),
)  # fmt: skip
"""What says something without words, such as how much is unread, and on what it lies."""
