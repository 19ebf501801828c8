"""Addresses that a host gives away."""

from __future__ import annotations

import socket

import pytest
import trio

from p2pchat.model.ids import DeviceId
from p2pchat.net.libp2p.addresses import (
    ADDRESS_CHARACTERS_MAX,
    NAME_ADDRESSES_MAX,
    Endpoint,
    concrete,
    parse,
    resolve,
)


def test_loopback_is_given_away_only_when_there_is_nothing_else():
    loopback = [("127.0.0.1", 2), ("::1", 3)]
    assert concrete(loopback) == ("/ip4/127.0.0.1/tcp/2", "/ip6/::1/tcp/3")
    assert concrete([*loopback, ("192.0.2.1", 1)]) == ("/ip4/192.0.2.1/tcp/1",)


def test_an_address_without_end_is_not_read():
    peer = DeviceId(bytes(32)).peer_id
    fits = "/ip4/192.0.2.1/tcp/1"
    assert parse(fits, peer) == Endpoint("192.0.2.1", 1)
    with pytest.raises(ValueError, match="longer than 512"):
        parse(fits + "/p2p-circuit" * ADDRESS_CHARACTERS_MAX, peer)


class ManyAddresses(trio.abc.HostnameResolver):
    """A name server that tells of a hundred addresses."""

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        return [(family, type, proto, "", (f"192.0.2.{n}", port)) for n in range(100)]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


def test_of_a_name_with_many_addresses_the_first_are_tried():
    async def main() -> None:
        trio.socket.set_custom_hostname_resolver(ManyAddresses())
        found = await resolve(Endpoint("many.example", 1, socket.AF_UNSPEC))
        assert [str(ip) for ip, _ in found] == [f"192.0.2.{n}" for n in range(NAME_ADDRESSES_MAX)]

    trio.run(main)
