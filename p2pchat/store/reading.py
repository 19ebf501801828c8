"""Questions asked while a node runs, each of one connection inside one transaction.

Names and message states are joined at read, never stored with a message: a new name or a receipt
is one row written, however much it changes on the screen.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    exists,
    func,
    select,
    tuple_,
)

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import Counting, PutReceipt
from p2pchat.model.expected import Expected
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.message import Message
from p2pchat.model.query import LatestQuery, NamedQuery, OpsRead, StoredDeletion, StoredOp
from p2pchat.model.room import RoomKind
from p2pchat.store.folding import Progress, Reach
from p2pchat.store.port import PAGE_LIMIT_MAX, Page
from p2pchat.store.reaction_rows import HAS_REACTIONS, with_reactions
from p2pchat.store.schema import (
    accounts,
    conversation_details,
    conversations,
    deliveries,
    devices,
    dropped,
    expected,
    heads,
    lost,
    messages,
    names,
    ops,
    published,
    readers,
    receipts,
    revised,
    rooms,
    settled,
    settled_read,
    turns,
)

__all__ = [
    "MESSAGES",
    "OPS",
    "READS",
    "TALK_READ",
    "entered",
    "message_of",
    "read_authors",
    "read_history",
    "read_message",
    "read_op",
    "read_ops",
    "read_progress",
    "read_receipts",
    "stored_op_of",
]

_conversation: BindParameter[bytes] = bindparam("conversation")
_conversation_key = (
    select(conversations.c.key).where(conversations.c.id == _conversation).scalar_subquery()
)


def entered(key: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the messages of a conversation are shown: we are in it, and neither left it nor are
    guests."""
    is_guest = exists().where(rooms.c.conversation == key, rooms.c.is_entered == 0)
    return exists().where(conversation_details.c.conversation == key) & ~is_guest


_shown_key = (
    select(conversations.c.key)
    .where(conversations.c.id == _conversation, entered(conversations.c.key))
    .scalar_subquery()
)
_device_key = select(devices.c.key).where(devices.c.id == bindparam("device")).scalar_subquery()

OPS = (
    ops.c.id,
    ops.c.seq,
    ops.c.header,
    ops.c.signature,
    ops.c.content,
    dropped.c.header.label("deletion_header"),
    dropped.c.signature.label("deletion_signature"),
)
"""An op, of `ops` with what there is of it in `dropped`."""
_OPS = (
    select(*OPS)
    .join_from(ops, dropped, dropped.c.op == ops.c.key, isouter=True)
    .where(
        ops.c.conversation == _conversation_key,
        ops.c.device == _device_key,
        ops.c.chain == bindparam("chain"),
        ops.c.seq >= bindparam("from_seq"),
    )
    .order_by(ops.c.seq, ops.c.id)
    .limit(bindparam("limit"))
)
_TURNS = (
    select(*OPS)
    .join_from(turns, ops, turns.c.op == ops.c.key)
    .join(dropped, dropped.c.op == ops.c.key, isouter=True)
    .where(
        turns.c.conversation == _conversation_key,
        turns.c.device == _device_key,
        turns.c.seq >= bindparam("from_seq"),
    )
    .order_by(turns.c.seq, ops.c.id)
    .limit(bindparam("limit"))
)
_latest = (
    select(messages.c.op, messages.c.sort_key)
    .where(messages.c.conversation == _conversation_key)
    .order_by(messages.c.sort_key.desc(), messages.c.id.desc())
    .limit(bindparam("messages"))
    .subquery()
)
_firsts = (
    select(
        _latest.c.op,
        func.row_number()
        .over(partition_by=ops.c.device, order_by=(ops.c.seq, ops.c.id))
        .label("at"),
        func.max(_latest.c.sort_key).over(partition_by=ops.c.device).label("newest"),
    )
    .join_from(_latest, ops, _latest.c.op == ops.c.key)
    .subquery()
)
_LATEST = (
    select(*OPS)
    .join_from(_firsts, ops, _firsts.c.op == ops.c.key)
    .join(dropped, dropped.c.op == ops.c.key, isouter=True)
    .where(_firsts.c.at == 1)
    .order_by(_firsts.c.newest.desc(), ops.c.id)
    .limit(bindparam("limit"))
)
_NAMED = (
    select(*OPS)
    .join_from(ops, dropped, dropped.c.op == ops.c.key, isouter=True)
    .where(ops.c.id == bindparam("id"), ops.c.conversation == _conversation_key)
)


