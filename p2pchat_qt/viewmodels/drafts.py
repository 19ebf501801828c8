"""What was begun to be written, conversation by conversation: what was typed is not lost.

It is here from the first key on and on disk within half a second, however fast one types, and at
the end. While the client is down it stays here; what could not be sent is a draft again.
"""

from __future__ import annotations

import asyncio

from p2pchat.errors import NodeClosed
from p2pchat_qt.jobs import Again, Jobs
from p2pchat_qt.session import Session

__all__ = ["Drafts"]

SAVE_S = 0.5
CLOSE_S = 2.0


class Drafts:
    """One text for each conversation; the newest counts, wherever it stands."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._jobs = Jobs(session.notices.fail)
        self._saving = Again(self._jobs, self._save_soon)
        self._here = dict[str, str]()
        self._unsaved = set[str]()

    def text(self, id: str) -> str:
        """What stands in a conversation's box, as far as it is known here."""
        return self._here.get(id, "")

    def typed(self, id: str, words: str) -> None:
        """This stands in its box now."""
        if self._here.get(id) != words:
            self._here[id] = words
            self._unsaved.add(id)
            self._saving.ask()

    def give_back(self, id: str, words: str) -> None:
        """These could not be sent: they stand before what was typed since."""
        since = self.text(id)
        self.typed(id, f"{words}\n{since}" if since.strip() else words)

    def sent(self, id: str) -> None:
        """Something was sent there, which took what is on disk away: not what was typed since."""
        if self.text(id):
            self._unsaved.add(id)
            self._saving.ask()

    async def read(self, id: str) -> str:
        """What stands in a conversation's box, from the disk if nothing was typed since."""
        if id not in self._here:
            stored = str(await self._session.call("draft", conversation=id) or "")
            self._here.setdefault(id, stored)
        return self._here[id]

    def save(self) -> None:
        """The client is there again."""
        if self._unsaved:
            self._saving.ask()

    async def aclose(self) -> None:
        """Write down what is not, if that does not take long."""
        await self._jobs.aclose()
        last = Jobs(self._session.notices.fail)
        last.start(self._save())
        await last.finish(CLOSE_S)
        await last.aclose()

    async def _save_soon(self) -> None:
        await asyncio.sleep(SAVE_S)
        await self._save()

    async def _save(self) -> None:
        for id in sorted(self._unsaved):
            words = self._here[id]
            if self._session.phase != "open":
                return
            try:
                await self._session.call("draft", conversation=id, text=words)
            except NodeClosed:
                return
            except Exception:
                self._unsaved.discard(id)  # it is told once, and tried again with the next key
                raise
            if self._here[id] == words:
                self._unsaved.discard(id)
