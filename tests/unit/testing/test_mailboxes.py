"""Mailboxes in memory judge as a relay does."""

from __future__ import annotations

import pytest
import trio

from p2pchat.errors import PeerUnreachable, RelayRefused
from p2pchat.model.mailbox import Kept, MailboxRelay
from p2pchat.net.mailboxes import BLOB_BYTES_MAX
from p2pchat.testing.mailboxes import MailClient, MailRelays
from p2pchat.wire.envelope import Ed25519Signer
from tests.unit.protocol.people import CAROL

RELAY = MailboxRelay(CAROL.device.peer_id)
OWN = Ed25519Signer(b"o" * 32)
WRITER = Ed25519Signer(b"w" * 32)
STRANGER = Ed25519Signer(b"s" * 32)


def run(script):
    async def main():
        relays = MailRelays()
        await script(
            relays, MailClient(relays, OWN, page_blobs_max=2), MailClient(relays, STRANGER)
        )

    trio.run(main)


def test_blobs_come_in_pages_and_go_when_they_are_deleted():
    async def script(relays, own, other):
        await own.register(RELAY, [WRITER.public_key], None)
        for blob in (b"a", b"b", b"a", b"c"):
            await other.put(RELAY, OWN.public_key, blob, WRITER)
        assert await own.fetch(RELAY) == (Kept(1, b"a"), Kept(2, b"b"))
        assert await own.fetch(RELAY, 2) == (Kept(3, b"c"),)
        await own.delete(RELAY, [1, 2, 9])
        assert relays.kept(RELAY.peer) == [b"c"]

    run(script)


def test_strangers_write_by_the_key_of_the_link_alone():
    async def script(relays, own, other):
        await own.register(RELAY, [WRITER.public_key], STRANGER.public_key)
        await other.put(RELAY, OWN.public_key, b"hello", STRANGER)
        await own.register(RELAY, [WRITER.public_key], None)
        with pytest.raises(RelayRefused):
            await other.put(RELAY, OWN.public_key, b"again", STRANGER)
        assert relays.kept(RELAY.peer) == [b"hello"]

    run(script)


def test_nothing_goes_into_no_mailbox_and_nothing_that_is_too_large():
    async def script(relays, own, other):
        with pytest.raises(RelayRefused):
            await other.put(RELAY, OWN.public_key, b"hello", WRITER)
        await own.register(RELAY, [WRITER.public_key], None)
        with pytest.raises(RelayRefused):
            await other.put(RELAY, OWN.public_key, bytes(BLOB_BYTES_MAX + 1), WRITER)
        with pytest.raises(RelayRefused):
            await other.fetch(RELAY)

    run(script)


def test_a_relay_that_is_down_answers_nobody():
    async def script(relays, own, other):
        relays.down.add(RELAY.peer)
        with pytest.raises(PeerUnreachable):
            await own.fetch(RELAY)

    run(script)
