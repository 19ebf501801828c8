"""What the user prefers of the window itself: kept in the home, read before anything is drawn."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import (
    Property,
    QCoreApplication,
    QLocale,
    QObject,
    QSettings,
    Qt,
    QTranslator,
    Signal,
    Slot,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtQml import QQmlPropertyMap

from p2pchat.portal import Language
from p2pchat_qt.notices import Notices
from p2pchat_qt.theme import AVATARS, NAMES, THEMES

__all__ = ["SCALES", "Preferences"]

FILE = "window.ini"
SCALES = (0.9, 1.0, 1.15, 1.3, 1.5)
_TRANSLATIONS = Path(__file__).parent / "i18n"
_DEFAULTS = {
    "language": "system",
    "theme": "system",
    "scale": "1.0",
    "notify": "full",
    "tray": "no",
    "width": "1000",
    "height": "720",
}


class Preferences(QObject):
    """Values under `now`: language, theme, scale, notify, and the colours that follow from them."""

    language_changed = Signal()

    def __init__(self, home: Path | None, notices: Notices, parent: QObject | None = None) -> None:
        """With no home nothing is kept."""
        super().__init__(parent)
        self._file = str(home / FILE) if home is not None else None
        self._notices = notices
        self._translator: QTranslator | None = None
        self._forced = dict[str, str]()
        self._kept = dict(_DEFAULTS)
        self._now = QQmlPropertyMap.create(self)
        self._read()
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._apply)
        self._apply()

    def _read_now(self) -> QObject:
        return self._now

    now = Property(QObject, _read_now, constant=True)

    @Slot(str, str)
    def choose(self, name: str, value: str) -> None:
        """Prefer something from now on."""
        assert name in _DEFAULTS, name
        self._forced.pop(name, None)
        self._kept[name] = value
        if self._file is not None and Path(self._file).parent.exists():
            QSettings(self._file, QSettings.Format.IniFormat).setValue(name, value)
        self._apply()

    def force(self, **values: str | None) -> None:
        """What the command line says, for this time."""
        self._forced |= {name: value for name, value in values.items() if value}
        self._apply()

    def value(self, name: str) -> str:
        """What holds."""
        return self._forced.get(name, self._kept[name])

    @property
    def language(self) -> Language:
        """The language of the window."""
        chosen = self.value("language")
        if chosen == "system":
            chosen = QLocale.system().name()
        return "zh" if chosen.startswith("zh") else "en"

    def close(self) -> None:
        """Follow the system no more, and speak no language."""
        QGuiApplication.styleHints().colorSchemeChanged.disconnect(self._apply)
        application = QCoreApplication.instance()
        if application is not None and self._translator is not None:
            application.removeTranslator(self._translator)

    def _read(self) -> None:
        if self._file is not None and Path(self._file).exists():
            kept = QSettings(self._file, QSettings.Format.IniFormat)
            for name in _DEFAULTS:
                self._kept[name] = str(kept.value(name, self._kept[name]))

    def _apply(self, _: object = None) -> None:
        theme = self.value("theme")
        if theme not in THEMES:
            is_dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
            theme = "dark" if is_dark else "light"
        try:
            scale = min(max(float(self.value("scale")), SCALES[0]), SCALES[-1])
        except ValueError:
            scale = 1.0
        for name, value in {
            "language": self.value("language"),
            "theme": self.value("theme"),
            "notify": self.value("notify"),
            "tray": self.value("tray"),
            "scale": scale,
            "isDark": theme == "dark",
            "colors": dict(THEMES[theme]),
            "avatars": list(AVATARS),
            "names": list(NAMES[theme]),
        }.items():
            self._now.insert(name, value)
        self._translate()

    def _translate(self) -> None:
        language = self.language
        if self._translator is not None and self._now.value("spoken") == language:
            return
        application = QCoreApplication.instance()
        assert application is not None, "there is an application"
        if self._translator is not None:
            application.removeTranslator(self._translator)
        self._translator = QTranslator(self)
        if self._translator.load(str(_TRANSLATIONS / f"p2pchat_qt_{language}.qm")):
            application.installTranslator(self._translator)
        self._notices.language = language
        self._now.insert("spoken", language)
        self.language_changed.emit()
