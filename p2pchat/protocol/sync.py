"""Catching up: two peers compare what they hold and fill each other's gaps.

One digest tells whether anything differs; if so the other's frontier (where each chain ends) tells
exactly what, and the asker pulls it page by page. Frontiers only grow, so a page that got lost is
simply asked for again. Each side pulls for itself; both do so when they meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from p2pchat.model.change import SetFloor
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Chain, Op, Position
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.log import ChainKey, Floor
from p2pchat.protocol.machine import Effect, ForPull, Lane, Load, Loaded, Persist, Send
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.frames import (
    FRONTIER_ENTRIES_MAX,
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Wanted,
    split_ops,
)
from p2pchat.wire.ops import restore_op

TIMER = "sync"
INTERVAL_S = 30.0
SESSION_S_MAX = 10.0
"""An exchange without an answer for so long is given up; the next one begins anew."""
PULL_CHAINS_MAX = 512
LOADS_AT_ONCE = 16
ROWS_PER_LOAD = 256
SERVED_AT_ONCE_MAX = 64
"""Pulls answered at the same time, one a peer and conversation."""

SessionKey = tuple[DeviceId, ConversationId]


@dataclass(slots=True)
class Asking:
    """We compare ourselves with a peer."""

    until_s: float
    heads: tuple[Position, ...] = ()
    last: frozenset[Wanted] = frozenset()
    """What the last pull asked for: asking for the same again is no progress."""


@dataclass(slots=True)
class Serving:
    """We answer a peer's pull."""

    until_s: float
    wanted: deque[Wanted]
    bytes_left: int
    loading: int = 0
    more: bool = False
    told: set[DeviceSet] = field(default_factory=set[DeviceSet])


