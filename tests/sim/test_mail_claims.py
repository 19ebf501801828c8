"""Somebody who certifies the device of another among people who are never there at once."""

from __future__ import annotations

import trio

from p2pchat.client.client import Client
from p2pchat.client.identity import make_identity
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.message import MessageState
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.protocol.machine import Lane
from p2pchat.testing.network import seed_of
from p2pchat.testing.plain_mail import plain_identity_key
from p2pchat.testing.villains import Villain
from p2pchat.testing.world import Peer, World, run_world
from p2pchat.wire.contents import PAIR_HALF_BYTES, Request
from p2pchat.wire.devices import DeviceKeys, first_device_set, merged, read_device_set
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.frames import Ops
from p2pchat.wire.links import decode_link
from tests.sim.test_mail_crashes import friends

A_WHILE_S = 120
CLAIMED_MS = 1_700_000_000_000


async def texts(client: Client) -> list[str]:
    [contact] = client.contacts()
    return [message.text for message in await contact.history(limit=1_000)]


class Claimant(Villain):
    """Has a device of somebody else certified as its own, with its own keys for mail."""

    def claim(self, device: DeviceId) -> None:
        keys = DeviceKeys(plain_identity_key(self.identity.device), bytes(32))
        account = Ed25519Signer(self.identity.account_seed)
        raw = first_device_set(account, device, CLAIMED_MS, keys)
        self.devices = merged(self.devices, read_device_set(raw))

    async def ask(self, victim: Peer, link: str) -> None:
        """Say so, and ask to be a contact."""
        id = direct_id(self.identity.account, victim.identity.account)
        intro = decode_link(link).intro
        request = self.write(id, Request(self.name, "", intro, bytes(PAIR_HALF_BYTES)), 0, None)
        async with self.world.network.host(self.name) as host:
            await self.tell(host, victim, Lane.LIVE, Ops((request,), (self.devices,)))


def claimant(world: World, before: AccountId) -> Claimant:
    """One that comes first wherever accounts are in order."""

    def account(name: str) -> AccountId:
        return make_identity(name, SimulatedAmbient(world.seed, name), seed_of(name)).account

    names = (f"mallory {number}" for number in range(100))
    return Claimant(world, next(name for name in names if account(name) < before))


def test_who_certifies_the_device_of_another_gets_none_of_its_mail():
    async def scenario(world: World) -> None:
        await friends(world)
        bob_before = world.peers["bob"].identity
        mallory = claimant(world, bob_before.account)
        mallory.claim(bob_before.device)
        alice = await world.start("alice", knows=("relay",))
        await mallory.ask(world.peers["alice"], alice.contact_link)
        await trio.sleep(A_WHILE_S)
        assert [asking.name for asking in alice.contact_requests()] == [mallory.name]
        await world.stop("alice")

        alice = await world.open("alice")
        [contact] = alice.contacts()
        message = await contact.send("hello")
        await trio.sleep(A_WHILE_S)
        await world.stop("alice")

        bob = await world.open("bob")
        await trio.sleep(A_WHILE_S)
        assert await texts(bob) == ["hello"]
        await world.stop("bob")

        alice = await world.open("alice")
        await trio.sleep(A_WHILE_S)
        [contact] = alice.contacts()
        [told] = await contact.history()
        assert (told.id, told.state) == (message.id, MessageState.DELIVERED)

    run_world(scenario, 5)
