"""Into a room by a link: through any member, once for each use, and with a plain word where not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from p2pchat.errors import LinkError, LocalProtocolError, PermissionDenied
from p2pchat.events import JoinFailed, RoomJoined
from p2pchat.model.control import Standing
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Chain
from p2pchat.model.room import Role, RoomsFrom
from p2pchat.protocol.blocking import BlockTarget
from p2pchat.protocol.joining import (
    AGAIN_S,
    JOINING_SETTING,
    JOINS_MAX,
    PACE,
    REFUSALS,
)
from p2pchat.protocol.machine import Dial, Send
from p2pchat.protocol.room_state import HOSTS_MAX
from p2pchat.protocol.room_vocabulary import (
    EndInvite,
    GiveInvite,
    GiveUpJoining,
    JoinByLink,
    SetRoomsFrom,
)
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import Welcome
from p2pchat.wire.invite_links import Hint, InviteLink, decode_invite, encode_invite
from p2pchat.wire.joining import JoinRefused, Refusal, sign_join
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, Person, digest, person
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew, standings

DAY_MS = 24 * 3600 * 1000
ERIN, FRANK = person("erin"), person("frank")


class Party(Crew):
    """The crew in a room, and strangers who know none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.room = self.begin()

    def stranger(self, who: Person, *friends: Seat) -> Seat:
        """Somebody who reaches these alone."""
        seat = self.table.sit(who)
        for other in self.seats:
            self.table.part(seat, other)
        for friend in friends:
            self.meet(seat, friend)
        return seat

    def meet(self, one: Seat, other: Seat) -> None:
        self.table.cut.discard(frozenset((one.device, other.device)))
        self.table.connect(one, other)

    def split(self, one: Seat, other: Seat) -> None:
        self.table.part(one, other)

    def link(
        self, by: Seat, doors: tuple[Person, ...] = (), uses: int = 1, days: int = 7
    ) -> InviteLink:
        """An invitation that `by` gives, which names these devices beside its own."""
        seed = digest(f"seed {by.person} {self.table.steps} {len(by.effects)}")
        key, expires_ms = Ed25519Signer(seed).public_key, WALL_MS + days * DAY_MS
        invite = by.ask(lambda id: GiveInvite(id, self.room, key, uses, expires_ms))
        assert isinstance(invite, OpId)
        self.table.run(2)
        hints = tuple(Hint(door.device, "") for door in doors)
        me = by.person
        return InviteLink(self.room, invite, seed, me.device, expires_ms, "crew", hints, me.devices)

    def join(self, seat: Seat, link: InviteLink) -> None:
        giver = next(s.person for s in self.seats if s.device == link.device)
        text = encode_invite(link, giver.signer)
        seat.ask(lambda id: JoinByLink(id, text, decode_invite(text)))
        self.table.run(5)


@pytest.fixture
def party() -> Party:
    return Party()


def is_in(seat: Seat, room: ConversationId) -> bool:
    conversation = seat.state.conversations.get(room)
    return conversation is not None and conversation.is_entered


def refusals(seat: Seat) -> list[str]:
    return [event.reason for event in seat.told(JoinFailed)]


def test_who_shows_a_link_is_let_in_and_talks_with_all(party):
    link = party.link(party.alice)
    erin = party.stranger(ERIN, *party.seats)
    party.join(erin, link)
    assert len(erin.told(RoomJoined)) == 1
    for seat in (*party.seats, erin):
        assert standings(seat, party.room)[ERIN.account] is Standing.MEMBER
    erin.send(party.room, "thank you")
    party.carol.send(party.room, "welcome")
    party.table.run(5)
    for seat in (*party.seats, erin):
        assert set(seat.texts(party.room)) >= {"thank you", "welcome"}
    assert not erin.chat.rooms.invited.admission.joins


def test_any_member_lets_in_with_no_admin_there(party):
    link = party.link(party.alice, (BOB,))
    party.split(party.alice, party.bob)
    party.split(party.alice, party.carol)
    erin = party.stranger(ERIN, party.bob)
    party.join(erin, link)
    assert is_in(erin, party.room)
    party.meet(party.alice, party.bob)
    party.table.run(60)
    assert standings(party.alice, party.room)[ERIN.account] is Standing.MEMBER


