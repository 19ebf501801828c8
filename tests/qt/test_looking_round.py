"""One person before a home with much in it, by mouse and keyboard, without a network."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtQuick import QQuickItem

from tests.qt.pretended import Client
from tests.qt.screen import Screen, until

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
SIZES = {"wide": (1000, 720), "narrow": (400, 700)}
PAGES = ("chat", "contacts", "network", "settings", "settings-network", "settings-lan")
TITLES = {"contacts": "联系人", "network": "网络", "settings": "设置"}
TITLES |= {"settings-network": "网络设置", "settings-lan": "局域网"}


@asynccontextmanager
async def looking(home, size=SIZES["wide"]):
    screen = Screen(home, size, offline=True)
    try:
        await until(lambda: screen.app.session.phase == "open")
        await until(lambda: screen.app.views.sidebar.value("isLoaded"))
        await until(lambda: screen.app.views.people.value("link"))
        yield screen
    except AssertionError:
        screen.shoot(SCREENSHOTS / "failed.png")
        raise
    finally:
        await screen.aclose()


async def open_room(screen):
    await screen.click("conversation-P2P dev")
    await until(lambda: screen.app.views.chat.value("isLoaded"))


async def menu_of(screen: Screen, words: str):
    """The menu of a message, by the right button."""
    body = await until(lambda: screen.body(words))
    await screen.click_at(body, QPointF(5, 5), Qt.MouseButton.RightButton)
    await screen.item("menuReply")


def overlapping(screen: Screen) -> list[str]:
    """Texts that reach beyond the window on a side."""
    width = screen.window.width()
    out = list[str]()
    for each in screen.items():
        place = each.mapRectToScene(each.boundingRect())
        text = each.property("text")
        is_text = isinstance(text, str) and text and each.width() > 0
        if is_text and (place.left() < -1 or place.right() > width + 1):
            out.append(text)
    return out


def test_every_page_in_both_themes_languages_and_sizes(run, demo):
    async def story():
        async with looking(demo) as screen:
            for (named, size), theme, language in itertools.product(
                SIZES.items(), ("light", "dark"), ("en", "zh")
            ):
                screen.window.resize(*size)
                screen.app.preferences.force(theme=theme, language=language)
                for page in PAGES:
                    if page == "chat":
                        rows = screen.app.views.sidebar.list.rows
                        screen.window.setProperty("page", "chat")
                        screen.app.views.chat.open(str(rows[0]["id"]))
                        await until(lambda: screen.app.views.chat.value("isLoaded"))
                    else:
                        screen.window.setProperty("page", page)
                    for _ in range(2):
                        await screen.frame()
                    screen.shoot(SCREENSHOTS / f"{page}-{named}-{theme}-{language}.png")
                    assert overlapping(screen) == [], (page, named, language)
                    if language == "zh" and page != "chat":
                        assert screen.sees(TITLES[page])

    run(story())


def test_what_is_written_is_edited_reacted_to_answered_and_deleted(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            await screen.send("One 🙂")
            await until(lambda: screen.state_of("One 🙂") == "queued")
            await screen.key(Qt.Key.Key_Up)  # the last of ours
            await screen.key(Qt.Key.Key_A, CONTROL)
            await screen.type("Two")
            await screen.key(Qt.Key.Key_Return)
            await screen.see("Two")
            await screen.see("edited")
            await menu_of(screen, "Two")
            await screen.click("react-👍")
            await screen.see("👍 1")
            await menu_of(screen, "Two")
            await screen.click("menuReply")
            await screen.type("Three")
            await screen.key(Qt.Key.Key_Return)
            await until(lambda: screen.find("input").property("text") == "")
            await until(lambda: screen.texts().count("Two") == 2)  # in its strip, too
            await menu_of(screen, "Three")
            await screen.click("menuExplain")
            await screen.item("sentence")
            await screen.key(Qt.Key.Key_Escape)
            await menu_of(screen, "Three")
            await screen.click("menuDelete")
            await screen.click("askYes")
            await screen.see("Message deleted")
            assert not screen.sees("Three")

    run(story())


def test_a_message_further_up_stays_where_it_is_when_one_clicks_on_it(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            shown = screen.app.views.chat.shown
            messages = await screen.item("messages")
            await screen.turn(messages, 2400, lambda: shown.window.has_newer)
            above = [each for each in screen.items() if each.objectName() == "body"]
            body = next(each for each in above if 200 < each.mapToScene(QPointF()).y() < 400)
            place = body.mapToScene(QPointF())
            for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
                await screen.click_at(body, QPointF(5, 5), button)
                await screen.frame()
                assert body.mapToScene(QPointF()) == place
            await screen.item("menuReply")

    run(story())


def test_where_a_message_of_the_demo_is_can_be_asked(run, demo):
    async def story():
        async with looking(demo) as screen:
            await screen.click("conversation-Bob")
            await until(lambda: screen.app.views.chat.value("isLoaded"))
            await menu_of(screen, "I am two minutes late.")
            await screen.click("menuExplain")
            await screen.item("sentence")
            assert screen.told == []

    run(story())


def test_who_knows_nobody_is_told_how_to_begin(run, home):
    async def story():
        client = Client(contacts=[], rooms=[])
        screen = Screen(home, client=client)
        try:
            await screen.see("Whom do you want to talk to?")
        finally:
            await screen.aclose()

    run(story())


def test_shift_enter_begins_a_line_and_blanks_are_not_sent(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            await screen.write_into("input", "  ")
            await screen.key(Qt.Key.Key_Return)
            assert not screen.find("send").isEnabled()
            await screen.key(Qt.Key.Key_A, CONTROL)
            await screen.type("first")
            await screen.key(Qt.Key.Key_Return, SHIFT)
            await screen.type("second")
            await screen.click("send")
            await screen.see("first\nsecond")
            assert screen.find("input").property("text") == ""

    run(story())


def test_what_was_begun_is_there_again_after_a_new_start(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            await screen.write_into("input", "half a sent")
            await screen.click("conversation-Bob")
            await until(lambda: screen.find("input").property("text") == "")
            await screen.click("conversation-P2P dev")
            await until(lambda: screen.find("input").property("text") == "half a sent")
            await screen.write_into("input", "ence")
        async with looking(demo) as screen:
            await open_room(screen)
            await until(lambda: screen.find("input").property("text") == "half a sentence")

    run(story())


def test_ctrl_k_and_alt_arrows_go_to_conversations(run, demo):
    async def story():
        async with looking(demo) as screen:
            await screen.key(Qt.Key.Key_K, CONTROL)
            await screen.item("switcherField")
            await screen.type("mar")
            await screen.key(Qt.Key.Key_Return)
            await until(lambda: screen.app.views.chat.value("title") == "María")
            await screen.key(Qt.Key.Key_Down, ALT)
            await until(lambda: screen.app.views.chat.value("title") == "Дмитрий")
            await screen.key(Qt.Key.Key_Up, ALT)
            await until(lambda: screen.app.views.chat.value("title") == "María")

    run(story())


def test_a_search_finds_words_and_goes_to_their_message(run, demo):
    async def story():
        async with looking(demo) as screen:
            await screen.key(Qt.Key.Key_F, CONTROL)
            await screen.type("two minutes late")
            await until(lambda: screen.app.views.sidebar.hits.rowCount() > 0)
            hit = screen.app.views.sidebar.hits.at(0)
            await screen.click(f"found-{hit['id']}")
            await until(lambda: screen.app.views.chat.value("isLoaded"))
            await screen.see("I am two minutes late.")
            await screen.write_into("search", "!")
            await screen.key(Qt.Key.Key_A, CONTROL)
            await screen.type("no such thing anywhere")
            await screen.see("Nothing was found.")

    run(story())


def test_older_pages_come_as_one_scrolls_and_the_way_back_is_a_button(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            shown = screen.app.views.chat.shown
            newest = shown.window.last
            first = shown.window.first
            messages = await screen.item("messages")
            await screen.turn(messages, 2400, lambda: shown.window.has_newer)
            assert shown.window.first != first
            await screen.click("toEnd")
            await until(lambda: shown.window.last == newest)
            await until(lambda: screen.find("toEnd") is None)

    run(story())


def test_what_is_unread_has_a_line_and_is_read_when_it_was_seen(run, demo):
    async def story():
        async with looking(demo) as screen:
            unread = await until(lambda: screen.app.views.sidebar.value("unread"))
            await open_room(screen)
            line = await screen.item("unreadLine")

            def place() -> float:
                return line.mapToScene(QPointF(0, line.height() / 2)).y()

            await until(lambda: 56 < place() < screen.window.height() - 60)
            await screen.click("toEnd")
            await until(lambda: screen.app.views.sidebar.value("unread") < unread)
            row = screen.app.views.sidebar.conversation(screen.app.views.chat.id)
            assert row["unread"] == 0

    run(story())


def test_the_language_and_the_theme_change_at_once(run, demo):
    async def story():
        async with looking(demo) as screen:
            screen.app.preferences.choose("theme", "light")
            await screen.click("go-settings")
            await screen.see("Appearance")
            await screen.click("choice-dark")
            await until(lambda: screen.window.property("color").lightness() < 100)
            await screen.click("choice-zh")
            await screen.see("外观")
            await screen.click("go-network")
            await screen.see("离线")
            await screen.click("go-settings")
            await screen.click("choice-en")
            await screen.see("Appearance")

    run(story())


def test_everything_that_takes_a_key_has_a_name_for_screen_readers(run, demo):
    async def story():
        async with looking(demo) as screen:
            await open_room(screen)
            unnamed = set[str]()
            for page in PAGES:
                screen.window.setProperty("page", page)
                await screen.frame()
                unnamed |= {describe(each) for each in screen.items() if needs_name(each)}
            assert unnamed == set()

    run(story())


def needs_name(item: QQuickItem) -> bool:
    policy = item.property("focusPolicy")
    takes_keys = item.activeFocusOnTab() or (policy is not None and bool(policy))
    return takes_keys and item.isEnabled() and not screen_name(item)


def screen_name(item: QQuickItem) -> str:
    from PySide6.QtQml import QQmlProperty, qmlContext

    name = QQmlProperty(item, "Accessible.name", qmlContext(item)).read()
    return str(name or item.property("text") or item.property("placeholderText") or "")


def describe(item: QQuickItem) -> str:
    return f"{item.metaObject().className()} {item.objectName()}"


@pytest.mark.parametrize("act", ["accept", "reject"])
def test_a_request_is_answered(run, demo, act):
    async def story():
        async with looking(demo) as screen:
            await screen.click("go-contacts")
            await screen.click(f"{act}-Carol Jensen")
            await until(lambda: screen.find(f"{act}-Carol Jensen") is None)
            contacts = [each["name"] for each in screen.app.views.people.known.rows]
            assert ("Carol Jensen" in contacts) is (act == "accept")

    run(story())


def test_a_contact_is_blocked_and_let_in_again(run, demo):
    async def story():
        async with looking(demo) as screen:
            await screen.click("conversation-María")
            await screen.click("detailsButton")
            await screen.click("block")
            await screen.click("askYes")
            await until(lambda: screen.find("conversation-María") is None)
            await screen.click("go-contacts")
            await screen.reveal("unblock-María")
            await screen.click("unblock-María")
            await screen.item("conversation-María")

    run(story())
