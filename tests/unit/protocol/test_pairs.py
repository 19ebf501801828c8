"""What both sides gave each other: theirs is the newest, ours are the newest few."""

from __future__ import annotations

from p2pchat.protocol.pairs import OWN_HALVES_MAX, Pairs
from p2pchat.wire.contents import Accept, Request, Text
from tests.unit.protocol.people import ALICE, BOB, Author, between, digest

DIRECT = between(ALICE, BOB)


def test_of_theirs_the_newest_counts_in_whatever_order_they_come():
    author = Author(BOB, DIRECT)
    contents = [Request("bob", "", bytes(16), digest(f"{n}")) for n in range(3)]
    ops = [author.write(content) for content in contents]
    pairs = Pairs()
    assert pairs.theirs(BOB.account) is None
    for place in (1, 2, 0):
        pairs.note(BOB.account, ops[place], contents[place])
    assert pairs.theirs(BOB.account) == digest("2")
    assert not pairs.is_changed
    assert pairs.ours(BOB.account) == ()


def test_of_ours_a_few_are_good():
    author, pairs = Author(ALICE, DIRECT), Pairs()
    for number in range(OWN_HALVES_MAX + 2):
        content = Accept("alice", digest(f"{number}"))
        pairs.note(BOB.account, author.write(content), content)
    newest = range(OWN_HALVES_MAX + 1, 1, -1)
    assert pairs.ours(BOB.account) == tuple(digest(f"{number}") for number in newest)
    assert pairs.is_changed


def test_what_holds_no_half_changes_nothing():
    author, pairs = Author(ALICE, DIRECT), Pairs()
    for content in (Text("hello"), Accept("alice", b"")):
        pairs.note(BOB.account, author.write(content), content)
    assert not pairs.is_changed
