"""Invitations are good for whom they say, and for nobody by what is written on the side."""

from __future__ import annotations

from itertools import permutations

import pytest

from p2pchat.model.control import (
    Admission,
    DeviceRevoked,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import OpId
from p2pchat.protocol.invitations import KNOWN_MAX
from p2pchat.protocol.membership import LEAVES_MAX, Membership
from p2pchat.wire.joining import Refusal
from tests.unit.protocol.assembly import Assembly, account, crew, device

KEY = b"key"


def party(uses: int = 1) -> tuple[Assembly, OpId]:
    """Olga owns the room, Adam is an admin, Bob and Mallory are in it; Adam invites."""
    room = crew()
    room.set("olga", "adam", Standing.ADMIN)
    for name in ("bob", "mallory"):
        room.set("olga", name, Standing.MEMBER)
    return room, room.write("adam", Invite(KEY, uses, 0), room.heads)


def admit(
    room: Assembly, by: str, who: str, invite: OpId, deps: tuple[OpId, ...] | None = None
) -> OpId:
    known = room.heads if deps is None else deps
    return room.write(by, Admission(account(who), invite, KEY, b""), known)


def test_whoever_is_in_lets_in_who_shows_an_invitation():
    room, invite = party()
    admit(room, "bob", "gina", invite)
    assert room.standing("gina") is Standing.MEMBER
    [left] = [one.refusal(invite, KEY, account("gus")) for one in [room.membership()]]
    assert left is Refusal.USED_UP
    assert room.membership().invitations() == []


def test_who_was_put_out_lets_in_nobody_by_what_it_backdates():
    """By an owner or by an admin; it knew the invitation, and shows no knowledge of its removal."""
    for by in ("olga", "adam"):
        room, invite = party(uses=5)
        known = room.heads
        room.set(by, "mallory", Standing.REMOVED)
        admit(room, "mallory", "gina", invite, known)
        assert room.standing("gina") is Standing.REMOVED
        assert account("gina") not in room.standings()


def test_what_the_remover_knew_of_stays():
    room, invite = party(uses=5)
    admit(room, "mallory", "gina", invite)
    room.set("olga", "mallory", Standing.REMOVED)
    assert room.standing("gina") is Standing.MEMBER


def test_the_links_of_who_may_invite_no_more_let_in_nobody_whoever_shows_them():
    room, invite = party(uses=5)
    known = room.heads
    room.set("olga", "adam", Standing.REMOVED)
    admit(room, "bob", "gina", invite)
    admit(room, "bob/2", "gus", invite, known)
    assert not {account("gina"), account("gus")} & room.standings().keys()


def test_an_invitation_is_taken_back_by_who_gave_it_and_by_owners_alone():
    for by, is_over in (("adam", True), ("olga", True), ("bob", False), ("gina", False)):
        room, invite = party(uses=5)
        known = room.heads
        room.write(by, InviteRevoked(invite), room.heads)
        admit(room, "bob", "gina", invite, known)
        assert (room.standing("gina") is Standing.REMOVED) is is_over


def test_an_admission_that_is_known_when_it_is_taken_back_stays():
    room, invite = party(uses=5)
    admit(room, "bob", "gina", invite)
    room.write("adam", InviteRevoked(invite), room.heads)
    assert room.standing("gina") is Standing.MEMBER


def test_the_last_use_goes_to_one_and_its_epoch_to_nobody_else():
    room, invite = party()
    known = room.heads
    room.open_epoch("olga")
    admit(room, "bob", "gina", invite, known)
    admit(room, "mallory", "gus", invite, known)
    assert len({account("gina"), account("gus")} & room.standings().keys()) == 1
    assert not room.membership().epochs()
    after = room.open_epoch("olga")
    assert set(room.membership().epochs()) == {after}


def test_a_wrong_key_and_an_invitation_that_nobody_gave_let_in_nobody():
    room, invite = party()
    room.write("bob", Admission(account("gina"), invite, b"other", b""), room.heads)
    room.write("bob", Admission(account("gina"), room.ops[0].id, KEY, b""), room.heads)
    room.write("bob", Admission(account("gina"), OpId(bytes(32)), KEY, b""), room.heads)
    assert room.standing("gina") is Standing.REMOVED
    assert room.membership().refusal(invite, b"other", account("gus")) is Refusal.UNKNOWN


def test_answers_are_forgotten_when_there_are_many_and_are_the_same_then():
    room, invite = party(uses=1)
    known = room.heads
    for guest in ("gina", "gus", "greta"):
        admit(room, f"bob/{guest}", guest, invite, known)
    membership = room.membership()
    before = membership.members()
    for op in room.ops * (KNOWN_MAX // len(room.ops) + 2):
        membership.standing(account("gina"), (op.id,))
    assert membership.members() == before


def test_a_removal_ends_every_invitation_before_it_for_friends_on_the_side_too():
    room, invite = party(uses=5)
    known = room.heads
    room.set("adam", "mallory", Standing.REMOVED)
    first = admit(room, "mallory", "gina", invite, known)
    admit(room, "gina", "gus", invite, (first,))
    admit(room, "bob", "gwen", invite)
    for name in ("gina", "gus", "gwen"):
        assert room.standing(name) is Standing.REMOVED
    again = room.write("adam", Invite(KEY, 5, 1), room.heads)
    admit(room, "bob", "gwen", again)
    assert room.standing("gwen") is Standing.MEMBER


def test_who_left_has_no_friends_let_in_on_the_side():
    room, invite = party(uses=5)
    known = room.heads
    room.write("mallory", Leave(), room.heads)
    first = admit(room, "mallory/2", "gina", invite, known)
    second = admit(room, "gina", "gus", invite, (first,))
    admit(room, "gus", "gwen", invite, (second,))
    for name in ("gina", "gus", "gwen"):
        assert room.standing(name) is Standing.REMOVED


def test_who_came_too_late_by_number_lets_nobody_in():
    room, invite = party(uses=1)
    known = room.heads
    one = admit(room, "bob", "gina", invite, known)
    other = admit(room, "mallory", "gus", invite, known)
    late, name = (one, "gina") if other < one else (other, "gus")
    second = room.write("adam", Invite(KEY, 5, 1), known)
    admit(room, name, "gwen", second, (late, second))
    assert room.standing("gwen") is Standing.REMOVED


@pytest.mark.parametrize("standing", [Standing.READ_ONLY, Standing.ADMIN, Standing.BANNED])
def test_who_was_set_to_anything_but_a_member_does_not_become_one_by_leaving(standing):
    room, invite = party(uses=5)
    room.set("olga", "mallory", standing)
    room.write("mallory", Leave(), room.heads)
    admit(room, "bob", "mallory", invite)
    assert room.standing("mallory") not in (Standing.MEMBER, Standing.ADMIN)


def test_who_may_not_take_an_invitation_back_makes_nobody_judge_anew():
    room, invite = party(uses=5)
    admit(room, "bob", "gina", invite)
    membership = room.membership()
    membership.members()
    room.write("bob", InviteRevoked(invite), room.heads)
    membership.add(room.ops[-1])
    assert not membership._doubtful


def test_whoever_has_a_key_makes_no_more_authors_than_an_invitation_is_good_for():
    """Each lets in the next, and none of it counts."""
    room, invite = party(uses=2)
    known = room.heads
    room.set("olga", "mallory", Standing.REMOVED)
    author, friends = "mallory", [f"friend {number}" for number in range(5)]
    for friend in friends:
        known = (admit(room, author, friend, invite, known),)
        author = friend
    membership = room.membership()
    assert [membership.admits(account(one), known) for one in friends] == [True] * 2 + [False] * 3


def members_after(room: Assembly, *order: int) -> set[str]:
    """Which guests are in, for who looks at the room after each op, taken in this order."""
    membership = Membership(room.genesis)
    for place in order:
        membership.add(room.ops[place])
        membership.members()
    return {name for name in ("gina", "gus") if account(name) in membership.members()}


@pytest.mark.parametrize("witness", ["adam", "olga"])
def test_who_has_a_link_puts_out_nobody_of_whom_its_giver_or_an_owner_knows(witness):
    room, invite = party(uses=2)
    known = room.heads
    for guest in ("gina", "gus"):
        admit(room, "bob", guest, invite)
    room.write(witness, Link(), room.heads)
    for number in range(40):  # one of them has the smallest id
        admit(room, f"mallory/{number}", f"friend {number}", invite, known)
    room.write(witness, Link(), room.heads)
    assert room.standing("gina") is room.standing("gus") is Standing.MEMBER
    assert len(room.standings()) == 6


def test_the_giver_knows_better_than_the_owners_who_came_first():
    room, invite = party(uses=1)
    known = room.heads
    for number in range(8):
        first = admit(room, f"bob/{number}", "gina", invite, known)
        second = admit(room, f"mallory/{number}", "gus", invite, known)
        for owners in ("olga", "olga/2", "olga/3"):
            room.write(owners, Link(), (first,))
        room.write("adam", Link(), (second,))
        assert room.standing("gus") is Standing.MEMBER
        assert room.standing("gina") is Standing.REMOVED


def test_who_let_somebody_in_does_not_put_it_out_by_having_left_before():
    room, invite = party(uses=5)
    known = room.heads
    admit(room, "mallory", "gina", invite)
    room.fork("mallory", Leave(), None, known)
    assert room.standing("gina") is Standing.REMOVED  # nobody who would know heard of it
    room, invite = party(uses=5)
    known = room.heads
    admit(room, "mallory", "gina", invite)
    room.write("adam", Link(), room.heads)
    room.fork("mallory", Leave(), None, known)
    assert room.standing("mallory") is Standing.REMOVED
    assert room.standing("gina") is Standing.MEMBER


def test_it_is_shown_once_that_somebody_was_let_in_and_by_whom_it_is_to_show():
    room, invite = party(uses=5)
    assert not room.membership().unseen(account("adam"))
    admit(room, "bob", "gina", invite)
    for name, is_theirs in (("adam", True), ("olga", True), ("bob", False), ("gina", False)):
        assert room.membership().unseen(account(name)) is is_theirs
    room.write("bob", Link(), room.heads)
    assert room.membership().unseen(account("adam"))
    room.write("olga", Link(), room.heads)
    assert not room.membership().unseen(account("adam"))


def test_who_comes_and_goes_is_let_in_by_a_link_a_few_times():
    room, invite = party(uses=5)
    for _ in range(LEAVES_MAX):
        admit(room, "bob", "gina", invite)
        assert room.standing("gina") is Standing.MEMBER
        room.leave("gina")
    assert room.membership().refusal(invite, KEY, account("gina")) is Refusal.OFTEN
    admit(room, "bob", "gina", invite)
    assert room.standing("gina") is Standing.REMOVED
    room.set("adam", "gina", Standing.MEMBER)
    assert room.standing("gina") is Standing.MEMBER


def test_an_invitation_ends_when_the_device_that_gave_it_is_revoked():
    room, invite = party(uses=5)
    admit(room, "bob", "gina", invite)
    known = room.heads
    gone = DeviceRevoked(account("adam"), device("adam"), (), b"")
    room.write("adam/2", gone, room.heads)
    admit(room, "bob/2", "gus", invite, known)
    admit(room, "bob", "greta", invite)
    assert room.standing("gina") is Standing.MEMBER
    assert room.standing("gus") is room.standing("greta") is Standing.REMOVED
    assert room.membership().refusal(invite, KEY, account("gus")) is Refusal.REVOKED
    again = room.write("adam/2", Invite(KEY, 5, 1), room.heads)
    admit(room, "bob", "greta", again)
    assert room.standing("greta") is Standing.MEMBER


def test_who_came_too_late_is_not_let_in_once_more_by_the_same_invitation():
    room, invite = party(uses=1)
    known = room.heads
    one = admit(room, "bob", "gina", invite, known)
    other = admit(room, "mallory", "gus", invite, known)
    late = account("gina" if other < one else "gus")
    assert room.membership().refusal(invite, KEY, late) is Refusal.USED_UP


def test_a_removal_that_turns_out_void_ends_no_invitation_in_whatever_order_that_comes():
    """Anna removes Mallory, beside an admission; and might not, an owner says, or her device."""
    ends = (
        ("olga", SetStanding(account("anna"), Standing.MEMBER)),
        ("anna/2", DeviceRevoked(account("anna"), device("anna"), (), b"")),
    )
    for writer, end in ends:
        room = crew()
        room.set("olga", "anna", Standing.ADMIN)
        for name in ("bob", "mallory"):
            room.set("olga", name, Standing.MEMBER)
        invite = room.write("olga", Invite(KEY, 5, 0), room.heads)
        known = room.heads
        begun = range(len(room.ops))
        admit(room, "bob", "gina", invite, known)
        room.write("anna", SetStanding(account("mallory"), Standing.REMOVED), known)
        room.write(writer, end, known)
        for order in permutations(range(len(room.ops) - 3, len(room.ops))):
            assert members_after(room, *begun, *order) == {"gina"}


def test_who_comes_and_goes_takes_one_place_and_leaves_nobody_without_a_say():
    room, invite = party(uses=2)
    admit(room, "bob", "gina", invite)
    room.leave("gina")
    admit(room, "bob", "gina", invite)
    assert room.membership().refusal(invite, KEY, account("gus")) is None
    admit(room, "bob", "gus", invite)
    membership = room.membership()
    assert account("gus") in membership.members()
    assert membership.admits(account("gus"), membership.heads(8)), "what it says is taken"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_who_is_told_that_there_is_a_place_is_let_in_with_a_say(count: int):
    """Though others were let in beside the leaving of who let them in, which are in no more."""
    room, invite = party(uses=2)
    known = room.heads
    room.write("mallory", Leave(), known)
    for number in range(count):
        beside = Admission(account(f"friend {number}"), invite, KEY, b"")
        room.fork("mallory", beside, None, known)
    refusal = room.membership().refusal(invite, KEY, account("gina"))
    assert refusal is (None if count < 2 else Refusal.USED_UP)
    admit(room, "bob", "gina", invite)
    membership = room.membership()
    assert (account("gina") in membership.members()) is (refusal is None)
    assert membership.admits(account("gina"), membership.heads(8)) is (refusal is None)


def leaves(room: Assembly) -> OpId:
    return room.leave("anna")


def is_member(room: Assembly) -> OpId:
    return room.set("olga", "anna", Standing.MEMBER)


def is_banned(room: Assembly) -> OpId:
    return room.set("olga", "anna", Standing.BANNED)


@pytest.mark.parametrize("falls", [leaves, is_member, is_banned])
def test_who_was_an_admin_ends_no_invitation_when_it_knows_that_it_is_none(falls):
    room, _ = party(uses=5)
    room.set("olga", "anna", Standing.ADMIN)
    room.set("olga", "adam", Standing.ADMIN)
    fall = falls(room)
    invite = room.write("olga", Invite(KEY, 5, 0), room.heads)
    admit(room, "bob", "gina", invite)
    room.write("anna", SetStanding(account("nobody"), Standing.REMOVED), (fall,))
    later = room.write("adam", Invite(KEY, 5, 0), room.heads)
    admit(room, "bob", "gus", later)
    assert {account("gina"), account("gus")} <= room.standings().keys()
    assert room.membership().refusal(later, KEY, account("greta")) is None


@pytest.mark.parametrize("whom", ["olga", "anna"])
def test_an_admin_ends_no_invitation_by_removing_whom_it_may_not(whom: str):
    room, _ = party()
    room.set("olga", "anna", Standing.ADMIN)
    known = room.heads
    invite = room.write("olga", Invite(KEY, 5, 0), room.heads)
    admit(room, "bob", "gina", invite)
    room.write("adam", SetStanding(account(whom), Standing.REMOVED), known)
    assert account("gina") in room.standings()
    assert room.membership().refusal(invite, KEY, account("gus")) is None


def test_who_left_and_was_made_admin_again_ends_invitations_as_others_do():
    room, invite = party(uses=5)
    room.set("olga", "anna", Standing.ADMIN)
    room.leave("anna")
    known = room.heads
    room.set("olga", "anna", Standing.ADMIN)
    room.set("anna", "mallory", Standing.REMOVED)
    admit(room, "bob", "gina", invite, known)
    assert room.standing("gina") is Standing.REMOVED


def test_a_leaving_that_turns_out_void_keeps_no_removal_from_ending_invitations():
    """Anna's phone left, and her laptop, which revokes it, rules on: in any order."""
    room, invite = party(uses=5)
    known = room.heads
    grant = room.set("olga", "anna", Standing.ADMIN)
    gone = room.write("anna/phone", Leave(), (grant,))
    room.write("anna", SetStanding(account("mallory"), Standing.REMOVED), (gone,))
    admit(room, "bob", "gina", invite, known)
    room.write("anna/2", DeviceRevoked(account("anna"), device("anna/phone"), (), b""), (grant,))
    for last in range(len(room.ops) - 3, len(room.ops)):
        order = [op for op in room.ops if op is not room.ops[last]] + [room.ops[last]]
        membership = Membership(room.genesis)
        for op in order:
            if all(id in membership for id in op.parents):
                membership.add(op)
                membership.members()
        assert len(membership) == len(room.ops)
        assert account("gina") not in membership.members()
        assert account("mallory") not in membership.members()


def test_guests_who_let_in_each_other_on_the_side_make_nobody_show_it():
    room, invite = party(uses=4)
    known, guests = room.heads, [f"guest {number}" for number in range(4)]
    firsts = [admit(room, "mallory", guest, invite, known) for guest in guests]
    assert room.membership().unseen(account("adam"))
    room.write("adam", Link(), room.heads)
    for guest, first in zip(guests, firsts, strict=True):
        for other in guests:
            again = Admission(account(other), invite, KEY, b"")
            room.fork(guest, again, None, (first,)) if other != guest else None
    membership = room.membership()
    assert {account(guest) for guest in guests} <= membership.members().keys()
    assert not membership.unseen(account("adam"))
    assert not membership.unseen(account("olga"))


def test_who_comes_back_by_a_link_is_shown_again():
    room, invite = party(uses=2)
    admit(room, "bob", "gina", invite)
    room.write("adam", Link(), room.heads)
    room.leave("gina")
    assert not room.membership().unseen(account("adam"))
    admit(room, "bob", "gina", invite)
    assert room.membership().unseen(account("adam"))
    assert not room.membership().unseen(account("bob")), "who gave none has nothing to show"
