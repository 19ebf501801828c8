"""Pictures of people: read when somebody is first to be seen, and kept as they came.

They are what contacts say of themselves, bounded and checked by the library before it keeps them.
"""

from __future__ import annotations

from zlib import crc32

from PySide6.QtCore import Slot

from p2pchat.errors import UnknownContact
from p2pchat_qt.jobs import Again
from p2pchat_qt.session import Session
from p2pchat_qt.values import Row, row, text
from p2pchat_qt.viewmodels.base import ViewModel
from p2pchat_qt.viewmodels.sidebar import SidebarView

__all__ = ["PICTURES_MAX", "PROVIDER", "FacesView", "Kept"]

PROVIDER = "faces"
"""Who draws them (`p2pchat_qt.pictures`), as addresses of pictures name it."""
PICTURES_MAX = 300
"""Kept encoded, of 24 KiB at most each."""


class Kept:
    """Pictures by account, encoded."""

    def __init__(self) -> None:
        self._pictures = dict[str, bytes]()

    def get(self, account: str) -> bytes:
        """Whose it is; empty for none."""
        return self._pictures.get(account, b"")

    def put(self, account: str, picture: bytes) -> str | None:
        """Whose picture made room for this one."""
        self.drop(account)
        self._pictures[account] = picture
        if len(self._pictures) <= PICTURES_MAX:
            return None
        oldest = next(iter(self._pictures))
        self.drop(oldest)
        return oldest

    def drop(self, account: str) -> None:
        """It may be another one now."""
        self._pictures.pop(account, None)


class FacesView(ViewModel):
    """Where the picture of an account is found. `now.revision` grows when an answer of `of` may be
    another one."""

    def __init__(self, session: Session, sidebar: SidebarView) -> None:
        super().__init__(session)
        self.kept = Kept()
        self._sidebar = sidebar
        self._known = frozenset[str]()
        self._asked = set[str]()
        self._wanted = dict[str, None]()
        self._again = Again(self.jobs, self._read)
        self._revision = 0
        self.put(revision=0)
        sidebar.read_again.connect(self._know)
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)

    @Slot(str, int, result=str)
    def of(self, account: str, revision: int) -> str:
        """The picture's address; empty where there is none, or it has yet to be read."""
        picture = self.kept.get(account)
        if picture:
            return f"image://{PROVIDER}/{account}/{crc32(picture)}"
        if account in self._known and account not in self._asked:
            self._asked.add(account)
            self._wanted[account] = None
            self._again.ask()
        return ""

    def _phase(self) -> None:
        if self.session.phase == "open":
            self._know()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _know(self) -> None:
        """Only who is a contact, or we ourselves, has a profile here."""
        contacts = (text(each, "account") for each in self._sidebar.list.rows)
        known = frozenset(contacts) | {self.session.account}
        if known != self._known:
            self._known = known
            self._tell()

    def _hear(self, batch: list[Row]) -> None:
        changed = {text(each, "account") for each in batch if each["type"] == "ProfileChanged"}
        if any(each["type"] == "EventsDropped" for each in batch):
            changed |= self._asked
        if changed & self._asked:
            self._asked -= changed
            for account in changed:
                self.kept.drop(account)
            self._tell()

    def _tell(self) -> None:
        self._revision += 1
        self.put(revision=self._revision)

    async def _read(self) -> None:
        found = False
        while self._wanted:
            account = next(iter(self._wanted))
            del self._wanted[account]
            found |= await self._keep(account)
        if found:
            self._tell()

    async def _keep(self, account: str) -> bool:
        """Whether there is a picture."""
        try:
            profile = row(
                await self.session.call("profile")
                if account == self.session.account
                else await self.session.call("contact_profile", account=account)
            )
        except UnknownContact:  # no more
            return False
        picture = bytes.fromhex(text(profile, "avatar"))
        if picture:
            gone = self.kept.put(account, picture)
            self._asked -= {gone} if gone else set()
        return bool(picture)
