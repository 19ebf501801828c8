"""The same client from asyncio, from Qt (qasync) and from plain threads.

    async with Portal("alice", name="Alice") as portal:
        account = await portal.call("account")
        async for event in portal.events():
            print(event["type"])

The client runs in a thread of its own, on trio; the caller's loop never waits for it. Methods,
their parameters, what they answer and the events are those of JSON-RPC (docs/api.md), as Python
values that JSON could hold: nothing but plain data crosses, so that another process may take the
thread's place.

`Portal` is for a running asyncio loop, `BlockingPortal` for threads that may wait.
"""

from __future__ import annotations

from p2pchat.portal.asynchronous import Events, Portal
from p2pchat.portal.blocking import BlockingEvents, BlockingPortal
from p2pchat.portal.feeds import Told
from p2pchat.portal.homes import default_home, has_identity
from p2pchat.portal.wording import Language, worded

__all__ = [
    "BlockingEvents",
    "BlockingPortal",
    "Events",
    "Language",
    "Portal",
    "Told",
    "default_home",
    "has_identity",
    "worded",
]
