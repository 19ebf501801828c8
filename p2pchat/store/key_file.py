"""A key in a file of its own: 32 bytes, or their 64 hexadecimal digits.

Operators bring a relay's key with them, copy it, keep it apart from the rest; so it is a file that
can be read and made by hand, unlike the keys in a client's encrypted database.
"""

from __future__ import annotations

import binascii
from pathlib import Path

from p2pchat.errors import ConfigError
from p2pchat.model.ids import KEY_BYTES

__all__ = ["parse_key", "read_identity_file", "render_key"]

_FILE_BYTES_MAX = 256


def read_identity_file(path: Path) -> bytes:
    """The key in a file that the user named. Raises `ConfigError` with what is wrong about it."""
    try:
        with path.open("rb") as file:
            return parse_key(file.read(_FILE_BYTES_MAX))
    except OSError as error:
        raise ConfigError("identity", f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError("identity", f"{path} holds no key: {error}") from error


def parse_key(raw: bytes) -> bytes:
    """The key in a file's content; `ValueError` when it is none."""
    if len(raw) == KEY_BYTES:
        return raw
    try:
        key = binascii.unhexlify(raw.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError("a key file has 32 bytes, or their 64 hexadecimal digits")
    return key


def render_key(key: bytes) -> bytes:
    """The form that can be copied by hand."""
    return key.hex().encode() + b"\n"
