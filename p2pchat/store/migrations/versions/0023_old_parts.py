"""Parts of talk chains that were here before parts were kept: what lies on disk below a floor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

PARTS_MAX = 64
NOTHING = bytes(32)
PREV = 7
"""The field of a header."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_FLOORS = sa.text(
    "SELECT floors.conversation, floors.device, floors.seq FROM floors"
    " JOIN rooms ON rooms.conversation = floors.conversation WHERE floors.chain = 1"
)
_BELOW = sa.text(
    "SELECT ops.id, ops.account, ops.seq, ops.header, messages.sort_key FROM ops"
    " LEFT JOIN messages ON messages.op = ops.key"
    " WHERE ops.conversation = :conversation AND ops.device = :device AND ops.chain = 1"
    " AND ops.seq < :seq ORDER BY ops.seq, ops.key"
)
_PUT = sa.text(
    'INSERT OR REPLACE INTO spans (conversation, device, seq, prev, account, "end", id, sort_key)'
    " VALUES (:conversation, :device, :seq, :prev, :account, :end, :id, :sort_key)"
)


Part = dict[str, Any]


def upgrade() -> None:
    connection = op.get_bind()
    for conversation, device, seq in connection.execute(_FLOORS).all():
        chain: dict[str, int] = {"conversation": conversation, "device": device}
        rows = connection.execute(_BELOW, {**chain, "seq": seq})
        for part in _parts(tuple(row) for row in rows)[-PARTS_MAX:]:
            connection.execute(_PUT, {**chain, **part})


def _parts(rows: Iterable[tuple[Any, ...]]) -> list[Part]:
    """Where parts begin and end, lowest first; of a fork the branch that came first goes on. There
    may be very many rows, so no more of them is kept than what the next one may follow."""
    found: list[Part] = []
    ends: dict[bytes, Part] = {}
    place = -1
    here: set[bytes] = set()
    seen: set[bytes] = set()
    for id, account, seq, header, shown in rows:
        if seq != place:
            place, seen = seq, here
            here = set[bytes]()
        told = dict(_fields(header)).get(PREV)
        prev = told if isinstance(told, bytes) and len(told) == len(NOTHING) else NOTHING
        part = ends.pop(prev, None)
        is_branch = prev in seen or (prev == NOTHING and bool(found))
        here.add(id)
        if part is None and is_branch:
            continue
        if part is None:
            part = {"account": account, "seq": seq, "prev": prev, "sort_key": 0}
            found.append(part)
        part |= {"end": seq, "id": id}
        part["sort_key"] = part["sort_key"] if shown is None else shown
        ends[id] = part
    return found


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message, as far as they can be read."""
    place = 0
    while place < len(raw):
        tag, place = _varint(raw, place)
        if tag & 7 == _VARINT:
            value, place = _varint(raw, place)
            yield tag >> 3, value
        elif tag & 7 == _BYTES:
            size, place = _varint(raw, place)
            yield tag >> 3, raw[place : place + size]
            place += size
        elif tag & 7 in (_FIXED64, _FIXED32):
            place += 8 if tag & 7 == _FIXED64 else 4
        else:
            return


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while place < len(raw):
        byte, place = raw[place], place + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, place
