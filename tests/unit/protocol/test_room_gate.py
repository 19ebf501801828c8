"""Whatever members, former members and strangers sign, those who stay follow one room."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from p2pchat.model.contact import ContactState
from p2pchat.model.control import Leave, SetStanding, Standing
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.protocol.machine import AddContact, BlockTarget, DrawEpoch, ReviseDevices
from p2pchat.protocol.room_gate import COUNTING_BRANCHES_MAX
from p2pchat.wire.devices import merged, new_revocation, read_device_set
from p2pchat.wire.frames import Ops, Welcome
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    WALL_MS,
    Author,
    Person,
    op_id,
    second_device,
    set_of,
)
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew, info, standings


def agree(room: ConversationId, *seats: Seat) -> None:
    """All hold the same room, show the same and seal with the same."""
    for one, other in combinations(seats, 2):
        ours, theirs = (seat.state.conversations[room] for seat in (one, other))
        assert set(one.texts(room)) == set(other.texts(room))
        assert ours.invited.membership.members() == theirs.invited.membership.members()
        assert ours.invited.membership.epochs() == theirs.invited.membership.epochs()
        assert ours.digest() == theirs.digest()


def mallorys(crew: Crew, room: ConversationId, device: Person = MALLORY) -> Author:
    """Writes her control ops by hand, as somebody who knows of her admission."""
    return Author(device, room)


def grant(crew: Crew, room: ConversationId, person: Person = MALLORY) -> OpId:
    """The op that admitted somebody."""
    for op in crew.alice.chain(room, ALICE, Chain.CONTROL):
        if op.header.kind == Kind.STANDING and person.account in (op.content or b""):
            return op.id
    raise AssertionError("nobody admitted them")


def junk(author: Author, deps: tuple[OpId, ...], name: str) -> list:
    """An op that says nothing, which links what follows."""
    return [author.write_raw(Kind.EPOCH, name.encode(), deps=deps)]


# A block


def test_who_blocked_a_member_follows_the_room_when_that_member_goes():
    crew = Crew()
    room = crew.begin()
    crew.bob.ask(lambda id: BlockTarget(id, CAROL.account))
    crew.table.run(2)
    crew.carol.leave(room)
    crew.table.run(10)
    crew.alice.send(room, "without Carol")
    crew.table.run(60)
    assert crew.bob.texts(room) == ["without Carol"]
    assert info(crew.bob, room).members_count == 2


def test_what_a_blocked_member_says_is_not_shown():
    crew = Crew()
    room = crew.begin()
    crew.bob.ask(lambda id: BlockTarget(id, CAROL.account))
    crew.carol.send(room, "can you hear me?")
    crew.table.run(60)
    assert crew.alice.texts(room) == ["can you hear me?"]
    assert crew.bob.texts(room) == []


# A device that was revoked


def with_laptop(crew: Crew) -> Seat:
    """Alice has another device, which is in her rooms, too."""
    laptop = crew.table.sit(second_device(ALICE, "laptop"))
    for person in (BOB, CAROL):
        laptop.ask(lambda id, link=person.link: AddContact(id, link, ALICE.pair_half))
        contact = laptop.state.contacts[person.account]
        laptop.state.contacts[person.account] = replace(contact, state=ContactState.ACCEPTED)
    for seat in crew.seats:
        seat.state.directory.keep(laptop.person.devices)
        crew.table.connect(seat, laptop)
        seat.hear(laptop.person)
        laptop.hear(seat.person)
    crew.table.run(60)
    return laptop


def lost(crew: Crew, owner: Seat, laptop: Seat) -> None:
    """The owner's phone is gone; the laptop says so and goes on."""
    crew.table.lose(owner.device)
    del crew.table.seats[owner.device]
    raw = new_revocation(owner.person.account_signer, owner.device, WALL_MS)
    said = merged(laptop.state.own_devices, read_device_set(raw))
    laptop.ask(lambda id: ReviseDevices(id, said))
    crew.table.run(10)


def test_a_newcomer_follows_a_room_whose_founder_lost_the_phone_it_began_on():
    crew = Crew()
    room = crew.begin()
    crew.alice.send(room, "from the phone")
    crew.table.run(10)
    laptop = with_laptop(crew)
    assert laptop.texts(room) == ["from the phone"]
    lost(crew, crew.alice, laptop)
    dave = crew.table.sit(Person("dave"))
    crew.table.befriend(dave, laptop)
    crew.table.connect(dave, laptop)
    crew.table.connect(dave, crew.bob)
    laptop.set(room, dave.person, Standing.MEMBER)
    crew.table.run(100)
    laptop.send(room, "welcome")
    crew.table.run(100)
    assert set(dave.texts(room)) == {"from the phone", "welcome"}
    agree(room, laptop, crew.bob, crew.carol, dave)


