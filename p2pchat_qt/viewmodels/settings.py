"""The settings page: what others see of us, what they are told, and how the home is locked."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Signal, Slot

from p2pchat_qt.session import Session
from p2pchat_qt.shown import message_text, name_text
from p2pchat_qt.values import Row, flag, number, row, rows, text
from p2pchat_qt.viewmodels.base import ViewModel

__all__ = ["SettingsView"]


class SettingsView(ViewModel):
    """Read when the page is opened."""

    done = Signal(str)
    """A verb by its name; the page says it in words."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.put(
            name="", bio="", account="", readReceipts=False, typingNotices=False,
            roomsFrom="contacts", devices=[], home=str(session.home), isBusy=False,
            hasTray=True,
        )  # fmt: skip
        session.phase_changed.connect(self._phase)

    @Slot()
    def refresh(self) -> None:
        """Read it again."""
        if self.session.phase == "open":
            self.do(self._read())

    @Slot(str, str)
    def save_profile(self, name: str, bio: str) -> None:
        """What others see of us."""
        self._and_read("profile", "profile", name=name_text(name), bio=bio.strip())

    @Slot(QUrl)
    def set_avatar(self, file: QUrl) -> None:
        """A picture from a file."""
        self._and_read("avatar", "profile", avatar_path=file.toLocalFile())

    @Slot(bool)
    def tell_read(self, is_on: bool) -> None:
        """Whether others are told what was read."""
        self._and_read("", "read_receipts", value="on" if is_on else "off")

    @Slot(bool)
    def tell_typing(self, is_on: bool) -> None:
        """Whether contacts see that we are writing to them, and we that they are."""
        self._and_read("", "typing_notices", is_on=is_on)

    @Slot(str)
    def set_rooms_from(self, value: str) -> None:
        """Into whose rooms we go without a question."""
        self._and_read("", "rooms_from", value=value)

    @Slot(str, str)
    def change_passphrase(self, old: str, new: str) -> None:
        """Lock the home by another passphrase, by one, or by none."""
        self._and_read("passphrase", "change_passphrase", old=old or None, new=new or None)

    @Slot(QUrl, str)
    def export(self, file: QUrl, passphrase: str) -> None:
        """Write everything to a file that a passphrase locks."""
        path = Path(file.toLocalFile() or file.toString())
        self._and_read("export", "export", path=str(path), passphrase=passphrase, overwrite=True)

    @Slot(str)
    def revoke(self, device: str) -> None:
        """End a device of ours for good."""
        self._and_read("device", "revoke_device", peer_id=device)

    def _phase(self) -> None:
        if self.session.phase == "open":
            self.refresh()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _and_read(self, done: str, method: str, **params: object) -> None:
        async def work() -> None:
            self.put(isBusy=True)
            try:
                await self.session.call(method, **params)
            finally:
                self.put(isBusy=False)
            await self._read()
            if done:
                self.done.emit(done)

        self.act(work())

    async def _read(self) -> None:
        profile = row(await self.session.call("profile"))
        self.put(
            name=name_text(text(profile, "name")),
            bio=message_text(text(profile, "bio")),
            account=self.session.account,
            readReceipts=bool(await self.session.call("read_receipts")),
            typingNotices=bool(await self.session.call("typing_notices")),
            roomsFrom=str(await self.session.call("rooms_from")),
            devices=[_device(each) for each in rows(await self.session.call("devices"))],
        )


def _device(device: Row) -> Row:
    return {
        "id": text(device, "peer_id"),
        "isThis": flag(device, "is_this"),
        "isRevoked": bool(device.get("revoked_at")),
        "at": number(device, "certified_at"),
    }
