"""QR codes in pictures: found as people take them, and nothing else that a picture may be."""

from __future__ import annotations

import struct
import zlib

import pytest
import segno
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from p2pchat_qt.scanning import _gray, codes_in, picture_of

LINK = "dchat://u/" + "Ab3-" * 60


def code(tmp_path, scale=4) -> QImage:
    segno.make(LINK, error="m", micro=False).save(str(tmp_path / "code.png"), scale=scale, border=4)
    return QImage(str(tmp_path / "code.png"))


def photo(tmp_path, degrees: float) -> QImage:
    """The code on a screen, held at an angle, in front of something else."""
    picture = QImage(1600, 1200, QImage.Format.Format_RGB32)
    picture.fill(QColor("#31506b"))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setTransform(QTransform().translate(700, 200).rotate(degrees))
    painter.drawImage(QPointF(0, 0), code(tmp_path))
    painter.end()
    return picture


@pytest.mark.parametrize("degrees", [0, 12, 90])
@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_a_code_is_found_as_it_was_taken(tmp_path, degrees, kind):
    file = str(tmp_path / f"photo.{kind}")
    assert photo(tmp_path, degrees).save(file)
    assert codes_in(_gray(picture_of(file))) == [LINK]


def test_a_large_picture_is_made_small(tmp_path):
    file = str(tmp_path / "large.png")
    assert code(tmp_path).scaled(6_000, 6_000).save(file)
    picture = picture_of(file)
    assert max(picture.width(), picture.height()) == 2_000
    assert codes_in(_gray(picture)) == [LINK]


def png_that_says(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("huge.png", png_that_says(30_000, 30_000)),
        ("empty.png", b""),
        ("words.png", b"no picture at all"),
        ("drawn.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
        ("called.png", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    ],
)
def test_what_is_no_picture_or_too_large_a_one_is_not_opened(tmp_path, name, content, application):
    (tmp_path / name).write_bytes(content)
    assert picture_of(str(tmp_path / name)) is None


def test_where_there_is_no_code_none_is_found(tmp_path):
    plain = QImage(300, 200, QImage.Format.Format_RGB32)
    plain.fill(QColor("white"))
    assert codes_in(_gray(plain)) == []
