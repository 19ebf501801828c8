"""All conversations: who and where, what was said last, what is unread; and looking for words."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal, Slot

from p2pchat_qt.jobs import Again
from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.session import Session
from p2pchat_qt.shown import colour_of, initials, name_text, preview_text
from p2pchat_qt.values import Row, flag, number, row, rows, text
from p2pchat_qt.viewmodels.base import ViewModel, constant

__all__ = ["SidebarView"]

CONVERSATION = (
    "id", "kind", "title", "account", "initials", "colour", "preview", "previewAuthor",
    "previewState", "at", "unread", "state_", "isOnline", "isVerified",
)  # fmt: skip
FOUND = ("id", "conversation", "title", "author", "text_", "at", "initials", "colour")
SEARCH_MAX = 40
_LISTS = frozenset(
    [
        "ContactRequested",
        "ContactAccepted",
        "ContactVerified",
        "KeyChanged",
        "ProfileChanged",
        "RoomJoined",
        "RoomRequested",
        "RoomRenamed",
        "JoinFailed",
        "MembersChanged",
        "EventsDropped",
    ]
)
_ONLINE = frozenset(
    ["PeerConnected", "PeerDisconnected", "PathChanged", "NetworkStatusChanged", "ContactAccepted"]
)
_UNREAD = frozenset(["MessageReceived", "ConversationRead", "EventsDropped"])


class SidebarView(ViewModel):
    """Folded from events; what an event does not say is read again, once for many."""

    read_again = Signal()
    """People or rooms are other ones now."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.list = RowsModel(CONVERSATION, parent=self)
        self.hits = RowsModel(FOUND, parent=self)
        self._said = dict[str, Row]()
        self._again = {
            "lists": Again(self.jobs, self._read_lists),
            "unread": Again(self.jobs, self._read_unread),
            "online": Again(self.jobs, self._read_online),
            "found": Again(self.jobs, self._search),
        }
        self._sought = ""
        self.put(filter="", unread=0, requests=0, isLoaded=False)
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)

    conversations = constant("list")
    found = constant("hits")

    @Slot(str)
    def look_for(self, words: str) -> None:
        """Show the conversations with these words in their names, and messages with them."""
        self._sought = words.strip()
        self.put(filter=self._sought.casefold())
        self._again["found"].ask()

    @Slot(str, result="QVariantMap")
    def conversation(self, id: str) -> Row:
        """One of them; empty if there is none."""
        return dict(self.list.find(id) or {})

    @Slot(str, result=bool)
    def matches(self, title: str) -> bool:
        """Whether a name has the sought words."""
        return str(self.value("filter")) in title.casefold()

    def refresh(self) -> None:
        """Read people and rooms again: we changed something."""
        self._again["lists"].ask()

    def said(self, message: Row) -> None:
        """Something was said last in a conversation."""
        message = self.session.states.newest(message)
        id = text(message, "conversation")
        last = self._said.get(id)
        if last is None or number(message, "received_at") >= number(last, "received_at"):
            self._said[id] = message
            self._sort()

    def _phase(self) -> None:
        if self.session.phase == "open":
            self.refresh()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _hear(self, batch: list[Row]) -> None:
        kinds = {text(event, "type") for event in batch}
        for event in batch:
            if event["type"] == "MessageReceived":
                self.said(row(event["message"]))
            elif event["type"] in ("MessageEdited", "ReactionChanged"):
                self._changed(row(event["message"]))
            elif event["type"] == "MessageDeleted":
                self._deleted(text(event, "message_id"), text(event, "conversation"))
            elif event["type"] == "MessageStateChanged":
                self._moved(text(event, "message_id"), text(event, "state"))
        if self.session.phase != "open":
            return
        for name, those in (("lists", _LISTS), ("unread", _UNREAD), ("online", _ONLINE)):
            if kinds & those:
                self._again[name].ask()

    def _changed(self, message: Row) -> None:
        id = text(message, "conversation")
        if self._said.get(id, {}).get("id") == message["id"]:
            self._said[id] = message
            self._sort()

    def _deleted(self, message: str, conversation: str) -> None:
        last = self._said.get(conversation, {})
        if last.get("id") == message:
            self._changed({**last, "deleted": True, "text": ""})

    def _moved(self, message: str, state: str) -> None:
        last = next((each for each in self._said.values() if each["id"] == message), None)
        if last is not None:
            self._changed({**last, "state": state})

    # Reading

    async def _read_lists(self) -> None:
        call = self.session.call
        contacts, found, requests, invited = await asyncio.gather(
            call("contacts"), call("rooms"), call("contact_requests"), call("room_requests")
        )
        shown = [
            _contact(each) for each in rows(contacts) if each["state"] in ("accepted", "asked")
        ]
        shown += [_room(each) for each in [*rows(found), *rows(await call("joining"))]]
        shown = list({each["id"]: each for each in shown}.values())
        await self._read_last([text(each, "id") for each in shown])
        before = {each["id"]: each for each in self.list.rows}
        for each in shown:
            known = before.get(each["id"], {})
            each["isOnline"], each["unread"] = flag(known, "isOnline"), number(known, "unread")
        self._sort(shown)
        self.put(requests=len(rows(requests)) + len(rows(invited)), isLoaded=True)
        self._again["unread"].ask()
        self._again["online"].ask()
        self.read_again.emit()

    async def _read_last(self, conversations: list[str]) -> None:
        """What was said last where that is not known."""
        wanted = [id for id in conversations if id not in self._said]
        for id in wanted:
            last = rows(await self.session.call("history", conversation=id, limit=1))
            if last:
                self._said.setdefault(id, last[0])

    async def _read_unread(self) -> None:
        counts = {
            text(each, "conversation"): number(each, "count")
            for each in rows(await self.session.call("unread"))
        }
        for each in self.list.rows:
            unread = counts.get(text(each, "id"), 0)
            self.list.update(each["id"], lambda row, unread=unread: {**row, "unread": unread})
        self.put(unread=sum(counts.values()))

    async def _read_online(self) -> None:
        status = row(await self.session.call("status"))
        online = {text(each, "account") for each in rows(status["contacts"]) if each.get("path")}
        for each in self.list.rows:
            is_online = each["kind"] == "contact" and each["account"] in online
            self.list.update(each["id"], lambda row, now=is_online: {**row, "isOnline": now})

    async def _search(self) -> None:
        sought = self._sought
        found = list[Row]()
        if len(sought) > 1 and any(character.isalnum() for character in sought):
            found = rows(await self.session.call("search", text=sought, limit=SEARCH_MAX))
        if sought == self._sought:
            self.hits.replace([self._hit(each) for each in found])

    # Rows

    def _hit(self, message: Row) -> Row:
        where = self.list.find(message["conversation"]) or {}
        return {
            "id": message["id"],
            "conversation": message["conversation"],
            "title": text(where, "title"),
            "author": name_text(text(message, "author_name")),
            "text_": preview_text(text(message, "text")),
            "at": number(message, "sent_at"),
            "initials": text(where, "initials"),
            "colour": number(where, "colour"),
        }

    def _sort(self, those: list[Row] | None = None) -> None:
        """The one where something was said last stands first."""
        shown = [self._with_last(dict(each)) for each in those or self.list.rows]
        shown.sort(key=lambda each: (-number(each, "at"), text(each, "title").casefold()))
        if those is not None or shown != list(self.list.rows):
            self.list.replace(shown)

    def _with_last(self, each: Row) -> Row:
        last = self._said.get(text(each, "id"))
        each["preview"], each["previewAuthor"], each["previewState"] = "", "", ""
        each["at"] = number(each, "began")
        if last is not None:
            is_own = last["author"] == self.session.account
            each["preview"] = preview_text(text(last, "text"))
            if flag(last, "deleted"):
                each["previewState"] = "deleted"
            elif is_own:
                each["previewState"] = text(last, "state")
            if each["kind"] == "room" and not is_own:
                each["previewAuthor"] = name_text(text(last, "author_name"))
            each["at"] = min(number(last, "sent_at"), number(last, "received_at"))
        return each


def _contact(contact: Row) -> Row:
    title = name_text(text(contact, "name")) or text(contact, "account")[:12]
    return {
        "id": text(contact, "id"),
        "kind": "contact",
        "title": title,
        "account": text(contact, "account"),
        "initials": initials(title),
        "colour": colour_of(text(contact, "account")),
        "state_": text(contact, "state"),
        "isVerified": flag(contact, "verified"),
        "began": number(contact, "created_at"),
    }


def _room(room: Row) -> Row:
    title = name_text(text(room, "name")) or text(room, "id")[:12]
    return {
        "id": text(room, "id"),
        "kind": "room",
        "title": title,
        "account": "",
        "initials": initials(title),
        "colour": colour_of(text(room, "id")),
        "state_": text(room, "role"),
        "isVerified": False,
        "began": number(room, "created_at"),
    }
