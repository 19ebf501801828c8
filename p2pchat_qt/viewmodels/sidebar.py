"""All conversations: who and where, what was said last, what is unread; and looking for words."""

from __future__ import annotations

import asyncio

from PySide6.QtCore import Signal, Slot

from p2pchat_qt.jobs import Again
from p2pchat_qt.models.filtered import Filtered
from p2pchat_qt.models.lasts import Lasts
from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.session import Session
from p2pchat_qt.shown import colour_of, found_text, initials, name_text
from p2pchat_qt.values import Row, flag, number, row, rows, shown_ms, text
from p2pchat_qt.viewmodels.base import ViewModel, constant

__all__ = ["SidebarView"]

CONVERSATION = (
    "id", "kind", "title", "account", "initials", "colour", "preview", "previewAuthor",
    "previewState", "at", "unread", "state_", "isOnline", "isVerified", "keyChanged",
)  # fmt: skip
FOUND = (
    "id", "conversation", "title", "author", "text_", "at", "initials", "colour", "account",
    "isRoom",
)  # fmt: skip
SEARCH_MAX = 40
READS_AT_ONCE = 16
"""Conversations whose last message is read at the same time."""
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
_SAYING = frozenset(
    [
        "MessageReceived",
        "MessageEdited",
        "ReactionChanged",
        "MessageDeleted",
        "MessageStateChanged",
    ]
)
_UNREAD = frozenset(["MessageReceived", "ConversationRead", "EventsDropped"])


class SidebarView(ViewModel):
    """Folded from events; what an event does not say is read again, once for many."""

    read_again = Signal()
    """People or rooms are other ones now."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.list = RowsModel(CONVERSATION, parent=self)
        self.filtered = Filtered(self.list, "title", self)
        self.hits = RowsModel(FOUND, parent=self)
        self._said = Lasts()
        self._is_stale = False
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
    matching = constant("filtered")
    found = constant("hits")

    @Slot(str)
    def look_for(self, words: str) -> None:
        """Show the conversations with these words in their names, and messages with them."""
        self._sought = words.strip()
        self.put(filter=self._sought)
        self.filtered.look_for(self._sought)
        self._again["found"].ask()

    @Slot(str, result="QVariantMap")
    def conversation(self, id: str) -> Row:
        """One of them; empty if there is none."""
        return dict(self.list.find(id) or {})

    def refresh(self) -> None:
        """Read people and rooms again: we changed something."""
        self._again["lists"].ask()

    def said(self, message: Row) -> None:
        """This was said last in its conversation."""
        self._said.say(self.session.states.newest(message))
        self._sort()

    def _phase(self) -> None:
        if self.session.phase == "open":
            self.refresh()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _hear(self, batch: list[Row]) -> None:
        kinds = {text(event, "type") for event in batch}
        for event in batch:
            self._fold(event)
        if kinds & _SAYING:
            self._sort()
        if self.session.phase != "open":
            return
        self._is_stale = self._is_stale or "EventsDropped" in kinds
        for name, those in (("lists", _LISTS), ("unread", _UNREAD), ("online", _ONLINE)):
            if kinds & those:
                self._again[name].ask()

    def _fold(self, event: Row) -> None:
        match event["type"]:
            case "MessageReceived":
                self._said.say(self.session.states.newest(row(event["message"])))
            case "MessageEdited" | "ReactionChanged":
                message = row(event["message"])
                self._said.change(text(message, "id"), **message)
            case "MessageDeleted":
                self._said.change(text(event, "message_id"), deleted=True, text="")
            case "MessageStateChanged":
                self._said.change(text(event, "message_id"), state=event["state"])
            case _:
                pass

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
        """What was said last where that is not known; everywhere, when events were left out."""
        is_stale, self._is_stale = self._is_stale, False
        wanted = [id for id in conversations if is_stale or id not in self._said]
        for begin in range(0, len(wanted), READS_AT_ONCE):
            some = wanted[begin : begin + READS_AT_ONCE]
            await asyncio.gather(*map(self._read_last_of, some))

    async def _read_last_of(self, conversation: str) -> None:
        last = rows(await self.session.call("history", conversation=conversation, limit=1))
        for message in last:
            self._said.say(self.session.states.newest(message))

    async def _read_unread(self) -> None:
        counts = {
            text(each, "conversation"): number(each, "count")
            for each in rows(await self.session.call("unread"))
        }
        self.list.replace(
            [{**each, "unread": counts.get(text(each, "id"), 0)} for each in self.list.rows]
        )
        self.put(unread=sum(counts.values()))

    async def _read_online(self) -> None:
        status = row(await self.session.call("status"))
        online = {text(each, "account") for each in rows(status["contacts"]) if each.get("path")}
        self.list.replace(
            [
                {**each, "isOnline": each["kind"] == "contact" and each["account"] in online}
                for each in self.list.rows
            ]
        )

    async def _search(self) -> None:
        sought = self._sought
        found = list[Row]()
        if len(sought) > 1 and any(character.isalnum() for character in sought):
            found = rows(await self.session.call("search", text=sought, limit=SEARCH_MAX))
        if sought == self._sought:
            self.hits.replace([self._hit(each, sought) for each in found])

    # Rows

    def _hit(self, message: Row, sought: str) -> Row:
        where = self.list.find(message["conversation"]) or {}
        return {
            "id": message["id"],
            "conversation": message["conversation"],
            "title": text(where, "title"),
            "author": name_text(text(message, "author_name")),
            "text_": found_text(text(message, "text"), sought),
            "at": shown_ms(message),
            "initials": text(where, "initials"),
            "colour": number(where, "colour"),
            "account": text(where, "account"),
            "isRoom": where.get("kind") == "room",
        }

    def _sort(self, those: list[Row] | None = None) -> None:
        """The one where something was said last stands first."""
        unsorted = self.list.rows if those is None else those
        shown = [self._with_last(dict(each)) for each in unsorted]
        shown.sort(key=lambda each: (-number(each, "at"), text(each, "title").casefold()))
        if those is not None or shown != list(self.list.rows):
            self.list.replace(shown)

    def _with_last(self, each: Row) -> Row:
        id = text(each, "id")
        last = self._said.find(id)
        each["preview"], each["previewAuthor"], each["previewState"] = "", "", ""
        each["at"] = number(each, "began")
        if last is not None:
            is_own = last["author"] == self.session.account
            each["preview"], author = self._said.words(id)
            if flag(last, "deleted"):
                each["previewState"] = "deleted"
            elif is_own:
                each["previewState"] = text(last, "state")
            if each["kind"] == "room" and not is_own:
                each["previewAuthor"] = author
            each["at"] = shown_ms(last)
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
        "keyChanged": flag(contact, "key_changed"),
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
        "keyChanged": False,
        "began": number(room, "created_at"),
    }
