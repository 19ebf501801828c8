"""QR codes in pictures: from a file, or from the clipboard, where a screenshot is.

A picture may be anybody's: its size is looked at before it is decoded, only formats in common use
are, and a large one is made small on the way. What a code says is a link like one that was typed:
it is shown before anything is done.
"""

from __future__ import annotations

import asyncio

import zxingcpp
from PySide6.QtCore import QCoreApplication, QObject, QSize, Qt, QUrl, Slot
from PySide6.QtGui import QGuiApplication, QImage, QImageReader

from p2pchat_qt.jobs import Jobs
from p2pchat_qt.notices import Notices
from p2pchat_qt.viewmodels.people import PeopleView

__all__ = ["Scanner", "codes_in", "picture_of"]

FORMATS = frozenset([b"png", b"jpeg", b"jpg", b"webp", b"gif", b"bmp"])
PICTURE_PIXELS_MAX = 100_000_000
"""Of a file; more is not opened."""
SIDE_MAX = 2_000
"""A code that a person can see in a picture of this size is found in it."""
LINK = "dchat://"


def picture_of(path: str) -> QImage | None:
    """The picture in a file, made small; none for what is no picture, or too large a one."""
    reader = QImageReader(path)
    reader.setDecideFormatFromContent(True)  # a name is anybody's to give
    size = reader.size()
    if bytes(reader.format().data()) not in FORMATS or not size.isValid():
        return None
    if size.width() * size.height() > PICTURE_PIXELS_MAX:
        return None
    if max(size.width(), size.height()) > SIDE_MAX:
        reader.setScaledSize(
            size.scaled(QSize(SIDE_MAX, SIDE_MAX), Qt.AspectRatioMode.KeepAspectRatio)
        )
    reader.setAutoTransform(True)
    picture = reader.read()
    return None if picture.isNull() else picture


def codes_in(gray: memoryview) -> list[str]:
    """What the QR codes say in a picture of one byte a pixel, in rows."""
    wanted = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(gray, wanted)
    return [each.text for each in found if each.valid]


def _gray(picture: QImage) -> memoryview:
    if max(picture.width(), picture.height()) > SIDE_MAX:
        keep = Qt.AspectRatioMode.KeepAspectRatio
        picture = picture.scaled(SIDE_MAX, SIDE_MAX, keep)
    gray = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    bits, line = bytes(gray.constBits()), gray.bytesPerLine()
    rows = b"".join(bits[n * line : n * line + gray.width()] for n in range(gray.height()))
    return memoryview(rows).cast("B", (gray.height(), gray.width()))


class Scanner(QObject):
    """Finds a link of ours in a picture, and has it shown where it leads."""

    def __init__(self, people: PeopleView, notices: Notices) -> None:
        super().__init__(people)
        self._people = people
        self._notices = notices
        self._jobs = Jobs(notices.fail)

    async def aclose(self) -> None:
        """Look for nothing more."""
        await self._jobs.aclose()

    @Slot(QUrl, str)
    def scan_file(self, file: QUrl, account: str) -> None:
        """Look in a picture from a file: for a link, or for the code that verifies an account."""
        self._scan(picture_of(file.toLocalFile()), account)

    @Slot(str)
    def scan_pasted(self, account: str) -> None:
        """Look in the picture on the clipboard."""
        picture = QGuiApplication.clipboard().image()
        self._scan(None if picture.isNull() else picture, account)

    def _scan(self, picture: QImage | None, account: str) -> None:
        if picture is None:
            self._say(QCoreApplication.translate("Scanner", "That is no picture that can be read."))
        else:
            self._jobs.start(self._look(_gray(picture), account))

    async def _look(self, gray: memoryview, account: str) -> None:
        codes = await asyncio.to_thread(codes_in, gray)
        link = next((code for code in codes if code.startswith(LINK)), None)
        if link is not None and account:
            self._people.verify_code(link, account)
        elif link is not None:
            self._people.look_at(link)
        elif codes:
            self._say(
                QCoreApplication.translate("Scanner", "The QR code in it is not of this program.")
            )
        else:
            self._say(QCoreApplication.translate("Scanner", "No QR code was found in it."))

    def _say(self, sentence: str) -> None:
        self._notices.told.emit(sentence, True)
