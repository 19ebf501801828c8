"""A client as a process, driven through its JSON-RPC: calls, and the events that it tells."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import trio

from p2pchat.testing.programs import Launch, Program

__all__ = ["START_TIMEOUT_S", "Fields", "RpcError", "RpcPeer", "befriend"]

EVENTS_KEPT_MAX = 200_000
CALL_TIMEOUT_S = 60.0
START_TIMEOUT_S = 90.0
"""A start is mostly work, and many programs start at once on a machine that does much else."""

T = TypeVar("T")

Fields = dict[str, object]
"""A JSON object."""


class RpcError(Exception):
    """A request was answered by an error."""

    def __init__(self, error: Fields) -> None:
        self.code = error["code"]
        self.type = cast("Fields", error.get("data") or {}).get("type")
        super().__init__(f"{self.type}: {error['message']}")


@dataclass(slots=True)
class Pending:
    """A request without an answer yet."""

    done: trio.Event = field(default_factory=trio.Event)
    answer: Fields | None = None


class Wire:
    """Requests and answers of one life; everything queued goes out in one write."""

    def __init__(self) -> None:
        self.strays: list[Fields | list[Fields]] = []
        self.news = trio.Event()
        self._out: list[bytes] = []
        self._wake = trio.Event()
        self._pending: dict[int, Pending] = {}
        self._serial = 0
        self._closed = False

    def ask(self, method: str, params: Mapping[str, object]) -> Pending:
        self._serial += 1
        pending = self._pending[self._serial] = Pending()
        request = {"jsonrpc": "2.0", "id": self._serial, "method": method, "params": params}
        self.put(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        return pending

    def put(self, data: bytes) -> None:
        self._out.append(data)
        self._wake.set()

    def answered(self, message: Fields | list[Fields]) -> None:
        id = None if isinstance(message, list) else message.get("id")
        pending = self._pending.pop(id, None) if isinstance(id, int) else None
        if pending is None or isinstance(message, list):
            self.strays.append(message)
            return
        pending.answer = message
        pending.done.set()

    def tell(self) -> None:
        """Wake those who wait for something to have come."""
        self.news.set()
        self.news = trio.Event()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    def end(self) -> None:
        for pending in self._pending.values():
            pending.done.set()
        self._pending.clear()
        self.close()
        self.tell()

    async def write(self, stdin: trio.abc.SendStream) -> None:
        """Write until closed."""
        async with stdin:
            with suppress(trio.BrokenResourceError):  # the program is gone, which `_watch` tells
                while self._out or not self._closed:
                    await self._write_once(stdin)

    async def _write_once(self, stdin: trio.abc.SendStream) -> None:
        if not self._out:
            self._wake = trio.Event()
            await self._wake.wait()
        data = b"".join(self._out)
        self._out.clear()
        await stdin.send_all(data)


class RpcPeer(Program):
    """A `p2pchat rpc` process."""

    def __init__(self, name: str, directory: Path, launch: Launch, nursery: trio.Nursery) -> None:
        super().__init__(name, directory, launch, nursery)
        self.events: list[Fields] = []
        """What this life has told so far, oldest first; the newest `EVENTS_KEPT_MAX`."""
        self._forgotten = 0
        self.listeners: list[Callable[[Fields], None]] = []
        """Called with each event as it comes."""
        self._wire = Wire()

    async def start(self) -> None:
        """Begin a life; returns when it answers. Raises `ProgramEnded` when it cannot."""
        command = self.launch.command("p2pchat.cli.app", self.home, "--name", self.name, "rpc")
        process = await self._spawn(command)
        assert process.stdin is not None
        assert process.stdout is not None
        self.events, self._forgotten, self._wire = [], 0, Wire()
        self._nursery.start_soon(self._watch, process)
        self._nursery.start_soon(self._wire.write, process.stdin)
        self._nursery.start_soon(self._read, process.stdout, self._wire)
        await self._patiently(START_TIMEOUT_S, "its first answer", self.begin("account"))

    async def stop(self) -> int:
        """End this life in order; its exit status."""
        await self.call("shutdown")
        return await self.wait_ended()

    async def restart(self) -> None:
        """End this life in order and begin the next."""
        await self.stop()
        await self.start()

    def close_input(self) -> None:
        """Tell the program that nothing more will be asked."""
        self._wire.close()

    async def call(self, method: str, **params: object) -> object:
        """Ask, and wait for the result. Raises `RpcError`, `ProgramEnded`, `trio.TooSlowError`."""
        result = self.begin(method, **params)
        return await self._patiently(CALL_TIMEOUT_S, f"an answer to {method}", result)

    def begin(self, method: str, **params: object) -> Callable[[], Awaitable[object]]:
        """Ask now; what is returned waits for the result when it is called."""
        if not self.is_running:
            raise self.ended()
        pending = self._wire.ask(method, params)

        async def result() -> object:
            await pending.done.wait()
            if pending.answer is None:
                raise self.ended()
            if "error" in pending.answer:
                raise RpcError(cast("Fields", pending.answer["error"]))
            return pending.answer["result"]

        return result

    def send_line(self, line: bytes) -> None:
        """Send a line as it is; what answers it without an id of ours goes to `strays`."""
        self._wire.put(line + b"\n")

    @property
    def strays(self) -> list[Fields | list[Fields]]:
        """Answers that belong to no `call`."""
        return self._wire.strays

    async def heard(
        self,
        kind: str,
        where: Callable[[Fields], bool] = lambda _: True,
        *,
        timeout_s: float = CALL_TIMEOUT_S,
        **fields: object,
    ) -> Fields:
        """The first event of this life that has the type and fields and suits `where`, whether it
        came before or comes yet. Raises `ProgramEnded`, `trio.TooSlowError`."""

        def suits(event: Fields) -> bool:
            has_fields = all(event.get(name) == value for name, value in fields.items())
            return event["type"] == kind and has_fields and where(event)

        async def search() -> Fields:
            seen = 0
            while True:
                fresh = self.events[max(seen - self._forgotten, 0) :]
                seen = self._forgotten + len(self.events)
                for event in filter(suits, fresh):
                    return event
                if not self.is_running:
                    raise self.ended()
                await self._wire.news.wait()

        return await self._patiently(timeout_s, f"{kind} {fields or ''}", search)

    async def _patiently(
        self, timeout_s: float, awaited: str, wait: Callable[[], Awaitable[T]]
    ) -> T:
        try:
            with trio.fail_after(timeout_s):
                return await wait()
        except trio.TooSlowError as error:
            message = f"{self.name} did not give {awaited} in {timeout_s:g} s\n{self.log_end()}"
            raise trio.TooSlowError(message.rstrip()) from error

    async def _read(self, stdout: trio.abc.ReceiveStream, wire: Wire) -> None:
        rest = b""
        async with stdout:
            with suppress(trio.BrokenResourceError):  # killed in the middle of a line
                async for chunk in stdout:
                    rest = self._take_lines(rest + chunk, wire)

    def _take_lines(self, data: bytes, wire: Wire) -> bytes:
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._take(json.loads(line), wire)
        wire.tell()
        return rest

    def _take(self, message: Fields | list[Fields], wire: Wire) -> None:
        if isinstance(message, list) or "method" not in message:
            wire.answered(message)
            return
        event = cast("Fields", message["params"])
        self.events.append(event)
        if len(self.events) > 2 * EVENTS_KEPT_MAX:
            del self.events[:EVENTS_KEPT_MAX]
            self._forgotten += EVENTS_KEPT_MAX
        for listener in self.listeners:
            listener(event)

    def _gone(self) -> None:
        self._wire.end()


async def befriend(asker: RpcPeer, asked: RpcPeer) -> str:
    """Make contacts of two; the id of their conversation."""
    here = cast("Fields", await asker.call("account"))
    there = cast("Fields", await asked.call("account"))
    contact = cast("Fields", await asker.call("add_contact", link=there["contact_link"]))
    await asked.heard("ContactRequested", account=here["account"])
    await asked.call("accept", account=here["account"])
    await asker.heard("ContactAccepted", account=there["account"])
    return str(contact["id"])
