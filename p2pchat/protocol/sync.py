"""Catching up: two peers compare what they hold and fill each other's gaps.

One digest tells whether anything differs; if so the other's frontier (where each chain ends) tells
exactly what, and the asker pulls it page by page. Frontiers only grow, so a page that got lost is
simply asked for again. Each side pulls for itself: both do so when they meet, and in a room also
when one of them finds a difference. What is asked is answered by `protocol.serving`.

A head that is lower than ours is taken for an ancestor of ours. Where it is not, the chain is
forked, and either side notices: more than one head is told, or the other asks from a head that is
not here. Then the whole chain is pulled once.

The id of a room that nobody rules is told to nobody who does not know it: who hears the topic may
be anybody, and who names the id is answered. So a digest, which comes first, names such a room in a
way that only its members understand, and only from this device to that one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from p2pchat.model.conversation import room_meeting
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Chain, Op, Position
from p2pchat.protocol.completeness import Gaps
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.log import BRANCHES_MAX, ChainKey, Floor, Log
from p2pchat.protocol.machine import Effect, Lane, Send
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.room_parts import Owed, above, lacks_below, owed_below
from p2pchat.protocol.serving import PULL_CHAINS_MAX, Serving
from p2pchat.protocol.shared_heads import digest_for
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.frames import SyncDigest, SyncFrontier, SyncPage, SyncPull, Wanted

__all__ = ["INTERVAL_S", "NOBODYS", "Sync"]

TIMER = "sync"
INTERVAL_S = 30.0
OWED_AGAIN_S = 300.0
"""Between two times that a peer is asked for what it did not have."""
NOBODYS = bytes(32)
"""The digest of nobody: who lacks something that is for it, and cannot tell whether the other side
has it, asks to be told what that holds."""
EMPTY_PAGES_MAX = 32
"""Pages one after the other in which nothing comes, and that say that there is more; then the
exchange is over."""
SESSION_S_MAX = 10.0
"""An exchange without an answer for so long is given up; the next one begins anew."""


@dataclass(slots=True)
class Session:
    """We compare ourselves with a peer."""

    until_s: float
    is_greeting: bool
    """The peer has just come, and its outbox sends us what it owes us anyway."""
    is_owed: bool = False
    """It is asked for what is for us below our floors, whatever else differs."""
    is_told: bool = False
    """The frontier came: there is one to each digest of ours."""
    heads: dict[ChainKey, list[Position]] = field(default_factory=dict[ChainKey, list[Position]])
    reached: dict[ChainKey, int] = field(default_factory=dict[ChainKey, int])
    """How far the peer has come with each chain that it sends."""
    below: set[ChainKey] = field(default_factory=set[ChainKey])
    """Chains that were pulled below our floor: how far that came says nothing of what is above."""
    forked: set[ChainKey] = field(default_factory=set[ChainKey])
    """Chains of which the peer holds a branch that we do not, though ours may be longer."""
    last: tuple[Wanted, ...] = ()
    """What the last pull asked for: asking for the same again is no progress."""
    empty: int = 0
    """Pulls since something came: a page may end before anything was found for us."""


class Sync:
    """All exchanges with all peers."""

    def __init__(self, state: State, receipts: Receipts, intake: Intake) -> None:
        self._state = state
        self._receipts = receipts
        self._intake = intake
        self._sessions: dict[tuple[DeviceId, ConversationId], Session] = {}
        self.gaps = Gaps(state)
        self.serving = Serving(state, self.branch_seen)
        self._asked: dict[tuple[DeviceId, ConversationId], tuple[Owed, float]] = {}
        """For what below our floors a connected peer was asked last, and when."""
        self.last_ms = 0
        """Wall clock when an exchange last came to its end."""
        self.room_peers: dict[ConversationId, dict[DeviceId, None]] = {}

    # When

    def start(self) -> list[Effect]:
        return [SetTimer(TIMER, INTERVAL_S * self._state.rng.uniform(0.5, 1.5))]

    def fired(self, now: Now) -> list[Effect]:
        """Now and then, with one random peer of each conversation."""
        for key in [k for k, s in self._sessions.items() if s.until_s <= now.monotonic_s]:
            self._end(key)
        self.serving.expire(now)
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
            for effect in self.begin(conversation, peer, now, is_greeting=True)
        ]

    def peer_down(self, peer: DeviceId) -> None:
        for peers in self.room_peers.values():
            peers.pop(peer, None)
        self._asked = {key: at for key, at in self._asked.items() if key[0] != peer}
        self.give_up(peer)

    def give_up(self, peer: DeviceId) -> None:
        """What was under way with a peer is lost; the next exchange begins anew."""
        self.serving.give_up(peer)
        for key in [key for key in self._sessions if key[0] == peer]:
            self._end(key)

    def forget(self, conversation: ConversationId) -> None:
        """A conversation is left."""
        self.serving.forget(conversation)
        self.room_peers.pop(conversation, None)
        self._asked = {key: at for key, at in self._asked.items() if key[1] != conversation}
        for key in [key for key in self._sessions if key[1] == conversation]:
            self._end(key)

    def begin(
        self,
        conversation: Conversation,
        peer: DeviceId,
        now: Now,
        *,
        is_greeting: bool = False,
        in_answer: bool = False,
    ) -> list[Effect]:
        """Compare one conversation with one peer, unless we are at it."""
        key = (peer, conversation.id)
        running = self._sessions.get(key)
        if running is not None and running.until_s > now.monotonic_s:
            return []
        if peer not in self._state.connected or not self._state.may_hear(conversation, peer):
            return []
        is_owed = self._is_owed(conversation, peer, now)
        self._sessions[key] = Session(now.monotonic_s + SESSION_S_MAX, is_greeting, is_owed)
        if any(conversation.log.count(peer, chain) for chain in Chain):
            self._receipts.owe(conversation, peer)
        told = conversation.id
        if conversation.key is not None:
            told = room_meeting(conversation.key, self._state.me.device, peer)
        digest = digest_for(self._state, conversation, peer)
        if is_owed:
            digest = NOBODYS
        digest = SyncDigest(told, digest, in_answer)
        return [Send(peer, Lane.SYNC, digest)]

    def _is_owed(self, conversation: Conversation, peer: DeviceId, now: Now) -> bool:
        """Whether a peer is asked for what is for us below our floors, though it may be the same as
        we otherwise: now and then, for what it sends then is mostly here."""
        owed = owed_below(self._state, conversation)
        if not owed:
            return False
        key = (peer, conversation.id)
        before, asked_s = self._asked.get(key, ({}, -math.inf))
        is_due = before != owed or asked_s + OWED_AGAIN_S <= now.monotonic_s
        if is_due:
            self._asked[key] = owed, now.monotonic_s
        return is_due

    # What comes back

    def digest(self, peer: DeviceId, frame: SyncDigest, now: Now) -> list[Effect]:
        """Answer a peer that compares. In a room, ask it in turn when we differ: what it said
        before it knew of us went past us, and only it notices when that changes."""
        frame = self._named(peer, frame)
        effects = self.serving.digest(peer, frame, now)
        conversation = self._state.conversations.get(frame.conversation)
        if conversation is None or conversation.other is not None or frame.in_answer:
            return effects
        if not self._state.may_hear(conversation, peer):
            return effects  # who was put out is told that, and has nothing for us
        if not effects or digest_for(self._state, conversation, peer) == frame.digest:
            return effects
        return effects + self.begin(conversation, peer, now, in_answer=True)

    def _named(self, peer: DeviceId, frame: SyncDigest) -> SyncDigest:
        """The same by the room's id, if it names one as those do who are in it."""
        for conversation in self._state.conversations.values():
            key = conversation.key
            if key and frame.conversation == room_meeting(key, peer, self._state.me.device):
                return replace(frame, conversation=conversation.id)
        return frame

    def frontier(self, peer: DeviceId, frame: SyncFrontier, now: Now) -> list[Effect]:
        """Pull what the peer holds and we do not. It is much work to compare, so a peer gets that
        done once for each digest that we sent.

        The chains go into no order that somebody could choose: a pull holds only so much, and what
        stands before a chain may be what can never be taken. The order stays for the exchange, for
        another one would look like progress.
        """
        session = self._sessions.get((peer, frame.conversation))
        conversation = self._state.audible(frame.conversation, peer)
        if session is None or conversation is None:
            return []
        if session.is_told or session.until_s <= now.monotonic_s:
            self._state.refuse("frontier that nobody asked for")
            return []
        session.is_told = True
        is_owed = session.is_greeting and conversation.other is not None
        heads = self._state.rng.sample(frame.heads, len(frame.heads))
        heads.sort(key=lambda head: head.chain)  # what others depend on comes first
        for head in heads:
            if not (is_owed and head.device == peer):
                session.heads.setdefault((head.device, head.chain), []).append(head)
        effects: list[Effect] = []
        if conversation.is_unruled:
            floors = {(p.device, p.chain): Floor(p.seq, p.head) for p in frame.floors}
            effects += self._intake.claim(conversation, floors, now)
        return effects + self._pull(peer, conversation, session)

    def received(self, peer: DeviceId, ops: Iterable[Op], taken: Iterable[Op]) -> None:
        """Note how far a peer has come with what it was asked for; of these ops some were taken."""
        if not self._sessions:
            return
        for id in {op.header.conversation for op in ops}:
            session = self._sessions.get((peer, id))
            if session is not None:
                session.empty = 0
        for op in taken:
            header, session = op.header, self._sessions.get((peer, op.header.conversation))
            key = (header.device, header.chain)
            if session is None or key not in session.heads:
                continue
            if key not in session.reached and self._begins_nowhere(op):
                del session.heads[key]  # else all of it would be pulled each time, and wait
            else:
                session.reached[key] = max(header.seq, session.reached.get(key, 0))

    def _begins_nowhere(self, op: Op) -> bool:
        """Whether the first op that came of a chain, where chains have parts, waits for one that
        the other side takes to be not for us: its author tells wrongly what it had known."""
        conversation = self._state.conversations.get(op.header.conversation)
        room = None if conversation is None else conversation.invited
        if conversation is None or room is None or room.shows_all:
            return False
        return op.header.chain is Chain.TALK and conversation.log.lacks_before(op)

    def page(self, peer: DeviceId, frame: SyncPage, now: Now) -> list[Effect]:
        """A page is over: pull the next, or be done."""
        key = (peer, frame.conversation)
        session = self._sessions.get(key)
        conversation = self._state.audible(frame.conversation, peer)
        if session is None or conversation is None:
            return []
        if not frame.more:
            self._end(key)
            self.last_ms = now.wall_ms
            return []
        session.until_s = now.monotonic_s + SESSION_S_MAX
        return self._pull(peer, conversation, session)

    def branch_seen(
        self, conversation: Conversation, peer: DeviceId, key: ChainKey, now: Now
    ) -> list[Effect]:
        """The peer holds a branch of a chain that we do not: pull the chain from its beginning."""
        effects = self.begin(conversation, peer, now)
        session = self._sessions.get((peer, conversation.id))
        if session is not None and len(session.forked) < PULL_CHAINS_MAX:
            session.forked.add(key)
        return effects

    # How

    def _pull(self, peer: DeviceId, conversation: Conversation, session: Session) -> list[Effect]:
        wanted = tuple(islice(self._wanted(conversation, session), PULL_CHAINS_MAX))
        room = conversation.invited
        has_parts = room is not None and not room.shows_all
        is_patient = has_parts and 0 < session.empty < EMPTY_PAGES_MAX
        if not wanted or (wanted == session.last and not is_patient):
            self._end((peer, conversation.id))
            return []
        if has_parts:
            self._state.conversations.resuming.add((peer, conversation.id))
        session.last, session.empty = wanted, session.empty + 1
        return [Send(peer, Lane.SYNC, SyncPull(conversation.id, wanted))]

    def _end(self, key: tuple[DeviceId, ConversationId]) -> None:
        """An exchange is over."""
        del self._sessions[key]
        self._state.conversations.resuming.discard(key)

    def _wanted(self, conversation: Conversation, session: Session) -> Iterable[Wanted]:
        """For each chain in which the peer holds a head that we do not, and which we have room for:
        from where on."""
        log, has_room_for = conversation.log, self._intake.pruning.has_room_for
        owed = owed_below(self._state, conversation)
        for key, told in session.heads.items():
            lacks = lacks_below(conversation, key, told)
            if lacks is not None and session.is_owed:
                lacks |= {floor.seq - 1 for floor in owed.get(key, ())}
            heads = told if lacks is None else above(log, key, told)
            is_whole = all(log.knows(key, head.head) for head in heads)
            if not lacks and is_whole:
                continue
            is_ruling = conversation.invited is not None and key[1] is Chain.CONTROL
            if not is_ruling and self._is_useless(conversation, key):
                continue
            if not has_room_for(conversation, key[0]) or not _is_read(conversation, key[1]):
                continue
            below = _below(log, key, session, lacks) if lacks else None
            if below is not None:
                yield below
                continue
            if is_whole:
                continue
            tip, branches = log.tip(*key), len(log.tips.get(key, ()))
            is_reached = key in session.reached and key not in session.below
            reached = session.reached[key] if is_reached else log.pulled_from(key)
            if tip is None:
                yield Wanted(*key, reached, None)
            elif branches > 1 or len(heads) > 1 or key in session.forked:
                if is_ruling or branches < BRANCHES_MAX:
                    _doubt(log, key, heads)
                    yield Wanted(*key, reached, None)
            elif is_reached and reached < tip.seq:
                yield Wanted(*key, reached, None)  # a branch, told from its beginning
            elif heads[0].seq >= tip.seq:
                yield Wanted(*key, tip.seq, tip.id)

    def _is_useless(self, conversation: Conversation, key: ChainKey) -> bool:
        """Whether what we lack of a chain would be refused: its device is blocked or revoked."""
        directory, room = self._state.directory, conversation.invited
        if self._state.is_blocked(None, key[0]):
            return True
        if room is not None:
            return False  # what was written before is told by the room
        tip = conversation.log.tip(*key)
        accounts = {self._state.me.account, conversation.other, tip.account if tip else None}
        return any(account and directory.is_revoked(account, key[0]) for account in accounts)

    def _peers(self, conversation: Conversation) -> Iterable[DeviceId]:
        """Connected devices to compare a conversation with."""
        room = conversation.invited
        if room is not None and not room.is_entered:
            return sorted(self._state.sources(room) & self._state.connected)
        if conversation.other is None:
            return self.room_peers.get(conversation.id, {})
        known = self._state.directory.sets.get(conversation.other)
        return sorted(known.devices & self._state.connected) if known else ()


def _is_read(conversation: Conversation, chain: Chain) -> bool:
    """Whether a chain concerns us: of a room that is not entered, who is in it alone."""
    room = conversation.invited
    return room is None or room.is_entered or chain is Chain.CONTROL


def _doubt(log: Log, key: ChainKey, heads: Iterable[Position]) -> None:
    """A chain is pulled for the sake of these heads: those that are on disk are not asked for
    again."""
    for head in heads:
        if not log.knows(key, head.head):
            log.parts.doubt(head.head)


def _below(log: Log, key: ChainKey, session: Session, lacks: Collection[int]) -> Wanted | None:
    """What is pulled below a chain's floor, where something is to be had that is for us, until the
    peer has come past it."""
    floor, start = log.begins_at(key), log.parts.highest_below(key, min(lacks))
    reached = session.reached.get(key, 0) if key in session.below else 0
    session.below.add(key)
    if reached >= floor:
        return None
    if start is not None and start.seq >= reached:
        return Wanted(*key, start.seq, start.id)
    return Wanted(*key, reached, None)
