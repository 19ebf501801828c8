"""A thousand Kademlia machines in one event queue: lookups find, values stay, crowds fail.

The larger and slower runs are `benchmarks.simulation`'s. As a script it prints the hash of
everything a small network said: `test_kad_scale.py SEED SIZE`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from statistics import mean

import pytest

from benchmarks.simulation.dht import met_among_liars, met_in_a_crowd
from benchmarks.simulation.swarm import Swarm, grown
from benchmarks.simulation.villains import corrupt, surround
from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    FindPeer,
    FindProviders,
    FoundPeer,
    GetValue,
    Provide,
    PutValue,
)
from p2pchat.testing.litter import seldom_collected

CONFIG = KadConfig()
ROOT = Path(__file__).parents[2]


def found_peers(swarm: Swarm, lookups: int) -> list[FoundPeer]:
    """Random living nodes look for random living nodes that they are not connected with."""
    found = []
    for _ in range(lookups):
        seeker, target = swarm.random.sample(swarm.living, 2)
        swarm.disconnect(seeker, target)
        outcome = swarm.call(seeker, lambda id, peer=target.peer: FindPeer(id, peer))
        found.append(outcome.value)
    return found


def values_read_back(swarm: Swarm, keys: int, readers: int = 4) -> float:
    """Which share of reads gives what was put before."""
    right = 0
    for n in range(keys):
        key, value = f"/test/{n}/{swarm.now_s}".encode(), f"value {n}".encode()
        writer = swarm.random.choice(swarm.living)
        put = swarm.call(writer, lambda id, k=key, v=value: PutValue(id, k, v))
        assert put.value >= CONFIG.k / 2
        for reader in swarm.random.sample(swarm.living, readers):
            read = swarm.call(reader, lambda id, k=key: GetValue(id, k, 1))
            right += read.value.value == value
    return right / (keys * readers)


@pytest.fixture(scope="module", autouse=True)
def seldom() -> Generator[None]:
    with seldom_collected():
        yield


@pytest.fixture(scope="module")
def thousand() -> Swarm:
    """A thousand nodes; the tests below use it in their order, from calm to worse."""
    return grown(1, 1000)


def test_a_thousand_nodes_know_their_part_of_the_network(thousand):
    tables = [node.machine.statistics().table for node in thousand.living]
    assert min(tables) >= CONFIG.k
    assert thousand.queries / len(tables) < 100
    for node in thousand.random.sample(thousand.living, 30):
        known = {entry.peer for entry in node.machine._peers.table}
        place = kad_id(node.peer)
        neighbours = sorted(thousand.nodes, key=lambda peer, p=place: kad_id(peer) ^ p)
        assert len(known.intersection(neighbours[1 : CONFIG.k + 1])) >= CONFIG.k - 2


def test_every_peer_of_a_thousand_is_found_in_a_few_hops(thousand):
    found = found_peers(thousand, 200)
    assert all(peer.is_connected for peer in found)
    assert mean(peer.hops for peer in found) < 3
    assert max(peer.hops for peer in found) >= 2
    assert mean(peer.asked for peer in found) < 12


def test_values_and_providers_are_found_by_everybody(thousand):
    assert values_read_back(thousand, 20) == 1
    providers = thousand.random.sample(thousand.living, 3)
    for provider in providers:
        assert thousand.call(provider, lambda id: Provide(id, b"room")).value == CONFIG.k
    for seeker in thousand.random.sample(thousand.living, 20):
        found = thousand.call(seeker, lambda id: FindProviders(id, b"room")).value
        told = {provider.peer: provider for provider in found.providers}
        assert all(told[p.peer] == p.contact for p in providers if p is not seeker)


def test_a_fifth_of_a_thousand_may_vanish_at_once(thousand):
    put = {}
    for n in range(10):
        key = f"/test/before/{n}".encode()
        put[key] = thousand.random.choice(thousand.living)
        thousand.call(put[key], lambda id, k=key: PutValue(id, k, b"1"))
    for node in thousand.random.sample(thousand.living, 200):
        node.is_up = False
    found = found_peers(thousand, 100)
    assert all(peer.is_connected for peer in found)
    for key in put:
        reader = thousand.random.choice(thousand.living)
        read = thousand.call(reader, lambda id, k=key: GetValue(id, k, 1)).value
        assert read.value == b"1"
    assert values_read_back(thousand, 5) == 1


@pytest.mark.parametrize("kind", ["eclipsing", "inventing", "silent", "forgetful"])
def test_a_third_that_means_ill_hides_little(kind):
    swarm = grown(2, 150)
    corrupt(swarm, 0.3, [kind])
    assert values_read_back(swarm, 20) >= 0.98


def test_a_third_that_invents_providers_hides_no_real_one():
    met = met_among_liars(150, 0.3)
    assert met.found >= 0.98
    assert met.none == 0


@pytest.mark.parametrize(("size", "networks"), [(20, 10), (100, 1)])
def test_a_hundred_ids_made_to_surround_a_key_hide_no_provider(size, networks):
    met = met_in_a_crowd(size, networks)
    assert met.found >= 0.95
    assert met.none == 0


@pytest.mark.parametrize("is_put_before", [True, False], ids=["before", "during"])
@pytest.mark.parametrize(("size", "networks"), [(20, 1), (20, 10), (100, 1)])
def test_a_hundred_ids_made_to_surround_a_key_do_not_hide_it(size, networks, is_put_before):
    right = 0
    for seed in range(4):
        swarm = grown(seed, size)
        key, value = b"/test/key", b"1"
        writer, *readers = swarm.random.sample(swarm.living, 6)
        if is_put_before:
            swarm.call(writer, lambda id, k=key: PutValue(id, k, b"1"))
        surround(swarm, key, 100, networks)
        if not is_put_before:
            swarm.call(writer, lambda id, k=key: PutValue(id, k, b"1"))
        for reader in readers:
            read = swarm.call(reader, lambda id, k=key: GetValue(id, k, 1)).value
            right += read.value == value
    assert right / 20 >= 0.95


def test_the_same_seed_says_the_same_whatever_the_hash_seed():
    traces = set()
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, __file__, "7", "40"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        )
        traces.add(run.stdout)
    assert len(traces) == 1
    assert traces != {print_trace(8, 40)}


def print_trace(seed: int, size: int) -> str:
    swarm = grown(seed, size)
    found_peers(swarm, 10)
    values_read_back(swarm, 3)
    return f"{swarm.trace.hexdigest()}\n"


if __name__ == "__main__":
    sys.stdout.write(print_trace(int(sys.argv[1]), int(sys.argv[2])))
