"""What a device is given of all rooms together that is here again."""

from __future__ import annotations

from p2pchat.config.limits import Limits
from p2pchat.model.ids import ConversationId
from p2pchat.protocol.machine import Lane, LearnSession, Send, SendFailed
from p2pchat.protocol.pace import Rate
from p2pchat.protocol.room_meetings import (
    AGAIN_DOUBLED_MAX,
    AGAIN_S,
    DEVICES_BYTES_MAX,
    DEVICES_PACE,
    HELLO_BYTES_MAX,
)
from p2pchat.protocol.sender_keys import AUDIENCE_FACTOR, AUDIENCE_SPARE, OWED_BYTES_MAX, OWED_PACE
from p2pchat.wire.frames import Welcome, encode_frame
from p2pchat.wire.sender_keys import SenderKey, SignedSenderKey, audience_of, sign_sender_key
from tests.unit.protocol.people import ALICE, BOB, MALLORY, digest
from tests.unit.protocol.table import Seat, Table

KEY = bytes(229)
ROOMS = 60


class Shared:
    """Mallory is in many rooms with Alice and Bob, who are contacts and parted at the moment."""

    def __init__(self, rooms: int = ROOMS) -> None:
        self.table = Table()
        self.alice, self.bob, self.mallory = map(self.table.sit, (ALICE, BOB, MALLORY))
        pairs = (self.alice, self.bob), (self.alice, self.mallory), (self.bob, self.mallory)
        for one, other in pairs:
            self.table.connect(one, other)
            self.table.befriend(one, other)
        self.rooms: list[ConversationId] = []
        for number in range(rooms):
            self.rooms.append(self.mallory.create(f"crew {number}", ALICE, BOB))
            self.table.run(1)
        self.table.part(self.alice, self.bob)
        self.table.run(0)
        self.alice.effects.clear()

    def bring(self, room: ConversationId, others: int, serial: int = 1 << 62) -> None:
        """Mallory gives Alice a key that is for Bob, and for others whom nobody knows."""
        devices = [BOB.device, *(digest(f"other {number}") for number in range(others))]
        said = SenderKey(room, MALLORY.device, serial, KEY, audience_of(KEY, (), devices))
        self.alice.hear(MALLORY, sign_sender_key(said, MALLORY.signer))

    def meet(self) -> None:
        self.table.heal()
        self.table.connect(self.alice, self.bob)
        self.table.run(0)


def to_bob(alice: Seat, kind: type) -> list[Send]:
    sent = [e for e in alice.decided(Send) if e.peer == BOB.device and e.lane is Lane.LIVE]
    return [send for send in sent if isinstance(send.frame, kind)]


def size(sent: list[Send]) -> int:
    return sum(len(encode_frame(send.frame)) for send in sent)


def test_what_is_owed_at_a_hello_stays_below_what_a_lane_may_queue():
    shared = Shared()
    for room in shared.rooms:
        shared.bring(room, 2000)
        shared.bring(room, 60, serial=(1 << 62) + 1)
    shared.meet()
    assert len(to_bob(shared.alice, SignedSenderKey)) == ROOMS
    assert size(to_bob(shared.alice, object)) < shared.alice.state.limits.peer_queue_bytes_max / 2


def test_of_keys_so_much_is_given_at_once_and_of_each_room_in_turn(monkeypatch):
    assert Rate(per_s=8192, burst=OWED_BYTES_MAX) == OWED_PACE
    shared = Shared(rooms=1)
    shared.bring(shared.rooms[0], 0)
    held = shared.alice.state.conversations[shared.rooms[0]].invited.sharing.others
    one = next(iter(held)).size_bytes
    rate = Rate(per_s=1, burst=2 * one)
    monkeypatch.setattr("p2pchat.protocol.sender_keys.OWED_PACE", rate)
    shared = Shared(rooms=3)
    for room in shared.rooms:
        shared.bring(room, 0)
    shared.meet()
    given = [send.frame.said.conversation for send in to_bob(shared.alice, SignedSenderKey)]
    assert sorted(given) == sorted(shared.rooms[:2])


