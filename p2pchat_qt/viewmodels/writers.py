"""Who is writing to us at this moment, and telling others that we are; where both want it."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Slot

from p2pchat_qt.session import Session
from p2pchat_qt.values import Row, flag, text, texts
from p2pchat_qt.viewmodels.base import ViewModel

__all__ = ["WritersView"]

AGAIN_S = 2.0
"""Each key is told of here, and one in so long goes on to the client, which says less of it yet."""


class WritersView(ViewModel):
    """`now.accounts` are writing to us."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._account = ""
        """Whom we are writing to."""
        self._told_s = 0.0
        self.put(accounts=[])
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)

    @Slot(str, bool)
    def typed(self, account: str, is_typing: bool) -> None:
        """The text for this contact, if it is one, has changed under somebody's hands; or it was
        sent or taken away."""
        if self._account not in ("", account):
            self._tell(self._account, is_typing=False)
        if is_typing and account:
            now_s = asyncio.get_running_loop().time()
            if self._account != account or now_s >= self._told_s + AGAIN_S:
                self._told_s = now_s
                self._tell(account, is_typing=True)
        elif self._account:
            self._tell(self._account, is_typing=False)

    def _tell(self, account: str, *, is_typing: bool) -> None:
        self._account = account if is_typing else ""
        if self.session.phase == "open":
            self.do(self.session.call("typing", account=account, is_typing=is_typing))

    def _phase(self) -> None:
        if self.session.phase != "open":
            self._account = ""
            self.put(accounts=[])

    def _hear(self, batch: list[Row]) -> None:
        writing = set(texts(self.value("accounts")))
        for event in batch:
            if event["type"] == "TypingChanged":
                account = text(event, "account")
                (writing.add if flag(event, "is_typing") else writing.discard)(account)
            elif event["type"] == "EventsDropped":
                writing.clear()  # perhaps they have stopped since
        self.put(accounts=sorted(writing))
