"""The client behind the window: its life, its events, and every call to it.

Its phase is one of
    welcome   there is nobody yet: a name is asked for
    opening   the client starts; its steps are shown
    open      it can be used, with or without a network
    locked    the home is locked, and a passphrase is asked for
    failed    it could not start, or it broke; `error` says why, and it can be started again
    closed    the window is going
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from p2pchat.errors import NodeClosed, P2PChatError, PassphraseNeeded, WrongPassphrase
from p2pchat.portal import Events, Portal, Told, has_identity
from p2pchat_qt.jobs import Jobs
from p2pchat_qt.models.states import States
from p2pchat_qt.notices import Notices
from p2pchat_qt.values import Row, row, text

__all__ = ["Session", "Start"]

STEPS_MAX = 60


@dataclass(frozen=True, slots=True)
class Start:
    """Where the client lives, and whether it opens a socket."""

    home: Path
    offline: bool = False


class Session(QObject):
    """One client, through as many lives as its user wants."""

    phase_changed = Signal()
    told = Signal(list)
    """Events, a batch for each frame."""

    def __init__(self, start: Start) -> None:
        super().__init__()
        self.notices = Notices(self)
        self.phase = "closed"
        self.error = ""
        self.steps = list[Row]()
        self.states = States()
        self._start = start
        self._portal: Portal | None = None
        self._jobs = Jobs(self.notices.fail)
        self._is_restarting = False

    @property
    def account(self) -> str:
        """Who we are; empty before it is known."""
        return text(self._me, "account")

    _me: Row = {}  # noqa: RUF012 -- replaced as a whole, never changed

    @property
    def me(self) -> Row:
        """What `account` answered."""
        return self._me

    @property
    def home(self) -> Path:
        """Where the client lives."""
        return self._start.home

    @Slot()
    def begin(self) -> None:
        """Open the client, or ask who will be in it."""
        if has_identity(self._start.home):
            self.open()
        else:
            self._enter("welcome")

    def open(self, name: str | None = None, passphrase: str | None = None) -> None:
        """Open the client, the first time with a name."""
        self.steps = []
        self._is_restarting = False
        self._enter("opening")
        self._jobs.start(self._live(name, passphrase or None), failed=lambda _: None)

    def restart(self) -> None:
        """Close the client, which is open, and open it again; a lock asks for nothing."""
        if self.phase == "open" and self._portal is not None:
            self._is_restarting = True
            self._enter("failed")  # who reads something stops, as when the client breaks
            self.steps = []
            self._enter("opening")
            self._jobs.start(self._portal.aclose())

    async def call(self, method: str, /, **params: object) -> object:
        """Ask the client. Raises what the method raises."""
        if self._portal is None:
            raise NodeClosed(
                QCoreApplication.translate("Session", "The client is closed; start it again.")
            )
        return await self._portal.call(method, **params)

    async def refresh_account(self) -> None:
        """Read again who we are: our addresses and our link change."""
        self._me = row(await self.call("account"))

    async def aclose(self) -> None:
        """Close the client; returns when nothing of it is left."""
        self._enter("closed")
        await self._jobs.aclose()
        if self._portal is not None:
            await self._portal.aclose()

    async def _live(self, name: str | None, passphrase: str | None) -> None:
        """The client from its start to its end, through as many lives as it is restarted."""
        if self._portal is not None:
            await self._portal.aclose()
        portal = self._portal = Portal(
            self._start.home, name=name, passphrase=passphrase, offline=self._start.offline
        )
        await self._once(portal)
        while self._is_restarting:
            self._is_restarting = False
            await portal.aclose()
            await self._once(portal)

    async def _once(self, portal: Portal) -> None:
        """One life of the client."""
        events = portal.events()
        listening = asyncio.ensure_future(self._open(portal))
        listening.add_done_callback(lambda opening: _end_with(opening, events))
        try:
            async for batch in events.batches():
                self._hear(batch)
            await listening
        except (PassphraseNeeded, WrongPassphrase) as error:
            self.error = str(error) if isinstance(error, WrongPassphrase) else ""
            self._enter("locked")
        finally:
            listening.cancel()
            events.close()
            error = sys.exception()
            is_over = error is not None or not self._is_restarting
            if is_over and self.phase in ("opening", "open"):  # whatever ended it
                self._fail(_words_for(error))

    async def _open(self, portal: Portal) -> None:
        await portal.start()
        self._me = row(await portal.call("account"))
        self._enter("open")

    def _hear(self, batch: list[Told]) -> None:
        for event in batch:
            if event["type"] == "MessageStateChanged":
                self.states.hear(text(event, "message_id"), text(event, "state"))
        steps = [event for event in batch if event["type"] == "StartupProgress"]
        if steps:
            self.steps = [*self.steps, *steps][-STEPS_MAX:]
        self.told.emit(batch)

    def _fail(self, error: str) -> None:
        self.error = error
        self._enter("failed")

    def _enter(self, phase: str) -> None:
        if phase in ("opening", "open", "welcome"):
            self.error = ""
        if phase != self.phase:
            self.phase = phase
            with suppress(RuntimeError):  # the window is gone already
                self.phase_changed.emit()


def _end_with(opening: asyncio.Future[None], events: Events) -> None:
    """Nothing is told by a client that could not be opened."""
    if opening.cancelled() or opening.exception() is not None:
        events.close()


def _words_for(error: BaseException | None) -> str:
    """Why the client is not there any more, for its user."""
    if isinstance(error, P2PChatError | OSError):
        return str(error)
    if error is None:
        return QCoreApplication.translate("Session", "The client ended; start it again.")
    words = QCoreApplication.translate(
        "Session", "The client ended by a fault (%1); start it again."
    )
    return words.replace("%1", ", ".join(sorted(_kinds(error))))


def _kinds(error: BaseException) -> set[str]:
    """What happened, by the names of the errors, those in groups one by one."""
    if not isinstance(error, BaseExceptionGroup):
        return {type(error).__name__}
    inner = cast("BaseExceptionGroup[BaseException]", error).exceptions
    return {name for each in inner for name in _kinds(each)}
