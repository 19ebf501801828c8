"""Facts about the machine that the program runs on; no packet is sent for them."""

from __future__ import annotations

import platform
import socket
from importlib.metadata import version
from pathlib import Path

import psutil

from p2pchat.model.facts import MachineFacts
from p2pchat.net.interfaces import own_addresses

__all__ = ["machine_facts"]

_FAR_AWAY = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses that are nobody's (RFC 5737, RFC 3849)."""


def machine_facts(home: Path | None) -> MachineFacts:
    """What the system says of itself; `home` names the disk."""
    return MachineFacts(
        version=version("p2pchat"),
        python=platform.python_version(),
        system=platform.platform(terse=True),
        addresses=tuple(map(str, own_addresses())),
        has_route=any(_has_route(family, address) for family, address in _FAR_AWAY),
        free_bytes=None if home is None else _free_bytes(home),
    )


def _has_route(family: socket.AddressFamily, address: str) -> bool:
    """Whether the system knows where to send what is far away. Connecting UDP only looks."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
    except OSError:
        return False
    return True


def _free_bytes(home: Path) -> int | None:
    """Room on the disk that holds `home`, or will once it is made."""
    for place in (home, *home.absolute().parents):
        try:
            usage = psutil.disk_usage(str(place))
        except FileNotFoundError:
            continue
        except OSError:
            return None  # it may not be looked at, which is told by who tries to open it
        return usage.free if usage.total else None  # /proc and its like are no disks
    return None
