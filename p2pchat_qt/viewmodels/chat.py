"""The open conversation: its timeline, what is written, and what is done with a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from PySide6.QtCore import Signal, Slot

from p2pchat.errors import UnknownMessage
from p2pchat_qt.jobs import Again
from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.models.timeline import Timeline
from p2pchat_qt.models.window import PAGE
from p2pchat_qt.session import Session
from p2pchat_qt.shown import colour_of, initials, name_text, preview_text
from p2pchat_qt.values import Row, flag, number, row, rows, text, texts
from p2pchat_qt.viewmodels.base import ViewModel, constant
from p2pchat_qt.viewmodels.drafts import Drafts
from p2pchat_qt.viewmodels.sidebar import SidebarView

__all__ = ["ChatView"]

MEMBER = ("id", "account", "name", "role", "initials", "colour", "isMe")
CATCH_UP_MAX = 500
"""Messages read at once behind the last that is shown; if there are more, the newest page is."""
APPENDED_AT_ONCE = 6
"""Messages shown in one turn of the window's loop; each takes it 1 to 2 ms."""


class ChatView(ViewModel):
    """One conversation at a time; opening another one ends the jobs of the last."""

    opened = Signal(str)
    jumped = Signal(str)
    """A message that the view shall show."""
    resumed = Signal(str)
    """The oldest unread message: the view begins there."""
    filled = Signal(str)
    """What the box holds from now on."""
    explained = Signal("QVariantMap")  # pyright: ignore[reportArgumentType] -- Qt's own name

    def __init__(self, session: Session, sidebar: SidebarView) -> None:
        super().__init__(session)
        self.sidebar = sidebar
        self.shown = Timeline(self)
        self.people = RowsModel(MEMBER, parent=self)
        self.drafts = Drafts(session)
        self._awaited = set[str]()
        self._catch_up = Again(self.jobs, self._read_newer)
        self._late = Again(self.jobs, self._read_late)
        self._read_people = Again(self.jobs, self._read_members)
        self.put(id="", replyTo={}, editing={}, isAtEnd=True, unseen=0, **_NOTHING)
        self._handlers: Mapping[str, Callable[[Row], None]] = {
            "MessageReceived": self._received,
            "MessageStateChanged": self._moved,
            "MessageEdited": self._changed,
            "ReactionChanged": self._changed,
            "MessageDeleted": self._deleted,
            "GapFilled": self._gap_filled,
            "MembersChanged": self._room_changed,
            "RoomRenamed": self._room_changed,
            "AnnouncementChanged": self._room_changed,
            "DescriptionChanged": self._room_changed,
            "EventsDropped": self._dropped,
        }
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)
        sidebar.read_again.connect(self._titled)
        sidebar.list.dataChanged.connect(self._put_title)

    timeline = constant("shown")
    members = constant("people")

    @property
    def id(self) -> str:
        """The open conversation; empty for none."""
        return str(self.value("id"))

    # Which one

    @Slot(str)
    def open(self, id: str) -> None:
        """Show a conversation, at its newest messages."""
        if id != self.id:
            self._leave(id)
            if id:
                self.do(self._open(id))

    @Slot(str, str)
    def open_at(self, id: str, message: str) -> None:
        """Show a message in its conversation."""
        if id != self.id:
            self._leave(id)
        self.do(self._open(id, message))

    @Slot(str)
    def jump(self, message: str) -> None:
        """Show a message of this conversation."""
        if self.shown.window.place(message) is not None:
            self.jumped.emit(message)
        else:
            self.do(self._read_around(message))

    @Slot()
    def to_end(self) -> None:
        """Show what is newest."""
        if self.shown.window.has_newer:
            self.do(self._read_newest())
        self.put(unseen=0)

    @Slot(bool)
    def at_end(self, is_at_end: bool) -> None:
        """The view stands at the newest messages, in a window that somebody looks at, or not."""
        self.put(isAtEnd=is_at_end)
        if is_at_end and not self.shown.window.has_newer:
            self.put(unseen=0)
            self.act(self._mark_read())

    @Slot()
    def near_oldest(self) -> None:
        """The view comes near the beginning of what is here."""
        if self.shown.window.has_older and not self._is_reading:
            self.do(self._read_older())

    @Slot()
    def near_newest(self) -> None:
        """The view comes near the end of what is here, which is not the end."""
        if self.shown.window.has_newer:
            self._catch_up.ask()

    # Writing

    @Slot(str)
    def typed(self, words: str) -> None:
        """This stands in the box now."""
        if self.id and not self.value("editing"):
            self.drafts.typed(self.id, words)

    @Slot(str, result=bool)
    def send(self, words: str) -> bool:
        """Send it, or change the message that is edited; false for nothing but blanks."""
        if not words.strip() or not self.id:
            return False
        editing, reply = row(self.value("editing")), row(self.value("replyTo"))
        if editing:
            self.act(self._edit(self.id, text(editing, "id"), words.strip()))
            self.write_anew()
            return True
        self.drafts.typed(self.id, "")
        self.put(replyTo={})
        self.filled.emit("")
        self.act(self._send(self.id, words.strip(), reply))
        return True

    @Slot(str)
    def reply(self, message: str) -> None:
        """Answer a message with the next one."""
        self.write_anew()
        self.put(replyTo=self._strip(message))

    @Slot(str)
    def edit(self, message: str) -> None:
        """Give a message of ours other words; what was begun waits."""
        editing = self._strip(message)
        self.put(replyTo={}, editing=editing)
        self.filled.emit(text(editing, "text"))

    @Slot()
    def write_anew(self) -> None:
        """Neither answer nor edit."""
        was_editing = bool(self.value("editing"))
        self.put(replyTo={}, editing={})
        if was_editing:
            self.filled.emit(self.drafts.text(self.id))

    # With a message

    @Slot(str, str, bool)
    def react(self, message: str, emoji: str, remove: bool) -> None:
        """Put an emoji to a message, or take it away."""
        self.act(self._ask("react", message_id=message, emoji=emoji, remove=remove))

    @Slot(str)
    def delete(self, message: str) -> None:
        """Take a message of ours back."""
        self.act(self.session.call("delete", message_id=message))

    @Slot(str)
    def explain(self, message: str) -> None:
        """Say why a message is in its state."""
        self.do(self._explain(message))

    # The parts of it

    _is_reading = False

    def _leave(self, id: str) -> None:
        self.jobs.cancel()
        self._is_reading = False
        self._awaited.clear()
        self.shown.begin(self.session.account, {})
        self.people.replace([])
        self.put(id=id, replyTo={}, editing={}, isAtEnd=True, unseen=0, **_NOTHING)
        self._titled()
        self.opened.emit(id)
        self.filled.emit(self.drafts.text(id))

    async def _open(self, id: str, message: str = "") -> None:
        unread = number(self.sidebar.conversation(id), "unread")
        self._read_people.ask()
        if message:
            await self._read_around(message)
        elif unread:
            await self._read_unread(unread)
        else:
            await self._read_newest()
        await self._read_draft(id)
        self.put(isLoaded=True)
        if not self.shown.window.has_newer:
            self._catch_up.ask()  # what came while this was read, and all of it counts as read

    async def _reopen(self, id: str) -> None:
        """The client is there again: what came meanwhile, where one reads."""
        self._read_people.ask()
        await self._read_late()
        await self._read_draft(id)
        self.put(isLoaded=True)
        await self._mark_if_seen()

    async def _read_draft(self, id: str) -> None:
        draft = await self.drafts.read(id)
        if not self.value("editing"):
            self.filled.emit(draft)

    @Slot(bool)
    def seen(self, is_seen: bool) -> None:
        """Whether somebody looks at the window: only then is anything read."""
        self.put(isSeen=is_seen)
        if is_seen and self.id and self.value("isLoaded"):
            self.act(self._mark_if_seen())

    async def aclose(self) -> None:
        """Do what was asked for, then keep what is not sent."""
        await super().aclose()
        await self.drafts.aclose()

    async def _read_newest(self) -> None:
        page = await self._history(limit=PAGE)
        self.shown.show(page, has_older=len(page) == PAGE, has_newer=False)
        await self._read_replies()

    async def _read_unread(self, unread: int) -> None:
        """From the oldest unread message on, with some before it; the line stands above it."""
        oldest = await self.session.call("first_unread", conversation=self.id)
        if oldest is None:  # it was read by now, or taken back
            await self._read_newest()
            return
        self.shown.set_unread_from(str(oldest))
        await self._show_around(str(oldest), PAGE // 3 if unread > PAGE else PAGE)
        self.put(unseen=unread)
        self.resumed.emit(str(oldest))
        await self._read_replies()

    async def _show_around(self, message: str, before_max: int) -> None:
        """A message, so many before it and a page after it."""
        before, middle, after = await asyncio.gather(
            self._history(limit=before_max, before=message),
            self.session.call("message", message_id=message),
            self._history(limit=PAGE, after=message),
        )
        self.shown.show(
            [*before, self.session.states.newest(row(middle)), *after],
            has_older=len(before) == before_max,
            has_newer=len(after) == PAGE,
        )

    async def _read_around(self, message: str) -> None:
        await self._show_around(message, PAGE)
        self.put(isAtEnd=False, isLoaded=True)
        self.jumped.emit(message)
        await self._read_replies()

    async def _read_older(self) -> None:
        self._is_reading = True
        try:
            page = await self._history(limit=PAGE, before=self.shown.window.first)
            self.shown.prepend(page, has_older=len(page) == PAGE)
        finally:
            self._is_reading = False
        await self._read_replies()

    async def _read_newer(self) -> None:
        """What was said after the last that is here: of new ones all, of a window in the middle a
        page. What we were told of and is not among it sorts before the last."""
        held, awaited = self.shown.window, set(self._awaited)
        if held.last is None:
            await self._read_newest()
        else:
            limit = PAGE if held.has_newer else CATCH_UP_MAX
            page = await self._history(limit=limit, after=held.last)
            if not held.has_newer and len(page) == limit:
                await self._read_newest()
            else:
                held.has_newer = held.has_newer and len(page) == limit
                await self._append(page)
                if any(held.place(id) is None for id in awaited):
                    await self._read_late()
        self._awaited -= awaited
        await self._read_replies()
        await self._mark_if_seen()

    async def _append(self, page: list[Row]) -> None:
        """A few rows in each turn of the loop: the window builds each, and is drawn in between."""
        for begin in range(0, len(page), APPENDED_AT_ONCE):
            some = page[begin : begin + APPENDED_AT_ONCE]
            self.shown.append(some)
            await asyncio.sleep(0)
            if self.shown.window.last != text(some[-1], "id"):  # something else is shown by now
                self._catch_up.ask()
                return

    async def _read_late(self) -> None:
        """All from the first to the last that is here, for what sorts between them; where it is
        the beginning or the end, what comes before and after, too."""
        held, awaited = self.shown.window, set(self._awaited)
        was_end, is_shown = not held.has_newer, False
        while held.messages and not is_shown:
            ends, limit = (held.first, held.last), len(held.messages) + PAGE
            page = await self._history(limit=limit, after=held.first)
            older = [] if held.has_older else await self._history(limit=PAGE, before=ends[0])
            is_shown = ends == (held.first, held.last)  # else another page came meanwhile
            if is_shown:
                self._show_late(older, page, is_cut=len(page) == limit)
        if not held.messages or (was_end and held.has_newer and self.value("isAtEnd")):
            await self._read_newest()
        self._awaited -= awaited
        await self._read_replies()

    def _show_late(self, older: list[Row], page: list[Row], *, is_cut: bool) -> None:
        held = self.shown.window
        ids = [each["id"] for each in page]
        has_newer = held.has_newer or is_cut
        if held.has_newer and held.last in ids:
            page = page[: ids.index(held.last) + 1]
        self.shown.become(
            [*older, held.messages[0], *page],
            has_older=held.has_older or len(older) == PAGE,
            has_newer=has_newer,
        )

    async def _read_replies(self) -> None:
        for id in self.shown.unknown_replies():
            try:
                self.shown.know(row(await self.session.call("message", message_id=id)))
            except UnknownMessage:
                continue  # it is not here, which the strip says

    async def _read_members(self) -> None:
        where = self.sidebar.conversation(self.id)
        if where.get("kind") == "room":
            found = rows(await self.session.call("members", room=self.id))
            self.people.replace([self._member(each) for each in found])
            names = {text(each, "account"): text(each, "name") for each in found}
            self.shown.set_names({name: called for name, called in names.items() if called})

    async def _mark_if_seen(self) -> None:
        if self.value("isAtEnd"):
            await self._mark_read()

    async def _mark_read(self) -> None:
        """All up to the last is read, if all of it is here and somebody looks."""
        held = self.shown.window
        is_whole = not held.has_newer and not self._awaited
        if is_whole and held.last and self.value("isSeen") and self.session.phase == "open":
            await self.session.call("mark_read", message_id=held.last)

    async def _send(self, id: str, words: str, reply: Row) -> None:
        try:
            message = row(
                await self.session.call(
                    "send", conversation=id, text=words, reply_to=text(reply, "id") or None
                )
            )
        except BaseException:
            self._give_back(id, words)
            if id == self.id and not self.value("editing") and not self.value("replyTo"):
                self.put(replyTo=reply)
            raise
        self.drafts.sent(id)
        self.sidebar.said(message)
        if id == self.id:
            self.do(self._show_sent(text(message, "id")))

    async def _show_sent(self, message: str) -> None:
        self.shown.set_unread_from(None)
        if self.shown.window.has_newer:
            await self._read_newest()
        else:
            self._awaited.add(message)
            await self._read_newer()
        self.jumped.emit(message)

    async def _edit(self, id: str, message: str, words: str) -> None:
        try:
            await self._ask("edit", message_id=message, text=words)
        except BaseException:
            self._give_back(id, words)
            raise

    def _give_back(self, id: str, words: str) -> None:
        """What was typed is not lost."""
        self.drafts.give_back(id, words)
        if id == self.id and not self.value("editing"):
            self.filled.emit(self.drafts.text(id))

    async def _ask(self, method: str, **params: object) -> None:
        """Do something with a message, which is shown as it is then."""
        self._shown(row(await self.session.call(method, **params)))

    async def _explain(self, message: str) -> None:
        say = self.session.notices.say
        found = row(await self.session.call("explain", message_id=message))
        self.explained.emit(
            {
                "id": message,
                "sentence": say(text(found, "sentence")),
                "evidence": [say(each) for each in texts(found.get("evidence"))],
                "nextTry": number(found, "next_try_at"),
                "recipients": [
                    {
                        "name": name_text(text(each, "name")),
                        "sentence": say(text(each, "sentence")),
                        "nextTry": number(each, "next_try_at"),
                    }
                    for each in rows(found.get("recipients") or [])
                ],
            }
        )

    async def _history(self, **where: object) -> list[Row]:
        found = rows(await self.session.call("history", conversation=self.id, **where))
        return [self.session.states.newest(each) for each in found]

    # What is told

    def _phase(self) -> None:
        if self.session.phase == "open":
            self.drafts.save()
            if self.id:
                self._is_reading = False
                self.do(self._reopen(self.id))
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _hear(self, batch: list[Row]) -> None:
        if not self.id:
            return
        for event in batch:
            handle = self._handlers.get(text(event, "type"))
            if handle is not None:
                handle(event)

    def _received(self, event: Row) -> None:
        message = row(event["message"])
        if message["conversation"] != self.id:
            return
        self._awaited.add(text(message, "id"))
        (self._late if self.shown.window.has_newer else self._catch_up).ask()
        if not self.value("isAtEnd"):
            self.put(unseen=self._unseen() + 1)

    def _gap_filled(self, event: Row) -> None:
        if event["conversation"] == self.id:
            self._late.ask()

    def _unseen(self) -> int:
        unseen = self.value("unseen")
        return unseen if isinstance(unseen, int) else 0

    def _moved(self, event: Row) -> None:
        state = event["state"]
        self.shown.change(text(event, "message_id"), lambda row: {**row, "state": state})

    def _changed(self, event: Row) -> None:
        self._shown(row(event["message"]))

    def _shown(self, message: Row) -> None:
        newest = self.session.states.newest(message)
        self.shown.change(text(message, "id"), lambda _: newest)

    def _deleted(self, event: Row) -> None:
        gone: Row = {"deleted": True, "text": "", "reactions": []}
        self.shown.change(text(event, "message_id"), lambda row: {**row, **gone})

    def _room_changed(self, event: Row) -> None:
        self._read_people.ask()
        if event["type"] in ("AnnouncementChanged", "DescriptionChanged"):
            self.sidebar.refresh()

    def _dropped(self, event: Row) -> None:
        self._late.ask()

    def _titled(self) -> None:
        """What stands above the timeline."""
        self._put_title()
        is_room = self.sidebar.conversation(self.id).get("kind") == "room"
        if is_room and self.session.phase == "open":
            self.do(self._read_room())

    def _put_title(self) -> None:
        """As the list has it; what is there no more keeps the title that it had."""
        where = self.sidebar.conversation(self.id)
        if where:
            named = {name: where.get(name, empty) for name, empty in _TITLE.items()}
            self.put(isGone=False, **named)
        elif self.id and self.value("title"):
            self.put(isGone=True, isOnline=False, keyChanged=False)

    async def _read_room(self) -> None:
        found = next(
            (each for each in rows(await self.session.call("rooms")) if each["id"] == self.id), None
        )
        if found is not None:
            self.put(
                announcement=text(found, "announcement"),
                description=text(found, "description"),
                membersCount=number(found, "members_count"),
                roomKind=text(found, "kind"),
                role=text(found, "role"),
                isPublic=flag(found, "public"),
                history=text(found, "history"),
            )
        self._read_people.ask()

    def _strip(self, message: str) -> Row:
        place = self.shown.window.place(message)
        if place is None:
            return {}
        found = self.shown.window.messages[place]
        return {
            "id": message,
            "name": name_text(text(found, "author_name")),
            "text": text(found, "text"),
            "preview": preview_text(text(found, "text")),
            "colour": colour_of(text(found, "author")),
        }

    def _member(self, member: Row) -> Row:
        account = text(member, "account")
        name = name_text(text(member, "name")) or account[:12]
        return {
            "id": account,
            "account": account,
            "name": name,
            "role": text(member, "role"),
            "initials": initials(name),
            "colour": colour_of(account),
            "isMe": account == self.session.account,
        }


_TITLE: Mapping[str, object] = {
    "title": "", "kind": "", "account": "", "state_": "", "initials": "", "colour": 0,
    "isVerified": False, "isOnline": False, "keyChanged": False,
}  # fmt: skip
_NOTHING: Mapping[str, object] = {
    **_TITLE, "announcement": "", "description": "", "membersCount": 0, "roomKind": "", "role": "",
    "history": "", "isPublic": False, "isLoaded": False, "isGone": False,
}  # fmt: skip
