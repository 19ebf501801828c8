"""Who is put out of a room while it is away hears of it, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from p2pchat.errors import PermissionDenied
from p2pchat.model.control import Detail, Link, SetStanding, Standing
from p2pchat.model.ids import OpId
from p2pchat.model.op import Chain, Op
from p2pchat.protocol import serving
from p2pchat.protocol.control_graph import Graph
from p2pchat.protocol.machine import Load, Received, Send
from p2pchat.protocol.room_vocabulary import DescribeRoom, GiveInvite, JoinByLink, PinMessage
from p2pchat.protocol.room_writing import LAST_WORDS_MAX
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import Hello, Ops, SyncDigest, SyncFrontier, SyncPage, SyncPull, Wanted
from p2pchat.wire.invite_links import InviteLink, decode_invite, encode_invite
from tests.unit.protocol.assembly import Assembly
from tests.unit.protocol.crews import DAVE, Crew
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, Person, digest, op_id
from tests.unit.protocol.table import Seat


class Story(Crew):
    """Bob is away while Carol, an admin, and Alice rule the room, and Alice puts him out."""

    def __init__(self, history: str = "all") -> None:
        super().__init__(history)
        self.admit(CAROL)
        self.alice.set(self.room, CAROL, Standing.ADMIN)
        self.table.run(5)
        self.say(self.alice, "hello")
        self.part(self.bob)

    def put_out(self, by: Seat | None = None) -> None:
        (by or self.alice).set(self.room, BOB, Standing.REMOVED)
        self.table.run(20)

    def meet(self, one: Seat, other: Seat) -> None:
        self.table.cut.discard(frozenset((one.device, other.device)))
        self.table.connect(one, other)

    def rename(self, by: Seat, name: str) -> None:
        by.ask(lambda id: DescribeRoom(id, self.room, Detail.NAME, name))
        self.table.run(2)

    def known(self, seat: Seat) -> set[OpId]:
        return set(seat.state.conversations[self.room].log.control)

    def standing(self, seat: Seat, of: Person = BOB) -> Standing:
        invited = seat.state.conversations[self.room].invited
        assert invited is not None
        return invited.membership.standing(of.account)

    def past(self) -> set[OpId]:
        """The ops that put Bob out and what they hang on, found anew."""
        invited = self.alice.state.conversations[self.room].invited
        assert invited is not None
        links = {op.id: op.header for op in self.ops()}
        found, todo = set[OpId](), list(invited.membership.removal(BOB.account))
        while todo:
            id = todo.pop()
            if id not in found:
                found.add(id)
                header = links[id]
                todo += [*header.deps, *([header.prev] if header.prev is not None else ())]
        return found

    def ops(self) -> list[Op]:
        """All control ops that Alice has on disk."""
        people = (ALICE, BOB, CAROL, DAVE)
        return [op for one in people for op in self.alice.chain(self.room, one, Chain.CONTROL)]

    def given(self, *seats: Seat) -> list[Op]:
        """What Bob was given of the room by these."""
        return [
            op
            for seat in seats
            for effect in seat.decided(Send)
            if effect.peer == self.bob.device and isinstance(effect.frame, Ops)
            for op in effect.frame.ops
            if op.header.conversation == self.room
        ]

    def check_out(self) -> None:
        assert self.standing(self.bob) is Standing.REMOVED
        with pytest.raises(PermissionDenied):
            self.bob.send(self.room, "am I here?")
        conversation = self.bob.state.conversations[self.room]
        assert conversation.log.waiting() == ()
        assert self.known(self.bob) == self.past()


def let_in(story: Story) -> None:
    story.admit(DAVE, by=story.carol)


def rename(story: Story) -> None:
    story.rename(story.carol, "another name")


def pin(story: Story) -> None:
    room = story.room
    story.carol.ask(lambda id: PinMessage(id, room, op_id("pinned"), is_on=True))
    story.table.run(2)


def join_by_link(story: Story) -> None:
    """Carol gives a link, and lets Dave in who shows it."""
    seed, expires_ms = digest("seed"), WALL_MS + 10**9
    key = Ed25519Signer(seed).public_key
    invite = story.carol.ask(lambda id: GiveInvite(id, story.room, key, 1, expires_ms))
    device, devices = CAROL.device, CAROL.me.devices
    link = InviteLink(story.room, invite, seed, device, expires_ms, "crew", (), devices)
    text = encode_invite(link, CAROL.signer)
    story.dave.ask(lambda id: JoinByLink(id, text, decode_invite(text)))
    story.table.run(20)
    assert story.standing(story.alice, DAVE) is Standing.MEMBER


def rule_beside(story: Story) -> None:
    """Two who rule put him out, neither of whom has heard of the other; each let somebody in."""
    story.part(story.carol)
    rename(story)
    story.put_out(by=story.carol)
    story.rename(story.alice, "beside")
    story.put_out()
    story.meet(story.alice, story.carol)
    story.table.run(60)


@pytest.mark.parametrize("history", ["all", "joining"])
@pytest.mark.parametrize("is_restarted", [False, True])
@pytest.mark.parametrize("rule", [let_in, rename, pin, join_by_link, rule_beside])
def test_who_was_put_out_by_what_hangs_on_others_ops_hears_of_it(
    rule: Callable[[Story], None], is_restarted: bool, history: str
):
    story = Story(history)
    rule(story)
    if rule is not rule_beside:
        story.put_out()
    assert {op.header.device for op in story.ops() if op.id in story.past()} > {ALICE.device}
    if is_restarted:
        story.alice.crash()
    story.meet(story.alice, story.bob)
    story.table.run(60)
    story.check_out()


def test_who_was_put_out_hears_of_it_from_another_member():
    story = Story()
    rename(story)
    story.put_out()
    story.part(story.alice)
    story.meet(story.bob, story.carol)
    story.table.run(60)
    story.check_out()


def test_who_was_put_out_and_stops_in_between_hears_of_it():
    story = Story()
    for number in range(3):
        story.rename(story.carol, f"name {number}")
    story.put_out()
    story.meet(story.alice, story.bob)
    for where in ("before commit", "after commit") * 4:
        story.bob.crash_in = where
        story.table.run(1)
        story.table.connect(story.alice, story.bob)
    story.table.run(60)
    story.check_out()
    story.bob.crash()
    assert story.standing(story.bob) is Standing.REMOVED


@pytest.mark.parametrize("history", ["all", "joining", "last:2"])
def test_who_was_put_out_is_given_nothing_that_is_not_in_the_past_of_that(history: str):
    """Nothing said or done after, and nothing done beside, however it asks."""
    story = Story(history)
    story.say(story.alice, "while he is away")
    rename(story)
    story.part(story.carol)
    story.rename(story.carol, "beside")
    story.put_out()
    story.rename(story.alice, "after")
    story.admit(DAVE)
    story.alice.set(story.room, BOB, Standing.BANNED)
    story.say(story.alice, "without him")
    story.meet(story.alice, story.carol)
    story.table.run(60)
    past = story.past()
    beyond = story.known(story.alice) - past
    assert {op.header.device for op in story.ops() if op.id in beyond} == {
        ALICE.device,
        CAROL.device,
    }
    for seat in story.seats:
        seat.effects.clear()
    story.heal()
    story.table.run(100)
    story.check_out()
    chains = [Wanted(one.device, chain, 0, None) for one in (ALICE, CAROL, DAVE) for chain in Chain]
    for wanted in [*([one] for one in chains), chains]:
        for seat in (story.alice, story.carol, story.dave):
            seat.do(Received(BOB.device, SyncPull(story.room, tuple(wanted))))
            story.table.run(20)
    given = story.given(*story.seats)
    assert {op.header.chain for op in given} == {Chain.CONTROL}
    assert {op.id for op in given} <= past
    assert story.texts(story.bob) == ["hello"]


def test_who_is_told_where_it_was_put_out_is_not_told_where_chains_end_now():
    story = Story()
    rename(story)
    story.put_out()
    rename(story)
    story.meet(story.alice, story.bob)
    story.table.run(60)
    story.alice.effects.clear()
    story.alice.do(Received(BOB.device, SyncDigest(story.room, bytes(32))))
    (told,) = [e.frame for e in story.alice.decided(Send) if isinstance(e.frame, SyncFrontier)]
    assert {head.chain for head in told.heads} == {Chain.CONTROL}
    assert {head.head for head in told.heads} <= story.past()
    assert len({head.device for head in told.heads}) == len(told.heads) == 2


def test_who_never_was_in_a_room_is_told_nothing_of_it():
    story = Story()
    story.put_out()
    story.alice.set(story.room, DAVE, Standing.BANNED)
    for who in (DAVE, MALLORY):
        story.alice.effects.clear()
        refused = story.alice.state.refused["no such conversation for this peer"]
        wanted = (Wanted(ALICE.device, Chain.CONTROL, 0, None),)
        frames = SyncDigest(story.room, bytes(32)), SyncPull(story.room, wanted)
        story.alice.do(*(Received(who.device, one) for one in (Hello(who.devices), *frames)))
        assert not [e for e in story.alice.decided(Send) if isinstance(e.frame, SyncFrontier)]
        assert not story.alice.decided(Load)
        assert story.alice.state.refused["no such conversation for this peer"] == refused + 2


def test_who_missed_more_than_one_page_hears_of_it():
    """More than last words hold, and than a page does, by two who answer each other."""
    story = Story()
    for seat in story.seats:
        seat.state.limits = replace(seat.state.limits, page_bytes_max=4096)
    for number in range(LAST_WORDS_MAX):
        story.rename(story.carol, f"name {number}")
        story.rename(story.alice, f"another {number}")
    story.put_out()
    story.meet(story.alice, story.bob)
    story.table.run(200)
    pages = [e.frame for e in story.alice.decided(Send) if e.frame == SyncPage(story.room, True)]
    assert len(pages) > 1
    story.check_out()


def out(history: str = "all") -> Story:
    """Bob is out, knows it, and asks Alice."""
    story = Story(history)
    rename(story)
    story.put_out()
    story.meet(story.alice, story.bob)
    story.table.run(100)
    story.table.advance(60)
    story.alice.effects.clear()
    return story


def ask(story: Story, who: Person = BOB) -> None:
    wanted = (Wanted(ALICE.device, Chain.CONTROL, 0, None),)
    story.alice.do(Received(who.device, SyncPull(story.room, wanted)))


def test_who_was_put_out_and_asks_again_and_again_gets_a_page_in_a_while():
    story = out()
    rate = serving.PARTING_RATE
    for _ in range(int(rate.burst) + 5):
        ask(story)
        while story.alice.loads:
            story.alice.answer_load()
    assert len(story.alice.decided(Load)) == rate.burst
    story.alice.do(Received(BOB.device, SyncDigest(story.room, bytes(32))))
    assert not [e for e in story.alice.decided(Send) if isinstance(e.frame, SyncFrontier)]
    assert story.alice.state.refused["too many questions of who was put out"] == 6
    story.table.advance(1 / rate.per_s)
    ask(story)
    assert len(story.alice.decided(Load)) == rate.burst + 1


def test_those_who_were_put_out_take_few_of_the_places_of_those_who_are_answered(monkeypatch):
    monkeypatch.setattr(serving, "PARTING_SESSIONS_MAX", 1)
    story = out()
    story.alice.set(story.room, CAROL, Standing.REMOVED)
    ask(story)
    ask(story, CAROL)
    assert len(story.alice.decided(Load)) == 1
    assert story.alice.state.refused["too many pulls of those who were put out"] == 1


def test_above_where_its_past_ends_nothing_is_read_for_who_was_put_out():
    story = Story()
    rename(story)
    story.put_out()
    for number in range(5):
        story.rename(story.alice, f"name {number}")
    story.meet(story.alice, story.bob)
    story.table.run(100)
    story.alice.effects.clear()
    end = max(op.header.seq for op in story.ops() if op.id in story.past() and is_by(op, ALICE))
    above = (Wanted(ALICE.device, Chain.CONTROL, end + 1, None),)
    story.alice.do(Received(BOB.device, SyncPull(story.room, above)))
    assert not story.alice.decided(Load)
    ask(story)
    while story.alice.loads:
        story.alice.answer_load()
    assert len(story.alice.decided(Load)) == 1
    assert max(op.header.seq for op in story.given(story.alice)) == end


def test_who_is_let_in_again_while_it_is_answered_is_served_as_a_member():
    story = out()
    ask(story)
    story.alice.set(story.room, BOB, Standing.MEMBER)
    story.alice.effects.clear()
    while story.alice.loads:
        story.alice.answer_load()
    assert story.given(story.alice) == []
    story.table.run(100)
    story.check_whole(story.alice, story.bob)


def is_by(op: Op, person: Person) -> bool:
    return op.header.device == person.device


def test_where_the_chains_of_some_ops_end_is_found_branch_by_branch():
    """A device that forgot what it wrote, and then heard of that, has two ends of its chain."""
    room = Assembly("ann")
    first = room.write("ann", Link())
    forgotten = room.write("ann", Link())
    room.chains["ann"] = first
    again = room.write("ann", Link())
    last = room.write("ann", Link(), deps=(forgotten,))
    other = room.write("ben", SetStanding(BOB.account, Standing.MEMBER), deps=(again,))
    graph = Graph()
    for op in room.ops:
        graph.add(op)
    ends = {id: seq for _, seq, id in graph.chain_ends(graph.closure((last, other)))}
    assert ends == {forgotten: 1, last: 2, other: 0}
    ends = {id: seq for _, seq, id in graph.chain_ends(graph.closure((other,)))}
    assert ends == {again: 1, other: 0}
