"""Some clients in one process, driven over standard input and output by a benchmark.

Each line is `[method, client, argument]`, each answer one line of JSON. Times are taken with
CLOCK_MONOTONIC, which processes of one machine share.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.config.limits import Limits
from p2pchat.events import ContactAccepted, ContactRequested, MessageReceived, MessageStateChanged
from p2pchat.model.ids import AccountId
from p2pchat.model.message import MessageState
from p2pchat.node import carrier
from p2pchat.wire.frames import Frame

LISTEN = ("/ip4/127.0.0.1/tcp/0",)
TEXT_CHARS = 200
WINDOW = 256
PATIENCE_S = 60.0
LIMITS = Limits(subscriber_events_max=10_000)
"""Whoever counts must not miss any."""


def stamped() -> str:
    """200 characters that begin with the time."""
    return f"{time.monotonic_ns()} ".ljust(TEXT_CHARS, "x")


class Peers:
    """The clients of this process."""

    def __init__(self, stack: AsyncExitStack, nursery: trio.Nursery) -> None:
        self._stack = stack
        self._nursery = nursery
        self._clients: list[Client] = []
        self._heard: dict[int, list[float]] = {}
        self._frames: dict[str, tuple[int, int]] = {}

    async def open(self, home: str | None, bootstrap: list[str]) -> dict[str, object]:
        """One more client: on disk in `home`, or in memory; answers when it is ready."""
        began_s = time.perf_counter()
        client = await self._opened(home, bootstrap)
        await client.wait_ready()
        return {
            "address": client.addresses[0],
            "link": client.contact_link,
            "account": str(client.account),
            "ready_s": time.perf_counter() - began_s,
        }

    async def _opened(self, home: str | None, bootstrap: list[str]) -> Client:
        config = ClientConfig(
            fetch=False, listen=LISTEN, bootstrap_peers=tuple(bootstrap), limits=LIMITS
        )
        name = f"client {len(self._clients)}"
        path = Path(home) if home else None
        client = await self._stack.enter_async_context(open_client(path, name=name, config=config))
        self._clients.append(client)
        return client

    async def accept_all(self, index: int, _: object) -> None:
        """Accept whoever asks, from now on."""
        await self._nursery.start(self._accept, self._clients[index])

    async def _accept(
        self, client: Client, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with client.subscribe(ContactRequested) as events:
            task_status.started()
            async for event in events:
                if isinstance(event, ContactRequested):
                    await client.accept(event.account)

    async def befriend(self, index: int, link: str) -> str:
        """Ask, and wait until accepted."""
        client = self._clients[index]
        async with client.subscribe(ContactAccepted) as events:
            contact = await client.add_contact(link)
            await events.__anext__()
        return str(contact.account)

    async def join(self, index: int, name: str) -> None:
        await self._clients[index].join_open(name)

    async def create_room(self, index: int, accounts: list[str]) -> None:
        """A room by invitation with these contacts in it."""
        await self._clients[index].create_room("benchmark", map(AccountId.parse, accounts))

    async def entered(self, index: int, count: int) -> None:
        """Wait until we are in a room and know so many members."""
        with trio.fail_after(PATIENCE_S):
            while not (rooms := self._clients[index].rooms()) or len(rooms[0].members()) < count:
                await trio.sleep(0.05)

    async def mail(self, index: int, argument: list[object]) -> float:
        """Send so many texts to a contact who is away; seconds until relays keep all of them."""
        client, contact = self._contact(index, str(argument[0]))
        count, kept = int(str(argument[1])), 0
        with trio.fail_after(PATIENCE_S):
            async with client.subscribe(MessageStateChanged) as events, trio.open_nursery() as all_:
                began_s = time.perf_counter()
                for _ in range(count):
                    all_.start_soon(contact.send, stamped())
                async for event in events:
                    assert isinstance(event, MessageStateChanged)
                    kept += event.state is MessageState.SENT
                    if kept == count:
                        break
        return time.perf_counter() - began_s

    async def read_mail(self, home: str, argument: list[object]) -> float:
        """One more client, in `home`; seconds from when it is open until so many texts, kept for it
        by relays, are on its disk."""
        *known, wanted = argument
        client, count = await self._opened(home, [str(one) for one in known]), int(str(wanted))
        read, began_s = 0, time.perf_counter()
        with trio.fail_after(PATIENCE_S):
            async with client.subscribe(MessageReceived) as events:
                async for event in events:
                    read += isinstance(event, MessageReceived)
                    if read == count:
                        break
        return time.perf_counter() - began_s

    async def connected(self, index: int, _: object) -> int:
        return self._clients[index].status().connected_peers

    async def count(self, index: int, _: object) -> None:
        """From now on note how long each message took to come."""
        await self._nursery.start(self._count, index)

    async def _count(
        self, index: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        heard = self._heard[index] = []
        async with self._clients[index].subscribe(MessageReceived) as events:
            task_status.started()
            async for event in events:
                if isinstance(event, MessageReceived):
                    sent_ns = int(event.message.text.split(" ", 1)[0])
                    heard.append((time.monotonic_ns() - sent_ns) / 1e6)

    async def heard(self, index: int, wanted: int) -> list[float]:
        """Milliseconds of each message, when so many have come or 60 s have passed."""
        with trio.move_on_after(60):
            while len(self._heard[index]) < wanted:
                await trio.sleep(0.05)
        taken, self._heard[index][:] = list(self._heard[index]), []
        return taken

    async def closed_loop(self, index: int, argument: list[object]) -> list[float]:
        """Milliseconds from send to delivered receipt, one message at a time."""
        client, contact = self._contact(index, str(argument[0]))
        times: list[float] = []
        async with client.subscribe(MessageStateChanged) as events:
            for _ in range(int(str(argument[1]))):
                began_s = time.perf_counter()
                sent = await contact.send(stamped())
                async for event in events:
                    if event == MessageStateChanged(sent.id, MessageState.DELIVERED):
                        break
                times.append((time.perf_counter() - began_s) * 1000)
        return times

    async def window(self, index: int, argument: list[object]) -> float:
        """Confirmed messages a second, 256 on the way."""
        client, contact = self._contact(index, str(argument[0]))
        count, confirmed = int(str(argument[1])), 0
        places = trio.Semaphore(WINDOW)
        async with client.subscribe(MessageStateChanged) as events, trio.open_nursery() as nursery:
            began_s = time.perf_counter()

            async def send_all() -> None:
                for _ in range(count):
                    await places.acquire()
                    nursery.start_soon(contact.send, stamped())

            nursery.start_soon(send_all)
            async for event in events:
                match event:
                    case MessageStateChanged(state=MessageState.DELIVERED):
                        confirmed += 1
                        places.release()
                    case _:
                        continue
                if confirmed == count:
                    break
        return count / (time.perf_counter() - began_s)

    async def paced(self, index: int, argument: list[int]) -> None:
        """Send `count` messages to the room at `rate` a second."""
        count, rate = argument
        room, began_s = self._room(index), trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(count):
                await trio.sleep_until(began_s + number / rate)
                nursery.start_soon(room.send, stamped())

    async def paced_to(self, index: int, argument: list[object]) -> None:
        """Send a contact `count` messages at `rate` a second."""
        _, contact = self._contact(index, str(argument[0]))
        count, rate = (int(str(each)) for each in argument[1:])
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(count):
                await trio.sleep_until(began_s + number / rate)
                nursery.start_soon(contact.send, stamped())

    async def burst(self, index: int, count: int) -> int:
        """Send `count` messages to the room as fast as they go; when it began, in ns."""
        room, began_ns = self._room(index), time.monotonic_ns()
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(room.send, stamped())
        return began_ns

    async def digest(self, index: int, _: object) -> str:
        """Of all that is here of the room."""
        return self._room(index).completeness().digest.hex()

    async def whole(self, home: str, argument: list[str]) -> float:
        """One more client, in `home`, which knows one address; seconds from when it is open until
        all of the room is here that somebody else had."""
        known, digest = argument
        await self._opened(home, [known])
        began_s = time.perf_counter()
        with trio.fail_after(PATIENCE_S):
            while await self.digest(0, None) != digest:
                await trio.sleep(0.005)
        return time.perf_counter() - began_s

    async def watch_frames(self, _: object, __: object) -> None:
        """From now on count what is sent on streams."""
        encode = carrier.encode_frame

        def counted(frame: Frame) -> bytes:
            raw = encode(frame)
            count, size = self._frames.get(type(frame).__name__, (0, 0))
            self._frames[type(frame).__name__] = count + 1, size + len(raw)
            return raw

        carrier.encode_frame = counted  # pyright: ignore[reportPrivateImportUsage]

    async def frames(self, _: object, __: object) -> dict[str, tuple[int, int]]:
        """How many of each kind, and their bytes."""
        return self._frames

    async def memory_mb(self, _: int, __: object) -> float:
        """Resident memory of this process."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    def _contact(self, index: int, account: str) -> tuple[Client, Contact]:
        client = self._clients[index]
        return client, client.contact(AccountId.parse(account))

    def _room(self, index: int) -> Room:
        return self._clients[index].rooms()[0]


async def main() -> None:
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        peers = Peers(stack, nursery)
        while line := await trio.to_thread.run_sync(sys.stdin.readline):
            method, index, argument = json.loads(line)
            answer = await getattr(peers, method)(index, argument)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
