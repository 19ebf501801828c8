"""A relay's mailboxes over streams: who uses them in order, and who does not."""

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
from p2pchat.node import mailbox_streams
from p2pchat.node.guard import BAN_S, OFFENCES_MAX
from p2pchat.node.mailbox_service import DISK_RETRY_S
from p2pchat.node.mailbox_streams import (
    IDLE_TIMEOUT_S,
    LEAVING_TIMEOUT_S,
    REQUEST_TIMEOUT_S,
    REST_S,
    REST_S_MAX,
    STREAMS_PER_PEER_MAX,
    UNDER_WAY_MAX,
    WRITE_TIMEOUT_S,
)
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.worker import InlineMailboxes
from p2pchat.testing.faults import Partition
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.framing import frame
from p2pchat.wire.mailbox_codec import (
    MAILBOX_PROTOCOL,
    Ask,
    Challenge,
    Done,
    Fetch,
    Open,
    Opened,
    Reason,
    Refused,
    Register,
    Request,
    encode_request,
)
from tests.unit.node.post_office import Office, Raw, play
from tests.unit.protocol.letters import MAILBOX, OWNER, STRANGER, WRITER, proof, put
from tests.unit.protocol.people import CAROL

ALL = frozenset({WRITER.public_key})


async def owned(office: Office, nursery: trio.Nursery, heard: list | None = None):
    """The owner, registered."""
    noticed = (lambda _: None) if heard is None else heard.append
    owner = await office.client("alice", OWNER, nursery, noticed)
    await owner.register(office.relay, ALL, None)
    return owner


async def proved(office: Office, raw: Raw, guest) -> None:
    challenge = await raw.ask(Ask())
    assert isinstance(challenge, Challenge)
    opening = proof(OWNER, challenge.nonce, office.host.peer_id, guest.peer_id)
    assert isinstance(await raw.ask(opening), Opened)


# In order


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

    play(story, limits=MailboxLimits(blob_bytes_max=1000, mailbox_blobs_max=3))


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


# Out of order


@pytest.mark.parametrize(
    "bytes_",
    [
        frame(b"\xff"),
        frame(b""),
        frame(encode_request(Request(1, Fetch())))[:-1],
        b"\xff\xff\xff\x7f",
        frame(b"\x08\x01\xfa\x01\x00"),
    ],
    ids=["nonsense", "nothing", "half", "too large", "later"],
)
def test_who_breaks_the_rules_is_cut_off_and_counted(bytes_):
    async def story(office: Office, nursery: trio.Nursery) -> None:
        raw = await office.raw(await office.guest("mallory"))
        await raw.stream.send_all(bytes_)
        await raw.stream.send_eof()
        assert await raw.is_over()
        assert office.service.statistics().refused == {"malformed": 1}

    play(story)


def test_the_end_of_a_stream_is_waited_for_so_long():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        await office.raw(guest)
        office.network.apply(
            Partition(frozenset({guest.peer_id}), frozenset({office.host.peer_id}))
        )
        await trio.sleep(IDLE_TIMEOUT_S + LEAVING_TIMEOUT_S + 1)
        assert office.service.statistics().sessions == 0

    play(story)


def test_who_breaks_the_rules_time_and_again_is_disconnected_and_not_heard_for_a_while():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        for _ in range(OFFENCES_MAX):
            assert guest.is_connected(office.host.peer_id)
            raw = await office.raw(guest)
            await raw.stream.send_all(frame(b"\xff"))
            assert await raw.is_over()
        await trio.sleep(1)
        assert not guest.is_connected(office.host.peer_id)
        await guest.connect(office.host.peer_id, office.host.addresses)
        assert await (await office.raw(guest)).is_over()
        assert office.service.statistics().refused == {"banned": 1, "malformed": OFFENCES_MAX}
        await trio.sleep(BAN_S)
        assert isinstance(await (await office.raw(guest)).ask(Ask()), Challenge)

    play(story)


def test_who_is_refused_is_read_more_slowly():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        raw = await office.raw(await office.guest("mallory"))
        began_s = trio.current_time()
        await raw.ask(Fetch())
        await raw.ask(Fetch())
        assert REST_S <= trio.current_time() - began_s < REST_S + 1
        for _ in range(10):
            await raw.ask(Fetch())
        assert 4 * REST_S_MAX <= trio.current_time() - began_s < 12 * REST_S_MAX
        await raw.ask(Ask())
        began_s = trio.current_time()
        await raw.ask(Ask())
        assert trio.current_time() - began_s < REST_S

    play(story)