def test_nothing_is_dialled_before_the_user_agrees_and_then_whom_the_link_names(party):
    link = party.link(party.alice, (BOB,))
    erin = party.stranger(ERIN)
    assert not erin.decided(Dial)
    text = encode_invite(link, ALICE.signer)
    erin.ask(lambda id: JoinByLink(id, text, link))
    assert {dial.peer for dial in erin.decided(Dial)} == {ALICE.device, BOB.device}


def test_who_is_away_is_asked_when_it_comes_also_after_a_restart(party):
    link = party.link(party.alice, (BOB,))
    erin = party.stranger(ERIN)
    party.join(erin, link)
    assert erin.chat.rooms.invited.admission.joins[party.room].info.role is Role.JOINING
    erin.crash()
    party.meet(erin, party.bob)
    party.table.run(5)
    assert is_in(erin, party.room)


def test_a_link_lets_in_as_many_as_it_is_good_for(party):
    link = party.link(party.alice, uses=1)
    erin = party.stranger(ERIN, party.alice)
    party.join(erin, link)
    frank = party.stranger(FRANK, party.alice)
    party.join(frank, link)
    assert is_in(erin, party.room)
    assert not is_in(frank, party.room)
    assert refusals(frank) == [REFUSALS[Refusal.USED_UP]]


def test_of_two_let_in_apart_by_the_last_use_one_is_in_everywhere(party):
    table, room = party.table, party.room
    link = party.link(party.alice, (BOB, CAROL), uses=1)
    for one, other in ((party.alice, party.bob), (party.alice, party.carol)):
        party.split(one, other)
    party.split(party.bob, party.carol)
    erin, frank = party.stranger(ERIN, party.bob), party.stranger(FRANK, party.carol)
    party.join(erin, link)
    party.join(frank, link)
    assert is_in(erin, room)
    assert is_in(frank, room)
    party.meet(party.alice, party.bob)
    party.meet(party.alice, party.carol)
    party.meet(party.bob, party.carol)
    table.run(120)
    everybody = [standings(seat, room) for seat in party.seats]
    assert everybody[0] == everybody[1] == everybody[2]
    assert len({ERIN.account, FRANK.account} & everybody[0].keys()) == 1
    late = frank if ERIN.account in everybody[0] else erin
    party.alice.send(room, "for those who are in")
    table.run(60)
    assert "for those who are in" not in late.texts(room)


def test_who_left_may_come_back_by_the_same_link(party):
    link = party.link(party.alice, uses=1)
    erin = party.stranger(ERIN, *party.seats)
    party.join(erin, link)
    erin.leave(party.room)
    party.table.run(5)
    assert ERIN.account not in standings(party.alice, party.room)
    party.join(erin, link)
    assert is_in(erin, party.room)
    assert standings(party.alice, party.room)[ERIN.account] is Standing.MEMBER


def test_a_link_that_was_taken_back_lets_nobody_in(party):
    link = party.link(party.alice, (BOB,))
    party.alice.ask(lambda id: EndInvite(id, party.room, link.invite))
    party.table.run(2)
    erin = party.stranger(ERIN, party.alice)
    party.join(erin, link)
    assert refusals(erin) == [REFUSALS[Refusal.REVOKED]]


def test_a_link_whose_giver_may_invite_no_more_lets_nobody_in(party):
    party.alice.set(party.room, BOB, Standing.ADMIN)
    party.table.run(2)
    link = party.link(party.bob, (CAROL,))
    party.alice.set(party.room, BOB, Standing.MEMBER)
    party.table.run(2)
    erin = party.stranger(ERIN, party.carol, party.bob)
    party.join(erin, link)
    assert refusals(erin) == [REFUSALS[Refusal.REVOKED]]


