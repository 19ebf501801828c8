"""The icon beside the clock: unread messages, and notices of new ones while nobody looks."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QIcon
from PySide6.QtQuick import QQuickWindow
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from p2pchat_qt.app import App
from p2pchat_qt.shown import name_text, preview_text
from p2pchat_qt.values import Row, row, text

__all__ = ["Tray"]

_ICON = Path(__file__).parent.parent / "resources" / "dchat.svg"


class Tray(QObject):
    """There only where the system has a place for it."""

    def __init__(self, app: App, window: QQuickWindow) -> None:
        super().__init__(app)
        self._app, self._window = app, window
        self._icon: QSystemTrayIcon | None = None
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._show()
        app.asked_to_show.connect(self._raise)

    def close(self) -> None:
        """Take it away."""
        if self._icon is not None:
            self._icon.hide()

    def _show(self) -> None:
        icon = self._icon = QSystemTrayIcon(QIcon(str(_ICON)), self)
        self._menu = QMenu()
        self._opening = self._menu.addAction("", self._raise)
        self._quitting = self._menu.addAction("", self._app.quit)
        icon.setContextMenu(self._menu)
        icon.activated.connect(self._raise)
        icon.messageClicked.connect(self._raise)
        self._app.session.told.connect(self._hear)
        self._app.preferences.language_changed.connect(self._name)
        self._name()
        icon.show()

    def _name(self) -> None:
        self._opening.setText(QCoreApplication.translate("Tray", "Open DChat"))
        self._quitting.setText(QCoreApplication.translate("Tray", "Quit"))

    def _raise(self) -> None:
        self._window.show()
        self._window.raise_()
        self._window.requestActivate()

    def _hear(self, batch: list[Row]) -> None:
        icon = self._icon
        wanted = self._app.preferences.value("notify")
        if icon is None or wanted == "off" or self._window.isActive():
            return
        new = [row(event["message"]) for event in batch if event["type"] == "MessageReceived"]
        if not new:
            return
        last = new[-1]
        if wanted == "hidden":
            title, words = "DChat", QCoreApplication.translate("Tray", "New message")
        else:
            title, words = name_text(text(last, "author_name")), preview_text(text(last, "text"))
        icon.showMessage(title, words, QIcon(str(_ICON)))
