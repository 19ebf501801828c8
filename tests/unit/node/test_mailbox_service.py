"""A relay's mailboxes over streams: who uses them in order."""

from __future__ import annotations

from typing import cast

import pytest
import trio

from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import DiskFull, PeerUnreachable, RelayRefused, StoreError, StreamReset
from p2pchat.model.mailbox import Kept, MailboxRelay
from p2pchat.net import mailbox_client
from p2pchat.net.mailbox_client import ANSWER_TIMEOUT_S, PATIENCE_S
from p2pchat.net.port import Stream
from p2pchat.node.mailbox_service import DISK_RETRY_S
from p2pchat.node.mailbox_streams import (
    IDLE_TIMEOUT_S,
)
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.worker import InlineMailboxes
from p2pchat.wire.framing import frame
from p2pchat.wire.mailbox_codec import (
    MAILBOX_PROTOCOL,
    Ask,
    Done,
)
from tests.unit.node.post_office import ALL, Office, owned, play
from tests.unit.protocol.letters import MAILBOX, OWNER, STRANGER, WRITER, put
from tests.unit.protocol.people import CAROL


def test_what_is_left_for_somebody_away_is_there_when_they_come_and_gone_when_they_say_so():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        async with trio.open_nursery() as life:
            await owned(office, life)
            life.cancel_scope.cancel()
        bob = await office.client("bob", STRANGER, nursery)
        for blob in (b"one", b"two", b"one"):
            await bob.put(office.relay, MAILBOX, blob, WRITER)
        alice = await office.client("alice's second life", OWNER, nursery)
        found = await alice.fetch(office.relay)
        assert [kept.blob for kept in found] == [b"one", b"two"]
        assert await alice.fetch(office.relay, found[0].id) == found[1:]
        await alice.delete(office.relay, [found[0].id, 5])
        assert await alice.fetch(office.relay) == found[1:]
        await alice.delete(office.relay, (found[1].id,))
        assert await alice.fetch(office.relay) == ()
        await trio.sleep(1)
        statistics = office.service.statistics()
        assert (statistics.mailboxes, statistics.blobs, statistics.stored) == (1, 0, 3)

    play(story)


def test_an_owner_who_is_here_hears_at_once():
    heard: list[object] = []

    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await owned(office, nursery, heard)
        await trio.sleep(IDLE_TIMEOUT_S * 5)
        bob = await office.client("bob", STRANGER, nursery)
        await bob.put(office.relay, MAILBOX, b"one", WRITER)
        await bob.put(office.relay, MAILBOX, b"two", WRITER)
        await trio.sleep(1)
        assert heard == [office.host.peer_id]
        assert len(await alice.fetch(office.relay)) == 2
        await bob.put(office.relay, MAILBOX, b"three", WRITER)
        await trio.sleep(1)
        assert heard == [office.host.peer_id] * 2

    play(story)


def test_many_puts_are_under_way_at_once_and_come_in_pages():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        blobs = {number.to_bytes(2, "big") * 500 for number in range(600)}
        began_s = trio.current_time()
        async with trio.open_nursery() as puts:
            for blob in blobs:
                puts.start_soon(bob.put, office.relay, MAILBOX, blob, WRITER)
        assert trio.current_time() - began_s < 10
        found: list[Kept] = []
        while page := await alice.fetch(office.relay, found[-1].id if found else 0):
            found += page
        assert {kept.blob for kept in found} == blobs
        assert len({kept.id for kept in found}) == 600

    play(story)


def test_a_client_is_told_why_the_relay_will_not():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        with pytest.raises(RelayRefused, match="no such mailbox"):
            await bob.put(office.relay, STRANGER.public_key, b"sealed", WRITER)
        with pytest.raises(RelayRefused, match="no such mailbox"):
            await bob.fetch(office.relay)
        with pytest.raises(RelayRefused, match="too large"):
            await bob.put(office.relay, MAILBOX, bytes(1001), WRITER)
        for number in range(3):
            await bob.put(office.relay, MAILBOX, bytes([number]), WRITER)
        with pytest.raises(RelayRefused, match="mailbox is full"):
            await bob.put(office.relay, MAILBOX, b"more", WRITER)
        assert len(await alice.fetch(office.relay)) == 3

    play(story, limits=MailboxLimits(blob_bytes_max=1000, mailbox_blobs_max=12))


def test_a_client_waits_for_a_busy_relay_but_not_for_ever(monkeypatch):
    from p2pchat.protocol import mailbox
    from p2pchat.protocol.pace import Rate

    monkeypatch.setattr(mailbox, "PUTS", Rate(per_s=1, burst=1))

    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        began_s = trio.current_time()
        for number in range(3):
            await bob.put(office.relay, MAILBOX, bytes([number]), WRITER)
        assert 2 <= trio.current_time() - began_s < PATIENCE_S
        monkeypatch.setattr(mailbox_client, "PATIENCE_S", 0.0)
        with pytest.raises(StreamReset, match="busy"):
            await bob.put(office.relay, MAILBOX, b"more", WRITER)

    play(story)


