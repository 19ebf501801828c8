"""Rooms by invitation: begun with contacts, sealed, and shut to who was removed."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from p2pchat.errors import LocalProtocolError, PermissionDenied, UnknownContact
from p2pchat.events import RoomJoined
from p2pchat.model.change import PutContact
from p2pchat.model.contact import ContactState
from p2pchat.model.control import Standing
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.op import Chain
from p2pchat.model.room import Role, RoomInfo, RoomKind
from p2pchat.protocol.admission import ROOMS_MAX
from p2pchat.protocol.invited import (
    DIALS_MAX,
    DOUBTFUL_S,
    PUZZLED_PREFIX,
    PUZZLED_S,
)
from p2pchat.protocol.machine import (
    BeginSession,
    Dial,
    DrawEpoch,
    Drop,
    Lane,
    LearnSession,
    Publish,
    Send,
    SendFailed,
    ShareSession,
    Unreadable,
)
from p2pchat.protocol.room_meetings import AGAIN_S
from p2pchat.protocol.room_vocabulary import ShareAgain
from p2pchat.protocol.sealing import SESSION_BLOBS_MAX
from p2pchat.wire.devices import DeviceSet, merged, new_revocation, read_device_set
from p2pchat.wire.frames import (
    Hello,
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Wanted,
    Welcome,
)
from p2pchat.wire.sender_keys import Audience, SenderKey, SignedSenderKey, sign_sender_key
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Author,
    Person,
    op_id,
    person,
    second_device,
)
from tests.unit.protocol.table import Seat, Table


class Crew:
    """Alice, Bob and Carol know each other and are connected."""

    def __init__(self, *others: Person) -> None:
        self.table = Table()
        people = (ALICE, BOB, CAROL, *others)
        self.seats = [self.table.sit(person) for person in people]
        self.alice, self.bob, self.carol = self.seats[:3]
        for one, other in combinations(self.seats, 2):
            self.table.connect(one, other)
        for other in self.seats[1:]:
            self.table.befriend(self.alice, other)

    def begin(self, *members: Person) -> ConversationId:
        room = self.alice.create("crew", *(members or (BOB, CAROL)))
        self.table.run(5)
        return room


@pytest.fixture
def crew() -> Crew:
    return Crew()


def info(seat: Seat, room: ConversationId) -> RoomInfo:
    return seat.state.room_info(seat.state.conversations[room])


def standings(seat: Seat, room: ConversationId) -> dict:
    invited = seat.state.conversations[room].invited
    assert invited is not None
    return dict(invited.membership.members())


def frames(seat: Seat, kind: type) -> list:
    return [e for e in seat.decided(Send) if isinstance(e.frame, kind)]


def key_of(who: Person, room: ConversationId) -> SignedSenderKey:
    return sign_sender_key(SenderKey(room, who.device, 1, bytes(20), Audience()), who.signer)


def talk_sent_to(seat: Seat, person: Person) -> list[str]:
    """Texts that went to a device on streams."""
    return [
        (op.content or b"").decode(errors="replace")
        for e in frames(seat, Ops)
        if e.peer == person.device
        for op in e.frame.ops
        if op.header.chain is Chain.TALK
    ]


# How it begins


def test_a_room_appears_by_itself_at_the_contacts_it_is_begun_with(crew):
    room = crew.begin()
    for seat in crew.seats:
        found = info(seat, room)
        assert (found.name, found.kind, found.members_count) == ("crew", RoomKind.INVITED, 3)
        assert len(seat.told(RoomJoined)) == 1
    assert [info(seat, room).role for seat in crew.seats] == [Role.OWNER, Role.MEMBER, Role.MEMBER]
    assert standings(crew.alice, room) == standings(crew.bob, room) == standings(crew.carol, room)


def test_what_is_said_reaches_everybody_sealed(crew):
    room = crew.begin()
    crew.table.blobs.clear()
    for seat in crew.seats:
        seat.effects.clear()
        seat.send(room, f"{seat.person.name} says hello")
        crew.table.run(2)
    assert len(crew.table.blobs) == 3
    said = {f"{seat.person.name} says hello" for seat in crew.seats}
    for seat in crew.seats:
        assert set(seat.texts(room)) == said
        assert not any(talk_sent_to(seat, other.person) for other in crew.seats)


def test_who_was_away_is_taken_in_when_it_comes_back(crew):
    crew.table.part(crew.alice, crew.carol)
    crew.table.part(crew.bob, crew.carol)
    room = crew.begin()
    crew.alice.send(room, "first")
    crew.table.run(5)
    assert room not in crew.carol.state.conversations
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(40)
    assert info(crew.carol, room).role is Role.MEMBER
    assert crew.carol.texts(room) == ["first"]
    crew.carol.send(room, "here I am")
    crew.table.run(2)
    assert crew.alice.texts(room) == ["first", "here I am"]


def test_a_restart_forgets_nothing_but_sessions(crew):
    room = crew.begin()
    crew.alice.send(room, "before")
    crew.table.run(2)
    crew.bob.crash()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.connect(crew.bob, crew.carol)
    crew.table.run(5)
    assert info(crew.bob, room).role is Role.MEMBER
    crew.alice.send(room, "after")
    crew.bob.send(room, "back")
    crew.table.run(2)
    for seat in crew.seats:
        assert set(seat.texts(room)) == {"before", "after", "back"}


def test_strangers_take_nobody_into_a_room():
    crew = Crew(MALLORY)
    mallory = crew.seats[3]
    room = mallory.create("trap", ALICE)
    crew.table.run(5)
    assert room in crew.alice.state.conversations, "they are contacts"
    secret = mallory.state.conversations[room].invited.secret
    genesis = mallory.state.conversations[room].invited.genesis
    crew.bob.hear(MALLORY, Welcome(genesis, secret, ()))
    assert room not in crew.bob.state.conversations
    assert crew.bob.state.refused["welcome by a stranger"] == 1


def test_there_is_an_end_to_the_rooms_that_contacts_take_us_into(crew, monkeypatch):
    assert ROOMS_MAX > 1
    monkeypatch.setattr("p2pchat.protocol.admission.ROOMS_MAX", 1)
    first = crew.begin()
    second = crew.alice.create("one too many", BOB)
    crew.table.run(5)
    assert first in crew.bob.state.conversations
    assert second not in crew.bob.state.conversations


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "two\x00parts"])
def test_a_name_that_is_none_begins_no_room(crew, name):
    with pytest.raises(LocalProtocolError):
        crew.alice.create(name, BOB)


def test_only_contacts_are_taken_in_and_three_owners_at_most(crew):
    with pytest.raises(UnknownContact):
        crew.bob.create("crew", CAROL)
    with pytest.raises(LocalProtocolError):
        crew.alice.create("crew", owners=(BOB, CAROL, MALLORY))
    room = crew.alice.create("crew", owners=(BOB,))
    crew.table.run(5)
    assert info(crew.bob, room).role is Role.OWNER


def test_who_comes_in_dials_some_of_the_members():
    others = [person(f"member {number}") for number in range(DIALS_MAX + 3)]
    crew = Crew()
    room = crew.begin()
    invited = crew.alice.state.conversations[room].invited
    for other in others:
        crew.alice.state.directory.keep(other.devices)
        crew.alice.state.contacts[other.account] = PutContact(
            other.account, room, ContactState.ACCEPTED, 0, b""
        )
        crew.alice.set(room, other, Standing.MEMBER)
    crew.alice.effects.clear()
    crew.alice.crash()
    assert invited is not None
    dialled = {e.peer for e in crew.alice.decided(Dial)} & {other.device for other in others}
    assert len(dialled) <= DIALS_MAX


# Who may do what


def test_roles_are_changed_by_who_may(crew):
    room = crew.begin()
    with pytest.raises(PermissionDenied):
        crew.bob.set(room, CAROL, Standing.READ_ONLY)
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(2)
    crew.bob.set(room, CAROL, Standing.READ_ONLY)
    crew.table.run(2)
    assert info(crew.carol, room).role is Role.READ_ONLY
    with pytest.raises(PermissionDenied):
        crew.carol.send(room, "may I?")
    with pytest.raises(PermissionDenied):
        crew.bob.set(room, ALICE, Standing.MEMBER)
    with pytest.raises(PermissionDenied):
        crew.alice.set(room, BOB, Standing.OWNER)


def test_rooms_without_roles_have_none(crew):
    square = crew.alice.join("square")
    with pytest.raises(PermissionDenied):
        crew.alice.set(square, BOB, Standing.ADMIN)


def test_who_may_only_read_still_reads(crew):
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.READ_ONLY)
    crew.alice.send(room, "for all")
    crew.table.run(2)
    assert crew.carol.texts(room) == ["for all"]


# Who is removed


@pytest.mark.parametrize("standing", [Standing.REMOVED, Standing.BANNED])
def test_who_is_removed_learns_so_and_gets_nothing_more(crew, standing):
    room = crew.begin()
    crew.alice.send(room, "before")
    crew.table.run(2)
    crew.alice.set(room, CAROL, standing)
    crew.alice.send(room, "at once")
    crew.table.run(2)
    crew.bob.send(room, "later")
    crew.table.run(120)
    assert info(crew.carol, room).role is (
        Role.REMOVED if standing is Standing.REMOVED else Role.BANNED
    )
    assert crew.carol.texts(room) == ["before"]
    assert set(crew.bob.texts(room)) == {"before", "at once", "later"}
    with pytest.raises(PermissionDenied):
        crew.carol.send(room, "let me in")


def test_what_a_removed_member_writes_anyway_is_taken_by_nobody(crew):
    """Carol does not know yet, and nobody who knows believes when she says she wrote it."""
    room = crew.begin()
    crew.carol.send(room, "in time")
    crew.table.run(2)
    for other in (crew.alice, crew.bob):
        crew.table.part(other, crew.carol)
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.carol.send(room, "too late")
    crew.table.run(2)
    crew.table.heal()
    for other in (crew.alice, crew.bob):
        crew.table.connect(other, crew.carol)
    crew.carol.effects.clear()
    crew.table.run(60)
    assert crew.carol.texts(room) == ["in time", "too late"]
    late = crew.carol.chain(room, CAROL)
    for seat in (crew.alice, crew.bob):
        seat.hear(CAROL, Ops(tuple(late), (CAROL.devices,)))
    for seat in (crew.alice, crew.bob):
        assert seat.texts(room) == ["in time"]


@pytest.mark.parametrize("standing", [Standing.REMOVED, Standing.BANNED])
def test_who_is_out_gives_nothing_to_another_who_is_out_and_welcomes_it(standing):
    """Bob is Mallory's contact, and reads the room from whoever says that it takes him in again."""
    crew = Crew(MALLORY)
    mallory = crew.seats[3]
    crew.table.befriend(crew.bob, mallory)
    room = crew.begin(BOB, MALLORY)
    crew.alice.set(room, MALLORY, standing)
    crew.table.run(5)
    crew.alice.send(room, "behind her back")
    crew.table.run(5)
    crew.alice.set(room, BOB, standing)
    crew.table.run(5)
    assert crew.bob.texts(room) == ["behind her back"]
    crew.bob.effects.clear()
    invited = mallory.state.conversations[room].invited
    assert invited is not None
    crew.bob.hear(MALLORY, Welcome(invited.genesis, invited.secret, ()))
    crew.bob.hear(MALLORY, SyncDigest(room, bytes(32)))
    crew.bob.hear(MALLORY, SyncPull(room, (Wanted(ALICE.device, Chain.TALK, 0, None),)))
    crew.table.run(120)
    assert talk_sent_to(crew.bob, MALLORY) == []
    assert not [e for e in frames(crew.bob, SyncFrontier) if e.peer == MALLORY.device]
    assert not [e for e in frames(crew.bob, Welcome) if e.peer == MALLORY.device]
    assert mallory.texts(room) == []


