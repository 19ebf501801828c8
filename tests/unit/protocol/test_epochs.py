"""Which epoch is sealed with, which ones open, and who opens the next."""

from __future__ import annotations

import pytest

from p2pchat.model.control import Epoch, SetStanding, Standing
from p2pchat.model.conversation import epoch_commitment
from p2pchat.model.ids import OpId
from p2pchat.model.machine import Now
from p2pchat.protocol.epochs import EARLY_MAX, EPOCH_MS_MAX, EPOCHS_MAX, PATIENCE_FACTOR_MAX, Epochs
from p2pchat.protocol.membership import Membership
from tests.unit.protocol.assembly import DEPS, Assembly, account, crew
from tests.unit.protocol.people import WALL_MS, digest

NOW = Now(WALL_MS, 0.0)
LATER = Now(WALL_MS + EPOCH_MS_MAX + 1, 0.0)


def secret(name: str) -> bytes:
    return digest(f"secret {name}")


class Scene:
    """A room whose control ops are all here."""

    def __init__(self, *owners: str) -> None:
        self.room: Assembly = crew(*owners)
        self.membership: Membership = self.room.membership()
        self.epochs = Epochs(self.membership)

    def opened(self, name: str, by: str = "olga", deps: tuple[OpId, ...] | None = None) -> OpId:
        known = self.membership.heads(DEPS) if deps is None else deps
        id = self.room.write(by, Epoch(epoch_commitment(secret(name))), known)
        self.catch_up()
        return id

    def said(self, whom: str, standing: Standing, by: str = "olga") -> OpId:
        id = self.room.write(by, SetStanding(account(whom), standing), self.membership.heads(DEPS))
        self.catch_up()
        return id

    def catch_up(self) -> None:
        for op in self.room.ops:
            self.membership.add(op)

    def learn(self, *names: str) -> list[OpId]:
        return [key.op for key in self.epochs.learn(map(secret, names), NOW)]

    def sends(self) -> OpId | None:
        key = self.epochs.sending()
        return key.op if key is not None else None


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_secret_belongs_to_the_epoch_that_commits_to_it(scene):
    first = scene.opened("first")
    assert scene.sends() is None
    assert scene.learn("first") == [first]
    assert scene.sends() == first
    assert scene.epochs.shown_to_members() == (secret("first"),)


def test_a_secret_is_news_once(scene):
    scene.opened("first")
    assert scene.learn("first", "first")
    assert scene.learn("first") == []
    assert len(scene.epochs.keys) == 1


def test_a_secret_may_come_before_its_epoch(scene):
    assert scene.learn("first") == []
    first = scene.opened("first")
    assert [key.op for key in scene.epochs.settle(NOW)] == [first]
    assert scene.epochs.settle(NOW) == []


def test_a_few_secrets_of_nothing_are_kept(scene):
    scene.learn("first", *(f"nothing {number}" for number in range(EARLY_MAX)))
    scene.opened("first")
    scene.opened(f"nothing {EARLY_MAX - 1}")
    assert len(scene.epochs.settle(NOW)) == 1


def test_of_several_new_ones_the_smallest_sends_and_all_open():
    scene = Scene("oscar")
    known = scene.membership.heads(DEPS)
    both = [scene.opened("one", "olga", known), scene.opened("other", "oscar", known)]
    scene.learn("other")
    assert scene.sends() == both[1], "of those that we know"
    scene.learn("one")
    assert scene.sends() == min(both)
    assert {key.op for key in scene.epochs.keys} == set(both)


def test_one_that_follows_another_sends_whatever_its_id(scene):
    ops = [scene.opened(f"epoch {number}") for number in range(8)]
    scene.learn(*(f"epoch {number}" for number in range(8)))
    assert scene.sends() == ops[-1] != min(ops)
    assert scene.epochs.shown_to_members()[0] == secret("epoch 7")


def test_what_an_admin_opens_beyond_all_bounds_is_forgotten_again_and_no_news(scene):
    names = [f"epoch {number}" for number in range(EPOCHS_MAX + 3)]
    ops = [scene.opened(name) for name in names]
    scene.learn(*names[: EPOCHS_MAX + 2])
    assert [key.op for key in scene.epochs.expire(NOW)] == ops[:2]
    scene.learn(names[-1], names[0])
    assert {key.op for key in scene.epochs.expire(LATER)} == {ops[0], ops[2]}
    assert scene.sends() == ops[-1]


def test_one_that_somebody_knows_who_shall_read_no_more_is_replaced(scene):
    scene.opened("first")
    scene.learn("first")
    scene.epochs.doubt()
    assert scene.epochs.is_wanted(account("olga"))
    assert scene.sends() is not None, "until then it is used"
    second = scene.opened("second")
    assert not scene.epochs.is_wanted(account("olga"))
    scene.learn("second")
    assert scene.sends() == second


def test_an_exclusion_ends_an_epoch_which_opens_what_was_sealed_before(scene):
    first = scene.opened("first")
    scene.learn("first")
    scene.said("bob", Standing.MEMBER)
    scene.said("bob", Standing.REMOVED)
    assert scene.sends() is None
    assert scene.epochs.shown_to_members() == ()
    assert [key.op for key in scene.epochs.keys] == [first]


def test_whoever_may_opens_an_epoch_when_none_is_usable(scene):
    scene.said("adam", Standing.ADMIN)
    scene.said("bob", Standing.MEMBER)
    wanted = {name: scene.epochs.is_wanted(account(name)) for name in ("olga", "adam", "bob")}
    assert wanted == {"olga": True, "adam": True, "bob": False}
    scene.opened("first")
    assert not scene.epochs.is_wanted(account("olga")), "though we may not know its secret"


def test_secrets_that_are_of_no_use_are_forgotten_after_thirty_days(scene):
    scene.said("bob", Standing.MEMBER)
    first = scene.opened("first")
    scene.learn("first")
    scene.said("bob", Standing.BANNED)
    second = scene.opened("second")
    scene.learn("second")
    assert scene.epochs.expire(NOW) == []
    assert [key.op for key in scene.epochs.expire(LATER)] == [first]
    assert [key.op for key in scene.epochs.keys] == [second]


def test_only_so_many_secrets_are_kept_and_those_in_use_always(scene):
    names = [f"epoch {number}" for number in range(EPOCHS_MAX + 3)]
    ops = []
    for name in names:
        scene.said(name, Standing.MEMBER)
        scene.said(name, Standing.REMOVED)
        ops.append(scene.opened(name))
        scene.learn(name)
    assert len(scene.epochs.expire(NOW)) == 3
    assert len(scene.epochs.keys) == EPOCHS_MAX
    assert scene.sends() == ops[-1]


def test_what_was_restored_is_as_it_was(scene):
    scene.opened("first")
    [key] = scene.epochs.learn([secret("first")], NOW)
    again = Epochs(scene.membership)
    again.restore(key, WALL_MS)
    assert again.sending() == key


def test_the_more_often_an_epoch_of_ours_was_of_no_use_the_longer_others_have(scene):
    waits = []
    for _ in range(14):
        waits.append(scene.epochs.patience())
        assert scene.epochs.patience() is None, "that is awaited already"
        scene.epochs.waited()
        scene.epochs.tried()
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == waits[-1] == PATIENCE_FACTOR_MAX
    scene.epochs.rest()
    assert scene.epochs.patience() == 1
