"""The machine's own addresses. What they are differs by machine; what they must not be does not."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace

import psutil
import pytest

from p2pchat.net import interfaces
from p2pchat.net.interfaces import own_addresses, own_networks, usable_listen

V4, V6 = "/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0"


def entry(address: str, family: int = socket.AF_INET):
    return SimpleNamespace(family=family, address=address)


@pytest.fixture
def machine(monkeypatch):
    """Put a machine of our own in place of the system's answers: addresses by interface."""

    def put(addresses, down=()) -> None:
        monkeypatch.setattr(psutil, "net_if_addrs", lambda: addresses)
        monkeypatch.setattr(
            psutil,
            "net_if_stats",
            lambda: {name: SimpleNamespace(isup=name not in down) for name in addresses},
        )

    return put


def test_this_machine_answers_addresses_that_others_could_use():
    for address in own_addresses():
        assert not address.is_loopback
        assert not address.is_unspecified


def test_overlays_count_like_any_other_interface(machine):
    machine(
        {
            "eth0": [entry("192.168.1.7"), entry("2001:db8::7", socket.AF_INET6)],
            "wg0": [entry("10.8.0.2")],
            "tailscale0": [entry("100.101.102.103"), entry("fd7a:115c:a1e0::1", socket.AF_INET6)],
        }
    )
    assert [str(address) for address in own_addresses()] == [
        "192.168.1.7",
        "2001:db8::7",
        "10.8.0.2",
        "100.101.102.103",
        "fd7a:115c:a1e0::1",
    ]


def test_what_nobody_else_can_reach_is_left_out(machine):
    machine(
        {
            "lo": [entry("127.0.0.1"), entry("::1", socket.AF_INET6)],
            "eth0": [
                entry("fe80::1%eth0", socket.AF_INET6),
                entry("02:00:00:00:00:01", psutil.AF_LINK),
                entry("169.254.7.7"),
            ],
            "eth1": [entry("192.168.2.7")],
            "br0": [entry("169.254.7.7")],
        },
        down=("eth1",),
    )
    assert [str(address) for address in own_addresses()] == ["169.254.7.7"]


def test_a_machine_that_may_not_be_asked_counts_as_offline(monkeypatch, caplog):
    def refuse():
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(psutil, "net_if_addrs", refuse)
    assert own_addresses() == ()
    assert "not permitted" in caplog.text


@pytest.fixture
def without_ipv6(monkeypatch):
    """A system whose kernel knows no IPv6."""
    make = socket.socket

    def refuse(family=socket.AF_INET, *rest, **named):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return make(family, *rest, **named)

    monkeypatch.setattr(interfaces.socket, "socket", refuse)


@pytest.mark.usefixtures("without_ipv6")
def test_all_interfaces_of_a_family_that_is_missing_are_none():
    assert usable_listen((V4, V6)) == (V4,)
    assert usable_listen((V6,)) == ()


@pytest.mark.usefixtures("without_ipv6")
def test_a_concrete_address_is_never_left_out():
    assert usable_listen(("/ip6/::1/tcp/0", V6)) == ("/ip6/::1/tcp/0",)


def test_ipv4_is_there_on_every_machine_that_runs_this():
    assert usable_listen((V4, "/ip4/127.0.0.1/tcp/4001")) == (V4, "/ip4/127.0.0.1/tcp/4001")


def network(address: str, netmask: str | None, family: int = socket.AF_INET):
    return SimpleNamespace(family=family, address=address, netmask=netmask)


def test_networks_are_those_of_ipv4_interfaces_that_are_up_in_an_order_that_stays(machine):
    machine(
        {
            "wlan0": [network("192.0.2.9", "255.255.255.0"), network("fe80::1", "ffff::", 10)],
            "lo": [network("127.0.0.1", "255.0.0.0")],
            "wg0": [network("10.9.0.1", "255.255.255.255"), network("10.9.0.2", None)],
            "eth0": [network("198.51.100.1", "255.255.255.0")],
        },
        down=("eth0",),
    )
    assert list(map(str, own_networks())) == ["10.9.0.1/32", "127.0.0.1/8", "192.0.2.9/24"]


def test_a_system_that_does_not_tell_has_no_networks(monkeypatch, caplog):
    def refuse() -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(psutil, "net_if_stats", refuse)
    assert own_networks() == ()
    assert "networks" in caplog.text
