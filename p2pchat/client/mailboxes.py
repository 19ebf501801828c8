"""Keeping mailboxes for contacts: a client does what a relay does, for those that its user names.

What is kept is sealed for others. The file's key comes from the device's, which lies in the home's
database: a home that is locked by a passphrase locks it, too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from p2pchat.config import ClientMailboxes
from p2pchat.crypto.derivation import derived_key
from p2pchat.model.identity import Identity
from p2pchat.node.mailbox_service import KeptMailboxes
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.mailboxes import open_file
from p2pchat.store.worker import InlineMailboxes, open_mailboxes_aside

__all__ = ["open_kept_mailboxes"]

FILE = "mailboxes.db"
KEY = b"dchat/client/mailboxes/1"


@asynccontextmanager
async def open_kept_mailboxes(
    home: Path | None, identity: Identity, settings: ClientMailboxes
) -> AsyncGenerator[KeptMailboxes | None]:
    """The mailboxes of the contacts that are named, while the block lasts; None when none are.

    Raises `StoreError`s.
    """
    if not settings.serve_for:
        yield None
        return
    if home is None:
        store = InlineMailboxes(MemoryMailboxes())
        yield KeptMailboxes(store, settings.limits, settings.served)
        return
    key = derived_key(identity.device_seed, KEY)
    peer = identity.device.peer_id
    opening = partial(open_file, home / FILE, key, peer, settings.limits)
    async with open_mailboxes_aside(opening) as worker:
        yield KeptMailboxes(worker, settings.limits, settings.served)