class Sync:
    """All exchanges with all peers."""

    def __init__(self, state: State, receipts: Receipts) -> None:
        self._state = state
        self._receipts = receipts
        self._asking: dict[SessionKey, Asking] = {}
        self._serving: dict[SessionKey, Serving] = {}
        self.last_ms = 0
        """Wall clock when an exchange last came to its end."""
        self.room_peers: dict[ConversationId, dict[DeviceId, None]] = {}

    # When

    def start(self) -> list[Effect]:
        return [SetTimer(TIMER, INTERVAL_S * self._state.rng.uniform(0.5, 1.5))]

    def fired(self, now: Now) -> list[Effect]:
        """Now and then, with one random peer of each conversation."""
        self._expire(now)
        effects = self.start()
        for conversation in self._state.conversations.values():
            peers = list(self._peers(conversation))
            if peers:
                effects += self.begin(conversation, self._state.rng.choice(peers), now)
        return effects

    def peer_up(self, peer: DeviceId, now: Now) -> list[Effect]:
        """Compare the direct conversation with this device's account, and the rooms it is in."""
        certifies = self._state.directory.certifies
        return [
            effect
            for conversation in self._state.conversations.values()
            if certifies(conversation.other, peer)
            or peer in self.room_peers.get(conversation.id, ())
            for effect in self.begin(conversation, peer, now)
        ]

    def peer_down(self, peer: DeviceId) -> None:
        for peers in self.room_peers.values():
            peers.pop(peer, None)
        self.give_up(peer)

    def give_up(self, peer: DeviceId) -> None:
        """What was under way with a peer is lost; the next exchange begins anew."""
        for sessions in (self._asking, self._serving):
            for key in [key for key in sessions if key[0] == peer]:
                del sessions[key]

    def begin(self, conversation: Conversation, peer: DeviceId, now: Now) -> list[Effect]:
        """Compare one conversation with one peer, unless we are at it."""
        key = (peer, conversation.id)
        running = self._asking.get(key)
        if running is not None and running.until_s > now.monotonic_s:
            return []
        if peer not in self._state.connected or not self._state.may_read(conversation, peer):
            return []
        self._asking[key] = Asking(now.monotonic_s + SESSION_S_MAX)
        if any(conversation.log.count(peer, chain) for chain in Chain):
            self._receipts.owe(conversation, peer)
        digest = SyncDigest(conversation.id, conversation.log.digest())
        return [Send(peer, Lane.SYNC, digest)]

    # What they ask

    def digest(self, peer: DeviceId, frame: SyncDigest) -> list[Effect]:
        """Equal, or here is what we hold."""
        conversation = self._readable(peer, frame.conversation)
        if conversation is None:
            return []
        if conversation.log.digest() == frame.digest:
            return [Send(peer, Lane.SYNC, SyncPage(conversation.id, more=False))]
        floors = tuple(
            Position(device, chain, floor.seq, floor.prev)
            for (device, chain), floor in conversation.log.floors.items()
        )
        heads = tuple(conversation.log.positions()[:FRONTIER_ENTRIES_MAX])
        frontier = SyncFrontier(conversation.id, heads, floors[:FRONTIER_ENTRIES_MAX])
        return [Send(peer, Lane.SYNC, frontier)]

    def pull(self, peer: DeviceId, frame: SyncPull, now: Now) -> list[Effect]:
        """Begin to send what follows the asker's heads."""
        conversation = self._readable(peer, frame.conversation)
        key = (peer, frame.conversation)
        self._expire(now)
        if conversation is None or (
            key not in self._serving and len(self._serving) >= SERVED_AT_ONCE_MAX
        ):
            return []
        wanted = deque(frame.wanted[:PULL_CHAINS_MAX])
        more = len(frame.wanted) > len(wanted)
        budget = self._state.limits.page_bytes_max
        serving = Serving(now.monotonic_s + SESSION_S_MAX, wanted, budget, more=more)
        self._serving[key] = serving
        return self._serve(peer, conversation, serving)

    def loaded(self, tag: ForPull, loaded: Loaded) -> list[Effect]:
        """Rows for a peer's pull: send those after its own head."""
        serving = self._serving.get((tag.peer, tag.conversation))
        conversation = self._readable(tag.peer, tag.conversation)
        if serving is None or conversation is None:
            return []
        serving.loading -= 1
        ops = [restore_op(row) for row in loaded.rows if row.content is not None]
        if len(ops) == ROWS_PER_LOAD:
            serving.more = True
        wanted = tag.wanted
        if wanted.head is not None and ops and wanted.head not in {op.id for op in ops}:
            # The asker's head is on another branch than ours: let it have the chain from its start.
            again = Wanted(wanted.device, wanted.chain, 0, None)
            serving.wanted.append(again)
            ops = []
        effects: list[Effect] = []
        for part in split_ops([op for op in ops if op.id != wanted.head], 64 * 1024):
            serving.bytes_left -= sum(len(op.content or b"") + 400 for op in part)
            ops_frame = Ops(tuple(part), self._untold(serving, part))
            effects.append(Send(tag.peer, Lane.SYNC, ops_frame))
        return effects + self._serve(tag.peer, conversation, serving)

    # What they answer

    def frontier(self, peer: DeviceId, frame: SyncFrontier) -> list[Effect]:
        """Pull what the peer holds and we do not."""
        asking = self._asking.get((peer, frame.conversation))
        conversation = self._readable(peer, frame.conversation)
        if asking is None or conversation is None:
            return []
        asking.heads = frame.heads
        effects = self._adopt(conversation, frame.floors)
        return effects + self._pull(peer, conversation, asking)

    def page(self, peer: DeviceId, frame: SyncPage, now: Now) -> list[Effect]:
        """A page is over: pull the next, or be done."""
        key = (peer, frame.conversation)
        asking = self._asking.get(key)
        conversation = self._readable(peer, frame.conversation)
        if asking is None or conversation is None or not frame.more:
            self._asking.pop(key, None)
            self.last_ms = now.wall_ms
            return []
        asking.until_s = now.monotonic_s + SESSION_S_MAX
        return self._pull(peer, conversation, asking)

    # How

    def _pull(self, peer: DeviceId, conversation: Conversation, asking: Asking) -> list[Effect]:
        wanted = self._wanted(conversation, asking.heads)[:PULL_CHAINS_MAX]
        if not wanted or frozenset(wanted) == asking.last:
            self._asking.pop((peer, conversation.id), None)
            return []
        asking.last = frozenset(wanted)
        return [Send(peer, Lane.SYNC, SyncPull(conversation.id, tuple(wanted)))]

    def _wanted(self, conversation: Conversation, heads: Iterable[Position]) -> list[Wanted]:
        """For each chain in which the peer holds a head that we do not: what follows ours."""
        log = conversation.log
        wanted: dict[ChainKey, Wanted] = {}
        for position in heads:
            key = (position.device, position.chain)
            own = log.tips.get(key, [])
            if any(tip.id == position.head for tip in own):
                continue
            tip = log.tip(*key)
            if tip is None:
                floor = log.floors.get(key)
                wanted[key] = Wanted(*key, floor.seq if floor else 0, None)
            elif position.seq >= tip.seq or len(own) > 1:
                wanted[key] = Wanted(*key, tip.seq, tip.id)
        return list(wanted.values())

    def _adopt(self, conversation: Conversation, floors: Iterable[Position]) -> list[Effect]:
        """Where a peer of an open room has nothing older, do not wait for it either."""
        effects: list[Effect] = []
        if conversation.other is not None:
            return effects
        for p in floors:
            key = (p.device, p.chain)
            if p.chain is Chain.TALK and key not in conversation.log.tips and p.seq:
                conversation.log.set_floor(key, Floor(p.seq, p.head))
                effects.append(Persist(SetFloor(conversation.id, *key, p.seq, p.head)))
        return effects

    def _serve(self, peer: DeviceId, conversation: Conversation, serving: Serving) -> list[Effect]:
        effects: list[Effect] = []
        budget = max(serving.bytes_left, 0)
        while serving.wanted and serving.loading < LOADS_AT_ONCE and budget:
            wanted = serving.wanted.popleft()
            serving.loading += 1
            query = OpsQuery(
                conversation.id, wanted.device, wanted.chain, wanted.from_seq, ROWS_PER_LOAD, budget
            )
            effects.append(Load(ForPull(peer, conversation.id, wanted), query))
        if serving.loading == 0:
            more = serving.more or bool(serving.wanted)
            self._serving.pop((peer, conversation.id), None)
            effects.append(Send(peer, Lane.SYNC, SyncPage(conversation.id, more)))
        return effects

    def _untold(self, serving: Serving, ops: Iterable[Op]) -> tuple[DeviceSet, ...]:
        """The device sets that verify these ops, each once a session."""
        sets = self._state.directory.sets
        needed = {op.header.account: None for op in ops}
        found = [sets[account] for account in needed if account in sets]
        fresh = tuple(one for one in found if one not in serving.told)
        serving.told.update(fresh)
        return fresh

    def _peers(self, conversation: Conversation) -> Iterable[DeviceId]:
        """Connected devices to compare a conversation with."""
        if conversation.other is None:
            return self.room_peers.get(conversation.id, {})
        known = self._state.directory.sets.get(conversation.other)
        return sorted(known.devices & self._state.connected) if known else ()

    def _readable(self, peer: DeviceId, id: ConversationId) -> Conversation | None:
        """The conversation, if this peer may read it; otherwise it does not exist."""
        conversation = self._state.conversations.get(id)
        if conversation is None or not self._state.may_read(conversation, peer):
            self._state.refuse("no such conversation for this peer")
            return None
        return conversation

    def _expire(self, now: Now) -> None:
        for sessions in (self._asking, self._serving):
            for key in [k for k, s in sessions.items() if s.until_s <= now.monotonic_s]:
                del sessions[key]
