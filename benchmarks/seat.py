"""One window and who sits before it, driven over standard input and output by a benchmark.

    python -m benchmarks.seat HOME offline|online
    python -m benchmarks.seat bare

Each line is `[method, _, argument]`, each answer one line of JSON. With `bare` there is no window:
its loop turns and does nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import qasync  # pyright: ignore[reportMissingTypeStubs]
from PySide6.QtCore import Qt, QTimer
from PySide6.QtQuick import QQuickItem, QQuickWindow

from p2pchat.model.conversation import open_room_id
from p2pchat_qt.app import App
from p2pchat_qt.collecting import collecting_here
from p2pchat_qt.running import application
from p2pchat_qt.session import Start
from p2pchat_qt.values import Row, row, rows, text

PATIENCE_S = 60.0
FRAME_S = 1 / 60
STEP_PX = 42
"""A frame: 2,500 pixels a second, which is as fast as the list goes by itself when it is flung."""
BUSY_S = 0.2


Times = dict[str, list[float]]
"""Milliseconds: `wall` as a clock has it, `used` of the processor by the window's thread."""


class Clock:
    """What has gone by since it was looked at last."""

    def __init__(self) -> None:
        self.times: Times = {"wall": [], "used": []}
        self.start()

    def start(self) -> None:
        """From now on."""
        self._wall_s, self._used_s = time.perf_counter(), time.thread_time()

    def take(self) -> None:
        """Note it."""
        wall_s, used_s = time.perf_counter(), time.thread_time()
        self.times["wall"].append((wall_s - self._wall_s) * 1000)
        self.times["used"].append((used_s - self._used_s) * 1000)
        self._wall_s, self._used_s = wall_s, used_s


