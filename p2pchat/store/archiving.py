"""A whole home, read in one transaction: what an export is made of.

What is read is of one moment, whatever is written meanwhile. Ops come in the order in which they
were stored, so each after its predecessor, and one by one: a million of them take no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from p2pchat.model.archive import ArchivedOp
from p2pchat.model.change import Counting, PutReceipt
from p2pchat.model.identity import Identity
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.snapshot import Snapshot
from p2pchat.store.folding import Progress
from p2pchat.store.reading import OPS, entered, read_progress, read_receipts, stored_op_of
from p2pchat.store.restoring import read_identity, read_snapshot
from p2pchat.store.schema import (
    conversations,
    deletions,
    dropped,
    edits,
    heads,
    messages,
    ops,
    reactions,
)
from p2pchat.wire.ops import restore_op

__all__ = ["Archive", "read_archive"]

_OPS = (
    select(
        *OPS,
        ops.c.received_ms,
        messages.c.own,
        func.coalesce(messages.c.op, edits.c.op, deletions.c.op, reactions.c.op).label("effect"),
        func.coalesce(messages.c.sort_key, heads.c.sort_key, 0).label("sort_key"),
        conversations.c.id.label("conversation_id"),
    )
    .join_from(ops, conversations, ops.c.conversation == conversations.c.key)
    .outerjoin(messages, messages.c.op == ops.c.key)
    .outerjoin(edits, edits.c.op == ops.c.key)
    .outerjoin(deletions, deletions.c.op == ops.c.key)
    .outerjoin(reactions, reactions.c.op == ops.c.key)
    .outerjoin(dropped, dropped.c.op == ops.c.key)
    .outerjoin(
        heads,
        (heads.c.conversation == ops.c.conversation)
        & (heads.c.device == ops.c.device)
        & (heads.c.chain == ops.c.chain)
        & (heads.c.id == ops.c.id),
    )
    .where(entered(ops.c.conversation))
    .order_by(ops.c.key)
)
_COUNT = select(func.count()).select_from(ops).where(entered(ops.c.conversation))


@dataclass(frozen=True, slots=True)
class Archive:
    """A home as of one moment. `ops` can be walked once, while its transaction lasts."""

    identity: Identity
    snapshot: Snapshot
    receipts: tuple[PutReceipt, ...]
    ops_count: int
    ops: Iterator[ArchivedOp]


def read_archive(connection: Connection) -> Archive:
    """All that an export takes."""
    identity = read_identity(connection)
    assert identity is not None, "who exports a home lives in it"
    snapshot = read_snapshot(connection)
    ids = [row.conversation for row in snapshot.conversations]
    receipts = tuple(receipt for id in ids for receipt in read_receipts(connection, id))
    progress = {id: read_progress(connection, id) for id in ids}
    count = connection.scalar(_COUNT) or 0
    return Archive(identity, snapshot, receipts, count, _read_ops(connection, progress))


def _read_ops(
    connection: Connection, progress: dict[ConversationId, Progress]
) -> Iterator[ArchivedOp]:
    with connection.execute(_OPS) as rows:
        for row in rows:
            op = restore_op(stored_op_of(row))
            is_delivered = True
            if row.own is not None:
                known = progress.get(ConversationId(row.conversation_id), Progress())
                state = known.state(row.seq, own=Counting(row.own))
                is_delivered = state in (MessageState.DELIVERED, MessageState.READ)
            is_shown = row.effect is not None
            yield ArchivedOp(op, row.received_ms, row.sort_key, is_shown, is_delivered)
