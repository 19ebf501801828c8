"""A client that keeps the mailboxes of contacts its user names, and of nobody else."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from p2pchat import open_client
from p2pchat.client.mailboxes import FILE
from p2pchat.config import ClientConfig, ClientMailboxes
from p2pchat.errors import NetworkError, RelayRefused
from p2pchat.events import ContactAccepted, ContactRequested
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.mailbox_client import WireMailboxes
from tests.unit.protocol.letters import MAILBOX, OWNER, STRANGER, WRITER

KEYS = [WRITER.public_key]


def config(*served: object) -> ClientConfig:
    mailboxes = ClientMailboxes(serve_for=tuple(map(str, served)))
    return ClientConfig(fetch=False, listen=("/ip4/127.0.0.1/tcp/0",), mailboxes=mailboxes)


@asynccontextmanager
async def mailboxes(host, own):
    async with trio.open_nursery() as nursery:
        client = WireMailboxes(host, own)
        await nursery.start(client.run)
        yield client
        nursery.cancel_scope.cancel()


async def acquaint(home: Path) -> tuple[object, ...]:
    """Make contacts of alice and bob; their accounts."""
    async with (
        open_client(home / "alice", name="alice", config=config()) as alice,
        open_client(home / "bob", name="bob", config=config()) as bob,
        alice.subscribe(ContactAccepted) as accepted,
        bob.subscribe(ContactRequested) as requests,
    ):
        await alice.add_contact(bob.contact_link)
        async for request in requests:
            await bob.accept(request.account)
            break
        async for _ in accepted:
            break
        return alice.account, bob.account


def host_of(client):
    return client._node.parts.host


def test_a_contact_that_is_named_has_a_mailbox_here_and_nobody_else_has(tmp_path):
    async def main() -> None:
        _, bobs = await acquaint(tmp_path)
        async with (
            open_client(tmp_path / "alice", config=config(bobs)) as alice,
            open_client(tmp_path / "bob", config=config()) as bob,
            open_host(HostOptions(seed=b"m" * 32)) as stranger,
            mailboxes(host_of(bob), OWNER) as own,
            mailboxes(stranger, STRANGER) as other,
        ):
            keeper = MailboxRelay(host_of(alice).peer_id, alice.addresses)
            await own.register(keeper, KEYS, None)
            with pytest.raises(RelayRefused):
                await other.register(keeper, KEYS, None)
            await other.put(keeper, MAILBOX, b"sealed", WRITER)
        async with (
            open_client(tmp_path / "alice", config=config(bobs)) as alice,
            open_client(tmp_path / "bob", config=config()) as bob,
            mailboxes(host_of(bob), OWNER) as own,
        ):
            keeper = MailboxRelay(host_of(alice).peer_id, alice.addresses)
            assert [kept.blob for kept in await own.fetch(keeper)] == [b"sealed"]

    play(main)


def test_a_client_that_names_nobody_keeps_nothing(tmp_path):
    async def main() -> None:
        async with (
            open_client(tmp_path / "alice", config=config()) as alice,
            open_host(HostOptions(seed=b"m" * 32)) as stranger,
            mailboxes(stranger, STRANGER) as other,
        ):
            keeper = MailboxRelay(host_of(alice).peer_id, alice.addresses)
            with pytest.raises(NetworkError):
                await other.fetch(keeper)
            assert not (tmp_path / "alice" / FILE).exists()

    play(main)


def test_a_client_in_memory_keeps_them_in_memory():
    async def main() -> None:
        account = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
        async with (
            open_client(None, config=config(account)) as alice,
            open_host(HostOptions(seed=b"m" * 32)) as stranger,
            mailboxes(stranger, STRANGER) as other,
        ):
            keeper = MailboxRelay(host_of(alice).peer_id, alice.addresses)
            with pytest.raises(RelayRefused):
                await other.register(keeper, KEYS, None)

    play(main)


def play(story) -> None:
    async def main() -> None:
        with trio.fail_after(60):
            await story()

    trio.run(main)
