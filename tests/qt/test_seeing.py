"""The window before a pretended client: what is drawn, how much of it is built, what a key does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtQuick import QQuickWindow

from p2pchat_qt.app import App
from p2pchat_qt.linking import Linked
from p2pchat_qt.notices import Notices
from p2pchat_qt.platform.tray import Tray
from p2pchat_qt.preferences import Preferences
from p2pchat_qt.session import Start
from p2pchat_qt.theme import THEMES
from tests.qt.pretended import ME, Client, contact, enter, message, room
from tests.qt.screen import Screen, below, until

CONTROL = Qt.KeyboardModifier.ControlModifier


@asynccontextmanager
async def seeing(client: Client, size: tuple[int, int] = (1000, 720)):
    """A window on it, with its first conversation open."""
    client.contacts = client.contacts or [contact("A", "Ann"), contact("B", "Bob")]
    screen = Screen(Path("/nowhere"), size, client=client)
    try:
        await until(lambda: screen.app.views.sidebar.value("isLoaded"))
        screen.app.views.chat.open(str((client.rooms or client.contacts)[0]["id"]))
        await until(lambda: screen.app.views.chat.value("isLoaded"))
        await screen.frame()
        yield screen
    finally:
        await screen.aclose()


def built(screen: Screen, name: str) -> int:
    """Items of this name, seen or not."""
    return sum(each.objectName().startswith(name) for each in below(screen.window.contentItem()))


def some_button(screen: Screen) -> str:
    """The name of a member's button in the middle of the window."""
    for each in screen.items():
        at = each.mapToScene(QPointF(0, each.height() / 2)).y()
        if each.objectName().startswith("member-") and 200 < at < screen.window.height() - 200:
            return each.objectName()
    return ""


async def go_to(screen: Screen, entry: str) -> None:
    """An entry of the open menu, by keys."""
    item = await screen.item(entry)
    for _ in range(12):
        if item.property("highlighted"):
            break
        await screen.key(Qt.Key.Key_Down)
    assert item.property("highlighted"), entry
    await screen.key(Qt.Key.Key_Return)


def many(count: int) -> list:
    return [
        {"account": f"m{n}", "name": f"Member {n}", "role": "owner" if n == 0 else "member"}
        for n in range(count)
    ]


@pytest.mark.parametrize("size", [(1000, 720), (400, 700)])
def test_of_a_thousand_members_those_are_built_that_are_seen(run, size):
    async def story():
        client = Client(rooms=[room("R")], members=many(1_000))
        async with seeing(client, size) as screen:
            await until(lambda: screen.app.views.chat.people.rowCount() == 1_000)
            await screen.frame()
            assert built(screen, "memberRow") == 0  # nobody looks
            await screen.click("detailsButton")
            await until(lambda: built(screen, "memberRow") > 0)
            await screen.frame()
            assert built(screen, "memberRow") < 60
            members = await screen.item("members")
            await screen.turn(members, -480, lambda: not screen.sees("Member 3"))
            assert built(screen, "memberRow") < 60
            await screen.click(await until(lambda: some_button(screen)))
            await screen.see("Make an admin")

    run(story())


def test_of_hundreds_of_contacts_those_are_built_that_are_seen(run):
    async def story():
        people = [contact(f"c{n:03}") for n in range(500)]
        async with seeing(Client(contacts=people)) as screen:
            assert built(screen, "contactLine") == 0
            await screen.click("go-contacts")
            await screen.item("myQr")
            await screen.frame()
            assert 0 < built(screen, "contactLine") < 60
            await screen.reveal("write-Name c004")
            await screen.click("write-Name c004")
            await until(lambda: screen.app.views.chat.id == "c004")
            await screen.click("new")
            await screen.click("newRoom")
            await screen.click("pick-Name c003")
            assert 0 < built(screen, "pick-") < 60

    run(story())


def test_a_search_is_gone_through_by_keys_as_it_is_seen(run):
    async def story():
        people = [contact(f"c{n}", name) for n, name in enumerate(("Zoe", "Bob", "Ann", "Bo"))]
        async with seeing(Client(contacts=people)) as screen:
            chat = screen.app.views.chat
            await screen.key(Qt.Key.Key_F, CONTROL)
            await screen.type("bo")
            await until(lambda: screen.find("conversation-Ann") is None)
            await screen.key(Qt.Key.Key_Return)
            await until(lambda: chat.value("title") == "Bo")
            await screen.key(Qt.Key.Key_F, CONTROL)
            await screen.key(Qt.Key.Key_Down)
            await screen.key(Qt.Key.Key_Down)
            await screen.key(Qt.Key.Key_Return)
            await until(lambda: chat.value("title") == "Bob")

    run(story())


