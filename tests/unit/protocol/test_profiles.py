"""What accounts say of themselves."""

from __future__ import annotations

from p2pchat.events import ProfileChanged
from p2pchat.model.change import AddOp, PutProfile
from p2pchat.model.op import Chain, Kind
from p2pchat.protocol.machine import Persist, Received, SetProfile
from p2pchat.wire.contents import Profile, decode_content
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, Author, between
from tests.unit.protocol.pictures import AVATAR
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)
GARDENER = Profile("Alice A.", "I grow roses.\nAsk me.", AVATAR)


def say(seat: Seat, profile: Profile) -> None:
    seat.ask(lambda id: SetProfile(id, profile))
    seat.table.settle()


def two(*, befriended: bool = True) -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    if befriended:
        table.befriend(alice, bob)
    return table, alice, bob


def known(seat: Seat) -> Profile:
    row = seat.state.directory.profiles[ALICE.account]
    return Profile(seat.state.directory.name(ALICE.account), row.bio, row.avatar)


def test_contacts_get_a_profile_and_keep_it():
    _, alice, bob = two()
    say(alice, GARDENER)
    assert known(bob) == GARDENER
    assert bob.told(ProfileChanged) == [ProfileChanged(ALICE.account, "Alice A.")]
    assert bob.state.contact_info(bob.state.contacts[ALICE.account]).bio == GARDENER.bio
    bob.crash()
    assert known(bob) == GARDENER


def test_our_own_profile_outlives_a_restart():
    _, alice, _ = two(befriended=False)
    say(alice, GARDENER)
    alice.crash()
    assert alice.state.profile == GARDENER


def test_saying_the_same_again_says_nothing():
    _, alice, _ = two()
    say(alice, GARDENER)
    alice.effects.clear()
    say(alice, GARDENER)
    assert alice.decided(Persist) == []


def test_who_becomes_a_contact_later_gets_it_too():
    table, alice, bob = two(befriended=False)
    say(alice, GARDENER)
    table.befriend(alice, bob)
    assert known(bob) == GARDENER


def test_who_has_said_no_more_than_a_name_does_not_say_it_twice():
    _, alice, _ = two()
    chain = alice.chat.state.conversations[DIRECT].log.count(ALICE.device, Chain.TALK)
    assert chain == 0


def test_the_newest_wins_in_any_order():
    _, _, bob = two()
    author = Author(ALICE, DIRECT)
    old, new = author.write(Profile("Old")), author.write(Profile("New", "now"))
    bob.hear(ALICE, Ops((old, new)))
    assert known(bob) == Profile("New", "now")
    late = author.write(Profile("Late", "yesterday"), hlc=old.header.hlc - 1)
    bob.hear(ALICE, Ops((late,)))
    assert known(bob) == Profile("New", "now")


def test_an_avatar_that_is_none_leaves_the_profile_as_it_was():
    _, alice, bob = two()
    say(alice, GARDENER)
    op = Author(ALICE, DIRECT)
    raw = Profile("Alice", "", b"RIFF and nothing else, which is no picture at all")
    op.ops, op.hlc = alice.chain(DIRECT, ALICE), op.hlc + (1 << 30)
    bob.hear(ALICE, Ops((op.write(raw),)))
    assert known(bob) == GARDENER
    assert bob.state.refused["MalformedMessage"] == 1


def test_a_room_learns_the_name_alone():
    _, alice, bob = two()
    room = alice.join("lounge")
    assert bob.join("lounge") == room
    alice.effects.clear()
    say(alice, GARDENER)
    said = [p.change.op for p in alice.decided(Persist) if isinstance(p.change, AddOp)]
    in_room = [op for op in said if op.header.conversation == room]
    [op] = [op for op in in_room if op.header.device == ALICE.device]
    assert decode_content(Kind.PROFILE, op.content or b"") == Profile("Alice A.")


def test_the_profile_of_a_stranger_in_a_room_is_not_kept():
    _, alice, bob = two(befriended=False)
    room = bob.join("lounge")
    alice.join("lounge")
    author = Author(ALICE, room)
    author.ops = alice.chain(room, ALICE)
    bob.do(Received(ALICE.device, Ops((*author.ops, author.write(GARDENER)), (ALICE.devices,))))
    assert ALICE.account not in bob.state.directory.profiles
    assert bob.state.directory.name(ALICE.account) == "Alice A."


def test_what_we_say_is_stored_once_however_many_hear_it():
    _, alice, _ = two()
    alice.effects.clear()
    say(alice, GARDENER)
    rows = [p.change for p in alice.decided(Persist) if isinstance(p.change, PutProfile)]
    assert len(rows) == 1
