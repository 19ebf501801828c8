"""Who was put out of a room changes nothing of it, whatever it writes and however it dates that."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.control import Admission, Invite, Standing
from tests.properties.test_membership import (
    GUESTS,
    OWNERS,
    SEEDS,
    STORIES,
    anything,
    details,
    history,
    known_to,
)
from tests.unit.protocol.assembly import account, crew, device


@STORIES
@given(SEEDS, st.integers(1, 30))
def test_nothing_that_an_excluded_account_writes_later_changes_the_room(seed: int, length: int):
    """It knows all but the key of a link, lies about what it knew, and forks its chains."""
    rng = Random(seed)
    room = history(rng, length)
    for owner in OWNERS:  # each names what it has of Mallory's
        room.set(f"{owner}/3", "mallory", Standing.BANNED)
    invite = room.write("olga/3", Invite(b"new key", 3, 0), room.heads)
    for guest in GUESTS[:2]:
        room.write("oscar/3", Admission(account(guest), invite, b"new key", b""), room.heads)
    before = room.standings()
    refusal = room.membership().refusal(invite, b"new key", account(GUESTS[2]))
    is_in = {account(guest) for guest in GUESTS[:2]} <= before.keys()
    assert is_in is (refusal is None)
    expected = room.membership().epochs()
    said = details(room.membership())
    for _ in range(20):
        deps = known_to(rng, room)
        control = anything(rng, room, "mallory", deps)
        name = rng.choice(("mallory", "mallory/2"))
        if rng.random() < 0.5:
            own = [op.id for op in room.ops if op.device == device(name)]
            room.fork(name, control, rng.choice([*own, None]), deps)
        else:
            room.write(name, control, deps)
    later = room.write("oscar/3", Invite(b"new key", 1, 0), room.heads)
    for one in (invite, later):
        assert room.membership().refusal(one, b"new key", account(GUESTS[2])) is refusal
    assert room.standings() == before
    assert room.membership().epochs() == expected
    assert details(room.membership()) == said


@STORIES
@given(SEEDS)
def test_who_an_admin_removed_ends_no_epoch_and_changes_nobody(seed: int):
    """With devices and branches as many as it likes, in knowledge of its admission alone."""
    rng = Random(seed)
    room = crew("oscar")
    room.set("olga", "adam", Standing.ADMIN)
    room.set("adam", "mallory", Standing.MEMBER)
    room.set("adam", "bob", Standing.MEMBER)
    for number in range(rng.randint(0, 3)):
        room.write(f"mallory/{number}", anything(rng, room, "mallory", room.heads), room.heads)
    room.set("adam", "mallory", Standing.REMOVED)
    room.open_epoch("adam")
    before, expected = room.standings(), room.membership().epochs()
    assert expected
    for _ in range(20):
        deps, name = known_to(rng, room), f"mallory/{rng.randint(0, 4)}"
        own = [op.id for op in room.ops if op.device == device(name)]
        room.fork(name, anything(rng, room, "mallory", deps), rng.choice([*own, None]), deps)
    assert room.standings() == before
    assert room.membership().epochs() == expected
