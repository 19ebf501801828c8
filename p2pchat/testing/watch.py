"""Looks on in a simulated world: takes what recorders report, and asks every checker.

The first complaint ends the run, because what comes after a broken invariant teaches little. The
trace gets a line for each commit and each frame, with the ids of the ops concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.errors import RemoteProtocolError
from p2pchat.events import Event
from p2pchat.model.change import AddOp, Change
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message
from p2pchat.model.op import Op
from p2pchat.net.gossip import PROTOCOLS as GOSSIP_PROTOCOLS
from p2pchat.net.port import ProtocolId
from p2pchat.protocol.machine import Lane
from p2pchat.testing.checkers import EVERY, Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life, Peer
from p2pchat.testing.trace import Trace
from p2pchat.wire.frames import Ops, decode_frame, decode_ops
from p2pchat.wire.gossip_codec import Message as Blob
from p2pchat.wire.gossip_codec import MessageId, decode_rpc

__all__ = ["Complaint", "LifeWitness", "Watch"]

LANES = frozenset(lane.value for lane in Lane)


@dataclass(frozen=True, slots=True)
class Complaint:
    """An invariant did not hold."""

    checker: str
    at_s: float
    """Virtual time of the step."""
    what: str

    def __str__(self) -> str:
        return f"{self.checker} at {self.at_s:.3f} s: {self.what}"


class Watch:
    """All checkers of one world, and what they complained about."""

    def __init__(
        self, trace: Trace, checkers: Sequence[Callable[[Ledger], Checker]] = EVERY
    ) -> None:
        self.trace = trace
        self.ledger = Ledger()
        self.complaints: list[Complaint] = []
        self.complained = trio.Event()
        self._checkers = [checker(self.ledger) for checker in checkers]
        self._listeners = [
            checker for checker in self._checkers if type(checker).uttered is not Checker.uttered
        ]
        self._blobs: dict[MessageId, Ops | None] = {}
        self._cipher = SharedKeyCipher(bytes)

    def complain(self, checker: str, complaints: Complaints) -> None:
        """Take note of what somebody found wrong."""
        for what in complaints:
            self.complaints.append(Complaint(checker, trio.current_time(), what))
            self.complained.set()

    def ask(self, question: Callable[[Checker], Complaints]) -> None:
        """Let every checker answer."""
        for checker in self._checkers:
            self.complain(checker.name, question(checker))

    def is_content(self, peers: Sequence[Peer]) -> bool:
        """Whether nobody would complain if everything were said to have settled now."""
        return not any(what for checker in self._checkers for what in checker.settled(peers))

    def settled(self, peers: Sequence[Peer]) -> None:
        """Everything has healed and settled."""
        self.ask(lambda checker: checker.settled(peers))

    def committed(self, life: Life, changes: Sequence[Change]) -> None:
        ops = (change.op for change in changes if isinstance(change, AddOp))
        self.trace.note(life.peer.name, "disk", "commit", *_short(ops))
        device = life.peer.identity.device
        for change in changes:
            for checker in self._checkers:
                self.complain(checker.name, checker.committed(life, change))
            self.ledger.enter(device, change)

    def wrote(self, life: Life, to: PeerId, protocol: ProtocolId, frame: bytes) -> None:
        if protocol in LANES:
            self._sent(life, to, frame)
            return
        for checker in self._listeners:
            self.complain(checker.name, checker.uttered(life, to, protocol, frame))
        if protocol in GOSSIP_PROTOCOLS:
            blobs = [self._open(message) for message in decode_rpc(frame).messages]
            for blob in filter(None, blobs):
                self._note(life, to, "blob", blob.ops)
                for checker in self._checkers:
                    self.complain(checker.name, checker.published(life, to, blob))

    def _sent(self, life: Life, to: PeerId, raw: bytes) -> None:
        try:
            frame = decode_frame(raw)
        except RemoteProtocolError as error:
            self.complain("Frames", [f"{life.peer.name} sends what nobody can read: {error}"])
            return
        self._note(life, to, type(frame).__name__, frame.ops if isinstance(frame, Ops) else ())
        for checker in self._checkers:
            self.complain(checker.name, checker.sent(life, to, frame))

    def _open(self, message: Blob) -> Ops | None:
        """What a gossip message says, when it is of a room that is known here."""
        if message.id not in self._blobs:
            secret = self.ledger.secrets.get(message.topic)
            opened = self._cipher.open(secret, message.data) if secret is not None else None
            self._blobs[message.id] = decode_ops(opened) if opened is not None else None
        return self._blobs[message.id]

    def _note(self, life: Life, to: PeerId, kind: str, ops: Iterable[Op]) -> None:
        reader = self.ledger.names.get(to.device, to.short) if to.device else to.short
        self.trace.note(life.peer.name, reader, kind, *_short(ops))


class LifeWitness:
    """What one life does, on its way to the watch; see `recording.Witness`."""

    def __init__(self, watch: Watch, life: Life) -> None:
        self._watch = watch
        self._life = life

    def committed(self, changes: Sequence[Change]) -> None:
        self._watch.committed(self._life, changes)

    def wrote(self, to: PeerId, protocol: ProtocolId, frame: bytes) -> None:
        self._watch.wrote(self._life, to, protocol, frame)

    def told(self, event: Event) -> None:
        """A subscriber heard an event."""
        self._watch.ask(lambda checker: checker.told(self._life, event))

    def promised(self, message: Message) -> None:
        """A caller was told that its text is kept."""
        self._watch.ask(lambda checker: checker.promised(self._life, message))


def _short(ops: Iterable[Op]) -> list[str]:
    return [op.id.hex()[:8] for op in ops]
