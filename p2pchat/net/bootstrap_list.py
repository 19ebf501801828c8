"""Whom to dial first: bootstrap lists in layers, none of which waits for another.

A node with an empty home knows nobody. It learns its first peers from the configuration, from the
list that comes with the package, and from lists fetched over HTTPS; a copy of what was last fetched
stands in when no server answers. Each layer is told the moment it is there, so a server that hangs
costs nothing but its own list. What may be lost is time: a poisoned list makes a node dial in vain,
never talk to the wrong peer, because a peer id authenticates whoever answers.

A list is hearsay like any other (`model.scope`): one fetched over the internet may name public
addresses only, one fetched from this machine or its own network may name those as well.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from importlib import resources
from pathlib import Path
from typing import Self, cast

import trio

from p2pchat.config import (
    ClientConfig,
    FetchLimits,
    FetchUrl,
    PeerAddress,
    RelayConfig,
    parse_peer_address,
    speaks_tcp,
)
from p2pchat.errors import NetworkError
from p2pchat.model.ids import PeerId
from p2pchat.model.scope import Scope, believable, scope_of, scope_of_all

__all__ = [
    "BootstrapList",
    "BootstrapSources",
    "BootstrapWarning",
    "Layer",
    "LayerResolved",
    "packaged_list",
    "parse_list",
    "render_list",
    "resolve",
]

logger = logging.getLogger(__name__)

CACHE_FILE = "bootstrap-cache.json"
_CACHE_BYTES_MAX = 256 * 1024
_VERSION = 1
_NAMED_MAX = 8
"""Bad entries of one list that are named one by one; the rest is counted."""
_WARNING_CHARACTERS_MAX = 400


def packaged_list() -> bytes:
    """The `bootstrap.json` that comes with the package."""
    return resources.files("p2pchat").joinpath("bootstrap.json").read_bytes()


def render_list(addresses: Iterable[str]) -> bytes:
    """A `bootstrap.json` of these multiaddrs, each ending in `/p2p/<peer id>`."""
    return json.dumps({"version": _VERSION, "peers": list(addresses)}, indent=2).encode() + b"\n"


class Layer(IntEnum):
    """Where peers were learnt, the most trusted first."""

    CONFIGURED = 0
    PACKAGED = 1
    FETCHED = 2
    CACHED = 3


@dataclass(frozen=True, slots=True)
class LayerResolved:
    """One list is here. `source` names it for people; addresses are without `/p2p/<peer>`."""

    layer: Layer
    source: str
    peers: Mapping[PeerId, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class BootstrapWarning:
    """Something about one source that its owner should mend; nothing stopped for it."""

    source: str
    message: str

    def __str__(self) -> str:
        return f"{self.source}: {self.message}"


@dataclass(frozen=True, slots=True)
class BootstrapList:
    """What all layers gave together, the most trusted first."""

    peers: Mapping[PeerId, tuple[str, ...]]
    warnings: tuple[BootstrapWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapSources:
    """Everything `resolve` needs; `own_peer` is left out of every list."""

    own_peer: PeerId
    peers: tuple[str, ...] = ()
    urls: tuple[FetchUrl, ...] = ()
    fetch: bool = True
    cache: Path | None = None
    """Where the last good list is kept; None keeps none."""
    limits: FetchLimits = field(default_factory=FetchLimits)
    packaged: bytes = field(default_factory=packaged_list)

    @classmethod
    def of(cls, config: ClientConfig | RelayConfig, own_peer: PeerId, home: Path | None) -> Self:
        """The sources that a configuration names."""
        return cls(
            own_peer=own_peer,
            peers=config.bootstrap_peers,
            urls=config.bootstrap_urls,
            fetch=config.fetch,
            cache=None if home is None else home / CACHE_FILE,
            limits=config.fetch_limits,
        )

    def renewed(self, config: ClientConfig | RelayConfig) -> Self:
        """The sources that a later configuration names."""
        return replace(
            self,
            peers=config.bootstrap_peers,
            urls=config.bootstrap_urls,
            fetch=config.fetch,
            limits=config.fetch_limits,
        )

    @property
    def configured(self) -> frozenset[PeerId]:
        """The peers that the configuration names."""
        return frozenset(parse_peer_address(text).peer for text in self.peers)


async def resolve(
    sources: BootstrapSources, heard: Callable[[LayerResolved], None]
) -> BootstrapList:
    """Ask all sources at once; `heard` is called with each layer as it comes.

    What needs no network is heard before the first checkpoint. Ends within
    `sources.limits.total_s` and never raises for a source: its failure is a warning.
    """
    found = _Found(sources, heard)
    for address in sources.peers:
        if not speaks_tcp(address):
            found.warn("bootstrap_peers", f"this version speaks TCP alone, so not {address}")
    found.hear(Layer.CONFIGURED, "configuration", map(parse_peer_address, sources.peers))
    if sources.fetch:
        found.read(Layer.PACKAGED, "packaged list", sources.packaged)
        await _fetch_all(sources, found)
        _use_cache(sources, found)
    return found.merged()


def parse_list(
    body: bytes, told_over: Scope, entries_max: int
) -> tuple[list[PeerAddress], list[str]]:
    """Read a list that was told over a connection of this scope.

    Answers the usable entries and a complaint about each that is not. Raises `ValueError` when the
    whole is no list.
    """
    entries = _entries(body)
    usable: list[PeerAddress] = []
    bad: list[str] = []
    for number, entry in enumerate(entries[:entries_max], 1):
        try:
            usable.append(_entry(entry, told_over))
        except ValueError as error:
            name = f"{entry[:100]!a}" if isinstance(entry, str) else type(entry).__name__
            bad.append(f"entry {number}, {name}, is skipped: {error}")
    if len(bad) > _NAMED_MAX:
        bad[_NAMED_MAX:] = [f"{len(bad) - _NAMED_MAX} more entries are skipped"]
    if len(entries) > entries_max:
        bad.append(f"only the first {entries_max} of {len(entries)} entries are used")
    return usable, bad


def _entries(body: bytes) -> list[object]:
    try:
        document: object = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise ValueError('it is not of the form {"version": 1, "peers": […]}')
    content = cast("dict[str, object]", document)
    version, peers = content.get("version"), content.get("peers")
    if type(version) is not int or version != _VERSION:
        raise ValueError(f"this program reads version {_VERSION} of bootstrap lists only")
    if not isinstance(peers, list):
        raise ValueError('its "peers" are no list')
    return cast("list[object]", peers)


def _entry(entry: object, told_over: Scope) -> PeerAddress:
    if not isinstance(entry, str):
        raise ValueError("it is no text")
    address = parse_peer_address(entry)
    if not believable(address.address, told_over):
        scope = scope_of(address.address).name.lower()
        raise ValueError(f"a list from farther away cannot name {scope} addresses")
    return address


class _Found:
    """What came so far."""

    def __init__(self, sources: BootstrapSources, heard: Callable[[LayerResolved], None]) -> None:
        self._own_peer = sources.own_peer
        self._entries_max = sources.limits.entries_max
        self._order = [str(url) for url in sources.urls]
        self._heard = heard
        self._layers: list[LayerResolved] = []
        self._warnings: list[BootstrapWarning] = []

    def hear(self, layer: Layer, source: str, addresses: Iterable[PeerAddress]) -> None:
        """Take a layer in and tell it."""
        peers = _united((found.peer, (found.address,)) for found in addresses)
        peers.pop(self._own_peer, None)
        resolved = LayerResolved(layer, source, peers)
        self._layers.append(resolved)
        self._heard(resolved)

    def read(
        self, layer: Layer, source: str, body: bytes, told_over: Scope = Scope.LOOPBACK
    ) -> None:
        """Take a list in, or warn that it is none."""
        try:
            addresses, complaints = parse_list(body, told_over, self._entries_max)
        except ValueError as error:
            self.warn(source, f"the list is ignored: {error}")
            return
        for complaint in complaints:
            self.warn(source, complaint)
        self.hear(layer, source, addresses)

    def warn(self, source: str, message: str) -> None:
        shown = message if message.isprintable() else ascii(message)
        warning = BootstrapWarning(source, shown[:_WARNING_CHARACTERS_MAX])
        self._warnings.append(warning)
        logger.warning("%s", warning)

    def peers(self, *layers: Layer) -> dict[PeerId, tuple[str, ...]]:
        """The peers of these layers in order of trust, whatever came first."""
        chosen = sorted((found for found in self._layers if found.layer in layers), key=self._rank)
        return _united(item for found in chosen for item in found.peers.items())

    def merged(self) -> BootstrapList:
        return BootstrapList(self.peers(*Layer), tuple(self._warnings))

    def _rank(self, found: LayerResolved) -> tuple[Layer, int]:
        """A mirror comes after the primary URL."""
        fetched = found.layer is Layer.FETCHED
        return found.layer, self._order.index(found.source) if fetched else 0


def _united(
    found: Iterable[tuple[PeerId, tuple[str, ...]]],
) -> dict[PeerId, tuple[str, ...]]:
    """All addresses of each peer, each once, in the order they were found."""
    united: dict[PeerId, dict[str, None]] = {}
    for peer, addresses in found:
        united.setdefault(peer, {}).update(dict.fromkeys(addresses))
    return {peer: tuple(addresses) for peer, addresses in united.items()}


async def _fetch_all(sources: BootstrapSources, found: _Found) -> None:
    """Fetch all lists at once, each told as it comes; what is late is given up."""
    late = list(sources.urls)

    async def fetch_one(url: FetchUrl) -> None:
        await _fetch_one(url, sources.limits, found)
        late.remove(url)

    with trio.move_on_after(sources.limits.total_s):
        async with trio.open_nursery() as nursery:
            for url in sources.urls:
                # trio's own types are complete; older stubs that libp2p installs hide them
                nursery.start_soon(fetch_one, url)  # pyright: ignore[reportUnknownMemberType]
    for url in late:
        found.warn(str(url), f"no answer within {sources.limits.total_s:g} s for all lists")


async def _fetch_one(url: FetchUrl, limits: FetchLimits, found: _Found) -> None:
    from p2pchat.net.fetching import fetch  # an HTTPS client, which few need

    if url.insecure:
        found.warn(str(url), "insecure is set, so anybody on the way can replace this list")
    try:
        fetched = await fetch(url, limits)
    except NetworkError as error:
        found.warn(str(url), f"the list was not fetched: {error}")
    else:
        found.read(Layer.FETCHED, str(url), fetched.body, scope_of_all(fetched.servers))


def _use_cache(sources: BootstrapSources, found: _Found) -> None:
    """Keep what was fetched, or fall back on what was kept.

    A list without one usable peer is not a good one and replaces nothing.
    """
    if sources.cache is None or not sources.urls:
        return
    fetched = found.peers(Layer.FETCHED)
    try:
        if fetched:
            _write(sources.cache, fetched, sources.limits.entries_max)
        elif sources.cache.exists():
            found.read(Layer.CACHED, sources.cache.name, _read(sources.cache))
    except OSError as error:
        found.warn(sources.cache.name, f"the last good list cannot be kept or read: {error}")


def _read(cache: Path) -> bytes:
    with cache.open("rb") as file:
        return file.read(_CACHE_BYTES_MAX)


def _write(cache: Path, peers: Mapping[PeerId, tuple[str, ...]], entries_max: int) -> None:
    """Replace the cache in one step. Not forced to the disk: a torn file is seen and ignored."""
    entries = [str(PeerAddress(peer, address)) for peer in peers for address in peers[peer]]
    temporary = cache.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(render_list(entries[:entries_max]))
    temporary.replace(cache)
