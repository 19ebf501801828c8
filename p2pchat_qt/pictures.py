"""Pictures of people, drawn as circles.

They are decoded when they are drawn and made as large as that; what is no picture after all draws
nothing, and leaves the letters that stand in its place.
"""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QSize, Qt
from PySide6.QtGui import QBrush, QImage, QImageReader, QPainter
from PySide6.QtQuick import QQuickImageProvider

from p2pchat_qt.viewmodels.faces import Kept

__all__ = ["Pictures"]

SIDE_MAX = 256


class Pictures(QQuickImageProvider):
    """Gives the window a picture by `<account>/<anything>`."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(QQuickImageProvider.ImageType.Image)
        self._kept = kept

    def requestImage(self, id: str, size: QSize, requestedSize: QSize) -> QImage:
        encoded = QBuffer()
        encoded.setData(self._kept.get(id.partition("/")[0]))
        reader = QImageReader(encoded, QByteArray(b"webp"))
        reader.setAutoDetectImageFormat(False)
        picture = reader.read()
        if picture.isNull():
            return picture
        side = min(requestedSize.width() if requestedSize.width() > 0 else SIDE_MAX, SIDE_MAX)
        return _circle(picture, side)


def _circle(picture: QImage, side: int) -> QImage:
    """The middle of a picture."""
    filled = picture.scaled(
        side,
        side,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    left, top = (filled.width() - side) // 2, (filled.height() - side) // 2
    circle = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    circle.fill(Qt.GlobalColor.transparent)
    painter = QPainter(circle)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(filled.copy(left, top, side, side)))
    painter.drawEllipse(0, 0, side, side)
    painter.end()
    return circle