def test_one_whom_a_link_names_is_not_believed_that_it_is_over_and_all_of_them_are(party):
    link = party.link(party.alice, (BOB, CAROL))
    erin = party.stranger(ERIN)
    party.join(erin, link)
    for door in (BOB, CAROL):
        erin.hear(door, JoinRefused(party.room, link.invite, Refusal.REVOKED))
    assert refusals(erin) == []
    erin.hear(ALICE, JoinRefused(party.room, link.invite, Refusal.UNKNOWN))
    assert refusals(erin) == [REFUSALS[Refusal.REVOKED]]


def test_who_gave_a_link_is_believed_that_it_is_over(party):
    link = party.link(party.alice, (BOB, CAROL))
    erin = party.stranger(ERIN)
    party.join(erin, link)
    erin.hear(ALICE, JoinRefused(party.room, link.invite, Refusal.FULL))
    assert refusals(erin) == [REFUSALS[Refusal.FULL]]


def control_ops(seat: Seat, room: ConversationId, who: Person) -> int:
    return seat.state.conversations[room].log.count(who.device, Chain.CONTROL)


def test_who_came_too_late_costs_no_op_however_often_it_asks(party):
    table, room = party.table, party.room
    link = party.link(party.alice, (BOB, CAROL), uses=1)
    for one, other in ((party.alice, party.bob), (party.alice, party.carol)):
        party.split(one, other)
    party.split(party.bob, party.carol)
    erin, frank = party.stranger(ERIN, party.bob), party.stranger(FRANK, party.carol)
    party.join(erin, link)
    party.join(frank, link)
    party.meet(party.bob, party.carol)
    table.run(120)
    late = FRANK if ERIN.account in standings(party.bob, room) else ERIN
    before = control_ops(party.bob, room, BOB)
    asked = sign_join(link.seed, link.conversation, link.invite, late.account)
    party.bob.effects.clear()
    party.bob.hear(late, asked, asked)
    assert control_ops(party.bob, room, BOB) == before
    said = [e.frame.reason for e in party.bob.decided(Send) if isinstance(e.frame, JoinRefused)]
    assert said == [Refusal.USED_UP] * 2


def test_a_member_that_may_write_no_more_says_that_it_lets_nobody_in(party):
    link = party.link(party.alice)
    few = control_ops(party.alice, party.room, ALICE)
    party.alice.state.limits = replace(party.alice.state.limits, control_ops_max=few)
    erin = party.stranger(ERIN, party.alice)
    party.join(erin, link)
    assert refusals(erin) == [REFUSALS[Refusal.UNKNOWN]]


def test_who_gave_a_link_shows_soon_and_once_that_it_heard_who_came_by_it(party):
    link = party.link(party.alice, (BOB,), uses=5)
    before = control_ops(party.alice, party.room, ALICE)
    party.join(party.stranger(ERIN, party.bob), link)
    party.table.run(60)
    assert control_ops(party.alice, party.room, ALICE) == before + 1
    assert control_ops(party.alice, party.room, BOB) == 1
    party.alice.crash()
    party.table.run(60)
    assert control_ops(party.alice, party.room, ALICE) == before + 1


def test_what_is_to_be_shown_is_shown_after_a_restart(party):
    link = party.link(party.alice, (BOB,), uses=5)
    before = control_ops(party.alice, party.room, ALICE)
    party.bob.hear(ERIN, sign_join(link.seed, party.room, link.invite, ERIN.account))
    party.table.settle()
    assert control_ops(party.alice, party.room, ALICE) == before
    party.alice.crash()
    party.table.run(60)
    assert control_ops(party.alice, party.room, ALICE) == before + 1


def test_waiting_is_over_without_a_word_when_somebody_else_takes_us_in(party):
    link = party.link(party.alice, (BOB,))
    party.alice.set(party.room, CAROL, Standing.REMOVED)
    party.table.run(5)
    party.split(party.alice, party.carol)
    party.split(party.bob, party.carol)
    party.join(party.carol, link)
    assert party.room in party.carol.chat.rooms.invited.admission.joins
    party.alice.set(party.room, CAROL, Standing.MEMBER)
    party.split(party.alice, party.carol)
    party.meet(party.alice, party.carol)
    party.table.run(5)
    assert standings(party.carol, party.room)[CAROL.account] is Standing.MEMBER
    assert not party.carol.chat.rooms.invited.admission.joins
    party.table.now = replace(party.table.now, wall_ms=link.expires_ms)
    party.table.run(2 * AGAIN_S)
    assert refusals(party.carol) == []