def test_a_key_for_more_devices_than_a_room_can_have_is_learned_and_goes_no_further():
    shared = Shared(rooms=1)
    shared.table.heal()
    shared.table.connect(shared.alice, shared.bob)
    shared.alice.effects.clear()
    most = AUDIENCE_FACTOR * 2 + AUDIENCE_SPARE
    shared.bring(shared.rooms[0], most)
    assert [e.device for e in shared.alice.decided(LearnSession)] == [MALLORY.device]
    assert not to_bob(shared.alice, SignedSenderKey)
    assert shared.alice.state.refused["key for more devices than a room has"] == 1
    shared.bring(shared.rooms[0], most)
    assert len(shared.alice.decided(LearnSession)) == 1, "it is known"
    shared.bring(shared.rooms[0], most - 1, serial=(1 << 62) + 1)
    assert len(to_bob(shared.alice, SignedSenderKey)) == 1


def test_the_longer_the_more_often_a_lane_broke_until_its_peer_is_given_all_anew():
    shared = Shared(rooms=1)
    shared.meet()
    for broke in (*range(AGAIN_DOUBLED_MAX + 1), AGAIN_DOUBLED_MAX):
        shared.alice.effects.clear()
        shared.alice.do(SendFailed(BOB.device, Lane.LIVE, "more was queued than the peer took"))
        shared.table.run(AGAIN_S * 2**broke - 1)
        assert not to_bob(shared.alice, Welcome)
        shared.table.run(2)
        assert len(to_bob(shared.alice, Welcome)) == 1
    shared.table.part(shared.alice, shared.bob)
    shared.meet()
    shared.alice.effects.clear()
    shared.alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))
    shared.table.run(AGAIN_S + 1)
    assert len(to_bob(shared.alice, Welcome)) == 1


def test_the_welcomes_of_one_hello_hold_so_much_of_devices_together(monkeypatch):
    shared = Shared(rooms=3)
    sets = shared.alice.state.directory.sets
    size_of_room = sum(len(sets[who.account].raw) for who in (BOB, MALLORY))
    assert size_of_room < DEVICES_BYTES_MAX == DEVICES_PACE.burst
    rate = Rate(per_s=1, burst=2 * size_of_room)
    monkeypatch.setattr("p2pchat.protocol.room_meetings.DEVICES_PACE", rate)
    shared.alice.crash()
    shared.alice.effects.clear()
    shared.meet()
    devices = [len(send.frame.devices) for send in to_bob(shared.alice, Welcome)]
    assert len(devices) == 3
    assert sum(devices) == 4, "as many sets as have room: each room has three"


def test_the_welcomes_of_one_hello_are_so_many_bytes_together_those_of_each_host_in_turn(
    monkeypatch,
):
    shared = Shared(rooms=3)
    shared.table.heal()
    own = shared.bob.create("Bob's", ALICE)
    shared.table.run(1)
    shared.table.part(shared.alice, shared.bob)
    shared.alice.effects.clear()
    shared.meet()
    welcomes = to_bob(shared.alice, Welcome)
    assert {send.frame.conversation for send in welcomes} == {*shared.rooms, own}
    largest = max(len(encode_frame(send.frame)) for send in welcomes)
    monkeypatch.setattr("p2pchat.protocol.room_meetings.HELLO_BYTES_MAX", 2 * largest)
    shared.table.part(shared.alice, shared.bob)
    shared.alice.effects.clear()
    shared.meet()
    given = {send.frame.conversation for send in to_bob(shared.alice, Welcome)}
    assert given == {shared.rooms[0], own}, "of four rooms one of each who took us in"
    assert size(to_bob(shared.alice, Welcome)) <= 2 * largest
    assert shared.alice.state.refused["welcome for which a hello had no room"] == 2


def test_a_hello_leaves_a_third_of_a_lane_to_what_else_is_said():
    assert Limits().peer_queue_bytes_max * 2 / 3 > HELLO_BYTES_MAX + OWED_BYTES_MAX
