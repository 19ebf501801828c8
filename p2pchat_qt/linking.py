"""Links in texts of others: found by us, drawn by us, in text that stays plain."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtQuick import QQuickTextDocument

from p2pchat_qt.shown import links

__all__ = ["Linked"]


class _Painter(QSyntaxHighlighter):
    """Draws the links of one document."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
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
        for begin, end in links(text):
            first = _units(text, begin)
            self.setFormat(first, _units(text, end) - first, self._format)


class Linked(QObject):
    """Painters of the texts that are shown; one goes with its text."""

    def paint(self, quick: QQuickTextDocument, colour: str) -> None:
        """Draw the links of a text from now on."""
        document = quick.textDocument()
        found = document.findChild(_Painter)
        painter = found if isinstance(found, _Painter) else _Painter(document)
        painter.colour(colour)

    def at(self, words: str, place: int) -> str:
        """The link at a place, which is counted as Qt does; empty for none."""
        for begin, end in links(words):
            if _units(words, begin) <= place < _units(words, end):
                return words[begin:end]
        return ""


def _units(text: str, at: int) -> int:
    """A place counted in UTF-16."""
    return len(text[:at].encode("utf-16-le", "surrogatepass")) // 2
