"""The table of peers knows who subscribes to what, within bounds."""

from __future__ import annotations

import pytest

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.peers import PeerTable


@pytest.fixture
def table():
    return PeerTable(GossipConfig(peers_max=3, topics_per_peer_max=3, subscriptions_max=5))


@pytest.fixture
def add(table, named):
    def add(name: str):
        assert table.add(named(name), outbound=False)
        return table.get(named(name))

    return add


def test_a_full_table_takes_nobody(table, named, add):
    for name in "bob", "carol", "dave":
        add(name)
    assert not table.add(named("erin"), outbound=True)
    assert named("erin") not in table
    assert [peer.id for peer in table] == [named("bob"), named("carol"), named("dave")]


def test_subscribers_are_known_by_topic_in_the_order_they_came(table, named, add):
    bob, carol = add("bob"), add("carol")
    table.subscribe(carol, "room", is_ours=False)
    table.subscribe(bob, "room", is_ours=False)
    assert list(table.subscribers("room")) == [named("carol"), named("bob")]
    assert list(table.subscribers("hall")) == []
    table.unsubscribe(carol, "room")
    assert list(table.subscribers("room")) == [named("bob")]


def test_who_leaves_takes_its_subscriptions_along(table, named, add):
    bob = add("bob")
    table.subscribe(bob, "room", is_ours=False)
    table.subscribe(bob, "hall", is_ours=False)
    table.remove(bob)
    assert (len(table), table.subscriptions) == (0, 0)
    assert list(table.subscribers("room")) == []
    assert table.get(named("bob")) is None


def test_one_peer_subscribes_to_so_many_topics_and_no_more(table, add):
    bob = add("bob")
    taken = [table.subscribe(bob, str(number), is_ours=True) for number in range(4)]
    assert taken == [True, True, True, False]


def test_strangers_topics_cannot_crowd_out_our_own(table, add):
    bob, carol = add("bob"), add("carol")
    for number in range(3):
        table.subscribe(bob, str(number), is_ours=False)
    taken = [table.subscribe(carol, str(number), is_ours=False) for number in range(3)]
    assert taken == [True, True, False]
    assert table.subscribe(carol, "ours", is_ours=True)
    assert table.subscriptions == 6
