"""Networks of three implementations, and DChat clients in networks where nobody else is one."""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import trio

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.events import ContactAccepted, ContactRequested, MessageReceived
from p2pchat.kad.vocabulary import FindPeer, GetValue
from p2pchat.model.route import Path
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.links import decode_link, encode_link
from p2pchat.wire.records import account_key, bundle_key
from tests.interop.foreign import LOOPBACK, Foreign, ForeignError, foreign_peer
from tests.interop.ours import Ours, ours, play
from tests.interop.programs import command
from tests.interop.test_dht import now_ms
from tests.libp2p.hosts import eventually

ADDRESSES = ["/ip4/192.0.2.7/tcp/4001"]


async def connect(one, other) -> None:
    match one:
        case Ours():
            await one.dial(other)
        case Foreign():
            await one.call("connect", address=other.addresses[0])


async def knows(one, servers: int) -> None:
    """Wait until its table holds so many at least."""
    match one:
        case Ours():
            await eventually(lambda: one.kad.machine.statistics().table >= servers)
        case Foreign():
            await one.becomes(lambda table: len(table or ()) >= servers, "table")


def test_in_a_chain_of_all_three_everybody_reads_everybodys_record(tmp_path):
    programs = {language: command(language) for language in ("go", "js")}

    async def story() -> None:
        async with AsyncExitStack() as stack:
            nodes = []
            for name in ("ours1", "go1", "js1", "ours2", "go2", "js2"):
                language = name[:-1]
                make = (
                    ours(name, kad=True)
                    if language == "ours"
                    else foreign_peer(programs[language], name, tmp_path / f"{name}.log", {})
                )
                node = await stack.enter_async_context(make)
                if nodes:
                    await connect(node, nodes[-1])
                nodes.append(node)
            for node in nodes:
                await knows(node, 2)
            theirs = [node for node in nodes if isinstance(node, Foreign)]
            seq = now_ms()
            records = {}
            for node in theirs:
                made = await node.call("bundle", addresses=ADDRESSES, seq=seq)
                await node.call("put_value", **made)
                records[made["key"]] = made["value"]
            for node in nodes:
                for key, value in records.items():
                    assert await read(node, key) == value
            for node in nodes[:1] + nodes[3:4]:
                for other in nodes:
                    if other is not node:
                        found = await node.kad.driver.call(lambda id, o=other: FindPeer(id, o.peer))
                        assert found.addresses or found.is_connected

    play(story)


async def read(node, key: str) -> str:
    match node:
        case Ours():
            found = await node.kad.driver.call(lambda id: GetValue(id, bytes.fromhex(key), 1))
            return found.value.hex()
        case Foreign():
            return await node.call("get_value", key=key)


def client(name: str, hub, **changes):
    """A DChat client whose only way into the network is the hub."""
    changes = {"listen": LOOPBACK, **changes}
    config = ClientConfig(fetch=False, bootstrap_peers=hub.addresses, **changes)
    return open_client(None, name=name, config=config)


def without_hints(link: str) -> str:
    """The same contact, without saying where it is."""
    return encode_link(replace(decode_link(link), addresses=()))


async def talk(alice, bob) -> None:
    """Alice asks Bob to be her contact, he accepts, and what she writes is delivered."""
    async with (
        alice.subscribe(ContactAccepted) as accepted,
        bob.subscribe(ContactRequested) as requested,
    ):
        contact = await alice.add_contact(without_hints(bob.contact_link))
        await bob.accept((await anext(requested)).account)
        await anext(accepted)
        sent = await contact.send("Hello, Bob!")
        assert (await alice.wait_delivered(sent.id)).state == "delivered"


def test_two_clients_that_know_only_a_foreign_node_find_each_other_and_talk(meet):
    async def story() -> None:
        async with meet("hub") as hub, client("Alice", hub) as alice, client("Bob", hub) as bob:
            for one in (alice, bob):
                await one.wait_ready()
            await talk(alice, bob)

    play(story)


def test_a_foreign_node_holds_and_reads_the_records_of_a_client(meet):
    async def story() -> None:
        async with meet("hub") as hub, client("Alice", hub) as alice:
            await alice.wait_ready()
            bundle = await record_of(hub, bundle_key(alice.peer_id.device))
            assert [f"{each}/p2p/{alice.peer_id}" for each in bundle["addresses"]] == list(
                alice.addresses
            )
            account = await record_of(hub, account_key(alice.account))
            assert account["devices"] == [alice.peer_id.device.hex()]

    play(story)


async def record_of(hub, key: bytes):
    """What a record says that was put, or is about to be."""
    while True:
        with suppress(ForeignError):  # not there yet
            value = await hub.call("get_value", key=key.hex())
            return await hub.call("read_record", key=key.hex(), value=value)
        await trio.sleep(0.2)


def test_clients_that_listen_nowhere_talk_through_a_foreign_relay(meet):
    async def story() -> None:
        async with (
            meet("hub", relay=True) as hub,
            client("Alice", hub, listen=()) as alice,
            client("Bob", hub, listen=()) as bob,
        ):
            for one in (alice, bob):
                await one.wait_ready()
            await talk(alice, bob)
            paths = {peer.path for peer in bob.status().peers if peer.peer_id == alice.peer_id}
            assert paths == {Path.RELAYED}

    play(story)


GRETA = "Greta"
GRETA_SEED = bytes(range(32))


def test_a_foreign_program_writes_and_reads_in_an_open_room(meet):
    async def story() -> None:
        async with meet("hub") as hub, client("Alice", hub) as alice:
            topic = await hub.call("room", room="square")
            await hub.call("subscribe", topic=topic)
            await alice.wait_ready()
            room = await alice.join_open("square")
            name = str(alice.peer_id)
            await hub.becomes(lambda members: name in (members or ()), "members", topic=topic)
            await room.send("Hello, Greta!")
            said = await heard(hub, topic, "Hello, Greta!")
            assert said["account"] == alice.account.hex()
            assert said["device"] == alice.peer_id.device.hex()
            async with alice.subscribe(MessageReceived) as received:
                for words in ("Hello, Alice!", "你好"):
                    await write(hub, topic, words)
                    message = (await anext(received)).message
                    assert (message.text, message.author_name) == (words, GRETA)
                    assert message.author == Ed25519Signer(GRETA_SEED).public_key
            assert [member.name for member in room.members() if member.name == GRETA]

    play(story)


async def heard(hub, topic: str, words: str):
    """Wait until the hub has read these words in the room."""
    while True:
        blob = await hub.heard("gossip", topic=topic)
        for said in await hub.call("read", room="square", data=blob["data"]):
            if said["text"] == words:
                return said


async def write(hub, topic: str, words: str) -> None:
    blob = await hub.call("write", room="square", account=GRETA_SEED.hex(), name=GRETA, text=words)
    await hub.call("publish", topic=topic, data=blob)
