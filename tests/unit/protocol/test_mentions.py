"""Who is mentioned is told so, with the message."""

from __future__ import annotations

from p2pchat.events import MessageReceived
from tests.unit.protocol.people import ALICE, BOB, between
from tests.unit.protocol.table import Table


def test_who_is_mentioned_hears_it_with_the_message():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    for text in ("hello", f"@{BOB.account}: hello", f"@{ALICE.account} says hello"):
        alice.send(between(ALICE, BOB), text)
    table.run(5)
    assert [event.mentions_me for event in bob.told(MessageReceived)] == [False, True, False]
