"""A file that a passphrase locks, written and read as a stream: for exports.

    head    magic 8, version 1, algorithm 1, argon2id passes 4, memory 8, salt 16, check 16,
            checksum 8, header of the stream 24
    chunks  64 KiB of content each, the last one shorter, each 17 bytes longer than its content

Numbers are big-endian. The chunks are libsodium's secretstream (XChaCha20-Poly1305) with the whole
head as associated data of each; the last bears the tag FINAL, so that a file that was cut, put
together anew, or continued is told from a whole one. `check` tells a wrong passphrase from a
damaged file, `checksum` a damaged head from either; both explain, neither protects.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from hashlib import blake2b
from typing import IO

from nacl.bindings import (
    crypto_secretstream_xchacha20poly1305_ABYTES,
    crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import RuntimeError as SodiumError

from p2pchat.crypto.stretching import SALT_BYTES, STRONG, Cost, Stretching, new_stretching
from p2pchat.errors import BadExport, SchemaTooNew, WrongKey, WrongPassphrase

__all__ = ["CHUNK_BYTES", "SealedWriter", "unsealed"]

MAGIC = b"DCHATEXP"
VERSION = ALGORITHM = 1
CHUNK_BYTES = 64 * 1024
_HEAD = struct.Struct(f">8sBBIQ{SALT_BYTES}s16s8s")
_CHECKSUM_BYTES = 8
_STREAM_BYTES = crypto_secretstream_xchacha20poly1305_HEADERBYTES
_SEALED_BYTES = CHUNK_BYTES + crypto_secretstream_xchacha20poly1305_ABYTES
_FINAL = crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
DAMAGED = "is damaged: use another copy"
CUT_SHORT = "is not whole: use another copy, or export anew"


class SealedWriter:
    """Seals what it is given into a file; `finish` is what makes it whole."""

    def __init__(self, file: IO[bytes], passphrase: str, cost: Cost = STRONG) -> None:
        """Takes as long as the cost says. Raises `ConfigError` for what is no passphrase."""
        stretching = new_stretching(cost)
        key = stretching.key(passphrase)
        self._file = file
        self._state = crypto_secretstream_xchacha20poly1305_state()
        stream = crypto_secretstream_xchacha20poly1305_init_push(self._state, key)
        self._head = _head(stretching, key) + stream
        self._waiting = bytearray()
        file.write(self._head)

    def write(self, data: bytes) -> None:
        """Add to the content."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._push(bytes(self._waiting[:CHUNK_BYTES]), _MESSAGE)
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write the last chunk; the file stays open."""
        self._push(bytes(self._waiting), _FINAL)

    def _push(self, content: bytes, tag: int) -> None:
        chunk = crypto_secretstream_xchacha20poly1305_push(self._state, content, self._head, tag)
        self._file.write(chunk)


def unsealed(file: IO[bytes], passphrase: str) -> Iterator[bytes]:
    """The content of a sealed file, a chunk at a time, each verified; a file that turns out not to
    be whole ends it with an error, so nothing may be believed before the end.

    Raises `BadExport`, `SchemaTooNew`, `WrongPassphrase`, `ConfigError` for what is no passphrase.
    """
    raw = file.read(_HEAD.size)
    stretching, check = _read_head(raw)
    key = stretching.key(passphrase)
    if _check(key) != check:
        raise WrongPassphrase("the passphrase of the export is wrong")
    stream = file.read(_STREAM_BYTES)
    if len(stream) < _STREAM_BYTES:
        raise BadExport(CUT_SHORT)
    state = crypto_secretstream_xchacha20poly1305_state()
    crypto_secretstream_xchacha20poly1305_init_pull(state, stream, key)
    yield from _chunks(file, state, raw + stream)


def _chunks(
    file: IO[bytes], state: crypto_secretstream_xchacha20poly1305_state, head: bytes
) -> Iterator[bytes]:
    tag = _MESSAGE
    while tag == _MESSAGE:
        sealed = file.read(_SEALED_BYTES)
        if len(sealed) < crypto_secretstream_xchacha20poly1305_ABYTES:
            raise BadExport(CUT_SHORT)
        try:
            content, tag = crypto_secretstream_xchacha20poly1305_pull(state, sealed, head)
        except SodiumError as error:
            raise BadExport(DAMAGED if len(sealed) == _SEALED_BYTES else CUT_SHORT) from error
        yield content
    if tag != _FINAL or file.read(1):
        raise BadExport(DAMAGED)


def _head(stretching: Stretching, key: bytes) -> bytes:
    cost = stretching.cost
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        ALGORITHM,
        cost.passes,
        cost.memory_bytes,
        stretching.salt,
        _check(key),
        bytes(_CHECKSUM_BYTES),
    )[:-_CHECKSUM_BYTES]
    return head + _checksum(head)


def _read_head(raw: bytes) -> tuple[Stretching, bytes]:
    if len(raw) < _HEAD.size or not raw.startswith(MAGIC):
        raise BadExport("is no export of this program")
    _, version, algorithm, passes, memory_bytes, salt, check, checksum = _HEAD.unpack(raw)
    if checksum != _checksum(raw[:-_CHECKSUM_BYTES]):
        raise BadExport(DAMAGED)
    if version != VERSION or algorithm != ALGORITHM:
        raise SchemaTooNew("was written by a newer version of this program: use that version")
    try:
        return Stretching(Cost(passes, memory_bytes), salt), check
    except WrongKey as error:
        raise BadExport(str(error)) from error


def _check(key: bytes) -> bytes:
    return blake2b(b"dchat/export/check/1\0", key=key, digest_size=16).digest()


def _checksum(head: bytes) -> bytes:
    return blake2b(head, digest_size=_CHECKSUM_BYTES).digest()
