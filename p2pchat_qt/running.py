"""One run of the program: the application, its loop, the window, and an orderly end."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import qasync  # pyright: ignore[reportMissingTypeStubs]
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QIcon
from PySide6.QtQuickControls2 import QQuickStyle
from PySide6.QtWidgets import QApplication

from p2pchat.portal import default_home
from p2pchat_qt.app import App
from p2pchat_qt.collecting import collecting_here
from p2pchat_qt.platform.instance import Instance, Place
from p2pchat_qt.platform.tray import Tray
from p2pchat_qt.screenshot import screenshot
from p2pchat_qt.session import Start

__all__ = ["Options", "application", "run"]

TURN_S = 0.001
"""For as long as this a thread keeps Python's lock while the window waits for it. That is once for
each call from Qt into Python, of which a frame has many; Python's own measure is five times it."""
TAKE_TIMES = 20
TAKE_AGAIN_S = 1.0
_SILENT = "Another window of this home does not answer; wait until it has closed, or end it.\n"
_RESOURCES = Path(__file__).parent / "resources"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    home: Path | None = None
    is_demo: bool = False
    language: str | None = None
    theme: str | None = None
    page: str = ""
    size: tuple[int, int] | None = None
    screenshot: Path | None = None
    link: str = ""


def application() -> QApplication:
    """The one application of this process."""
    running = QCoreApplication.instance()
    if isinstance(running, QApplication):
        return running
    sys.setswitchinterval(TURN_S)
    QQuickStyle.setStyle("Basic")
    made = QApplication(sys.argv[:1])
    made.setApplicationName("DChat")
    made.setDesktopFileName("dchat")
    made.setWindowIcon(QIcon(str(_RESOURCES / "dchat.svg")))
    made.setQuitOnLastWindowClosed(False)
    return made


def run(options: Options) -> int:
    """Show the window until its user closes it; the exit status."""
    running = application()
    with ExitStack() as stack:
        start = stack.enter_context(_start(options))
        instance = Instance(start.home)
        loop = cast("asyncio.AbstractEventLoop", qasync.QEventLoop(running))
        asyncio.set_event_loop(loop)
        with closing(loop), collecting_here():
            return loop.run_until_complete(_alone(options, start, instance))


@contextmanager
def _start(options: Options) -> Generator[Start]:
    if not options.is_demo:
        yield Start((options.home or default_home()).absolute())
        return
    from p2pchat_qt.demo import make_demo

    with tempfile.TemporaryDirectory(prefix="dchat-demo-") as directory:
        home = Path(directory) / "home"
        if options.page != "welcome":
            make_demo(home, options.language or "en")
        yield Start(home, offline=True)


async def _alone(options: Options, start: Start, instance: Instance) -> int:
    """Be the one window of a home, or give the link to who is."""
    if options.is_demo or options.screenshot is not None:
        return await _live(options, start, instance)
    place = instance.take(options.link)
    for _ in range(TAKE_TIMES):  # one that begins or ends takes some seconds
        if place is Place.SILENT:
            await asyncio.sleep(TAKE_AGAIN_S)
            place = instance.take(options.link)
    if place is Place.SILENT:
        sys.stderr.write(_SILENT)
    if place is not Place.FREE:
        return int(place is Place.SILENT)
    try:
        return await _live(options, start, instance)
    finally:
        instance.leave()


async def _live(options: Options, start: Start, instance: Instance) -> int:
    app = App(start, None if options.is_demo else start.home)
    app.preferences.force(language=options.language, theme=options.theme)
    closed = asyncio.Event()
    app.closed.connect(closed.set)
    instance.asked.connect(app.called)
    try:
        window = app.show(options.page, options.size)
        app.session.begin()
        if options.screenshot is not None:
            return await screenshot(app, window, options.page, options.screenshot)
        tray = Tray(app, window)
        app.follow(options.link)
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError):  # Windows has its own ways
                asyncio.get_running_loop().add_signal_handler(number, closed.set)
        await closed.wait()
        tray.close()
        return 0
    finally:
        instance.close()
        await app.aclose()
