"""Talk chains with holes: what is for somebody in several parts is told, given and kept as such."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.events import MessageStateChanged
from p2pchat.model.control import Standing
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.protocol import serving, shared_heads
from p2pchat.protocol.completeness import completeness
from p2pchat.protocol.machine import Send
from p2pchat.protocol.shared_heads import digest_for
from p2pchat.protocol.sync import NOBODYS
from p2pchat.wire.frames import Ops, SyncDigest
from p2pchat.wire.ops import DEPS_MAX
from tests.unit.protocol.crews import DAVE, Crew
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, op_id, person

KEY = (BOB.device, Chain.TALK)


def away_and_back(history: str = "joining") -> Crew:
    """Bob speaks to Carol while she is away; she is put out, he speaks, and she is let in again."""
    crew = Crew(history)
    crew.admit(CAROL)
    crew.say(crew.bob, "before")
    crew.part(crew.carol)
    crew.say(crew.bob, "to carol, who is away")
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(5)
    crew.say(crew.bob, "without her")
    crew.admit(CAROL)
    return crew


@pytest.mark.parametrize("history", ["none", "joining", "last:1"])
def test_what_was_said_to_somebody_is_given_while_its_author_is_silent(history: str) -> None:
    crew = away_and_back(history)
    crew.heal()
    expected = ["before", "to carol, who is away"]
    assert crew.texts(crew.carol) == expected + (["without her"] if history == "last:1" else [])
    crew.check_whole(crew.alice, crew.bob, crew.carol)


def test_what_was_said_to_somebody_is_given_by_others_after_a_restart() -> None:
    """Its author is gone for good."""
    crew = away_and_back()
    crew.alice.crash()
    crew.part(crew.bob)
    crew.table.cut.clear()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(50)
    assert crew.texts(crew.carol) == ["before", "to carol, who is away"]
    crew.check_whole(crew.alice, crew.carol)


@pytest.mark.parametrize("history", ["none", "joining", "last:1"])
def test_what_was_said_to_somebody_is_given_by_others_though_its_author_was_put_out(
    history: str,
) -> None:
    """Where the chain goes on for others alone, what is for somebody leads to the head that the
    removal names by nothing that is given to it: the removal names where its part ends, too."""
    crew = Crew(history)
    crew.admit(CAROL)
    crew.admit(DAVE)
    crew.say(crew.bob, "before")
    crew.part(crew.carol)
    crew.say(crew.bob, "to carol, who is away")
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(5)
    for turn in range(3):
        crew.say(crew.bob, f"without her {turn}")
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    crew.admit(CAROL)
    crew.heal()
    expected = ["before", "to carol, who is away"]
    assert crew.texts(crew.carol) == expected + (["without her 2"] if history == "last:1" else [])
    crew.check_whole(crew.alice, crew.dave, crew.carol)


@pytest.mark.parametrize("is_crashed", [False, True])
def test_what_nobody_had_who_was_to_have_it_is_never_called_delivered(*, is_crashed: bool) -> None:
    """Carol, who came later, signs for what was said after it."""
    crew = Crew("joining")
    crew.say(crew.alice, "to bob")
    crew.part(crew.bob)
    lost = crew.alice.send(crew.room, "to bob, who is away")
    crew.table.run(1)
    crew.admit(CAROL)
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    if is_crashed:
        crew.alice.crash()
        crew.table.connect(crew.alice, crew.carol)
    later = crew.alice.send(crew.room, "to carol")
    crew.table.run(60)
    assert crew.texts(crew.carol) == ["to carol"]
    states = [crew.alice.state_of(one.id) for one in (lost, later)]
    assert states == [MessageState.SENT, MessageState.DELIVERED]
    told = [one for one in crew.alice.told(MessageStateChanged) if one.message_id == lost.id]
    assert [one.state for one in told] == [MessageState.SENT]
    assert crew.alice.chat.outbox.recipients.is_lost(crew.room, 2)


@pytest.mark.parametrize("is_crashed", [False, True])
def test_what_a_member_is_given_lower_down_is_delivered_when_it_says_so_anew(
    *, is_crashed: bool
) -> None:
    """Bob, who went, had let Carol in apart from Alice, and lower down."""
    crew = Crew("joining")
    crew.alice.set(crew.room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.say(crew.alice, "before")
    crew.table.run(5)
    crew.part(crew.bob)
    lower = crew.alice.send(crew.room, "nobody but Alice has it")
    crew.bob.set(crew.room, CAROL, Standing.MEMBER)
    crew.bob.leave(crew.room)
    crew.admit(CAROL)
    upper = crew.alice.send(crew.room, "to Carol")
    crew.table.run(20)
    crew.part(crew.carol)
    crew.table.cut.discard(frozenset((crew.alice.device, crew.bob.device)))
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    if is_crashed:
        crew.alice.crash()
        crew.table.run(5)
    assert crew.texts(crew.carol) == ["to Carol"]
    assert crew.alice.state_of(lower.id) is MessageState.SENT
    crew.heal()
    assert crew.texts(crew.carol) == ["nobody but Alice has it", "to Carol"]
    assert crew.alice.state_of(lower.id) is MessageState.DELIVERED
    assert crew.alice.state_of(upper.id) is MessageState.DELIVERED


def test_what_nobody_had_is_given_to_who_comes_when_nobody_is_left() -> None:
    crew = Crew("joining")
    crew.say(crew.alice, "to bob")
    crew.part(crew.bob)
    said = crew.alice.send(crew.room, "to bob, who is away")
    crew.admit(CAROL)
    for who in (BOB, CAROL):
        crew.alice.set(crew.room, who, Standing.REMOVED)
    assert crew.alice.chat.outbox.recipients.is_lost(crew.room, 2)
    crew.admit(DAVE)
    crew.table.run(20)
    assert "to bob, who is away" in crew.texts(crew.dave)
    assert crew.alice.state_of(said.id) is MessageState.DELIVERED


def test_what_somebody_said_in_time_who_went_is_taken_though_it_follows_what_was_too_late() -> None:
    crew = Crew("all")
    crew.admit(CAROL)
    crew.part(crew.bob)
    crew.say(crew.bob, "late")
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    crew.table.run(5)
    crew.part(crew.carol)
    crew.alice.set(crew.room, BOB, Standing.MEMBER)
    crew.table.cut.discard(frozenset((crew.alice.device, crew.bob.device)))
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(30)
    crew.say(crew.bob, "in time")
    crew.table.run(5)
    crew.bob.leave(crew.room)
    crew.table.run(5)
    crew.heal()
    assert crew.texts(crew.alice) == crew.texts(crew.carol) == ["in time"]
    crew.check_whole(crew.alice, crew.carol)


@pytest.mark.parametrize("history", ["none", "joining"])
def test_who_is_let_in_to_read_alone_is_read_as_far_as_it_said_something_to_somebody(
    history: str,
) -> None:
    """It was out, and so the op that lets it in limits it, too."""
    crew = Crew(history)
    crew.admit(CAROL)
    crew.part(crew.carol)
    crew.say(crew.bob, "to carol, who is away")
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(5)
    crew.say(crew.bob, "without her")
    crew.bob.leave(crew.room)
    crew.table.run(5)
    crew.alice.set(crew.room, BOB, Standing.READ_ONLY)
    crew.table.run(5)
    crew.admit(CAROL)
    crew.heal()
    assert crew.texts(crew.carol) == ["to carol, who is away"]


@pytest.mark.parametrize("history", ["joining", "none"])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("is_back", [False, True])
@pytest.mark.parametrize("is_removed", [False, True])
def test_who_comes_back_gets_all_that_somebody_had_said_to_it_who_was_put_out_meanwhile(
    history: str, count: int, *, is_back: bool, is_removed: bool
) -> None:
    """Which of it was written in time shows the last op alone."""
    crew = Crew(history)
    crew.say(crew.bob, "before carol")
    crew.admit(CAROL)
    said = [f"to carol {number}" for number in range(count)]
    crew.say(crew.bob, *said)
    if is_removed:
        crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.carol.leave(crew.room)
    crew.table.run(10)
    crew.say(crew.bob, "without carol")
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    crew.table.run(10)
    crew.part(crew.carol)
    if is_back:
        crew.admit(BOB)
    crew.admit(CAROL)
    if is_back:
        crew.say(crew.bob, "bob is back")
        said.append("bob is back")
    crew.table.cut.clear()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(60)
    crew.say(crew.alice, "hello")
    crew.table.run(60)
    assert crew.texts(crew.carol) == sorted([*said, "hello"])
    crew.check_whole(crew.alice, crew.carol)


def test_who_has_several_parts_of_a_chain_compares_them_all_after_a_restart() -> None:
    crew = Crew("joining")
    crew.admit(CAROL)
    for turn in range(3):
        crew.say(crew.bob, f"with carol {turn}")
        crew.alice.set(crew.room, CAROL, Standing.REMOVED)
        crew.table.run(60)
        crew.say(crew.bob, f"without her {turn}")
        crew.admit(CAROL)
    crew.admit(DAVE)
    crew.say(crew.bob, "last")
    crew.table.run(60)
    assert crew.texts(crew.carol) == ["last", *(f"with carol {turn}" for turn in range(3))]
    spans = crew.carol.state.conversations[crew.room].log.parts.spans[KEY]
    assert len(spans) == 3
    crew.check_whole(crew.alice, crew.bob, crew.carol, crew.dave)
    for seat in crew.seats:
        seat.crash()
    assert crew.carol.state.conversations[crew.room].log.parts.spans[KEY] == spans
    crew.check_whole(crew.alice, crew.bob, crew.carol, crew.dave)


def test_what_is_compared_is_found_once_until_something_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.say(crew.bob, "hello")
    crew.table.run(60)
    looks = list[object]()
    found = shared_heads._heads_for
    monkeypatch.setattr(
        shared_heads, "_heads_for", lambda *about: looks.append(about) or found(*about)
    )
    state = crew.alice.state
    conversation = state.conversations[crew.room]

    def compare() -> bytes:
        return digest_for(state, conversation, CAROL.device)

    before = compare()
    looks.clear()
    assert compare() == before
    assert not looks
    crew.say(crew.bob, "again")
    looks.clear()
    assert compare() != before
    after = compare()
    assert len(looks) <= 1
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    looks.clear()
    assert compare() != after
    assert len(looks) == 1


def test_nothing_is_missing_of_a_chain_with_holes() -> None:
    crew = away_and_back()
    crew.heal()
    crew.say(crew.bob, "again")
    crew.table.run(60)
    found = completeness(crew.carol.state.conversations[crew.room])
    assert found.is_complete
    assert crew.texts(crew.carol) == ["again", "before", "to carol, who is away"]


def two_admins() -> Crew:
    """Alice, who hears nobody, lets Carol in with all of Bob's talk but the first; Bob with what
    comes. Carol hears of Bob's word first."""
    crew = Crew("joining")
    crew.alice.set(crew.room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.say(crew.bob, "early")
    crew.part(crew.alice)
    crew.say(crew.bob, "b1", "b2")
    crew.alice.set(crew.room, CAROL, Standing.MEMBER)
    crew.table.run(2)
    crew.admit(CAROL, by=crew.bob)
    crew.say(crew.bob, "b3")
    assert crew.texts(crew.carol) == ["b3"]
    return crew


@pytest.mark.parametrize("crash_after_s", [None, 0.0, 0.1, 0.5, 1.0, 5.0, 40.0])
def test_a_lower_floor_that_is_heard_of_later_is_followed(crash_after_s: float | None) -> None:
    crew = two_admins()
    if crash_after_s is not None:
        crew.table.cut.clear()
        for seat in (crew.alice, crew.bob):
            crew.table.connect(seat, crew.carol)
        crew.table.run(crash_after_s)
        crew.carol.crash()
    crew.heal()
    crew.table.run(60)
    assert crew.texts(crew.carol) == ["b1", "b2", "b3"]
    log = crew.carol.state.conversations[crew.room].log
    assert (log.begins_at(KEY), log.parts.spans.get(KEY, [])) == (2, [])
    crew.say(crew.bob, "b4")
    crew.table.run(60)
    crew.carol.crash()
    crew.heal()
    assert crew.texts(crew.carol) == ["b1", "b2", "b3", "b4"]
    crew.check_whole(crew.alice, crew.bob, crew.carol)


def test_what_is_below_a_floor_is_pulled_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ROWS_PER_READ", 2)
    crew = Crew("last:6")
    crew.alice.set(crew.room, BOB, Standing.ADMIN)
    crew.table.run(5)
    for seat in crew.seats:
        seat.limits = replace(seat.limits, page_bytes_max=1_000)
        seat.crash()
    crew.heal()
    crew.say(crew.bob, *(f"b{n}" for n in range(6)))
    crew.part(crew.alice)
    crew.say(crew.bob, *(f"c{n}" for n in range(6)))
    crew.alice.set(crew.room, CAROL, Standing.MEMBER)
    crew.admit(CAROL, by=crew.bob)
    expected = [f"c{n}" for n in range(6)]
    assert crew.texts(crew.carol) == expected
    crew.heal()
    crew.table.run(200)
    assert crew.texts(crew.carol) == [*(f"b{n}" for n in range(6)), *expected]
    crew.check_whole(crew.alice, crew.bob, crew.carol)


def test_what_nobody_has_below_a_floor_is_missing_until_somebody_comes() -> None:
    crew = two_admins()
    crew.part(crew.bob)
    crew.table.cut.discard(frozenset((crew.alice.device, crew.carol.device)))
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(120)
    conversation = crew.carol.state.conversations[crew.room]
    (gap,) = completeness(conversation).gaps
    assert (gap.account, gap.device, gap.first, gap.last) == (BOB.account, BOB.device, 3, 3)
    asked = [one.frame for one in crew.carol.decided(Send) if isinstance(one.frame, SyncDigest)]
    assert [frame.digest for frame in asked].count(NOBODYS) <= 3  # of each peer now and then
    crew.heal()
    assert completeness(conversation).is_complete
    assert crew.texts(crew.carol) == ["b1", "b2", "b3"]


@pytest.mark.parametrize("is_crashed", [False, True])
def test_who_left_and_came_back_gets_what_it_had_read_from_who_has_it(is_crashed: bool) -> None:
    """Dave, whom it meets first, came later than that was said."""
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.say(crew.bob, "b1 with carol", "b2 with carol")
    crew.carol.leave(crew.room)
    crew.table.run(20)
    crew.say(crew.bob, "b3 without")
    crew.part(crew.carol, crew.dave)
    crew.table.cut.clear()
    for seat in (crew.alice, crew.bob):
        crew.table.connect(seat, crew.dave)
    crew.admit(DAVE)
    crew.say(crew.bob, "b4 with dave")
    crew.admit(CAROL)
    crew.say(crew.bob, "b5 with both")
    crew.part(crew.carol)
    crew.table.cut.discard(frozenset((crew.dave.device, crew.carol.device)))
    crew.table.connect(crew.carol, crew.dave)
    crew.table.run(60)
    assert crew.texts(crew.carol) == ["b5 with both"]
    crew.check_whole(crew.dave, crew.carol)
    if is_crashed:
        crew.carol.crash()
    crew.heal()
    crew.table.run(100)
    assert crew.texts(crew.carol) == ["b1 with carol", "b2 with carol", "b5 with both"]
    crew.check_whole(*crew.seats)
    crew.carol.crash()
    crew.heal()
    crew.check_whole(*crew.seats)


def test_a_forged_op_below_a_floor_changes_nothing() -> None:
    crew = two_admins()
    log = crew.carol.state.conversations[crew.room].log
    b1 = crew.bob.chain(crew.room, BOB)[2]
    crew.part(crew.bob)
    crew.table.cut.discard(frozenset((crew.alice.device, crew.carol.device)))
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(20)
    before = log.positions, dict(log.floors), dict(log.parts.spans)
    assert log.begins_at(KEY) > b1.header.seq
    crew.carol.hear(ALICE, Ops((replace(b1, signature=bytes(64)),), (BOB.devices,)))
    assert (log.positions, dict(log.floors), dict(log.parts.spans)) == before
    assert crew.texts(crew.carol) == ["b3"]
    crew.carol.hear(ALICE, Ops((b1,), (BOB.devices,)))
    assert crew.texts(crew.carol) == ["b1", "b3"]
    assert [span.tip.id for span in log.parts.spans[KEY]] == [b1.id]


def test_what_is_here_is_not_taken_again_where_parts_of_a_chain_meet() -> None:
    """A restart forgot which ops came last; what follows a part that came since is on disk."""
    crew = two_admins()
    crew.say(crew.bob, "b4", "b5")
    ops = tuple(crew.bob.chain(crew.room, BOB)[2:])
    crew.part(crew.bob)
    crew.table.cut.discard(frozenset((crew.alice.device, crew.carol.device)))
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(20)
    crew.carol.crash()
    crew.table.connect(crew.alice, crew.carol)
    crew.carol.hear(ALICE, Ops(ops, (BOB.devices,)))
    log = crew.carol.state.conversations[crew.room].log
    assert (log.begins_at(KEY), [tip.id for tip in log.tips[KEY]]) == (2, [ops[-1].id])
    assert crew.texts(crew.carol) == ["b1", "b2", "b3", "b4", "b5"]


def test_what_came_between_parts_of_a_chain_is_not_taken_again() -> None:
    """What it follows was the last of all when it came, and what it leads to is there."""
    crew = Crew("joining")
    crew.alice.set(crew.room, BOB, Standing.ADMIN)
    crew.admit(CAROL)
    crew.say(crew.bob, "b1")
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(5)
    crew.part(crew.alice)
    crew.say(crew.bob, "b2", "b3")
    crew.alice.set(crew.room, CAROL, Standing.MEMBER)
    crew.table.run(2)
    crew.admit(CAROL, by=crew.bob)
    crew.say(crew.bob, "b4")
    assert crew.texts(crew.carol) == ["b1", "b4"]
    crew.heal()
    crew.table.run(60)
    assert crew.texts(crew.carol) == ["b1", "b2", "b3", "b4"]
    log, ops = crew.carol.state.conversations[crew.room].log, crew.bob.chain(crew.room, BOB)
    crew.carol.hear(ALICE, Ops(tuple(ops[1:]), (BOB.devices,)))
    assert [tip.id for tip in log.tips[KEY]] == [ops[-1].id]
    assert crew.texts(crew.carol) == ["b1", "b2", "b3", "b4"]


@pytest.mark.parametrize("is_crashed", [False, True])
def test_who_left_and_came_back_still_gives_what_it_said_to_somebody(is_crashed: bool) -> None:
    """Nobody else is left who has it."""
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.admit(DAVE)
    crew.say(crew.carol, "to all")
    crew.part(crew.dave)
    crew.say(crew.carol, "to dave, who is away")
    crew.alice.set(crew.room, DAVE, Standing.REMOVED)
    crew.table.run(5)
    crew.say(crew.carol, "without him")
    crew.carol.leave(crew.room)
    crew.table.run(20)
    if is_crashed:
        crew.carol.crash()
        crew.table.connect(crew.alice, crew.carol)
    crew.admit(CAROL)
    crew.admit(DAVE)
    crew.part(crew.alice, crew.bob)
    crew.table.cut.discard(frozenset((crew.carol.device, crew.dave.device)))
    crew.table.connect(crew.carol, crew.dave)
    crew.table.run(60)
    assert crew.texts(crew.dave) == ["to all", "to dave, who is away"]
    crew.check_whole(crew.carol, crew.dave)


def test_what_nobody_wrote_leaves_nothing_behind() -> None:
    """A device that nobody certified signs ops with which its chain would begin for Carol."""
    crew = Crew("joining")
    crew.admit(CAROL)
    conversation = crew.carol.state.conversations[crew.room]
    assert conversation.invited is not None
    known = conversation.invited.membership.heads(DEPS_MAX)
    first = crew.alice.chain(crew.room, ALICE, Chain.CONTROL)[0].id
    for number in range(5):
        author = Author(person(f"throw-away {number}"), crew.room)
        changes = {"account": BOB.account, "seq": 5, "prev": op_id("x"), "was": (first,)}
        op = author.write("nobody's", deps=known, **changes)
        crew.carol.hear(DAVE, Ops((op,), ()))
    assert crew.carol.state.refused["author without a device set"] == 5
    assert len(conversation.log.claims) <= 1


def test_a_chain_may_end_for_whom_somebody_let_in_who_is_out() -> None:
    """That one may have had by a floor what was said to who let it in."""
    crew = Crew("joining")
    crew.alice.set(crew.room, BOB, Standing.ADMIN)
    crew.table.run(5)
    room = crew.alice.state.conversations[crew.room].invited
    assert room is not None
    before = room.membership.heads(DEPS_MAX)
    crew.admit(CAROL, by=crew.bob)
    histories, counting = room.membership.histories, room.membership.counting
    assert histories.going((CAROL.account,), counting) == 0
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    removed = tuple(room.membership.removal(CAROL.account))
    went = histories.ends_by(before, removed)
    assert went
    counting = room.membership.counting
    assert histories.going((CAROL.account,), counting) == went
    assert histories.going((BOB.account, DAVE.account), counting) == 0
    assert histories.ends_by(before, before) == 0
    assert histories.ends_by(removed, before) is None
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    admin = tuple(room.membership.removal(BOB.account))
    assert histories.ends_by(removed, admin) is None, "what he did may be void"
    assert histories.ends_by(before, (op_id("not here"),)) is None
