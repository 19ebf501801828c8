"""Proofs of delivery: made of what lies on disk, checked without a home."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from p2pchat.errors import BadProof, FileUnusable, NotProvable, SchemaTooNew, UnknownConversation
from p2pchat.model.change import PutReceipt
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.node.node import Node
from p2pchat.store.files import new_file
from p2pchat.wire.delivery_proof import (
    PROOF_BYTES_MAX,
    DeliveryProof,
    encode_proof,
    read_proof,
)
from p2pchat.wire.devices import DeviceSet, is_certified
from p2pchat.wire.ops import restore_op
from p2pchat.wire.receipts import decode_receipt

__all__ = ["Proving", "read_delivery_proof", "write_proof"]

PAGE_OPS = 256
PAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Proving:
    """What is to be proven of a conversation, and where the proof goes."""

    conversation: ConversationId
    path: Path
    message: OpId | None = None
    """One message; else all of ours."""
    with_text: bool = True
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """What a device has signed of our chain."""

    devices: DeviceSet
    """Its account's, which vouches for it."""
    row: PutReceipt
    heads: tuple[OpId, ...]
    up_to: int


async def write_proof(node: Node, proving: Proving) -> DeliveryProof:
    """Write what proves that others hold messages of ours; answers what it proves.

    Raises `UnknownConversation`, `NotProvable`, `FileExists`, `FileUnusable`, `DiskFull`.
    """
    state = node.chat.state
    conversation, own = state.conversations.get(proving.conversation), state.own_devices
    if conversation is None:
        raise UnknownConversation("nothing is here of this conversation any more")
    if conversation.is_unruled:
        raise NotProvable("in rooms that nobody rules nobody signs to hold all that was said")
    genesis = conversation.invited.genesis if conversation.invited is not None else b""
    held = await _held(node, proving.conversation)
    up_to = max((one.up_to for one in held), default=-1)
    begin = conversation.log.begins_at((state.me.device, Chain.TALK))
    rows = await _rows(node, proving, begin, up_to)

    def write() -> DeliveryProof:
        ops = _run(rows, held, proving)
        ids = {op.id for op in ops}
        named = [one for one in held if ids & set(one.heads)]
        vouching = {devices.account: devices for devices in (own, *(h.devices for h in named))}
        receipts = [one.row for one in named]
        raw = b"".join(encode_proof(vouching.values(), receipts, ops, genesis))
        proof = read_proof(raw)
        with new_file(proving.path, overwrite=proving.overwrite) as file:
            file.write(raw)
        return proof

    # Many signatures are checked, and the disk is waited for.
    return await trio.to_thread.run_sync(write)  # noqa: TID251


async def read_delivery_proof(path: str | os.PathLike[str]) -> DeliveryProof:
    """Check a proof of delivery that anybody may have made; no home is needed.

    Raises `BadProof`, `SchemaTooNew`, `FileUnusable`.
    """
    return await trio.to_thread.run_sync(_read, Path(path))  # noqa: TID251


def _read(path: Path) -> DeliveryProof:
    try:
        with path.open("rb") as file:
            raw = file.read(PROOF_BYTES_MAX + 1)
        return read_proof(raw)
    except (BadProof, SchemaTooNew) as error:
        raise type(error)(f"{path} {error}") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FileUnusable(f"{path} cannot be read: {reason}") from error


async def _held(node: Node, id: ConversationId) -> list[_Held]:
    """What devices of others have signed of our talk, and whose certificates are here."""
    state = node.chat.state
    store = await node.flushed_store()
    found: list[_Held] = []
    for row in await store.receipts(id):
        receipt = decode_receipt(row.body, row.signature).receipt
        chain = (state.me.device, Chain.TALK)
        ours = [entry for entry in receipt.entries if (entry.device, entry.chain) == chain]
        devices = state.directory.sets.get(receipt.account)
        is_ours = receipt.account == state.me.account
        if ours and devices and not is_ours and is_certified(devices, receipt.device):
            heads = tuple(entry.head for entry in ours)
            found.append(_Held(devices, row, heads, max(entry.seq for entry in ours)))
    return found


async def _rows(node: Node, proving: Proving, start: int, up_to: int) -> list[StoredOp]:
    """Our talk as it lies on disk, from where it is to be proven to where somebody has it, with the
    texts that are to be shown."""
    id, device = proving.conversation, node.chat.state.me.device
    store = await node.flushed_store()
    rows: list[StoredOp] = []
    size_bytes, has_begun = 0, proving.message is None
    while start <= up_to:
        page = await store.ops(OpsQuery(id, device, Chain.TALK, start, PAGE_OPS, PAGE_BYTES))
        if not page:
            break
        start = page[-1].seq + 1
        for row in page:
            has_begun = has_begun or row.id == proving.message
            if has_begun:
                rows.append(_shown(row, proving))
                size_bytes += rows[-1].size_bytes
        if size_bytes > PROOF_BYTES_MAX // 2:
            raise NotProvable("that is too much for one file: prove single messages")
    return [row for row in rows if row.seq <= up_to]


def _shown(row: StoredOp, proving: Proving) -> StoredOp:
    is_meant = proving.with_text and proving.message in (None, row.id)
    return row if is_meant else replace(row, content=None)


def _run(rows: Sequence[StoredOp], held: Sequence[_Held], proving: Proving) -> list[Op]:
    """The run of our chain that ends with the newest op that anybody holds. Walked backwards, for
    a chain that was forked has other branches."""
    by_id = {row.id: row for row in rows}
    ends = [by_id[head] for one in held for head in one.heads if head in by_id]
    run: list[Op] = []
    id = max(ends, key=lambda row: row.seq).id if ends else None
    while id is not None and id in by_id:
        run.append(restore_op(by_id[id]))
        id = None if id == proving.message else run[-1].header.prev
    run.reverse()
    if proving.message is not None and (not run or run[0].id != proving.message):
        raise NotProvable("nobody has acknowledged this message yet, or it is not yours")
    if not any(op.header.kind == Kind.TEXT for op in run):
        raise NotProvable("nobody has acknowledged a message of yours there yet")
    return [_without(op) if op.header.kind != Kind.TEXT else op for op in run]


def _without(op: Op) -> Op:
    """What is no message is there for its header alone."""
    return replace(op, content=None)
