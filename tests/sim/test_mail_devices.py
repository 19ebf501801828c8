"""Devices come and go between two who are never there at once."""

from __future__ import annotations

import trio

from p2pchat.client.client import Client
from p2pchat.client.identity import restored_identity, with_keys
from p2pchat.crypto.mail import mailbox_key
from p2pchat.model.archive import ArchivedIdentity
from p2pchat.model.ratchet import DropRatchet, PutMailKeys, SetMailed
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.testing.lives import Peer, PeerOptions
from p2pchat.testing.mailboxes import MailRelays
from p2pchat.testing.plain_mail import plain_account, plain_identity_key
from p2pchat.testing.world import World, run_world
from p2pchat.wire.devices import DeviceKeys, read_device_set
from tests.sim.test_mail import alone, texts, until

NO_KEYS = PutMailKeys(bytes(32), 0, ())


def made_from(world: World, old: Peer, name: str) -> None:
    """A further device of an account, with all that the old one's disk holds but its keys."""
    ambient = SimulatedAmbient(world.seed, f"{name}/0")
    was, store = old.identity, old.store.fork()
    archived = ArchivedIdentity(was.account_seed, was.name, was.created_ms)
    identity = restored_identity(archived, [read_device_set(was.device_set)], ambient)
    own_mailbox = mailbox_key(identity.device_seed).public_key
    keys = DeviceKeys(plain_identity_key(identity.device), own_mailbox)
    mail = store.snapshot().mail
    store.commit([plain_account(), NO_KEYS])
    store.commit([DropRatchet(row.peer, row.session) for row in mail.ratchets])
    store.commit([SetMailed(row.conversation, row.device, 0, 0, 0) for row in mail.mailed])
    identity = with_keys(identity, keys, ambient.now().wall_ms)
    world.watch.ledger.enroll(name, identity)
    world.peers[name] = Peer(name, identity, store, PeerOptions(("relay",), listening=False))


async def acquainted(world: World) -> None:
    """Alice and Bob were there at once for a while, and never again."""
    world.mail = MailRelays()
    await world.open_relay("relay")
    alice = await world.start("alice", knows=("relay",), listening=False)
    bob = await world.start("bob", knows=("relay",), listening=False)
    await alice.add_contact(bob.contact_link)
    await until(lambda: bool(bob.contact_requests()))
    await bob.accept(alice.account)
    await trio.sleep(120)
    await world.stop("alice")
    await world.stop("bob")


def box(world: World, name: str) -> dict[int, bytes]:
    """What the relay keeps for a device."""
    assert world.mail is not None
    key = mailbox_key(world.peers[name].identity.device_seed).public_key
    return world.mail._mailboxes[world.relays["relay"].peer_id, key].blobs


async def say(client: Client, text: str) -> None:
    [contact] = client.contacts()
    await contact.send(text)


def test_a_device_made_from_an_export_writes_to_a_contact_that_it_never_meets_and_is_answered():
    async def scenario(world: World) -> None:
        await acquainted(world)
        made_from(world, world.peers["alice"], "tablet")
        await say(await alone(world, "tablet"), "from my new tablet")
        await until(lambda: bool(box(world, "bob")))
        await trio.sleep(60)
        await world.stop("tablet")

        bob = await alone(world, "bob")
        await trio.sleep(60)
        assert await texts(bob) == ["from my new tablet"]
        await say(bob, "welcome")
        await until(lambda: bool(box(world, "tablet")))
        await trio.sleep(60)
        await world.stop("bob")

        tablet = await alone(world, "tablet")
        await trio.sleep(60)
        assert await texts(tablet) == ["from my new tablet", "welcome"]

    run_world(scenario, 11)


def test_nothing_more_is_mailed_to_a_device_that_was_revoked_and_nothing_of_it_is_taken():
    async def scenario(world: World) -> None:
        await acquainted(world)
        await say(await alone(world, "alice"), "the thief writes")
        await until(lambda: bool(box(world, "bob")))
        await trio.sleep(60)
        await world.stop("alice")
        held_back = dict(box(world, "bob"))
        box(world, "bob").clear()

        made_from(world, world.peers["alice"], "tablet")
        tablet = await alone(world, "tablet")
        await trio.sleep(60)
        await tablet.revoke_device(world.peers["alice"].identity.device.peer_id)
        await trio.sleep(120)
        await world.stop("tablet")
        box(world, "bob").clear()  # and no letter of the tablet arrives: there is the record alone

        before = dict(box(world, "alice"))
        bob = await alone(world, "bob")
        await trio.sleep(60)
        await say(bob, "a secret")
        await until(lambda: bool(box(world, "tablet")))
        await trio.sleep(600)
        assert box(world, "alice") == before
        await world.stop("bob")

        box(world, "bob").update(held_back)
        bob = await alone(world, "bob")
        await trio.sleep(120)
        assert box(world, "bob") == {}, "it was fetched"
        assert await texts(bob) == ["a secret"]
        await world.stop("bob")

        tablet = await alone(world, "tablet")
        await trio.sleep(60)
        assert (await texts(tablet))[-1] == "a secret"

    run_world(scenario, 12)


def test_a_letter_tells_of_a_revocation_where_no_record_is_found():
    async def scenario(world: World) -> None:
        await acquainted(world)
        made_from(world, world.peers["alice"], "tablet")
        tablet = await alone(world, "tablet")
        await tablet.revoke_device(world.peers["alice"].identity.device.peer_id)
        await say(tablet, "my phone is gone")
        await until(lambda: bool(box(world, "bob")))
        await trio.sleep(60)
        await world.stop("tablet")

        bob = await alone(world, "bob")
        await until(lambda: not box(world, "bob"))
        [contact] = bob.contacts()
        phone = world.peers["alice"].identity
        node = world.peers["bob"].running
        assert node is not None
        assert node.node is not None
        assert node.node.chat.state.directory.is_revoked(phone.account, phone.device)
        assert [m.text for m in await contact.history()] == ["my phone is gone"]

    run_world(scenario, 13)
