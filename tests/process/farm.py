"""Many clients in one process, driven over standard input and output: a line of JSON each.

Started by the tests as `python farm.py MODE` (the DHT mode). Answers each line `[method, client,
argument]` with one line, in order. Connections are few and buckets small, so that finding somebody
takes a real look-up.
"""

from __future__ import annotations

import json
import sys
from contextlib import AsyncExitStack
from dataclasses import replace

import trio

from p2pchat.client.client import Client
from p2pchat.client.identity import make_identity
from p2pchat.client.opening import Stored, client_parts, prepare_store
from p2pchat.config import ClientConfig, DhtMode, Limits, SettingsInForce
from p2pchat.events import ContactRequested
from p2pchat.kad.config import KadConfig
from p2pchat.model.ids import AccountId
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostLimits, HostOptions
from p2pchat.node.ambient import SystemAmbient
from p2pchat.node.node import Node, open_node
from p2pchat.node.reach import own_form
from p2pchat.store.memory import MemoryStore
from p2pchat.store.worker import InlineStore
from p2pchat.wire.links import decode_link, encode_link

LISTEN = ("/ip4/127.0.0.1/tcp/0",)
CONNECTIONS_MAX = 8
MESH = 4
K = 4


def without_hints(link: str) -> str:
    """The same contact, without saying where it is."""
    parsed = decode_link(link)
    return encode_link(replace(parsed, addresses=()))


class Farm:
    """The clients of this process."""

    def __init__(self, stack: AsyncExitStack, dht_mode: DhtMode) -> None:
        self._stack = stack
        self._dht_mode = dht_mode
        self._nodes: list[Node] = []
        self._clients: list[Client] = []

    async def open(self, _: int, bootstrap: list[str]) -> str:
        """One more client, bootstrapping from the given addresses."""
        limits = Limits(mesh_peers_max=MESH, connections_max=CONNECTIONS_MAX)
        config = ClientConfig(
            fetch=False, listen=LISTEN, bootstrap_peers=tuple(bootstrap), limits=limits
        )
        ambient = SystemAmbient()
        identity = make_identity(f"client {len(self._nodes)}", ambient)
        store = MemoryStore()
        stored = Stored(InlineStore(store), prepare_store(store, identity, ambient), identity)
        host_options = HostOptions(
            seed=identity.device_seed,
            listen=LISTEN,
            limits=HostLimits(connections_max=CONNECTIONS_MAX),
        )
        host = await self._stack.enter_async_context(open_host(host_options))
        sources = BootstrapSources.of(config, host.peer_id, None)
        parts = client_parts(host, stored, config, ambient, sources)
        options = replace(parts.options, kad=KadConfig(k=K), dht_mode=self._dht_mode)
        node = await self._stack.enter_async_context(open_node(replace(parts, options=options)))
        self._nodes.append(node)
        self._clients.append(Client(node, ambient, SettingsInForce(config)))
        return host.addresses[0]

    async def ready(self, index: int, _: object) -> str:
        """Its health, once it is ready and others can look it up."""
        status = await self._clients[index].wait_ready()
        await self._nodes[index].startup.published()
        return str(status.health)

    async def settled(self, index: int, _: object) -> int:
        """Put its record again, now that everybody is there; how many took it. A busy machine may
        lose a put to its time-outs; a node by itself tries again, too."""
        node = self._nodes[index]
        addresses = tuple(map(own_form, node.parts.host.addresses))
        me = node.parts.me
        stored = 0
        for _ in range(3):
            stored = await node.network.directory.publish_bundle(me.device, addresses, me.signer)
            if stored:
                break
        return stored

    async def connections(self, index: int, _: object) -> list[str]:
        return [str(peer.peer_id) for peer in self._clients[index].status().peers]

    async def link(self, index: int, _: object) -> str:
        return without_hints(self._clients[index].contact_link)

    async def ask(self, index: int, link: str) -> str:
        """Ask the link's owner; answers the asker's own account."""
        client = self._clients[index]
        await client.add_contact(link)
        return str(client.account)

    async def asked_by(self, index: int, account: str) -> bool:
        """Whether a request of this account comes within a minute."""
        client, wanted = self._clients[index], AccountId.parse(account)
        with trio.move_on_after(60):
            async with client.subscribe(ContactRequested) as events:
                while all(r.account != wanted for r in client.contact_requests()):
                    await events.__anext__()
            return True
        return False

    async def hops(self, index: int, link: str) -> int:
        """How many peers were asked one after the other to find the link's device; 0 when its
        record is here, -1 when nobody knows it."""
        directory = self._nodes[index].network.directory
        found = await directory.find(decode_link(link).device.peer_id)
        return found.hops if found.addresses else -1


async def main() -> None:
    async with AsyncExitStack() as stack:
        farm = Farm(stack, sys.argv[1])
        while line := await trio.to_thread.run_sync(sys.stdin.readline):
            method, index, argument = json.loads(line)
            answer = await getattr(farm, method)(index, argument)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main)