def test_a_key_in_doubt_is_compared_before_it_is_trusted(run):
    async def story():
        client = Client(contacts=[contact("A", "Ann", key_changed=True), contact("B", "Bob")])
        async with seeing(client) as screen:
            await screen.item("keyAlarm")
            assert screen.find("composer") is None
            client.held = {"*"}
            await screen.click("compareKey")
            same = await screen.item("isSame")
            assert not same.isEnabled()  # nothing is there to be compared
            client.held.clear()
            await screen.see("12345")
            await screen.click("isOther")
            await screen.item("notSame")
            assert client._of("confirm_key") == []
            await screen.key(Qt.Key.Key_Escape)
            await screen.click("compareKey")
            await screen.see("12345")
            await screen.click("isSame")
            await until(lambda: client._of("verify") == [{"account": "account-A"}])
            assert client._of("confirm_key") == [{"account": "account-A"}]

    run(story())


def test_the_number_of_one_is_not_shown_for_another(run):
    async def story():
        client = Client()
        async with seeing(client) as screen:
            people = screen.app.views.people
            client.held = {"account-A"}
            people.show_safety("account-A")
            people.show_safety("account-B")
            await until(lambda: people.value("safety"))
            client.held.clear()
            await until(lambda: {"account": "account-A"} in client._of("verification_code"))
            await screen.frame()
            assert people.value("safety")["account"] == "account-B"

    run(story())


@pytest.mark.parametrize("role", ["removed", "banned", "read-only"])
def test_who_may_not_write_has_nothing_to_write_in(run, role):
    async def story():
        async with seeing(Client(rooms=[room("R", role=role)])) as screen:
            await screen.item("whyNot")
            assert screen.find("composer") is None

    run(story())


def test_links_have_the_colour_of_the_theme_also_after_it_changed(run):
    async def story():
        said = {"A": [message(1, text="see https://example.org/a")]}
        async with seeing(Client(said=said)) as screen:

            def colours():
                return {each._colour for each in screen.app._linked._painters.values()}

            assert colours() == {THEMES["light"]["link"]}
            screen.app.preferences.force(theme="dark")
            await screen.frame()
            assert colours() == {THEMES["dark"]["link"]}

    run(story())


def test_a_long_message_is_copied_whole(run):
    async def story():
        words = "long " * 5_000
        async with seeing(Client(said={"A": [message(1, text=words)]})) as screen:
            body = await screen.item("body")
            await screen.click_at(body, QPointF(5, body.height() - 30), Qt.MouseButton.RightButton)
            await screen.click("menuCopy")
            assert QGuiApplication.clipboard().text() == words

    run(story())


def test_without_a_tray_the_window_asks_for_attention_and_the_settings_say_so(run):
    async def story():
        async with seeing(Client()) as screen:
            unseen, asked = QQuickWindow(), list[bool]()
            await screen.click("go-settings")
            await screen.reveal("notify")
            assert screen.find("noTray") is None
            tray = Tray(screen.app, unseen)
            tray.wants_attention.connect(lambda: asked.append(True))
            received = {"type": "MessageReceived", "message": message(9)}
            screen.app.preferences.force(notify="off")
            screen.app.session.told.emit([received])
            assert asked == []
            screen.app.preferences.force(notify="full")
            for _ in range(5):
                screen.app.session.told.emit([received])
            assert asked == [True]
            await screen.item("noTray")
            tray.close()

    run(story())


def test_the_clipboard_is_read_when_that_is_asked_for_and_not_before(run):
    async def story():
        QGuiApplication.clipboard().setText("dchat://u/AAAA")
        async with seeing(Client()) as screen:
            for new, field in (("newContact", "link"), ("newJoin", "joinLink")):
                await screen.click("new")
                await screen.click(new)
                shown = await screen.item(field)
                assert shown.property("text") == ""
                await screen.click("paste")
                assert shown.property("text") == "dchat://u/AAAA"
                await screen.key(Qt.Key.Key_Escape)
                await until(lambda name=field: screen.find(name) is None)

    run(story())


def test_an_invitation_is_made_when_it_is_wanted_and_stands_under_its_choice(run):
    async def story():
        client = Client(rooms=[room("R")])
        client._invite = lambda room, uses, expires_s: f"dchat://j/{uses}"
        async with seeing(client) as screen:
            rooms = screen.app.views.rooms
            await screen.click("detailsButton")
            await screen.click("invitePeople")
            await screen.item("makeInvite")
            await screen.click("choice-10")
            assert client._of("invite") == []
            await screen.click("makeInvite")
            await screen.see("dchat://j/10")
            client.held = {"*"}
            await screen.click("choice-100")
            assert rooms.value("invite") == ""
            await screen.click("makeInvite")
            await screen.click("choice-1")
            client.held.clear()
            await until(lambda: len(client._of("invite")) == 2)
            await screen.frame()
            assert rooms.value("invite") == ""

    run(story())


