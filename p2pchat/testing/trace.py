"""What happened in a simulation, as one hash and as the last lines before a failure.

Two runs of one seed must be the same run. Comparing all that happened would be slow and would need
all of it in memory; comparing a running hash costs one update a line. A line holds time, source,
target, kind and the ids of the ops concerned - never sealed bytes, whose ratchets draw randomness
of their own.
"""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

import trio

__all__ = ["Trace"]


class Trace:
    """A running hash over all lines, and the newest lines as text."""

    def __init__(self, lines_max: int = 200) -> None:
        self._hash = blake2b(digest_size=16)
        self._tail: deque[str] = deque(maxlen=lines_max)
        self.count = 0
        """How many lines were noted."""

    def note(self, source: str, target: str, kind: str, *ids: object) -> None:
        """Add a line at the present virtual time; `ids` are written with `str`."""
        line = f"{trio.current_time():.6f} {source} > {target} {kind}"
        if ids:
            line = f"{line} {' '.join(map(str, ids))}"
        self._hash.update(line.encode() + b"\n")
        self._tail.append(line)
        self.count += 1

    @property
    def digest(self) -> str:
        """The hash over all lines so far, hexadecimal."""
        return self._hash.hexdigest()

    def tail(self, lines: int = 20) -> str:
        """The newest lines, oldest first, for a failure report."""
        return "\n".join(list(self._tail)[-lines:])
