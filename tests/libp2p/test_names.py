"""Peers dialled by name: the IP address of the connection counts, the name is what was dialled."""

from __future__ import annotations

import pytest

from p2pchat.net.libp2p.quotas import Quotas
from tests.libp2p.hosts import bare, host, is_up, play, until


def named(address: str) -> str:
    return address.replace("/ip4/127.0.0.1", "/dns4/localhost")


def test_who_was_dialled_by_name_is_known_by_the_ip_address_as_well():
    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob:
            address = bare(bob.addresses[0])
            await alice.connect(bob.peer_id, [named(address)])
            (state,) = alice.peers
            assert (state.addresses, state.dialled) == ((address,), (named(address),))

    play(story)


def test_a_circuit_over_a_relay_dialled_by_name_shows_the_ip_address_of_the_relay():
    async def story() -> None:
        async with (
            host("relay", is_relay=True) as relay,
            host("alice", listen=()) as alice,
            host("bob", listen=()) as bob,
        ):
            await bob.connect(relay.peer_id, relay.addresses)
            await bob.reserve(relay.peer_id)
            address = f"{relay.addresses[0]}/p2p-circuit"
            await alice.connect(bob.peer_id, [named(address)])
            state = next(one for one in alice.peers if one.peer == bob.peer_id)
            assert (state.addresses, state.dialled) == ((address,), (named(address),))

    play(story)


def test_whom_a_relay_has_dialled_by_name_it_counts_by_the_ip_address(
    monkeypatch: pytest.MonkeyPatch,
):
    hosts: list[str | None] = []
    reserve = Quotas.reserve

    def recording(self, peer, host, now_s) -> None:
        hosts.append(host)
        reserve(self, peer, host, now_s)

    monkeypatch.setattr(Quotas, "reserve", recording)

    async def story() -> None:
        async with host("relay", is_relay=True) as relay, host("bob") as bob:
            await relay.connect(bob.peer_id, [named(bob.addresses[0])])
            await until(bob, relay, is_up)
            await bob.reserve(relay.peer_id)

    play(story)
    assert hosts == ["127.0.0.1"]
