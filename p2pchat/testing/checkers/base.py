"""What a checker is: it looks on and complains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2pchat.events import Event
from p2pchat.model.change import Change
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message
from p2pchat.net.port import ProtocolId
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life, Peer
from p2pchat.wire.frames import Frame, Ops

__all__ = ["Checker", "Complaints"]

Complaints = Iterable[str]
"""What is wrong, in words; nothing when all is well."""


class Checker:
    """One invariant. A subclass overrides the hooks that it judges by; the others cost nothing.

    Hooks are called at the step they are about, before the ledger takes note of it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @property
    def name(self) -> str:
        """How reports call this invariant."""
        return type(self).__name__

    def opened(self, life: Life) -> Complaints:
        """A life's node runs."""
        return ()

    def committed(self, life: Life, change: Change) -> Complaints:
        """A change is on disk, after those before it in its transaction."""
        return ()

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        """A frame of ours is given to the stream to a peer."""
        return ()

    def published(self, life: Life, to: PeerId, blob: Ops) -> Complaints:
        """A room's blob, own or forwarded, is given to the stream to a peer."""
        return ()

    def uttered(self, life: Life, to: PeerId, protocol: ProtocolId, frame: bytes) -> Complaints:
        """Bytes that are no frame of ours are given to the stream to a peer."""
        return ()

    def told(self, life: Life, event: Event) -> Complaints:
        """A subscriber of this peer heard an event."""
        return ()

    def promised(self, life: Life, message: Message) -> Complaints:
        """A caller was told that its text is kept."""
        return ()

    def closed(self, life: Life) -> Complaints:
        """A life's node has ended in good order; its host has not yet."""
        return ()

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        """Everything has healed and had the time to settle; all peers are up."""
        return ()