def test_what_a_thief_backdates_on_a_revoked_device_has_no_effect():
    crew = Crew()
    room = crew.begin()
    laptop = with_laptop(crew)
    stolen = crew.alice.chain(room, ALICE, Chain.CONTROL)
    lost(crew, crew.alice, laptop)
    thief = Author(ALICE, room)
    thief.ops = stolen
    banned = thief.write(SetStanding(BOB.account, Standing.BANNED), deps=(stolen[-1].id,))
    for seat in (crew.bob, crew.carol, laptop):
        seat.hear(MALLORY, Ops((banned,), (ALICE.devices,)))
    crew.table.run(60)
    assert info(crew.bob, room).members_count == 3
    agree(room, laptop, crew.bob, crew.carol)


# Forks


def test_five_branches_of_which_each_knows_another_four_part_nobody():
    """Each of them counts: Mallory leaves five times."""
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    mallory = crew.seats[3]
    for seat in crew.seats[:3]:
        crew.table.part(seat, mallory)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.bob, crew.carol)
    crew.table.part(crew.alice, crew.carol)
    admitted = grant(crew, room)
    branches = [Author(MALLORY, room) for _ in range(5)]
    for number, author in enumerate(branches):
        author.hlc += number << 10
    ops = [author.write(Leave(), deps=(admitted,)) for author in branches]
    crew.alice.hear(MALLORY, *(Ops((op,), (MALLORY.devices,)) for op in ops[:4]))
    crew.bob.hear(MALLORY, *(Ops((op,), (MALLORY.devices,)) for op in ops[1:]))
    crew.table.run(5)
    crew.alice.send(room, "from Alice")
    crew.bob.send(room, "from Bob")
    crew.table.heal()
    for one, other in combinations(crew.seats[:3], 2):
        crew.table.connect(one, other)
    crew.table.run(300)
    for seat in crew.seats[:3]:
        assert set(seat.texts(room)) == {"from Alice", "from Bob"}
    agree(room, *crew.seats[:3])


def leaves(crew: Crew, room: ConversationId, count: int) -> list[Ops]:
    """Mallory goes again and again, each time as if it were the first."""
    authors = [Author(MALLORY, room) for _ in range(count)]
    for number, author in enumerate(authors):
        author.hlc += number << 10
    admitted = grant(crew, room)
    ops = [author.write(Leave(), deps=(admitted,)) for author in authors]
    return [Ops((op,), (MALLORY.devices,)) for op in ops]


def test_a_further_branch_that_counts_is_taken_though_nobody_follows_it():
    """Alice hears what counts last, Bob first; he rules nothing, and writes nothing after it."""
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    admitted = grant(crew, room)
    idle = [junk(Author(MALLORY, room), (admitted,), f"{number}")[0] for number in range(4)]
    told = [*(Ops((op,), (MALLORY.devices,)) for op in idle), *leaves(crew, room, 5)]
    crew.table.part(crew.alice, crew.bob)
    for frame in told:
        crew.alice.hear(MALLORY, frame)
    for frame in reversed(told):
        crew.bob.hear(MALLORY, frame)
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(300)
    agree(room, *crew.seats[:3])
    for seat in crew.seats[:3]:
        kinds = [op.header.kind for op in seat.chain(room, MALLORY, Chain.CONTROL)]
        assert kinds.count(Kind.LEAVE) == 5


def test_there_is_an_end_to_branches_that_count():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    for other in (crew.alice, crew.carol):
        crew.table.part(crew.bob, other)
    for frame in leaves(crew, room, COUNTING_BRANCHES_MAX + 1):
        crew.bob.hear(MALLORY, frame)
        crew.table.settle()
    assert len(crew.bob.chain(room, MALLORY, Chain.CONTROL)) == COUNTING_BRANCHES_MAX


def test_branches_without_effect_are_followed_by_nobody():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    admitted = grant(crew, room)
    for number, seat in enumerate(crew.seats[:3]):
        for branch in range(4):
            [op] = junk(Author(MALLORY, room), (admitted,), f"{number} {branch}")
            seat.hear(MALLORY, Ops((op,), (MALLORY.devices,)))
    crew.table.run(60)
    for seat in crew.seats[:3]:
        seat.send(room, f"from {seat.person.name}")
    crew.table.run(60)
    for seat in crew.seats[:3]:
        assert len(seat.texts(room)) == 3
    agree(room, *crew.seats[:3])


