"""What one batch of inputs leaves to be said, joined into as few RPCs for each peer as possible.

Everything is encoded before it comes here, once for all peers it goes to; joining is concatenation.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.vocabulary import SendRpc
from p2pchat.model.ids import PeerId
from p2pchat.wire.gossip_codec import encode_control

__all__ = ["Outbox"]


@dataclass(slots=True)
class _Letter:
    subscriptions: list[bytes] = field(default_factory=list[bytes])
    messages: list[bytes] = field(default_factory=list[bytes])
    control: list[bytes] = field(default_factory=list[bytes])

    @property
    def is_single_message(self) -> bool:
        """The usual letter, which is an RPC already."""
        return len(self.messages) == 1 and not self.subscriptions and not self.control

    def rpcs(self, rpc_bytes: int) -> Iterator[bytes]:
        """Subscriptions first, since a GRAFT presupposes them; one control message an RPC."""
        fields = _join([*self.subscriptions, *self.messages], rpc_bytes)
        control = (encode_control((entries,)) for entries in _join(self.control, rpc_bytes))
        for part, entries in zip_longest(fields, control, fillvalue=b""):
            yield part + entries


class Outbox:
    """Encoded fields by peer, in order, until `flush`."""

    def __init__(self, config: GossipConfig) -> None:
        self._rpc_bytes = config.rpc_bytes
        self._rpcs_max = max(1, config.burst_bytes_max // (2 * config.rpc_bytes))
        self._letters: dict[PeerId, _Letter] = {}

    def add_subscription(self, peer: PeerId, subscription: bytes) -> None:
        """A `subscriptions` field."""
        self._letter(peer).subscriptions.append(subscription)

    def add_control(self, peer: PeerId, entry: bytes) -> None:
        """An entry of the control message."""
        self._letter(peer).control.append(entry)

    def add_message(
        self, publish: bytes, peers: Iterable[PeerId], holders: Container[PeerId] = ()
    ) -> None:
        """A `publish` field to all `peers` that are not `holders` of it."""
        letters = self._letters
        for peer in peers:
            if peer not in holders:
                letter = letters.get(peer)
                if letter is None:
                    letters[peer] = letter = _Letter()
                letter.messages.append(publish)

    def forget(self, peer: PeerId) -> None:
        """Nothing is to be said to this peer after all."""
        self._letters.pop(peer, None)

    def flush(self, present: Container[PeerId]) -> tuple[list[SendRpc], list[PeerId]]:
        """What is to be sent to those present, and for whom it was too much: they get the
        first part."""
        sends: list[SendRpc] = []
        cut_off: list[PeerId] = []
        for peer, letter in self._letters.items():
            if peer not in present:
                continue
            if letter.is_single_message:
                sends.append(SendRpc(peer, letter.messages[0]))
                continue
            rpcs = letter.rpcs(self._rpc_bytes)
            sends.extend(SendRpc(peer, rpc) for rpc in islice(rpcs, self._rpcs_max))
            if next(rpcs, None) is not None:
                cut_off.append(peer)
        self._letters.clear()
        return sends, cut_off

    def _letter(self, peer: PeerId) -> _Letter:
        letter = self._letters.get(peer)
        if letter is None:
            self._letters[peer] = letter = _Letter()
        return letter


def _join(parts: Iterable[bytes], size_bytes: int) -> Iterator[bytes]:
    """Neighbours joined up to `size_bytes`; a larger part stands alone."""
    group: list[bytes] = []
    size = 0
    for part in parts:
        if group and size + len(part) > size_bytes:
            yield b"".join(group)
            group, size = [], 0
        group.append(part)
        size += len(part)
    if group:
        yield b"".join(group)
