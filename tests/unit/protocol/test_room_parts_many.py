"""Talk chains with holes: what very many of them, and liars, cost."""

from __future__ import annotations

import pytest

from p2pchat.model.change import AddOp
from p2pchat.model.control import Standing
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.op import PARTS_MAX, STOPS_MAX, Chain, Position
from p2pchat.protocol import log, parts, shared_heads
from p2pchat.protocol.machine import PeerDown, PeerUp, Persist, Send
from p2pchat.protocol.parts import (
    DOUBTED_MAX,
    SHARED_MAX,
    TOLD_MAX,
    Floor,
    Parts,
    Shared,
    Span,
    Stop,
    Tip,
)
from p2pchat.protocol.shared_heads import shared_by
from p2pchat.wire.frames import Ops, SyncDigest, SyncFrontier, SyncPull
from p2pchat.wire.ops import DEPS_MAX
from tests.unit.protocol.crews import DAVE, Crew
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, digest, op_id

KEY = (BOB.device, Chain.TALK)


def test_of_very_many_parts_of_a_chain_the_lowest_are_forgotten() -> None:
    parts = Parts()
    tips = [Tip(BOB.account, 3 * n, op_id(f"{n}"), 0) for n in range(STOPS_MAX + 2)]
    for tip in tips:
        parts.stop(KEY, Stop(tip, ()))
    assert [stop.tip for stop in parts.stops[KEY]] == tips[2:]
    del tips[PARTS_MAX + 2 :]
    spans = [Span(Floor(tip.seq - 1, op_id("below")) if tip.seq else None, tip) for tip in tips]
    forgotten = [parts.put(KEY, span) for span in spans]
    assert [one for one in forgotten if one is not None] == spans[:2]
    assert parts.spans[KEY] == spans[2:]


def test_of_very_many_members_what_they_were_told_is_forgotten_and_found_anew() -> None:
    parts, shared = Parts(), Shared((), b"digest")
    for number in range(SHARED_MAX):
        parts.remember((AccountId(digest(f"{number}")),), 1, shared)
    assert len(parts.shared) == SHARED_MAX
    parts.remember((BOB.account,), 1, shared)
    assert parts.shared == {(BOB.account,): (1, shared)}


def test_where_more_ends_are_told_than_are_remembered_nothing_is_sent_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "STOPS_MAX", 2)
    monkeypatch.setattr(log, "RECENT_MAX", 3)
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.say(crew.bob, *(f"early {number}" for number in range(5)))
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(5)
    crew.say(crew.bob, "without Carol")
    crew.admit(CAROL)
    crew.say(crew.bob, "with Carol")
    for number in range(3):
        crew.admit(DAVE)
        crew.say(crew.bob, f"with Dave {number}")
        crew.alice.set(crew.room, DAVE, Standing.REMOVED)
        crew.table.run(5)
        crew.say(crew.bob, f"without Dave {number}")
    crew.table.run(200)
    for seat in crew.seats:
        seat.effects.clear()
    crew.table.run(300)
    sent = [one.frame for seat in crew.seats for one in seat.decided(Send)]
    assert any(isinstance(frame, SyncDigest) for frame in sent)
    assert not any(isinstance(frame, Ops) for frame in sent)


def test_of_more_parts_than_are_remembered_the_last_are_compared_and_none_comes_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (parts, shared_heads):
        monkeypatch.setattr(module, "PARTS_MAX", 3)
    crew = Crew("joining")
    said = list[str]()
    for number in range(7):
        crew.admit(DAVE)
        crew.say(crew.bob, f"with {number}")
        said.append(f"with {number}")
        crew.alice.set(crew.room, DAVE, Standing.REMOVED)
        crew.table.run(5)
        crew.say(crew.bob, f"without {number}")
    crew.admit(DAVE)
    crew.table.run(60)
    crew.dave.crash()
    crew.table.connect(crew.bob, crew.dave)
    crew.table.run(60)
    assert crew.texts(crew.dave) == said
    crew.check_whole(crew.bob, crew.dave)
    for seat in crew.seats:
        seat.effects.clear()
    crew.dave.hear(BOB, Ops(tuple(crew.bob.chain(crew.room, BOB)), (BOB.devices,)))
    crew.table.run(300)
    added = [one.change for one in crew.dave.decided(Persist) if isinstance(one.change, AddOp)]
    assert not added
    assert not [one for one in crew.bob.decided(Send) if isinstance(one.frame, Ops)]


def test_who_tells_wrongly_what_it_had_known_makes_no_stops() -> None:
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.say(crew.carol, "hello")
    key, talk = (CAROL.device, Chain.TALK), crew.alice.state.conversations[crew.room].log
    room = crew.alice.state.conversations[crew.room].invited
    assert room is not None
    early = room.membership.heads(DEPS_MAX)
    crew.admit(DAVE)
    crew.alice.set(crew.room, DAVE, Standing.REMOVED)
    crew.table.run(5)
    late = room.membership.heads(DEPS_MAX)
    liar = Author(CAROL, crew.room)
    liar.ops, liar.hlc = list(crew.carol.chain(crew.room, CAROL)), crew.table.now.wall_ms << 16
    ops = [liar.write("late", was=liar.ops[-1].header.deps, deps=late)]
    ops += [liar.write(f"{number}", was=early, deps=late) for number in range(5)]
    crew.alice.hear(CAROL, Ops(tuple(ops), (CAROL.devices,)))
    assert talk.count(*key) == ops[-1].header.seq + 1
    assert len(talk.parts.stops[key]) == 1


