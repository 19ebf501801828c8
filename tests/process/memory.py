"""Looking for words in the memory of another process (Linux)."""

from __future__ import annotations

from pathlib import Path

_CHUNK_BYTES = 1 << 20


def holds(pid: int, words: bytes) -> bool:
    """Whether these bytes stand anywhere in what the process can write to."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions, *_ = line.split()
            begin, end = (int(part, 16) for part in span.split("-"))
            if permissions.startswith("rw") and _found(memory, begin, end, words):
                return True
    return False


def _found(memory, begin: int, end: int, words: bytes) -> bool:
    tail = b""
    for offset in range(begin, end, _CHUNK_BYTES):
        memory.seek(offset)
        try:
            chunk = memory.read(min(_CHUNK_BYTES, end - offset))
        except OSError:
            return False  # a region that cannot be read, such as the kernel's own
        if words in tail + chunk:
            return True
        tail = chunk[-len(words) :]
    return False
