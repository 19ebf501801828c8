"""Contacts: who they are, who asks to be one, and how one can be sure of them."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot

from p2pchat_qt.jobs import Again
from p2pchat_qt.models.rows import RowsModel
from p2pchat_qt.qr import qr_uri
from p2pchat_qt.session import Session
from p2pchat_qt.shown import colour_of, initials, message_text, name_text
from p2pchat_qt.values import Row, flag, row, rows, text, texts
from p2pchat_qt.viewmodels.base import ViewModel, constant
from p2pchat_qt.viewmodels.sidebar import SidebarView

__all__ = ["PeopleView"]

PERSON = (
    "id", "account", "name", "bio", "state", "isVerified", "keyChanged", "flags", "initials",
    "colour",
)  # fmt: skip
REQUEST = (
    "id", "account", "name", "bio", "flags", "introducer", "kind", "initials", "colour",
)  # fmt: skip
_KINDS = frozenset(
    [
        "ContactRequested",
        "ContactAccepted",
        "ContactVerified",
        "KeyChanged",
        "ProfileChanged",
        "RoomRequested",
        "RoomJoined",
        "EventsDropped",
    ]
)


class PeopleView(ViewModel):
    """Lists that are read again when an event says that they are other ones."""

    linked = Signal("QVariantMap")  # pyright: ignore[reportArgumentType] -- Qt's own name
    """What a link says, before anything is done with it."""
    added = Signal(str)
    """Somebody was asked; their conversation."""

    def __init__(self, session: Session, sidebar: SidebarView) -> None:
        super().__init__(session)
        self.sidebar = sidebar
        self.known = RowsModel(PERSON, key="account", parent=self)
        self.pickable = RowsModel(PERSON, key="account", parent=self)
        self.asking = RowsModel(REQUEST, parent=self)
        self._again = Again(self.jobs, self._read)
        self._sought = ""
        self.put(link="", qr="", account="", name="", safety={})
        session.told.connect(self._hear)
        session.phase_changed.connect(self._phase)

    contacts = constant("known")
    verified = Signal(str)
    """A contact of this name was verified by its code."""

    accepted = constant("pickable")
    requests = constant("asking")

    @Slot(str)
    def look_at(self, link: str) -> None:
        """Read a link to a person or a room; nothing is dialled yet."""
        self.do(self._look_at(link.strip()))

    @Slot(str)
    def add(self, link: str) -> None:
        """Ask the owner of a link to be our contact."""
        self.act(self._add(link.strip()))

    @Slot(str, bool)
    def answer(self, account: str, is_yes: bool) -> None:
        """Say yes or no to who asks."""
        self._and_read("accept" if is_yes else "reject", account=account)

    @Slot(str, bool)
    def answer_room(self, room: str, is_yes: bool) -> None:
        """Go into a room that somebody took us into, or stay out."""
        self._and_read("accept_room" if is_yes else "reject_room", room=room)

    @Slot(str)
    def remove(self, account: str) -> None:
        """Have somebody for a contact no more."""
        self._and_read("remove_contact", account=account)

    @Slot(str, bool)
    def block(self, account: str, is_blocked: bool) -> None:
        """Refuse somebody, or welcome them again."""
        self._and_read("block" if is_blocked else "unblock", target=account)

    @Slot(str)
    def show_safety(self, account: str) -> None:
        """What is compared with a contact to be sure of them."""
        self._sought = account
        self.put(safety={})
        self.do(self._show_safety(account))

    @Slot(str, bool)
    def verify(self, account: str, is_same: bool) -> None:
        """Say that it was compared and is the same, or take that back."""
        self._and_read("verify" if is_same else "unverify", account=account)

    @Slot(str, str)
    def verify_code(self, code: str, account: str) -> None:
        """What this contact's screen shows for us was read by a person who saw that screen. It is
        no link to be followed: by one that came in a message anybody would verify themselves."""
        self.act(self._verify_code(code, account))

    @Slot(str)
    def confirm_key(self, account: str) -> None:
        """Go on with a contact whose key is in doubt: the safety number was compared."""
        self.act(self._confirm_key(account))

    @Slot()
    def renew_link(self) -> None:
        """Another link of ours; the last one leads to nothing any more."""
        self.act(self._renew())

    def _phase(self) -> None:
        if self.session.phase == "open":
            self._again.ask()
        elif self.session.phase in ("failed", "closed"):
            self.jobs.cancel()

    def _hear(self, batch: list[Row]) -> None:
        if self.session.phase != "open":
            return
        kinds = {text(event, "type") for event in batch}
        steps = {text(event, "step") for event in batch}
        if kinds & _KINDS or steps & {"ready", "listening", "relay_selected"}:
            self._again.ask()

    def _and_read(self, method: str, **params: object) -> None:
        async def work() -> None:
            await self.session.call(method, **params)
            self._again.ask()
            self.sidebar.refresh()

        self.act(work())

    async def _read(self) -> None:
        await self.session.refresh_account()
        me = self.session.me
        link = text(me, "contact_link")
        if link != self.value("link"):
            self.put(qr=qr_uri(link))
        self.put(link=link, account=text(me, "account"), name=name_text(text(me, "name")))
        call = self.session.call
        contacts = [_person(each) for each in rows(await call("contacts"))]
        contacts.sort(key=lambda each: text(each, "name").casefold())
        self.known.replace([each for each in contacts if each["state"] in _SHOWN])
        self.pickable.replace([each for each in contacts if each["state"] == "accepted"])
        names = {text(each, "account"): text(each, "name") for each in contacts}
        asking = [_request(each, "contact") for each in rows(await call("contact_requests"))]
        for each in asking:
            each["introducer"] = names.get(text(each, "introducer"), "")
        asking += [_request(each, "room") for each in rows(await call("room_requests"))]
        self.asking.replace(asking)

    async def _look_at(self, link: str) -> None:
        if link.startswith("dchat://u/") or "://" not in link:
            found = row(await self.session.call("read_link", link=link))
            is_me = found["account"] == self.session.account
            self.linked.emit(
                {
                    "kind": "me" if is_me else "contact",
                    "link": link,
                    "account": text(found, "account"),
                    "state": text(found, "state"),
                    "name": "",
                }
            )
            return
        found = row(await self.session.call("read_invite", link=link))
        name = name_text(text(found, "name"))
        self.linked.emit({"kind": "room", "link": link, "name": name, "account": "", "state": ""})

    async def _verify_code(self, code: str, account: str) -> None:
        contact = row(await self.session.call("verify_code", code=code, account=account))
        self._again.ask()
        self.sidebar.refresh()
        self.verified.emit(name_text(text(contact, "name")))

    async def _add(self, link: str) -> None:
        contact = row(await self.session.call("add_contact", link=link))
        self._again.ask()
        self.sidebar.refresh()
        self.added.emit(text(contact, "id"))

    async def _renew(self) -> None:
        await self.session.call("renew_contact_link")
        await self._read()

    async def _confirm_key(self, account: str) -> None:
        await self.session.call("confirm_key", account=account)
        await self.session.call("verify", account=account)
        self._again.ask()
        self.sidebar.refresh()

    async def _show_safety(self, account: str) -> None:
        digits = str(await self.session.call("safety_number", account=account))
        code = str(await self.session.call("verification_code", account=account))
        if account != self._sought:
            return  # another's is asked for by now
        plain = "".join(character for character in digits if character.isdigit())
        groups = [plain[at : at + 5] for at in range(0, len(plain), 5)]
        self.put(safety={"account": account, "groups": groups, "qr": qr_uri(code)})


_SHOWN = ("accepted", "asked", "blocked")


def _person(contact: Row) -> Row:
    name = name_text(text(contact, "name")) or text(contact, "account")[:12]
    return {
        "id": text(contact, "id"),
        "account": text(contact, "account"),
        "name": name,
        "bio": message_text(text(contact, "bio")),
        "state": text(contact, "state"),
        "isVerified": flag(contact, "verified"),
        "keyChanged": flag(contact, "key_changed"),
        "flags": ", ".join(texts(contact.get("flags"))),
        "initials": initials(name),
        "colour": colour_of(text(contact, "account")),
    }


def _request(asking: Row, kind: str) -> Row:
    account = text(asking, "account")
    name = name_text(text(asking, "name")) or (account or text(asking, "id"))[:12]
    return {
        "id": text(asking, "id"),
        "account": account,
        "name": name,
        "bio": message_text(text(asking, "bio") or text(asking, "description")),
        "flags": ", ".join(texts(asking.get("flags"))),
        "introducer": text(asking, "introduced_by") or text(asking, "inviter"),
        "kind": kind,
        "initials": initials(name),
        "colour": colour_of(account or text(asking, "id")),
    }
