"""Words have room: none of ours is cut and none lies over another, in both languages, in a wide and
a narrow window, at the usual and the largest size of text, on every page and in every dialog."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QMetaObject, QObject, QRectF
from PySide6.QtQml import QQmlExpression, qmlContext
from PySide6.QtQuick import QQuickItem

from tests.qt.screen import Screen, until
from tests.qt.test_looking_round import SCREENSHOTS, SIZES, looking

TRANSLATIONS = Path(__file__).resolve().parents[2] / "p2pchat_qt" / "i18n"
SLACK_PX = 2.0
AROUND = re.compile(r"%\w.*%\w")
LISTS = (
    *("bootstrap_peers", "bootstrap_urls", "listen", "announce", "mailboxes.relays"),
    "lan.allowed_subnets",
)
WRONG = "'/ip4/203.0.113.7' cannot be used: it must begin with a host and a port: /ip4/<address>"
CONFIGURED = {
    "lists": {key: ["/dns4/" + "long." * 20 + "example"] for key in LISTS},
    "written": ["listen"],
    "errors": dict.fromkeys(("bootstrap_peers", "lan.secret", "lan.accept_requests"), WRONG),
    "saved": {"listen": "restart", "announce": "now", "lan.enabled": "restart", "fetch": "now"},
    "hasSecret": True,
}
"""Much of everything on the pages of settings."""
PHASES = ("welcome", "locked", "failed")
DIALOGS = {
    "addContact": "addContact.open()",
    "createRoom": "createRoom.open()",
    "joinRoom": "joinRoom.open()",
    "invite": "invite.about(chatView.now.id)",
    "letIn": "letIn.about(chatView.now.id)",
    "safety": "safety.about(%1, 'María', true)",
    "linked": "linked.about({account: %1, name: 'María', state: ''})",
    "ask": "confirmLink('https://example.org/' + 'long/'.repeat(30))",
    "switcher": "switcher.open()",
}
"""How each is opened; %1 is an account."""
LINK = "https://example.org"
PARTS = {
    "menu": (
        "messageMenu",
        f"messageId = replied = 'x'; own = true; links = Array(3).fill('{LINK}'); popup(9, 9)",
    ),
    "menu-deleted": ("messageMenu", "own = gone = true; links = []; popup(9, 9)"),
    "reactions": ("reactions", "open()"),
    "emoji": ("emojiOfMessage", "open()"),
    "explanation": (
        "explanation",
        "about({sentence: 'Waits for a way to María. '.repeat(4), evidence: ['No relay answers.',"
        " 'It was tried ten times.'], nextTry: 1790000000000, recipients: [{name: 'María',"
        " sentence: 'Waits.'}, {name: 'Bob', sentence: 'It came to one device of two.'}]})",
    ),
    "not-the-same": ("safety", "account = %1; name = 'María'; isOther = true; open()"),
}
"""Whose words open each."""


def words_of_ours() -> re.Pattern[str]:
    """All that the window itself says, in both languages; but not what begins and ends with others'
    words, such as "%1 from %2", which any sentence may be."""
    said = set[str]()
    for language in ("en", "zh"):
        tree = ElementTree.parse(TRANSLATIONS / f"p2pchat_qt_{language}.ts")
        for message in tree.iter("message"):
            found = message.find("translation")
            forms = [] if found is None else [found, *found.iter("numerusform")]
            said |= {each.text or "" for each in forms} | {message.findtext("source") or ""}
    assert len(said) > 500
    patterns = (
        re.sub(r"%(\d|n)", ".*", re.escape(each))
        for each in said
        if each.strip() and not AROUND.fullmatch(each)
    )
    return re.compile("|".join(patterns), re.DOTALL)


def shown_texts(screen: Screen) -> list[tuple[QQuickItem, QRectF]]:
    """The texts of the topmost layer, and where each is drawn."""
    root = screen.window.contentItem()
    popups = [each for each in root.childItems() if each.inherits("QQuickOverlay")]
    layers = [each for one in popups for each in one.childItems() if each.isVisible()]
    boxes = [each for each in layers if each.inherits("QQuickPopupItem")]
    found = list[tuple[QQuickItem, QRectF]]()
    for item in visible(boxes[-1] if boxes else root):
        if item.inherits("QQuickText") and item.property("text") and item.opacity() > 0:
            place = item.mapRectToScene(item.boundingRect())
            cut = clipped(item, place)
            if cut.width() > 1 and cut.height() > 1:
                found.append((item, place))
    return found


def visible(item: QQuickItem) -> Iterator[QQuickItem]:
    if item.isVisible() and not item.inherits("QQuickOverlay"):
        yield item
        for each in item.childItems():
            yield from visible(each)


def clipped(item: QQuickItem, place: QRectF) -> QRectF:
    """What of a place is not hidden by what the item stands in."""
    above = item.parentItem()
    while above is not None:
        if above.clip():
            place = place.intersected(above.mapRectToScene(above.boundingRect()))
        above = above.parentItem()
    return place


def misfits(screen: Screen, ours: re.Pattern[str]) -> list[str]:
    """What is wrong with the texts that are seen."""
    found, wrong = shown_texts(screen), list[str]()
    for item, place in found:
        text = str(item.property("text"))
        seen = clipped(item, place)
        if item.property("truncated") and ours.fullmatch(text):
            wrong.append(f"cut: {text}")
        if seen.left() > place.left() + SLACK_PX or seen.right() < place.right() - SLACK_PX:
            wrong.append(f"hidden at a side: {text}")
        if place.left() < -1 or place.right() > screen.window.width() + 1:
            wrong.append(f"beyond the window: {text}")
        if item.width() > 0 and place.width() > item.width() + SLACK_PX:
            wrong.append(f"wider than its place: {text}")
    # The button that leads to the end lies over what is said, whatever that is.
    lying = [each for each in found if all(e.objectName() != "toEnd" for e in ancestors(each[0]))]
    for (one, a), (other, b) in itertools.combinations(lying, 2):
        over = clipped(one, a).intersected(clipped(other, b))
        if over.width() > SLACK_PX and over.height() > SLACK_PX:
            wrong.append(f"{one.property('text')} lies over {other.property('text')}")
    return wrong


def lists(screen: Screen) -> list[QQuickItem]:
    """What scrolls in the topmost layer, but the timeline."""
    tops = {item for item, _ in shown_texts(screen)}
    return [
        each
        for each in screen.items()
        if each.inherits("QQuickFlickable")
        and each.objectName() not in ("messages", "conversations")
        and each.property("contentHeight") > each.height() + 1
        and any(above is each for item in tops for above in ancestors(item))
    ]


def middle_of(item: QQuickItem) -> float:
    return item.mapRectToScene(QRectF(0, 0, item.width(), 1)).center().x()


def ancestors(item: QQuickItem) -> Iterator[QQuickItem]:
    above = item.parentItem()
    while above is not None:
        yield above
        above = above.parentItem()


async def look_through(screen: Screen, ours: re.Pattern[str]) -> list[str]:
    """What is wrong anywhere from its beginning to its end."""
    await settle(screen, 4)
    wrong = misfits(screen, ours)
    for each in lists(screen):
        if each.height() < 60:
            wrong.append(f"{each.height():.0f} pixels are left to scroll in")
        for _ in range(12):
            end = each.property("originY") + each.property("contentHeight") - each.height()
            place = each.property("contentY")
            if place >= end - 1:
                break
            each.setProperty("contentY", min(end, place + max(60.0, each.height() * 0.8)))
            await settle(screen, 2)
            wrong += misfits(screen, ours)
    return wrong


async def settle(screen: Screen, frames: int) -> None:
    """Let so many pictures be drawn, and then more until nothing moves any more: rows that come
    into sight may be taller than they were taken for."""
    before, places = None, []
    for _ in range(40):
        if len(places) >= frames and before == places[-1]:
            break
        before = places[-1] if places else None
        await screen.frame()
        places.append([(str(item.property("text")), place) for item, place in shown_texts(screen)])


def do(screen: Screen, words: str, of: str = "") -> None:
    """What QML would, in the window or in a part of it."""
    part: QObject | None = screen.window
    if of:
        seen = (each for each in screen.items() if of and each.objectName().startswith(of))
        part = screen.window.findChild(QObject, of) or next(seen, None)
    assert part is not None, of
    expression = QQmlExpression(qmlContext(part), part, words)
    expression.evaluate()
    assert not expression.hasError(), expression.error().toString()


async def close_all(screen: Screen) -> None:
    """Nothing but the page is there."""
    for each in screen.window.findChildren(QObject):
        if each.inherits("QQuickPopup") and each.property("visible"):
            QMetaObject.invokeMethod(each, "close")
    await screen.frame()


TIGHT = [("en", "narrow", "1.5"), ("zh", "narrow", "1.5")]
CASES = [
    pytest.param(*case, marks=() if case in TIGHT else pytest.mark.slow)
    for case in itertools.product(("en", "zh"), SIZES, ("1.0", "1.5"))
]


class Looker:
    """Goes through the window, and notes what has no room."""

    def __init__(self, screen: Screen, ours: re.Pattern[str], variant: str, account: str):
        self.screen, self.ours, self.variant, self.account = screen, ours, variant, account
        self.wrong = dict[str, list[str]]()

    async def look(self, name: str) -> None:
        """At what is there."""
        found = await look_through(self.screen, self.ours)
        if found:
            self.wrong[name] = sorted(set(found))
        self.screen.shoot(SCREENSHOTS / "fitting" / f"{name}-{self.variant}.png")

    async def open(self, name: str, words: str, of: str = "") -> None:
        """At what opens by these words."""
        do(self.screen, words.replace("%1", f"'{self.account}'"), of)
        await self.look(name)
        await close_all(self.screen)

    async def open_each(self, parts: Mapping[str, tuple[str, str]]) -> None:
        """At what opens by the words of a part of the window."""
        for name, (of, words) in parts.items():
            await self.open(name, words, of)

    async def list(self) -> None:
        """At the list of conversations, and what is found in it."""
        hits = self.screen.app.views.sidebar.hits
        await self.look("list")
        await self.open("new", "clicked()", "new")
        do(self.screen, "text = 'late'", "search")
        await until(hits.rowCount)
        await self.look("found")
        do(self.screen, "text = 'no such thing'", "search")
        await until(lambda: hits.rowCount() == 0)
        await self.look("nothing-found")
        do(self.screen, "clear()", "search")

    async def details(self) -> None:
        """At what is to be known of the open room, and to be done with it."""
        for name, words, of in (
            ("details", "", ""),
            ("edit", "clicked()", "editRoom"),
            ("roles", "clicked()", "member-"),
        ):
            do(self.screen, "window.wantsDetails = true")
            await self.screen.item("members")
            if of.endswith("-"):
                do(self.screen, "positionViewAtEnd()", "members")
                await self.screen.frame()
            await self.open(name, words, of)
        do(self.screen, "window.wantsDetails = false")

    async def pages(self) -> None:
        """At the other pages."""
        for page in ("contacts", "network", "settings", "settings-network", "settings-lan"):
            self.screen.window.setProperty("page", page)
            if page.startswith("settings-"):
                await until(lambda: self.screen.app.views.config.value("isLoaded"))
                self.screen.app.views.config.put(**CONFIGURED)
            await self.look(page)
            lines = [e for e in self.screen.items() if e.objectName() == "contactLine"]
            assert {round(middle_of(e) - middle_of(e.parentItem())) for e in lines} <= {0}
            if page == "contacts":
                await self.open("contact-menu", "clicked()", "more-")
        self.screen.window.setProperty("page", "chat")

    async def phases(self) -> None:
        """At what is there before the client is, and when it is no more."""
        app = self.screen.app
        app.session._enter("failed")
        app.views.start.put(error="The client has stopped: no room is left on the disk.")
        await self.look("stopped")
        app.views.chat.open("")
        app.views.sidebar.list.replace([])  # as nobody is asked now, it stays so
        await self.look("nobody")
        assert not [e for e in self.screen.items() if e.objectName().startswith("conversation-")]
        app.views.sidebar.put(isLoaded=False)
        for phase in PHASES:
            app.session._enter(phase)
            await self.look(phase)
        app.session._enter("open")


@pytest.mark.parametrize(("language", "named", "scale"), CASES)
def test_the_words_of_every_page_and_dialog_have_room(run, demo, language, named, scale):
    ours, wrong = words_of_ours(), dict[str, list[str]]()

    async def story():
        async with looking(demo, SIZES[named]) as screen:
            app = screen.app
            app.preferences.force(language=language, scale=scale)
            rows = app.views.sidebar.list.rows
            account = next(str(each["account"]) for each in rows if each["title"] == "María")
            room = next(str(each["id"]) for each in rows if each["title"] == "P2P dev")
            looker = Looker(screen, ours, f"{named}-{language}-{scale}", account)
            await looker.list()
            # Rows that wait to be used again lie where they were, and are not drawn.
            do(screen, "reuseItems = false", "messages")
            app.views.chat.open(room)
            await until(lambda: app.views.chat.value("isLoaded"))
            await looker.look("chat")
            for name, words in DIALOGS.items():
                await looker.open(name, words)
            await looker.open_each(PARTS)
            await looker.details()
            await looker.pages()
            await looker.phases()
            wrong.update(looker.wrong)

    run(story())
    lines = [f"{page}: {each}" for page, found in wrong.items() for each in found]
    assert lines == [], "\n".join(lines)