def read_ops(connection: Connection, query: OpsRead) -> list[StoredOp]:
    """As `Store.ops`; rows are fetched one by one, so that what is cut off is not read."""
    if isinstance(query, LatestQuery):
        asked = {
            "conversation": query.conversation,
            "messages": query.messages,
            "limit": query.limit,
        }
        return [stored_op_of(row) for row in connection.execute(_LATEST, asked)]
    if isinstance(query, NamedQuery):
        named = ({"conversation": query.conversation, "id": id} for id in query.ids)
        rows = (connection.execute(_NAMED, one).first() for one in named)
        return [stored_op_of(row) for row in rows if row is not None]
    found: list[StoredOp] = []
    size_bytes = 0
    parameters = {
        "conversation": query.conversation,
        "device": query.device,
        "chain": int(query.chain),
        "from_seq": query.from_seq,
        "limit": query.limit,
    }
    with connection.execute(_TURNS if query.turns else _OPS, parameters) as rows:
        for row in rows:
            op = stored_op_of(row)
            size_bytes += op.size_bytes
            if found and size_bytes > query.bytes_max:
                break
            found.append(op)
    return found


_OP = (
    select(*OPS)
    .join_from(ops, dropped, dropped.c.op == ops.c.key, isouter=True)
    .where(ops.c.id == bindparam("id"))
)


def read_op(connection: Connection, id: OpId) -> StoredOp | None:
    """As `Store.op`."""
    row = connection.execute(_OP, {"id": id}).first()
    return None if row is None else stored_op_of(row)


def stored_op_of(row: Row[*tuple[Any, ...]]) -> StoredOp:
    """A row of `OPS`."""
    deletion = None
    if row.deletion_header is not None:
        deletion = StoredDeletion(row.deletion_header, row.deletion_signature)
    return StoredOp(OpId(row.id), row.seq, row.header, row.signature, row.content, deletion)


MESSAGES = (
    select(
        messages.c.id,
        messages.c.own,
        messages.c.type,
        messages.c.text,
        messages.c.sent_ms,
        messages.c.reply_to,
        ops.c.seq,
        ops.c.received_ms,
        ops.c.signature,
        accounts.c.id.label("account_id"),
        func.coalesce(names.c.name, "").label("author_name"),
        revised.c.op.label("revised"),
        dropped.c.op.label("dropped"),
        HAS_REACTIONS,
    )
    .join_from(messages, ops, messages.c.op == ops.c.key)
    .join(accounts, ops.c.account == accounts.c.key)
    .outerjoin(names, names.c.account == accounts.c.key)
    .outerjoin(revised, revised.c.op == messages.c.op)
    .outerjoin(dropped, dropped.c.op == messages.c.op)
)
READS = (readers.c.conversation == deliveries.c.conversation) & (
    readers.c.device == deliveries.c.device
)
"""What joins `readers` to `deliveries`."""
TALK_READ = func.coalesce(readers.c.talk_read, 0).label("talk_read")
_place = tuple_(messages.c.sort_key, messages.c.id)
_in_order = (messages.c.sort_key, messages.c.id)
_MESSAGE = MESSAGES.where(ops.c.id == bindparam("id"), entered(messages.c.conversation))
_CONVERSATION_OF = (
    select(conversations.c.id)
    .join_from(ops, conversations, ops.c.conversation == conversations.c.key)
    .where(ops.c.id == bindparam("id"))
)
_ANCHOR = select(messages.c.sort_key).where(
    messages.c.op == select(ops.c.key).where(ops.c.id == bindparam("id")).scalar_subquery(),
    messages.c.conversation == _shown_key,
)


@cache
def _page(*, before: bool, after: bool, ascending: bool) -> Select[*tuple[object, ...]]:
    """The statement of a page: newest first, unless it ascends."""
    statement = MESSAGES.where(messages.c.conversation == _shown_key)
    if before:
        statement = statement.where(
            _place < tuple_(bindparam("before_key"), bindparam("before_id"))
        )
    if after:
        statement = statement.where(_place > tuple_(bindparam("after_key"), bindparam("after_id")))
    order = _in_order if ascending else tuple(column.desc() for column in _in_order)
    return statement.order_by(*order).limit(bindparam("limit"))


def read_history(connection: Connection, id: ConversationId, page: Page) -> list[Message]:
    """As `Store.history`."""
    parameters: dict[str, object] = {
        "conversation": id,
        "limit": max(0, min(page.limit, PAGE_LIMIT_MAX)),
    }
    for name, anchor in (("after", page.after), ("before", page.before)):
        if anchor is not None:
            parameters[f"{name}_key"] = _anchor_key(connection, id, anchor)
            parameters[f"{name}_id"] = anchor
    statement = _page(
        before=page.before is not None,
        after=page.after is not None,
        ascending=page.is_oldest_first,
    )
    found = _read(connection, id, statement, parameters)
    return found if page.is_oldest_first else found[::-1]


