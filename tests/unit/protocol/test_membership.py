"""Who may do what in a room follows from its control ops, by the rules of `membership`."""

from __future__ import annotations

from collections import Counter

import pytest

from p2pchat.model.control import (
    Cut,
    DeviceRevoked,
    Epoch,
    Leave,
    Link,
    SetStanding,
    Standing,
    TalkHead,
)
from p2pchat.model.ids import OpId
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.membership import Membership
from tests.unit.protocol.assembly import (
    DEPS,
    Assembly,
    account,
    crew,
    device,
)
from tests.unit.protocol.people import digest

ADMIN, MEMBER, READ_ONLY = Standing.ADMIN, Standing.MEMBER, Standing.READ_ONLY
REMOVED, BANNED = Standing.REMOVED, Standing.BANNED


def counts(room: Assembly, id: OpId) -> bool:
    return room.membership().counts(id)


# Who may do what


def test_owners_are_those_of_the_genesis_and_nobody_else_is_in():
    room = crew("oscar")
    assert room.standings() == {
        account("olga"): Standing.OWNER,
        account("oscar"): Standing.OWNER,
    }
    assert room.standing("mallory") is REMOVED


def test_a_genesis_by_somebody_else_has_no_effect():
    room = crew()
    assert not counts(room, room.write("mallory", room.genesis))


@pytest.mark.parametrize("standing", [ADMIN, MEMBER, READ_ONLY, BANNED])
def test_an_owner_sets_any_standing(standing):
    room = crew()
    room.set("olga", "bob", standing)
    assert room.standing("bob") is standing


def test_an_owner_is_nobodys_to_change():
    room = crew("oscar")
    room.set("olga", "bob", ADMIN)
    for by, whom in (("olga", "oscar"), ("bob", "olga"), ("oscar", "oscar")):
        assert not counts(room, room.set(by, whom, BANNED))
    assert not counts(room, room.leave("olga"))


def test_admins_admit_limit_and_remove_members_and_make_no_admins():
    room = crew()
    room.set("olga", "adam", ADMIN)
    for standing in (MEMBER, READ_ONLY, MEMBER, REMOVED, BANNED, REMOVED, MEMBER):
        room.set("adam", "bob", standing)
        assert room.standing("bob") is standing
    assert not counts(room, room.set("adam", "bob", ADMIN))


def test_admins_cannot_act_on_each_other_or_themselves():
    room = crew()
    room.set("olga", "adam", ADMIN)
    room.set("olga", "anna", ADMIN)
    assert not counts(room, room.set("adam", "anna", REMOVED))
    assert not counts(room, room.set("adam", "adam", MEMBER))


@pytest.mark.parametrize("standing", [MEMBER, READ_ONLY, REMOVED, BANNED])
def test_who_is_no_admin_changes_nobody(standing):
    room = crew()
    room.set("olga", "bob", standing)
    assert not counts(room, room.set("bob", "carol", MEMBER))
    assert not counts(room, room.open_epoch("bob"))
    assert not counts(room, room.set("mallory", "mallory", MEMBER))


def test_members_leave_and_strangers_and_the_banned_do_not():
    room = crew()
    room.set("olga", "bob", READ_ONLY)
    room.set("olga", "carol", BANNED)
    assert counts(room, room.leave("bob"))
    assert room.standing("bob") is REMOVED
    assert not counts(room, room.leave("carol"))
    assert room.standing("carol") is BANNED
    assert not counts(room, room.leave("mallory"))


def test_an_admin_who_left_comes_back_by_an_owner_alone():
    room = crew()
    room.set("olga", "adam", ADMIN)
    room.set("olga", "anna", ADMIN)
    room.leave("adam")
    assert not counts(room, room.set("anna", "adam", MEMBER))
    assert not counts(room, room.set("adam", "bob", MEMBER))
    room.set("olga", "adam", MEMBER)
    assert room.standing("adam") is MEMBER


def test_what_is_not_known_links_and_does_nothing_else():
    room = crew()
    later = room.write("olga", None)
    room.set("olga", "bob", MEMBER, deps=[later])
    assert room.standing("bob") is MEMBER
    assert not counts(room, later)


# At the same time


