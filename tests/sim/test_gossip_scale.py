"""Gossip among many: real routers and real RPC bytes, links of an event queue, no I/O.

Run as a program it prints a table of what each size costs (redundancy, hops, CPU per message and
node); run by pytest it asserts what must hold at any size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.simulation.crowd import ROOM, Crowd, chat, settled
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.vocabulary import Misbehaved

ROOT = Path(__file__).parents[2]


def assert_delivered_once(simulation: Crowd, data: list[bytes]) -> None:
    assert simulation.missing(data) == 0
    assert all(set(node.heard.values()) <= {1} for node in simulation.nodes.values())
    assert simulation.punished == []


@pytest.mark.parametrize(("count", "degree"), [(10, 18), (50, 8), (200, 8)])
def test_every_message_reaches_every_node_once_with_bounded_redundancy(
    count, degree, record_property
):
    simulation = settled(count, degree)
    assert simulation.is_connected()
    data = chat(simulation, 60)
    simulation.run(2)
    assert_delivered_once(simulation, data)
    redundancy = simulation.counts("duplicates") / simulation.counts("delivered")
    record_property("redundancy", round(redundancy, 2))
    assert redundancy < GossipConfig().mesh_size
    assert max(simulation.latencies_s) < 0.5, "the meshes alone deliver; asking takes longer"


def test_meshes_come_to_rest_within_their_bounds():
    config = GossipConfig()
    simulation = settled(50, 10)
    simulation.run(10)
    before = {id: node.router.mesh(ROOM) for id, node in simulation.nodes.items()}
    assert min(simulation.meshes()) >= config.mesh_size_min
    assert max(simulation.meshes()) <= config.mesh_size_max
    simulation.sent_rpcs = 0
    simulation.run(30)
    assert {id: node.router.mesh(ROOM) for id, node in simulation.nodes.items()} == before
    assert simulation.sent_rpcs == 0, "an idle room is silent"
    for id, mesh in before.items():
        assert all(id in before[member] for member in mesh), "a mesh link has two sides"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_when_a_fifth_of_the_nodes_vanish_all_others_still_hear_everything(seed):
    simulation = settled(50, 10, seed)
    data = chat(simulation, 20)
    for id in simulation.random.sample(list(simulation.nodes), 10):
        simulation.vanish(id)
    assert simulation.is_connected()
    lost_time = chat(simulation, 40)
    simulation.run(8)
    data += chat(simulation, 20)
    simulation.run(8)
    assert_delivered_once(simulation, [*lost_time, *data[20:]])
    assert min(simulation.meshes()) >= min(4, min(len(n.links) for n in simulation.nodes.values()))


def test_a_node_that_joins_hears_what_is_said_two_seconds_later():
    simulation = settled(50, 8)
    newcomer = simulation.add(1000, 4)
    simulation.run(2)
    data = chat(simulation, 20)
    simulation.run(2)
    assert all(simulation.nodes[newcomer].heard[item] == 1 for item in data)


def test_nodes_that_forward_nothing_are_routed_around():
    """A third of all nodes are in the meshes and keep everything to themselves."""
    simulation = settled(60, 10)
    for id in simulation.random.sample(list(simulation.nodes), 20):
        simulation.nodes[id].is_censor = True
    honest = [id for id, node in simulation.nodes.items() if not node.is_censor]
    data = []
    for number in range(40):
        data.append(simulation.publish(simulation.random.choice(honest), f"{number}"))
        simulation.run(0.1)
    simulation.run(8)
    lacking = sum(item not in simulation.nodes[id].heard for id in honest for item in data)
    assert lacking == 0


def test_peers_behind_one_address_are_not_judged_as_one():
    """A router is told no address. Nobody is punished for a neighbour who sends rubbish."""
    simulation = settled(30, 10)
    villain, *honest = simulation.nodes
    for id in honest:
        if villain in simulation.nodes[id].links:
            for _ in range(3):
                simulation._put(id, Misbehaved(villain))
    simulation.run(0.1)
    data = []
    for number in range(20):
        data.append(simulation.publish(simulation.random.choice(honest), f"{number}"))
        simulation.run(0.05)
    simulation.run(8)
    assert {punish.peer for punish in simulation.punished} == {villain}
    assert all(item in simulation.nodes[id].heard for id in honest for item in data)


def test_a_burst_of_a_thousand_reaches_a_room_of_ten():
    simulation = settled(10, 18)
    author = next(iter(simulation.nodes))
    data = [simulation.publish(author, f"{number}") for number in range(1000)]
    simulation.run(5)
    assert_delivered_once(simulation, data)
    assert simulation.counts("cut_off") == 0
    assert simulation.counts("over_limit") == 0


def trace_of(seed: int) -> str:
    simulation = settled(20, 8, seed)
    chat(simulation, 20)
    simulation.vanish(next(iter(simulation.nodes)))
    chat(simulation, 20)
    simulation.run(10)
    return simulation.trace.hexdigest()


def test_the_same_seed_gives_the_same_run_under_any_hash_seed():
    traces = {
        subprocess.run(
            [sys.executable, __file__, "trace"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("0", "1", "2")
    }
    assert traces == {trace_of(7)}
    assert trace_of(8) not in traces


def report() -> None:
    """A table for people: sizes, redundancy, hops, CPU."""
    write = sys.stdout.write
    write("nodes degree messages  delivered  duplicates/delivery  p50 ms  p99 ms  µs/reception\n")
    for count, degree, messages in (10, 18, 500), (30, 12, 500), (50, 8, 500), (200, 8, 200):
        simulation = settled(count, degree)
        started_s = time.perf_counter()
        data = chat(simulation, messages, 0.02)
        simulation.run(3)
        spent_s = time.perf_counter() - started_s
        delivered = simulation.counts("delivered")
        duplicates = simulation.counts("duplicates")
        latencies_ms = sorted(latency_s * 1000 for latency_s in simulation.latencies_s)
        write(
            f"{count:5} {degree:6} {messages:8}"
            f"  {1 - simulation.missing(data) / (len(data) * (count - 1)):9.4f}"
            f"  {duplicates / delivered:19.2f}"
            f"  {latencies_ms[len(latencies_ms) // 2]:6.1f}"
            f"  {latencies_ms[int(len(latencies_ms) * 0.99)]:6.1f}"
            f"  {spent_s / (delivered + duplicates) * 1e6:12.1f}\n"
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["trace"]:
        sys.stdout.write(trace_of(7))
    else:
        report()
