"""What must not go by unseen: keys that changed, further devices, what only a fault or an attack
explains, and rooms that one is not let into. It is said at once, and stands in the fault log."""

from __future__ import annotations

import logging

from PySide6.QtCore import QCoreApplication, QObject

from p2pchat_qt.session import Session
from p2pchat_qt.shown import name_text
from p2pchat_qt.values import Row, text
from p2pchat_qt.viewmodels.sidebar import SidebarView

__all__ = ["Alarms"]

logger = logging.getLogger(__name__)


class Alarms(QObject):
    """Hears events and tells them in a sentence."""

    def __init__(self, session: Session, sidebar: SidebarView) -> None:
        super().__init__(session)
        self._session = session
        self._sidebar = sidebar
        session.told.connect(self._hear)

    def _hear(self, batch: list[Row]) -> None:
        for words in filter(None, map(self._words, batch)):
            logger.warning("%s", words)
            self._session.notices.fail(words)

    def _words(self, event: Row) -> str:
        account = text(event, "account")
        match event["type"]:
            case "KeyChanged":
                words = QCoreApplication.translate(
                    "Alarms",
                    "A device of %1 says that it acts for another account. Nothing is sent to them"
                    " before you have compared the safety number.",
                )
            case "DeviceAdded" if account == self._session.account:
                words = QCoreApplication.translate(
                    "Alarms",
                    "Your account acts through a further device now. If it is not yours, end it in"
                    " the settings.",
                )
            case "DeviceAdded":
                words = QCoreApplication.translate("Alarms", "%1 uses a further device now.")
            case "SecurityAlert":
                words = QCoreApplication.translate("Alarms", "Something about %1 is not right: %2")
            case "JoinFailed":
                words = QCoreApplication.translate("Alarms", "You do not come into %1: %2")
            case _:
                return ""
        reason = self._session.notices.say(text(event, "reason"))
        name = name_text(text(event, "name")) or self._name(account)
        return words.replace("%2", reason).replace("%1", name)

    def _name(self, account: str) -> str:
        """What somebody is called here."""
        rows = self._sidebar.list.rows
        title = next((text(each, "title") for each in rows if each["account"] == account), "")
        return title or account[:12]
