"""Looks for words in everything that a program holds: its memory, its files, its log."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r\S* ")
CHUNK_BYTES = 1 << 24
OVERLAP_BYTES = 256
"""Longer than any word that is sought."""


def memory(pid: int) -> Iterator[bytes]:
    """What a running process holds, in pieces that overlap."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as mem:
        for line in maps.splitlines():
            found = REGION.match(line)
            if found is None or "[v" in line:  # of the kernel: vvar, vsyscall
                continue
            begin, end = (int(text, 16) for text in found.groups())
            yield from region(mem, begin, end)


def region(mem, begin: int, end: int) -> Iterator[bytes]:
    for at in range(begin, end, CHUNK_BYTES):
        mem.seek(at)
        try:
            yield mem.read(min(CHUNK_BYTES + OVERLAP_BYTES, end - at))
        except OSError:
            return  # a guard page, or one that went meanwhile


def files(*places: Path) -> Iterator[bytes]:
    """The content of files and of all files in directories, and their names."""
    for place in places:
        for path in place.rglob("*") if place.is_dir() else [place]:
            yield path.name.encode()
            if path.is_file():
                yield path.read_bytes()


def found(words: Mapping[str, bytes], pieces: Iterable[bytes]) -> set[str]:
    """Which words occur, by name."""
    return {name for piece in pieces for name, word in words.items() if word in piece}


def written(secrets: Mapping[str, bytes]) -> dict[str, bytes]:
    """Secrets in every way in which a log may write them."""
    ways = {
        "raw": bytes,
        "hex": lambda raw: raw.hex().encode(),
        "repr": lambda raw: repr(raw)[2:-1].encode(),
        "base64": lambda raw: base64.b64encode(raw)[:20],
        "base64url": lambda raw: base64.urlsafe_b64encode(raw)[:20],
    }
    return {
        f"{name}, {way}": write(secret)
        for name, secret in secrets.items()
        for way, write in ways.items()
    }
