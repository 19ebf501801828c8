"""Who is not wanted: peers by their key, networks by their address.

A blocked peer is blocked wherever it is, for its key is proved by every handshake. A network is
blocked for whoever is in it, so what comes from there is refused before anybody has said who they
are. The most particular rule decides: peer, then blocked subnet, then allowed subnets, where there
are any (`BlockList.refusal`).

An address is judged by what packets are sent to. Through a circuit that is the relay: when it lies
in a blocked subnet the circuit is refused, and so is one that names a blocked address behind it;
where else the far peer may be nobody here can see, and who wants to be rid of it blocks the peer.

Who is kept out of a LAN (`Confinement`) is so on direct connections in private networks alone: a
peer that was heard in one may be anybody's, by any way that leads around it.

A host name is judged when it has been looked up. IPv4 inside IPv6 (`::ffff:10.0.0.1`) is IPv4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import pairwise

from p2pchat.model.ids import AccountId, PeerId
from p2pchat.model.scope import Scope, scope_of

__all__ = [
    "BLOCKED_ACCOUNTS_MAX",
    "BLOCKED_PEERS_MAX",
    "BLOCKED_SUBNETS_MAX",
    "NOBODY",
    "Block",
    "BlockKind",
    "BlockList",
    "Confinement",
    "Refusal",
    "Subnet",
    "Target",
    "parse_subnet",
    "parse_subnets",
    "parse_target",
]

BLOCKED_ACCOUNTS_MAX = 1024
BLOCKED_PEERS_MAX = 4096
BLOCKED_SUBNETS_MAX = 256

SUBNET_CHARACTERS_MAX = 64
_BITS_OF_HOST = {4: 24, 6: 64}
"""The network that a bare address stands for: what a household or a host is usually given."""
_MAPPED_BITS = 96
"""`::ffff:0:0/96` holds IPv4."""
_IP_PROTOCOLS = ("ip4", "ip6")

Subnet = IPv4Network | IPv6Network
Target = AccountId | PeerId | Subnet
"""What a person blocks: an account with all its devices, one device, or a network. Their text forms
tell them apart."""
_Address = IPv4Address | IPv6Address


class Refusal(StrEnum):
    """Which rule forbids a peer; the first that applies."""

    PEER = "the peer is blocked"
    SUBNET = "its address is in a blocked subnet"
    OUTSIDE = "its address is outside the allowed subnets"


@dataclass(frozen=True, slots=True)
class Confinement:
    """LAN mode lets these peers in only from these networks; the internet is no matter of its."""

    peers: frozenset[PeerId]
    allowed: tuple[IPv4Network, ...]

    def refuses(self, peer: PeerId, ip_or_multiaddr: str) -> bool:
        """Whether a direct connection with a peer at this address is out of bounds."""
        if peer not in self.peers or "/p2p-circuit" in ip_or_multiaddr:
            return False
        return any(
            ip.version == 4
            and scope_of(f"/ip4/{ip}") is not Scope.PUBLIC
            and not _is_in(self.allowed, ip)
            for ip in _addresses(ip_or_multiaddr)
        )


@dataclass(frozen=True, slots=True)
class BlockList:
    """What a host refuses."""

    peers: frozenset[PeerId] = frozenset()
    subnets: frozenset[Subnet] = frozenset()
    confinement: Confinement | None = None

    @classmethod
    def parse(cls, peers: Iterable[str] = (), subnets: Iterable[str] = ()) -> BlockList:
        """Read what a person wrote. Raises `ValueError` with one line that names the bad entry, or
        says that there are too many."""
        read = cls(frozenset(map(_peer, peers)), frozenset(parse_subnets(subnets)))
        if len(read.peers) > BLOCKED_PEERS_MAX:
            raise ValueError(f"too many blocked peers; {BLOCKED_PEERS_MAX} is the most")
        if len(read.subnets) > BLOCKED_SUBNETS_MAX:
            raise ValueError(f"too many blocked subnets; {BLOCKED_SUBNETS_MAX} is the most")
        return read

    def blocks_peer(self, peer: PeerId) -> bool:
        return peer in self.peers

    def blocks_address(self, ip_or_multiaddr: str) -> bool:
        """Whether any IP address in it is in a blocked subnet.

        Total: text without an IP address, such as a name, is not blocked.
        """
        if not self.subnets:
            return False  # every connection asks, and reading an address costs
        return any(_is_in(self.subnets, ip) for ip in _addresses(ip_or_multiaddr))

    def confines(self, peer: PeerId, ip_or_multiaddr: str) -> bool:
        """Whether a direct connection with a peer there is out of bounds of the LAN."""
        return self.confinement is not None and self.confinement.refuses(peer, ip_or_multiaddr)

    def refusal(
        self, peer: PeerId | None, address: str, allowed: Sequence[Subnet] | None = None
    ) -> Refusal | None:
        """Why a peer at `address` is refused, if it is; `allowed` None allows every network."""
        if peer is not None and self.blocks_peer(peer):
            return Refusal.PEER
        if self.blocks_address(address):
            return Refusal.SUBNET
        if peer is not None and self.confines(peer, address):
            return Refusal.OUTSIDE
        if allowed is not None and not any(_is_in(allowed, ip) for ip in _addresses(address)):
            return Refusal.OUTSIDE
        return None

    def __or__(self, other: BlockList) -> BlockList:
        """What either refuses."""
        confinement = other.confinement or self.confinement
        return BlockList(self.peers | other.peers, self.subnets | other.subnets, confinement)

    def __bool__(self) -> bool:
        return bool(self.peers or self.subnets or self.confinement)


NOBODY = BlockList()
"""Refuses nobody."""


class BlockKind(StrEnum):
    """What a block names."""

    ACCOUNT = "account"
    PEER = "peer"
    SUBNET = "subnet"


@dataclass(frozen=True, slots=True)
class Block:
    """One entry of what is blocked, as it is shown."""

    target: str
    kind: BlockKind
    blocked_at: int
    """Milliseconds since the epoch; 0 when it stands in the configuration."""
    configured: bool
    """It stands in the configuration and is taken out there."""

    @classmethod
    def of(cls, target: Target, blocked_at: int, *, configured: bool) -> Block:
        match target:
            case AccountId():
                kind = BlockKind.ACCOUNT
            case PeerId():
                kind = BlockKind.PEER
            case _:
                kind = BlockKind.SUBNET
        return cls(str(target), kind, blocked_at, configured)


def parse_subnet(text: str) -> Subnet:
    """Read `address/prefix`, or a bare address, which stands for its /24 (IPv6: /64).

    Answers the network's own address whatever address of it was written. Raises `ValueError` with
    one line that says what is wrong with this text.
    """
    host, slash, prefix = text.strip().partition("/")
    try:
        if len(text) > SUBNET_CHARACTERS_MAX or "%" in host:
            raise ValueError
        ip = ip_address(host)
        bits = _prefix(prefix) if slash else None
        return _network(ip, bits)
    except ValueError:
        raise ValueError(
            f"{text[:SUBNET_CHARACTERS_MAX]!r} is no network;"
            " write 203.0.113.0/24, 2001:db8::/32, or an address alone"
        ) from None


def parse_subnets(texts: Iterable[str]) -> tuple[Subnet, ...]:
    """Each network once, in the order written. Raises `ValueError` like `parse_subnet`."""
    return tuple(dict.fromkeys(map(parse_subnet, texts)))


def parse_target(text: str) -> Target:
    """Read the text form of an account, a peer or a network. Raises `ValueError` with one line."""
    text = text.strip()
    if any(mark in text for mark in "./:"):
        return parse_subnet(text)
    try:
        return AccountId.parse(text) if text.startswith("z") else PeerId.parse(text)
    except ValueError:
        raise ValueError(
            f"{text[:80]!r} is neither an account (z6Mk…), a peer id (12D3KooW…),"
            " nor a network (203.0.113.0/24)"
        ) from None


def _prefix(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError
    return int(text)


def _network(ip: _Address, bits: int | None) -> Subnet:
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    if mapped is not None and (bits is None or bits >= _MAPPED_BITS):
        ip, bits = mapped, None if bits is None else bits - _MAPPED_BITS
    width = _BITS_OF_HOST[ip.version] if bits is None else bits
    if isinstance(ip, IPv4Address):
        return IPv4Network((ip, width), strict=False)
    return IPv6Network((ip, width), strict=False)


def _peer(text: str) -> PeerId:
    try:
        return PeerId.parse(text.strip())
    except ValueError:
        raise ValueError(f"{text[:80]!r} is no peer id, which looks like 12D3KooW…") from None


def _addresses(text: str) -> Iterator[_Address]:
    """Every IP address in a multiaddr, or the one that the text is."""
    if not text.startswith("/"):
        yield from _address(text)
        return
    parts = text.split("/")
    for name, value in pairwise(parts):
        if name in _IP_PROTOCOLS:
            yield from _address(value)


def _address(text: str) -> Iterator[_Address]:
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return  # no address of anything: it cannot be dialled
    yield (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _is_in(subnets: Iterable[Subnet], ip: _Address) -> bool:
    return any(ip in subnet for subnet in subnets)