def test_ops_of_strangers_are_neither_kept_nor_held():
    crew = Crew(MALLORY)
    room = crew.begin()
    log = crew.bob.state.conversations[room].log
    [op] = junk(Author(MALLORY, room), (op_id("nowhere"),), "held?")
    crew.bob.hear(MALLORY, Ops((op,), (MALLORY.devices,)))
    assert log.waiting_count == 0
    [op] = junk(Author(MALLORY, room), (), "kept?")
    crew.bob.hear(MALLORY, Ops((op,), (MALLORY.devices,)))
    assert not log.count(MALLORY.device, Chain.CONTROL)
    assert MALLORY.account not in crew.bob.state.directory.sets


@pytest.mark.parametrize("bound", ["ACCOUNT_IDLE_OPS_MAX", "ACCOUNT_CONTROL_OPS_MAX"])
def test_there_is_an_end_to_what_one_account_writes(monkeypatch, bound):
    monkeypatch.setattr(f"p2pchat.protocol.room_gate.{bound}", 10)
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    author = Author(MALLORY, room)
    ops = [op for number in range(20) for op in junk(author, (grant(crew, room),), f"{number}")]
    crew.bob.hear(MALLORY, Ops(tuple(ops), (MALLORY.devices,)))
    assert crew.bob.state.conversations[room].log.count(MALLORY.device, Chain.CONTROL) == 10


def test_a_beginning_of_a_later_version_is_counted_and_ends_nothing():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    op = Author(MALLORY, room).write_raw(Kind.GENESIS, b"\x08\x02", deps=(grant(crew, room),))
    for seat in crew.seats[:3]:
        seat.hear(MALLORY, Ops((op,), (MALLORY.devices,)))
    crew.alice.send(room, "we go on")
    crew.table.run(40)
    for seat in crew.seats[:3]:
        assert seat.texts(room) == ["we go on"]


# Below the place where a log was cut


def banned_after(crew: Crew, count: int) -> tuple[ConversationId, Seat]:
    """Mallory says so much, is banned, and has an accomplice in Bob."""
    room = crew.begin(BOB, CAROL, MALLORY)
    for number in range(count):
        crew.seats[3].send(room, f"said {number}")
        crew.table.settle()
    crew.table.run(5)
    crew.alice.set(room, MALLORY, Standing.BANNED)
    crew.table.run(10)
    return room, crew.table.sit(Person("dave"))


def rewritten(crew: Crew, room: ConversationId, count: int) -> list[Op]:
    """Another history for the same places, which admits the same knowledge."""
    genuine = crew.alice.chain(room, MALLORY)
    author = Author(MALLORY, room)
    return [author.write(f"never said {n}", deps=genuine[n].header.deps) for n in range(count)]


@pytest.mark.parametrize("count", [6, 40])
def test_a_newcomer_who_is_told_another_history_first_shows_the_one_that_was_named(count):
    crew = Crew(MALLORY)
    room, dave = banned_after(crew, count)
    crew.table.befriend(dave, crew.alice)
    crew.table.part(dave, crew.alice)
    crew.alice.set(room, dave.person, Standing.MEMBER)
    forged = rewritten(crew, room, count)
    invited = crew.alice.state.conversations[room].invited
    rules = crew.alice.chain(room, ALICE, Chain.CONTROL)
    dave.hear(ALICE, Welcome(invited.genesis, invited.secret, ()), Ops(tuple(rules)))
    assert MALLORY.account not in standings(dave, room)
    for op in forged:
        dave.hear(BOB, Ops((op,), (MALLORY.devices, BOB.devices)))
    crew.table.heal()
    crew.table.connect(dave, crew.alice)
    crew.table.run(200)
    assert [text for text in dave.texts(room) if "said" in text] == crew.alice.texts(room)
    for op in forged:
        dave.hear(BOB, Ops((op,), (MALLORY.devices, BOB.devices)))
    crew.table.run(60)
    agree(room, crew.alice, dave)


def test_of_longer_histories_below_such_a_place_nothing_is_taken(monkeypatch):
    monkeypatch.setattr("p2pchat.protocol.room_gate.PROVEN_MAX", 3)
    crew = Crew(MALLORY)
    room, dave = banned_after(crew, 6)
    crew.table.befriend(dave, crew.alice)
    crew.alice.set(room, dave.person, Standing.MEMBER)
    crew.table.run(200)
    assert not any("said" in text for text in dave.texts(room))
    assert len(dave.state.conversations[room].invited.proven) == 3
    crew.alice.send(room, "welcome")
    crew.table.run(60)
    assert "welcome" in dave.texts(room)


def test_words_that_came_before_it_was_known_that_they_are_named_are_shown():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    for seat in (crew.alice, crew.carol, crew.seats[3]):
        crew.table.part(crew.bob, seat)
    for number in range(4):
        crew.seats[3].send(room, f"said {number}")
    crew.table.run(5)
    crew.alice.set(room, MALLORY, Standing.BANNED)
    _, first, *later = crew.alice.chain(room, MALLORY)
    devices = (MALLORY.devices, ALICE.devices)
    for ops in (later, crew.alice.chain(room, ALICE, Chain.CONTROL), [first]):
        crew.bob.hear(ALICE, Ops(tuple(ops), devices))
    assert crew.bob.texts(room) == [f"said {number}" for number in range(4)]


