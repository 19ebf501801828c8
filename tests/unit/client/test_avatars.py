"""Pictures that become avatars, and files that do not."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from p2pchat.client import avatars
from p2pchat.client.avatars import FILE_BYTES_MAX, PICTURE_PIXELS_MAX, make_avatar
from p2pchat.errors import BadPicture
from p2pchat.wire.contents import AVATAR_BYTES_MAX, AVATAR_PIXELS_MAX, is_avatar


def saved(tmp_path: Path, picture: Image.Image, format: str, **given: object) -> Path:
    path = tmp_path / f"picture.{format.lower()}"
    picture.save(path, format, **given)
    return path


def opened(raw: bytes) -> Image.Image:
    return Image.open(BytesIO(raw))


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 255).convert("RGB")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_becomes_a_small_one(tmp_path: Path, format: str):
    raw = make_avatar(saved(tmp_path, noise(1200, 600), format))
    assert is_avatar(raw)
    assert opened(raw).size == (AVATAR_PIXELS_MAX, AVATAR_PIXELS_MAX // 2)
    assert len(raw) <= AVATAR_BYTES_MAX


def test_a_small_picture_stays_as_large_as_it_is(tmp_path: Path):
    raw = make_avatar(saved(tmp_path, Image.new("RGB", (20, 30), "red"), "PNG"))
    assert opened(raw).size == (20, 30)


def test_where_and_with_what_it_was_taken_stays_behind(tmp_path: Path):
    secret = b"N 41 54 32, W 12 29 32"
    exif = Image.Exif()
    exif[0x010F] = secret.decode()
    path = saved(tmp_path, noise(64, 64), "JPEG", exif=exif, comment=secret, icc_profile=secret * 9)
    assert secret in path.read_bytes()
    raw = make_avatar(path)
    assert secret not in raw
    assert not opened(raw).getexif()
    assert opened(raw).info.get("icc_profile") is None


def test_a_picture_that_lies_on_its_side_is_turned(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    raw = make_avatar(saved(tmp_path, Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert opened(raw).size == (20, 40)


def test_what_is_transparent_becomes_white(tmp_path: Path):
    raw = make_avatar(saved(tmp_path, Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "PNG"))
    assert min(opened(raw).convert("RGB").getpixel((8, 8))) > 250


def png_of(width: int, height: int) -> bytes:
    """A header that claims so many pixels; what follows is next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "no picture"),
        (b"hello", "no picture"),
        (b"GIF89a", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture"),
        (png_of(PICTURE_PIXELS_MAX + 1, 1), "pixels"),
        (png_of(100_000, 100_000), "pixel|picture"),
        (png_of(64, 64), "no picture"),
        (bytes(FILE_BYTES_MAX + 1), "larger than"),
    ],
    ids=["empty", "text", "cut", "postscript", "svg", "wide", "bomb", "truncated", "large"],
)
def test_what_is_no_usable_picture_is_refused_with_one_line(tmp_path: Path, raw: bytes, said: str):
    path = tmp_path / "file"
    path.write_bytes(raw)
    with pytest.raises(BadPicture, match=said) as caught:
        make_avatar(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(BadPicture, match="cannot be read"):
        make_avatar(tmp_path / "nothing")


def test_a_picture_that_stays_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(avatars, "is_avatar", lambda raw: False)
    with pytest.raises(BadPicture, match="small enough"):
        make_avatar(saved(tmp_path, noise(64, 64), "PNG"))
