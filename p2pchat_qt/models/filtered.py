"""The rows of a list that have certain words in a part of them."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSortFilterProxyModel, Qt, Slot

from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.values import Row

__all__ = ["Filtered"]


class Filtered(QSortFilterProxyModel):
    """In the order of the list."""

    def __init__(self, rows: RowsModel, part: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        names = {bytes(name.data()).decode(): role for role, name in rows.roleNames().items()}
        self.setFilterRole(names[part])
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setSourceModel(rows)

    def look_for(self, words: str) -> None:
        """Show those with these words, all for none."""
        self.setFilterFixedString(words)

    @Slot(int, result="QVariantMap")
    def at(self, place: int) -> Row:
        """One row; empty beside the list."""
        index = self.mapToSource(self.index(place, 0))
        return self._rows.at(index.row()) if index.isValid() else {}