def test_two_requests_of_one_id_are_one_too_many():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        raw = await office.raw(await office.guest("mallory"))
        both = frame(encode_request(Request(7, Ask()))) * 2
        await raw.stream.send_all(both)
        assert await raw.is_over()

    play(story)


def test_half_a_request_is_waited_for_so_long_even_if_it_trickles():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        raw = await office.raw(await office.guest("mallory"))
        whole = frame(encode_request(Request(1, put(bytes(5_000)))))

        async def trickle() -> None:
            for at in range(len(whole)):
                await raw.stream.send_all(whole[at : at + 1])
                await trio.sleep(REQUEST_TIMEOUT_S / 4)

        with pytest.raises(trio.BrokenResourceError):
            await trickle()
        assert office.service.statistics().refused == {"slow": 1}

    play(story)


def test_who_says_nothing_is_let_go():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        raw = await office.raw(await office.guest("mallory"))
        began_s = trio.current_time()
        assert await raw.is_over()
        assert IDLE_TIMEOUT_S <= trio.current_time() - began_s < IDLE_TIMEOUT_S + 1
        assert office.service.statistics().refused == {}

    play(story)


def test_who_does_not_read_its_answers_is_let_go():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        for number in range(20):
            await bob.put(office.relay, MAILBOX, bytes([number]) * 60_000, WRITER)
        guest = await office.guest("alice, who does not read")
        raw = await office.raw(guest)
        await proved(office, raw, guest)
        for _ in range(UNDER_WAY_MAX):
            await raw.send(Fetch())
        await trio.sleep(WRITE_TIMEOUT_S + 1)
        assert office.service.statistics().refused == {"slow": 1}

    play(story)


def test_a_peer_has_so_many_streams():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        raws = [await office.raw(guest) for _ in range(STREAMS_PER_PEER_MAX + 1)]
        assert await raws[-1].is_over()
        assert office.service.statistics().refused == {"streams": 1}
        assert isinstance(await raws[0].ask(Ask()), Challenge)

    play(story)


def test_all_together_have_so_many_streams(monkeypatch):
    monkeypatch.setattr(mailbox_streams, "STREAMS_MAX", 2)

    async def story(office: Office, nursery: trio.Nursery) -> None:
        raws = [await office.raw(await office.guest(name)) for name in ("m", "n", "o")]
        assert await raws[-1].is_over()

    play(story)


def test_half_requests_take_up_no_more_than_a_share_of_the_room(monkeypatch):
    monkeypatch.setattr(mailbox_streams, "REQUESTS_BYTES_MAX", 4 * 66_560)
    monkeypatch.setattr(mailbox_streams, "SOURCE_BYTES_MAX", 66_560)
    monkeypatch.setattr(mailbox_streams, "shared_source", lambda host: host)

    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        half = frame(encode_request(Request(1, put(bytes(60_000)))))[:30_000]
        raws = [await office.raw(guest) for _ in range(3)]
        for raw in raws:
            await raw.stream.send_all(half)
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        await bob.put(office.relay, MAILBOX, bytes(60_000), WRITER)
        for raw in raws:
            assert await raw.is_over()
        assert office.service.statistics().refused["slow"] == 3
        third = await office.raw(guest)
        assert await third.ask(put(bytes(60_000))) == Done()

    play(story)


def test_pages_are_read_so_many_at_a_time(monkeypatch):
    monkeypatch.setattr(mailbox_streams, "PAGES_MAX", 1)

    async def story(office: Office, nursery: trio.Nursery) -> None:
        alice = await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        await bob.put(office.relay, MAILBOX, b"one", WRITER)
        async with trio.open_nursery() as fetches:
            for _ in range(10):
                fetches.start_soon(alice.fetch, office.relay)

    play(story)


def test_strangers_who_ask_get_one_answer_whatever_there_is():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        raw = await office.raw(await office.guest("mallory"))
        mallory = Ed25519Signer(b"y" * 32)
        for key in (MAILBOX, STRANGER.public_key):
            assert await raw.ask(put(b"x", mallory, key)) == Refused(Reason.DENIED)
            assert await raw.ask(Open(key, bytes(64))) == Refused(Reason.DENIED)
        for body in (Fetch(), Register(ALL)):
            assert await raw.ask(body) == Refused(Reason.DENIED)

    play(story)
