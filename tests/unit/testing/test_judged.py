"""What of a room's history all must see alike, and what not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from p2pchat.model.control import Standing
from p2pchat.model.op import Op
from p2pchat.protocol.relation_vocabulary import ChangeMessage
from p2pchat.store.port import Page
from p2pchat.testing.judged import Judged
from p2pchat.wire.relations import Delete, React
from tests.unit.protocol.people import BOB, CAROL
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew


def headers(seat: Seat, room, *more: Op) -> dict:
    ops = [op for one in (BOB, CAROL) for op in seat.chain(room, one)]
    return {op.id: op.header for op in (*ops, *more)}


def peer(seat: Seat):
    node = SimpleNamespace(chat=seat.chat)
    life = SimpleNamespace(node=node)
    return SimpleNamespace(name=seat.person.name, life=life, identity=seat.person)


@pytest.mark.parametrize("is_late", [True, False])
def test_reactions_to_what_was_taken_back_too_late_are_seen_by_who_did_not_hear_of_it(
    is_late: bool,
):
    """Carol takes back what she said on the side of being put out, and Bob hears of that first; a
    reaction that he lacks for no such reason is told."""
    crew = Crew()
    room = crew.begin()
    said = crew.carol.send(room, "hello")
    crew.table.run(5)
    crew.bob.ask(lambda id: ChangeMessage(id, room, said.id, React("🚢", is_on=True)))
    crew.table.run(10)
    for seat in (crew.bob, crew.carol):
        crew.table.part(crew.alice, seat)
    if is_late:
        crew.carol.ask(lambda id: ChangeMessage(id, room, said.id, Delete()))
        crew.table.run(5)
    taken_back = crew.carol.chain(room, CAROL)[-1]
    crew.alice.set(room, CAROL, Standing.REMOVED)
    judged = Judged(peer(crew.alice), room, headers(crew.alice, room, taken_back))
    histories = [
        {message.id: message for message in seat.store.history(room, Page(100))}
        for seat in (crew.bob, crew.alice)
    ]
    assert histories[0][said.id].deleted is is_late
    assert histories[1][said.id].reactions
    if not is_late:
        assert histories[0] == histories[1]
        histories[0][said.id] = replace(histories[0][said.id], reactions=())
    bob, alice = peer(crew.bob), peer(crew.alice)
    found = list(judged.differences(bob, histories[0], alice, histories[1]))
    assert bool(found) is not is_late
