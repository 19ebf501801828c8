"""`--screenshot`: the window as it is painted, once what it shows has been read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from PySide6.QtQuick import QQuickWindow

from p2pchat_qt.app import App

__all__ = ["screenshot"]

PATIENCE_S = 30.0
POLL_S = 0.05
SETTLED_FRAMES = 6


async def screenshot(app: App, window: QQuickWindow, page: str, file: Path) -> int:
    """Write the picture; the exit status."""
    wanted = "welcome" if page == "welcome" else "open"
    await _until(lambda: app.session.phase in (wanted, "failed", "locked"))
    if app.session.phase == "open":
        await _fill(app, page)
    for _ in range(SETTLED_FRAMES):
        await asyncio.sleep(POLL_S)
        window.grabWindow()
    picture = window.grabWindow()
    file.parent.mkdir(parents=True, exist_ok=True)
    return 0 if picture.save(str(file)) else 1


async def _fill(app: App, page: str) -> None:
    """Open what the page is about, and wait until it is read."""
    sidebar, chat = app.views.sidebar, app.views.chat
    await _until(lambda: bool(sidebar.value("isLoaded")))
    if page.startswith("settings-"):
        await _until(lambda: bool(app.views.config.value("isLoaded")))
    kind = "room" if page == "room" else "contact" if page == "contact" else ""
    shown = [each for each in sidebar.list.rows if kind in ("", each["kind"])]
    if page in ("", "chat", "room", "contact") and shown:
        chat.open(str(shown[0]["id"]))
        await _until(lambda: bool(chat.value("isLoaded")))


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 -- values of the window are no events
            await asyncio.sleep(POLL_S)
