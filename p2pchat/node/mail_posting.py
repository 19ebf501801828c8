"""Leaving a letter with those who keep mail for its recipient: with all of them, and one is enough.

Who they are stands in a bundle, which is its owner's word and nobody else's. So they are dialled by
the rule for addresses in records: in public, or in networks where we can be reached ourselves.

A letter that nobody kept is remembered as it was sealed, and goes again so: a ratchet opens over
2,000 steps at most, and one more for each try would come to that within weeks.
"""

from __future__ import annotations

from dataclasses import replace

import trio

from p2pchat.errors import NetworkError
from p2pchat.model.ids import Party, PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.mailboxes import MailboxClient
from p2pchat.net.port import Host
from p2pchat.node.reach import shared_reach
from p2pchat.protocol.mail_vocabulary import NO_RELAY, Post
from p2pchat.wire.envelope import Signer
from p2pchat.wire.frames import Frame
from p2pchat.wire.receipts import SignedReceipt

__all__ = ["Postman"]

POST_TIMEOUT_S = 30.0
POSTS_MAX = 16
"""Letters on their way to relays at the same time."""
UNKEPT_MAX = 256
"""Letters that nobody kept, of 64 KB at most."""


class Postman:
    """Carries so many letters at a time."""

    def __init__(self, client: MailboxClient, host: Host) -> None:
        self._client = client
        self._host = host
        self._posts = trio.CapacityLimiter(POSTS_MAX)
        self._current: dict[Party, int] = {}
        """The last letter to each device, unless all began anew since it was sealed."""
        self._unkept: dict[Party, tuple[Post, bytes]] = {}

    def unkept(self, post: Post) -> bytes:
        """Before one is sealed: the letter that nobody kept, if it says what this one says; it is
        forgotten then."""
        self._current[post.to.party] = post.serial
        before, blob = self._unkept.pop(post.to.party, (None, b""))
        return blob if before is not None and _says_the_same(before, post) else b""

    def forget(self, to: Party) -> None:
        """What was sealed for this device, also what is on its way, is of no use to it any more."""
        self._current.pop(to, None)
        self._unkept.pop(to, None)

    async def leave(self, post: Post, blob: bytes, key: Signer) -> tuple[tuple[PeerId, ...], str]:
        """Who keeps it, or why nobody does."""
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
            return tuple(relay.peer for relay in kept), ""
        to = post.to.party
        if self._current.get(to) == post.serial:
            self._unkept[to] = post, blob
            while len(self._unkept) > UNKEPT_MAX:
                del self._unkept[next(iter(self._unkept))]
        return (), "; ".join(failures) or NO_RELAY


def _says_the_same(one: Post, other: Post) -> bool:
    """Whether a letter can go in place of another: to the same keys, with the same in it. When a
    receipt was signed makes no difference."""
    keys = [(p.to, p.mailbox, p.bundle.fallback_key, p.bundle.hpke[0]) for p in (one, other)]
    said = [(p.asks_again, [*map(_said, p.frames)]) for p in (one, other)]
    return keys[0] == keys[1] and said[0] == said[1]


def _said(frame: Frame) -> object:
    if isinstance(frame, SignedReceipt):
        return frame.receipt.conversation, frame.receipt.entries
    return frame
