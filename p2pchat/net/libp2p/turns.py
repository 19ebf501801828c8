"""How long others have to wait for their turn of the event loop."""

from __future__ import annotations

import trio

__all__ = ["turn_s"]


async def turn_s() -> float:
    """Let a turn pass, or two: whoever is first in one and last in the next sees two."""
    began_s = trio.current_time()
    await trio.lowlevel.checkpoint()
    await trio.lowlevel.checkpoint()
    return (trio.current_time() - began_s) / 2
