"""Clients in LAN mode on loopback: who passes the gate of a LAN with a secret."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import replace

import pytest
import trio

from p2pchat import open_client
from p2pchat.config import ClientConfig, LanConfig
from p2pchat.errors import AddressInUse, ConfigError, PeerUnreachable
from p2pchat.events import ContactAccepted, ContactRequested, LanPeerFound

LOOPBACK = ("127.0.0.0/8",)


def play(story, *arguments) -> None:
    async def main() -> None:
        with trio.fail_after(120):
            await story(*arguments)

    trio.run(main)


def udp_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def config(lan: LanConfig | None = None, **changes) -> ClientConfig:
    listen = ("/ip4/127.0.0.1/tcp/0",)
    return ClientConfig(fetch=False, listen=listen, lan=lan or LanConfig(), **changes)


def lan(port: int, secret: str = "", *, accepts: bool = False) -> LanConfig:
    return LanConfig(
        enabled=True,
        listen_host="127.0.0.1",
        discovery_port=port,
        allowed_subnets=LOOPBACK,
        secret=secret,
        accept_requests=accepts,
    )


@asynccontextmanager
async def people(directory, *configs):
    """alice and bob, each with a configuration."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(open_client(directory / name, name=name, config=one))
            for name, one in zip(("alice", "bob"), configs, strict=True)
        ]


async def acquaint(directory) -> None:
    """Make contacts of alice and bob."""
    async with (
        people(directory, config(), config()) as (alice, bob),
        alice.subscribe(ContactAccepted) as accepted,
        bob.subscribe(ContactRequested) as requests,
    ):
        await alice.add_contact(bob.contact_link)
        async for request in requests:
            await bob.accept(request.account)
            break
        async for _ in accepted:
            break


def test_contacts_talk_though_their_networks_have_different_secrets(tmp_path):
    async def story() -> None:
        await acquaint(tmp_path)
        port = udp_port()
        async with people(
            tmp_path, config(lan(port, "open sesame")), config(lan(port, "open barley"))
        ) as (alice, bob):
            (contact,) = alice.contacts()
            message = await contact.send("we know each other")
            await alice.wait_delivered(message.id)
            assert alice.status().lan.peers == bob.status().lan.peers == ()

    play(story)


def test_strangers_with_different_secrets_do_not_reach_each_other(tmp_path):
    async def story() -> None:
        port = udp_port()
        async with people(
            tmp_path, config(lan(port, "open sesame")), config(lan(port, "open barley"))
        ) as (alice, bob):
            for address in bob.addresses:
                with pytest.raises(PeerUnreachable):
                    await alice.connect(address)
            assert alice.status().peers == bob.status().peers == ()

    play(story)


def test_a_shared_secret_is_enough_to_be_found_and_connected(tmp_path):
    async def story() -> None:
        port = udp_port()
        both = config(lan(port, "open sesame")), config(lan(port, "open sesame"))
        async with people(tmp_path, *both) as (alice, bob), alice.subscribe() as events:
            seen = set()
            while bob.peer_id not in seen & {peer.peer_id for peer in alice.status().peers}:
                event = await anext(events)
                if isinstance(event, LanPeerFound):
                    assert event.name == "bob"
                    seen.add(event.peer_id)
                seen |= {peer.peer_id for peer in alice.status().lan.peers}
            status = alice.status()
            assert [peer.path for peer in status.peers] == ["lan"]
            assert not status.lan.is_open

    play(story)


def test_a_discovery_port_that_is_held_alone_ends_the_start_with_its_number(tmp_path):
    async def story(port: int) -> None:
        async with open_client(tmp_path / "alice", name="alice", config=config(lan(port, "x"))):
            raise AssertionError("it is not open")

    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUse, match=str(port)):
            play(story, port)


def test_who_proved_the_secret_is_accepted_where_the_user_wants_that(tmp_path):
    async def story() -> None:
        port = udp_port()
        both = config(lan(port, "open sesame")), config(lan(port, "open sesame", accepts=True))
        async with (
            people(tmp_path, *both) as (alice, bob),
            alice.subscribe(ContactAccepted) as accepted,
        ):
            contact = await alice.add_contact(bob.contact_link)
            assert (await anext(accepted)).account == bob.account
            message = await contact.send("I know the secret")
            await alice.wait_delivered(message.id)

    play(story)


