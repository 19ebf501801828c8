"""The icon beside the clock: how much is unread, and notices of what is new while nobody looks.

A system may have no place for it. There the window's entry in the task bar asks for attention,
which says that there is something and not what; the settings say so.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtQuick import QQuickWindow
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from p2pchat_qt.app import App
from p2pchat_qt.models.announcing import Announcing, Notice
from p2pchat_qt.values import Row

__all__ = ["Tray", "notice_words"]

PAUSE_MS = 5_000
"""Between two notices."""
_ICON = Path(__file__).parent.parent / "resources" / "dchat.svg"


class Tray(QObject):
    """The icon is there only where the system has a place for it."""

    wants_attention = Signal()
    """Something is new, and no notice can be shown."""

    def __init__(self, app: App, window: QQuickWindow) -> None:
        super().__init__(app)
        self._app, self._window = app, window
        self._icon: QSystemTrayIcon | None = None
        self._announcing = Announcing()
        self._told: Notice | None = None
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._tell)
        self._app.session.told.connect(self._hear)
        self.wants_attention.connect(lambda: window.alert(0))
        has_tray = QSystemTrayIcon.isSystemTrayAvailable()
        app.views.settings.put(hasTray=has_tray)
        if has_tray:
            self._show()
        app.asked_to_show.connect(self._raise)

    def close(self) -> None:
        """Take it away."""
        self._pause.stop()
        if self._icon is not None:
            self._icon.hide()

    def _show(self) -> None:
        icon = self._icon = QSystemTrayIcon(QIcon(str(_ICON)), self)
        self._menu = QMenu()
        self._opening = self._menu.addAction("", self._raise)
        self._quitting = self._menu.addAction("", self._app.quit)
        icon.setContextMenu(self._menu)
        icon.activated.connect(self._activated)
        icon.messageClicked.connect(self._clicked)
        self._app.preferences.language_changed.connect(self._name)
        self._name()
        icon.show()

    def _name(self) -> None:
        self._opening.setText(QCoreApplication.translate("Tray", "Open DChat"))
        self._quitting.setText(QCoreApplication.translate("Tray", "Quit"))

    def _raise(self) -> None:
        self._window.setWindowStates(self._window.windowStates() & ~Qt.WindowState.WindowMinimized)
        self._window.show()
        self._window.raise_()
        self._window.requestActivate()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is not QSystemTrayIcon.ActivationReason.Context:  # that opens the menu
            self._raise()

    def _clicked(self) -> None:
        """On a notice: where it leads."""
        self._raise()
        if self._told is not None and self._told.conversation:
            self._app.opening.emit(self._told.conversation)

    def _hear(self, batch: list[Row]) -> None:
        if self._window.isActive() or self._app.preferences.value("notify") == "off":
            self._announcing.forget()
            return
        self._announcing.hear(batch)
        if not self._pause.isActive():
            self._tell()

    def _tell(self) -> None:
        notice = self._announcing.take()
        if notice is None or self._window.isActive():
            return
        self._told = notice
        self._pause.start(PAUSE_MS)
        if self._icon is None:
            self.wants_attention.emit()
            return
        is_hidden = self._app.preferences.value("notify") == "hidden"
        self._icon.showMessage(*notice_words(notice, is_hidden=is_hidden), QIcon(str(_ICON)))
        unread = self._app.views.sidebar.value("unread")
        self._icon.setToolTip(f"DChat ({unread})" if unread else "DChat")


def notice_words(notice: Notice, *, is_hidden: bool) -> tuple[str, str]:
    """Title and body. Desktops of Linux read a body as markup: there what is written by others is
    made harmless."""
    title, words = notice.name, notice.words
    match notice.kind:
        case "request":
            words = QCoreApplication.translate("Tray", "Asks for an answer")
        case "alarm":
            title, words = (
                "",
                QCoreApplication.translate("Tray", "The key of a contact is in doubt"),
            )
        case _ if is_hidden:
            words = QCoreApplication.translate("Tray", "New message")
        case _ if notice.more:
            more = QCoreApplication.translate("Tray", "and %1 more")
            words = f"{words} ({more.replace('%1', str(notice.more))})"
        case _:
            pass
    if sys.platform.startswith("linux"):
        words = escape(words, quote=False)
    return "DChat" if is_hidden or not title else title, words