@pytest.mark.parametrize(
    ("one", "other"),
    [(ADMIN, MEMBER), (MEMBER, READ_ONLY), (READ_ONLY, REMOVED), (REMOVED, BANNED)],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_of_what_is_said_at_once_the_most_restrictive_wins(one, other, is_turned):
    room = crew("oscar")
    before = room.heads
    for owner, standing in zip(("olga", "oscar"), (one, other), strict=True):
        room.set(owner, "bob", standing, deps=before)
    if is_turned:
        room.ops[-2:] = room.ops[:-3:-1]
    assert room.standing("bob") is other


def test_a_later_word_settles_what_was_said_at_once():
    room = crew("oscar")
    before = room.heads
    room.set("olga", "bob", MEMBER, deps=before)
    room.set("oscar", "bob", BANNED, deps=before)
    room.set("olga", "bob", MEMBER)
    assert room.standing("bob") is MEMBER


def test_admins_who_did_not_know_of_each_other_may_both_go_and_stay_so():
    room = crew("oscar")
    before = room.heads
    adam = room.set("olga", "adam", ADMIN, deps=before)
    anna = room.set("oscar", "anna", ADMIN, deps=before)
    one = room.set("adam", "anna", REMOVED, deps=[adam])
    other = room.set("anna", "adam", REMOVED, deps=[anna])
    assert counts(room, one)
    assert counts(room, other)
    assert room.standing("adam") is room.standing("anna") is REMOVED
    assert not counts(room, room.set("adam", "bob", MEMBER))


# After the fact


def test_what_a_demoted_admin_backdates_is_void_and_what_it_did_before_stays():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    before = room.set("adam", "bob", MEMBER)
    room.set("olga", "adam", MEMBER)
    after = room.write("adam", SetStanding(account("mallory"), MEMBER), [start])
    assert counts(room, before)
    assert not counts(room, after)
    assert room.standings().keys() == {account(name) for name in ("olga", "adam", "bob")}


def test_a_backdated_op_that_came_before_the_demotion_counts_until_then():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    demotion = room.set("olga", "adam", REMOVED)
    room.write("adam", SetStanding(account("mallory"), MEMBER), [start])
    early = [op for op in room.ops if op.id != demotion]
    late = [op for op in room.ops if op.id == demotion]
    membership = room.membership(early)
    assert membership.standing(account("mallory")) is MEMBER
    membership.add(late[0])
    assert membership.standing(account("mallory")) is REMOVED
    membership.add(late[0])
    assert len(membership) == len(room.ops)


def test_a_fork_below_the_place_that_was_named_is_void():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    first = room.set("adam", "bob", MEMBER)
    room.set("adam", "carol", MEMBER)
    room.set("olga", "adam", REMOVED)
    forked = room.fork("adam", SetStanding(account("mallory"), MEMBER), first, [start])
    assert not counts(room, forked)
    assert room.standing("carol") is MEMBER


def test_a_device_that_was_not_named_had_written_nothing():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    room.set("adam", "bob", MEMBER)
    room.set("olga", "adam", REMOVED)
    hidden = room.write("adam/2", SetStanding(account("mallory"), MEMBER), [start])
    assert not counts(room, hidden)


def test_who_is_made_admin_again_acts_again_and_what_was_void_stays_void():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    demotion = room.set("olga", "adam", REMOVED)
    void = room.fork("adam", SetStanding(account("mallory"), MEMBER), None, [start])
    again = room.set("olga", "adam", ADMIN, deps=[demotion])
    good = room.write("adam", SetStanding(account("bob"), MEMBER), [again])
    assert not counts(room, void)
    assert counts(room, good)


def test_a_head_that_the_limit_does_not_depend_on_names_nothing():
    """Else it would matter which of the two comes first."""
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    deed = room.write("adam", SetStanding(account("mallory"), MEMBER), [start])
    cut = Cut(device("adam"), (deed,), ())
    room.write("olga", SetStanding(account("adam"), REMOVED, (cut,)), [start])
    assert not counts(room, deed)


def test_what_an_admin_did_on_the_word_of_a_void_op_falls_with_it():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    room.set("olga", "anna", ADMIN)
    admission = room.fork("adam", SetStanding(account("bob"), MEMBER), None, [start])
    going = room.write("bob", Leave(), [admission])
    assert counts(room, going)
    room.set("olga", "adam", REMOVED, deps=[start])
    assert not counts(room, admission)
    assert not counts(room, going)


def test_someone_added_as_a_member_while_made_admin_elsewhere_keeps_what_it_did():
    """Only who was admin can be demoted: a first admission takes nothing away."""
    room = crew("oscar")
    before = room.heads
    start = room.set("olga", "adam", ADMIN, deps=before)
    deed = room.write("adam", SetStanding(account("bob"), MEMBER), [start])
    room.set("oscar", "adam", MEMBER, deps=before)
    assert room.standing("adam") is MEMBER
    assert counts(room, deed)


# Talk


def at(name: str, seq: int, text: str = "") -> Position:
    return Position(device(name), Chain.TALK, seq, OpId(digest(f"{name} talk {seq} {text}")))


def remove_after(room: Assembly, name: str, last: Position | None, standing=REMOVED) -> OpId:
    talk = () if last is None else (TalkHead(last.seq, last.head),)
    cuts = (Cut(device(name), (), talk),)
    return room.write("olga", SetStanding(account(name), standing, cuts), room.heads)


@pytest.mark.parametrize("standing", [READ_ONLY, REMOVED, BANNED])
def test_talk_of_who_was_limited_is_in_time_up_to_the_place_that_was_named(standing):
    room = crew()
    start = room.set("olga", "bob", MEMBER)
    remove_after(room, "bob", at("bob", 3), standing)
    membership = room.membership()

    def in_time(position: Position) -> bool:
        return membership.was_in_time(position, account("bob"), [start])

    assert in_time(at("bob", 2))
    assert in_time(at("bob", 3))
    assert not in_time(at("bob", 3, "another"))
    assert not in_time(at("bob", 4))
    assert not in_time(at("bob/2", 0))


def test_talk_in_knowledge_of_a_limit_is_judged_by_what_was_said_since():
    room = crew()
    room.set("olga", "bob", MEMBER)
    removal = remove_after(room, "bob", None)
    again = room.set("olga", "bob", MEMBER)
    membership = room.membership()
    assert not membership.was_in_time(at("bob", 0), account("bob"), [removal])
    assert membership.was_in_time(at("bob", 0), account("bob"), [again])


def test_talk_of_strangers_and_of_those_who_may_read_alone_is_none():
    room = crew()
    start = room.set("olga", "bob", READ_ONLY)
    membership = room.membership()
    assert not membership.was_in_time(at("bob", 0), account("bob"), [start])
    assert not membership.was_in_time(at("mallory", 0), account("mallory"), [start])
    assert membership.was_in_time(at("olga", 0), account("olga"), [start])


# Epochs


def test_an_epoch_is_usable_while_all_exclusions_lie_in_its_past():
    room = crew()
    room.set("olga", "bob", MEMBER)
    first = room.open_epoch("olga")
    assert set(room.membership().epochs()) == {first}
    removal = room.set("olga", "bob", REMOVED)
    assert room.membership().exclusions() == {removal}
    assert not room.membership().epochs()
    second = room.open_epoch("olga")
    assert set(room.membership().epochs()) == {second}


def test_of_two_epochs_that_do_not_know_of_each_others_removal_none_is_usable():
    room = crew("oscar")
    room.set("olga", "bob", MEMBER)
    known = room.set("olga", "carol", MEMBER)
    one = room.set("olga", "bob", REMOVED, deps=[known])
    room.open_epoch("olga", deps=[one])
    other = room.set("oscar", "carol", BANNED, deps=[known])
    room.open_epoch("oscar", deps=[other])
    assert not room.membership().epochs()
    both = room.open_epoch("oscar")
    assert set(room.membership().epochs()) == {both}


def test_limits_that_leave_reading_alone_need_no_epoch():
    room = crew()
    room.set("olga", "adam", ADMIN)
    first = room.open_epoch("olga")
    room.set("olga", "adam", MEMBER)
    room.set("olga", "adam", READ_ONLY)
    assert set(room.membership().epochs()) == {first}
    room.leave("adam")
    assert not room.membership().epochs()


def test_however_many_epochs_there_are_each_is_judged_once_as_long_as_nobody_comes_or_goes(
    monkeypatch,
):
    room = crew()
    membership, judged = Membership(room.genesis), Counter[str]()
    count_calls(monkeypatch, judged, "_is_usable")
    for _ in range(50):
        room.open_epoch("olga")
        room.write("olga", Link(), [room.ops[-1].id])
    for number, op in enumerate(room.ops):
        membership.add(op)
        assert len(membership.epochs()) <= number
    assert len(membership.epochs()) == judged["_is_usable"] == 50


def test_who_comes_or_goes_is_looked_at_and_nobody_else(monkeypatch):
    room = crew()
    for number in range(50):
        room.set("olga", f"member {number}", MEMBER)
    membership, judged = Membership(room.genesis), Counter[str]()
    count_calls(monkeypatch, judged, "_final")
    for op in room.ops:
        membership.add(op)
        membership.members()
    assert len(membership.members()) > 50
    assert judged["_final"] <= 2 * len(room.ops)


def count_calls(monkeypatch, calls: Counter[str], name: str) -> None:
    whole = getattr(Membership, name)

    def counted(*arguments):
        calls[name] += 1
        return whole(*arguments)

    monkeypatch.setattr(Membership, name, counted)


def test_an_epoch_of_who_was_removed_is_none():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    room.set("olga", "adam", REMOVED)
    backdated = room.write("adam", Epoch(digest("own")), [start])
    assert not room.membership().epochs()
    mended = room.open_epoch("olga")
    assert set(room.membership().epochs()) == {mended}
    assert not counts(room, backdated)


# What a new op says


def crowded() -> Assembly:
    """Bob was let in, and then ten admins wrote at once, each in knowledge of much more."""
    room = crew()
    admins = [f"admin {number}" for number in range(10)]
    start = [room.set("olga", name, ADMIN) for name in admins][-1]
    room.write("admin 0", SetStanding(account("bob"), MEMBER), [start])
    for number, name in enumerate(admins[1:]):
        for again in range(number + 2):
            room.write(name, SetStanding(account(f"guest {again}"), MEMBER), [start])
    return room


def test_a_new_op_depends_on_what_counts_alone():
    room = crew()
    grant = room.set("olga", "bob", MEMBER)
    for number in range(20):
        room.write(f"mallory/{number}", None)
        room.write(f"bob/{number}", SetStanding(account("carol"), ADMIN), [grant])
    assert room.membership().heads(DEPS) == (room.chains["olga"],)


def test_of_too_many_heads_the_one_that_says_what_the_writer_is_comes_first():
    room = crowded()
    membership = room.membership()
    assert room.chains["admin 0"] not in membership.heads(DEPS), "others have more below them"
    heads = membership.heads(DEPS, account("bob"))
    assert heads[0] == room.chains["admin 0"]
    assert len(set(heads)) == DEPS


def test_what_a_chain_knows_already_is_named_by_no_head():
    room = crowded()
    linked = room.write("olga", Link(), room.membership().heads(DEPS))
    membership = room.membership()
    assert counts(room, linked)
    left = membership.heads(DEPS, account("olga"), linked)
    assert len(left) == 2
    last = room.write("olga", Link(), left)
    assert room.membership().heads(DEPS) == (last,)


def test_cuts_name_each_device_with_all_ends_of_what_counts():
    room = crew()
    room.set("olga", "adam", ADMIN)
    first = room.set("adam", "bob", MEMBER)
    trunk = room.set("adam", "carol", MEMBER)
    branch = room.fork("adam", Epoch(digest("own")), first)
    room.write("adam", None)
    talk = {device("adam/2"): Cut(device("adam/2"), (), (TalkHead(4, trunk),))}
    cuts = {cut.device: cut for cut in room.membership().cuts(account("adam"), talk)}
    assert set(cuts[device("adam")].control) == {trunk, branch}
    assert cuts[device("adam/2")].talk == (TalkHead(4, trunk),)


# Who may write at all


def test_ops_are_taken_of_those_whom_somebody_admitted_in_their_own_past():
    room = crew()
    grant = room.set("olga", "adam", ADMIN)
    bob = room.set("adam", "bob", MEMBER)
    claim = room.write("bob", SetStanding(account("mallory"), MEMBER), [bob])
    membership = room.membership()
    assert membership.admits(account("olga"), [])
    assert membership.admits(account("adam"), [grant])
    assert not membership.admits(account("adam"), [room.ops[0].id])
    assert membership.admits(account("bob"), [bob])
    assert not membership.admits(account("mallory"), [claim])


def test_who_was_removed_is_taken_of_still_for_that_may_turn_out_void():
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    room.set("olga", "bob", MEMBER)
    removal = room.fork("adam", SetStanding(account("bob"), REMOVED), None, [*room.heads])
    going = room.write("bob", Leave(), [removal])
    assert room.membership().admits(account("bob"), [removal])
    assert not counts(room, going)
    room.write("olga", SetStanding(account("adam"), REMOVED), [start])
    assert counts(room, going), "who removed Bob had been removed"


# Devices that were revoked


def revoke(room: Assembly, by: str, whose: str, deps=None, talk=()) -> OpId:
    writer = whose.partition("/")[0]
    said = DeviceRevoked(account(writer), device(whose), talk, b"")
    return room.write(by, said, room.heads if deps is None else deps)


@pytest.mark.parametrize("by", ["olga", "adam/2"])
def test_what_was_known_of_a_revoked_device_stays_and_the_rest_is_void(by):
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    before = room.set("adam", "bob", MEMBER)
    said = revoke(room, by, "adam")
    backdated = room.write("adam", SetStanding(account("carol"), MEMBER), [start])
    late = room.write("adam", SetStanding(account("carol"), MEMBER), [said])
    assert counts(room, before)
    assert counts(room, said)
    assert not counts(room, backdated)
    assert not counts(room, late)
    assert room.membership().is_revoked(account("adam"), device("adam"))
    elsewhere = room.write("adam/2", SetStanding(account("carol"), MEMBER), room.heads)
    assert counts(room, elsewhere)


def test_an_owners_device_may_be_revoked_too_and_its_room_goes_on():
    room = crew()
    room.set("olga", "bob", MEMBER)
    revoke(room, "olga/2", "olga")
    stolen = room.fork("olga", SetStanding(account("bob"), BANNED), room.ops[0].id)
    assert not counts(room, stolen)
    assert room.standing("bob") is MEMBER


@pytest.mark.parametrize("by", ["anna", "bob", "adam"])
def test_nobody_else_revokes_a_device_and_none_itself(by):
    room = crew()
    for name in ("adam", "anna"):
        room.set("olga", name, ADMIN)
    said = revoke(room, by, "adam")
    after = room.set("adam", "bob", MEMBER, deps=[said])
    assert not room.membership().is_revoked(account("adam"), device("adam"))
    assert counts(room, after)


def test_a_device_that_two_accounts_claim_is_revoked_of_one():
    room = crew()
    room.set("olga", "mallory", MEMBER)
    said = DeviceRevoked(account("mallory"), device("olga"), (), b"")
    room.write("mallory", said, room.heads)
    assert counts(room, room.set("olga", "bob", MEMBER))


def test_who_was_removed_revokes_nothing_afterwards():
    """Else it could undo what it did while it might."""
    room = crew()
    start = room.set("olga", "adam", ADMIN)
    deed = room.set("adam", "bob", MEMBER)
    room.set("olga", "adam", REMOVED)
    revoke(room, "adam/2", "adam", [start])
    assert counts(room, deed)


def test_a_revoked_device_limited_nobody_after_it_was():
    room = crew("oscar")
    start = room.set("olga", "adam", ADMIN)
    revoke(room, "oscar", "olga")
    room.fork("olga", SetStanding(account("adam"), REMOVED), start)
    assert counts(room, room.write("adam", SetStanding(account("bob"), MEMBER), [start]))


def test_talk_of_a_revoked_device_is_in_time_up_to_the_place_that_was_named():
    room = crew()
    start = room.set("olga", "bob", MEMBER)
    said = revoke(room, "bob/2", "bob", talk=(TalkHead(3, at("bob", 3).head),))
    membership = room.membership()
    for known in (start, said):
        assert membership.was_in_time(at("bob", 3), account("bob"), [known])
        assert not membership.was_in_time(at("bob", 4), account("bob"), [known])
    assert membership.was_in_time(at("bob/2", 9), account("bob"), [start])


# What ends an epoch


def test_who_is_out_ends_no_epoch_by_leaving_again_on_the_side():
    room = crew()
    room.set("olga", "adam", ADMIN)
    grant = room.set("adam", "bob", MEMBER)
    room.set("adam", "bob", REMOVED)
    usable = room.open_epoch("adam")
    for number in range(5):
        assert counts(room, room.write(f"bob/{number}", Leave(), [grant]))
    assert set(room.membership().epochs()) == {usable}


def test_who_was_let_in_after_an_epoch_ends_it_by_going():
    room = crew()
    first = room.open_epoch("olga")
    room.set("olga", "bob", MEMBER)
    assert set(room.membership().epochs()) == {first}
    room.leave("bob")
    assert not room.membership().epochs()


def test_what_may_be_set_now_is_told_before_it_is_written():
    room = crew()
    room.set("olga", "adam", ADMIN)
    room.set("olga", "bob", MEMBER)
    may_set = room.membership().may_set
    assert may_set(account("adam"), account("bob"), REMOVED)
    assert not may_set(account("bob"), account("adam"), REMOVED)
    assert not may_set(account("adam"), account("bob"), ADMIN)