def test_one_that_opens_and_shows_nothing_does_not_hide_the_others_who_do(party):
    """Bob welcomes us and is silent, each time that Alice does."""
    link = party.link(party.alice, (BOB,))
    erin = party.stranger(ERIN)
    party.join(erin, link)
    [welcome] = [e.frame for e in party.alice.decided(Send) if isinstance(e.frame, Welcome)][:1]
    party.meet(erin, party.alice)
    erin.hear(BOB, welcome)
    party.table.run(1)
    assert is_in(erin, party.room)
    room = erin.state.conversations[party.room].invited
    assert room is not None
    for number in range(HOSTS_MAX + 1):
        room.hear(person(f"host {number}").device)
    assert len(room.hosts) == HOSTS_MAX


def test_who_was_put_out_comes_back_by_no_link(party):
    link = party.link(party.alice, uses=3)
    erin = party.stranger(ERIN, *party.seats)
    party.join(erin, link)
    party.alice.set(party.room, ERIN, Standing.REMOVED)
    party.table.run(5)
    assert ERIN.account not in standings(party.bob, party.room)
    erin.leave(party.room)
    party.join(erin, link)
    assert refusals(erin) == [REFUSALS[Refusal.EXCLUDED]]
    assert ERIN.account not in standings(party.bob, party.room)


def test_a_link_is_over_by_the_clock_of_who_would_let_in(party):
    link = party.link(party.alice, days=1)
    erin = party.stranger(ERIN)
    party.join(erin, link)
    later = replace(party.table.now, wall_ms=link.expires_ms)
    party.alice.effects.clear()
    asked = sign_join(link.seed, link.conversation, link.invite, ERIN.account)
    party.table.now = later
    party.meet(erin, party.alice)
    party.alice.hear(ERIN, asked)
    [said] = [e.frame for e in party.alice.decided(Send) if isinstance(e.frame, JoinRefused)][:1]
    assert said.reason is Refusal.EXPIRED
    with pytest.raises(LinkError, match="time of this invitation is over"):
        party.join(party.stranger(FRANK), link)


def test_waiting_ends_with_the_time_of_the_link(party):
    link = party.link(party.alice, days=1)
    erin = party.stranger(ERIN)
    party.join(erin, link)
    party.table.now = replace(party.table.now, wall_ms=link.expires_ms)
    party.table.run(2 * AGAIN_S)
    assert refusals(erin) == [REFUSALS[Refusal.EXPIRED]]
    assert not erin.chat.rooms.invited.admission.joins


def test_a_foreign_invitation_is_refused_once_all_whom_it_names_say_so(party):
    link = replace(party.link(party.alice, (BOB,)), invite=OpId(digest("of another room")))
    erin = party.stranger(ERIN, party.alice)
    party.join(erin, link)
    assert refusals(erin) == []
    party.meet(erin, party.bob)
    party.table.run(5)
    assert refusals(erin) == [REFUSALS[Refusal.UNKNOWN]]


def test_a_room_of_which_one_knows_nothing_and_one_that_is_kept_secret_are_the_same_answer(party):
    link = party.link(party.alice)
    for room in (party.room, ConversationId(digest("no room"))):
        wrong = sign_join(digest("another key"), room, link.invite, MALLORY.account)
        party.alice.effects.clear()
        mallory = party.stranger(MALLORY, party.alice)
        party.alice.hear(MALLORY, wrong)
        answers = [e.frame for e in party.alice.decided(Send) if isinstance(e.frame, JoinRefused)]
        assert [a.reason for a in answers] == [Refusal.UNKNOWN]
        assert not is_in(mallory, party.room)