def test_a_request_that_waits_is_accepted_when_its_peer_proves_the_secret(tmp_path):
    async def story() -> None:
        async with (
            people(tmp_path, config(), config()) as (alice, bob),
            bob.subscribe(ContactRequested) as requests,
        ):
            await alice.add_contact(bob.contact_link)
            await anext(requests)
        port = udp_port()
        both = config(lan(port, "open sesame")), config(lan(port, "open sesame", accepts=True))
        async with (
            people(tmp_path, *both) as (alice, bob),
            bob.subscribe(ContactAccepted) as accepted,
        ):
            assert (await anext(accepted)).account == alice.account

    play(story)


def test_who_passes_without_a_proof_has_to_be_accepted_by_hand(tmp_path):
    async def story() -> None:
        accepting = lan(udp_port(), "open sesame", accepts=True)
        async with open_client(tmp_path / "alice", name="alice", config=config()) as alice:
            known = config(accepting, bootstrap_peers=alice.addresses)
            async with (
                open_client(tmp_path / "bob", name="bob", config=known) as bob,
                bob.subscribe(ContactRequested) as requests,
            ):
                await alice.add_contact(bob.contact_link)
                assert (await anext(requests)).account == alice.account
                await bob.join_open("a turn of the machine")
                await bob.join_open("and another")
                assert [one.account for one in bob.contact_requests()] == [alice.account]

    play(story)


def test_accepting_requests_on_an_open_lan_ends_the_start(tmp_path):
    async def story() -> None:
        wrong = config(lan(udp_port(), accepts=True))
        async with open_client(tmp_path / "alice", name="alice", config=wrong):
            raise AssertionError("it is open")

    with pytest.raises(ConfigError, match="accept_requests"):
        play(story)


def test_two_that_start_together_on_one_machine_listen_at_different_ports_and_meet():
    """Both want the same port, and find it free before either has it."""

    async def live(name: str, shared: LanConfig, ports: dict[str, int], heard: dict) -> None:
        async with open_client(None, name=name, config=config(shared)) as client:
            ports[name] = client.status().lan.listen_port
            while not client.status().lan.peers:  # noqa: ASYNC110
                await trio.sleep(0.01)
            (heard[name],) = {peer.address for peer in client.status().lan.peers}
            while len(heard) < 2:  # who is gone is heard by nobody  # noqa: ASYNC110
                await trio.sleep(0.01)

    async def story() -> None:
        ports: dict[str, int] = {}
        heard: dict[str, str] = {}
        wanted = tcp_port()
        shared = replace(lan(udp_port()), listen_port=wanted)
        async with trio.open_nursery() as nursery:
            for name in ("alice", "bob"):
                nursery.start_soon(live, name, shared, ports, heard)
        assert heard["alice"].endswith(f"/tcp/{ports['bob']}")
        assert heard["bob"].endswith(f"/tcp/{ports['alice']}")
        assert wanted in ports.values()
        assert len(set(ports.values())) == 2

    play(story)


def tcp_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_who_is_outside_of_subnets_that_are_allowed_no_more_is_cut_and_comes_back_with_them(
    tmp_path,
):
    """Contacts, whom the user has chosen, are not: they are found in other ways as well."""

    async def story() -> None:
        shared = config(lan(udp_port()))
        both = shared, shared
        elsewhere = replace(shared, lan=replace(shared.lan, allowed_subnets=("10.99.0.0/24",)))
        async with people(tmp_path, *both) as (alice, bob):
            await until_connected(alice, bob.peer_id)
            change = await alice.reconfigure(elsewhere)
            assert change.applied == ("lan.allowed_subnets",)
            while alice.status().peers:  # noqa: ASYNC110 - he may have called once more meanwhile
                await trio.sleep(0.01)
            with suppress(PeerUnreachable):
                await bob.connect(alice.addresses[0])  # up for him until she hangs up
            while bob.status().peers:  # noqa: ASYNC110
                await trio.sleep(0.01)
            assert alice.status().peers == ()
            await alice.reconfigure(shared)
            await until_connected(alice, bob.peer_id)
        await acquaint(tmp_path)
        async with people(tmp_path, *both) as (alice, bob):
            await until_connected(alice, bob.peer_id)
            await alice.reconfigure(elsewhere)
            assert [peer.peer_id for peer in alice.status().peers] == [bob.peer_id]

    play(story)


async def until_connected(client, peer) -> None:
    while peer not in {one.peer_id for one in client.status().peers}:  # noqa: ASYNC110
        await trio.sleep(0.01)
