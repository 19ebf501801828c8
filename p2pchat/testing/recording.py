"""The ports of a simulated peer, with somebody looking on.

A node gets its host and its store through these and cannot tell. They hand every frame written and
every commit to a `Witness`, and tell the `Fate` of the life where it stands. Commits and reads take
time, as a disk does: what leaves before its commit is done is then seen to leave before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Protocol

import trio

from p2pchat.model.blocking import BlockList
from p2pchat.model.change import Change, PutReadMark, PutReceipt
from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
from p2pchat.model.message import Message
from p2pchat.model.query import OpsRead, StoredOp
from p2pchat.model.search import Query
from p2pchat.net.port import (
    Connectedness,
    Handler,
    Observation,
    PeerChanged,
    ProtocolId,
    Stream,
)
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Page
from p2pchat.testing.fate import Fate, Moment
from p2pchat.testing.hosts import SimulatedHost
from p2pchat.wire.framing import FrameParser

__all__ = ["RecordingHost", "RecordingStore", "Witness"]

FRAME_BYTES_MAX = 1 << 21
"""More than any protocol here allows: refusing is for those who read."""


class Witness(Protocol):
    """Who is told what a life does to the world."""

    def committed(self, changes: Sequence[Change]) -> None:
        """These changes are on disk now."""
        ...

    def wrote(self, to: PeerId, protocol: ProtocolId, frame: bytes) -> None:
        """A frame is given to the network."""
        ...


class RecordingStream(Stream):
    """A stream that shows what is written on it."""

    def __init__(self, stream: Stream, fate: Fate, witness: Witness) -> None:
        self.peer = stream.peer
        self.protocol = stream.protocol
        self.is_open = True
        self._stream = stream
        self._fate = fate
        self._witness = witness
        self._parser = FrameParser(FRAME_BYTES_MAX)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._fate.passes(Moment.BEFORE_WRITE)
        await self._fate.go_on()
        for frame in self._parser.feed(data):
            self._witness.wrote(self.peer, self.protocol, frame)
        await self._stream.send_all(data)
        self._fate.passes(Moment.AFTER_WRITE)
        await self._fate.go_on()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._stream.receive_some(max_bytes))
        self._fate.passes(Moment.AFTER_READ)
        await self._fate.go_on()
        return data

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        self.is_open = False
        await self._stream.aclose()

    async def reset(self) -> None:
        self.is_open = False
        await self._stream.reset()


class RecordingHost:
    """`net.port.Host` over a simulated one."""

    def __init__(self, host: SimulatedHost, fate: Fate, witness: Witness) -> None:
        self.simulated = host
        self._fate = fate
        self._witness = witness
        self._opened: list[RecordingStream] = []

    @property
    def left_open(self) -> list[RecordingStream]:
        """The streams that were opened from here and not closed."""
        return [stream for stream in self._opened if stream.is_open]

    @property
    def peer_id(self) -> PeerId:
        return self.simulated.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.simulated.addresses

    def announce(self, addresses: Iterable[str]) -> None:
        self.simulated.announce(addresses)

    @property
    def observed(self) -> Sequence[Observation]:
        return self.simulated.observed

    @property
    def peers(self) -> Sequence[Connectedness]:
        return self.simulated.peers

    def is_connected(self, peer: PeerId) -> bool:
        return self.simulated.is_connected(peer)

    async def connect(
        self, peer: PeerId, addresses: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        await self.simulated.connect(peer, addresses, timeout_s=timeout_s)

    async def disconnect(self, peer: PeerId) -> None:
        await self.simulated.disconnect(peer)

    def protect(self, peers: Iterable[PeerId]) -> None:
        self.simulated.protect(peers)

    def block(self, blocks: BlockList) -> None:
        self.simulated.block(blocks)

    async def open_stream(
        self, peer: PeerId, protocols: Sequence[ProtocolId], *, timeout_s: float = 5.0
    ) -> Stream:
        stream = await self.simulated.open_stream(peer, protocols, timeout_s=timeout_s)
        recording = RecordingStream(stream, self._fate, self._witness)
        self._opened = [*self.left_open, recording]
        return recording

    def serve(self, protocol: ProtocolId, handler: Handler) -> None:
        async def recorded(stream: Stream) -> None:
            await handler(RecordingStream(stream, self._fate, self._witness))

        self.simulated.serve(protocol, recorded)

    def unserve(self, protocol: ProtocolId) -> None:
        self.simulated.unserve(protocol)

    def changes(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        return self.simulated.changes()

    async def reserve(self, relay: PeerId, *, timeout_s: float = 5.0) -> float:
        return await self.simulated.reserve(relay, timeout_s=timeout_s)

    async def punch(self, peer: PeerId, *, timeout_s: float = 15.0) -> None:
        await self.simulated.punch(peer, timeout_s=timeout_s)

    async def dial_back(
        self, server: PeerId, addresses: Sequence[str], *, timeout_s: float = 15.0
    ) -> str | None:
        return await self.simulated.dial_back(server, addresses, timeout_s=timeout_s)


class RecordingStore:
    """`store.port.AsyncStore` over memory, as slow as a disk."""

    def __init__(self, store: MemoryStore, fate: Fate, witness: Witness, rng: Random) -> None:
        self._store = store
        self._fate = fate
        self._witness = witness
        self._rng = rng
        self._writer = trio.Lock()

    async def commit(self, changes: Sequence[Change]) -> None:
        self._fate.passes(Moment.BEFORE_COMMIT)
        await self._fate.go_on()
        with trio.CancelScope(shield=True):
            async with self._writer:
                await self._wait()
                if not self._fate.is_over:
                    self._store.commit(changes)
                    self._witness.committed(changes)
        self._fate.passes(Moment.AFTER_COMMIT)
        await self._fate.go_on()

    async def ops(self, query: OpsRead) -> list[StoredOp]:
        await self._wait()
        return self._store.ops(query)

    async def op(self, id: OpId) -> StoredOp | None:
        await self._wait()
        return self._store.op(id)

    async def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        await self._wait()
        return self._store.history(conversation, page)

    async def message(self, id: OpId) -> Message | None:
        await self._wait()
        return self._store.message(id)

    async def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        await self._wait()
        return self._store.search(query, conversation, limit)

    async def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        await self._wait()
        return self._store.authors(conversation)

    async def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        await self._wait()
        return self._store.receipts(conversation)

    async def unread(self, conversation: ConversationId) -> int:
        await self._wait()
        return self._store.unread(conversation)

    async def first_unread(self, conversation: ConversationId) -> OpId | None:
        await self._wait()
        return self._store.first_unread(conversation)

    async def marks_to(self, id: OpId) -> list[PutReadMark]:
        await self._wait()
        return self._store.marks_to(id)

    async def _wait(self) -> None:
        """A disk answers in a millisecond or so, and now and then takes its time."""
        slow = self._rng.random() < 0.02
        await trio.sleep(self._rng.uniform(0.02, 0.2) if slow else self._rng.uniform(0.0002, 0.003))
