"""What the user prefers of the window itself: kept in the home, read before anything is drawn."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import (
    Property,
    QCoreApplication,
    QLibraryInfo,
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
_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
_DEFAULTS = {
    "language": "system",
    "theme": "system",
    "scale": "1.0",
    "notify": "full",
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
        self._translators = list[QTranslator]()
        self._scheme = Qt.ColorScheme.Unknown
        self._forced = dict[str, str]()
        self._kept = dict(_DEFAULTS)
        self._unwritten = set[str]()
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
        self._unwritten.add(name)
        self.keep()
        self._apply()

    def keep(self) -> None:
        """Write what was chosen; before somebody has entered there is no home to write it in."""
        if self._file is not None and Path(self._file).parent.exists():
            kept = QSettings(self._file, QSettings.Format.IniFormat)
            for name in self._unwritten:
                kept.setValue(name, self._kept[name])
            self._unwritten.clear()

    def force(self, **values: str | None) -> None:
        """What the command line says, for this time."""
        self._forced |= {name: value for name, value in values.items() if value}
        self._apply()

    def value(self, name: str) -> str:
        """What holds."""
        return self._forced.get(name, self._kept[name])

    def size(self) -> tuple[int, int]:
        """Of the window; what nobody can have meant is as at the first start."""
        kept = (self.value("width"), self.value("height"))
        if not all(each.isdecimal() and len(each) <= 5 and int(each) > 0 for each in kept):
            kept = (_DEFAULTS["width"], _DEFAULTS["height"])
        return int(kept[0]), int(kept[1])

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
        if self._scheme is not Qt.ColorScheme.Unknown:
            QGuiApplication.styleHints().unsetColorScheme()
        self._speak("")

    def _read(self) -> None:
        if self._file is not None and Path(self._file).exists():
            kept = QSettings(self._file, QSettings.Format.IniFormat)
            for name in _DEFAULTS:
                self._kept[name] = str(kept.value(name, self._kept[name]))

    def _apply(self, _: object = None) -> None:
        theme, hints = self.value("theme"), QGuiApplication.styleHints()
        scheme = _SCHEMES.get(theme, Qt.ColorScheme.Unknown)
        if scheme is not self._scheme:  # what Qt draws itself, such as menus of fields
            self._scheme = scheme
            hints.setColorScheme(scheme)
        if theme not in THEMES:
            theme = "dark" if hints.colorScheme() == Qt.ColorScheme.Dark else "light"
        try:
            scale = min(max(float(self.value("scale")), SCALES[0]), SCALES[-1])
        except ValueError:
            scale = 1.0
        for name, value in {
            "language": self.value("language"),
            "theme": self.value("theme"),
            "notify": self.value("notify"),
            "scale": scale,
            "isDark": theme == "dark",
            "colors": dict(THEMES[theme]),
            "avatars": list(AVATARS),
            "names": list(NAMES[theme]),
        }.items():
            if self._now.value(name) != value:  # else all that is bound to it is drawn anew
                self._now.insert(name, value)
        self._translate()

    def _translate(self) -> None:
        language = self.language
        if not self._translators or self._now.value("spoken") != language:
            self._speak(language)
            self._notices.language = language
            self._now.insert("spoken", language)
            self.language_changed.emit()

    def _speak(self, language: str) -> None:
        """Our words, and those that Qt has itself, such as the menus of fields."""
        application = QCoreApplication.instance()
        for each in self._translators:
            if application is not None:
                application.removeTranslator(each)
        self._translators = list[QTranslator]()
        name = {"zh": "zh_CN"}.get(language, language)
        qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        files = [f"{qt}/{part}_{name}.qm" for part in ("qtbase", "qtdeclarative")]
        for file in (*files, str(_TRANSLATIONS / f"p2pchat_qt_{language}.qm")):
            translator = QTranslator(self)
            if language and application is not None and translator.load(file):
                application.installTranslator(translator)
                self._translators.append(translator)
