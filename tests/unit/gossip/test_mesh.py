"""Meshes are filled, cut back and left, and a back-off is kept on both sides."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.errors import ConfigError
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.mesh import Backoffs, Changes, Fanout, Graft, Mesh
from p2pchat.gossip.peers import PeerTable

ROOM = "room"
CONFIG = GossipConfig()


class World:
    def __init__(self, named) -> None:
        self.table = PeerTable(CONFIG)
        self.mesh = Mesh(CONFIG, Random(1), self.table)
        self.named = named

    def subscribe(self, count: int, prefix: str = "peer", *, outbound: bool = False):
        peers = [self.named(f"{prefix}{number}") for number in range(count)]
        for peer in peers:
            self.table.add(peer, outbound=outbound)
            self.table.subscribe(self.table.get(peer), ROOM, is_ours=True)
        return peers

    @property
    def members(self):
        return list(self.mesh.members(ROOM))


@pytest.fixture
def world(named):
    return World(named)


def test_joining_takes_six_of_many_subscribers(world):
    world.subscribe(20)
    grafted = world.mesh.join(ROOM, (), 0.0)
    assert len(grafted) == CONFIG.mesh_size
    assert world.members == grafted
    assert ROOM in world.mesh
    assert list(world.mesh) == [ROOM]


def test_joining_takes_all_of_few_subscribers_preferred_ones_first(world):
    peers = world.subscribe(5)
    assert world.mesh.join(ROOM, peers[3:], 0.0)[:2] == peers[3:]
    assert set(world.members) == set(peers)


def test_joining_passes_over_peers_in_back_off_even_preferred_ones(world):
    peers = world.subscribe(5)
    world.mesh.backoffs.extend(ROOM, peers[0], 100.0)
    world.mesh.backoffs.extend(ROOM, peers[1], 100.0)
    assert set(world.mesh.join(ROOM, peers[:1], 0.0)) == set(peers[2:])


def test_leaving_names_the_members_and_backs_off_for_a_short_time(world):
    peers = world.subscribe(3)
    world.mesh.join(ROOM, (), 0.0)
    assert set(world.mesh.leave(ROOM, 1.0)) == set(peers)
    assert ROOM not in world.mesh
    assert world.members == []
    assert world.mesh.join(ROOM, (), 10.9) == []
    world.mesh.leave(ROOM, 10.9)
    assert world.mesh.join(ROOM, (), 12.9) == []
    world.mesh.leave(ROOM, 12.9)
    assert set(world.mesh.join(ROOM, (), 13.0)) == set(peers), "10 s and 2 s of slack are over"


def test_a_live_view_of_a_mesh_that_was_left_is_empty(world):
    world.subscribe(3)
    world.mesh.join(ROOM, (), 0.0)
    view = world.mesh.members(ROOM)
    world.mesh.leave(ROOM, 0.0)
    assert list(view) == []


def test_a_graft_is_accepted_once_and_again(world):
    world.mesh.join(ROOM, (), 0.0)
    (bob,) = world.subscribe(1)
    assert world.mesh.admit(ROOM, bob, 0.0) is Graft.ACCEPTED
    assert world.mesh.admit(ROOM, bob, 0.0) is Graft.ACCEPTED
    assert world.members == [bob]


def test_a_full_mesh_refuses_strangers_and_accepts_whom_we_dialled(world):
    world.mesh.join(ROOM, (), 0.0)
    *first, late = world.subscribe(13)
    for peer in first:
        world.mesh.admit(ROOM, peer, 0.0)
    (dialled,) = world.subscribe(1, "dialled", outbound=True)
    assert world.mesh.admit(ROOM, late, 0.0) is Graft.FULL
    assert world.mesh.admit(ROOM, dialled, 0.0) is Graft.ACCEPTED
    assert world.mesh.admit(ROOM, late, 59.0) is Graft.TOO_SOON, "a refusal begins a back-off"


def test_a_graft_in_back_off_is_refused_and_prolongs_it(world):
    (bob,) = world.subscribe(1)
    world.mesh.join(ROOM, (), 0.0)
    world.mesh.expelled(ROOM, bob, 10, 0.0)
    assert world.mesh.admit(ROOM, bob, 9.9) is Graft.TOO_SOON
    assert world.mesh.admit(ROOM, bob, 69.8) is Graft.TOO_SOON
    assert world.mesh.admit(ROOM, bob, 130.0) is Graft.ACCEPTED


@pytest.mark.parametrize(("asked_s", "kept_s"), [(0, 60), (10, 10), (2**64 - 1, 3600)])
def test_who_prunes_us_says_for_how_long_within_an_hour(world, asked_s, kept_s):
    (bob,) = world.subscribe(1)
    world.mesh.join(ROOM, (), 0.0)
    world.mesh.expelled(ROOM, bob, asked_s, 0.0)
    assert world.members == []
    assert world.mesh.backoffs.holds(ROOM, bob, kept_s - 0.1)
    assert not world.mesh.backoffs.holds(ROOM, bob, kept_s)


def test_a_new_subscriber_is_taken_at_once_while_the_mesh_is_thin(world):
    world.mesh.join(ROOM, (), 0.0)
    peers = world.subscribe(6)
    world.mesh.backoffs.extend(ROOM, peers[0], 60.0)
    assert [world.mesh.offer(ROOM, peer, 0.0) for peer in peers] == [False] + [True] * 4 + [False]
    assert not world.mesh.offer(ROOM, peers[1], 0.0)


def test_who_is_gone_is_dropped_silently(world):
    (bob,) = world.subscribe(1)
    world.mesh.join(ROOM, (), 0.0)
    world.mesh.drop(ROOM, bob)
    world.mesh.drop(ROOM, bob)
    world.mesh.drop("another", bob)
    assert world.members == []
    assert len(world.mesh.backoffs) == 0


def test_a_heartbeat_fills_a_thin_mesh_to_six(world):
    world.mesh.join(ROOM, (), 0.0)
    peers = world.subscribe(20)
    for peer in peers[:3]:
        world.mesh.admit(ROOM, peer, 0.0)
    changes = world.mesh.maintain(ROOM, 1.0)
    assert len(changes.grafted) == 3
    assert changes.pruned == ()
    assert len(world.members) == 6
    assert set(changes.grafted).isdisjoint(peers[:3])


def test_a_heartbeat_leaves_a_mesh_within_its_bounds_alone(world):
    world.mesh.join(ROOM, (), 0.0)
    for peer in world.subscribe(12):
        world.mesh.admit(ROOM, peer, 0.0)
    assert world.mesh.maintain(ROOM, 1.0) == Changes((), ())
    assert len(world.members) == 12


def test_a_heartbeat_cuts_a_thick_mesh_back_and_keeps_two_that_we_dialled(world):
    world.mesh.join(ROOM, (), 0.0)
    strangers = world.subscribe(12)
    dialled = world.subscribe(3, "dialled", outbound=True)
    for peer in [*strangers, *dialled]:
        world.mesh.admit(ROOM, peer, 0.0)
    changes = world.mesh.maintain(ROOM, 1.0)
    assert len(world.members) == 6
    assert len(set(world.members) & set(dialled)) >= 2
    assert set(changes.pruned) == {*strangers, *dialled} - set(world.members)
    assert all(world.mesh.backoffs.holds(ROOM, peer, 60.9) for peer in changes.pruned)


def test_a_heartbeat_adds_peers_that_we_dialled_until_there_are_two(world):
    world.mesh.join(ROOM, (), 0.0)
    for peer in world.subscribe(5):
        world.mesh.admit(ROOM, peer, 0.0)
    dialled = world.subscribe(4, "dialled", outbound=True)
    world.mesh.backoffs.extend(ROOM, dialled[0], 60.0)
    changes = world.mesh.maintain(ROOM, 1.0)
    assert len(changes.grafted) == 2
    assert set(changes.grafted) <= set(dialled[1:])


def test_a_back_off_is_never_shortened(named):
    backoffs = Backoffs(10)
    backoffs.extend(ROOM, named("bob"), 60.0)
    backoffs.extend(ROOM, named("bob"), 10.0)
    assert backoffs.holds(ROOM, named("bob"), 59.9)
    assert not backoffs.holds("another", named("bob"), 0.0)
    assert not backoffs.holds(ROOM, named("carol"), 0.0)


def test_back_offs_are_bounded_and_expire(named):
    backoffs = Backoffs(3)
    for number in range(10):
        backoffs.extend(ROOM, named(str(number)), float(number))
    assert len(backoffs) == 3
    backoffs.expire(7.0)
    assert len(backoffs) == 2
    backoffs.expire(9.0)
    backoffs.expire(9.0)
    assert len(backoffs) == 0


def test_fan_out_chooses_six_and_keeps_them(world, named):
    peers = world.subscribe(20)
    fanout = Fanout(CONFIG, Random(1), world.table)
    chosen = dict(fanout.use(ROOM, 0.0))
    assert len(chosen) == 6
    assert set(chosen) <= set(peers)
    assert dict(fanout.use(ROOM, 1.0)) == chosen == dict(fanout.members(ROOM))
    assert list(fanout) == [ROOM]


def test_fan_out_replaces_who_leaves_and_ends_after_a_minute_without_use(world):
    world.subscribe(20)
    fanout = Fanout(CONFIG, Random(1), world.table)
    gone = next(iter(fanout.use(ROOM, 0.0)))
    fanout.drop(ROOM, gone)
    fanout.drop("another", gone)
    world.table.remove(world.table.get(gone))
    assert len(fanout.members(ROOM)) == 5
    fanout.maintain(59.9)
    assert len(fanout.members(ROOM)) == 6
    assert gone not in fanout.members(ROOM)
    fanout.maintain(60.0)
    assert list(fanout.members(ROOM)) == []


def test_fan_out_hands_its_peers_to_the_mesh(world):
    world.subscribe(3)
    fanout = Fanout(CONFIG, Random(1), world.table)
    chosen = list(fanout.use(ROOM, 0.0))
    assert fanout.end(ROOM) == chosen
    assert fanout.end(ROOM) == []


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ({"mesh_size": 3}, "gossip.mesh_size"),
        ({"mesh_size": 13}, "gossip.mesh_size"),
        ({"mesh_size_min": 0, "mesh_outbound_min": -1}, "gossip.mesh_size"),
        ({"mesh_outbound_min": 4}, "gossip.mesh_outbound_min"),
        ({"mesh_size": 4, "mesh_outbound_min": 3}, "gossip.mesh_outbound_min"),
        ({"gossip_windows": 6}, "gossip.gossip_windows"),
        ({"gossip_windows": 0}, "gossip.gossip_windows"),
        ({"heartbeat_s": 0}, "gossip.heartbeat_s"),
    ],
)
def test_a_mesh_that_cannot_work_is_refused(setting, key):
    with pytest.raises(ConfigError) as refused:
        GossipConfig(**setting)
    assert refused.value.key == key
