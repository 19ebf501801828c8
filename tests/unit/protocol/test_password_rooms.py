"""Rooms by password: whoever knows name and password is in it, and nobody else is told of it."""

from __future__ import annotations

from p2pchat.model.conversation import room_meeting
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role, RoomInfo, RoomKind
from p2pchat.protocol.machine import (
    EnterTopic,
    JoinWithPassword,
    LeaveRoom,
    RoomPeerJoined,
    Send,
)
from p2pchat.protocol.sealing import room_secret
from p2pchat.wire.frames import SyncDigest, SyncFrontier, SyncPage, encode_frame
from tests.unit.protocol.people import ALICE, BOB, CAROL, digest
from tests.unit.protocol.table import Seat, Table

VAULT = ConversationId(digest("vault"))
KEY = digest("key of the vault")
ELSEWHERE = ConversationId(digest("vault, mistyped"))


def enter(seat: Seat, room: ConversationId = VAULT, key: bytes = KEY) -> RoomInfo:
    info = seat.ask(lambda id: JoinWithPassword(id, "vault", room, key))
    assert isinstance(info, RoomInfo)
    return info


def vault(*people) -> tuple[Table, list[Seat]]:
    """Everybody in one room, connected."""
    table = Table()
    seats = [table.sit(person) for person in people]
    for seat in seats:
        enter(seat)
    for index, seat in enumerate(seats):
        for other in seats[:index]:
            table.connect(seat, other)
    table.run(120)
    return table, seats


def test_a_room_by_password_is_not_public_and_entered_once():
    alice = Table().sit(ALICE)
    info = enter(alice)
    assert (info.kind, info.role, info.public) == (RoomKind.PASSWORD, Role.MEMBER, False)
    assert enter(alice) == info
    [entered] = alice.decided(EnterTopic)
    assert entered.secret == room_secret(KEY)
    assert KEY.hex() not in repr(alice.effects)


def test_what_one_writes_all_read_also_who_comes_later():
    table, (alice, bob) = vault(ALICE, BOB)
    alice.send(VAULT, "the plan")
    table.run(2)
    assert bob.texts(VAULT) == ["the plan"]
    carol = table.sit(CAROL)
    enter(carol)
    table.connect(alice, carol)
    table.run(120)
    assert carol.texts(VAULT) == ["the plan"]


def test_the_key_outlives_a_restart():
    table, (alice, bob) = vault(ALICE, BOB)
    bob.crash()
    table.connect(alice, bob)
    alice.send(VAULT, "still there?")
    table.run(120)
    assert bob.texts(VAULT) == ["still there?"]


def test_another_password_leads_to_another_room():
    table, (alice,) = vault(ALICE)
    bob = table.sit(BOB)
    enter(bob, ELSEWHERE, digest("another key"))
    table.connect(alice, bob)
    alice.send(VAULT, "the plan")
    table.run(120)
    assert bob.texts(ELSEWHERE) == []
    assert [room.members_count for room in (enter(alice), enter(bob, ELSEWHERE))] == [1, 1]


def test_who_only_hears_the_topic_is_not_told_the_id_nor_what_is_said():
    table, (alice, bob) = vault(ALICE, BOB)
    carol = table.sit(CAROL)
    for seat in (alice, bob):
        table.connect(seat, carol)
    alice.send(VAULT, "the plan")
    table.settle()
    alice.effects.clear()
    alice.do(RoomPeerJoined(VAULT, carol.device))
    table.run(300)
    sent = [e.frame for e in alice.decided(Send) if e.peer == carol.device]
    assert any(isinstance(frame, SyncDigest) for frame in sent), "members are greeted"
    assert not any(bytes(VAULT) in encode_frame(frame) for frame in sent)


def test_what_was_said_to_one_cannot_be_repeated_to_another():
    table, (alice, bob) = vault(ALICE, BOB)
    carol = table.sit(CAROL)
    table.connect(bob, carol)
    heard = SyncDigest(room_meeting(KEY, ALICE.device, CAROL.device), digest("nothing"), False)
    mirrored = SyncDigest(room_meeting(KEY, BOB.device, CAROL.device), digest("nothing"), False)
    for frame in (heard, mirrored):
        answers = bob.hear(CAROL, frame)
        assert not [e for e in answers if isinstance(e, Send)], frame
    known = SyncDigest(room_meeting(KEY, CAROL.device, BOB.device), digest("nothing"), False)
    answers = [e.frame for e in bob.hear(CAROL, known) if isinstance(e, Send)]
    assert any(isinstance(frame, SyncFrontier | SyncPage) for frame in answers)
    assert alice.state.refused.total() == 0


def test_who_leaves_forgets_the_key_and_comes_back_where_it_was():
    table, (alice, bob) = vault(ALICE, BOB)
    bob.send(VAULT, "before")
    table.run(2)
    bob.ask(lambda id: LeaveRoom(id, VAULT))
    assert bob.store.snapshot().rooms.rooms == ()
    enter(bob)
    bob.send(VAULT, "after")
    table.run(120)
    assert alice.texts(VAULT) == ["before", "after"]