def test_what_is_known_of_very_many_heads_is_forgotten() -> None:
    found = Parts()
    found.found(op_id("of which nobody asked"))
    assert found.here == set()
    for number in range(DOUBTED_MAX):
        found.doubt(op_id(f"{number}"))
        found.found(op_id(f"{number}"))
    assert len(found.here) == DOUBTED_MAX
    found.doubt(op_id("one more"))
    assert (found.doubted, found.here) == ({op_id("one more")}, set())


def test_who_lies_about_what_came_before_is_not_pulled_on_and_on() -> None:
    """Nobody can begin with what Bob says to Carol, for he does not tell that he spoke without
    knowing her before."""
    crew = Crew("joining")

    def known() -> tuple[OpId, ...]:
        room = crew.alice.state.conversations[crew.room].invited
        assert room is not None
        return room.membership.heads(DEPS_MAX)

    crew.part(crew.bob)
    bob, before = Author(BOB, crew.room), known()
    crew.table.run(5)
    bob.ops = crew.bob.chain(crew.room, BOB)
    crew.alice.hear(BOB, Ops((bob.write("without Carol", deps=before),), (BOB.devices,)))
    crew.admit(CAROL)
    for number in range(250):
        op = bob.write(f"{number}" + "x" * 3_000, deps=known())
        crew.alice.hear(BOB, Ops((op,), (BOB.devices,)))
    assert len(crew.texts(crew.alice)) == 251
    crew.carol.effects.clear()
    crew.table.run(300)
    sent = [one.frame for one in crew.carol.decided(Send) if one.peer == ALICE.device]
    exchanges = sum(isinstance(frame, SyncDigest) for frame in sent)
    assert 0 < sum(isinstance(frame, SyncPull) for frame in sent) <= exchanges


def test_of_very_many_stops_those_of_others_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dave came and went again and again before Carol was there, and once with her."""
    crew = Crew("joining")
    for number in range(4):
        crew.admit(DAVE)
        crew.say(crew.bob, f"with Dave {number}")
        crew.alice.set(crew.room, DAVE, Standing.REMOVED)
        crew.table.run(5)
        crew.say(crew.bob, f"without Dave {number}")
    crew.admit(CAROL)
    crew.say(crew.bob, "with Carol")
    conversation = crew.alice.state.conversations[crew.room]
    room = conversation.invited
    assert room is not None
    asked = list[object]()
    may_have = type(room.membership).may_have
    monkeypatch.setattr(
        type(room.membership), "may_have", lambda *about: asked.append(about) or may_have(*about)
    )
    assert len(conversation.log.parts.stops[KEY]) == 4
    conversation.log.parts.shared.clear()
    shared_by(conversation, room, (CAROL.account,))
    assert len(asked) <= sum(key[1] is Chain.TALK for key in conversation.log.tips)
    told = shared_by(conversation, room, (DAVE.account,)).heads
    assert sum(head.device == BOB.device and head.chain is Chain.TALK for head in told) == 4


def test_who_is_given_the_end_of_a_chain_first_by_a_liar_gets_what_lies_below_from_others() -> None:
    """It waited for what is not for her when the chain went on above."""
    crew = Crew("joining")
    crew.admit(DAVE)
    crew.admit(CAROL)
    crew.say(crew.bob, "before")
    crew.part(crew.carol)
    for texts in (("part 0", "part 1"), ("last",)):
        crew.alice.set(crew.room, CAROL, Standing.REMOVED)
        crew.table.run(5)
        crew.say(crew.bob, "without her")
        crew.admit(CAROL)
        crew.say(crew.bob, *texts)
    talk = [op for op in crew.alice.chain(crew.room, BOB) if op.header.was]
    lower, last = talk[-3], talk[-1]
    control = tuple(
        op
        for person in (ALICE, BOB, DAVE)
        for op in crew.alice.chain(crew.room, person, Chain.CONTROL)
    )
    sets = (ALICE.devices, BOB.devices, DAVE.devices)
    crew.carol.do(PeerUp(DAVE.device))
    crew.carol.hear(DAVE, Ops(control, sets))
    crew.carol.hear(DAVE, Ops((lower,), sets))
    head = Position(BOB.device, Chain.TALK, last.header.seq, last.id)
    crew.carol.hear(DAVE, SyncFrontier(crew.room, (head,), ()))
    crew.carol.hear(DAVE, Ops((last,), sets))
    crew.carol.do(PeerDown(DAVE.device, "gone"))
    crew.heal()
    crew.table.run(100)
    assert crew.texts(crew.carol) == ["before", "last", "part 0", "part 1"]
    crew.check_whole(crew.alice, crew.carol)


def test_what_authors_knew_is_judged_anew_when_it_is_very_much_or_something_else_counts() -> None:
    found = Parts()
    told = found.told_to((ALICE.account,), 1)
    told[op_id("known"),] = True
    assert found.told_to((ALICE.account,), 1) is told
    assert found.told_to((ALICE.account,), 2) == {}
    told = found.told_to((ALICE.account,), 2)
    for number in range(TOLD_MAX):
        told[op_id(f"{number}"),] = False
    assert found.told_to((ALICE.account,), 2) == {}
    for number in range(SHARED_MAX + 1):
        found.told_to((AccountId(digest(f"{number}")),), 2)
    assert len(found.told) <= SHARED_MAX
