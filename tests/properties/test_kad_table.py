"""The routing table under any history: its order is the true one and its bounds hold."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import Entry, RoutingTable, kad_id, shared_bits
from p2pchat.model.ids import DeviceId
from p2pchat.model.machine import Now

CONFIG = KadConfig(k=4, replacements_max=2)
PEERS = [DeviceId(sha256(bytes([n])).digest()).peer_id for n in range(120)]
OWN = PEERS.pop()

steps = st.lists(
    st.tuples(
        st.sampled_from(["offer", "offer", "offer", "remove"]),
        st.sampled_from(PEERS),
        st.lists(st.sampled_from("abc"), max_size=2, unique=True),
    ),
    max_size=150,
)


def played(history):
    table = RoutingTable(OWN, CONFIG)
    for n, (step, peer, networks) in enumerate(history):
        if step == "remove":
            table.remove(peer)
        else:
            table.offer(Entry(peer, (), tuple(networks), Now(n, n)))
    return table


@given(steps, st.binary(max_size=40) | st.sampled_from([OWN, *PEERS]), st.integers(0, 30))
def test_the_closest_are_what_sorting_everything_would_say(history, key, count):
    table, place = played(history), kad_id(key)
    by_distance = sorted(table, key=lambda entry: entry.place ^ place)
    assert table.closest(place, count) == by_distance[:count]


@given(steps)
def test_buckets_and_networks_stay_within_their_limits(history):
    table = played(history)
    buckets = Counter(shared_bits(kad_id(OWN), entry.place) for entry in table)
    assert max(buckets.values(), default=0) <= CONFIG.k
    assert len(table) == len({entry.peer for entry in table})
    assert all(table.get(entry.peer) is entry for entry in table)


@given(steps)
def test_an_emptied_table_has_forgotten_everything(history):
    table = played(history)
    while len(table):
        for entry in list(table):
            table.remove(entry.peer)
    for network, peer in zip("aabbcc", PEERS, strict=False):
        table.offer(Entry(peer, (), (network,), Now(0, 0)))
    assert len(table) == 6
