"""Multiaddrs in the simulated network: who is dialled, where, and through whom.

Only two forms exist here, `/ip4/…/tcp/…` and `…/p2p/<relay>/p2p-circuit`, each with or without
`/p2p/<peer>` at the end; everything else cannot be dialled, and is told so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network

from p2pchat.model.ids import PeerId

__all__ = ["CIRCUIT", "Target", "endpoints", "is_circuit", "parse"]

CIRCUIT = "/p2p-circuit"
_PORT = 4001
_ENDPOINT = re.compile(r"/ip4/[0-9.]+/tcp/[0-9]+")


@dataclass(frozen=True, slots=True)
class Target:
    """An address, taken apart."""

    endpoint: str
    """`/ip4/…/tcp/…` of the peer, or of its relay; empty for a relay that is connected."""
    relay: PeerId | None = None


def is_circuit(address: str) -> bool:
    """Whether the address leads through a relay."""
    return CIRCUIT in address


def parse(address: str, peer: PeerId) -> Target:
    """Take apart an address at which `peer` shall be dialled; `ValueError` says what is wrong."""
    way, circuit, rest = address.partition(CIRCUIT)
    endpoint, _, relay = way.partition("/p2p/")
    named = rest.removeprefix("/p2p/") if circuit else relay
    if named and PeerId.parse(named) != peer:
        raise ValueError("the address is that of another peer")
    if not (circuit and not endpoint) and not _ENDPOINT.fullmatch(endpoint):
        raise ValueError("it is no address that can be dialled")
    if not circuit:
        return Target(endpoint)
    if not relay:
        raise ValueError("a circuit address names its relay")
    return Target(endpoint, PeerId.parse(relay))


def endpoints(subnet: str) -> Iterator[str]:
    """The endpoints of a subnet, one a machine."""
    for host in ip_network(subnet).hosts():
        yield f"/ip4/{host}/tcp/{_PORT}"
