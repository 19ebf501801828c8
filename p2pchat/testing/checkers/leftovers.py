"""Nothing is left after a close, and no handler failed in between.

A stream that its opener forgets holds memory at both sides for as long as the connection lasts. An
exception in a handler is caught by the host, so that a peer's fault never ends the node; it is a
bug of ours all the same.
"""

from __future__ import annotations

from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life

__all__ = ["Leftovers"]


class Leftovers(Checker):
    """A closed node leaves no stream open; its handlers never raised."""

    def closed(self, life: Life) -> Complaints:
        assert life.host is not None, "its host is still open"
        for stream in life.host.left_open:
            yield f"{life.peer.name} leaves a stream of {stream.protocol} open"
        for error in life.host.simulated.handler_errors:
            yield f"a handler of {life.peer.name} failed: {error!r}"
