"""Links in texts of others: found by us, drawn by us, in text that stays plain."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextCharFormat
from PySide6.QtQuick import QQuickTextDocument
from shiboken6 import getCppPointer

from p2pchat_qt.shown import links

__all__ = ["Linked"]


class _Painter(QSyntaxHighlighter):
    """Draws the links of one document."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._format = QTextCharFormat()
        self._format.setFontUnderline(True)
        self._colour = ""

    def colour(self, colour: str) -> None:
        """Draw them in this."""
        if colour != self._colour:
            self._colour = colour
            self._format.setForeground(QColor(colour))
            self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        for first, past, _ in _placed(text):
            self.setFormat(first, past - first, self._format)


class Linked(QObject):
    """Painters of the texts that are shown; one goes with its text.

    They are not children of their documents: those are Qt's own, and what Python knows of them
    outlives them.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._painters = dict[int, _Painter]()

    def paint(self, quick: QQuickTextDocument, colour: str) -> None:
        """Draw the links of a text from now on."""
        document = quick.textDocument()
        place = int(getCppPointer(document)[0])
        painter = self._painters.get(place)
        if painter is None:
            painter = self._painters[place] = _Painter(self)
            painter.setDocument(document)
            document.destroyed.connect(lambda: self._forget(place))
        painter.colour(colour)

    def _forget(self, place: int) -> None:
        painter = self._painters.pop(place, None)
        if painter is not None:
            painter.deleteLater()

    def at(self, words: str, place: int) -> str:
        """The link at a place, which is counted as Qt does; empty for none."""
        found = (link for first, past, link in _placed(words) if first <= place < past)
        return next(found, "")


def _placed(text: str) -> Iterator[tuple[int, int, str]]:
    """Links with their begin and end counted in UTF-16, as Qt does; in one pass."""
    at = units = 0
    for begin, end in links(text):
        first = units + _units(text[at:begin])
        at, units = end, first + _units(text[begin:end])
        yield first, units, text[begin:end]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
