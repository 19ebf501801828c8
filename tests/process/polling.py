"""Waiting for what another process will do: it cannot set an event of ours, so we look again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


async def until(holds: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Look until `holds`. Raises `trio.TooSlowError`."""
    with trio.fail_after(timeout_s):
        while not await holds():  # noqa: ASYNC110 -- see above
            await trio.sleep(0.05)
