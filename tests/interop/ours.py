"""Our side: a host with the real DHT and gossip on it, and nothing that dials by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

import trio

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import GossipRouter
from p2pchat.gossip.vocabulary import (
    Deliver,
    GossipEffect,
    GossipEvent,
    GossipInput,
    Judgement,
    PeerJoined,
    Publish,
    Subscribe,
    Verdict,
)
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import KadEffect, KadInput, SetAddresses, SetMode
from p2pchat.net.gossip import GossipCarrier
from p2pchat.net.kad import KadCarrier
from p2pchat.net.libp2p.host import LibP2PHost
from p2pchat.net.port import Stream
from p2pchat.node.ambient import SystemAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.reach import own_form
from p2pchat.wire.records import RecordValidator
from tests.libp2p.hosts import echo, eventually, host

ECHO = "/interop/echo/1.0.0"
STORY_S_MAX = 100.0


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story, within a bound that only a hang exceeds."""

    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(main)


class Kad:
    """The DHT of one host."""

    def __init__(self, host: LibP2PHost) -> None:
        ambient, config = SystemAmbient(), KadConfig()
        validators = {"dchat": RecordValidator()}
        self.machine = KadMachine(host.peer_id, config, Random(1), validators)
        self._host = host
        self._carrier = KadCarrier(host, self._put, self._ignore, config)
        self.driver = Driver[KadInput, KadEffect](
            self.machine, self._carrier, ambient, DriverConfig()
        )

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self._carrier.run)
            await nursery.start(self.driver.run)
            await self._put(SetAddresses(tuple(map(own_form, self._host.addresses))))
            await self._put(SetMode(True))
            task_status.started()

    async def knows(self, servers: int) -> None:
        """Wait until so many servers are in its table."""
        await eventually(lambda: self.machine.statistics().table == servers)

    async def _put(self, input: KadInput) -> None:
        await self.driver.put(input)

    async def _ignore(self, effect: object) -> None: ...


class Gossip:
    """The gossip of one host; every message is good."""

    def __init__(self, host: LibP2PHost, config: GossipConfig) -> None:
        self.router = GossipRouter(host.peer_id, config, Random(1), self._judge)
        self.carrier = GossipCarrier(host, self._put, self._told)
        self.driver = Driver[GossipInput, GossipEffect](
            self.router, self.carrier, SystemAmbient(), DriverConfig()
        )
        self.heard: list[bytes] = []
        self.members: set[str] = set()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.carrier.run)
            await nursery.start(self.driver.run)
            task_status.started()

    async def subscribe(self, topic: str) -> None:
        await self.driver.put(Subscribe(topic))

    async def publish(self, topic: str, data: bytes) -> object:
        return await self.driver.call(lambda id: Publish(id, topic, data))

    async def sees(self, peer: object) -> None:
        """Wait until `peer` is known to hear a topic of ours."""
        await eventually(lambda: str(peer) in self.members)

    async def hears(self, count: int) -> None:
        """Wait until so many messages were delivered."""
        await eventually(lambda: len(self.heard) >= count)

    def _judge(self, topic: str, data: bytes) -> Judgement:
        return Judgement(Verdict.ACCEPT)

    async def _put(self, input: GossipInput) -> None:
        await self.driver.put(input)

    async def _told(self, event: GossipEvent) -> None:
        match event:
            case Deliver():
                self.heard.append(event.data)
            case PeerJoined():
                self.members.add(str(event.peer))
            case _:
                pass  # nobody leaves in these stories


class Ours:
    """One node of ours."""

    def __init__(self, host: LibP2PHost, config: GossipConfig) -> None:
        self.host = host
        self.peer = host.peer_id
        self.kad = Kad(host)
        self.gossip = Gossip(host, config)

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.host.addresses

    async def dial(self, other: object) -> None:
        """Connect to anything that has a peer id and addresses."""
        await self.host.connect(other.peer, other.addresses)

    async def echo(self, peer: object, data: bytes) -> bytes:
        """What comes back when `data` is sent, read while it is sent."""
        stream = await self.host.open_stream(peer, [ECHO])
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(_write, stream, data)
            return b"".join([chunk async for chunk in stream])


async def _write(stream: Stream, data: bytes) -> None:
    await stream.send_all(data)
    await stream.send_eof()


@asynccontextmanager
async def ours(
    name: str, *, kad: bool = False, gossip: GossipConfig | None = None, **options: object
) -> AsyncGenerator[Ours]:
    """A node of ours that echoes and gossips, and serves the DHT when it is told to."""
    async with host(name, **options) as own, trio.open_nursery() as nursery:
        node = Ours(own, gossip or GossipConfig())
        own.serve(ECHO, echo)
        await nursery.start(node.gossip.run)
        if kad:
            await nursery.start(node.kad.run)
        yield node
        nursery.cancel_scope.cancel()
