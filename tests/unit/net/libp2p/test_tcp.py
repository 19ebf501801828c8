"""A name reaches no further into a house than it says."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from p2pchat.net.libp2p.addresses import Endpoint
from p2pchat.net.libp2p.tcp import believed

FOUND = ["127.0.0.1", "169.254.1.1", "192.168.1.7", "fe80::1", "8.8.8.8"]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("relay.example.org", ["8.8.8.8"]),
        ("printer", ["8.8.8.8"]),
        ("box.local", ["169.254.1.1", "192.168.1.7", "fe80::1", "8.8.8.8"]),
        ("localhost", FOUND),
    ],
)
def test_a_name_is_believed_as_far_as_it_reaches(name: str, allowed: list[str]):
    found = [(ip_address(text), 4001) for text in FOUND]
    kept = believed(Endpoint(name, 4001, socket.AF_UNSPEC), found)
    assert [str(ip) for ip, _ in kept] == allowed


def test_an_address_needs_no_belief():
    found = [(ip_address("192.168.1.7"), 4001)]
    assert believed(Endpoint("192.168.1.7", 4001), found) == found