def test_a_removed_member_may_come_back(crew):
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.table.run(2)
    crew.alice.send(room, "meanwhile")
    crew.table.run(2)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(60)
    crew.carol.send(room, "back")
    crew.table.run(5)
    for seat in crew.seats:
        assert set(seat.texts(room)) == {"meanwhile", "back"}


def test_after_a_removal_there_is_a_new_epoch_and_a_new_session(crew):
    room = crew.begin()
    crew.alice.send(room, "before")
    crew.table.run(2)
    first = crew.alice.decided(Publish)[-1].epoch
    crew.alice.effects.clear()
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.table.run(2)
    crew.alice.send(room, "after")
    crew.table.run(2)
    assert crew.alice.decided(DrawEpoch)
    assert crew.alice.decided(BeginSession)
    assert crew.alice.decided(Publish)[-1].epoch != first
    shared = crew.alice.decided(ShareSession)[-1]
    assert CAROL.device not in shared.devices
    assert CAROL.device not in shared.others
    assert crew.bob.texts(room) == ["before", "after"]


def test_who_leaves_says_so_and_the_room_goes_on(crew):
    room = crew.begin()
    crew.carol.leave(room)
    crew.table.run(10)
    assert room not in crew.carol.state.conversations
    assert info(crew.alice, room).members_count == 2
    crew.bob.send(room, "without Carol")
    crew.table.run(2)
    assert crew.alice.texts(room) == ["without Carol"]


