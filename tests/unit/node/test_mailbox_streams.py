"""The streams of mailboxes: who breaks the rules, holds what he can, or does not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import pytest
import trio

from p2pchat.net.port import Connectedness, Host, Path
from p2pchat.node import mailbox_room, mailbox_streams
from p2pchat.node.guard import BAN_S, OFFENCES_MAX
from p2pchat.node.mailbox_room import OWN_BYTES
from p2pchat.node.mailbox_streams import (
    CIRCUIT_SOURCES,
    IDLE_TIMEOUT_S,
    LEAVING_TIMEOUT_S,
    REQUEST_TIMEOUT_S,
    REST_S,
    REST_S_MAX,
    STREAMS_PER_PEER_MAX,
    UNDER_WAY_MAX,
    WRITE_TIMEOUT_S,
    MailboxStreams,
)
from p2pchat.protocol.mailbox_vocabulary import Joined
from p2pchat.protocol.shares import PARTS
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.worker import InlineMailboxes
from p2pchat.testing.faults import Partition
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.framing import frame
from p2pchat.wire.mailbox_codec import (
    PAGE_BYTES_MAX,
    Ask,
    Challenge,
    Done,
    Fetch,
    Open,
    Reason,
    Refused,
    Register,
    Request,
    encode_request,
)
from tests.unit.node.post_office import ALL, Office, owned, play, proved
from tests.unit.protocol.letters import MAILBOX, STRANGER, WRITER, put
from tests.unit.protocol.people import person


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


def test_who_reads_too_slowly_time_and_again_is_served_all_the_same():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        for number in range(20):
            await bob.put(office.relay, MAILBOX, bytes([number]) * 60_000, WRITER)
        guest = await office.guest("alice, whose line is slow")
        for _ in range(OFFENCES_MAX // STREAMS_PER_PEER_MAX):
            for _ in range(STREAMS_PER_PEER_MAX):
                raw = await office.raw(guest)
                await proved(office, raw, guest)
                for _ in range(UNDER_WAY_MAX):
                    await raw.send(Fetch())
            await trio.sleep(WRITE_TIMEOUT_S + 1)
        assert office.service.statistics().refused == {"slow": OFFENCES_MAX}
        assert guest.is_connected(office.host.peer_id)
        assert isinstance(await (await office.raw(guest)).ask(Ask()), Challenge)

    play(story)


def test_a_peer_has_so_many_streams():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        raws = [await office.raw(guest) for _ in range(STREAMS_PER_PEER_MAX + 1)]
        assert await raws[-1].is_over()
        assert office.service.statistics().refused == {"streams": 1}
        assert isinstance(await raws[0].ask(Ask()), Challenge)

    play(story)


def test_all_together_have_so_many_streams_and_who_has_many_gets_no_more(monkeypatch):
    monkeypatch.setattr(mailbox_room, "STREAMS_MAX", 2 * (PARTS + 1))
    monkeypatch.setattr(mailbox_streams, "site", lambda host: host)

    async def story(office: Office, nursery: trio.Nursery) -> None:
        mallory = await office.guest("mallory")
        raws = [await office.raw(mallory) for _ in range(3)]
        assert await raws[-1].is_over()
        assert office.service.statistics().refused == {"streams": 1}
        raw = await office.raw(await office.guest("bob"))
        assert isinstance(await raw.ask(Ask()), Challenge)

    play(story)


def test_who_made_up_a_key_and_has_no_mailbox_is_let_go_when_silent():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        guest = await office.guest("mallory")
        raw = await office.raw(guest)
        await proved(office, raw, guest)
        began_s = trio.current_time()
        assert await raw.is_over()
        assert trio.current_time() - began_s < IDLE_TIMEOUT_S + 1

    play(story)


HALF = frame(encode_request(Request(1, put(bytes(60_000)))))[:30_000]


def test_half_requests_from_a_few_addresses_keep_nobody_else_waiting(monkeypatch):
    monkeypatch.setattr(mailbox_room, "REQUESTS_BYTES_MAX", 20 * 61_000)
    monkeypatch.setattr(mailbox_streams, "site", lambda host: host)

    async def story(office: Office, nursery: trio.Nursery) -> None:
        attackers = [await office.guest(f"mallory {number}") for number in range(4)]
        raws = [await office.raw(guest) for guest in attackers for _ in range(3)]
        for raw in raws:
            await raw.stream.send_all(HALF)
        await owned(office, nursery)
        bob = await office.client("bob", STRANGER, nursery)
        began_s = trio.current_time()
        await bob.put(office.relay, MAILBOX, bytes(60_000), WRITER)
        assert trio.current_time() - began_s < 1
        for raw in raws:
            assert await raw.is_over()
        assert office.service.statistics().refused["slow"] == len(raws)
        again = await office.raw(attackers[0])
        assert await again.ask(put(bytes(60_000))) == Done()

    play(story)


def test_what_is_small_waits_for_no_room(monkeypatch):
    monkeypatch.setattr(mailbox_room, "REQUESTS_BYTES_MAX", 9 * 61_000)
    monkeypatch.setattr(mailbox_streams, "site", lambda host: "all of them")

    async def story(office: Office, nursery: trio.Nursery) -> None:
        await owned(office, nursery)
        mallory = await office.raw(await office.guest("mallory"))
        await mallory.stream.send_all(HALF)
        bob = await office.client("bob", STRANGER, nursery)
        began_s = trio.current_time()
        await bob.put(office.relay, MAILBOX, bytes(OWN_BYTES - 300), WRITER)
        assert trio.current_time() - began_s < 1
        await bob.put(office.relay, MAILBOX, bytes(OWN_BYTES), WRITER)
        assert trio.current_time() - began_s > REQUEST_TIMEOUT_S - 1

    play(story)


def test_whoever_comes_over_a_relay_is_one_of_a_few_sources_there():
    async def story(office: Office, nursery: trio.Nursery) -> None:
        peers = [person(str(number)).device.peer_id for number in range(200)]
        addresses = (
            "/ip4/192.0.2.7/tcp/1/p2p/12D3KooWRelay/p2p-circuit",
            "/ip4/198.51.100.1/tcp/9",
        )
        direct = ("/ip6/2001:db8::1/tcp/1",)
        hosts = {
            over: [Connectedness(peer, over, Path.DIRECT, inbound=True) for peer in peers]
            for over in (addresses, direct)
        }

        def sources(over: tuple[str, ...]) -> set[str]:
            streams = MailboxStreams(
                cast("Host", Peers(tuple(hosts[over]))), InlineMailboxes(MemoryMailboxes()), Joined
            )
            return {streams._source_of(peer) for peer in peers}

        assert len(sources(addresses)) == CIRCUIT_SOURCES
        assert all(one.startswith("192.0.2.7 ") for one in sources(addresses))
        assert len(sources(direct)) == 1

    play(story)


@dataclass(frozen=True)
class Peers:
    """A host of whom no more is asked than who is connected."""

    peers: tuple[Connectedness, ...]


def test_so_much_of_pages_is_read_at_a_time_and_the_others_come_after_it(monkeypatch):
    monkeypatch.setattr(mailbox_room, "PAGES_BYTES_MAX", (PARTS + 1) * PAGE_BYTES_MAX)

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
