"""A store in memory: for clients without a home, and for simulated peers.

It is the store's meaning in plain dictionaries, written to be read beside the port: the SQLite
store must answer the same (`tests/compliance/store`). A commit is whole at once, so a simulated
peer that crashes anywhere is opened again on `fork()` of its store.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import (
    AddDeletion,
    AddEdit,
    AddMessage,
    AddOp,
    AddReaction,
    Change,
    DropBlock,
    DropConversation,
    DropPeer,
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutDraft,
    PutName,
    PutPeer,
    PutProfile,
    PutReadMark,
    PutReceipt,
    PutSetting,
    PutTrust,
    RestoreContent,
    SetDelivery,
    SetFloor,
    SetPublished,
    SetTelling,
)
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.op import WORDLESS_MAX, Chain, Op
from p2pchat.model.query import LatestQuery, NamedQuery, OpsRead, StoredOp
from p2pchat.model.ratchet import MailChange
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    SetLost,
    SetSettled,
)
from p2pchat.model.search import Query
from p2pchat.model.snapshot import Head, Snapshot
from p2pchat.store.folding import Progress, Reach
from p2pchat.store.memory_mail import Mail, by_key
from p2pchat.store.memory_reading import reading_snapshot
from p2pchat.store.memory_relations import Relations
from p2pchat.store.memory_rooms import About, rooms_of
from p2pchat.store.port import PAGE_LIMIT_MAX, UNREAD_MAX, Page
from p2pchat.wire.ops import stored_op

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Conversation:
    """What is kept of one conversation."""

    about: About = field(default_factory=About)
    ops: dict[OpId, Op] = field(default_factory=dict[OpId, Op])
    chains: dict[tuple[DeviceId, Chain], list[tuple[int, OpId]]] = field(
        default_factory=dict[tuple[DeviceId, Chain], list[tuple[int, OpId]]]
    )
    heads: dict[OpId, Head] = field(default_factory=dict[OpId, Head])
    floors: dict[tuple[DeviceId, Chain], SetFloor] = field(
        default_factory=dict[tuple[DeviceId, Chain], SetFloor]
    )
    messages: dict[OpId, AddMessage] = field(default_factory=dict[OpId, AddMessage])
    timeline: list[tuple[int, OpId]] = field(default_factory=list[tuple[int, OpId]])
    deliveries: dict[DeviceId, SetDelivery] = field(default_factory=dict[DeviceId, SetDelivery])
    receipts: dict[DeviceId, PutReceipt] = field(default_factory=dict[DeviceId, PutReceipt])
    relations: Relations = field(init=False)

    def __post_init__(self) -> None:
        self.relations = Relations(self.ops, self.messages)

    def add_op(self, change: AddOp) -> None:
        op, header = change.op, change.op.header
        if op.id in self.ops:
            return
        self.ops[op.id] = op
        if change.is_stopped:
            self.about.stops.add(op.id)
        if op.deletion is not None:
            self.relations.wordless.add(op.id)
        insort(self.chains.setdefault((header.device, header.chain), []), (header.seq, op.id))
        if change.is_beneath:
            return
        if header.prev is not None:
            self.heads.pop(header.prev, None)
        self.heads[op.id] = Head(
            header.conversation,
            header.account,
            header.device,
            header.chain,
            header.seq,
            op.id,
            change.sort_key,
            header.hlc,
        )

    def add_message(self, change: AddMessage) -> None:
        assert change.op in self.ops, "a message is added after its op"
        if change.op not in self.messages:
            self.messages[change.op] = change
            insort(self.timeline, (change.sort_key, change.op))
            self.relations.message_added(change)

    def set_floor(self, floor: SetFloor) -> None:
        chain = floor.device, floor.chain
        self.floors[chain] = replace(floor, spares=False)
        positions = self.chains.get(chain, [])
        lowest = 0 if floor.spares else floor.seq
        kept_from = bisect_left(positions, lowest, key=lambda position: position[0])
        for _, op in positions[:kept_from]:
            del self.ops[op]
            self.about.stops.discard(op)
            self.relations.forget(op)
            message = self.messages.pop(op, None)
            if message is not None:
                self.timeline.remove((message.sort_key, op))
        del positions[:kept_from]
        self.heads = {
            op: head
            for op, head in self.heads.items()
            if (head.device, head.chain) != chain or head.seq >= floor.seq - 1
        }

    def firsts(self, query: LatestQuery) -> list[OpId]:
        """The first of each device among the latest messages."""
        firsts: dict[DeviceId, OpId] = {}
        newest: dict[DeviceId, tuple[int, OpId]] = {}
        last = max(len(self.timeline) - query.messages, 0)
        for key, id in self.timeline[last:]:
            header = self.ops[id].header
            first = firsts.get(header.device)
            if first is None or (header.seq, id) < (self.ops[first].header.seq, first):
                firsts[header.device] = id
            newest[header.device] = key, id
        order = sorted(firsts, key=lambda device: (-newest[device][0], firsts[device]))
        return [firsts[device] for device in order[: query.limit]]

    def said_by(self, device: DeviceId) -> _Conversation:
        """What is left of it when it is dropped: the talk chain of one device."""
        key = (device, Chain.TALK)
        positions = self.chains.get(key, [])
        ops = {op: self.ops[op] for _, op in positions}
        kept = _Conversation(
            ops=ops,
            chains={key: positions} if positions else {},
            heads={id: h for id, h in self.heads.items() if (h.device, h.chain) == key},
            floors={key: self.floors[key]} if key in self.floors else {},
            about=About(stops=self.about.stops & ops.keys()),
            messages={op: row for op, row in self.messages.items() if op in ops},
            timeline=[place for place in self.timeline if place[1] in ops],
        )
        kept.relations = self.relations.copy(kept.ops, kept.messages)
        for op in self.ops.keys() - ops.keys():
            kept.relations.forget(op)
        return kept

    @property
    def control(self) -> list[OpId]:
        return sorted(op.id for op in self.ops.values() if op.header.chain is Chain.CONTROL)

    @property
    def wordless(self) -> list[tuple[DeviceId, int]]:
        """By device, the newest places whose op came without its content."""
        headers = [self.ops[op].header for op in self.relations.wordless]
        places = sorted({(header.device, header.seq) for header in headers})
        chains = [[place for place in places if place[0] == device] for device, _ in places]
        return sorted({place for chain in chains for place in chain[-WORDLESS_MAX - 1 :]})

    @property
    def progress(self) -> Progress:
        reaches = (
            Reach(d.account, d.talk_acked, d.talk_sent, d.talk_read)
            for d in self.deliveries.values()
        )
        return Progress.of(reaches, self.about.published or 0, self.about.expectation)

    def span(self, page: Page) -> list[OpId]:
        """The ids of a page, oldest first."""
        limit = max(0, min(page.limit, PAGE_LIMIT_MAX))
        start = 0 if page.after is None else bisect_right(self.timeline, self._place(page.after))
        end = len(self.timeline)
        if page.before is not None:
            end = bisect_left(self.timeline, self._place(page.before))
        if not page.is_oldest_first:
            start = max(start, end - limit)
        return [op for _, op in self.timeline[start : min(end, start + limit)]]

    def _place(self, anchor: OpId) -> tuple[int, OpId]:
        message = self.messages.get(anchor)
        if message is None:
            raise UnknownMessage(f"no message {anchor} in this conversation")
        return message.sort_key, anchor

    def copy(self) -> _Conversation:
        copy = _Conversation(
            self.about.copy(),
            dict(self.ops),
            {chain: list(positions) for chain, positions in self.chains.items()},
            dict(self.heads),
            dict(self.floors),
            dict(self.messages),
            list(self.timeline),
            dict(self.deliveries),
            dict(self.receipts),
        )
        copy.relations = self.relations.copy(copy.ops, copy.messages)
        return copy


@dataclass(slots=True)
class _State:
    """All of it, as of the last commit."""

    conversations: dict[ConversationId, _Conversation] = field(
        default_factory=dict[ConversationId, _Conversation]
    )
    contacts: dict[AccountId, PutContact] = field(default_factory=dict[AccountId, PutContact])
    names: dict[AccountId, PutName] = field(default_factory=dict[AccountId, PutName])
    profiles: dict[AccountId, PutProfile] = field(default_factory=dict[AccountId, PutProfile])
    trust: dict[AccountId, PutTrust] = field(default_factory=dict[AccountId, PutTrust])
    device_sets: dict[AccountId, PutDeviceSet] = field(
        default_factory=dict[AccountId, PutDeviceSet]
    )
    peers: dict[PeerId, PutPeer] = field(default_factory=dict[PeerId, PutPeer])
    blocks: dict[str, PutBlock] = field(default_factory=dict[str, PutBlock])
    """By the text of the target, as on disk."""
    settings: dict[str, bytes] = field(default_factory=dict[str, bytes])
    mail: Mail = field(default_factory=Mail)

    def conversation(self, id: ConversationId) -> _Conversation:
        found = self.conversations.get(id)
        if found is None:
            found = self.conversations[id] = _Conversation()
        return found

    def apply(self, change: Change) -> None:
        match change:
            case AddOp():
                self.conversation(change.op.header.conversation).add_op(change)
            case AddMessage():
                self.conversation(change.conversation).add_message(change)
            case AddEdit() | AddDeletion() | AddReaction():
                self.conversation(change.conversation).relations.apply(change)
            case RestoreContent():
                self.conversation(change.op.header.conversation).relations.restore(change)
            case SetFloor():
                self.conversation(change.conversation).set_floor(change)
            case SetDelivery():
                self.conversation(change.conversation).deliveries[change.device] = change
            case SetPublished():
                self.conversation(change.conversation).about.published = change.talk_sent
            case PutReceipt():
                self.conversation(change.conversation).receipts[change.device] = change
            case PutReadMark() | SetTelling() | PutDraft():
                self.conversation(change.conversation).about.reading.apply(change)
            case DropConversation(id, device):
                self.conversations[id] = self.conversation(id).said_by(device)
                self.mail.forget(id)
            case PutConversation() | PutRoom() | PutLeave() | PutEpoch() | DropEpoch():
                self.conversation(change.conversation).about.apply(change)
            case (
                ExpectMember() | ForgetMember() | SetSettled() | SetLost() | PutSpan() | DropSpan()
            ):
                self.conversation(change.conversation).about.apply(change)
            case _:
                self._apply_global(change)

    def _apply_global(
        self,
        change: PutContact
        | PutName
        | PutProfile
        | PutTrust
        | PutDeviceSet
        | PutPeer
        | DropPeer
        | PutBlock
        | DropBlock
        | PutSetting
        | MailChange,
    ) -> None:
        match change:
            case PutContact():
                self.contacts[change.account] = change
            case PutName():
                self.names[change.account] = change
            case PutProfile():
                self.profiles[change.account] = change
            case PutTrust():
                self.trust[change.account] = change
            case PutDeviceSet():
                self.device_sets[change.account] = change
            case PutPeer():
                self.peers[change.peer] = change
            case DropPeer():
                self.peers.pop(change.peer, None)
            case PutBlock():
                self.blocks[str(change.target)] = change
            case DropBlock():
                self.blocks.pop(str(change.target), None)
            case PutSetting():
                self.settings[change.name] = change.value
            case _:
                self.mail.apply(change)

    def copy(self) -> _State:
        return _State(
            {key: conversation.copy() for key, conversation in self.conversations.items()},
            dict(self.contacts),
            dict(self.names),
            dict(self.profiles),
            dict(self.trust),
            dict(self.device_sets),
            dict(self.peers),
            dict(self.blocks),
            dict(self.settings),
            self.mail.copy(),
        )


class MemoryStore:
    """`store.port.Store` without a disk, and without an index that could come later."""

    put_off = 0

    def __init__(self) -> None:
        self._state = _State()
        self._arrivals: dict[OpId, ConversationId] = {}
        """Where each op belongs, in the order they came; some may have gone since."""

    def fork(self) -> MemoryStore:
        """An independent store in the state of the last commit."""
        other = MemoryStore()
        other._state = self._state.copy()
        other._arrivals = dict(self._arrivals)
        return other

    def commit(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, AddOp):
                self._arrived(change.op)
            self._state.apply(change)

    def _arrived(self, op: Op) -> None:
        """Take note of an op that is not here, though it may have been."""
        id = op.header.conversation
        if op.id not in self._state.conversation(id).ops:
            self._arrivals.pop(op.id, None)
            self._arrivals[op.id] = id

    def snapshot(self) -> Snapshot:
        state = self._state
        conversations = by_key(state.conversations)
        return Snapshot(
            contacts=by_key(state.contacts),
            names=by_key(state.names),
            profiles=by_key(state.profiles),
            trust=by_key(state.trust),
            conversations=tuple(
                c.about.details for c in conversations if c.about.details is not None
            ),
            heads=tuple(h for c in conversations for h in sorted(c.heads.values(), key=_place)),
            control=tuple(
                (key, op)
                for key, conversation in sorted(state.conversations.items())
                for op in conversation.control
            ),
            floors=tuple(f for c in conversations for f in by_key(c.floors)),
            wordless=tuple(
                (key, device, seq)
                for key, conversation in sorted(state.conversations.items())
                for device, seq in conversation.wordless
            ),
            deliveries=tuple(d for c in conversations for d in by_key(c.deliveries)),
            published={
                key: conversation.about.published
                for key, conversation in sorted(state.conversations.items())
                if conversation.about.published is not None
            },
            device_sets=by_key(state.device_sets),
            peers=by_key(state.peers),
            blocks=by_key(state.blocks),
            settings=dict(sorted(state.settings.items())),
            rooms=rooms_of(
                [
                    (c.about, c.ops, c.heads.values(), tuple(c.floors.values()))
                    for c in conversations
                ]
            ),
            mail=state.mail.snapshot(),
            reading=reading_snapshot(
                {key: c.about.reading for key, c in state.conversations.items()}
            ),
        )

    def ops(self, query: OpsRead) -> list[StoredOp]:
        conversation = self._state.conversations.get(query.conversation)
        if conversation is None:
            return []
        if isinstance(query, LatestQuery):
            return [stored_op(conversation.ops[id]) for id in conversation.firsts(query)]
        if isinstance(query, NamedQuery):
            here = (conversation.ops.get(id) for id in query.ids)
            return [stored_op(op) for op in here if op is not None]
        positions = conversation.chains.get((query.device, query.chain), [])
        start = bisect_left(positions, query.from_seq, key=lambda position: position[0])
        found: list[StoredOp] = []
        size_bytes = 0
        found_ops = (conversation.ops[key] for _, key in positions[start:])
        wanted = (op for op in found_ops if op.header.was or not query.turns)
        for op in islice(wanted, query.limit):
            stored = stored_op(op)
            size_bytes += stored.size_bytes
            if found and size_bytes > query.bytes_max:
                break
            found.append(stored)
        return found

    def op(self, id: OpId) -> StoredOp | None:
        for conversation in self._state.conversations.values():
            op = conversation.ops.get(id)
            if op is not None:
                return stored_op(op)
        return None

    def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        found = self._shown(conversation)
        return self._read(found, found.span(page))

    def message(self, id: OpId) -> Message | None:
        for conversation in self._state.conversations.values():
            if conversation.about.is_entered and id in conversation.messages:
                return self._read(conversation, [id])[0]
        return None

    def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        found: list[Message] = []
        for op, id in reversed(self._arrivals.items()):
            if len(found) >= min(limit, PAGE_LIMIT_MAX):
                break
            within = self._shown(id)
            row = within.messages.get(op)
            if row is not None and conversation in (None, id) and query.finds(row.text):
                found += self._read(within, [op])
        return found

    def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        found = self._state.conversations.get(conversation, _Conversation())
        accounts = {op.header.account for op in found.ops.values()}
        return [(account, self._name(account)) for account in sorted(accounts)]

    def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        found = self._state.conversations.get(conversation, _Conversation())
        return list(by_key(found.receipts))

    def unread(self, conversation: ConversationId) -> int:
        return min(UNREAD_MAX, len(self._unread(conversation)))

    def first_unread(self, conversation: ConversationId) -> OpId | None:
        firsts = dict[DeviceId, AddMessage]()
        for row in sorted(self._unread(conversation), key=lambda row: row.seq):
            firsts.setdefault(row.device, row)
        keys = sorted((row.sort_key, row.op) for row in firsts.values())
        return keys[0][1] if keys else None

    def marks_to(self, id: OpId) -> list[PutReadMark]:
        shown = (c for c in self._state.conversations.values() if c.about.is_entered)
        found = next((c for c in shown if id in c.messages), None)
        if found is None:
            raise UnknownMessage("no message here has this id, or it was deleted")
        reading, marks = found.about.reading, dict[DeviceId, PutReadMark]()
        last = bisect_right(found.timeline, (found.messages[id].sort_key, id))
        rows = [found.messages[op] for _, op in found.timeline[:last]]
        for row in sorted(filter(reading.is_unread, rows), key=lambda row: row.seq):
            marks[row.device] = PutReadMark(row.conversation, row.device, row.seq + 1)
        return list(by_key(marks))

    def catch_up(self) -> None:
        """There is nothing to catch up with."""

    def close(self) -> None:
        """There is nothing to release."""

    def _unread(self, id: ConversationId) -> list[AddMessage]:
        found = self._shown(id)
        rows = (row for row in found.messages.values() if found.about.reading.is_unread(row))
        return [row for row in rows if not found.relations.is_deleted(row.op)]

    def _shown(self, id: ConversationId) -> _Conversation:
        """A conversation that we are in; of any other nothing is shown."""
        found = self._state.conversations.get(id)
        return found if found is not None and found.about.is_entered else _Conversation()

    def _name(self, account: AccountId) -> str:
        known = self._state.names.get(account)
        return "" if known is None else known.name

    def _read(self, conversation: _Conversation, ids: Sequence[OpId]) -> list[Message]:
        progress = conversation.progress
        rows = (conversation.messages[op] for op in ids)
        return [
            Message(
                id=row.op,
                conversation=row.conversation,
                author=row.author,
                author_name=self._name(row.author),
                type=row.type,
                text=row.text,
                sent_at=row.sent_ms,
                received_at=row.received_ms,
                state=progress.state(row.seq, own=row.own),
                reply_to=row.reply_to,
                signature=conversation.ops[row.op].signature,
                edited=row.op in conversation.relations.revised,
                deleted=conversation.relations.is_deleted(row.op),
                reactions=conversation.relations.reactions_to(row.op),
            )
            for row in rows
        ]


def _place(head: Head) -> tuple[DeviceId, Chain, int, OpId]:
    return head.device, head.chain, head.seq, head.id
