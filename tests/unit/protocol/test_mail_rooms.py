"""Rooms by mail: members who are never there at once take part, as far as they are contacts."""

from __future__ import annotations

from itertools import combinations, count

import pytest

from p2pchat.events import MessageStateChanged
from p2pchat.model.control import Standing
from p2pchat.model.ids import ConversationId, OpId, Party
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind
from p2pchat.model.room import Role
from p2pchat.protocol import mail_debts, mail_rooms
from p2pchat.protocol.machine import LeaveRoom
from p2pchat.protocol.mail_routes import (
    LETTER_OPS_BYTES,
    LETTER_PARTS_MAX,
    REMAIL_MS,
    WORDS_MAX,
    Letter,
    enclose,
)
from p2pchat.protocol.mail_vocabulary import MailOpened, Post, PostFailed, Slot
from p2pchat.protocol.mailing import BACK_OFF_S_MAX
from p2pchat.wire.frames import Ops, Welcome
from p2pchat.wire.mail_codec import encode_letter
from tests.unit.protocol.people import set_of
from tests.unit.protocol.postal import (
    ALICE,
    BOB,
    CAROL,
    PostalSeat,
    PostalTable,
    Writer,
    digest_peer,
    ops_of,
)


class Apart:
    """Alice is a contact of Bob and of Carol; none of them is ever there with another."""

    def __init__(self) -> None:
        self.table = PostalTable()
        self.alice, self.bob, self.carol = map(self.table.sit, (ALICE, BOB, CAROL))
        self.table.befriend(self.alice, self.bob)
        self.table.befriend(self.alice, self.carol)
        seats = (self.alice, self.bob, self.carol)
        for place, seat in enumerate(seats):
            for other in seats[place + 1 :]:
                self.table.part(seat, other)
        self.seats = {seat.device: seat for seat in seats}
        self.serials = count(100)
        self.letters: list[Post] = []
        """All that were ever posted."""

    def exchange(self) -> list[Post]:
        """All letters are written, and read, until there are none; which ones."""
        since = len(self.letters)
        for _ in range(20):
            self.table.run(2)
            posts = [(seat, post) for seat in self.seats.values() for post in seat.post()]
            if not posts:
                return self.letters[since:]
            for seat, post in posts:
                self.letters.append(post)
                reader = self.seats[post.to.party.device]
                reader.hear_letter(sender(seat), *post.frames, serial=next(self.serials))
        raise AssertionError("this never ends")

    def begin(self) -> ConversationId:
        room = self.alice.create("crew", BOB, CAROL)
        self.exchange()
        return room


def sender(seat: PostalSeat) -> Writer:
    assert isinstance(seat.person, Writer)
    return seat.person


def role(seat: PostalSeat, room: ConversationId) -> Role:
    return seat.state.room_info(seat.state.conversations[room]).role


def to(letters: list[Post], seat: PostalSeat) -> list[Post]:
    return [letter for letter in letters if letter.to.party.device == seat.device]


@pytest.fixture
def apart() -> Apart:
    return Apart()


def test_a_room_begins_is_talked_in_and_told_apart_from_nothing_by_mail_alone(apart):
    room = apart.begin()
    assert [role(seat, room) for seat in (apart.bob, apart.carol)] == [Role.MEMBER] * 2
    said = apart.alice.send(room, "to all")
    apart.exchange()
    for seat in apart.seats.values():
        assert seat.texts(room) == ["to all"]
    assert MessageStateChanged(said.id, MessageState.SENT) in apart.alice.events
    assert apart.alice.state_of(said.id) is MessageState.DELIVERED
    apart.bob.send(room, "to Alice, who knows me")
    apart.exchange()
    assert apart.alice.texts(room) == ["to all", "to Alice, who knows me"]
    assert apart.carol.texts(room) == ["to all"], "what is not her contact's comes by others"


def test_everybody_has_the_epochs_by_mail_that_are_used_after_a_removal(apart):
    room = apart.begin()
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.exchange()
    apart.alice.send(room, "without Carol")
    letters = apart.exchange()
    assert apart.bob.texts(room) == ["without Carol"]
    assert not [letter for letter in to(letters, apart.carol) if ops_of([letter])]
    assert role(apart.carol, room) is Role.REMOVED, "she is told, and nothing after that"
    keys = [
        seat.state.conversations[room].invited.epochs.sending() for seat in (apart.alice, apart.bob)
    ]
    assert keys[0] == keys[1] is not None
    theirs = apart.carol.state.conversations[room].invited.epochs
    assert keys[0].op not in {key.op for key in theirs.keys}


def test_who_leaves_is_out_for_those_who_were_away(apart):
    room = apart.begin()
    apart.bob.ask(lambda id: LeaveRoom(id, room))
    apart.exchange()
    membership = apart.alice.state.conversations[room].invited.membership
    assert BOB.account not in membership.members()
    apart.exchange()
    assert room not in apart.bob.state.conversations, "and is not brought back"


