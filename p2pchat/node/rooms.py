"""Rooms on gossip: which topic is which conversation, sealed on the way out, opened on the way in.

The router asks `judge` about every message: what does not open under a key we hold is none of our
business; what opens is forwarded at once, up to a pace, and judged apart; what opens but is no
blob of ops could not have been made by a correct member and is held against who forwarded it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from p2pchat.crypto.port import RoomCipher
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.errors import RemoteProtocolError
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
from p2pchat.model.ids import ConversationId
from p2pchat.net.gossip import GossipCarrier
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.rendezvous import Rendezvous
from p2pchat.node.room_pace import RoomPace
from p2pchat.protocol.machine import (
    EnterTopic,
    Heard,
    Input,
    LeaveTopic,
    Publish,
    Published,
    RoomPeerJoined,
    RoomPeerLeft,
)
from p2pchat.protocol.sealing import RoomSecret
from p2pchat.wire.frames import Ops, decode_ops, encode_ops

__all__ = ["RoomGossip"]

logger = logging.getLogger(__name__)

Put = Callable[[Input], Awaitable[None]]
_Outgoing = Subscribe | Unsubscribe | tuple[Publish, bytes]

NOBODY = 0
"""A command id that no caller waits for."""

PUBLISH_QUEUE_MAX = 4096
"""Sealed blobs waiting for the router; past that they are dropped, and sync brings their ops."""


class RoomGossip:
    """The rooms we are in, as gossip sees them; owns the router's driver and carrier."""

    def __init__(
        self, host: Host, config: GossipConfig, ambient: Ambient, rendezvous: Rendezvous, put: Put
    ) -> None:
        self._cipher: RoomCipher = SharedKeyCipher(ambient.token_bytes)
        self._put = put
        self.rendezvous = rendezvous
        self._pace = RoomPace(lambda: ambient.now().monotonic_s)
        router = GossipRouter(host.peer_id, config, ambient.rng("gossip"), self._judge)
        self._carrier = GossipCarrier(host, self._put_gossip, self._told)
        self._gossip = Driver[GossipInput, GossipEffect](
            router, self._carrier, ambient, DriverConfig()
        )
        self._secrets: dict[ConversationId, RoomSecret] = {}
        self._conversations: dict[str, ConversationId] = {}
        self._send, self._queue = trio.open_memory_channel[_Outgoing](PUBLISH_QUEUE_MAX)

    # Out

    def enter(self, effect: EnterTopic) -> None:
        """Hear a room's topic from now on."""
        self._secrets[effect.conversation] = effect.secret
        self._conversations[effect.secret.topic] = effect.conversation
        self._queue_up(Subscribe(effect.secret.topic))
        self.rendezvous.enter(effect.conversation, effect.secret)

    def leave(self, effect: LeaveTopic) -> None:
        """Hear it no longer."""
        self.rendezvous.leave(effect.conversation)
        secret = self._secrets.pop(effect.conversation, None)
        if secret is not None:
            del self._conversations[secret.topic]
            self._queue_up(Unsubscribe(secret.topic))

    def seal(self, effect: Publish) -> bytes | None:
        """The blob to publish; None when the room was left meanwhile."""
        secret = self._secrets.get(effect.conversation)
        return self._cipher.seal(secret, encode_ops(effect.ops)) if secret else None

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
            if not isinstance(item, tuple):
                await self._gossip.put(item)
            elif item is last[item[0].conversation]:
                await self._publish_and_report(*item)
            elif (secret := self._secrets.get(item[0].conversation)) is not None:
                await self._gossip.put(PublishData(NOBODY, secret.topic, item[1]))

    def _queue_up(self, item: _Outgoing) -> None:
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            logger.warning("more is published than gossip takes; sync will bring it")

    async def _publish_and_report(self, effect: Publish, blob: bytes) -> None:
        """The newest of several is reported for all: how many peers it went to."""
        secret = self._secrets.get(effect.conversation)
        if secret is None:
            return
        peers = await self._gossip.call(lambda id: PublishData(id, secret.topic, blob))
        assert isinstance(peers, int), "the router answers a count"
        await self._put(Published(effect.conversation, effect.talk_sent, peers))

    # In

    def _judge(self, topic: str, data: bytes) -> Judgement:
        """What becomes of a message; its ops travel along when it opens."""
        conversation = self._conversations.get(topic)
        if conversation is None:
            return Judgement(Verdict.IGNORE)
        plaintext = self._cipher.open(self._secrets[conversation], data)
        if plaintext is None:
            return Judgement(Verdict.IGNORE)
        try:
            ops = decode_ops(plaintext)
        except RemoteProtocolError:
            return Judgement(Verdict.REJECT)
        if not self._pace.admits(conversation, ops):
            return Judgement(Verdict.IGNORE)
        return Judgement(Verdict.ACCEPT, ops)

    async def _put_gossip(self, input: GossipInput) -> None:
        await self._gossip.put(input)

    async def _told(self, event: GossipEvent) -> None:
        """What gossip heard, as inputs of the chat."""
        conversation = self._conversations.get(event.topic)
        peer = event.peer.device
        if conversation is None or peer is None:
            return
        match event:
            case Deliver(opened=Ops() as ops):
                await self._put(Heard(conversation, peer, ops))
            case PeerJoined():
                self.rendezvous.joined(conversation, event.peer)
                await self._put(RoomPeerJoined(conversation, peer))
            case PeerLeft():
                self.rendezvous.left(conversation, event.peer)
                await self._put(RoomPeerLeft(conversation, peer))
            case _:
                raise AssertionError("everything that was accepted was opened")