def test_a_stream_that_was_closed_meanwhile_is_opened_again():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        await bob.put(office.relay, MAILBOX, b"one", WRITER)
        await trio.sleep(2 * IDLE_TIMEOUT_S + 1)
        assert office.service.statistics().sessions == 1, "the owner's"
        await bob.put(office.relay, MAILBOX, b"two", WRITER)

    play(story)


def test_who_keeps_no_mailboxes_or_is_not_there_is_told_of():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        bob = await office.client("bob", STRANGER, nursery)
        with pytest.raises(PeerUnreachable):
            await bob.fetch(MailboxRelay(CAROL.device.peer_id, ("/ip4/10.9.9.9/tcp/1",)))
        other = await office.guest("carol")
        with pytest.raises(StreamReset):
            await bob.fetch(MailboxRelay(other.peer_id, other.addresses))

    play(story)


class Stuck:
    """A stream that takes nothing more."""

    peer = CAROL.device.peer_id

    async def send_all(self, _: bytes) -> None:
        await trio.sleep_forever()


def test_a_stream_on_which_somebody_gave_up_within_a_request_is_used_no_more():
    async def story(_office: Office, _nursery: trio.Nursery) -> None:
        line = mailbox_client._Line(cast("Stream", Stuck()))
        with trio.move_on_after(1):
            await line.ask(Ask())
        assert line.ended.is_set()
        assert line.scope.cancel_called
        with pytest.raises(StreamReset):
            await line.ask(Ask())

    play(story)


def test_a_relay_that_answers_nothing_is_given_up():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        mute = await office.guest("mute")

        async def say_nothing(_: Stream) -> None:
            await trio.sleep_forever()

        mute.serve(MAILBOX_PROTOCOL, say_nothing)
        bob = await office.client("bob", STRANGER, nursery)
        began_s = trio.current_time()
        with pytest.raises(StreamReset):
            await bob.fetch(MailboxRelay(mute.peer_id, mute.addresses))
        assert trio.current_time() - began_s < ANSWER_TIMEOUT_S + 1

    play(story)


def test_a_relay_that_answers_nonsense_is_given_up():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        liar = await office.guest("liar")

        async def lie(stream: Stream) -> None:
            await stream.receive_some(100)
            await stream.send_all(frame(b"\xff"))

        liar.serve(MAILBOX_PROTOCOL, lie)
        bob = await office.client("bob", STRANGER, nursery)
        with pytest.raises(StreamReset):
            await bob.fetch(MailboxRelay(liar.peer_id, liar.addresses))

    play(story)


def test_who_serves_named_contacts_alone_keeps_no_mailbox_for_others():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await office.client("alice", OWNER, nursery)
        with pytest.raises(RelayRefused, match="keeps no mailbox for us"):
            await alice.register(office.relay, ALL, None)

    play(story, may_own=lambda _: False)


def test_what_was_asked_before_the_end_of_a_stream_is_answered():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        guest = await office.guest("bob")
        raw = await office.raw(guest)
        for number in range(5):
            await raw.send(put(bytes([number])))
        await raw.stream.send_eof()
        assert await raw.answers(5) == [Done()] * 5
        assert await raw.is_over()

    play(story)


# The disk


class Moody:
    """A disk that fails while it is told to."""

    def __init__(self) -> None:
        self._store = InlineMailboxes(MemoryMailboxes())
        self.fails = False

    def _look(self) -> None:
        if self.fails:
            raise DiskFull("no room")

    async def snapshot(self):
        self._look()
        return await self._store.snapshot()

    async def commit(self, changes):
        self._look()
        return await self._store.commit(changes)

    async def page(self, query):
        self._look()
        return await self._store.page(query)


def test_a_disk_that_fails_confirms_nothing_and_is_tried_again():
    disk = Moody()

    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        await bob.put(office.relay, MAILBOX, b"one", WRITER)
        disk.fails = True
        with pytest.raises(StreamReset):
            await bob.put(office.relay, MAILBOX, b"two", WRITER)
        await trio.sleep(3 * DISK_RETRY_S)
        assert office.service.statistics().refused["disk"] >= 3
        disk.fails = False
        await trio.sleep(DISK_RETRY_S)
        await bob.put(office.relay, MAILBOX, b"three", WRITER)
        assert [kept.blob for kept in await alice.fetch(office.relay)] == [b"one", b"three"]
        disk.fails = True
        with pytest.raises(StreamReset):
            await alice.fetch(office.relay)

    play(story, store=disk)


def test_mailboxes_that_cannot_be_read_at_the_start_stop_it():
    disk = Moody()
    disk.fails = True

    async def story(office: Office, nursery: trio.Nursery) -> None:
        raise AssertionError("it did not start")

    with pytest.raises(ExceptionGroup) as told:
        play(story, store=disk)
    assert told.group_contains(StoreError)
