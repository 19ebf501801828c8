"""Gossip that does not come along: what is published meanwhile waits, up to a bound."""

from __future__ import annotations

import logging
from random import Random

from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.vocabulary import Deliver
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import KadEffect, KadInput
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.net.kad import KadCarrier
from p2pchat.net.port import Host
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.publishing import Directory
from p2pchat.node.rendezvous import Rendezvous
from p2pchat.node.room_seals import RoomSeals
from p2pchat.node.rooms import PUBLISH_QUEUE_MAX, RoomGossip, RoomParts
from p2pchat.protocol.machine import EnterTopic, Publish
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.network import open_network
from p2pchat.testing.plain_sessions import PlainSessions
from p2pchat.wire.frames import Ops
from p2pchat.wire.gossip_codec import MessageId
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author

ROOM = open_room_id("square")
MESSAGE = MessageId(bytes(32))


class Noting(Rendezvous):
    """Notes who is said to have spoken."""

    def __init__(self) -> None:
        self.spoken: list[tuple[ConversationId, PeerId]] = []

    def spoke(self, room: ConversationId, peer: PeerId) -> None:
        self.spoken.append((room, peer))


async def nowhere(_: object) -> None:
    """Nobody listens."""


def gossip_at_rest(host: Host) -> RoomGossip:
    """Nothing of it runs."""
    ambient, config = SimulatedAmbient(1, "alice"), KadConfig()
    machine = KadMachine(host.peer_id, config, Random(1), {})
    carrier = KadCarrier(host, nowhere, nowhere, config)
    driver = Driver[KadInput, KadEffect](machine, carrier, ambient, DriverConfig())
    rendezvous = Rendezvous(host, Directory(driver, ambient, lambda: ()), Random(1))
    token_bytes = ambient.token_bytes
    seals = RoomSeals(SharedKeyCipher(token_bytes), PlainSessions(token_bytes), ALICE.signer)
    return RoomGossip(RoomParts(host, GossipConfig(), ambient, rendezvous, seals), nowhere)


def test_a_member_is_who_sent_what_it_wrote_itself_and_not_who_passed_it_on():
    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "rooms")) as network,
            network.host("alice") as host,
        ):
            rooms = gossip_at_rest(host)
            noting = rooms.rendezvous = Noting()
            secret = open_room_secret("square")
            rooms.seals.apply(EnterTopic(ROOM, secret))
            author = Author(BOB, ROOM)
            ops = Ops((author.write("hello"),), ())
            for peer in (CAROL, BOB):
                forwarded = peer.device.peer_id
                await rooms.told(Deliver(secret.topic, forwarded, MESSAGE, b"sealed", ops))
            empty = Ops((), ())
            await rooms.told(Deliver(secret.topic, forwarded, MESSAGE, b"sealed", empty))
            assert noting.spoken == [(ROOM, BOB.device.peer_id)]

    run_simulation(main, 1)


def test_a_blob_for_which_there_is_no_room_in_the_queue_is_dropped(caplog):
    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "rooms")) as network,
            network.host("alice") as host,
        ):
            rooms = gossip_at_rest(host)
            effect = Publish(ROOM, Ops((), ()), 0)
            for _ in range(PUBLISH_QUEUE_MAX):
                rooms.publish(effect, b"sealed")
            assert caplog.messages == []
            rooms.publish(effect, b"sealed")
            assert caplog.messages == ["more is published than gossip takes; sync will bring it"]

    with caplog.at_level(logging.WARNING, logger="p2pchat.node.rooms"):
        run_simulation(main, 1)
