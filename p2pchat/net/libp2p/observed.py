"""Where others see us.

A program behind a NAT does not know the address that the NAT lends it; those whom it calls do, and
say so when they identify themselves. That is their word alone: it is used to try something (to be
dialled back, to punch a hole), and given away to others only after that worked.
"""

from __future__ import annotations

from p2pchat.model.ids import PeerId
from p2pchat.model.scope import believable, scope_of
from p2pchat.net.libp2p.addresses import read_multiaddr
from p2pchat.net.libp2p.streams import Origin
from p2pchat.net.port import Observation

__all__ = ["ObservedAddresses"]


class ObservedAddresses:
    """One observation of each connected peer whom we dialled from our listening port."""

    def __init__(self) -> None:
        self.confirmed: tuple[str, ...] = ()
        """Where others were seen to reach us; given away."""
        self._seen: dict[PeerId, Observation] = {}

    @property
    def all(self) -> tuple[Observation, ...]:
        return tuple(self._seen.values())

    def note(self, origin: Origin, raw: bytes) -> None:
        """Take down what a peer told over a connection; what it cannot have seen is left out."""
        address = read_multiaddr(raw)
        if (
            address is not None
            and address.startswith("/ip")
            and believable(address, scope_of(origin.address))
        ):
            self._seen[origin.peer] = Observation(origin.peer, address)

    def lost(self, peer: PeerId) -> None:
        """A peer is not connected any more."""
        self._seen.pop(peer, None)
