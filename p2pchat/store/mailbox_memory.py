"""Mailboxes in memory: for a relay that forgets, and for simulations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import assert_never

from p2pchat.errors import StoreError
from p2pchat.model.mailbox_change import (
    AddBlob,
    DropBlobs,
    DropExpired,
    DropMailbox,
    Held,
    MailboxChange,
    PageQuery,
    PutMailbox,
    Removed,
    StoredMailbox,
)
from p2pchat.wire.mailbox_codec import PAGE_BLOBS_MAX, Page, PageRow

__all__ = ["MemoryMailboxes"]


class MemoryMailboxes:
    """`store.mailbox_port.MailboxStore` without a disk."""

    def __init__(self) -> None:
        self._rows: dict[bytes, PutMailbox] = {}
        self._blobs: dict[bytes, dict[int, AddBlob]] = {}

    def snapshot(self) -> list[StoredMailbox]:
        return [
            StoredMailbox(row, _left(self._blobs[mailbox].values()))
            for mailbox, row in self._rows.items()
        ]

    def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        return [removed for change in changes for removed in self._apply(change)]

    def page(self, query: PageQuery) -> Page:
        behind = [
            one
            for one in self._blobs.get(query.mailbox, {}).values()
            if one.id > query.after and one.stored_ms >= query.since_ms
        ]
        rows: list[PageRow] = []
        total = 0
        for one in islice(behind, PAGE_BLOBS_MAX):
            blob = b"" if query.without_blobs else one.blob
            total += len(blob)
            if rows and total > query.bytes_max:
                break
            rows.append(PageRow(one.id, one.stored_ms, len(one.blob), blob))
        return Page(tuple(rows), has_more=len(rows) < len(behind))

    def close(self) -> None:
        """Nothing is held."""

    def _apply(self, change: MailboxChange) -> list[Removed]:
        match change:
            case PutMailbox(mailbox):
                self._rows[mailbox] = change
                self._blobs.setdefault(mailbox, {})
                return []
            case DropMailbox(mailbox):
                del self._rows[mailbox], self._blobs[mailbox]
                return []
            case AddBlob(mailbox):
                return self._add(mailbox, change)
            case DropBlobs(mailbox, ids):
                return self._remove(mailbox, set(ids))
            case DropExpired(before_ms):
                return [
                    removed
                    for mailbox, kept in self._blobs.items()
                    for removed in self._remove(
                        mailbox, {one.id for one in kept.values() if one.stored_ms < before_ms}
                    )
                ]
            case _:
                assert_never(change)

    def _add(self, mailbox: bytes, add: AddBlob) -> list[Removed]:
        kept = self._blobs[mailbox]
        self._rows[mailbox] = replace(self._rows[mailbox], last_id=add.id)
        if any(one.hash == add.hash for one in kept.values()):
            return [Removed(mailbox, _left([add]))]
        _require_free(kept, add.id)
        kept[add.id] = add
        return []

    def _remove(self, mailbox: bytes, ids: set[int]) -> list[Removed]:
        kept = self._blobs.get(mailbox, {})
        gone = [kept.pop(id) for id in sorted(ids & kept.keys())]
        return [Removed(mailbox, _left(gone))] if gone else []


def _require_free(kept: dict[int, AddBlob], id: int) -> None:
    if id in kept:
        raise StoreError(f"two blobs of one mailbox have the number {id}")


def _left(some: Iterable[AddBlob]) -> dict[bytes, Held]:
    """What each writer left of these."""
    left: dict[bytes, Held] = {}
    for one in some:
        left[one.writer] = left.get(one.writer, Held()).plus(one.held)
    return left