def test_a_link_of_a_cold_start_is_followed_once_the_client_is_open(run):
    async def story():
        client = Client()
        client._read_link = lambda link: {"account": "account-X", "state": None}
        app = App(Start(Path("/nowhere")), None)
        followed = list[str]()
        app.link_given.connect(followed.append)
        app.show()
        app.follow("dchat://u/AAAA")
        assert followed == []
        enter(app.session, client)
        assert followed == ["dchat://u/AAAA"]
        await until(lambda: client._of("read_link"))
        app.session._enter("failed")
        app.called("")
        app.session._enter("open")
        assert followed == ["dchat://u/AAAA"]
        await app.aclose()

    run(story())


def test_words_of_qt_itself_are_in_the_language_of_the_window(run):
    async def story():
        async with seeing(Client()) as screen:

            def copy():
                return QCoreApplication.translate("QWidgetTextControl", "&Copy")

            before = copy()
            screen.app.preferences.force(language="zh")
            assert "复制" in copy()
            screen.app.preferences.force(language="en")
            assert copy() == before

    run(story())


def test_a_request_says_what_is_odd_about_it_and_who_it_is_of(run):
    async def story():
        client = Client()
        asking = contact("X", "Аnn", state="request", bio="hello", flags=["like_contact"])
        client._contact_requests = lambda: [{**asking, "introduced_by": "account-B"}]
        async with seeing(client) as screen:
            await screen.click("go-contacts")
            await screen.see("looks like the name of a contact")
            await screen.see("hello")
            await screen.see("Introduced by Bob")
            await screen.see("account-X")

    run(story())


@pytest.mark.parametrize("kept", ["nonsense", "-5", "", "99999999"])
def test_a_size_that_nobody_can_have_meant_is_as_at_the_first_start(application, tmp_path, kept):
    (tmp_path / "window.ini").write_text(f"[General]\nwidth={kept}\nheight=700\n")
    preferences = Preferences(tmp_path, Notices())
    assert preferences.size() == (1000, 720)
    preferences.close()


def test_own_words_are_told_to_screen_readers_with_their_state(run):
    async def story():
        said = {"A": [message(1, author=ME, text="mine", edited=True, state="read")]}
        async with seeing(Client(said=said)) as screen:
            from tests.qt.test_looking_round import screen_name

            body = await screen.item("body")
            row = body
            while not screen_name(row).startswith("You"):
                row = row.parentItem()
            assert screen_name(row).startswith("You: mine, edited, ")
            assert screen_name(row).endswith("Read")

    run(story())


def test_what_can_be_done_with_a_message_is_done_by_keys_alone(run):
    async def story():
        said = [message(1, text="the first"), message(2, text="see https://example.org/a")]
        client = Client(said={"A": [said[0], {**said[1], "reply_to": "A1"}]})
        reacted = {**client.said["A"][1], "reactions": [{"emoji": "😀", "account": ME}]}
        client._react = lambda message_id, emoji, remove: reacted
        async with seeing(client) as screen:
            messages = await screen.item("messages")
            messages.forceActiveFocus()
            chosen = list[bool]()
            for _ in range(2):
                await screen.key(Qt.Key.Key_Return)
                await screen.item("menuReply")
                await go_to(screen, "menuReact")
                await screen.item("reactions-0")
                await screen.key(Qt.Key.Key_Return)
                await until(lambda: len(client._of("react")) > len(chosen))
                chosen.append(client._of("react")[-1]["remove"])
                messages.forceActiveFocus()
            assert chosen == [False, True]
            await screen.key(Qt.Key.Key_Return)
            await go_to(screen, "menuLink")
            await screen.see("https://example.org/a")
            await screen.item("askYes")
            await screen.key(Qt.Key.Key_Escape)

    run(story())


@pytest.mark.parametrize("scale", ["0.9", "1.3"])
def test_a_symbol_to_be_scanned_has_modules_of_one_width(run, scale):
    async def story():
        async with seeing(Client()) as screen:
            screen.app.preferences.force(scale=scale)
            await screen.click("go-contacts")
            symbol = await screen.item("myQr")
            await until(lambda: symbol.implicitWidth() > 20)
            pixels = symbol.width() * screen.window.devicePixelRatio() / symbol.implicitWidth()
            assert pixels == int(pixels) >= 2

    run(story())


def test_a_link_is_found_behind_what_takes_two_places(application):
    linked = Linked(QCoreApplication.instance())
    words = "🎉 https://a.example/x 🎉🎉 dchat://u/BBBB end"
    places = [linked.at(words, n) for n in range(2 * len(words))]
    assert places.count("https://a.example/x") == len("https://a.example/x")
    assert places.index("https://a.example/x") == 3
    assert places.index("dchat://u/BBBB") == 28
    assert places.count("dchat://u/BBBB") == len("dchat://u/BBBB")
