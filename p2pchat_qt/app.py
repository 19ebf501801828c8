"""The client put together: portal -> view models -> engine -> window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtQml import QQmlApplicationEngine
from PySide6.QtQuick import QQuickTextDocument, QQuickWindow

from p2pchat_qt.collecting import keep_what_is_here
from p2pchat_qt.linking import Linked
from p2pchat_qt.pictures import Pictures
from p2pchat_qt.preferences import Preferences
from p2pchat_qt.scanning import Scanner
from p2pchat_qt.session import Session, Start
from p2pchat_qt.shown import initials
from p2pchat_qt.viewmodels.alarms import Alarms
from p2pchat_qt.viewmodels.base import constant
from p2pchat_qt.viewmodels.chat import ChatView
from p2pchat_qt.viewmodels.config import ConfigView
from p2pchat_qt.viewmodels.faces import PROVIDER, FacesView
from p2pchat_qt.viewmodels.network import NetworkView
from p2pchat_qt.viewmodels.people import PeopleView
from p2pchat_qt.viewmodels.rooms import RoomsView
from p2pchat_qt.viewmodels.settings import SettingsView
from p2pchat_qt.viewmodels.sidebar import SidebarView
from p2pchat_qt.viewmodels.start import StartView
from p2pchat_qt.viewmodels.system import SystemView
from p2pchat_qt.viewmodels.writers import WritersView

__all__ = ["App", "Views"]

QML = Path(__file__).parent / "qml"


@dataclass(frozen=True, slots=True)
class Views:
    """What a page can do, page by page."""

    start: StartView
    sidebar: SidebarView
    chat: ChatView
    people: PeopleView
    rooms: RoomsView
    network: NetworkView
    settings: SettingsView
    system: SystemView
    faces: FacesView
    writers: WritersView
    config: ConfigView


class App(QObject):
    """What the window knows as `app`."""

    link_given = Signal(str)
    """A `dchat://` link from the command line or from another start of the program."""
    asked_to_show = Signal()
    opening = Signal(str)
    """A conversation that shall be shown, such as one whose notice was clicked."""
    closed = Signal()
    """The user has closed the window for good."""

    def __init__(self, start: Start, preferences_home: Path | None) -> None:
        super().__init__()
        self.session = Session(start)
        sidebar = SidebarView(self.session)
        self.views = Views(
            StartView(self.session),
            sidebar,
            ChatView(self.session, sidebar),
            PeopleView(self.session, sidebar),
            RoomsView(self.session, sidebar),
            NetworkView(self.session),
            SettingsView(self.session),
            SystemView(self.session, preferences_home),
            FacesView(self.session, sidebar),
            WritersView(self.session),
            ConfigView(self.session),
        )
        self.alarms = Alarms(self.session, sidebar)
        self.notices = self.session.notices
        self.preferences = Preferences(preferences_home, self.notices, self)
        self._linked = Linked(self)
        self._scanner = Scanner(self.views.people, self.notices)
        self._engine = QQmlApplicationEngine()
        self._engine.addImageProvider(PROVIDER, Pictures(self.views.faces.kept))  # it is Qt's now
        self._window: QQuickWindow | None = None
        self._link = ""
        self.session.phase_changed.connect(self._entered)
        self.preferences.language_changed.connect(self._retranslate)

    said = constant("notices")
    prefs = constant("preferences")
    scanner = constant("_scanner")

    def show(self, page: str = "", size: tuple[int, int] | None = None) -> QQuickWindow:
        """Load the window; the client need not be open."""
        context = self._engine.rootContext()
        context.setContextProperty("app", self)
        for name in Views.__dataclass_fields__:
            context.setContextProperty(f"{name}View", getattr(self.views, name))
        width, height = size or self.preferences.size()
        self._engine.setInitialProperties(
            {"width": width, "height": height, "page": page or "chat"}
        )
        self._engine.load(QUrl.fromLocalFile(str(QML / "Main.qml")))
        roots = self._engine.rootObjects()
        if not roots:
            raise RuntimeError("the window cannot be loaded: see the messages above")
        window = roots[0]
        assert isinstance(window, QQuickWindow), "the root is a window"
        self._window = window
        return window

    async def aclose(self) -> None:
        """Close window and client; returns when nothing of them is left."""
        if self._window is not None:
            self._window.setVisible(False)
        for name in Views.__dataclass_fields__:
            await getattr(self.views, name).aclose()
        await self._scanner.aclose()
        await self.session.aclose()
        self.views.network.log.close()
        self.preferences.close()
        self._window = None
        self._engine.deleteLater()  # now, with all its items: what they are bound to goes next
        QCoreApplication.sendPostedEvents(self._engine, QEvent.Type.DeferredDelete)

    # What the window asks of the system

    @Slot(str)
    def copy(self, words: str) -> None:
        """Put words on the clipboard."""
        QGuiApplication.clipboard().setText(words)

    @Slot(result=str)
    def pasted(self) -> str:
        """The words on the clipboard."""
        return QGuiApplication.clipboard().text().strip()

    @Slot(str)
    def open_link(self, link: str) -> None:
        """Follow a link that the user has agreed to."""
        if link.startswith("dchat://"):
            self.follow(link)
        elif link.startswith(("https://", "http://")):
            QDesktopServices.openUrl(QUrl(link, QUrl.ParsingMode.StrictMode))

    @Slot(QQuickTextDocument, str)
    def paint_links(self, document: QQuickTextDocument, colour: str) -> None:
        """Have the links in a text drawn as such."""
        self._linked.paint(document, colour)

    @Slot(str, int, result=str)
    def link_at(self, words: str, place: int) -> str:
        """The link at a place of a text; empty for none."""
        return self._linked.at(words, place)

    @Slot(str, result=str)
    def initials(self, name: str) -> str:
        """For an avatar."""
        return initials(name)

    @Slot(int, int)
    def resized(self, width: int, height: int) -> None:
        """Keep the size for the next start."""
        self.preferences.choose("width", str(width))
        self.preferences.choose("height", str(height))

    @Slot(str)
    def called(self, link: str) -> None:
        """Another start of the program wants the window, perhaps with a link."""
        self.asked_to_show.emit()
        self.follow(link)

    def follow(self, link: str) -> None:
        """Show where a link leads, as soon as the client is open: it is the client who reads it."""
        self._link = link or self._link
        self._follow()

    def _entered(self) -> None:
        if self.session.phase == "open":
            keep_what_is_here()
            self.preferences.keep()
        self._follow()

    def _follow(self) -> None:
        if self._link and self.session.phase == "open":
            link, self._link = self._link, ""
            self.link_given.emit(link)

    @Slot()
    def quit(self) -> None:
        """The user wants to end."""
        self.closed.emit()

    @Slot(result=bool)
    def is_active(self) -> bool:
        """Whether the user looks at the program."""
        return QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive

    def _retranslate(self) -> None:
        self._engine.retranslate()
