"""Waiting for what another process will do: it cannot set an event of ours, so we look again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

import trio

from p2pchat.testing.rpc_peer import RpcPeer


async def until(holds: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Look until `holds`. Raises `trio.TooSlowError`."""
    with trio.fail_after(timeout_s):
        while not await holds():  # noqa: ASYNC110 -- see above
            await trio.sleep(0.05)


def has_mailboxes(peer: RpcPeer, count: int = 1) -> Callable[[], Awaitable[bool]]:
    """Whether others can read that so many relays keep its mail: who goes before that cannot be
    written to."""

    async def look() -> bool:
        status = cast("dict[str, list[str]]", await peer.call("status"))
        return len(status["mailboxes"]) == count

    return look
