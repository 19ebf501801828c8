"""The TXT record of libp2p's multicast DNS: which peer is at which addresses.

The record's data is a row of character strings, one length byte and at most 255 bytes each; those
that begin with `dnsaddr=` hold a multiaddr that ends in `/p2p/<peer>` (libp2p specifications,
discovery/mdns.md). Everybody on the network can send one, so it is bounded, and only addresses that
can be dialled from here are taken: IPv4 and TCP, all of one peer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.model.ids import PeerId
from p2pchat.wire.multiaddr import is_multiaddr

__all__ = ["SERVICE", "decode_txt", "encode_txt"]

SERVICE = "_p2p._udp.local."
"""The DNS-SD name that libp2p peers answer to."""
TXT_BYTES_MAX = 4_096
TXT_ADDRESSES_MAX = 8
_PREFIX = b"dnsaddr="
_ADDRESS = re.compile(r"(/ip4/[0-9.]{7,15}/tcp/[0-9]{1,5})/p2p/([1-9A-HJ-NP-Za-km-z]{1,100})")


def encode_txt(peer: PeerId, addresses: Iterable[str]) -> bytes:
    """The record of a peer at these multiaddrs, which are without `/p2p/<peer>`."""
    strings = [_PREFIX + f"{address}/p2p/{peer}".encode() for address in addresses]
    return b"".join(bytes([len(s)]) + s for s in strings[:TXT_ADDRESSES_MAX])


def decode_txt(data: bytes) -> tuple[PeerId, tuple[str, ...]]:
    """The peer of a record and where it can be dialled; the peer of the first address counts.

    Raises `FrameTooLarge`, and `MalformedMessage` also when nothing in it can be dialled.
    """
    if len(data) > TXT_BYTES_MAX:
        raise FrameTooLarge(f"a TXT record of {len(data)} bytes, over {TXT_BYTES_MAX}")
    owner: PeerId | None = None
    addresses: dict[str, None] = {}
    for address, peer in _dialable(data):
        owner = owner or peer
        if peer == owner and len(addresses) < TXT_ADDRESSES_MAX:
            addresses[address] = None
    if owner is None:
        raise MalformedMessage("a TXT record without an address that can be dialled")
    return owner, tuple(addresses)


def _dialable(data: bytes) -> Iterator[tuple[str, PeerId]]:
    for text in _strings(data):
        match = _ADDRESS.fullmatch(text)
        if match is None or not is_multiaddr(text):
            continue  # another transport, or another key of the record: not for us
        yield match[1], PeerId.parse(match[2])


def _strings(data: bytes) -> Iterator[str]:
    """What follows `dnsaddr=` in each string of the record."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise MalformedMessage("a TXT record is cut short")
        value = data[at + 1 : end]
        at = end
        if value.startswith(_PREFIX) and value.isascii():
            yield value[len(_PREFIX) :].decode()
