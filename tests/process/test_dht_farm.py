"""The DHT is really used: 64 clients, at most 8 connections each, find each other by name alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

FARM = Path(__file__).with_name("farm.py")
CONNECTIONS_MAX = 8

pytestmark = pytest.mark.process


class FarmProcess:
    def __init__(self, mode: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(FARM), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, method: str, client: int, argument: object = None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, client, argument]) + "\n")
        self.process.stdin.flush()

    def end(self) -> object:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def call(self, method: str, client: int, argument: object = None) -> object:
        self.begin(method, client, argument)
        return self.end()


@contextmanager
def farms(count: int, clients: int, mode: str) -> Iterator[list[FarmProcess]]:
    started = [FarmProcess(mode) for _ in range(count)]
    try:
        addresses = [str(started[0].call("open", 0, []))]
        rng = Random(count)
        for wave in range(clients):  # one client a farm, all farms at once
            opening = started[1:] if wave == 0 else started
            for farm in opening:
                farm.begin("open", 0, rng.sample(addresses, min(2, len(addresses))))
            addresses += [str(farm.end()) for farm in opening]
        yield started
    finally:
        for farm in started:
            assert farm.process.stdin is not None
            assert farm.process.stdout is not None
            farm.process.stdin.close()
            farm.process.wait(30)
            farm.process.stdout.close()


def look_up(farm: FarmProcess, client: int, link: object) -> int:
    """Hops of a look-up; a busy machine may lose one to its time-outs."""
    for _ in range(3):
        hops = farm.call("hops", client, link)
        assert isinstance(hops, int)
        if hops >= 0:
            break
    return hops


@pytest.mark.parametrize(
    ("processes", "clients", "look_ups"),
    [(2, 12, 3), pytest.param(4, 16, 100, marks=pytest.mark.slow)],
)
def test_a_link_without_addresses_is_resolved_over_several_hops(
    processes: int, clients: int, look_ups: int
) -> None:
    with farms(processes, clients, "auto") as all_farms:
        rng = Random(64)
        places = [(farm, client) for farm in all_farms for client in range(clients)]
        for client in range(clients):
            for farm in all_farms:
                farm.begin("ready", client)
            assert [farm.end() for farm in all_farms] == ["good"] * processes
        for client in range(clients):  # what a client does by itself some time after its start
            for farm in all_farms:
                farm.begin("settled", client)
            assert all(farm.end() for farm in all_farms)
        pairs = list(combinations(places, 2))
        rng.shuffle(pairs)
        far = 0
        while far < look_ups:
            assert pairs, "look-ups of two hops are too rare to count"
            (asker_farm, asker), (farm, client) = pairs.pop()
            link = farm.call("link", client)
            hops = look_up(asker_farm, asker, link)
            assert hops >= 0, "nobody knew where it was"
            if hops < 2:
                continue
            far += 1
            account = asker_farm.call("ask", asker, link)
            assert farm.call("asked_by", client, account), f"look-up {far} led nowhere"
        for farm, client in places:
            connections = farm.call("connections", client)
            assert isinstance(connections, list)
            assert len(connections) <= CONNECTIONS_MAX


def test_without_the_dht_nobody_is_found() -> None:
    with farms(1, 6, "client") as (farm,):
        link = farm.call("link", 5)
        assert farm.call("hops", 0, link) == -1