def test_what_was_signed_for_one_account_admits_no_other(party):
    link = party.link(party.alice)
    party.stranger(MALLORY, party.alice)
    overheard = sign_join(link.seed, link.conversation, link.invite, ERIN.account)
    party.alice.hear(MALLORY, overheard)
    assert MALLORY.account not in standings(party.alice, party.room)
    assert party.alice.drops


def test_who_asks_all_the_time_is_not_heard(party):
    link = party.link(party.alice)
    party.stranger(MALLORY, party.alice)
    wrong = sign_join(digest("guess"), party.room, link.invite, MALLORY.account)
    for _ in range(int(PACE.burst) + 3):
        party.alice.hear(MALLORY, wrong)
    assert party.alice.state.refused["too many askings to join"] == 3


def test_an_answer_that_nobody_asked_for_ends_nothing(party):
    link = party.link(party.alice)
    erin = party.stranger(ERIN)
    party.join(erin, link)
    party.meet(erin, party.stranger(MALLORY))
    erin.hear(MALLORY, JoinRefused(party.room, link.invite, Refusal.REVOKED))
    assert refusals(erin) == []
    assert party.room in erin.chat.rooms.invited.admission.joins


def test_a_welcome_of_somebody_who_was_not_asked_opens_nothing(party):
    link = party.link(party.alice)
    erin = party.stranger(ERIN, party.carol)
    party.join(erin, link)
    assert not is_in(erin, party.room)


@pytest.mark.parametrize("rooms_from", list(RoomsFrom))
def test_who_joins_by_a_link_wants_to_be_in_whatever_it_says_of_others_rooms(party, rooms_from):
    erin = party.stranger(ERIN, party.alice)
    erin.ask(lambda id: SetRoomsFrom(id, rooms_from))
    party.join(erin, party.link(party.alice))
    assert is_in(erin, party.room)


def member_gives(party: Party) -> None:
    party.bob.ask(lambda id: GiveInvite(id, party.room, bytes(32), 1, WALL_MS))


def stranger_ends(party: Party) -> None:
    link = party.link(party.alice)
    party.bob.ask(lambda id: EndInvite(id, party.room, link.invite))


def no_uses(party: Party) -> None:
    party.alice.ask(lambda id: GiveInvite(id, party.room, bytes(32), 0, WALL_MS))


def no_waiting(party: Party) -> None:
    party.alice.ask(lambda id: GiveUpJoining(id, party.room))


def of_somebody_blocked(party: Party) -> None:
    link = party.link(party.alice)
    erin = party.stranger(ERIN)
    erin.ask(lambda id: BlockTarget(id, ALICE.account))
    party.join(erin, link)


@pytest.mark.parametrize(
    ("tries", "error"),
    [
        (member_gives, PermissionDenied),
        (stranger_ends, PermissionDenied),
        (of_somebody_blocked, PermissionDenied),
        (no_uses, LocalProtocolError),
        (no_waiting, LocalProtocolError),
    ],
)
def test_what_may_not_be_is_said(party, tries: Callable[[Party], None], error):
    with pytest.raises(error):
        tries(party)


def test_nobody_waits_before_more_doors_than_are_kept(party):
    erin = party.stranger(ERIN)
    link = party.link(party.alice)
    for number in range(JOINS_MAX):
        room = ConversationId(digest(f"room {number}"))
        party.join(erin, replace(link, conversation=room))
    with pytest.raises(LocalProtocolError, match="wait to be let into"):
        party.join(erin, link)


def test_who_gives_up_asks_no_more(party):
    link = party.link(party.alice)
    erin = party.stranger(ERIN)
    party.join(erin, link)
    erin.ask(lambda id: GiveUpJoining(id, party.room))
    erin.crash()
    party.meet(erin, party.alice)
    party.table.run(AGAIN_S)
    assert not is_in(erin, party.room)
    assert erin.store.snapshot().settings[JOINING_SETTING] == b""


def test_who_is_in_already_is_told_so(party):
    link = party.link(party.alice)
    party.join(party.bob, link)
    assert party.bob.decided(Send)
    assert not party.bob.chat.rooms.invited.admission.joins