class Gaps:
    """How long the loop was away, turn by turn."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._clock.take)

    def __enter__(self) -> Times:
        self._clock.start()
        self._timer.start(1)
        return self._clock.times

    def __exit__(self, *_: object) -> None:
        self._clock.take()
        self._timer.stop()


class Bare:
    """No window, no client."""

    async def gaps(self, seconds: float) -> Times:
        """Of a loop that has nothing to do."""
        with Gaps() as times:
            await asyncio.sleep(seconds)
        return times

    async def aclose(self) -> None:
        """Nothing is there."""


class Seat:
    """The window of one home."""

    def __init__(self, home: Path, offline: bool) -> None:
        self.app = App(Start(home, offline), None)
        self.app.preferences.force(language="en", theme="light")
        self.window: QQuickWindow = self.app.show(size=(1000, 720))
        self.room = str(open_room_id("crowd"))

    async def begin(self, _: object) -> list[str]:
        """Open the client; its address and its link."""
        self.app.session.begin()
        await self._until(lambda: self.app.views.sidebar.value("isLoaded"))
        self.window.grabWindow()
        self.app.views.chat.seen(True)
        addresses = row(await self.app.session.call("status")).get("addresses") or [""]
        return [str(cast("list[object]", addresses)[0]), text(self.app.session.me, "contact_link")]

    async def opens(self, times: int) -> list[float]:
        """Milliseconds from the click to the picture with the newest messages in it."""
        chat, took = self.app.views.chat, list[float]()
        is_there = asyncio.Event()

        def inserted(*_: object) -> None:
            is_there.set()

        chat.shown.rowsInserted.connect(inserted)
        for _ in range(times):
            chat.open("")
            self.window.grabWindow()
            await asyncio.sleep(0.2)
            is_there.clear()
            began_s = time.perf_counter()
            chat.open(self.room)
            await is_there.wait()
            self.window.grabWindow()
            took.append((time.perf_counter() - began_s) * 1000)
            await self._until(lambda: chat.value("isLoaded"))
        return took

    async def read_all(self, _: object) -> None:
        """Look at what is newest until nothing is unread."""
        self.app.views.chat.to_end()
        await self._until(lambda: not self.app.views.chat.shown.window.has_newer)
        self.app.views.chat.at_end(True)
        await self._until(lambda: not self.app.views.sidebar.value("unread"))

    async def still(self, frames: int) -> Times:
        """So many pictures of what stands there."""
        clock = Clock()
        for _ in range(frames):
            self.window.contentItem().update()
            clock.start()
            self.window.grabWindow()
            clock.take()
            await asyncio.sleep(FRAME_S / 4)
        return clock.times

    async def scroll(self, frames: int) -> dict[str, Times]:
        """The same, each further up."""
        shown, passed, clock = self.app.views.chat.shown, set[str](), Clock()
        with Gaps() as gaps:
            for _ in range(frames):
                clock.start()
                self._move_and_paint()
                clock.take()
                passed |= {text(each, "id") for each in shown.window.messages}
                await asyncio.sleep(max(0.0, FRAME_S - clock.times["wall"][-1] / 1000))
        return {"frames": clock.times, "gaps": gaps, "passed": {"": [float(len(passed))]}}

    async def busy(self, how: list[Any]) -> Times:
        """Gaps while the client's thread computes for 200 ms, some rounds, with pauses."""
        rounds, is_busy, is_moving = how
        with Gaps() as gaps:
            for _ in range(rounds):
                if is_busy:
                    self._client_thread().soon(_compute)
                end_s = time.perf_counter() + BUSY_S
                while time.perf_counter() < end_s:
                    if is_moving:
                        self._move_and_paint()
                    await asyncio.sleep(FRAME_S)
                await asyncio.sleep(BUSY_S / 2)
        return gaps

    async def accept(self, _: object) -> None:
        """Say yes to the first who asks, and look at the conversation with them."""
        call = self.app.session.call
        async with asyncio.timeout(PATIENCE_S):
            while not (asking := rows(await call("contact_requests"))):
                await asyncio.sleep(0.05)
        await call("accept", account=asking[0]["account"])
        await self._until(lambda: len(self.app.views.sidebar.list.rows) > 1)
        there = [each for each in self.app.views.sidebar.list.rows if each["kind"] == "contact"]
        self.app.views.chat.open(text(there[0], "id"))
        await self._until(lambda: self.app.views.chat.value("isLoaded"))

    async def hears(self, count: int) -> dict[str, Any]:
        """Gaps until so many messages have come, and the last of them is shown."""
        came = list[str]()

        def hear(batch: list[Row]) -> None:
            received = (each for each in batch if each["type"] == "MessageReceived")
            came.extend(text(row(each["message"]), "id") for each in received)

        self.app.session.told.connect(hear)
        window, began_s = self.app.views.chat.shown.window, time.perf_counter()
        with Gaps() as gaps:
            await self._until(lambda: len(came) >= count and window.place(came[-1]) is not None)
        took_s = time.perf_counter() - began_s
        return {"gaps": gaps, "shown": [float(len(set(came)))], "took_s": [took_s]}

    async def memory_mb(self, _: object) -> float:
        """Resident memory of this process."""
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    async def aclose(self) -> None:
        """Close window and client."""
        await self.app.aclose()

    def _move_and_paint(self) -> None:
        messages = self.window.findChild(QQuickItem, "messages")
        assert messages is not None, "the list of messages"
        place, top = (float(messages.property(name)) for name in ("contentY", "originY"))
        messages.setProperty("contentY", max(top, place - STEP_PX))
        self.window.grabWindow()

    def _client_thread(self) -> Any:
        portal = self.app.session._portal  # pyright: ignore[reportPrivateUsage]
        assert portal is not None, "the client is open"
        thread = portal._thread  # pyright: ignore[reportPrivateUsage]
        assert thread is not None, "the client is open"
        return thread._entry  # pyright: ignore[reportPrivateUsage]

    async def _until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await asyncio.sleep(0.005)


def _compute() -> None:
    """What a thread does that gives Python's lock away only when it has to."""
    end_s, number = time.perf_counter() + BUSY_S, 0
    while time.perf_counter() < end_s:
        for _ in range(1_000):
            number = (number * 31 + 7) % 1_000_003


async def serve(seat: Bare | Seat) -> None:
    """Do what is asked until nothing more is."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        method, _, argument = json.loads(line)
        answer = await getattr(seat, method)(argument)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await seat.aclose()


def main() -> None:
    running = application()
    loop = cast("asyncio.AbstractEventLoop", qasync.QEventLoop(running))
    asyncio.set_event_loop(loop)
    is_bare = sys.argv[1] == "bare"
    with collecting_here():
        seat = Bare() if is_bare else Seat(Path(sys.argv[1]), sys.argv[2] == "offline")
        loop.run_until_complete(serve(seat))
    loop.close()


if __name__ == "__main__":
    main()
