"""Hosts on loopback, and what the tests ask of the process they run in."""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Self

import trio

from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.options import HostLimits, HostOptions
from p2pchat.net.port import Connectedness, Stream

ECHO = "/test/echo/1.0.0"
PIPE = "/test/pipe/1.0.0"
STORY_S_MAX = 90.0

LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)


def options(name: str, **changes) -> HostOptions:
    """The same name is the same peer; listens on loopback unless told otherwise."""
    seed = hashlib.sha256(name.encode()).digest()
    return HostOptions(**{"seed": seed, "listen": LOOPBACK, **changes})


def host(name: str, **changes) -> AbstractAsyncContextManager[LibP2PHost]:
    return open_host(options(name, **changes))


def limited(name: str, **limits) -> AbstractAsyncContextManager[LibP2PHost]:
    return host(name, limits=HostLimits(**limits))


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story, within a bound that only a hang exceeds."""

    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(main)


@asynccontextmanager
async def pair(**changes) -> AsyncGenerator[tuple[LibP2PHost, LibP2PHost]]:
    """alice, connected to bob by her own dial; bob echoes."""
    async with host("alice", **changes) as alice, host("bob", **changes) as bob:
        bob.serve(ECHO, echo)
        await alice.connect(bob.peer_id, bob.addresses)
        await until(bob, alice, is_up)
        yield alice, bob


async def echo(stream: Stream) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send_all(chunk)


async def ask(one: LibP2PHost, other: LibP2PHost, question: bytes) -> bytes:
    """What an echo answers on a stream of its own."""
    async with await one.open_stream(other.peer_id, [ECHO]) as stream:
        await stream.send_all(question)
        await stream.send_eof()
        return b"".join([chunk async for chunk in stream])


async def streams(one: LibP2PHost, other: LibP2PHost) -> tuple[Stream, Stream]:
    """A new stream, the near side and the far."""
    sender, receiver = trio.open_memory_channel[Stream](1)

    async def hand_over(stream: Stream) -> None:
        await sender.send(stream)

    other.serve(PIPE, hand_over)
    near = await one.open_stream(other.peer_id, [PIPE])
    return near, await receiver.receive()


async def until(
    one: LibP2PHost, other: LibP2PHost, condition: Callable[[Connectedness | None], bool]
) -> None:
    """Wait until `one` knows of `other` what the condition asks for."""

    def known() -> Connectedness | None:
        return next((state for state in one.peers if state.peer == other.peer_id), None)

    with one.changes() as changes:
        while not condition(known()):
            await changes.receive()


def is_up(state: Connectedness | None) -> bool:
    return state is not None


def is_down(state: Connectedness | None) -> bool:
    return state is None


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the others run until the condition holds; for what no event tells."""
    while not condition():  # noqa: ASYNC110 - that is the point
        await trio.sleep(0.01)


def port_of(one: LibP2PHost) -> int:
    return int(one.addresses[0].split("/")[4])


def bare(address: str) -> str:
    return address.partition("/p2p/")[0]


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


class Strangers:
    """TCP connections of those who have not said who they are; closed at the end of the block."""

    def __init__(self) -> None:
        self._streams: list[trio.SocketStream] = []

    async def connect(self, one: LibP2PHost, source: str = "127.0.0.1") -> trio.SocketStream:
        sock = trio.socket.socket()
        await sock.bind((source, 0))
        await sock.connect(("127.0.0.1", port_of(one)))
        stream = trio.SocketStream(sock)
        self._streams.append(stream)
        return stream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            await trio.aclose_forcefully(stream)


async def read_to_end(stream: trio.abc.ReceiveStream) -> bytes:
    """All that comes, however it ends."""
    data = b""
    try:
        async for chunk in stream:
            data += chunk
    except trio.BrokenResourceError:
        pass
    return data