def test_another_admin_opens_the_epoch_that_is_missing(crew):
    """Carol leaves while only Bob, an admin, is there."""
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(2)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.alice, crew.carol)
    crew.carol.leave(room)
    crew.table.run(20)
    room_state = crew.bob.state.conversations[room].invited
    assert room_state.epochs.sending() is not None
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(10)
    assert crew.alice.state.conversations[room].invited.epochs.sending() is not None


# Sessions


def test_a_session_is_begun_anew_after_a_hundred_blobs(crew):
    room = crew.begin()
    crew.alice.effects.clear()
    for number in range(SESSION_BLOBS_MAX + 1):
        crew.alice.send(room, f"{number}")
        crew.table.settle()
    assert len(crew.alice.decided(BeginSession)) in (1, 2)
    crew.table.run(2)
    assert len(crew.bob.texts(room)) == SESSION_BLOBS_MAX + 1


def test_a_blob_without_its_key_is_asked_for_by_sync_once_in_a_while(crew):
    room = crew.begin()
    crew.alice.effects.clear()
    for _ in range(3):
        crew.alice.do(Unreadable(room))
    crew.table.run(2)
    digests = [e for e in crew.alice.decided(Send) if type(e.frame).__name__ == "SyncDigest"]
    assert len(digests) == 1
    assert crew.alice.do(Unreadable(ConversationId(bytes(32)))) == []


