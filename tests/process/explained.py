"""People whose messages do not arrive, for the tests that ask why."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace

import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Conversation
from p2pchat.config import (
    ClientConfig,
    ClientMailboxes,
    MailboxLimits,
    RelayConfig,
    RelayMailboxes,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.explanation import Explanation, MessageCause
from p2pchat.model.message import Message, MessageState
from p2pchat.relay import Relay
from p2pchat.wire.links import decode_link, encode_link
from tests.process.polling import until

LOOPBACK = "/ip4/127.0.0.1/tcp/0"
CONFIG = ClientConfig(listen=(LOOPBACK,), fetch=False)
PATIENCE_S = 60.0
UNDELIVERED = (MessageState.QUEUED, MessageState.SENT)


def story(tell: Callable[[], Awaitable[None]]) -> None:
    """Live through it within a time."""

    async def main() -> None:
        with trio.fail_after(180):
            await tell()

    trio.run(main)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def knowing(*relays: Relay) -> ClientConfig:
    return replace(CONFIG, bootstrap_peers=tuple(one for r in relays for one in r.addresses))


def kept_by(*relays: Relay) -> ClientConfig:
    """Of somebody whose mail these keep."""
    addresses = tuple(relay.addresses[0] for relay in relays)
    return replace(knowing(*relays), mailboxes=ClientMailboxes(relays=addresses))


def relay_config(mailboxes: MailboxLimits | None = None) -> RelayConfig:
    kept = RelayMailboxes(limits=mailboxes or MailboxLimits())
    return RelayConfig(home=None, listen=(LOOPBACK,), fetch=False, mailboxes=kept)


def link_with(link: str, *addresses: str) -> str:
    """The same link, which says that its owner is there."""
    return encode_link(replace(decode_link(link), addresses=tuple(addresses)))


async def is_asked(bob: Client) -> None:
    """Wait until somebody asks."""

    async def look() -> bool:
        return bool(bob.contact_requests())

    await until(look, PATIENCE_S)


async def befriend(alice: Client, bob: Client, link: str | None = None) -> Contact:
    """Make contacts of both; how alice writes to bob."""
    contact = await alice.add_contact(link or bob.contact_link)

    async def is_accepted() -> bool:
        return contact.state is ContactState.ACCEPTED

    await is_asked(bob)
    await bob.accept(alice.account)
    await until(is_accepted, PATIENCE_S)
    return contact


async def exchange(client: Client, conversation: Conversation) -> Message:
    """A message that arrives."""
    message = await conversation.send("there?")
    return await client.wait_delivered(message.id)


async def explained(client: Client, message: Message, cause: MessageCause) -> Explanation:
    """What is said once this is the cause; until then never that it was delivered, unless it is."""
    seen: list[Explanation] = []
    with trio.move_on_after(PATIENCE_S):
        while True:
            seen.append(await client.explain(message.id))
            is_delivered = (await client.message(message.id)).state not in UNDELIVERED
            said_so = seen[-1].cause in (MessageCause.DELIVERED, MessageCause.READ)
            assert is_delivered or not said_so, "said to be delivered, and is not"
            if seen[-1].cause is cause:
                return seen[-1]
            await trio.sleep(0.05)
    told = [(one.cause, str(one.sentence), list(map(str, one.evidence))) for one in seen[-1:]]
    raise AssertionError(f"not {cause} but {told}")


def evidence(explanation: Explanation) -> str:
    return "\n".join(map(str, explanation.evidence))
