"""Whose connections last is worked out now and then, not with every change."""

from __future__ import annotations

from random import Random

import pytest
import trio
import trio.testing

from p2pchat.config import Limits
from p2pchat.model.change import PutContact
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.model.route import Path
from p2pchat.model.snapshot import Snapshot
from p2pchat.net.port import Connectedness, PeerChanged
from p2pchat.node.presence import Presence
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import Input
from p2pchat.protocol.traversal_vocabulary import Known
from p2pchat.testing.network import open_network
from tests.unit.protocol.people import person

ROOM = ConversationId(bytes(32))


def test_a_storm_of_changes_is_looked_at_once_a_second():
    looked_s: list[float] = []

    def relays() -> tuple[PeerId, ...]:
        looked_s.append(trio.current_time())
        return ()

    async def put(_: Input) -> None:
        raise AssertionError("nobody came or went")

    async def tell(_: Known) -> None:
        raise AssertionError("nobody is known")

    async def main() -> None:
        chat = Chat(person("me").me, Snapshot(), Limits(), Random(1))
        async with open_network(Random(1)) as network, network.host("me") as host:
            presence = Presence(host, chat, put)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(presence.run, relays, 100, tell)
                for _ in range(300):
                    presence.due()
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert 3 <= len(looked_s) <= 4


def test_contacts_that_are_here_come_before_neighbours_in_rooms():
    """Everybody can be a neighbour in a room."""
    here, away, strangers = person("here"), person("away"), [person(f"s{n}") for n in range(12)]

    async def put(_: Input) -> None:
        """The chat need not know."""

    async def tell(_: Known) -> None:
        """Nobody listens."""

    async def main() -> None:
        chat = Chat(person("me").me, Snapshot(), Limits(), Random(1))
        for contact in (away, here):
            row = PutContact(contact.account, ROOM, ContactState.ACCEPTED, 0, b"")
            chat.state.contacts[contact.account] = row
            chat.state.directory.sets[contact.account] = contact.devices
        chat.sync.room_peers[ROOM] = {stranger.device: None for stranger in strangers}
        kept: list[PeerId] = []
        async with open_network(Random(1)) as network, network.host("me") as host:
            monkeypatch.setattr(host, "protect", kept.extend)
            presence = Presence(host, chat, put)
            peer = here.device.peer_id
            await presence.changed(
                PeerChanged(peer, Connectedness(peer, (), Path.DIRECT, inbound=True))
            )
            async with trio.open_nursery() as nursery:
                nursery.start_soon(presence.run, tuple, 8, tell)
                presence.due()
                await trio.sleep(0.5)
                nursery.cancel_scope.cancel()
        assert kept == [one.device.peer_id for one in (here, *strangers[:3])]

    with pytest.MonkeyPatch.context() as monkeypatch:
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_who_is_no_stranger_is_told_when_that_has_changed():
    told: list[Known] = []

    async def tell(known: Known) -> None:
        told.append(known)

    async def put(_: Input) -> None:
        raise AssertionError("nobody came or went")

    async def main() -> None:
        chat = Chat(person("me").me, Snapshot(), Limits(), Random(1))
        neighbour = person("neighbour").device
        async with open_network(Random(1)) as network, network.host("me") as host:
            presence = Presence(host, chat, put)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(presence.run, tuple, 100, tell)
                for room_peers in ({}, {neighbour: None}, {neighbour: None}, {}):
                    chat.sync.room_peers[ROOM] = room_peers
                    presence.due()
                    await trio.sleep(2)
                nursery.cancel_scope.cancel()
        nobody = frozenset[PeerId]()
        assert told == [Known(nobody, frozenset({neighbour.peer_id})), Known(nobody)]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
