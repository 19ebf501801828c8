"""Rooms: making them, coming into them, and what owners and admins do there."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot

from p2pchat_qt.qr import qr_uri
from p2pchat_qt.session import Session
from p2pchat_qt.shown import name_text
from p2pchat_qt.values import row, text
from p2pchat_qt.viewmodels.base import ViewModel
from p2pchat_qt.viewmodels.sidebar import SidebarView

__all__ = ["RoomsView"]

DAY_S = 24 * 60 * 60


class RoomsView(ViewModel):
    """What a room page can do."""

    entered = Signal(str)
    """We are in a room now, or wait to be let in."""
    left = Signal(str)

    def __init__(self, session: Session, sidebar: SidebarView) -> None:
        super().__init__(session)
        self.sidebar = sidebar
        self._wanted: tuple[str, int, int] | None = None
        self.put(invite="", qr="", isInviting=False, isBusy=False)

    @Slot(str, "QVariantList", str)
    def create(self, name: str, members: list[str], history: str) -> None:
        """Begin a room by invitation with these accounts in it; `history` is what who comes later
        may have of its past."""
        self._enter("create_room", name=name_text(name), members=list(members), history=history)

    @Slot(str)
    def join_open(self, name: str) -> None:
        """Enter the open room of this name."""
        self._enter("join_open", name=name.strip())

    @Slot(str, str)
    def join_with_password(self, name: str, password: str) -> None:
        """Enter the room of this name and password."""
        self._enter("join_with_password", name=name.strip(), password=password)

    @Slot(str)
    def join(self, link: str) -> None:
        """Ask to be let in by an invitation."""
        self._enter("join", link=link.strip())

    @Slot(str, int, int)
    def make_invite(self, room: str, uses: int, days: int) -> None:
        """A link that lets so many people in, for so many days. Each that is made stays good."""
        self._wanted = room, uses, days
        self.put(invite="", qr="", isInviting=True)
        self.act(self._make_invite(room, uses, days))

    @Slot()
    def forget_invite(self) -> None:
        """Show no link: another one is wanted."""
        self._wanted = None
        self.put(invite="", qr="", isInviting=False)

    @Slot(str, str, str)
    def set_role(self, room: str, account: str, role: str) -> None:
        """Say what an account is in a room; who is none yet is taken in."""
        self._change("set_role", room=room, account=account, role=role)

    @Slot(str, str, bool)
    def remove(self, room: str, account: str, for_good: bool) -> None:
        """Remove a member, perhaps for good."""
        self._change("ban" if for_good else "remove", room=room, account=account)

    @Slot(str, str)
    def rename(self, room: str, name: str) -> None:
        """Give it another name."""
        self._change("rename", room=room, name=name_text(name))

    @Slot(str, str)
    def describe(self, room: str, words: str) -> None:
        """Say what it is about."""
        self._change("describe", room=room, text=words.strip())

    @Slot(str, str)
    def announce(self, room: str, words: str) -> None:
        """Say what all in it shall know."""
        self._change("announce", room=room, text=words.strip())

    @Slot(str, bool)
    def leave(self, room: str, is_joining: bool) -> None:
        """Forget a room, or ask no more to be let in."""
        self.act(self._leave(room, "stop_joining" if is_joining else "leave"))

    def _enter(self, method: str, **params: object) -> None:
        async def work() -> None:
            self.put(isBusy=True)
            try:
                room = row(await self.session.call(method, **params))
            finally:
                self.put(isBusy=False)
            self.sidebar.refresh()
            self.entered.emit(text(room, "id"))

        self.act(work())

    def _change(self, method: str, **params: object) -> None:
        async def work() -> None:
            await self.session.call(method, **params)
            self.sidebar.refresh()

        self.act(work())

    async def _make_invite(self, room: str, uses: int, days: int) -> None:
        link = ""
        try:
            link = str(
                await self.session.call("invite", room=room, uses=uses, expires_s=days * DAY_S)
            )
        finally:
            if self._wanted == (room, uses, days):  # else it stands under another choice
                self.put(invite=link, qr=qr_uri(link) if link else "", isInviting=False)

    async def _leave(self, room: str, method: str) -> None:
        await self.session.call(method, room=room)
        self.left.emit(room)
        self.sidebar.refresh()
