"""Programs of ours in processes of their own: the base of process tests, benchmarks and the demo.

    async with open_processes(directory) as processes:
        relay = await processes.relay("relay")
        alice = await processes.peer("alice", knows=relay.addresses)
        bob = await processes.peer("bob", knows=relay.addresses)
        link = (await bob.call("account"))["contact_link"]
        await alice.call("add_contact", link=link)
        request = await bob.heard("ContactRequested")
        await bob.kill()
        await bob.start()

A program has a name, a home under `directory`, and as many lives as a test needs. What it says on
standard error goes to `<directory>/<name>.log`, and the end of it into every error about it. All
programs still running at the end of the block are killed, each by its id.
"""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio

from p2pchat.testing.programs import Launch, Program, ProgramEnded
from p2pchat.testing.rpc_peer import START_TIMEOUT_S, Fields, RpcError, RpcPeer, befriend

__all__ = [
    "Fields",
    "Launch",
    "Processes",
    "Program",
    "ProgramEnded",
    "RelayProcess",
    "RpcError",
    "RpcPeer",
    "befriend",
    "open_processes",
]

_READ_BYTES = 64 * 1024


class RelayProcess(Program):
    """A `python -m p2pchat.bootstrap` process. It keeps the port of its first life."""

    def __init__(self, name: str, directory: Path, launch: Launch, nursery: trio.Nursery) -> None:
        super().__init__(name, directory, launch, nursery)
        self.peer_id = ""
        self.addresses: tuple[str, ...] = ()

    async def start(self) -> None:
        """Begin a life; returns when it listens. Raises `ProgramEnded` when it cannot."""
        command = self.launch.command("p2pchat.bootstrap", self.home, "--json")
        process = await self._spawn(command)
        assert process.stdin is not None
        assert process.stdout is not None
        self._nursery.start_soon(self._watch, process)
        await process.stdin.aclose()
        with trio.fail_after(START_TIMEOUT_S):
            line = b""
            while b"\n" not in line:
                chunk = await process.stdout.receive_some(_READ_BYTES)
                if not chunk:
                    await self.wait_ended()
                    raise self.ended()
                line += chunk
        ready = json.loads(line)
        self.peer_id, self.addresses = ready["peer_id"], tuple(ready["addresses"])
        bound = tuple(address.partition("/p2p/")[0] for address in self.addresses)
        self.launch = replace(self.launch, listen=bound)

    async def stop(self) -> int:
        """End this life in order; its exit status."""
        self.signal(signal.SIGTERM)
        return await self.wait_ended()


class Processes:
    """All programs of one test."""

    def __init__(self, directory: Path, nursery: trio.Nursery) -> None:
        self.directory = directory
        self._nursery = nursery

    async def relay(self, name: str = "relay", launch: Launch | None = None) -> RelayProcess:
        """Start a relay."""
        relay = RelayProcess(name, self.directory, launch or Launch(), self._nursery)
        await relay.start()
        return relay

    async def peer(
        self, name: str, *, knows: Iterable[str] = (), launch: Launch | None = None
    ) -> RpcPeer:
        """Start a client whose home, nickname and log are called `name`."""
        peer = self.unstarted(name, knows=knows, launch=launch)
        await peer.start()
        return peer

    def unstarted(
        self, name: str, *, knows: Iterable[str] = (), launch: Launch | None = None
    ) -> RpcPeer:
        """A client to be started later."""
        launch = launch or Launch()
        launch = replace(launch, knows=(*launch.knows, *knows))
        return RpcPeer(name, self.directory, launch, self._nursery)


@asynccontextmanager
async def open_processes(directory: Path) -> AsyncGenerator[Processes]:
    """Programs whose homes and logs are under `directory`, for the time of the block."""
    await trio.Path(directory).mkdir(parents=True, exist_ok=True)
    async with trio.open_nursery() as nursery:
        yield Processes(directory, nursery)
        nursery.cancel_scope.cancel()
