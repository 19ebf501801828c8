"""Peers that follow no rule but their own: nobody honest must suffer from them.

They hold real keys and speak the real frames, on streams that they open themselves. A `Stranger`
asks for what it may not read and vouches for what it does not hold; a `DoubleTalker` writes two
histories in a room; a `Liar`, whom people took for a contact, claims that its log begins late and
floods them with what comes after.
"""

from __future__ import annotations

import trio

from p2pchat.client.identity import make_identity
from p2pchat.errors import NetworkError
from p2pchat.model.conversation import direct_id, open_room_id
from p2pchat.model.ids import HASH_BYTES, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Op, Position
from p2pchat.net.port import Stream
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.protocol.machine import Lane
from p2pchat.testing.cast import LOBBY
from p2pchat.testing.hosts import SimulatedHost
from p2pchat.testing.lives import Peer
from p2pchat.testing.network import seed_of
from p2pchat.testing.world import World
from p2pchat.wire.contents import (
    PAIR_HALF_BYTES,
    Content,
    Profile,
    Request,
    Text,
    encode_content,
)
from p2pchat.wire.devices import read_device_set
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import (
    Frame,
    Hello,
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPull,
    Wanted,
    encode_frame,
)
from p2pchat.wire.framing import join_frames
from p2pchat.wire.links import decode_link
from p2pchat.wire.ops import content_hash, make_op
from p2pchat.wire.receipts import Receipt, SignedReceipt, sign_receipt

__all__ = ["DoubleTalker", "Liar", "Stranger", "Villain"]

FLOOD_OPS = 64


class Villain:
    """An identity, and a tongue."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.rng = world.rng(name)
        self.world = world
        ambient = SimulatedAmbient(world.seed, name)
        self.identity = make_identity(name, ambient, seed_of(name))
        self.devices = read_device_set(self.identity.device_set)
        self._signer = Ed25519Signer(self.identity.device_seed)
        world.watch.ledger.enroll(name, self.identity, is_honest=False)

    async def live(self) -> None:
        """Do harm every second or so until cancelled."""
        async with self.world.network.host(self.name) as host:
            for lane in Lane:
                host.serve(lane.value, self._listen)
            while True:
                await trio.sleep(self.rng.uniform(0.5, 2.0))
                victims = self.world.up()
                if victims:
                    await self.harm(host, self.rng.choice(victims))

    async def harm(self, host: SimulatedHost, victim: Peer) -> None:
        """Do what this villain does to one peer."""
        raise NotImplementedError

    async def tell(self, host: SimulatedHost, victim: Peer, lane: Lane, *frames: Frame) -> None:
        """Open a stream, introduce ourselves, say this, and go."""
        if victim.host is None:
            return
        peer, addresses = victim.host.peer_id, victim.host.addresses
        data = join_frames(map(encode_frame, [Hello(self.devices), *frames]))
        try:
            await host.connect(peer, addresses)
            stream = await host.open_stream(peer, [lane.value])
            async with stream:
                await stream.send_all(data)
                await trio.sleep(self.rng.uniform(0.0, 1.0))
        except (NetworkError, trio.BrokenResourceError):
            return  # the victim is lucky this time

    def write(
        self, conversation: ConversationId, content: Content, seq: int, prev: OpId | None
    ) -> Op:
        """An op of ours at any place."""
        kind, raw = encode_content(content)
        header = Header(
            conversation=conversation,
            chain=kind.chain,
            account=self.identity.account,
            device=self.identity.device,
            seq=seq,
            prev=prev,
            hlc=seq + 1,
            kind=kind,
            content_hash=content_hash(raw),
            devices=self.devices.hash,
        )
        return make_op(header, raw, self._signer)

    async def _listen(self, stream: Stream) -> None:
        """Hear without understanding."""
        while await stream.receive_some(65_536):
            pass


class Stranger(Villain):
    """Knows the ids of all conversations, and belongs to none."""

    async def harm(self, host: SimulatedHost, victim: Peer) -> None:
        for id, other in self._conversations(victim)[:4]:
            devices = (victim.identity.device, other)
            wanted = [Wanted(device, chain, 0, None) for device in devices for chain in Chain]
            digest = SyncDigest(id, self.rng.randbytes(HASH_BYTES))
            await self.tell(host, victim, Lane.SYNC, digest, SyncPull(id, tuple(wanted)))
            forged = self.write(id, Text("forged"), 0, None)
            await self.tell(host, victim, Lane.LIVE, Ops((forged,), (self.devices,)))
            await self.tell(host, victim, Lane.LIVE, self._vouch(id, victim))

    def _conversations(self, victim: Peer) -> list[tuple[ConversationId, DeviceId]]:
        """The victim's direct conversations in which there is something, with whom."""
        ledger = self.world.watch.ledger
        disk = ledger.disk(victim.identity.device)
        found = [
            (id, other)
            for id in sorted(disk.chains)
            for other in sorted(ledger.parties(id) or ())
            if other != victim.identity.device
        ]
        self.rng.shuffle(found)
        return found

    def _vouch(self, id: ConversationId, victim: Peer) -> SignedReceipt:
        """A receipt for all that the victim wrote, though nobody has it."""
        ledger, device = self.world.watch.ledger, victim.identity.device
        entries = tuple(
            Position(device, chain, len(written) - 1, written[-1])
            for chain in Chain
            if (written := ledger.written(id, (device, chain)))
        )
        own = self.identity
        receipt = Receipt(id, own.account, own.device, entries, sent_ms=0)
        return sign_receipt(receipt, self._signer)


class DoubleTalker(Villain):
    """Writes two histories in the lobby, and tells each to somebody else."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        room = open_room_id(LOBBY)
        first = self.write(room, Profile(name), 0, None)
        self._room = room
        self._stories = [
            (first, self.write(room, Text(f"{name} tells {story}"), 1, first.id))
            for story in ("one story", "another story")
        ]

    async def harm(self, host: SimulatedHost, victim: Peer) -> None:
        ledger = self.world.watch.ledger
        untold = [s for s in self._stories if s[-1].id not in ledger.headers]
        if untold and self._room in ledger.disk(victim.identity.device).rooms:
            story = self.rng.choice(untold)
            await self.tell(host, victim, Lane.LIVE, Ops(story, (self.devices,)))


class Liar(Villain):
    """A contact whose log begins, it says, where it does not."""

    async def harm(self, host: SimulatedHost, victim: Peer) -> None:
        client = victim.client
        if client is None:
            return
        account = victim.identity.account
        id = direct_id(self.identity.account, account)
        intro = decode_link(client.contact_link).intro
        half = bytes(PAIR_HALF_BYTES)
        request = self.write(id, Request(self.name, "", intro, half), 0, None)
        await self.tell(host, victim, Lane.LIVE, Ops((request,), (self.devices,)))
        late = self._late(id)
        floor = Position(self.identity.device, Chain.TALK, late[0].header.seq, OpId(bytes(32)))
        frontier = SyncFrontier(id, (late[-1].position,), (floor,))
        await self.tell(host, victim, Lane.SYNC, frontier)
        await self.tell(host, victim, Lane.LIVE, Ops(tuple(late)))

    def _late(self, id: ConversationId) -> list[Op]:
        """Ops from 3 on, after one that there is not."""
        ops: list[Op] = []
        prev = OpId(bytes(HASH_BYTES))
        for seq in range(3, 3 + FLOOD_OPS):
            ops.append(self.write(id, Text(f"{self.name} says {seq}"), seq, prev))
            prev = ops[-1].id
        return ops
