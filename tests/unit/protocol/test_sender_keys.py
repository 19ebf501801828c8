"""Keys of sender sessions go from member to member, to those alone whom they are for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from p2pchat.model.control import Standing
from p2pchat.model.ids import ConversationId
from p2pchat.protocol.machine import (
    Drop,
    Lane,
    LearnSession,
    Send,
    SendFailed,
    ShareSession,
    Unreadable,
)
from p2pchat.protocol.sender_keys import PACE
from p2pchat.wire.devices import merged, new_revocation, read_device_set
from p2pchat.wire.frames import SyncDigest
from p2pchat.wire.sender_keys import SenderKey, SignedSenderKey, audience_of, sign_sender_key
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Person,
    person,
    second_device,
)
from tests.unit.protocol.table import Seat, Table

DAVE, ERIN = person("dave"), person("erin")
KEY = bytes(20)


class Line:
    """A room whose members stand in a line: each is connected with the next, and dials nobody."""

    def __init__(self, *people: Person) -> None:
        self.table = Table()
        self.seats = [self.table.sit(one) for one in people]
        first = self.seats[0]
        for other in self.seats[1:]:
            self.table.connect(first, other)
            self.table.befriend(first, other)
        self.room: ConversationId = first.create("line", *people[1:])
        self.table.run(10)
        near = {frozenset((one.device, other.device)) for one, other in pairwise(self.seats)}
        for one in self.seats:
            for other in self.seats:
                if one is not other and frozenset((one.device, other.device)) not in near:
                    self.table.part(one, other)
        for one, other in pairwise(self.seats):
            self.table.connect(one, other)
        self.table.run(60)
        self.forget()

    def forget(self) -> None:
        for seat in self.seats:
            seat.effects.clear()

    def say(self, seat: Seat, text: str) -> None:
        """And let everything happen that takes no time."""
        seat.send(self.room, text)
        self.table.run(0)


@pytest.fixture
def line() -> Line:
    return Line(ALICE, BOB, CAROL, DAVE, ERIN)


def given(seat: Seat) -> list[Send]:
    """The keys that a seat passed on."""
    return [e for e in seat.decided(Send) if isinstance(e.frame, SignedSenderKey)]


def key_of(
    who: Person, room: ConversationId, *readers: Person, serial: int = 1 << 62
) -> SignedSenderKey:
    audience = audience_of(KEY, (), [reader.device for reader in readers])
    return sign_sender_key(SenderKey(room, who.device, serial, KEY, audience), who.signer)


def test_what_is_said_at_one_end_is_read_at_the_other_at_once_and_without_sync(line):
    first, last = line.seats[0], line.seats[-1]
    line.say(first, "to all")
    line.say(last, "and back")
    for seat in line.seats:
        assert seat.texts(line.room) == ["to all", "and back"]
        assert not [e for e in seat.decided(Send) if isinstance(e.frame, SyncDigest)]
    assert [e.devices for e in first.decided(ShareSession)] == [(BOB.device,)]


def test_each_passes_a_key_on_once_and_not_back(line):
    line.say(line.seats[1], "from Bob")
    line.say(line.seats[1], "again")
    assert [[e.peer for e in given(seat)] for seat in line.seats] == [
        [],
        [],
        [DAVE.device],
        [ERIN.device],
        [],
    ]


def test_nobody_passes_a_key_on_to_whom_its_sender_gave_it(line):
    carol = line.seats[2]
    audience = audience_of(KEY, (BOB.device, CAROL.device, DAVE.device), (ERIN.device,))
    said = SenderKey(line.room, BOB.device, 1 << 62, KEY, audience)
    carol.hear(BOB, sign_sender_key(said, BOB.signer))
    assert not given(carol)


def test_a_key_that_may_be_lost_on_the_way_to_who_is_gone_comes_to_him_by_the_others(line):
    """Bob's line to Carol broke with his key on it, and she is gone from him; she has Dave."""
    _, bob, carol, dave, _ = line.seats
    line.say(bob, "first")
    line.table.part(bob, carol)
    line.table.run(0)
    bob.do(SendFailed(CAROL.device, Lane.LIVE, "broke"))
    line.table.connect(line.seats[0], dave)
    line.table.run(0)
    line.forget()
    line.say(bob, "second")
    (shared,) = bob.decided(ShareSession)
    assert (shared.devices, set(shared.others)) == (
        (ALICE.device,),
        {CAROL.device, DAVE.device, ERIN.device},
    )
    assert carol.texts(line.room) == ["first", "second"]
    assert [e.peer for e in given(dave)] == [CAROL.device, ERIN.device]
    line.forget()
    line.say(bob, "third")
    assert not bob.decided(ShareSession), "once is enough"


