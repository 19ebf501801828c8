"""The timeline of a conversation, the newest message first, as a view that grows upwards wants it.

What a row shows depends on the rows beside it: whether it begins a day, whether it goes on what the
same person said a moment ago. So each change also tells of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Slot,
)

from p2pchat_qt.models.window import Cut, Window
from p2pchat_qt.shown import colour_of, initials, links, message_text, name_text, preview_text
from p2pchat_qt.values import Row, flag, number, rows, shown_ms, text

__all__ = ["GROUP_MS", "Timeline"]

Index = QModelIndex | QPersistentModelIndex
GROUP_MS = 5 * 60 * 1000
"""What one person says within this time stands together."""
TEXT_CHARS_MAX = 6_000
"""Shown of a message at once; a longer one has a button for the rest."""
LINKS_MAX = 3
"""Of a message, in its menu."""
_PARTS_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_NOWHERE = QModelIndex()


class Timeline(QAbstractListModel):
    """One conversation's window."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.window = Window()
        self._me = ""
        self._names: Mapping[str, str] = {}
        self._unread_from: str | None = None
        self._replied = dict[str, Row]()
        self._whole = set[str]()
        self._read = self._readers()

    # What the view asks

    def roleNames(self) -> dict[int, QByteArray]:
        return {_PARTS_ROLE: QByteArray(b"parts")}

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.window.messages)

    def data(self, index: Index, role: int = 0) -> object:
        if not index.isValid() or role != _PARTS_ROLE:
            return None
        return self.parts(self._at(index.row()))

    def parts(self, place: int) -> Row:
        """All that the row of a message shows."""
        return {name: read(place) for name, read in self._read.items()}

    @Slot(str, result=int)
    def row_of(self, id: str) -> int:
        """The view's row of a message, -1 if it is not here."""
        place = self.window.place(id)
        return -1 if place is None else self._at(place)

    @Slot(int, result=str)
    def id_at(self, row: int) -> str:
        """The message at a row of the view."""
        return text(self.window.messages[self._at(row)], "id") if 0 <= row < self.rowCount() else ""

    @Slot(str, result=str)
    def whole(self, id: str) -> str:
        """All that a message says."""
        place = self.window.place(id)
        return "" if place is None else message_text(text(self._message(place), "text"))

    @Slot(str, str, result=bool)
    def is_mine(self, id: str, emoji: str) -> bool:
        """Whether we put this emoji to a message: put again it is taken away."""
        place = self.window.place(id)
        put = [] if place is None else self._reactions(place)
        return any(flag(each, "mine") and each["emoji"] == emoji for each in put)

    @Slot(str, result="QStringList")
    def links(self, id: str) -> list[str]:
        """The links in what is shown of a message, for who has no mouse; the first few."""
        place = self.window.place(id)
        body = "" if place is None else self._body(place)
        return [body[begin:end] for begin, end in links(body)][:LINKS_MAX]

    @Slot(str)
    def show_whole(self, id: str) -> None:
        """Show all of a long message."""
        self._whole.add(id)
        self._changed_at(self.window.place(id))

    # What changes it

    def begin(self, me: str, names: Mapping[str, str]) -> None:
        """Another conversation, of which nothing is read yet."""
        self.show((), has_older=False, has_newer=False)
        self._me, self._names = me, names
        self._unread_from = None
        self._replied.clear()
        self._whole.clear()

    def show(self, messages: Sequence[Row], *, has_older: bool, has_newer: bool) -> None:
        """These instead of what is shown. Rows go and come: told of a reset, a view asks once more
        for what stood in rows that are there no more."""
        if self.window.messages:
            self._remove(0, len(self.window.messages))
        self.window.has_older, self.window.has_newer = has_older, has_newer
        self._insert(0, messages)

    def set_unread_from(self, id: str | None) -> None:
        """Draw the line of what is unread above this message."""
        before, self._unread_from = self._unread_from, id
        for each in (before, id):
            self._changed_at(None if each is None else self.window.place(each))

    def set_names(self, names: Mapping[str, str]) -> None:
        """What people are called; a message keeps the name it came with where there is none."""
        if names != self._names:
            self._names = names
            self._changed(0, len(self.window.messages) - 1)

    def know(self, message: Row) -> None:
        """A message that others here reply to."""
        self._replied[text(message, "id")] = message
        for place, each in enumerate(self.window.messages):
            if each.get("reply_to") == message["id"]:
                self._changed(place, place)

    def unknown_replies(self) -> list[str]:
        """What is replied to here and known to nobody yet."""
        here = {message["id"] for message in self.window.messages}
        wanted = {text(m, "reply_to") for m in self.window.messages if m.get("reply_to")}
        return sorted(wanted - here - self._replied.keys())

    def append(self, messages: Sequence[Row]) -> None:
        """Newer ones, in order; the oldest go if there are too many."""
        self._insert(len(self.window.messages), self.window.unknown(messages))
        self._cut(self.window.too_many(keep_newest=True))

    def prepend(self, messages: Sequence[Row], *, has_older: bool) -> None:
        """Older ones, in order; the newest go if there are too many."""
        self.window.has_older = has_older
        self._insert(0, self.window.unknown(messages))
        self._cut(self.window.too_many(keep_newest=False))

    def become(self, messages: Sequence[Row], *, has_older: bool, has_newer: bool) -> None:
        """These instead of what is shown, told as what is different: what stays where it is does
        not move. Too many go at the end that is not everything."""
        held, wanted = self.window.messages, [message["id"] for message in messages]
        staying = set(wanted)
        for place in reversed(range(len(held))):
            if held[place]["id"] not in staying:
                self._remove(place, 1)
        here = {message["id"] for message in held}
        if [id for id in wanted if id in here] != [message["id"] for message in held]:
            self.show(messages, has_older=has_older, has_newer=has_newer)
            here, held = staying, self.window.messages
        self.window.has_older, self.window.has_newer = has_older, has_newer
        place = 0
        for end in [n for n, id in enumerate(wanted) if id in here] + [len(wanted)]:
            self._insert(place, messages[place:end])
            if end < len(wanted) and held[end] != messages[end]:
                held[end] = messages[end]
                self._changed(end, end)
            place = end + 1
        self._changed(0, 0)
        self._cut(self.window.too_many(keep_newest=not has_newer))

    def change(self, id: str, change: Callable[[Row], Row]) -> None:
        """Have a message say something else, if it is here."""
        if id in self._replied:
            self.know(change(self._replied[id]))
        place = self.window.change(id, change)
        self._changed_at(place)
        for answer, message in enumerate(self.window.messages if place is not None else ()):
            if message.get("reply_to") == id:
                self._changed(answer, answer)

    def _insert(self, place: int, messages: Sequence[Row]) -> None:
        """Some more before the one that stands at a place."""
        if not messages:
            return
        held, count = self.window.messages, len(messages)
        row = len(held) - place
        self.beginInsertRows(_NOWHERE, row, row + count - 1)
        held[place:place] = messages
        self.endInsertRows()
        self._changed(place - 1, place - 1)
        self._changed(place + count, place + count)

    def _remove(self, place: int, count: int) -> None:
        held = self.window.messages
        row = len(held) - place - count
        self.beginRemoveRows(_NOWHERE, row, row + count - 1)
        del held[place : place + count]
        self.endRemoveRows()
        self._changed(place - 1, place)

    def _cut(self, cut: Cut) -> None:
        held = self.window
        if cut.oldest:
            held.has_older = True
            self._remove(0, cut.oldest)
        if cut.newest:
            held.has_newer = True
            self._remove(len(held.messages) - cut.newest, cut.newest)

    def _changed_at(self, place: int | None) -> None:
        if place is not None:
            self._changed(place - 1, place + 1)

    def _changed(self, first: int, last: int) -> None:
        first, last = max(first, 0), min(last, len(self.window.messages) - 1)
        if first <= last:
            self.dataChanged.emit(self.index(self._at(last)), self.index(self._at(first)))

    def _at(self, row: int) -> int:
        """From a row of the view to a place in the window, and back."""
        return len(self.window.messages) - 1 - row

    # The parts, by place in the window

    def _readers(self) -> Mapping[str, Callable[[int], object]]:
        """How each part of a row is read."""

        def plain(part: str) -> Callable[[int], object]:
            return lambda place: self._message(place).get(part)

        return {
            "messageId": plain("id"),
            "author": plain("author"),
            "authorName": lambda place: self._name(self._message(place)),
            "initials": lambda place: initials(self._name(self._message(place))),
            "colour": lambda place: colour_of(text(self._message(place), "author")),
            "own": self._is_own,
            "body": self._body,
            "isCut": self._is_cut,
            "hasLinks": lambda place: bool(links(self._body(place))),
            "sentAt": lambda place: shown_ms(self._message(place)),
            "messageState": plain("state"),
            "isEdited": plain("edited"),
            "isDeleted": plain("deleted"),
            "day": self._day,
            "isUnreadFrom": lambda place: self._message(place)["id"] == self._unread_from,
            "isFirst": self._is_first,
            "isLast": self._is_last,
            "reply": self._reply,
            "reactions": self._reactions,
        }

    def _message(self, place: int) -> Row:
        return self.window.messages[place]

    def _beside(self, place: int) -> Row | None:
        return self.window.messages[place] if 0 <= place < len(self.window.messages) else None

    def _name(self, message: Row) -> str:
        author = text(message, "author")
        return name_text(self._names.get(author) or text(message, "author_name")) or author[:12]

    def _body(self, place: int) -> str:
        message = self._message(place)
        whole = message_text(text(message, "text"))
        return whole if message["id"] in self._whole else whole[:TEXT_CHARS_MAX]

    def _is_cut(self, place: int) -> bool:
        message = self._message(place)
        return message["id"] not in self._whole and len(text(message, "text")) > TEXT_CHARS_MAX

    def _day(self, place: int) -> str:
        """The day that begins here, as 2026-11-23; empty within a day."""
        day, before = _day_of(self._message(place)), self._beside(place - 1)
        if before is None and self.window.has_older:
            return ""
        return "" if before is not None and _day_of(before) == day else day

    def _joins(self, place: int) -> bool:
        """Whether it stands together with the one before."""
        before, message = self._beside(place - 1), self._message(place)
        return (
            before is not None
            and before["author"] == message["author"]
            and 0 <= number(message, "sent_at") - number(before, "sent_at") < GROUP_MS
            and _day_of(before) == _day_of(message)
            and message["id"] != self._unread_from
        )

    def _is_first(self, place: int) -> bool:
        return not self._joins(place)

    def _is_last(self, place: int) -> bool:
        return place + 1 >= len(self.window.messages) or not self._joins(place + 1)

    def _reply(self, place: int) -> Row:
        """What it replies to, as it is shown above the text."""
        id = text(self._message(place), "reply_to")
        if not id:
            return {}
        at = self.window.place(id)
        found = self._replied.get(id) if at is None else self.window.messages[at]
        if found is None:
            return {"id": id, "name": "", "text": "", "colour": 0, "deleted": False}
        return {
            "id": id,
            "name": self._name(found),
            "text": preview_text(text(found, "text")),
            "colour": colour_of(text(found, "author")),
            "deleted": flag(found, "deleted"),
        }

    def _reactions(self, place: int) -> list[Row]:
        """Each emoji once, with how many put it and whether we did."""
        counted = dict[str, Row]()
        for reaction in rows(self._message(place).get("reactions") or []):
            emoji, account = text(reaction, "emoji"), text(reaction, "account")
            shown = counted.setdefault(
                emoji, {"emoji": emoji, "count": 0, "mine": False, "names": ""}
            )
            shown["count"] = number(shown, "count") + 1
            shown["mine"] = flag(shown, "mine") or account == self._me
            name = name_text(self._names.get(account, account[:12]))
            shown["names"] = f"{shown['names']}, {name}" if shown["names"] else name
        return list(counted.values())

    def _is_own(self, place: int) -> bool:
        return self._message(place)["author"] == self._me


def _day_of(message: Row) -> str:
    return datetime.fromtimestamp(shown_ms(message) / 1000).date().isoformat()
