"""What every part of the client holds: the node that it speaks to.

Who holds a client sees one class; who reads it finds a class for each subject, with the verbs of
that subject over the same node. `Client` is all of them together, and none of them keeps state.
"""

from __future__ import annotations

from p2pchat.model.ids import AccountId, PeerId
from p2pchat.node.ambient import Ambient
from p2pchat.node.node import Node

__all__ = ["ClientPart"]


class ClientPart:
    """A running node, and who we are on it."""

    def __init__(self, node: Node, ambient: Ambient) -> None:
        self._node = node
        self._ambient = ambient
        self._state = node.chat.state

    @property
    def account(self) -> AccountId:
        """Our account; its text form is `z6Mk…`."""
        return self._state.me.account

    @property
    def peer_id(self) -> PeerId:
        """This device on the network."""
        return self._node.parts.host.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs others may dial, each ending in `/p2p/<peer id>`."""
        return self._node.parts.host.addresses