def test_who_comes_back_is_given_what_others_gave_meanwhile(line):
    carol, dave = line.seats[2:4]
    line.say(line.seats[0], "first")
    dave.crash()
    line.table.connect(dave, line.seats[4])
    line.table.connect(dave, carol)
    line.table.run(0)
    line.forget()
    line.say(line.seats[0], "second")
    assert dave.texts(line.room) == ["first", "second"]
    assert not line.seats[0].decided(ShareSession), "Carol had the key for him"


def test_nobody_passes_a_key_on_to_whom_its_sender_left_out(line):
    """Carol has not heard that Dave is out, whom she is connected with; Alice has."""
    carol = line.seats[2]
    carol.hear(BOB, key_of(ALICE, line.room, BOB, CAROL, ERIN))
    assert [e.device for e in carol.decided(LearnSession)] == [ALICE.device]
    assert not given(carol)


def test_nobody_passes_a_key_on_to_whom_they_know_to_be_out(line):
    """Alice has not heard it, and Carol has."""
    carol = line.seats[2]
    gone = merged(
        DAVE.devices,
        read_device_set(new_revocation(DAVE.account_signer, DAVE.device, WALL_MS)),
    )
    carol.state.directory.keep(gone)
    carol.hear(BOB, key_of(ALICE, line.room, BOB, CAROL, DAVE, ERIN))
    assert [e.device for e in carol.decided(LearnSession)] == [ALICE.device]
    assert not given(carol)


def test_a_removed_member_is_given_no_key_by_anybody(line):
    alice, carol, dave = line.seats[0], line.seats[2], line.seats[3]
    line.say(alice, "before")
    line.table.part(carol, dave)
    alice.set(line.room, DAVE, Standing.REMOVED)
    line.table.run(10)
    line.forget()
    line.say(alice, "after")
    line.table.heal()
    line.table.connect(carol, dave)
    line.table.run(60)
    assert carol.texts(line.room) == ["before", "after"]
    assert dave.texts(line.room) == ["before"]
    assert not [e for seat in line.seats for e in given(seat) if e.peer == DAVE.device]


def test_a_key_that_somebody_forged_is_the_fault_of_who_brings_it(line):
    carol = line.seats[2]
    forged = sign_sender_key(key_of(ALICE, line.room, DAVE).said, MALLORY.signer)
    carol.hear(BOB, forged)
    assert [e.peer for e in carol.decided(Drop)] == [BOB.device]
    assert not carol.decided(LearnSession)
    assert not given(carol)


def test_a_key_of_before_is_neither_learned_nor_passed_on(line):
    carol = line.seats[2]
    carol.hear(BOB, key_of(ALICE, line.room, DAVE, serial=2))
    carol.effects.clear()
    carol.hear(DAVE, key_of(ALICE, line.room, DAVE, serial=2))
    carol.hear(DAVE, key_of(ALICE, line.room, DAVE, serial=1))
    assert not carol.decided(LearnSession)
    assert not given(carol)


def test_who_makes_one_key_after_the_other_is_passed_on_at_a_pace(line):
    carol, count = line.seats[2], int(PACE.burst)
    for serial in range(count + 10):
        carol.hear(BOB, key_of(ALICE, line.room, DAVE, serial=serial + 1))
    assert len(carol.decided(LearnSession)) == len(given(carol)) == count
    assert carol.state.refused["too many keys of one device"] == 10
    carol.hear(BOB, key_of(ERIN, line.room, DAVE))
    assert len(given(carol)) == count + 1, "the others go on"


def test_the_key_of_a_device_that_is_not_known_yet_waits_until_it_is(line):
    """Erin has a phone of which Carol has not heard."""
    carol, phone = line.seats[2], second_device(ERIN, "phone")
    carol.hear(BOB, key_of(phone, line.room, CAROL, DAVE))
    assert not carol.decided(LearnSession)
    carol.state.directory.keep(phone.devices)
    carol.effects.clear()
    carol.do(Unreadable(line.room))
    assert [e.device for e in carol.decided(LearnSession)] == [phone.device]
    assert [e.peer for e in given(carol)] == [DAVE.device]


def test_a_key_for_a_room_that_we_do_not_have_is_nothing(line):
    carol = line.seats[2]
    carol.hear(BOB, key_of(BOB, ConversationId(bytes(32)), CAROL))
    assert carol.state.refused["key of no room"] == 1


def test_our_own_key_that_comes_back_is_not_passed_on(line):
    carol = line.seats[2]
    carol.hear(BOB, key_of(CAROL, line.room, BOB, DAVE))
    assert not carol.decided(LearnSession)
    assert not given(carol)
