"""Rooms on gossip: which topic is which conversation, sealed on the way out, opened on the way in.

The router asks `judge` about every message: what does not open under a key we hold is none of our
business; what opens is forwarded at once, up to a pace, and judged apart; what opens but is no
blob of ops could not have been made by a correct member and is held against who forwarded it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import GossipRouter
from p2pchat.gossip.vocabulary import (
    Deliver,
    GossipEffect,
    GossipEvent,
    GossipInput,
    Judgement,
    PeerJoined,
    PeerLeft,
    Subscribe,
    Unsubscribe,
    Verdict,
)
from p2pchat.gossip.vocabulary import Publish as PublishData
from p2pchat.model.ids import PeerId
from p2pchat.net.gossip import GossipCarrier
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.rendezvous import Rendezvous
from p2pchat.node.room_pace import RoomPace
from p2pchat.node.room_seals import RoomSeals, SealEffect
from p2pchat.protocol.machine import (
    EnterTopic,
    Heard,
    Input,
    LeaveTopic,
    Publish,
    Published,
    RoomPeerJoined,
    RoomPeerLeft,
    Unreadable,
)
from p2pchat.wire.frames import Ops

__all__ = ["RoomGossip", "RoomParts"]

logger = logging.getLogger(__name__)

Put = Callable[[Input], Awaitable[None]]
_Outgoing = Subscribe | Unsubscribe | Unreadable | Heard | tuple[Publish, bytes]

NOBODY = 0
"""A command id that no caller waits for."""

PUBLISH_QUEUE_MAX = 4096
"""Sealed blobs waiting for the router; past that they are dropped, and sync brings their ops."""


@dataclass(frozen=True, slots=True)
class RoomParts:
    """What rooms on gossip are made of."""

    host: Host
    config: GossipConfig
    ambient: Ambient
    rendezvous: Rendezvous
    seals: RoomSeals


class RoomGossip:
    """The rooms we are in, as gossip sees them; owns the router's driver and carrier."""

    def __init__(self, parts: RoomParts, put: Put) -> None:
        host, ambient, rendezvous = parts.host, parts.ambient, parts.rendezvous
        config, self.seals = parts.config, parts.seals
        self._put = put
        self.rendezvous = rendezvous
        self._pace = RoomPace(ambient.now)
        router = GossipRouter(host.peer_id, config, ambient.rng("gossip"), self._judge)
        self._carrier = GossipCarrier(host, self._put_gossip, self.told)
        self._gossip = Driver[GossipInput, GossipEffect](
            router, self._carrier, ambient, DriverConfig()
        )
        self._unreadable = set[Input]()
        self._send, self._queue = trio.open_memory_channel[_Outgoing](PUBLISH_QUEUE_MAX)

    # Out

    def enter(self, effect: EnterTopic) -> None:
        """Hear a room's topic from now on."""
        self.seals.apply(effect)
        self._queue_up(Subscribe(effect.secret.topic))
        self.rendezvous.enter(effect.conversation, effect.secret)

    def leave(self, effect: LeaveTopic) -> None:
        """Hear it no longer."""
        self.rendezvous.leave(effect.conversation)
        secret = self.seals.leave(effect.conversation)
        if secret is not None:
            self._queue_up(Unsubscribe(secret.topic))

    def apply(self, effect: SealEffect) -> None:
        """Take what the machine decided about keys; what they open is heard now."""
        for heard in self.seals.apply(effect):
            self._queue_up(heard)

    def publish(self, effect: Publish, blob: bytes) -> None:
        """Publish a sealed blob, after those before it."""
        self._queue_up((effect, blob))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Gossip until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._carrier.run)
            await nursery.start(self._gossip.run)
            nursery.start_soon(self.rendezvous.run)
            task_status.started()
            async for first in self._queue:
                await self._hand_over([first, *self._waiting()])

    def _waiting(self) -> list[_Outgoing]:
        batch: list[_Outgoing] = []
        try:
            while len(batch) < PUBLISH_QUEUE_MAX:
                batch.append(self._queue.receive_nowait())
        except trio.WouldBlock:
            pass  # that was all
        return batch

    async def _hand_over(self, batch: list[_Outgoing]) -> None:
        """Give the router what was queued, in order; only the newest blob of a room is waited
        for, and reported for all."""
        last = {item[0].conversation: item for item in batch if isinstance(item, tuple)}
        for item in batch:
            if isinstance(item, Unreadable | Heard):
                await self._put(item)
                self._unreadable.discard(item)
            elif not isinstance(item, tuple):
                await self._gossip.put(item)
            elif item is last[item[0].conversation]:
                await self._publish_and_report(*item)
            elif (topic := self.seals.topic(item[0].conversation)) is not None:
                await self._gossip.put(PublishData(NOBODY, topic, item[1]))

    def _queue_up(self, item: _Outgoing) -> bool:
        """Whether there was room for it."""
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            logger.warning("more is published than gossip takes; sync will bring it")
            return False
        return True

    async def _publish_and_report(self, effect: Publish, blob: bytes) -> None:
        """The newest of several is reported for all: how many peers it went to."""
        topic = self.seals.topic(effect.conversation)
        if topic is None:
            return
        peers = await self._gossip.call(lambda id: PublishData(id, topic, blob))
        assert isinstance(peers, int), "the router answers a count"
        await self._put(Published(effect.conversation, effect.talk_sent, peers))

    # In

    def _judge(self, topic: str, data: bytes) -> Judgement:
        """What becomes of a message; its ops travel along when it opens."""
        conversation = self.seals.conversation(topic)
        if conversation is None:
            return Judgement(Verdict.IGNORE)
        blob = self.seals.open(conversation, data)
        if blob.is_puzzling:
            self._say_unreadable(Unreadable(conversation, blob.is_of_epoch))
        if blob.ops is not None and not self._pace.admits(conversation, blob.ops):
            return Judgement(Verdict.IGNORE)
        return Judgement(blob.verdict, blob.ops, _author(blob.ops))

    def _say_unreadable(self, unreadable: Unreadable) -> None:
        """Once a room and kind, until the chat has heard it: anybody may publish what nobody can
        read, and the queue is for others, too."""
        if unreadable not in self._unreadable and self._queue_up(unreadable):
            self._unreadable.add(unreadable)

    async def _put_gossip(self, input: GossipInput) -> None:
        await self._gossip.put(input)

    async def told(self, event: GossipEvent) -> None:
        """What gossip heard, as inputs of the chat."""
        conversation = self.seals.conversation(event.topic)
        peer = event.peer.device
        if conversation is None or peer is None:
            return
        match event:
            case Deliver(opened=Ops() as ops):
                if _author(ops) == event.peer:
                    self.rendezvous.spoke(conversation, event.peer)
                await self._put(Heard(conversation, peer, ops))
            case Deliver(opened=None):
                pass  # for members who have a key that we have not
            case PeerJoined():
                self.rendezvous.joined(conversation, event.peer)
                await self._put(RoomPeerJoined(conversation, peer))
            case PeerLeft():
                self.rendezvous.left(conversation, event.peer)
                await self._put(RoomPeerLeft(conversation, peer))
            case _:
                raise AssertionError("everything that was accepted was opened")


def _author(ops: Ops | None) -> PeerId | None:
    """Whose blob it is: members publish what they wrote themselves."""
    return ops.ops[0].header.device.peer_id if ops is not None and ops.ops else None
