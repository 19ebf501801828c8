"""Who is named in a text."""

from __future__ import annotations

import pytest

from p2pchat.model.mentions import MENTIONS_MAX, mentions, with_accounts, with_names
from tests.unit.protocol.people import ALICE, BOB, CAROL, person

A, B, C = ALICE.account, BOB.account, CAROL.account
D, E = person("dora").account, person("emil").account
NAMES = {A: "Alice", B: "Bob", C: "Bob Smith"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("hello @Bob", ()),
        (f"@{B}: hello", (B,)),
        (f"@{B} and @{A}, @{B} again", (B, A)),
        (f"somebody@{B}", ()),
        (f"{B}", ()),
        (f"@{B}x", ()),
        (f"@{str(B)[:-1]}", ()),
        (f"@z6Mk{'1' * 44}", ()),
        (f"你好@{B}你来吗", (B,)),
        (f"https://social.example/@{B}", ()),
        (f"https://social.example/?who=@{B}", ()),
        (f"看https://social.example/a，@{B}", (B,)),
        (f"@{B}/@{A}", (B,)),
        (f"@{B}/x", ()),
        (f"你好 @{B}！", (B,)),
    ],
)
def test_a_mention_is_a_whole_account_behind_its_sign(text, found):
    assert mentions(text) == found


def test_no_more_are_mentioned_than_the_bound():
    crowd = [person(f"one of many {number}").account for number in range(MENTIONS_MAX + 1)]
    assert mentions(" ".join(f"@{one}" for one in crowd)) == tuple(crowd[:MENTIONS_MAX])


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("hello @bob!", f"hello @{B}!"),
        ("@Bob Smith and @Bob", f"@{C} and @{B}"),
        ("@Bobby, bob@bob", "@Bobby, bob@bob"),
        ("nobody", "nobody"),
        ("https://social.example/@bob and @bob", f"https://social.example/@bob and @{B}"),
        ("npm i @bob/pkg; ../@bob", "npm i @bob/pkg; ../@bob"),
        ("@bob / @alice, @bob/", f"@{B} / @{A}, @{B}/"),
    ],
)
def test_names_that_are_written_become_accounts(written, sent):
    assert with_accounts(written, NAMES) == sent


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("你好@小明你来吗", f"你好@{A}你来吗"),
        ("@小明明，@小明", f"@小明明，@{A}"),
        ("@Groß @GROSS @große", f"@{B} @{B} @große"),
        ("@İlk @ilk", f"@{C} @ilk"),
    ],
)
def test_names_are_found_as_people_write_them(written, sent):
    names = {A: "小明", B: "Groß", C: "İlk", D: "小明明", E: "小明明"}
    assert with_accounts(written, names) == sent
    assert mentions(sent) == tuple(one for one in (A, B, C) if str(one) in sent)


def test_what_is_read_has_names():
    text = f"@{B} and @{person('dora').account}"
    assert with_names(text, NAMES) == f"@Bob and @{person('dora').account}"
    link = f"https://social.example/@{B}"
    assert with_names(f"{link} @{B}", NAMES) == f"{link} @Bob"


def test_a_name_that_two_bear_means_neither():
    assert with_accounts("@alice", {A: "Alice", B: "alice"}) == "@alice"


def test_a_name_is_no_pattern():
    assert with_accounts("@a.c @abc", {A: "a.c"}) == f"@{A} @abc"