def test_what_somebody_says_who_is_back_is_shown_though_what_it_said_when_it_was_out_is_not():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    mallory = crew.seats[3]
    for seat in (crew.alice, crew.carol, mallory):
        crew.table.part(crew.bob, seat)
    mallory.send(room, "in")
    crew.table.run(5)
    for seat in (crew.alice, crew.carol):
        crew.table.part(mallory, seat)
    crew.alice.set(room, MALLORY, Standing.REMOVED)
    mallory.send(room, "out")
    crew.alice.set(room, MALLORY, Standing.MEMBER)
    crew.table.heal()
    for seat in (crew.alice, crew.carol):
        crew.table.connect(mallory, seat)
    crew.table.part(crew.bob, mallory)
    crew.table.run(60)
    mallory.send(room, "back")
    crew.table.run(60)
    crew.alice.set(room, MALLORY, Standing.BANNED)
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(90)
    assert crew.bob.texts(room) == crew.alice.texts(room) == ["in", "back"]
    agree(room, crew.alice, crew.bob)


def test_of_who_left_both_histories_are_kept_by_all():
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    mallory = crew.seats[3]
    [before] = mallory.chain(room, MALLORY)
    branches = [Author(MALLORY, room) for _ in range(2)]
    for author in branches:
        author.ops = [before]
    for seat in crew.seats[:3]:
        crew.table.part(seat, mallory)
    crew.table.part(crew.alice, crew.bob)
    going = Author(MALLORY, room).write(Leave(), deps=(grant(crew, room),))
    for n, (seat, author) in enumerate(zip((crew.alice, crew.bob), branches, strict=True)):
        op = author.write(f"said {n}", deps=(grant(crew, room),))
        seat.hear(MALLORY, Ops((going, op), (MALLORY.devices,)))
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert sorted(crew.alice.texts(room)) == ["said 0", "said 1"]
    agree(room, *crew.seats[:3])


# Removing who has many devices


@pytest.mark.parametrize(("count", "branches"), [(40, 1), (13, 4)])
def test_who_has_many_devices_or_many_branches_is_removed_all_the_same(count, branches):
    crew = Crew(MALLORY)
    room = crew.begin(BOB, CAROL, MALLORY)
    admitted = grant(crew, room)
    for number in range(count):
        device = second_device(MALLORY, f"device {number}")
        narrow = set_of(MALLORY, device.device)
        for branch in range(branches):
            author = Author(device, room)
            op = author.write(f"{branch}", deps=(admitted,))
            for seat in crew.seats[:3]:
                seat.hear(MALLORY, Ops((op,), (narrow,)))
                crew.table.settle()
    crew.alice.set(room, MALLORY, Standing.REMOVED)
    crew.table.run(10)
    crew.alice.send(room, "after")
    crew.table.run(60)
    for seat in crew.seats[:3]:
        assert MALLORY.account not in standings(seat, room)
        assert "after" in seat.texts(room)


# More heads than an op can name


def leaving(crew: Crew, room: ConversationId, count: int) -> list:
    """So many members go at once, each in knowledge of its admission alone."""
    found = []
    for number in range(count):
        guest = Person(f"guest {number}")
        crew.alice.state.directory.keep(guest.devices)
        control = SetStanding(guest.account, Standing.MEMBER)
        invited = crew.alice.chat.rooms.invited
        effects = invited._write(crew.alice.state.conversations[room], control, crew.table.now)
        crew.alice._carry(effects)
        admitted = crew.alice.chain(room, ALICE, Chain.CONTROL)[-1]
        op = Author(guest, room).write(Leave(), deps=(admitted.id,))
        found.append((guest, op))
    crew.table.run(10)
    return found


def test_one_epoch_follows_many_who_go_at_once():
    crew = Crew()
    room = crew.begin()
    going = leaving(crew, room, 20)
    before = len(crew.alice.decided(DrawEpoch))
    for guest, op in going:
        crew.alice.hear(guest, Ops((op,), (guest.devices,)))
        crew.bob.hear(guest, Ops((op,), (guest.devices,)))
    crew.table.run(200)
    assert crew.alice.state.conversations[room].invited.epochs.sending() is not None
    assert len(crew.alice.decided(DrawEpoch)) == before + 1
    crew.carol.send(room, "who is left?")
    crew.table.run(60)
    agree(room, *crew.seats)
    assert crew.bob.texts(room) == ["who is left?"]