def test_nothing_is_mailed_twice_also_after_a_restart_until_it_is_taken_for_lost(apart):
    room = apart.begin()
    apart.alice.send(room, "once")
    apart.table.run(2)
    first = apart.alice.post()
    assert {letter.to.party for letter in first} == {BOB.party, CAROL.party}
    apart.alice.crash()
    apart.table.run(BACK_OFF_S_MAX * 2)
    assert apart.alice.post() == []
    apart.table.run(REMAIL_MS / 1000)
    assert {letter.to.party for letter in apart.alice.post()} == {BOB.party, CAROL.party}


def test_what_nobody_kept_is_tried_again_without_a_further_word(apart):
    room = apart.begin()
    apart.alice.send(room, "once")
    apart.table.run(2)
    apart.alice.find()
    for letter in apart.alice.take(Post):
        apart.alice.do(PostFailed(letter.to.party, letter.serial, "nobody answers"))
    apart.table.run(BACK_OFF_S_MAX + 1)
    apart.exchange()
    assert apart.bob.texts(room) == ["once"]


def test_a_farewell_that_nobody_kept_is_tried_again(apart):
    room = apart.begin()
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.table.run(2)
    apart.alice.find()
    for letter in apart.alice.take(Post):
        apart.alice.do(PostFailed(letter.to.party, letter.serial, "nobody answers"))
    apart.table.run(BACK_OFF_S_MAX + 1)
    apart.exchange()
    assert role(apart.carol, room) is Role.REMOVED


def test_in_a_larger_room_nothing_is_mailed(apart, monkeypatch):
    monkeypatch.setattr(mail_rooms, "ROOM_MEMBERS_MAX", 2)
    room = apart.alice.create("crew", BOB, CAROL)
    assert apart.exchange() == []
    small = apart.alice.create("pair", BOB)
    assert to(apart.exchange(), apart.bob)
    assert small in apart.bob.state.conversations
    assert room not in apart.bob.state.conversations


def test_only_so_many_words_of_one_lie_in_a_mailbox_until_a_receipt_comes(apart, monkeypatch):
    monkeypatch.setattr(mail_debts, "OPS_MAX", 3)
    room = apart.begin()
    for number in range(8):
        apart.alice.send(room, f"{number}")
    apart.table.run(2)
    posts = [post for post in apart.alice.post() if post.to.party == BOB.party]
    assert ops_of(posts) == [1, 2, 3], "after the name, which Bob has"
    for post in posts:
        apart.bob.get(ALICE, post, serial=next(apart.serials))
    apart.exchange()
    assert apart.bob.texts(room) == [f"{number}" for number in range(8)]


def test_a_welcome_comes_before_the_first_words_and_when_there_is_a_new_epoch(apart):
    room = apart.begin()
    first = next(post for post in to(apart.letters, apart.bob) if ops_of([post]))
    kinds = [type(frame) for frame in first.frames]
    assert kinds.index(Welcome) < kinds.index(Ops)
    apart.alice.send(room, "nothing new")
    assert not [f for post in apart.exchange() for f in post.frames if isinstance(f, Welcome)]
    apart.alice.set(room, CAROL, Standing.REMOVED)
    letters = to(apart.exchange(), apart.bob)
    assert [f for post in letters for f in post.frames if isinstance(f, Welcome)]


def test_a_welcome_in_the_name_of_a_device_that_is_here_for_another_is_nothing(apart):
    """Carol certifies Alice's device as one of hers; Bob is connected with Alice."""
    room = apart.begin()
    welcome = next(f for post in apart.letters for f in post.frames if isinstance(f, Welcome))
    table = PostalTable()
    bob, alice, carol = map(table.sit, (BOB, ALICE, CAROL))
    table.befriend(bob, carol)
    table.connect(bob, alice)
    bob.hear(ALICE)
    claimed = Party(CAROL.account, ALICE.device), set_of(CAROL, CAROL.device, ALICE.device)
    slot = Slot(digest_peer("relay"), 1)
    bob.do(MailOpened(slot, *claimed, (welcome,), asks_again=False, changes=()))
    assert room not in bob.state.conversations
    bob.hear_letter(CAROL, welcome)
    assert room in bob.state.conversations, "it counts in her own name"


def test_a_letter_about_many_rooms_stays_within_its_frames(apart):
    rooms = [apart.alice.create(f"room {number}", BOB) for number in range(LETTER_PARTS_MAX)]
    apart.exchange()
    for letter in apart.letters:
        encode_letter(letter.frames)
        assert len(letter.frames) <= 64
    assert all(role(apart.bob, room) is Role.MEMBER for room in rooms)


