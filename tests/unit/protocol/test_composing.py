"""Who is writing: told to contacts who want it, by those who want it, and never for long."""

from __future__ import annotations

import pytest

from p2pchat.errors import UnknownContact
from p2pchat.events import TypingChanged
from p2pchat.protocol.composing import TYPING_AGAIN_S, TYPING_RATE, TYPING_S
from p2pchat.protocol.composing_vocabulary import SayTyping, TellTyping
from p2pchat.protocol.machine import BlockTarget, Send
from p2pchat.wire.frames import Typing
from tests.unit.protocol.people import ALICE, BOB, CAROL, Person
from tests.unit.protocol.table import Seat, Table


def befriended(*, alice_tells: bool = True, bob_tells: bool = True) -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    for seat, is_on in ((alice, alice_tells), (bob, bob_tells)):
        seat.ask(lambda id, is_on=is_on: TellTyping(id, is_on))
    return table, alice, bob


def types(seat: Seat, to: Person, *, is_typing: bool = True) -> None:
    seat.ask(lambda id: SayTyping(id, to.account, is_typing))


def changes(seat: Seat) -> list[bool]:
    return [event.is_typing for event in seat.told(TypingChanged)]


def said(seat: Seat) -> list[bool]:
    return [e.frame.is_typing for e in seat.decided(Send) if isinstance(e.frame, Typing)]


def test_a_contact_sees_that_one_writes_and_that_one_stops():
    table, alice, bob = befriended()
    types(alice, BOB)
    table.settle()
    assert bob.told(TypingChanged) == [TypingChanged(ALICE.account, is_typing=True)]
    types(alice, BOB, is_typing=False)
    table.settle()
    assert changes(bob) == [True, False]


@pytest.mark.parametrize(("alice_tells", "bob_tells"), [(False, True), (True, False)])
def test_nothing_is_seen_unless_both_want_it(alice_tells, bob_tells):
    table, alice, bob = befriended(alice_tells=alice_tells, bob_tells=bob_tells)
    types(alice, BOB)
    table.settle()
    assert changes(bob) == []
    assert said(alice) == [True] * alice_tells


def test_at_first_nobody_tells():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    types(alice, BOB)
    assert said(alice) == []


def test_what_was_chosen_holds_after_a_restart():
    table, alice, bob = befriended()
    alice.crash()
    bob.crash()
    alice.open()
    bob.open()
    table.connect(alice, bob)
    types(alice, BOB)
    table.settle()
    assert changes(bob) == [True]


def test_each_key_may_be_told_and_little_is_said():
    table, alice, _ = befriended()
    for _ in range(100):
        types(alice, BOB)
    assert said(alice) == [True]
    table.run(TYPING_AGAIN_S)
    types(alice, BOB)
    types(alice, BOB, is_typing=False)
    types(alice, BOB, is_typing=False)
    assert said(alice) == [True, True, False]


def test_who_falls_silent_is_writing_no_more():
    table, alice, bob = befriended()
    types(alice, BOB)
    table.settle()
    table.run(TYPING_S - 1)
    assert changes(bob) == [True]
    table.run(2)
    assert changes(bob) == [True, False]


def test_who_goes_on_writing_is_told_of_once():
    table, alice, bob = befriended()
    for _ in range(5):
        types(alice, BOB)
        table.settle()
        table.run(TYPING_AGAIN_S)
    assert changes(bob) == [True]


def test_who_changes_their_mind_too_often_is_not_listened_to():
    _, _, bob = befriended()
    frames = [Typing(number % 2 == 0) for number in range(100)]
    bob.hear(ALICE, *frames)
    assert changes(bob) == [True, False] * TYPING_RATE.burst, "each end is heard of what was taken"
    assert bob.state.refused["typing told too often"] == 100 - 2 * TYPING_RATE.burst


def test_strangers_and_who_is_blocked_are_not_told_and_not_heard():
    _, alice, bob = befriended()
    bob.hear(CAROL, Typing(is_typing=True))
    assert bob.state.refused["typing of a stranger"] == 1
    with pytest.raises(UnknownContact):
        types(alice, CAROL)
    alice.ask(lambda id: BlockTarget(id, BOB.account))
    with pytest.raises(UnknownContact):
        types(alice, BOB)
    assert changes(bob) == []


def test_who_wants_it_no_more_says_so_last_and_sees_nobody_writing():
    table, alice, bob = befriended()
    types(alice, BOB)
    types(bob, ALICE)
    table.settle()
    alice.ask(lambda id: TellTyping(id, is_on=False))
    table.settle()
    assert changes(alice) == [True, False]
    assert changes(bob) == [True, False]
    types(alice, BOB)
    assert said(alice) == [True, False]
