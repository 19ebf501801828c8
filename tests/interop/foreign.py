"""A node of another implementation, in a process of its own, driven by a line of JSON each."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import trio

from p2pchat.model.ids import PeerId

Fields = dict[str, Any]

START_S_MAX = 30.0
END_S_MAX = 5.0
POLL_S = 0.05
LOOPBACK = ("/ip4/127.0.0.1/tcp/0",)
_READ_BYTES = 65_536
_LOG_CHARACTERS = 2_000


class ForeignError(Exception):
    """The other side could not do what it was asked for, or is gone."""


class Foreign:
    """One node; `call` asks it for something, `heard` waits for what it tells by itself."""

    peer: PeerId
    addresses: tuple[str, ...]

    def __init__(self, process: trio.Process, name: str, log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log
        self._ids = count(1)
        self._asking = trio.Lock()
        self._answers: dict[int, Fields] = {}
        self._events: list[Fields] = []
        self._is_gone = False
        self._changed = trio.Condition()

    async def call(self, do: str, **args: object) -> Any:
        """Ask for something. Raises `ForeignError` with the other side's own words."""
        id = next(self._ids)
        line = json.dumps({"id": id, "do": do, "args": args})
        assert self._process.stdin is not None
        async with self._asking:
            await self._process.stdin.send_all(line.encode() + b"\n")
        await self._until(lambda: id in self._answers)
        answer = self._answers.pop(id)
        if "error" in answer:
            raise ForeignError(f"{self.name}, asked to {do}: {answer['error']}")
        return answer["result"]

    async def becomes(self, condition: Callable[[Any], bool], do: str, **args: object) -> Any:
        """Ask until the answer is as it should be; for what no event tells."""
        while not condition(answer := await self.call(do, **args)):  # noqa: ASYNC110
            await trio.sleep(POLL_S)
        return answer

    async def heard(self, event: str, **fields: object) -> Fields:
        """Wait for an event with these fields; each event is answered once."""
        wanted = {"event": event, **fields}
        found: list[Fields] = []

        def look() -> bool:
            found[:] = [told for told in self._events if wanted.items() <= told.items()]
            return bool(found)

        await self._until(look)
        self._events.remove(found[0])
        return found[0]

    async def kill(self) -> None:
        """End its process at once, as by a power cut."""
        self._process.kill()
        await self._process.wait()

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            while not condition():
                if self._is_gone:
                    raise ForeignError(f"{self.name} is gone\n{self._log_end()}".rstrip())
                await self._changed.wait()

    async def listen(self) -> None:
        """Take in what it says until it ends."""
        buffer = b""
        assert self._process.stdout is not None
        while data := await self._process.stdout.receive_some(_READ_BYTES):
            *lines, buffer = (buffer + data).split(b"\n")
            async with self._changed:
                for line in lines:
                    self._take(json.loads(line))
                self._changed.notify_all()
        async with self._changed:
            self._is_gone = True
            self._changed.notify_all()

    def _take(self, told: Fields) -> None:
        if "id" in told:
            self._answers[told["id"]] = told
        else:
            self._events.append(told)

    def _log_end(self) -> str:
        return self._log.read_text(errors="replace")[-_LOG_CHARACTERS:]


@asynccontextmanager
async def foreign_peer(
    program: Sequence[str], name: str, log: Path, options: Mapping[str, object]
) -> AsyncGenerator[Foreign]:
    """Run a node for the time of the block; the same name is the same peer."""
    seed = hashlib.sha256(f"foreign {name}".encode()).hexdigest()
    words = [*program, json.dumps({"seed": seed, "listen": LOOPBACK, **options})]
    with log.open("ab") as errors:
        process = await trio.lowlevel.open_process(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        async with trio.open_nursery() as nursery:
            foreign = Foreign(process, name, log)
            nursery.start_soon(foreign.listen)
            with trio.fail_after(START_S_MAX):
                ready = await foreign.heard("ready")
            foreign.peer = PeerId.parse(ready["peer"])
            foreign.addresses = tuple(ready["addresses"])
            yield foreign
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await _end(process)


async def _end(process: trio.Process) -> None:
    """It ends when its input does; one that does not is killed, by its id."""
    assert process.stdin is not None
    with suppress(trio.BrokenResourceError):
        await process.stdin.aclose()
    with trio.move_on_after(END_S_MAX):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    assert process.stdout is not None
    await process.stdout.aclose()
