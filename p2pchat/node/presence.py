"""Who is here: tells the chat of devices that come and go, and the network whom we know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from p2pchat.model.contact import ContactState
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.net.port import Host, PeerChanged
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import Input, PeerDown, PeerUp
from p2pchat.protocol.traversal_vocabulary import Known

__all__ = ["Presence"]

ROOM_PEERS_KEPT = 12
"""Peers of one room whose connections make room for nobody."""
REVIEW_EVERY_S = 1.0
LASTING = (ContactState.ACCEPTED, ContactState.ASKED)
"""Contacts of ours; who merely asks is a stranger."""

Put = Callable[[Input], Awaitable[None]]
Tell = Callable[[Known], Awaitable[None]]


class Presence:
    """The devices that are connected, as the chat was told."""

    def __init__(self, host: Host, chat: Chat, put: Put) -> None:
        self._host = host
        self._chat = chat
        self._put = put
        self._up: set[DeviceId] = set()
        self._is_due = trio.Event()

    async def changed(self, change: PeerChanged) -> None:
        """A peer came, went, or was identified."""
        device = change.peer.device
        if device is None:
            return  # other key types relay and route, but cannot chat
        if change.state is None:
            self._up.discard(device)
            await self._put(PeerDown(device, "the connection ended"))
        elif device not in self._up:
            self._up.add(device)
            await self._put(PeerUp(device))

    def due(self) -> None:
        """Whose connections shall last may have changed."""
        self._is_due.set()

    async def run(
        self, relays: Callable[[], tuple[PeerId, ...]], connections_max: int, tell: Tell
    ) -> None:
        """Keep the host told until cancelled, and tell whom we know when that changed; at most once
        a second, for it looks at everybody.

        Relays we hold, those we owe something, contacts that are connected, room neighbours, other
        contacts: in this order half of all connections last, so that there is always room for a
        newcomer. Everybody can be a neighbour in a room, and so they come after contacts.
        """
        told = Known(frozenset())
        while True:
            await self._is_due.wait()
            self._is_due = trio.Event()
            owed = [device.peer_id for device in self._chat.outbox.owed_devices()]
            contacts, neighbours = self._contacts(), [*owed, *self._room_peers()]
            here = [peer for peer in contacts if peer.device in self._up]
            lasting = dict.fromkeys([*relays(), *owed, *here, *neighbours, *contacts])
            self._host.protect(list(lasting)[: connections_max // 2])
            known = Known(frozenset(contacts), frozenset(neighbours) - frozenset(contacts))
            if known != told:
                told = known
                await tell(known)
            await trio.sleep(REVIEW_EVERY_S)

    def _room_peers(self) -> list[PeerId]:
        """Neighbours in rooms; contacts may be among them."""
        devices = dict[DeviceId, None]()
        for peers in self._chat.sync.room_peers.values():
            devices.update(dict.fromkeys(list(peers)[:ROOM_PEERS_KEPT]))
        return [device.peer_id for device in devices]

    def _contacts(self) -> list[PeerId]:
        state = self._chat.state
        return [
            device.peer_id
            for account in state.contacts
            if state.contact_state(account) in LASTING and account in state.directory.sets
            for device in sorted(state.directory.sets[account].devices)
        ]
