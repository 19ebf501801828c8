"""One seed is one run: the same in every process, whatever Python's hash seed is.

Run as a program it plays one bad hour and prints the digest of its trace, which is how the test
compares processes: `python tests/sim/test_determinism.py 7`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from random import Random

import pytest
import trio

from p2pchat.errors import NetworkError
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.faults import HalfOpen, Link, Nat, Partition, Refusal, ResetNext, SlowLink
from p2pchat.testing.network import SimulatedHost, SimulatedNetwork, open_network

pytestmark = pytest.mark.sim

PROTOCOL = "/chatter/1.0.0"
HOSTS = 20
VIRTUAL_S = 30.0
FRAME = 32


class Chatter:
    """A peer that keeps a few connections and says something on them now and then."""

    def __init__(self, seed: int, network: SimulatedNetwork, number: int) -> None:
        self.rng = seeded(seed, f"peer{number}", "chatter")
        self.network = network
        self.name = f"peer{number}"
        self.nat = Nat.CLOSED if number % 5 == 4 else Nat.OPEN
        self.heard = 0

    async def live(self, others: dict[str, SimulatedHost]) -> None:
        async with self.network.host(self.name, nat=self.nat) as host, trio.open_nursery() as mates:
            host.serve(PROTOCOL, self.listen)
            others[self.name] = host
            for _ in range(4):
                mates.start_soon(self.talk, host, others)

    async def listen(self, stream) -> None:
        counter = -1
        buffer = b""
        async with stream:
            async for chunk in stream:
                buffer += chunk
                while len(buffer) >= FRAME:
                    frame, buffer = buffer[:FRAME], buffer[FRAME:]
                    # Nothing is lost, repeated or reordered inside a stream, whatever breaks.
                    assert int(frame) == counter + 1, (frame, counter)
                    counter += 1
                    self.heard += 1

    async def talk(self, host: SimulatedHost, others: dict[str, SimulatedHost]) -> None:
        while True:
            await trio.sleep(self.rng.uniform(0.1, 1.0))
            mate = others[self.rng.choice(sorted(others))]
            if mate is host:
                continue
            try:
                await host.connect(mate.peer_id, mate.addresses)
                await self.tell(host, mate)
            except (NetworkError, trio.BrokenResourceError):
                await trio.sleep(self.rng.uniform(0.5, 2.0))

    async def tell(self, host: SimulatedHost, mate: SimulatedHost) -> None:
        async with await host.open_stream(mate.peer_id, [PROTOCOL]) as stream:
            for counter in range(self.rng.randrange(20)):
                await stream.send_all(b"%032d" % counter)
                await trio.sleep(self.rng.uniform(0.0, 0.4))


async def break_things(rng: Random, network: SimulatedNetwork, hosts) -> None:
    """One fault a second, healed every ten."""
    for second in range(int(VIRTUAL_S)):
        await trio.sleep(1.0)
        some = [hosts[name].peer_id for name in sorted(hosts)]
        one, other = rng.sample(some, 2)
        left = frozenset(rng.sample(some, rng.randrange(1, len(some))))
        right = frozenset(some) - left
        if second % 10 == 9:
            network.heal()
        faults = [
            HalfOpen(one, other),
            Partition(left, right),
            Partition(left, right, one_way=True),
            Refusal(one),
            ResetNext(one, other, inside=rng.random() < 0.5),
            SlowLink(one, other, Link(latency_s=0.5, jitter_s=0.3, bandwidth_bytes_s=2_000)),
        ]
        network.apply(rng.choice(faults))


async def restart(rng: Random, network: SimulatedNetwork, chatters, hosts) -> None:
    """Crash a peer now and then, and open it again."""
    async with trio.open_nursery() as lives:
        scopes: dict[str, trio.CancelScope] = {}

        async def live(chatter: Chatter) -> None:
            with trio.CancelScope() as scopes[chatter.name]:
                await chatter.live(hosts)

        for chatter in chatters:
            lives.start_soon(live, chatter)
        while True:
            await trio.sleep(rng.uniform(2.0, 6.0))
            chatter = rng.choice(chatters)
            network.crash(hosts[chatter.name].peer_id, noticed_after_s=rng.choice([0.0, None]))
            scopes[chatter.name].cancel()
            await trio.sleep(rng.uniform(0.5, 8.0))
            lives.start_soon(live, chatter)


async def bad_hour(seed: int) -> tuple[str, int]:
    """The digest of the trace, and how many frames were heard."""
    async with open_network(seeded(seed, "network", "links")) as network:
        chatters = [Chatter(seed, network, number) for number in range(HOSTS)]
        hosts: dict[str, SimulatedHost] = {}
        with trio.move_on_after(VIRTUAL_S + 1):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    restart, seeded(seed, "world", "crashes"), network, chatters, hosts
                )
                await trio.sleep(0.5)
                await break_things(seeded(seed, "world", "faults"), network, hosts)
                await trio.sleep_forever()
        broken = [error for host in hosts.values() for error in host.handler_errors]
        assert broken == []
        return network.trace.digest, sum(chatter.heard for chatter in chatters)


def digest_in_new_process(seed: int, hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, __file__, str(seed)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_a_seed_gives_the_same_trace_in_every_process():
    digests = {digest_in_new_process(7, hash_seed) for hash_seed in ("0", "1", "31337")}
    assert len(digests) == 1


def test_a_seed_gives_the_same_trace_twice_in_one_process():
    first, heard = run_simulation(partial(bad_hour, 8), 8)
    second, _ = run_simulation(partial(bad_hour, 8), 8)
    assert first == second
    assert heard > 1_000


def test_another_seed_gives_another_trace():
    assert run_simulation(partial(bad_hour, 1), 1) != run_simulation(partial(bad_hour, 2), 2)


if __name__ == "__main__":
    digest, _ = run_simulation(partial(bad_hour, int(sys.argv[1])), int(sys.argv[1]))
    sys.stdout.write(digest)
