"""Carries what the chat decided, in the order that keeps it honest.

Sealed first; then one durable transaction; only then does anything leave; and only after the
replies is anybody told. A commit that fails ends the node, since memory is ahead of the disk then,
and nothing of that batch has left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.model.ids import ConversationId
from p2pchat.node.enforcing import Enforcer
from p2pchat.node.fanout import Lanes
from p2pchat.node.handlers import LaneHandlers
from p2pchat.node.hub import Hub
from p2pchat.node.mail import PostOffice
from p2pchat.node.rooms import RoomGossip
from p2pchat.protocol.machine import (
    BeginSession,
    Dial,
    DrawEpoch,
    Drop,
    Effect,
    Emit,
    EnforceBlocks,
    EnterTopic,
    HoldEpochs,
    Lane,
    LearnSession,
    LeaveTopic,
    Load,
    Loaded,
    Persist,
    Publish,
    Send,
    ShareSession,
)
from p2pchat.protocol.relation_vocabulary import Look, Looked
from p2pchat.protocol.room_vocabulary import ShareAgain
from p2pchat.store.port import AsyncStore
from p2pchat.wire.frames import encode_frame

__all__ = ["ChatCarrier", "Surroundings"]

READS_MAX = 64
"""Reads from disk at the same time; the machine bounds how many wait for their turn."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the chat's effects are carried to."""

    store: AsyncStore
    hub: Hub
    rooms: RoomGossip
    lanes: Lanes
    handlers: LaneHandlers
    want: Callable[[Dial], Awaitable[None]]
    enforcer: Enforcer
    loaded: Callable[[Loaded | Looked], Awaitable[None]]
    office: PostOffice | None
    """None where nothing is mailed."""
    drawn: Callable[[ConversationId], Awaitable[None]]
    """Draws the secret of an epoch that is missing."""


class ChatCarrier:
    """Between the chat machine and disk, peers, rooms, subscribers."""

    def __init__(self, to: Surroundings) -> None:
        self._to = to
        self._nursery: trio.Nursery | None = None
        self._reads = trio.CapacityLimiter(READS_MAX)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the reads from disk until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def carry(self, effects: Sequence[Effect]) -> None:
        sealed = {id(effect): self._seal(effect) for effect in effects}
        changes = [e.change for e in effects if isinstance(e, Persist)]
        changes += self._to.office.changes(effects) if self._to.office is not None else []
        if changes:
            await self._to.store.commit(changes)
            # A commit runs to its end; when the node ended meanwhile, so did who would send.
            await trio.lowlevel.checkpoint_if_cancelled()
        for effect in effects:
            match effect:
                case EnforceBlocks(blocks):
                    self._to.enforcer.block(blocks)
                case Send(peer, lane, frame):
                    self._to.lanes.send(peer, lane, encode_frame(frame))
                case Publish():
                    blob = sealed[id(effect)]
                    if blob is not None:
                        self._to.rooms.publish(effect, blob)
                case ShareSession(_, devices) | ShareAgain(_, devices):
                    frame = sealed[id(effect)] or b""
                    for device in devices if frame else ():
                        self._to.lanes.send(device, Lane.LIVE, frame)
                case DrawEpoch(conversation):
                    self._spawn(self._to.drawn, conversation)
                case Load():
                    self._spawn(self._load, effect)
                case Look():
                    self._spawn(self._look, effect)
                case Dial():
                    self._spawn(self._to.want, effect)
                case LeaveTopic():
                    self._to.rooms.leave(effect)
                case Drop(peer):
                    self._spawn(self._to.handlers.drop, peer)
                case _ if self._to.office is not None:
                    self._to.office.carry(effect)
                case _:
                    pass  # committed above, told below, or the driver's

    def _seal(self, effect: Effect) -> bytes | None:
        """Take what an effect says about keys, in its place among the others: a key is shared as it
        is before the next blob."""
        seals = self._to.rooms.seals
        match effect:
            case EnterTopic():
                self._to.rooms.enter(effect)
            case HoldEpochs() | BeginSession() | LearnSession():
                self._to.rooms.apply(effect)
            case ShareSession():
                return seals.share(effect)
            case ShareAgain():
                return seals.share_again(effect)
            case Publish():
                return seals.seal(effect)
            case _:
                pass  # it needs no key
        return None

    def conclude(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Emit):
                self._to.hub.emit(effect.event)

    async def _load(self, load: Load) -> None:
        async with self._reads:  # until the rows are taken: they are what is large
            rows = await self._to.store.ops(load.query)
            await self._to.loaded(Loaded(load.tag, tuple(rows)))

    async def _look(self, look: Look) -> None:
        async with self._reads:
            message = await self._to.store.message(look.said.target)
            await self._to.loaded(Looked(look.said, message))

    def _spawn(self, job: Callable[..., Awaitable[None]], *args: object) -> None:
        assert self._nursery is not None, "run() comes first"
        self._nursery.start_soon(job, *args)
