"""Pictures of made-up people: hills under a sun, in colours of their own."""

from __future__ import annotations

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF
from PySide6.QtGui import QColor, QImage, QImageWriter, QLinearGradient, QPainter, QPainterPath

__all__ = ["face"]

SIDE = 128
QUALITY = 80


def face(number: int) -> bytes:
    """A WebP image, another one for each number."""
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    hue = number * 67 % 360
    sky = QLinearGradient(0, 0, 0, SIDE)
    sky.setColorAt(0, QColor.fromHsl(hue, 150, 130))
    sky.setColorAt(1, QColor.fromHsl((hue + 50) % 360, 190, 205))
    painter.fillRect(image.rect(), sky)
    painter.setPen(QColor(0, 0, 0, 0))
    painter.setBrush(QColor.fromHsl((hue + 60) % 360, 230, 225))
    sun = 26 + number * 31 % 60
    painter.drawEllipse(QRectF(sun, 22, 34, 34))
    for layer in range(3):
        painter.setBrush(QColor.fromHsl((hue + 180) % 360, 60, 95 - 28 * layer))
        painter.drawPath(_hills(number + layer, 66 + 18 * layer))
    painter.end()
    written = QByteArray()
    buffer = QBuffer(written)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, QByteArray(b"webp"))
    writer.setQuality(QUALITY)
    assert writer.write(image), "Qt comes with WebP"
    return bytes(written.data())


def _hills(number: int, height: float) -> QPainterPath:
    path = QPainterPath(QPointF(0, SIDE))
    path.lineTo(0, height + number * 13 % 20)
    for step in range(4):
        x = SIDE * (step + 1) / 4
        up = height - 14 + (number * 37 + step * 53) % 30
        path.quadTo(QPointF(x - SIDE / 8, up - 16), QPointF(x, up))
    path.lineTo(SIDE, SIDE)
    path.closeSubpath()
    return path
