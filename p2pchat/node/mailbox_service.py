"""Keeping mailboxes for others: the machine, its disk, and the streams of those who use it.

Who keeps mailboxes does other things, too, and those go on when the disk of the mailboxes fails:
what was not committed was confirmed to nobody, all streams end, and a little later the machine
begins anew with what the disk has.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import trio

from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import StoreError
from p2pchat.model.ids import AccountId, PeerId
from p2pchat.model.mailbox_change import Removed, StoredMailbox
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.mailbox_streams import MailboxStreams
from p2pchat.protocol.mailbox import MailboxServer
from p2pchat.protocol.mailbox_vocabulary import (
    Joined,
    Keep,
    MailboxEffect,
    MailboxInput,
    MailboxStatistics,
    ReadPage,
    Tell,
)
from p2pchat.store.port import AsyncMailboxStore
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL, NONCE_BYTES

__all__ = ["KeptMailboxes", "MailboxService"]

logger = logging.getLogger(__name__)

DISK_RETRY_S = 10.0
"""From a failure of the disk until it is tried again."""


@dataclass(frozen=True, slots=True)
class KeptMailboxes:
    """What a client keeps of its contacts."""

    store: AsyncMailboxStore
    limits: MailboxLimits
    served: frozenset[AccountId]
    """Whose mailboxes they are."""


def _anybody(_: PeerId) -> bool:
    return True


class MailboxService:
    """Mailboxes on one host; `may_own` says for whom."""

    def __init__(
        self,
        host: Host,
        store: AsyncMailboxStore,
        limits: MailboxLimits,
        ambient: Ambient,
        may_own: Callable[[PeerId], bool] = _anybody,
    ) -> None:
        self._host = host
        self._store = store
        self._limits = limits
        self._ambient = ambient
        self._may_own = may_own
        self._streams = MailboxStreams(host, store, self._joined)
        self._life: trio.Nursery | None = None
        self._begin(())

    def statistics(self) -> MailboxStatistics:
        """What is held and what was refused."""
        statistics = self._machine.statistics()
        refused = Counter(statistics.refused) + self._streams.refused
        return replace(statistics, refused=dict(sorted(refused.items())))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; started when the mailboxes of before are known. Raises
        `StoreError` when they cannot be read then."""
        stored = await self._store.snapshot()
        self._host.serve(MAILBOX_PROTOCOL, self._streams.handle)
        try:
            while True:
                await self._live(stored, task_status)
                task_status = trio.TASK_STATUS_IGNORED
                stored = await self._recovered()
        finally:
            self._host.unserve(MAILBOX_PROTOCOL)

    async def _live(
        self, stored: Sequence[StoredMailbox], task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve until the disk fails."""
        self._begin(stored)
        try:
            async with trio.open_nursery() as self._life:
                await self._life.start(self._driver.run)
                self._streams.begin(self._driver.put)
                task_status.started()
        finally:
            self._streams.end()

    def _begin(self, stored: Sequence[StoredMailbox]) -> None:
        self._machine = MailboxServer(self._host.peer_id, stored, self._limits)
        self._driver = Driver[MailboxInput, MailboxEffect](
            self._machine, self, self._ambient, DriverConfig()
        )

    async def _recovered(self) -> list[StoredMailbox]:
        """What the disk has, once it answers again."""
        while True:
            self._streams.refused["disk"] += 1
            await trio.sleep(DISK_RETRY_S)
            try:
                return await self._store.snapshot()
            except StoreError as error:
                logger.warning("mailboxes cannot be read: %s", error)

    def _joined(self, session: int, peer: PeerId, source: str) -> Joined:
        nonce = self._ambient.token_bytes(NONCE_BYTES)
        return Joined(session, peer, source, nonce, self._may_own(peer))

    # ---- the carrier of the machine's driver ----

    async def carry(self, effects: Sequence[MailboxEffect]) -> None:
        """Bring to disk what was decided, then tell it."""
        assert self._life is not None, "a driver carries while it is driven"
        changes = [effect.change for effect in effects if isinstance(effect, Keep)]
        try:
            removed = await self._store.commit(changes) if changes else ()
        except StoreError as error:
            logger.warning("mailboxes cannot be written: %s", error)
            self._life.cancel_scope.cancel()
            return await trio.lowlevel.checkpoint()
        if removed:  # the driver's inbox may be full, and who empties it is here
            self._life.start_soon(self._count, removed)
        for effect in effects:
            if isinstance(effect, Tell | ReadPage):
                self._streams.deliver(effect)
        return None

    async def _count(self, removed: Sequence[Removed]) -> None:
        for one in removed:
            await self._driver.put(one)