def test_only_so_many_farewells_are_in_one_letter(apart):
    rooms = [apart.alice.create(f"room {number}", BOB) for number in range(WORDS_MAX + 2)]
    apart.exchange()
    for room in rooms:
        apart.alice.set(room, BOB, Standing.REMOVED)
    apart.exchange()
    assert all(role(apart.bob, room) is Role.REMOVED for room in rooms)


@pytest.mark.parametrize("gap_s", [0, 2, 6])
def test_of_two_who_are_removed_one_after_the_other_both_are_told_by_mail(apart, gap_s):
    room = apart.begin()
    apart.alice.set(room, BOB, Standing.REMOVED)
    apart.table.run(gap_s)
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.exchange()
    assert [role(seat, room) for seat in (apart.bob, apart.carol)] == [Role.REMOVED] * 2


def test_what_nobody_kept_is_told_with_the_farewell_that_follows_it(apart):
    room = apart.begin()
    apart.alice.set(room, BOB, Standing.ADMIN)
    apart.table.run(2)
    apart.alice.find()
    for letter in apart.alice.take(Post):
        apart.alice.do(PostFailed(letter.to.party, letter.serial, "nobody answers"))
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.table.run(BACK_OFF_S_MAX + 1)
    apart.exchange()
    assert role(apart.carol, room) is Role.REMOVED


def test_what_was_mailed_before_is_not_said_again_with_a_farewell(apart):
    room = apart.begin()
    apart.alice.set(room, CAROL, Standing.REMOVED)
    words = [f for letter in to(apart.exchange(), apart.carol) for f in letter.frames]
    told = [op for f in words if isinstance(f, Ops) for op in f.ops]
    assert len([op for op in told if op.header.conversation == room]) == 1


@pytest.mark.parametrize("is_known", [True, False])
def test_who_wrote_for_an_account_acts_for_that_one_whoever_else_certifies_it(apart, is_known):
    room = apart.begin()
    if is_known:
        apart.bob.send(room, "from Bob")
        apart.exchange()
    state = apart.alice.state
    state.directory.keep(set_of(CAROL, CAROL.device, BOB.device))
    state.directory.keep(set_of(BOB, BOB.device, CAROL.device))
    conversation = state.conversations[room]
    if not is_known:
        conversation.log.tips.pop((BOB.device, Chain.TALK), None)
    assert mail_rooms.party_in(state, conversation, BOB.device) == (BOB.party if is_known else None)
    assert mail_rooms.party_in(state, conversation, CAROL.device) == CAROL.party


def test_who_certifies_the_device_of_a_member_that_is_no_contact_does_not_act_for_it(apart):
    room = apart.begin()
    state = apart.alice.state
    conversation = state.conversations[room]
    state.directory.keep(set_of(CAROL, CAROL.device, BOB.device))
    contact = state.contacts.pop(BOB.account)
    assert mail_rooms.party_in(state, conversation, BOB.device) is None
    state.contacts[BOB.account] = contact
    assert mail_rooms.party_in(state, conversation, BOB.device) == BOB.party


class Known(Apart):
    """Bob's room, of which Alice is an admin; all are contacts of each other."""

    def __init__(self) -> None:
        super().__init__()
        self.table.heal()
        self.table.connect(self.bob, self.carol)
        self.table.befriend(self.bob, self.carol)
        for one, other in combinations(self.seats.values(), 2):
            self.table.part(one, other)
        self.room = self.bob.create("crew", ALICE)
        self.exchange()
        self.bob.set(self.room, ALICE, Standing.ADMIN)
        self.exchange()

    def hear(self, posts: list[Post], reader: PostalSeat) -> None:
        for post in to(posts, reader):
            reader.hear_letter(ALICE, *post.frames, serial=next(self.serials))


@pytest.mark.parametrize("gap_s", [0, 400, REMAIL_MS / 1000 - 10])
def test_a_room_into_which_an_admin_takes_somebody_begins_by_mail_though_its_founder_is_late(gap_s):
    known = Known()
    room = known.room
    known.alice.set(room, CAROL, Standing.MEMBER)
    known.table.run(2)
    posts = known.alice.post()
    known.hear(posts, known.carol)
    known.table.run(gap_s)
    known.hear(posts, known.bob)
    known.exchange()
    assert room in known.carol.state.conversations
    assert role(known.carol, room) is Role.MEMBER
    known.table.run(REMAIL_MS / 1000)
    assert room in known.carol.state.conversations


def test_a_room_that_came_by_mail_and_shows_in_no_time_that_we_are_in_it_is_forgotten():
    known = Known()
    known.alice.set(known.room, CAROL, Standing.MEMBER)
    known.table.run(2)
    known.hear(known.alice.post(), known.carol)
    assert known.room in known.carol.state.conversations
    known.table.run(REMAIL_MS / 1000 + 1)
    assert known.room not in known.carol.state.conversations


