"""People who mean harm: those who were let in, and those who come back with another key.

`python -m tests.process.hostile_people ATTACK ADDRESS LINK` is used like `hostile`, which holds the
attacks of strangers. `contact` asks the owner of the link and floods once it has been accepted;
`member`, `outsider` and `garbage` flood the open room `ROOM` over gossip: with what its members may
say, with what does not open, and with what opens and is nothing. `keys` floods until it is cut, and
goes on as somebody else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import chain, cycle

import trio

from p2pchat.client.client import Client
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.errors import NetworkError
from p2pchat.events import ContactAccepted
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.net.gossip import PROTOCOLS
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.port import Stream
from p2pchat.protocol.machine import Lane
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.wire.frames import Ops, SyncPage, encode_frame, encode_ops
from p2pchat.wire.framing import frame
from p2pchat.wire.gossip_codec import encode_publish, encode_subscription
from tests.process.hostile import BROKEN, PATIENCE_S, PER_S, TICK_S, Mallory, report
from tests.unit.protocol.people import MALLORY, Author

ROOM = "square"
KEYS = 4
OPS = 64
TRIES = 4
DISTINCT = 50
BATCH = int(PER_S * TICK_S)


async def pour(mallory: Mallory, protocol: str, batches: Iterator[bytes]) -> None:
    """Send a batch each tick on one stream, until it ends."""
    stream = await opened(mallory, protocol)
    with suppress(*BROKEN):
        for batch in batches:
            await stream.send_all(batch)
            mallory.attempts += BATCH
            await trio.sleep(TICK_S)


async def opened(mallory: Mallory, protocol: str) -> Stream:
    """The stream for a flood; a victim short of processor time may need to be asked again."""
    for _ in range(TRIES):
        with suppress(NetworkError):
            await mallory.connect()
            return await mallory.host.open_stream(mallory.victim, [protocol])
    return await mallory.host.open_stream(mallory.victim, [protocol])


def pages(conversation: ConversationId) -> Iterator[bytes]:
    """Answers that nobody asked for, about a conversation that both have."""
    return cycle([frame(encode_frame(SyncPage(conversation, more=False))) * BATCH])


def published(make: Callable[[], bytes]) -> Iterator[bytes]:
    """Messages of the room: `DISTINCT` batches of different ones, over and over. They are made
    before, so that the flood is as fast as it says."""
    topic = open_room_secret(ROOM).topic
    batches = [
        b"".join(frame(encode_publish(topic, make())) for _ in range(BATCH))
        for _ in range(DISTINCT)
    ]
    return chain([frame(encode_subscription(topic, subscribes=True))], cycle(batches))


def said_in_the_room() -> Callable[[], bytes]:
    """What a member may say: signed ops, sealed anew each time."""
    secret, cipher = open_room_secret(ROOM), SharedKeyCipher(os.urandom)
    author = Author(MALLORY, open_room_id(ROOM))
    blobs = cycle([encode_ops(Ops((author.write(),), (MALLORY.devices,))) for _ in range(OPS)])
    return lambda: cipher.seal(secret, next(blobs))


def nothing_in_the_room() -> Callable[[], bytes]:
    """What only a member can seal, and no member says."""
    secret, cipher = open_room_secret(ROOM), SharedKeyCipher(os.urandom)
    return lambda: cipher.seal(secret, b"\xff\xff\xff")


GOSSIP: dict[str, Callable[[], Callable[[], bytes]]] = {
    "member": said_in_the_room,
    "garbage": nothing_in_the_room,
    "outsider": lambda: partial(os.urandom, 200),
}


async def ignore(stream: Stream) -> None:
    """Read, and do nothing about it."""
    while await stream.receive_some():
        pass


@asynccontextmanager
async def stranger(address: str) -> AsyncGenerator[Mallory]:
    """Somebody whom nobody has seen before, and who says that it gossips."""
    async with open_host(HostOptions(seed=os.urandom(32))) as host:
        host.serve(PROTOCOLS[0], ignore)
        mallory = Mallory(host, address)
        await mallory.connect()
        yield mallory


async def accepted(client: Client, link: str) -> ConversationId:
    """Become a contact of the victim."""
    async with client.subscribe(ContactAccepted) as events:
        contact = await client.add_contact(link)
        await anext(events)
    return contact.id


async def measured(mallory: Mallory, flood: Callable[[], object]) -> dict[str, object]:
    """What is reported of one flood."""
    began_s = trio.current_time()
    with trio.move_on_after(PATIENCE_S) as patience:
        await flood()
    cut_s = None if patience.cancelled_caught else trio.current_time() - began_s
    return {"attempts": mallory.attempts, "cut_s": cut_s, "outcomes": mallory.outcomes}


async def as_contact(address: str, link: str) -> None:
    config = ClientConfig(fetch=False, listen=(), bootstrap_peers=(address,))
    async with open_client(None, name="Mallory", config=config) as client:
        conversation = await accepted(client, link)
        mallory = Mallory(client._node.parts.host, address)
        report({"begun": True})
        report(
            await measured(mallory, partial(pour, mallory, Lane.SYNC.value, pages(conversation)))
        )


async def over_gossip(name: str, address: str) -> None:
    batches = published(GOSSIP[name]())
    async with stranger(address) as mallory:
        report({"begun": True})
        report(await measured(mallory, partial(pour, mallory, PROTOCOLS[0], batches)))


async def with_keys(address: str) -> None:
    report({"begun": True})
    attempts, cuts_s = 0, list[float]()
    for _ in range(KEYS):
        async with stranger(address) as mallory:
            flood = partial(pour, mallory, Lane.SYNC.value, pages(open_room_id("nowhere")))
            found = await measured(mallory, flood)
        attempts += mallory.attempts
        cuts_s += [found["cut_s"]] if found["cut_s"] is not None else []
    cut_s = max(cuts_s) if len(cuts_s) == KEYS else None
    report({"attempts": attempts, "cut_s": cut_s, "outcomes": {"cut": len(cuts_s)}})


async def attack(name: str, address: str, link: str = "") -> None:
    match name:
        case "contact":
            await as_contact(address, link)
        case "keys":
            await with_keys(address)
        case _:
            await over_gossip(name, address)


if __name__ == "__main__":
    trio.run(attack, *sys.argv[1:])