def test_what_anybody_may_have_made_is_asked_for_later(crew):
    room = crew.begin()
    crew.alice.do(Unreadable(room, is_of_epoch=False))
    assert crew.alice.timers[PUZZLED_PREFIX + room.hex()] == crew.table.now.monotonic_s + DOUBTFUL_S
    crew.alice.do(Unreadable(room))
    assert crew.alice.timers[PUZZLED_PREFIX + room.hex()] == crew.table.now.monotonic_s + PUZZLED_S
    assert crew.alice.do(Unreadable(room, is_of_epoch=False)) == []


def test_a_key_of_who_is_no_member_is_not_learned():
    crew = Crew(MALLORY)
    room = crew.begin()
    crew.bob.effects.clear()
    crew.bob.hear(MALLORY, key_of(MALLORY, room))
    assert not crew.bob.decided(LearnSession)


def test_a_stranger_who_hears_the_topic_is_told_nothing_of_the_room():
    crew = Crew(MALLORY)
    room = crew.begin()
    crew.bob.effects.clear()
    crew.bob.hear(MALLORY, SyncPage(room, more=False))
    assert not frames(crew.bob, Welcome)


# A second beginning of a chain


def second_beginning(crew: Crew, room: ConversationId, **changes: object) -> None:
    """Mallory begins her talk anew, and everybody else hears of it."""
    op = Author(MALLORY, room).write("anew", **changes)
    for seat in crew.seats[:3]:
        seat.hear(MALLORY, Ops((op,)))
    crew.table.run(5)


def test_one_that_depends_on_what_nobody_has_is_refused_and_ends_nothing():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    crew.seats[3].send(room, "at first")
    crew.table.run(5)
    second_beginning(crew, room, deps=(op_id("nowhere"),))
    crew.alice.send(room, "we go on")
    crew.table.run(5)
    for seat in crew.seats[:3]:
        assert seat.texts(room) == ["at first", "we go on"]


def test_one_of_who_was_banned_is_not_shown():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    first = crew.seats[3].send(room, "at first")
    crew.table.run(5)
    crew.alice.set(room, MALLORY, Standing.BANNED)
    crew.table.run(5)
    (before,) = [op for op in crew.seats[3].chain(room, MALLORY) if op.id == first.id]
    second_beginning(crew, room, deps=before.header.deps)
    for seat in crew.seats[:3]:
        assert seat.texts(room) == ["at first"]


# A device that is revoked


def revoked_set(account: Person, device: DeviceId) -> DeviceSet:
    raw = new_revocation(account.account_signer, device, WALL_MS)
    return merged(account.devices, read_device_set(raw))


