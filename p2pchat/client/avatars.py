"""Pictures that become avatars: decoded within bounds, made small, and encoded anew.

A picture from a camera says where and with what it was taken, and a picture from a stranger may be
made to exhaust or break its decoder. So the file is bounded before it is read, its header before it
is decoded, only formats in common use are opened, and of all of it nothing but the pixels goes on.
"""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from p2pchat.errors import BadPicture
from p2pchat.wire.contents import AVATAR_PIXELS_MAX, is_avatar

__all__ = ["make_avatar"]

FILE_BYTES_MAX = 32 << 20
PICTURE_PIXELS_MAX = 50_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITIES = (85, 70, 50, 30, 10, 1)
"""The first with which it is small enough."""


def make_avatar(path: Path) -> bytes:
    """The picture at `path` as an avatar. Takes up to a second of computing.

    Raises `BadPicture`.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadPicture(f"{path} cannot be read: {reason}") from error
    if len(raw) > FILE_BYTES_MAX:
        raise BadPicture(f"{path} is larger than {FILE_BYTES_MAX >> 20} MB: choose a smaller one")
    return _encoded(_pixels(raw, path), path)


def _pixels(raw: bytes, path: Path) -> Image.Image:
    """A new image with nothing of the file but its pixels, upright and small."""
    no_picture = f"{path} is no picture that can be read: JPEG, PNG, WebP and GIF are"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a decoder, about a file that is nobody's fault
            upright = _upright(raw, path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPicture(no_picture) from error
    upright.thumbnail((AVATAR_PIXELS_MAX, AVATAR_PIXELS_MAX))
    bare = Image.new("RGB", upright.size, "white")
    bare.paste(upright, mask=upright.getchannel("A"))
    return bare


def _upright(raw: bytes, path: Path) -> Image.Image:
    """Decode what is not too large, and turn it as its camera was held."""
    with Image.open(BytesIO(raw), formats=_FORMATS) as picture:
        if picture.width * picture.height > PICTURE_PIXELS_MAX:
            most = PICTURE_PIXELS_MAX // 1_000_000
            raise BadPicture(f"{path} has more than {most} million pixels: choose a smaller one")
        picture.draft("RGB", (2 * AVATAR_PIXELS_MAX, 2 * AVATAR_PIXELS_MAX))
        return ImageOps.exif_transpose(picture).convert("RGBA")


def _encoded(picture: Image.Image, path: Path) -> bytes:
    for quality in _QUALITIES:
        out = BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        if is_avatar(out.getvalue()):
            return out.getvalue()
    raise BadPicture(f"{path} cannot be made small enough: choose another picture")
