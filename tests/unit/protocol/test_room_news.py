"""What a ruler does often is told at a pace by those who follow."""

from __future__ import annotations

from p2pchat.model.control import Epoch, SetStanding, Standing
from p2pchat.model.conversation import epoch_commitment
from p2pchat.model.ids import ConversationId
from p2pchat.protocol.machine import Send
from p2pchat.protocol.room_news import NEWS_S
from p2pchat.wire.contents import Profile
from p2pchat.wire.frames import Frame, Ops, Welcome, encode_frame
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    MALLORY,
    Author,
    Person,
    digest,
    second_device,
    set_of,
)
from tests.unit.protocol.table import Seat, Table

DEVICES = 12


class Ruled:
    """Mallory's room with Alice and Bob, and with invented accounts of many devices each."""

    def __init__(self, invented: int = 0) -> None:
        self.table = Table()
        self.alice, self.bob, mallory = map(self.table.sit, (ALICE, BOB, MALLORY))
        pairs = (self.alice, self.bob), (self.alice, mallory), (self.bob, mallory)
        for one, other in pairs:
            self.table.connect(one, other)
            self.table.befriend(one, other)
        self.room: ConversationId = mallory.create("crew", ALICE, BOB)
        self.table.run(5)
        self.author = Author(MALLORY, self.room)
        self.author.ops = mallory.chain(self.room, MALLORY, 0)
        self.author.hlc = self.author.ops[-1].header.hlc
        invited = mallory.state.conversations[self.room].invited
        self.genesis, self.secret = invited.genesis, invited.secret
        self.fed = 0
        self.table.cut |= {frozenset((MALLORY.device, seat)) for seat in self.table.seats}
        for number in range(invented):
            self.invent(f"nobody {number}")
        self.table.run(60)
        self.alice.effects.clear()
        self.fed = 0

    def invent(self, name: str) -> None:
        """A member who is nobody, and says one word on each of its devices."""
        owner = Person(name)
        devices = [owner, *(second_device(owner, f"{n}") for n in range(1, DEVICES))]
        whole = set_of(owner, *(one.device for one in devices))
        admitted = self.author.write(SetStanding(owner.account, Standing.MEMBER))
        self.feed(Ops((admitted,), (MALLORY.devices,)))
        said = (
            Author(one, self.room).write(Profile("x"), deps=(admitted.id,), devices=whole.hash)
            for one in devices
        )
        self.feed(Ops(tuple(said), (whole,)))

    def feed(self, *frames: Frame) -> None:
        self.fed += sum(len(encode_frame(frame)) for frame in frames)
        self.alice.hear(MALLORY, *frames)

    def open(self, name: str) -> None:
        """Another epoch, and its secret."""
        op = self.author.write(Epoch(epoch_commitment(digest(name))))
        welcome = Welcome(self.genesis, self.secret, (digest(name),), ())
        self.feed(Ops((op,), (MALLORY.devices,)), welcome)

    def set(self, standing: Standing) -> None:
        op = self.author.write(SetStanding(BOB.account, standing))
        self.feed(Ops((op,), (MALLORY.devices,)))


def to_bob(alice: Seat, kind: type = object) -> list[Send]:
    sent = [send for send in alice.decided(Send) if send.peer == BOB.device]
    return [send for send in sent if isinstance(send.frame, kind)]


def size(sent: list[Send]) -> int:
    return sum(len(encode_frame(send.frame)) for send in sent)


def test_who_opens_epoch_after_epoch_makes_others_say_less_than_it_says_itself():
    ruled = Ruled(invented=4)
    for number in range(20):
        ruled.open(f"epoch {number}")
    ruled.table.run(NEWS_S * 2)
    assert len(ruled.alice.state.conversations[ruled.room].invited.epochs.keys) > 20
    assert len(to_bob(ruled.alice, Welcome)) == 2, "the first at once, the others together"
    assert size(to_bob(ruled.alice, Welcome)) < ruled.fed / 5
    last = to_bob(ruled.alice, Welcome)[-1].frame
    assert digest("epoch 19") in last.epochs
    assert last.devices == ()


def test_a_single_epoch_is_told_at_once():
    ruled = Ruled()
    ruled.open("epoch")
    (told,) = to_bob(ruled.alice, Welcome)
    assert told.frame.epochs[0] == digest("epoch")
    ruled.table.run(NEWS_S * 2)
    assert len(to_bob(ruled.alice, Welcome)) == 1


def test_who_is_taken_in_and_put_out_again_and_again_is_not_flooded_by_the_others():
    ruled = Ruled(invented=4)
    ruled.bob.effects.clear()
    for _ in range(20):
        ruled.set(Standing.REMOVED)
        ruled.set(Standing.MEMBER)
    ruled.table.run(NEWS_S * 2)
    assert 1 <= len(to_bob(ruled.alice, Welcome)) <= 2
    assert size(to_bob(ruled.alice)) < 2 * ruled.fed + (128 << 10)


def test_who_was_put_out_meanwhile_is_not_told_what_was_put_off():
    ruled = Ruled()
    ruled.set(Standing.MEMBER)
    told = len(to_bob(ruled.alice, Welcome))
    ruled.set(Standing.REMOVED)
    ruled.set(Standing.MEMBER)
    ruled.set(Standing.REMOVED)
    ruled.table.run(NEWS_S * 2)
    assert len(to_bob(ruled.alice, Welcome)) == told == 1


def test_a_room_that_was_left_meanwhile_has_no_news():
    ruled = Ruled()
    ruled.open("first")
    ruled.open("second")
    ruled.alice.leave(ruled.room)
    ruled.alice.effects.clear()
    ruled.table.run(NEWS_S * 2)
    assert not to_bob(ruled.alice, Welcome)