def read_message(connection: Connection, id: OpId) -> Message | None:
    """As `Store.message`."""
    conversation = connection.scalar(_CONVERSATION_OF, {"id": id})
    if conversation is None:
        return None
    found = _read(connection, ConversationId(conversation), _MESSAGE, {"id": id})
    return found[0] if found else None


def _anchor_key(connection: Connection, id: ConversationId, anchor: OpId) -> int:
    key = connection.scalar(_ANCHOR, {"conversation": id, "id": anchor})
    if key is None:
        raise UnknownMessage(f"no message {anchor} in this conversation")
    return key


def _read(
    connection: Connection,
    conversation: ConversationId,
    statement: Select[*tuple[object, ...]],
    parameters: dict[str, object],
) -> list[Message]:
    progress = read_progress(connection, conversation)
    rows = connection.execute(statement, parameters).all()
    found = [message_of(row, conversation, progress) for row in rows]
    return with_reactions(connection, found, {row.id for row in rows if row.has_reactions})


def message_of(
    row: Row[*tuple[Any, ...]], conversation: ConversationId, progress: Progress
) -> Message:
    """A row of `MESSAGES`, as it is shown."""
    return Message(
        id=OpId(row.id),
        conversation=conversation,
        author=AccountId(row.account_id),
        author_name=row.author_name,
        type=row.type,
        text=row.text,
        sent_at=row.sent_ms,
        received_at=row.received_ms,
        state=progress.state(row.seq, own=Counting(row.own)),
        reply_to=None if row.reply_to is None else OpId(row.reply_to),
        signature=row.signature,
        edited=row.revised is not None,
        deleted=row.dropped is not None,
    )


_REACHES = (
    select(deliveries.c.account, deliveries.c.talk_acked, deliveries.c.talk_sent, TALK_READ)
    .outerjoin(readers, READS)
    .where(deliveries.c.conversation == _conversation_key)
)
_PUBLISHED = select(published.c.talk_sent).where(published.c.conversation == _conversation_key)
_KIND = select(conversation_details.c.kind).where(
    conversation_details.c.conversation == _conversation_key
)
_EXPECTED = select(expected.c.account, expected.c.since).where(
    expected.c.conversation == _conversation_key
)
_SETTLED = select(settled.c.talk).where(settled.c.conversation == _conversation_key)
_SETTLED_READ = select(settled_read.c.talk).where(settled_read.c.conversation == _conversation_key)
_LOST = (
    select(lost.c.first, lost.c.end)
    .where(lost.c.conversation == _conversation_key)
    .order_by(lost.c.first)
)


def read_progress(connection: Connection, conversation: ConversationId) -> Progress:
    """How far our own messages have come in a conversation."""
    parameters = {"conversation": conversation}
    rows = connection.execute(_REACHES, parameters)
    reaches = [Reach(row.account, row.talk_acked, row.talk_sent, row.talk_read) for row in rows]
    sent = connection.scalar(_PUBLISHED, parameters) or 0
    if connection.scalar(_KIND, parameters) != RoomKind.INVITED:
        return Progress.of(reaches, sent)
    since = {row.account: row.since for row in connection.execute(_EXPECTED, parameters)}
    expectation = Expected[Hashable](
        since,
        connection.scalar(_SETTLED, parameters) or 0,
        connection.scalar(_SETTLED_READ, parameters) or 0,
        [(row.first, row.end) for row in connection.execute(_LOST, parameters)],
    )
    return Progress.of(reaches, sent, expectation)


# Each stored op lies below a head of its chain, so the few heads name all authors.
_AUTHORS = (
    select(accounts.c.id, func.coalesce(names.c.name, "").label("name"))
    .distinct()
    .join_from(heads, accounts)
    .outerjoin(names, names.c.account == accounts.c.key)
    .where(
        heads.c.conversation == _conversation_key,
        exists().where(
            ops.c.conversation == heads.c.conversation,
            ops.c.device == heads.c.device,
            ops.c.chain == heads.c.chain,
        ),
    )
    .order_by(accounts.c.id)
)


def read_authors(connection: Connection, id: ConversationId) -> list[tuple[AccountId, str]]:
    """As `Store.authors`."""
    rows = connection.execute(_AUTHORS, {"conversation": id})
    return [(AccountId(row.id), row.name) for row in rows]


_RECEIPTS = (
    select(receipts.c.body, receipts.c.signature, devices.c.id.label("device_id"))
    .join_from(receipts, devices)
    .where(receipts.c.conversation == _conversation_key)
    .order_by(devices.c.id)
)


def read_receipts(connection: Connection, id: ConversationId) -> list[PutReceipt]:
    """As `Store.receipts`."""
    return [
        PutReceipt(id, DeviceId(row.device_id), row.body, row.signature)
        for row in connection.execute(_RECEIPTS, {"conversation": id})
    ]