def test_a_welcome_is_no_letter_of_its_own_where_no_op_has_room(apart):
    """One after the other they would go without end, for nothing is further along afterwards."""
    room = apart.begin()
    apart.table.run(REMAIL_MS / 1000)
    apart.alice.send(room, "x" * 32_000)
    ops = apart.alice.chain(room, ALICE)
    full = Letter(size=LETTER_OPS_BYTES - 32_000)
    invited = apart.alice.state.conversations[room].invited
    welcome = Welcome(invited.genesis, invited.secret, ())
    enclose(full, (room, Chain.TALK), ops[-1:], welcome)
    assert full == Letter(size=LETTER_OPS_BYTES - 32_000)
    empty = Letter()
    enclose(empty, (room, Chain.TALK), ops[-1:], welcome)
    assert [type(frame) for frame in empty.frames] == [Welcome, Ops]
    assert empty.upto == {(room, Chain.TALK): len(ops)}


def test_every_letter_is_further_along_than_the_one_before_it(apart):
    rooms = [apart.alice.create(f"room {number}", BOB) for number in range(6)]
    for room in rooms:
        for _ in range(3):
            apart.alice.send(room, "x" * 32_000)
    apart.exchange()
    said: set[OpId] = set()
    for letter in to(apart.letters, apart.bob):
        ops = [op for frame in letter.frames if isinstance(frame, Ops) for op in frame.ops]
        brings_rooms = any(isinstance(frame, Welcome | Ops) for frame in letter.frames)
        assert {op.id for op in ops} - said or not brings_rooms
        said |= {op.id for op in ops}
    assert all(len(apart.bob.texts(room)) == 3 for room in rooms)


@pytest.mark.parametrize(
    ("history", "expected", "ops"),
    [
        ("none", [], [3, 4]),
        ("joining", [], [3, 4]),
        ("last:1", ["before, too"], [2, 3, 4]),
        ("all", ["before", "before, too"], [0, 1, 2, 3]),
    ],
)
def test_who_comes_later_is_mailed_what_is_its(apart, history, expected, ops):
    """And a name, which stands below it."""
    room = apart.alice.create("crew", BOB, history=history)
    apart.exchange()
    for text in ("before", "before, too"):
        apart.alice.send(room, text)
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.MEMBER)
    apart.alice.send(room, "after")
    letters = to(apart.exchange(), apart.carol)
    assert apart.carol.texts(room) == [*expected, "after"]
    assert sorted(ops_of(letters)) == ops
    apart.alice.send(room, "and on")
    apart.exchange()
    assert apart.carol.texts(room) == [*expected, "after", "and on"]
    assert apart.bob.texts(room) == ["before", "before, too", "after", "and on"]


@pytest.mark.parametrize("history", ["none", "joining"])
def test_what_was_said_while_somebody_was_out_is_not_mailed_when_they_are_let_in_again(
    apart, history
):
    room = apart.alice.create("crew", BOB, history=history)
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.MEMBER)
    apart.alice.send(room, "hello Carol")
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.exchange()
    for number in range(3):
        apart.alice.send(room, f"secret {number}")
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.MEMBER)
    apart.alice.send(room, "again")
    letters = to(apart.exchange(), apart.carol)
    frames = [frame for letter in letters for frame in letter.frames]
    ops = [op for frame in frames if isinstance(frame, Ops) for op in frame.ops]
    said = [op.content for op in ops if op.header.kind == Kind.TEXT]
    assert any(b"again" in content for content in said)
    assert not any(b"secret" in content for content in said)


@pytest.mark.parametrize("is_crashed", [False, True])
def test_what_is_said_after_much_that_is_not_for_somebody_is_mailed(apart, is_crashed, monkeypatch):
    monkeypatch.setattr(mail_debts, "LETTER_OPS_MAX", 2)
    room = apart.alice.create("crew", BOB, history="joining")
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.MEMBER)
    apart.alice.send(room, "hello Carol")
    apart.exchange()
    apart.alice.set(room, CAROL, Standing.REMOVED)
    apart.exchange()
    for number in range(9):
        apart.alice.send(room, f"secret {number}")
        apart.exchange()
    apart.alice.set(room, CAROL, Standing.MEMBER)
    apart.alice.send(room, "again")
    if is_crashed:
        apart.alice.crash()
    letters = to(apart.exchange(), apart.carol)
    assert all(letter.frames for letter in letters)
    frames = [frame for letter in letters for frame in letter.frames]
    said = [op.content or b"" for f in frames if isinstance(f, Ops) for op in f.ops]
    assert any(b"again" in content for content in said)
    assert not any(b"secret" in content for content in said)
