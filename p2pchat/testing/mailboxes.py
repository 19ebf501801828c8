"""Relays that keep mail, in memory: who may write, read and delete is judged as a real one does.

They fail when a test says so, and let a test look at all that they hold.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

import trio

from p2pchat.errors import PeerUnreachable, RelayRefused
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import Kept, MailboxRelay
from p2pchat.net.mailboxes import BLOB_BYTES_MAX, put_body
from p2pchat.wire.envelope import Purpose, Signer, verify

__all__ = ["MailClient", "MailRelays"]

PAGE_BLOBS_MAX = 64


async def _reach(_: MailboxRelay) -> None:
    """Everybody reaches every relay at once."""
    await trio.lowlevel.checkpoint()


@dataclass(slots=True)
class _Mailbox:
    writers: frozenset[bytes] = frozenset()
    blobs: dict[int, bytes] = field(default_factory=dict[int, bytes])
    last_id: int = 0


class MailRelays:
    """All relays of one world."""

    def __init__(self) -> None:
        self._mailboxes: dict[tuple[PeerId, bytes], _Mailbox] = {}
        self.down: set[PeerId] = set()
        """Relays that answer nobody."""
        self.taken = 0
        """Letters that were left with any of them."""

    def kept(self, relay: PeerId) -> list[bytes]:
        """Everything that a relay holds."""
        boxes = (box for (peer, _), box in self._mailboxes.items() if peer == relay)
        return [blob for box in boxes for blob in box.blobs.values()]

    def mailbox(self, relay: MailboxRelay, key: bytes, *, make: bool = False) -> _Mailbox:
        """Raises `PeerUnreachable`, `RelayRefused`."""
        if relay.peer in self.down:
            raise PeerUnreachable(f"relay {relay.peer.short} does not answer")
        known = self._mailboxes.get((relay.peer, key))
        if known is None and not make:
            raise RelayRefused("no such mailbox")
        if known is None:
            known = self._mailboxes[relay.peer, key] = _Mailbox()
        return known


class MailClient:
    """`net.mailboxes.MailboxClient` over them; `own` holds the key of our own mailbox."""

    def __init__(
        self,
        relays: MailRelays,
        own: Signer,
        reach: Callable[[MailboxRelay], Awaitable[None]] = _reach,
        page_blobs_max: int = PAGE_BLOBS_MAX,
        leaves: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """`reach` connects with a relay, or raises `PeerUnreachable`; `leaves` hears of each blob
        that is on its way to one."""
        self._relays = relays
        self._own = own
        self._reach = reach
        self._page_blobs_max = page_blobs_max
        self._leaves = leaves

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    async def put(
        self, relay: MailboxRelay, mailbox: bytes, blob: bytes, write_key: Signer
    ) -> None:
        await self._reach(relay)
        self._leaves(blob)
        box = self._relays.mailbox(relay, mailbox)
        signature = write_key.sign(Purpose.MAILBOX_PUT, put_body(mailbox, blob))
        if write_key.public_key not in box.writers or len(blob) > BLOB_BYTES_MAX:
            raise RelayRefused("this mailbox does not take that")
        verify(write_key.public_key, Purpose.MAILBOX_PUT, put_body(mailbox, blob), signature)
        if blob not in box.blobs.values():
            self._relays.taken += 1
            box.last_id += 1
            box.blobs[box.last_id] = blob

    async def fetch(self, relay: MailboxRelay, after: int = 0) -> Sequence[Kept]:
        await self._reach(relay)
        blobs = self._relays.mailbox(relay, self._own.public_key).blobs
        newer = (Kept(id, blob) for id, blob in blobs.items() if id > after)
        return tuple(islice(newer, self._page_blobs_max))

    async def delete(self, relay: MailboxRelay, ids: Iterable[int]) -> None:
        await self._reach(relay)
        box = self._relays.mailbox(relay, self._own.public_key)
        for id in ids:
            box.blobs.pop(id, None)

    async def register(
        self, relay: MailboxRelay, write_keys: Iterable[bytes], intro: bytes | None
    ) -> None:
        await self._reach(relay)
        box = self._relays.mailbox(relay, self._own.public_key, make=True)
        box.writers = frozenset(write_keys) | ({intro} if intro is not None else frozenset())
