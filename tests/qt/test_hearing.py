"""What the window hears of its client: its end, links, alarms, and what the desktop is told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import p2pchat_qt.session as sessions
from p2pchat.errors import P2PChatError
from p2pchat_qt.models.announcing import Announcing, Notice
from p2pchat_qt.platform.tray import notice_words
from p2pchat_qt.session import Session, Start
from p2pchat_qt.viewmodels.alarms import Alarms
from tests.qt.pretended import Client, contact, message, settled, talking


class Events:
    """A feed that ends as it is told to."""

    def __init__(self, error):
        self.error = error
        self.is_over = asyncio.Event()

    async def batches(self):
        yield [{"type": "NetworkStatusChanged"}]
        await self.is_over.wait()
        if self.error is not None:
            raise self.error

    def close(self):
        self.is_over.set()


class Portal:
    """A client that starts, or does not, and then breaks."""

    broken_at_start: BaseException | None = None
    broken_later: BaseException | None = None

    def __init__(self, home, **how):
        self.feed = Events(self.broken_later)

    def events(self):
        return self.feed

    async def start(self):
        if self.broken_at_start is not None:
            raise self.broken_at_start

    async def call(self, method, **params):
        return {"account": "me"}

    async def aclose(self):
        self.feed.close()


async def phase_of(session, wanted):
    for _ in range(1_000):
        if session.phase == wanted:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"it is {session.phase}")


@asynccontextmanager
async def living(monkeypatch, **broken):
    for name, error in broken.items():
        monkeypatch.setattr(Portal, name, error)
    monkeypatch.setattr(sessions, "Portal", Portal)
    monkeypatch.setattr(sessions, "has_identity", lambda home: True)
    session = Session(Start(Path("/nowhere")))
    try:
        session.begin()
        yield session
    finally:
        await session.aclose()


FAULTS = [KeyError("a bug"), AssertionError(), ExceptionGroup("two", [KeyError(1), OSError(2)])]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_any_kind_ends_the_client_for_its_user_too(application, monkeypatch, fault):
    async def story():
        async with living(monkeypatch, broken_later=fault) as session:
            await phase_of(session, "open")
            session._portal.feed.is_over.set()
            await phase_of(session, "failed")
            assert "start it again" in session.error
            for name in ("KeyError", "AssertionError", "OSError"):
                assert (name in session.error) == (name in repr(fault)), session.error

    asyncio.run(story())


@pytest.mark.parametrize("fault", [ImportError("no such library"), P2PChatError("in use")])
def test_a_client_that_cannot_start_says_so_and_does_not_start_for_ever(
    application, monkeypatch, fault
):
    async def story():
        async with living(monkeypatch, broken_at_start=fault) as session:
            await phase_of(session, "failed")
            assert session.error == "in use" or "ImportError" in session.error

    asyncio.run(story())


# Alarms


def test_what_must_not_go_by_unseen_is_said(application):
    async def story():
        async with talking(Client(contacts=[contact("A", "Ann"), contact("B")])) as talk:
            alarms = Alarms(talk.session, talk.sidebar)
            account = "account-A"
            talk.tell({"type": "KeyChanged", "account": account, "claimed": "x", "peer_id": "y"})
            talk.tell({"type": "DeviceAdded", "account": account, "peer_id": "y"})
            talk.tell({"type": "DeviceAdded", "account": "me", "peer_id": "y"})
            talk.tell({"type": "SecurityAlert", "account": account, "reason": "a forked log"})
            talk.tell({"type": "JoinFailed", "name": "Club\u202e", "reason": "nobody answered"})
            key, device, own, alert, join = talk.told
            assert key.startswith("A device of Ann says")
            assert device.startswith("Ann uses a further device")
            assert own.startswith("Your account")
            assert alert == "Something about Ann is not right: A forked log."
            assert join == "You do not come into Club: Nobody answered."
            assert alarms

    asyncio.run(story())


def test_a_key_in_doubt_is_seen_where_one_writes(application):
    async def story():
        client = Client(contacts=[contact("A"), contact("B")])
        async with talking(client) as talk:
            assert talk.chat.value("keyChanged") is False
            client.contacts[0]["key_changed"] = True
            talk.tell({"type": "KeyChanged", "account": "account-A"})
            await settled(talk, lambda: talk.chat.value("keyChanged") is True)
            assert talk.sidebar.conversation("A")["keyChanged"] is True

    asyncio.run(story())


# The desktop


def received(at, **more):
    return {"type": "MessageReceived", "message": message(at, **more)}


def test_a_burst_is_one_notice_and_an_alarm_hides_in_none():
    announcing = Announcing()
    announcing.hear([received(n) for n in range(30)])
    announcing.hear([received(30, text="the last")])
    assert announcing.take() == Notice("message", "Bob", "the last", 30, "A")
    assert announcing.take() is None
    announcing.hear([{"type": "KeyChanged", "account": "x"}])
    announcing.hear([received(1), {"type": "ContactRequested", "name": "Eve"}, received(2)])
    assert announcing.take() == Notice("alarm", more=2)
    announcing.hear([received(1)])
    announcing.forget()
    assert announcing.take() is None


def test_a_notice_is_no_markup_and_tells_nothing_that_is_hidden(application, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    notice = Notice("message", "Eve <b>", "<img src='http://x/y.png'> & so", more=1)
    title, words = notice_words(notice, is_hidden=False)
    assert title == "Eve <b>"  # which desktops take as it is
    assert words == "&lt;img src='http://x/y.png'&gt; &amp; so (and 1 more)"
    assert notice_words(notice, is_hidden=True) == ("DChat", "New message")
    request = notice_words(Notice("request", "Eve"), is_hidden=True)
    assert request == ("DChat", "Asks for an answer")
