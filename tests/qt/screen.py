"""A user's eyes and hands: what is on the screen, and clicks and keys on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QInputMethodEvent, QWheelEvent
from PySide6.QtQuick import QQuickItem, QQuickWindow
from PySide6.QtTest import QTest

from p2pchat_qt.app import App
from p2pchat_qt.session import Start
from tests.qt.pretended import Client, enter

T = TypeVar("T")
PATIENCE_S = 30.0


async def until(is_so: Callable[[], T]) -> T:
    """What `is_so` answers, once that is true; the screen is alive meanwhile."""
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while not (found := is_so()):
        assert asyncio.get_running_loop().time() < end, "it does not come about"
        await asyncio.sleep(0.01)
    return found


async def by_hand(act: Callable[[], object]) -> None:
    """Do it from Qt's loop and not from a task: `QTest` handles events meanwhile, and no task may
    take a step within another one's."""
    done = asyncio.Event()

    def acted() -> None:
        try:
            act()
        finally:
            done.set()

    QTimer.singleShot(0, acted)
    await done.wait()


class Screen:
    """One window and who sits before it."""

    def __init__(
        self,
        home: Path,
        size: tuple[int, int] = (1000, 720),
        *,
        offline: bool = False,
        client: Client | None = None,
        keeps: bool = False,
    ):
        """With a pretended client nothing is started. What is chosen is kept if it is told to."""
        self.app = App(Start(home, offline), home if keeps else None)
        self.app.preferences.force(language="en", theme="light")
        self.window: QQuickWindow = self.app.show(size=size)
        self.is_closed = False
        self.told = list[str]()
        self.app.notices.told.connect(lambda words, is_error: self.told.append(words))
        if client is None:
            self.app.session.begin()
        else:
            enter(self.app.session, client)

    async def aclose(self) -> None:
        """Close window and client, if they are not yet."""
        if not self.is_closed:
            self.is_closed = True
            await self.app.aclose()

    # Eyes

    def items(self) -> Iterator[QQuickItem]:
        """Everything that is visible, from the bottom to the top."""
        waiting = [self.window.contentItem()]
        while waiting:
            item = waiting.pop()
            if item.isVisible():
                yield item
                waiting.extend(item.childItems())

    def find(self, name: str) -> QQuickItem | None:
        """The visible item with this object name, the topmost if there are several."""
        found = [each for each in self.items() if each.objectName() == name]
        return found[-1] if found else None

    async def item(self, name: str) -> QQuickItem:
        """The same, once it is there and has a size."""
        return await until(
            lambda: item if (item := self.find(name)) is not None and item.width() > 0 else None
        )

    def texts(self) -> list[str]:
        """All texts on the screen."""
        bounds = QRectF(0, 0, self.window.width(), self.window.height())
        return [
            text
            for each in self.items()
            if isinstance(text := each.property("text"), str)
            and text
            and bounds.intersects(each.mapRectToScene(each.boundingRect()))
        ]

    def sees(self, text: str) -> bool:
        """Whether a text stands somewhere on the screen."""
        return any(text in each for each in self.texts())

    async def see(self, text: str) -> None:
        """Wait for a text on the screen."""
        await until(lambda: self.sees(text))

    async def frame(self) -> None:
        """Let one picture be drawn."""
        self.window.grabWindow()
        await asyncio.sleep(0.02)

    def shoot(self, file: Path) -> None:
        """Write what is seen to a file, for people to look at."""
        file.parent.mkdir(parents=True, exist_ok=True)
        assert self.window.grabWindow().save(str(file))

    # Hands

    async def sit_down(self) -> None:
        """Have this window before oneself: keys go to one window at a time."""
        if not self.window.isActive():
            self.window.requestActivate()
            await until(self.window.isActive)

    async def click(self, name: str, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
        """Click in the middle of an item, if need be after turning the wheel: what was saved is
        told on a line of its own, which moves what stands below."""
        await self.sit_down()
        item = await self.item(name)
        await until(item.isEnabled)
        await self._still(item)
        if not self._is_inside(item):
            await self.reveal(name)
            await self._still(item)
        await self.click_at(item, QPointF(item.width() / 2, item.height() / 2), button)

    async def _still(self, item: QQuickItem) -> None:
        """Wait until an item is drawn where it stays."""
        places = [QPointF(-1, -1), QPointF()]
        while places[-1] != places[-2]:
            self.window.grabWindow()
            await asyncio.sleep(0.02)
            places.append(item.mapToScene(QPointF(item.width() / 2, item.height() / 2)))

    async def click_at(
        self, item: QQuickItem, at: QPointF, button: Qt.MouseButton = Qt.MouseButton.LeftButton
    ) -> None:
        """Click at a place of an item."""
        place = QPoint(item.mapToScene(at).toPoint())
        none = Qt.KeyboardModifier.NoModifier
        await by_hand(lambda: QTest.mouseClick(self.window, button, none, place))

    async def wheel(self, item: QQuickItem, by: int) -> None:
        """Turn the wheel over an item; up is positive."""
        at = item.mapToScene(QPointF(item.width() / 2, item.height() / 2))
        event = QWheelEvent(
            at, self.window.mapToGlobal(at), QPoint(), QPoint(0, by), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        event.setTimestamp(time.monotonic_ns() // 1_000_000)  # how fast it is turned
        await by_hand(lambda: QCoreApplication.sendEvent(self.window, event))

    async def turn(self, item: QQuickItem, by: int, is_so: Callable[[], object]) -> None:
        """Turn the wheel over an item until something is so, however long what is read for it
        takes."""
        end = asyncio.get_running_loop().time() + PATIENCE_S
        while not is_so():
            assert asyncio.get_running_loop().time() < end, "it does not come about"
            await self.wheel(item, by)
            await self.frame()

    async def reveal(self, name: str) -> None:
        """Turn the wheel until an item of a page is in the window."""
        item = above = await self.item(name)
        while above.property("contentY") is None:
            above = above.parentItem()

        def is_inside() -> bool:
            return self._is_inside(item, top=60, bottom=20)

        await self.turn(above, -120, is_inside)
        await until(lambda: not above.property("moving"))  # a press would only stop it

    def _is_inside(self, item: QQuickItem, top: int = 0, bottom: int = 0) -> bool:
        """Whether the middle of an item is in the window, so far from its edges."""
        middle = item.mapToScene(QPointF(item.width() / 2, item.height() / 2))
        return top < middle.y() < self.window.height() - bottom

    async def key(
        self,
        key: Qt.Key,
        modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    ) -> None:
        """Press and release a key."""
        await self.sit_down()
        await by_hand(lambda: QTest.keyClick(self.window, key, modifier))

    async def type(self, words: str) -> None:
        """Write where the cursor is, as an input method does, which knows every script."""
        focused = self.window.focusObject()
        assert focused is not None, "nothing takes what is typed"
        event = QInputMethodEvent()
        event.setCommitString(words)
        await by_hand(lambda: QCoreApplication.sendEvent(focused, event))

    async def write_into(self, name: str, words: str) -> None:
        """Click into a field, and write."""
        await self.click(name)
        await until(lambda: self.window.focusObject() is not self.window)
        await self.type(words)

    async def send(self, words: str) -> None:
        """Say something in the open conversation."""
        await self.write_into("input", words)
        await self.key(Qt.Key.Key_Return)
        await self.see(words)

    def body(self, words: str) -> QQuickItem | None:
        """The text of a message."""
        bodies = (each for each in self.items() if each.objectName() == "body")
        return next((each for each in bodies if each.property("text") == words), None)

    def state_of(self, words: str) -> str:
        """The state that is shown on a message of ours; empty if it is not on the screen."""
        row = self.body(words)
        while row is not None and not row.objectName().startswith("bubble-"):
            row = row.parentItem()
        marks = [] if row is None else [each for each in below(row) if each.isVisible()]
        names = [each.objectName() for each in marks if each.objectName().startswith("state-")]
        return names[0].removeprefix("state-") if names else ""


def below(item: QQuickItem) -> Iterator[QQuickItem]:
    """All within an item, seen or not."""
    for each in item.childItems():
        yield each
        yield from below(each)
