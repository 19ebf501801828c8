"""What of a room's past is for whom: nothing of it, what is said from their joining on, the last
messages, or all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.crypto.megolm import MegolmSessions
from p2pchat.errors import MalformedMessage
from p2pchat.model.control import (
    Admission,
    SetStanding,
    Standing,
    TalkFloor,
)
from p2pchat.model.conversation import open_room_id, room_topic
from p2pchat.model.history import HISTORY_LAST_MAX, parse_history
from p2pchat.model.ids import DeviceId, OpId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind
from p2pchat.protocol import serving
from p2pchat.protocol.machine import Send
from p2pchat.protocol.room_vocabulary import GiveInvite, JoinByLink
from p2pchat.wire import rooms_pb2
from p2pchat.wire.control import (
    CONTROL_BYTES_MAX,
    FLOORS_MAX,
    decode_control,
    encode_control,
    fitting_floors,
)
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import Ops
from p2pchat.wire.invite_links import InviteLink, decode_invite, encode_invite
from p2pchat.wire.joining import sign_join
from p2pchat.wire.ops import SEQ_MAX, make_op
from tests.unit.protocol.crews import DAVE, Crew
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS, Person, digest, op_id
from tests.unit.protocol.table import Seat

DAY_MS = 24 * 3600 * 1000


def sent_to(seats: list[Seat], who: Person) -> set[bytes]:
    """The contents of talk that went to a device on streams."""
    return {
        op.content or b""
        for seat in seats
        for effect in seat.decided(Send)
        if effect.peer == who.device and isinstance(effect.frame, Ops)
        for op in effect.frame.ops
        if op.header.chain is Chain.TALK
    }


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ("none", []),
        ("joining", []),
        ("last:1", ["b2"]),
        ("last:3", ["a2", "b1", "b2"]),
        ("last:100", ["a1", "a2", "b1", "b2"]),
        ("all", ["a1", "a2", "b1", "b2"]),
    ],
)
def test_a_newcomer_has_of_the_past_what_the_room_gives(history: str, expected: list[str]) -> None:
    crew = Crew(history)
    crew.say(crew.alice, "a1", "a2")
    crew.say(crew.bob, "b1", "b2")
    crew.admit(CAROL)
    assert crew.texts(crew.carol) == expected
    crew.check_whole(crew.alice, crew.bob, crew.carol)
    crew.say(crew.bob, "b3")
    crew.say(crew.alice, "a3")
    crew.say(crew.carol, "c1")
    crew.table.run(50)
    assert crew.texts(crew.carol) == sorted([*expected, "a3", "b3", "c1"])
    assert (
        crew.texts(crew.bob) == crew.texts(crew.alice) == ["a1", "a2", "a3", "b1", "b2", "b3", "c1"]
    )
    crew.check_whole(crew.alice, crew.bob, crew.carol)
    given = b"".join(sent_to(crew.seats, CAROL))
    for text in ("a1", "a2", "b1", "b2"):
        assert (text.encode() in given) == (text in expected)


@pytest.mark.parametrize(("history", "expected"), [("none", []), ("joining", ["late"])])
def test_what_who_let_in_had_not_heard_is_given_or_not(history: str, expected: list[str]) -> None:
    crew = Crew(history)
    crew.say(crew.bob, "early")
    crew.part(crew.bob)
    crew.say(crew.bob, "late")
    crew.admit(CAROL)
    crew.heal()
    assert crew.texts(crew.alice) == ["early", "late"]
    assert crew.texts(crew.carol) == expected
    crew.check_whole(crew.alice, crew.bob, crew.carol)
    crew.say(crew.bob, "after")
    crew.table.run(60)
    assert crew.texts(crew.carol) == sorted([*expected, "after"])
    crew.check_whole(crew.alice, crew.bob, crew.carol)


@pytest.mark.parametrize("history", ["none", "joining"])
def test_who_comes_back_lacks_what_was_said_meanwhile_and_it_is_not_missing(history: str) -> None:
    crew = Crew(history)
    crew.admit(CAROL)
    crew.say(crew.bob, "with carol")
    crew.alice.set(crew.room, CAROL, Standing.REMOVED)
    crew.table.run(60)
    crew.say(crew.bob, "without her")
    crew.say(crew.alice, "without her, too")
    crew.admit(CAROL)
    crew.say(crew.bob, "again")
    crew.table.run(50)
    assert crew.texts(crew.carol) == ["again", "with carol"]
    crew.check_whole(crew.alice, crew.bob, crew.carol)


def test_a_newcomers_keys_open_nothing_that_was_said_before() -> None:
    """Carol recorded every blob of the room before she came into it."""
    crew = Crew("joining", MegolmSessions)
    crew.say(crew.alice, "<before>")
    crew.say(crew.bob, "<before, too>")
    before = list(crew.table.blobs)
    assert before
    crew.admit(CAROL)
    crew.say(crew.alice, "<after>")
    crew.say(crew.bob, "<after, too>")
    room = crew.carol.state.conversations[crew.room].invited
    assert room is not None
    opened = [
        crew.carol.seals._sessions.open(crew.room, room_topic(room.secret), room.epochs.keys, blob)
        for blob in crew.table.blobs
    ]
    texts = [b"" if found is None else found.plaintext for found in opened]
    assert [text for text in texts[: len(before)] if text] == []
    assert any(b"<after>" in text for text in texts)
    assert any(b"<after, too>" in text for text in texts)


def test_who_comes_by_a_link_is_given_the_same() -> None:
    crew = Crew("last:2")
    crew.say(crew.bob, "b1", "b2")
    crew.say(crew.alice, "a1")
    seed, expires_ms = digest("link"), WALL_MS + DAY_MS
    key = Ed25519Signer(seed).public_key
    invite = crew.alice.ask(lambda id: GiveInvite(id, crew.room, key, 1, expires_ms))
    assert isinstance(invite, OpId)
    ids = crew.room, invite, seed, ALICE.device
    text = encode_invite(InviteLink(*ids, expires_ms, "crew", (), ALICE.devices), ALICE.signer)
    crew.carol.ask(lambda id: JoinByLink(id, text, decode_invite(text)))
    crew.table.run(50)
    assert crew.texts(crew.carol) == ["a1", "b2"]
    crew.check_whole(crew.alice, crew.bob, crew.carol)


def test_what_is_not_ours_is_refused_whoever_brings_it() -> None:
    crew = Crew("joining")
    crew.say(crew.bob, "early")
    crew.admit(CAROL)
    (early,) = [op for op in crew.bob.chain(crew.room, BOB) if b"early" in (op.content or b"")]
    before = crew.carol.state.refused.copy()
    crew.carol.hear(BOB, Ops((early,), (BOB.devices,)))
    crew.table.run(60)
    assert "early" not in crew.texts(crew.carol)
    reason = "not ours by the room's history"
    assert crew.carol.state.refused[reason] == before[reason] + 1


@pytest.mark.parametrize("history", ["none", "joining", "last:2"])
def test_a_restart_changes_nothing(history: str) -> None:
    """Neither who asks for what, nor where chains begin, nor what the next op says."""
    crew = Crew(history)
    crew.say(crew.bob, "one", "two", "three")
    crew.admit(CAROL)
    for seat in (crew.alice, crew.bob, crew.carol):
        seat.crash()
    crew.heal()
    crew.check_whole(crew.alice, crew.bob, crew.carol)
    crew.say(crew.bob, "four")
    crew.say(crew.carol, "five")
    crew.table.run(60)
    expected = ["five", "four", *(["three", "two"] if history == "last:2" else [])]
    assert crew.texts(crew.carol) == expected
    for seat in (crew.alice, crew.bob, crew.carol):
        seat.crash()
    crew.heal()
    assert crew.texts(crew.carol) == expected
    crew.check_whole(crew.alice, crew.bob, crew.carol)
    turns = [op.header.seq for op in crew.alice.chain(crew.room, BOB) if op.header.was]
    assert len(turns) == len(set(turns)) >= 1


def test_who_speaks_to_somebody_who_was_not_given_its_name_says_it_again() -> None:
    crew = Crew("joining")
    crew.admit(CAROL)
    crew.say(crew.bob, "hello")
    kinds = [op.header.kind for op in crew.carol.chain(crew.room, BOB)]
    assert kinds == [Kind.PROFILE, Kind.TEXT]
    crew.say(crew.bob, "hello again")
    assert len(crew.carol.chain(crew.room, BOB)) == 3


def test_who_came_later_owes_and_is_owed_only_what_is_for_it() -> None:
    """What Bob said before counts as delivered without Carol, what he says afterwards does not."""
    crew = Crew("joining")
    before = crew.bob.send(crew.room, "before")
    crew.table.run(5)
    crew.admit(CAROL)
    assert crew.bob.state_of(before.id) is MessageState.DELIVERED
    crew.part(crew.carol)
    after = crew.bob.send(crew.room, "after")
    crew.table.run(30)
    assert crew.bob.state_of(before.id) is MessageState.DELIVERED
    assert crew.bob.state_of(after.id) is MessageState.SENT
    crew.heal()
    assert crew.bob.state_of(after.id) is MessageState.DELIVERED


@pytest.mark.parametrize("history", ["none", "joining", "last:1"])
def test_what_was_said_to_nobody_waits_for_the_first_who_comes(history: str) -> None:
    """Else it would be called delivered, and nobody would have it."""
    crew = Crew(history)
    said = crew.alice.send(crew.room, "to bob")
    crew.table.run(20)
    crew.alice.set(crew.room, BOB, Standing.REMOVED)
    alone = [crew.alice.send(crew.room, text) for text in ("alone", "still alone")]
    crew.table.run(20)
    crew.part(crew.carol)
    crew.admit(CAROL)
    states = [crew.alice.state_of(one.id) for one in (said, *alone)]
    assert states == [MessageState.DELIVERED, MessageState.QUEUED, MessageState.QUEUED]
    crew.heal()
    assert crew.texts(crew.carol) == ["alone", "still alone"]
    states = [crew.alice.state_of(one.id) for one in alone]
    assert states == [MessageState.DELIVERED] * 2
    crew.admit(DAVE)
    assert crew.texts(crew.dave) == (["still alone"] if history == "last:1" else [])
    crew.check_whole(crew.alice, crew.carol, crew.dave)


@pytest.mark.parametrize(("history", "expected"), [("none", []), ("last:2", ["14", "15"])])
def test_where_a_long_chain_begins_for_somebody_is_found(
    monkeypatch: pytest.MonkeyPatch, history: str, expected: list[str]
) -> None:
    """Carol hears nothing live, and asks Alice, who reads four rows at a time."""
    monkeypatch.setattr(serving, "ROWS_PER_READ", 4)
    crew = Crew(history)
    for number in range(16):
        standing = Standing.REMOVED if number % 2 else Standing.MEMBER
        crew.alice.set(crew.room, DAVE, standing)  # Bob's next op says that he knew less before
        crew.table.run(2)
        crew.bob.send(crew.room, f"{number:02}")
    crew.table.run(5)
    crew.part(crew.carol)
    crew.admit(CAROL)
    crew.say(crew.bob, "after", "after that")
    crew.part(crew.bob)
    crew.table.cut.clear()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(20)
    assert crew.texts(crew.carol) == [*expected, "after", "after that"]
    crew.check_whole(crew.alice, crew.carol)


def test_of_more_devices_than_an_op_has_room_for_those_are_named_that_are_worth_most() -> None:
    devices = [DeviceId(digest(f"device {number}")) for number in range(FLOORS_MAX + 1)]
    floors = [TalkFloor(device, number) for number, device in enumerate(devices)]
    named = fitting_floors(SetStanding(CAROL.account, Standing.MEMBER), floors).floors
    assert named == tuple(sorted(floors[: len(named)], key=lambda floor: floor.device))
    assert FLOORS_MAX // 2 < len(named) <= FLOORS_MAX
    join = sign_join(digest("seed"), open_room_id("any"), op_id("invite"), CAROL.account)
    control = Admission(CAROL.account, op_id("invite"), join.key, join.proof)
    kind, raw = encode_control(fitting_floors(control, floors))
    assert len(raw) <= CONTROL_BYTES_MAX
    assert decode_control(kind, raw) == fitting_floors(control, floors)


@pytest.mark.parametrize(
    "floors",
    [
        (TalkFloor(BOB.device, 1), TalkFloor(BOB.device, 2)),
        tuple(TalkFloor(one, 1) for one in sorted((BOB.device, CAROL.device), reverse=True)),
        (TalkFloor(BOB.device, SEQ_MAX),),
        tuple(TalkFloor(DeviceId(bytes(30) + n.to_bytes(2, "big")), 1) for n in range(97)),
    ],
)
def test_floors_out_of_bounds_are_malformed(floors: tuple[TalkFloor, ...]) -> None:
    kind, raw = encode_control(SetStanding(CAROL.account, Standing.MEMBER, (), floors))
    with pytest.raises(MalformedMessage):
        decode_control(kind, raw)


def test_a_floor_of_no_device_is_malformed() -> None:
    change = rooms_pb2.Standing(account=CAROL.account, standing=Standing.MEMBER)
    change.floors.add(device=b"short", seq=1)
    with pytest.raises(MalformedMessage):
        decode_control(Kind.STANDING, change.SerializeToString())


@pytest.mark.parametrize("text", ["none", "joining", "all", "last:1", f"last:{HISTORY_LAST_MAX}"])
def test_a_history_is_read_as_it_is_written(text: str) -> None:
    assert str(parse_history(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ALL",
        "last",
        "last:",
        "last:0",
        "last:-1",
        "last:1.5",
        "last:٣",
        "joining:5",
        f"last:{HISTORY_LAST_MAX + 1}",
        "last:" + "9" * 5000,
    ],
)
def test_another_history_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="a room's history"):
        parse_history(text)


def test_nobody_has_us_skip_what_a_device_says_by_an_op_that_it_did_not_sign():
    crew = Crew("none")
    crew.say(crew.bob, "before")
    crew.admit(CAROL)
    conversation = crew.carol.state.conversations[crew.room]
    membership = conversation.invited.membership
    heads, begun = tuple(membership.heads(8)), membership._graph.ops[0].id
    crew.part(crew.carol)
    crew.say(crew.bob, "while Carol is away")
    some = crew.bob.chain(crew.room, BOB)[0]
    claimed = replace(some.header, account=DAVE.account, seq=1 << 40, prev=some.id)
    claimed = replace(claimed, deps=heads, was=(begun,))
    crew.carol.hear(DAVE, Ops((make_op(claimed, some.content, DAVE.signer),), ()))
    assert (BOB.device, Chain.TALK) not in conversation.log.claims
    crew.heal()
    crew.table.run(200)
    assert "while Carol is away" in crew.texts(crew.carol)
