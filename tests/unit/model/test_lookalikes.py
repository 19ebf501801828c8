"""Names that can be taken for others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from p2pchat.model import lookalike_table
from p2pchat.model.lookalikes import (
    NAMES_CACHED_MAX,
    NameFlag,
    flags_of,
    looks_like,
    mixes_scripts,
)

TOOL = Path(__file__).parents[3] / "tools/lookalikes"
MIXED = [
    "\u0410lice",
    "B\u043eb",
    "p\u03b1ypal",
    "e\u0443e",
    "日本\u0430",
    "\u13aaa",
]
UNMIXED = [
    "Alice",
    "Алиса",
    "Алиса Smith",
    "Ελένη & Bob",
    "田中さくら",
    "サーバー管理者",
    "佐々木LINE",
    "김철수A",
    "李雷ㄅ",
    "שרה",
    "مريم",
    "Zoë 2",
    "Ａlice",
    "🌿",
    "",
]


@pytest.mark.parametrize("name", MIXED)
def test_a_word_of_two_alphabets_is_noticed(name: str):
    assert mixes_scripts(name)


@pytest.mark.parametrize("name", UNMIXED)
def test_what_people_really_write_is_not_held_against_them(name: str):
    assert not mixes_scripts(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "\u0410lice"),
        ("alice", "\u0410LICE"),
        ("Bob", "B\u043eb"),
        ("Bill", "BiII"),
        ("Ольга", "\u004fльга"),
        ("modern", "modem"),
        ("B0b", "BOb"),
        ("Alice", " a l i c e "),
        ("Ａlice", "Alice"),
        ("小明", "小明"),
    ],
)
def test_names_that_look_alike_are_told(one: str, other: str):
    assert looks_like(one, other)
    assert looks_like(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("Alice", "Alina"), ("Bob", "Rob"), ("Алиса", "Alice"), ("小明", "小红")]
)
def test_names_that_differ_are_not(one: str, other: str):
    assert not looks_like(one, other)


def test_a_name_is_compared_with_our_own_and_those_of_contacts():
    assert flags_of("Carol", "Alice", ["Bob"]) == ()
    assert flags_of("B\u043eb", "Alice", ["Bob"]) == (
        NameFlag.MIXED_SCRIPTS,
        NameFlag.LIKE_CONTACT,
    )
    assert flags_of("alice", "Alice", ["Bob"]) == (NameFlag.LIKE_YOU,)


def test_only_so_many_names_are_remembered():
    for number in range(NAMES_CACHED_MAX + 1):
        mixes_scripts(f"name {number}")
    assert mixes_scripts.cache_info().currsize == NAMES_CACHED_MAX


def test_the_table_is_what_the_tool_writes(tmp_path):
    written = tmp_path / "table.py"
    subprocess.run([sys.executable, TOOL, written], check=True)
    assert written.read_bytes() == Path(lookalike_table.__file__).read_bytes()
