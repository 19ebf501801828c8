"""A list that is replaced as a whole and tells the view only what is different."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Slot,
)

from p2pchat_qt.values import Row

__all__ = ["RowsModel"]

Index = QModelIndex | QPersistentModelIndex
_FIRST_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_NOWHERE = QModelIndex()


class RowsModel(QAbstractListModel):
    """Rows with the same parts, each known by one of them. Every part is a role by its name."""

    def __init__(
        self, parts: Sequence[str], key: str = "id", parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._parts = tuple(parts)
        self._key = key
        self._rows = list[Row]()
        self._places: dict[object, int] | None = {}

    def roleNames(self) -> dict[int, QByteArray]:
        return {_FIRST_ROLE + n: QByteArray(part.encode()) for n, part in enumerate(self._parts)}

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = 0) -> object:
        part = role - _FIRST_ROLE
        if not index.isValid() or not 0 <= part < len(self._parts):
            return None
        return self._rows[index.row()].get(self._parts[part])

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return tuple(self._rows)

    @Slot(int, result="QVariantMap")
    def at(self, place: int) -> Row:
        """One row; empty beside the list."""
        return dict(self._rows[place]) if 0 <= place < len(self._rows) else {}

    def find(self, key: object) -> Row | None:
        """The row known by this."""
        place = self._place(key)
        return None if place is None else self._rows[place]

    def update(self, key: object, change: Callable[[Row], Row]) -> None:
        """Have one row shown otherwise, if it is here."""
        place = self._place(key)
        if place is not None:
            self._set(place, change(self._rows[place]))

    def replace(self, rows: Sequence[Row]) -> None:
        """Show these, in this order. Each key stands in them once."""
        wanted = [row[self._key] for row in rows]
        staying = set(wanted)
        for place in reversed(range(len(self._rows))):
            if self._rows[place][self._key] not in staying:
                self.beginRemoveRows(_NOWHERE, place, place)
                del self._rows[place]
                self._places = None
                self.endRemoveRows()
        here = [row[self._key] for row in self._rows]
        known = set(here)
        for place, row in enumerate(rows):
            if wanted[place] not in known:
                here.insert(place, wanted[place])
                self._insert(place, row)
            elif here[place] != wanted[place]:  # those before are in their places: it is behind
                now = here.index(wanted[place], place)
                here.insert(place, here.pop(now))
                self._move(now, place)
            self._set(place, row)

    def _insert(self, place: int, row: Row) -> None:
        self.beginInsertRows(_NOWHERE, place, place)
        self._rows.insert(place, row)
        self._places = None
        self.endInsertRows()

    def _move(self, now: int, place: int) -> None:
        self.beginMoveRows(_NOWHERE, now, now, _NOWHERE, place)
        self._rows.insert(place, self._rows.pop(now))
        self._places = None
        self.endMoveRows()

    def _set(self, place: int, row: Row) -> None:
        if self._rows[place] != row:
            self._rows[place] = row
            index = self.index(place)
            self.dataChanged.emit(index, index)

    def _place(self, key: object) -> int | None:
        if self._places is None:
            self._places = {row[self._key]: place for place, row in enumerate(self._rows)}
        return self._places.get(key)
