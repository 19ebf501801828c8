"""Leaving a letter with those who keep mail for its recipient: with all of them, and one is enough.

Who they are stands in a bundle, which is its owner's word and nobody else's. So they are dialled by
the rule for addresses in records: in public, or in networks where we can be reached ourselves.
"""

from __future__ import annotations

from dataclasses import replace

import trio

from p2pchat.errors import NetworkError
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.mailboxes import MailboxClient
from p2pchat.net.port import Host
from p2pchat.node.reach import shared_reach
from p2pchat.protocol.mail_vocabulary import Post
from p2pchat.wire.envelope import Signer

__all__ = ["Postman"]

POST_TIMEOUT_S = 30.0
POSTS_MAX = 16
"""Letters on their way to relays at the same time."""


class Postman:
    """Carries so many letters at a time."""

    def __init__(self, client: MailboxClient, host: Host) -> None:
        self._client = client
        self._host = host
        self._posts = trio.CapacityLimiter(POSTS_MAX)

    async def leave(self, post: Post, blob: bytes, key: Signer) -> str:
        """Why nobody keeps it; nothing when somebody does."""
        own = self._host.addresses
        failures: list[str] = []
        kept: list[MailboxRelay] = []

        async def leave_with(relay: MailboxRelay) -> None:
            try:
                with trio.fail_after(POST_TIMEOUT_S):
                    await self._client.put(relay, post.mailbox, blob, key)
            except (NetworkError, trio.TooSlowError) as error:
                failures.append(str(error) or "no answer in time")
            else:
                kept.append(relay)

        async with self._posts, trio.open_nursery() as nursery:
            for relay in post.bundle.relays:
                near = shared_reach(relay.addresses, own)
                nursery.start_soon(leave_with, replace(relay, addresses=near))
        if kept:
            return ""
        return failures[0] if failures else "it names no relay"