def with_stolen_phone() -> tuple[Crew, Seat, ConversationId]:
    """Carol has a phone that is in the room, too, and connected to the others."""
    crew = Crew()
    phone = crew.table.sit(second_device(CAROL, "phone"))
    for seat in crew.seats:
        crew.table.connect(seat, phone)
    room = crew.begin()
    for seat in (crew.alice, crew.bob):
        seat.hear(phone.person)
        seat.send(room, f"{seat.person.name} says hello")
    crew.table.run(5)
    assert any(phone.device in e.devices for e in crew.alice.decided(ShareSession))
    return crew, phone, room


def test_a_revoked_device_is_given_nothing_more_though_it_is_connected():
    crew, phone, room = with_stolen_phone()
    before = [seat.decided(Publish)[-1].epoch for seat in (crew.alice, crew.bob)]
    for seat in (crew.alice, crew.bob):
        seat.hear(CAROL, Hello(revoked_set(CAROL, phone.device)))
        assert any(e.peer == phone.device for e in seat.decided(Drop))
        seat.effects.clear()
        seat.send(room, "not for the thief")
    crew.table.run(10)
    for seat in (crew.alice, crew.bob):
        seat.send(room, "nor this")
        crew.table.run(5)
        assert not any(phone.device in e.devices for e in seat.decided(ShareSession))
        assert not [e for e in seat.decided(Send) if e.peer == phone.device]
    after = [seat.decided(Publish)[-1].epoch for seat in (crew.alice, crew.bob)]
    assert after[0] == after[1], "Alice, who owns the room, opened another epoch"
    assert after[0] not in before
    assert set(crew.bob.texts(room)) == set(crew.alice.texts(room)) >= {"nor this"}


def test_one_epoch_is_opened_for_a_revoked_device_and_not_one_after_the_other():
    crew, phone, room = with_stolen_phone()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    before = len(crew.alice.decided(DrawEpoch)) + len(crew.bob.decided(DrawEpoch))
    for seat in (crew.alice, crew.bob):
        seat.hear(CAROL, Hello(revoked_set(CAROL, phone.device)))
        seat.hear(CAROL, Hello(revoked_set(CAROL, phone.device)))
    crew.table.run(60)
    assert len(crew.alice.decided(DrawEpoch)) + len(crew.bob.decided(DrawEpoch)) == before + 1


# What gets lost on its way


def test_a_lane_that_breaks_is_made_up_for_while_its_peer_stays_connected(crew):
    room = crew.begin()
    crew.alice.send(room, "first")
    crew.table.run(5)
    crew.alice.effects.clear()
    crew.alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))
    crew.alice.send(room, "second")
    assert [e.devices for e in crew.alice.decided(ShareAgain)] == [(BOB.device,)]
    crew.alice.effects.clear()
    crew.table.run(AGAIN_S + 1)
    assert [e.peer for e in frames(crew.alice, Welcome)] == [BOB.device]
    crew.alice.send(room, "third")
    assert [e.devices for e in crew.alice.decided(ShareAgain)] == [(BOB.device,)]
    assert not crew.alice.decided(ShareSession), "the session is the same"


def test_a_key_that_comes_before_its_sender_is_known_to_be_a_member_is_kept():
    crew = Crew(MALLORY)
    room = crew.begin()
    crew.bob.hear(MALLORY, key_of(MALLORY, room))
    assert MALLORY.device not in {e.device for e in crew.bob.decided(LearnSession)}
    crew.alice.set(room, MALLORY, Standing.MEMBER)
    crew.table.run(2)
    assert (MALLORY.device, bytes(20)) in {
        (e.device, e.key) for e in crew.bob.decided(LearnSession)
    }


def test_whoever_is_there_welcomes_who_was_admitted_by_another():
    crew = Crew(MALLORY)
    mallory = crew.seats[3]
    crew.table.befriend(crew.bob, mallory)
    room = crew.begin()
    crew.table.part(crew.alice, mallory)
    crew.alice.set(room, MALLORY, Standing.MEMBER)
    crew.table.run(2)
    assert info(mallory, room).role is Role.MEMBER


def test_a_room_takes_in_only_so_many():
    crew = Crew(MALLORY)
    room = crew.begin()
    crew.alice.state.limits = replace(crew.alice.state.limits, room_members_max=3)
    with pytest.raises(LocalProtocolError):
        crew.alice.set(room, MALLORY, Standing.MEMBER)
    crew.alice.set(room, CAROL, Standing.READ_ONLY)
