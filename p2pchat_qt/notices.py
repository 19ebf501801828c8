"""Short sentences in the window: what went wrong, and what was done."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from p2pchat.portal import Language, worded

__all__ = ["Notices"]


class Notices(QObject):
    """Tells the window; it shows the newest for as long as it takes to read it."""

    told = Signal(str, bool)
    """A sentence, and whether it is an error."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.language: Language = "en"

    def fail(self, sentence: str) -> None:
        """Something did not work; `sentence` is the library's."""
        self.told.emit(self.say(sentence), True)

    @Slot(str)
    def tell(self, sentence: str) -> None:
        """Something was done; `sentence` is in the window's language."""
        self.told.emit(sentence, False)

    def say(self, sentence: str) -> str:
        """A sentence of the library in the window's language, begun like one and ended like one."""
        said = worded(sentence, self.language)
        said = said[:1].upper() + said[1:]
        return said if said.endswith((".", "。", "!", "?")) or not said else f"{said}{self._stop}"

    @property
    def _stop(self) -> str:
        return "。" if self.language == "zh" else "."
