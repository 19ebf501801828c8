"""What a user gives for a profile, checked before anything is signed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import trio

from p2pchat.errors import InvalidText
from p2pchat.wire.contents import BIO_CHARS_MAX

__all__ = ["checked_bio", "read_avatar"]


def checked_bio(text: str) -> str:
    """A bio that others take. Raises `InvalidText`."""
    text = text.strip()
    if len(text) > BIO_CHARS_MAX:
        raise InvalidText(f"a bio has at most {BIO_CHARS_MAX} characters; this has {len(text)}")
    if not all(character.isprintable() or character == "\n" for character in text):
        raise InvalidText("a bio holds a character that cannot be shown; take it out")
    return text


async def read_avatar(path: str) -> bytes:
    """The picture at a path as an avatar; none where the path is empty. Raises `BadPicture`."""
    if not path:
        return b""
    from p2pchat.client.avatars import make_avatar  # Pillow takes a tenth of a second to load

    # Decoding and encoding are pure computing, up to a second of it.
    return await trio.to_thread.run_sync(partial(make_avatar, Path(path)))  # noqa: TID251
