"""What the system does for the window: opens it when one logs in, and gives it links."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication, Slot

from p2pchat_qt.platform.autostart import Autostart
from p2pchat_qt.platform.url_scheme import UrlScheme
from p2pchat_qt.session import Session
from p2pchat_qt.viewmodels.base import ViewModel

__all__ = ["SystemView"]


class SystemView(ViewModel):
    """Read when the settings are opened: other programs change it, too."""

    def __init__(self, session: Session, home: Path | None) -> None:
        """With no home, as in the demo, nothing of it is offered."""
        super().__init__(session)
        self._autostart = Autostart(home) if home is not None else None
        self._links = UrlScheme(home) if home is not None else None
        self.put(
            canStart=self._autostart is not None,
            canOpenLinks=self._links is not None and self._links.is_possible,
            starts=False,
            opensLinks=False,
        )

    @Slot()
    def refresh(self) -> None:
        """Look again."""
        try:
            self.put(
                starts=self._autostart is not None and self._autostart.is_on(),
                opensLinks=self._links is not None and self._links.is_on(),
            )
        except OSError as error:
            self._fail(error)

    @Slot(bool)
    def start_with_system(self, is_on: bool) -> None:
        """Have the window open when one logs in, or not."""
        self._turn(self._autostart, is_on)

    @Slot(bool)
    def open_links(self, is_on: bool) -> None:
        """Have `dchat://` links of other programs open here, or not."""
        self._turn(self._links, is_on)

    def _turn(self, part: Autostart | UrlScheme | None, is_on: bool) -> None:
        if part is not None:
            try:
                part.turn(is_on)
            except OSError as error:
                self._fail(error)
        self.refresh()

    def _fail(self, error: OSError) -> None:
        words = QCoreApplication.translate("System", "The system does not take it: %1")
        self.session.notices.fail(words.replace("%1", str(error)))
