"""Whoever is removed, keeps all keys and hears every byte opens nothing that is said afterwards.

Members come, go, remove each other at the same time in parts of the network that do not hear each
other, crash and come back; Mallory is one of them and forgets nothing. What somebody says who knows
that Mallory is out must be in no frame that goes to her, and in no blob that her keys open. She
writes, too, whatever she likes: with two devices, backdated, forked, revoked, in or out; and those
who stay end in one room all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from p2pchat.crypto.megolm import MegolmSessions
from p2pchat.crypto.port import RoomSessions
from p2pchat.errors import LocalProtocolError
from p2pchat.model.control import DeviceRevoked, Epoch, Leave, SetStanding, Standing
from p2pchat.model.conversation import room_topic
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain
from p2pchat.protocol.machine import Lane
from p2pchat.protocol.sealing import EpochKey
from p2pchat.testing.plain_sessions import PlainSessions
from p2pchat.wire.contents import Content
from p2pchat.wire.devices import merged, new_revocation, read_device_set
from p2pchat.wire.devices import revocation as revoked
from p2pchat.wire.frames import Frame, Ops, Welcome, decode_ops
from p2pchat.wire.sender_keys import SignedSenderKey
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Author,
    digest,
    person,
    second_device,
)
from tests.unit.protocol.table import Seat, Table

SEEDS = st.integers(0, 1 << 32)
STORIES = settings(max_examples=max(settings().max_examples // 5, 10))
DAVE = person("dave")
HONEST = (ALICE, BOB, CAROL, DAVE)
PHONE = second_device(MALLORY, "phone")
BOTH = merged(MALLORY.devices, PHONE.devices)
Make = Callable[[Callable[[int], bytes]], RoomSessions]


class Attacker:
    """Everything that Mallory was ever given, and everything that was ever published."""

    def __init__(self, room: ConversationId, secret: bytes, make: Make) -> None:
        self._room = room
        self._topic = room_topic(secret)
        self._sessions = make(Random(0).randbytes)
        self._epochs: dict[bytes, EpochKey] = {}
        self.read: set[bytes] = set()
        """Contents that she was given as they are."""

    def take(self, frame: Frame) -> None:
        match frame:
            case Welcome():
                for secret in frame.epochs:
                    key = EpochKey(OpId(digest("unknown")), secret)
                    self._epochs[key.commitment] = key
            case SignedSenderKey(said) if said.conversation == self._room:
                self._sessions.learn(said.conversation, said.device, said.key)
            case Ops(ops):
                self.read |= {op.content or b"" for op in ops}
            case _:
                pass

    def open(self, blob: bytes) -> None:
        epochs = tuple(self._epochs.values())
        found = self._sessions.open(self._room, self._topic, epochs, blob)
        if found is not None and found.senders:
            self.read |= {op.content or b"" for op in decode_ops(found.plaintext).ops}

    def knows(self, text: str) -> bool:
        return any(text.encode() in content for content in self.read)


class Story(Table):
    """A room of five, two of them owners, in which anything happens. In a `sparse` one each is
    connected with two others, and nobody dials: what one says to another goes through others."""

    def __init__(self, seed: int, make: Make, *, is_sparse: bool = False) -> None:
        super().__init__(seed, sessions=make)
        self.rng = Random(f"{seed}/story")
        self.attacker: Attacker | None = None
        self.secrets: list[str] = []
        """Texts by who knew that Mallory was out."""
        self.people = {who.account: self.sit(who) for who in (*HONEST, MALLORY)}
        for one, other in combinations(self.people.values(), 2):
            self.connect(one, other)
            self.befriend(one, other)
        alice = self.people[ALICE.account]
        self.room = alice.create("crew", CAROL, DAVE, MALLORY, owners=(BOB,))
        invited = alice.state.conversations[self.room].invited
        assert invited is not None
        self.attacker = Attacker(self.room, invited.secret, make)
        self.run(10)
        self.far = self.far_apart() if is_sparse else frozenset[frozenset[DeviceId]]()
        self.heal_all()

    def carry(self, source: Seat, to: DeviceId, lane: Lane, frame: Frame) -> None:
        super().carry(source, to, lane, frame)
        if to == MALLORY.device and self.attacker is not None:
            self.attacker.take(frame)

    def happen(self, number: int) -> None:
        seat = self.people[self.rng.choice(HONEST).account]
        roll = self.rng.random()
        with suppress(LocalProtocolError):
            if self.room not in seat.state.conversations:
                pass  # it is on its way
            elif roll < 0.45:
                self.say(seat, f"<text {number}>")
            elif roll < 0.6:
                whom = self.rng.choice((MALLORY, MALLORY, CAROL, DAVE))
                standing = self.rng.choice((Standing.REMOVED, Standing.BANNED))
                seat.set(self.room, whom, standing)
            elif roll < 0.7:
                whom = self.rng.choice((MALLORY, CAROL, DAVE))
                standing = self.rng.choice((Standing.MEMBER, Standing.ADMIN, Standing.READ_ONLY))
                seat.set(self.room, whom, standing)
            elif roll < 0.8:
                self.part(*self.rng.sample(list(self.people.values()), 2))
            elif roll < 0.95:
                self.heal_all()
            else:
                seat.crash()
        if self.rng.random() < 0.3:
            self.misbehave()
        if self.rng.random() < 0.7:
            self.run(self.rng.choice((0.0, 0.5, 3.0, 10.0)))

    def misbehave(self) -> None:
        """Mallory signs something in knowledge of anything that she ever had, and tells some."""
        mallory = self.people[MALLORY.account]
        if self.room not in mallory.state.conversations:
            return
        invited = mallory.state.conversations[self.room].invited
        assert invited is not None
        known = [op for who in (ALICE, BOB) for op in mallory.chain(self.room, who, Chain.CONTROL)]
        author = Author(self.rng.choice((MALLORY, PHONE)), self.room)
        control = self.anything(author)
        chain = Chain.TALK if isinstance(control, str) else Chain.CONTROL
        author.ops = mallory.chain(self.room, author.person, chain)
        author.ops = author.ops[: self.rng.randint(0, len(author.ops))]
        deps = tuple({op.id for op in self.rng.choices(known, k=2)}) if known else ()
        op = author.write(control, deps=deps)
        for who in self.rng.sample(HONEST, self.rng.randint(1, len(HONEST))):
            self.people[who.account].hear(MALLORY, Ops((op,), (BOTH,)))

    def anything(self, author: Author) -> Content | str:
        gone = self.rng.choice((MALLORY, PHONE)).device
        proof = new_revocation(MALLORY.account_signer, gone, WALL_MS)
        revocation = DeviceRevoked(MALLORY.account, gone, (), revoked(read_device_set(proof), gone))
        target = self.rng.choice((*HONEST, MALLORY)).account
        standing = self.rng.choice((Standing.MEMBER, Standing.BANNED, Standing.ADMIN))
        contents = (Leave(), SetStanding(target, standing), revocation, Epoch(digest("hers")), "hm")
        return self.rng.choice(contents)

    def step(self, until_s: float) -> bool:
        """What somebody has who takes Mallory in again is hers, shown or not: the room gives
        newcomers all."""
        for who in HONEST if self.secrets else ():
            conversation = self.people[who.account].state.conversations.get(self.room)
            room = conversation.invited if conversation is not None else None
            if room is not None and room.membership.standing(MALLORY.account).may_read:
                seat = self.people[who.account]
                ops = [op for author in HONEST for op in seat.chain(self.room, author)]
                had = b"".join(op.content or b"" for op in ops).decode(errors="replace")
                self.secrets = [text for text in self.secrets if text not in had]
        return super().step(until_s)

    def say(self, seat: Seat, text: str) -> None:
        invited = seat.state.conversations[self.room].invited
        assert invited is not None
        is_out = not invited.membership.standing(MALLORY.account).may_read
        seat.send(self.room, text)
        self.secrets += [text] if is_out else []

    def far_apart(self) -> frozenset[frozenset[DeviceId]]:
        """All but those who sit side by side, in a ring of any order."""
        ring = [seat.device for seat in self.people.values()]
        self.rng.shuffle(ring)
        near = {frozenset(pair) for pair in pairwise([*ring, ring[0]])}
        return frozenset(map(frozenset, combinations(ring, 2))) - near

    def heal_all(self) -> None:
        self.heal()
        for one, other in combinations(self.people.values(), 2):
            if frozenset((one.device, other.device)) in self.far:
                self.part(one, other)
            else:
                self.connect(one, other)

    def stayed(self) -> list[Seat]:
        """The honest ones who are in it at the end, as Alice knows it."""
        invited = self.people[ALICE.account].state.conversations[self.room].invited
        assert invited is not None
        return [self.people[w.account] for w in HONEST if w.account in invited.membership.members()]

    def what_mallory_reads(self) -> Attacker:
        """With every key that she has by now, of every blob that there was."""
        assert self.attacker is not None
        for blob in self.blobs:
            self.attacker.open(blob)
        return self.attacker


def told(seed: int, make: Make, length: int, *, is_sparse: bool = False) -> Story:
    story = Story(seed, make, is_sparse=is_sparse)
    for number in range(length):
        story.happen(number)
    story.heal_all()
    story.run(60)
    return story


@pytest.mark.parametrize("make", [PlainSessions, MegolmSessions])
@STORIES
@given(seed=SEEDS)
@example(seed=48)
@example(seed=635)
@example(seed=105455)
def test_who_is_removed_reads_nothing_that_is_said_afterwards(make: Make, seed: int):
    """Whether keys go straight to those whom they are for, or through others."""
    story = told(seed, make, 25, is_sparse=seed % 2 == 0)
    attacker = story.what_mallory_reads()
    assert not [text for text in story.secrets if attacker.knows(text)]


@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_attacker_reads_what_she_may(is_sparse: bool):
    """The proof can fail: while Mallory is in, her keys open what is published."""
    story = Story(1, MegolmSessions, is_sparse=is_sparse)
    alice = story.people[ALICE.account]
    story.say(alice, "<for all>")
    story.run(2)
    attacker = story.what_mallory_reads()
    assert attacker.knows("<for all>")
    alice.set(story.room, MALLORY, Standing.REMOVED)
    story.say(alice, "<not for her>")
    story.run(60)
    story.say(story.people[BOB.account], "<nor this>")
    story.run(60)
    assert story.secrets == ["<not for her>", "<nor this>"]
    attacker = story.what_mallory_reads()
    assert not attacker.knows("<not for her>")
    assert not attacker.knows("<nor this>")
    assert {*story.people[CAROL.account].texts(story.room)} == {
        "<for all>",
        "<not for her>",
        "<nor this>",
    }


HUNDREDS = [
    pytest.param(range(first, first + 100), marks=pytest.mark.slow) for first in range(0, 1000, 100)
]


@pytest.mark.parametrize("seeds", [range(4), *HUNDREDS])
def test_everybody_who_stays_ends_with_the_same_room(seeds: range):
    """Who is in it, what counts, which epochs there are, and what was said by those who were in it
    all the time."""
    secrets, members = 0, 0
    for seed in seeds:
        story = told(seed, PlainSessions, 40)
        story.run(240)
        rooms = [room_of(story, who) for who in story.stayed()]
        assert all(room == rooms[0] for room in rooms), seed
        secrets += len(story.secrets)
        members += len(rooms)
    assert members > 2 * len(seeds), "more than the owners stayed"
    assert secrets > len(seeds) // 2, "something was said that Mallory must not read"


def room_of(story: Story, seat: Seat) -> list[object]:
    conversation = seat.state.conversations[story.room]
    room = conversation.invited
    assert room is not None
    owners = (ALICE.account, BOB.account)
    said = {m.id for m in seat.history(story.room) if m.author in owners}
    members = room.membership.members()
    return [members, set(room.membership.last()), room.membership.epochs(), said]
