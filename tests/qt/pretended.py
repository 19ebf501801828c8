"""A client for the window that is a few lists, and fails when told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from p2pchat.errors import NodeClosed, P2PChatError, UnknownMessage
from p2pchat_qt.session import Session, Start
from p2pchat_qt.viewmodels.chat import ChatView
from p2pchat_qt.viewmodels.sidebar import SidebarView

ME = "me"
NOON = 1_790_000_000_000


def message(at, where="A", author="bob", **more):
    """One that stands at a place of its conversation's order."""
    return {
        "id": f"{where}{at}", "conversation": where, "author": author,
        "author_name": author.title(), "text": f"text {at}", "sent_at": NOON + at * 60_000,
        "received_at": NOON + at * 60_000, "state": "delivered", "edited": False,
        "deleted": False, "reply_to": None, "reactions": [], **more,
    }  # fmt: skip


def contact(id, name=None, **more):
    return {
        "id": id, "account": f"account-{id}", "name": name or f"Name {id}", "state": "accepted",
        "verified": False, "key_changed": False, "bio": "", "flags": [], "created_at": 1, **more,
    }  # fmt: skip


def room(id, name=None, **more):
    return {
        "id": id, "name": name or f"Room {id}", "kind": "invited", "description": "",
        "announcement": "", "role": "owner", "members_count": 1, "created_at": 1, "public": False,
        "history": "all", **more,
    }  # fmt: skip


@dataclass
class Client:
    """What JSON-RPC would answer."""

    said: dict[str, list] = field(default_factory=dict)
    contacts: list = field(default_factory=list)
    rooms: list = field(default_factory=list)
    members: list = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    drafts: dict[str, str] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    calls: list = field(default_factory=list)
    is_open: bool = True
    held: set[str] = field(default_factory=set)
    """Methods that are not answered for now, or accounts about which nothing is; "*" for all."""

    async def call(self, method, /, **params):
        self.calls.append((method, params))
        await asyncio.sleep(0)
        while self.held & {method, params.get("account"), "*"}:  # noqa: ASYNC110 -- a test's own
            await asyncio.sleep(0.001)
        if not self.is_open:
            raise NodeClosed("the client is closed")
        if method in self.failing:
            raise P2PChatError("no room on disk")
        answer = getattr(self, f"_{method}", None)
        return [] if answer is None else answer(**params)

    def _of(self, method):
        return [params for name, params in self.calls if name == method]

    def marked(self):
        """The messages up to which was read."""
        return [params["message_id"] for params in self._of("mark_read")]

    def say(self, one):
        """Put a message where it sorts."""
        said = self.said.setdefault(one["conversation"], [])
        said.append(one)
        said.sort(key=lambda each: each["sent_at"])
        return one

    def _history(self, conversation, limit=50, before=None, after=None):
        said = self.said.get(conversation, [])
        ids = [each["id"] for each in said]
        if after is not None:
            return said[ids.index(after) + 1 :][:limit]
        return (said if before is None else said[: ids.index(before)])[-limit:]

    def _message(self, message_id):
        found = [each for said in self.said.values() for each in said if each["id"] == message_id]
        if not found:
            raise UnknownMessage("no message has this id")
        return found[0]

    def _send(self, conversation, text, reply_to):
        self.drafts.pop(conversation, None)
        last = self.said.get(conversation, [])[-1:]
        at = last[0]["sent_at"] + 1 if last else NOON
        own = message(0, conversation, ME, id=f"own-{len(self.calls)}", text=text)
        return self.say({**own, "sent_at": at, "received_at": at, "reply_to": reply_to})

    def _edit(self, message_id, text):
        found = self._message(message_id)
        found |= {"text": text, "edited": True}
        return dict(found)

    def _draft(self, conversation, text=None):
        if text is not None:
            self.drafts[conversation] = text
        return self.drafts.get(conversation, "")

    def _mark_read(self, message_id):
        self.unread.pop(self._message(message_id)["conversation"], None)

    def _unread(self):
        return [{"conversation": id, "count": count} for id, count in self.unread.items()]

    def _first_unread(self, conversation):
        count = self.unread.get(conversation, 0)
        others = [each for each in self.said.get(conversation, []) if each["author"] != ME]
        return others[-min(count, len(others))]["id"] if count and others else None

    def _contacts(self):
        return [dict(each) for each in self.contacts]

    def _rooms(self):
        return [dict(each) for each in self.rooms]

    def _members(self, room):
        return [dict(each) for each in self.members]

    def _status(self):
        return {"contacts": [], "peers": [], "health": "good", "reachability": "public"}

    def _account(self):
        return {"account": ME, "contact_link": "dchat://u/AAAA", "name": "Alice"}

    def _profile(self):
        return {"name": "Alice", "bio": ""}

    def _contact_profile(self, account):
        return {"avatar": ""}

    def _read_receipts(self):
        return True

    def _rooms_from(self):
        return "ask"

    def _safety_number(self, account):
        return "12345 " * 12

    def _verification_code(self, account):
        return f"dchat://v/{account}"


def enter(session: Session, client: Client) -> None:
    """Have a session ask this client, which is open."""
    session.call = client.call
    session._me = client._account()
    session._enter("open")


class Talk:
    """The conversations and the open one, without a window."""

    def __init__(self, client: Client):
        self.client = client
        self.session = Session(Start(Path("/nowhere")))
        self.told = []
        self.session.notices.told.connect(lambda words, is_error: self.told.append(words))
        self.sidebar = SidebarView(self.session)
        self.chat = ChatView(self.session, self.sidebar)
        self.box = ""
        self.chat.filled.connect(self._fill)

    def _fill(self, words):
        self.box = words

    def type(self, words):
        """As the box does with each key."""
        self.box = words
        self.chat.typed(words)

    def tell(self, *events):
        """A batch of events."""
        self.session.told.emit(list(events))

    def receive(self, one):
        """A message of somebody else came."""
        self.tell({"type": "MessageReceived", "message": self.client.say(one)})

    def shown(self):
        """The messages that are here."""
        return [each["id"] for each in self.chat.shown.window.messages]

    async def aclose(self):
        for view in (self.sidebar, self.chat):
            await view.aclose()


@asynccontextmanager
async def talking(client: Client):
    """A client with contacts A and B, of which the first is open and looked at."""
    client.contacts = client.contacts or [contact("A"), contact("B")]
    talk = Talk(client)
    try:
        enter(talk.session, client)
        await settled(talk, lambda: talk.sidebar.value("isLoaded"))
        talk.chat.seen(True)
        talk.chat.open("A")
        await settled(talk, lambda: talk.chat.value("isLoaded"))
        yield talk
    finally:
        await talk.aclose()


async def settled(talk: Talk, is_so):
    """Wait until it is so; all that is read here is read in a few turns of the loop."""
    for _ in range(2_000):
        if is_so():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it does not come about")
