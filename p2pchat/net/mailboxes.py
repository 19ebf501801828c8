"""What the node asks of who keeps mail: the `MailboxClient` port.

Two adapters implement it, one over the wire and `testing.mailboxes.MailClient` in memory. A client
acts for one mailbox of its own, whose key it holds, and writes into those of others with the key
that each of them gave us.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import trio

from p2pchat.config.limits import BLOB_BYTES_MAX
from p2pchat.model.mailbox import Kept, MailboxRelay
from p2pchat.wire.envelope import Signer
from p2pchat.wire.mailbox_codec import put_body

__all__ = ["BLOB_BYTES_MAX", "MailboxClient", "put_body"]


class MailboxClient(Protocol):
    """One device at the relays that keep its mail and that of others.

    Every call dials where there is no connection. Every call raises `PeerUnreachable`,
    `StreamReset`, and `RelayRefused` for what the relay will not do: trying again soon is useless.
    """

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own what goes on beside the calls, which work from when it has started until it is
        cancelled."""
        ...

    async def put(
        self, relay: MailboxRelay, mailbox: bytes, blob: bytes, write_key: Signer
    ) -> None:
        """Leave a blob of at most `BLOB_BYTES_MAX` in the mailbox of somebody else. When it
        returns, the relay says that it is stored; putting it twice stores it once."""
        ...

    async def fetch(self, relay: MailboxRelay, after: int = 0) -> Sequence[Kept]:
        """A page of what lies in our own mailbox, in the order of arrival, each of an id above
        `after`; none when that was all."""
        ...

    async def delete(self, relay: MailboxRelay, ids: Iterable[int]) -> None:
        """Take these out of our own mailbox; ids of what is gone are no error."""
        ...

    async def register(
        self, relay: MailboxRelay, write_keys: Iterable[bytes], intro: bytes | None
    ) -> None:
        """Say whose puts our own mailbox takes (Ed25519 public keys), in place of the last ones;
        the mailbox is made when it is not there. `intro` is the key of the contact link, for which
        a tenth of the room is set aside; None takes nothing from strangers."""
        ...
