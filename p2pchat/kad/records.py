"""What a server holds for others: values under validated keys, and who provides what.

Both stores are filled by strangers. They are bounded by count and bytes, by what one peer may have
stored, and by time. When full, the key farthest from our own id goes: the network looks for keys at
the peers nearest to them, so that is the one least likely to be missed, and a flood of random keys
cannot push out those we are responsible for.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from p2pchat.errors import MalformedMessage, RemoteProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KEY_BYTES_MAX, VALUE_BYTES_MAX, KadPeer

__all__ = ["Namespaces", "ProviderStore", "RecordStore", "Validator"]

T = TypeVar("T")

_ANNOUNCEMENT_BYTES = 512
"""What an announcement takes beside its texts, its share of a full key included; measured."""
_TEXT_BYTES = 64
"""What a text takes beside its characters."""


class Validator(Protocol):
    """What a namespace accepts. Pure, and stable: the same values give the same choice."""

    def validate(self, key: bytes, value: bytes, now_ms: int) -> None:
        """Raises `RemoteProtocolError` unless the value may stand under the key now."""
        ...

    def select(self, key: bytes, values: Sequence[bytes], now_ms: int) -> int:
        """The index of the best of valid values; of equally good ones the first."""
        ...

    def expires_ms(self, key: bytes, value: bytes) -> int | None:
        """When a valid value ends by its own word; None leaves it to the store."""
        ...


class Namespaces:
    """Validators by the leading path of a key: `dchat/account` for `/dchat/account/<id>`."""

    def __init__(self, validators: Mapping[str, Validator]) -> None:
        self._validators = {
            f"/{namespace.strip('/')}/".encode(): validator
            for namespace, validator in validators.items()
        }

    def validate(self, key: bytes, value: bytes, now_ms: int) -> Validator:
        """The validator that accepted the value. Raises `RemoteProtocolError`."""
        if len(key) > KEY_BYTES_MAX or len(value) > VALUE_BYTES_MAX:
            raise MalformedMessage("a key has at most 128 bytes and a value 4096")
        validator = self._of(key)
        validator.validate(key, value, now_ms)
        return validator

    def require(self, key: bytes) -> None:
        """Raises `MalformedMessage` for a key that no validator is for."""
        self._of(key)

    def best(self, key: bytes, values: Sequence[bytes], now_ms: int) -> bytes:
        """The best of at least one valid value."""
        return values[self._of(key).select(key, values, now_ms)]

    def _of(self, key: bytes) -> Validator:
        for prefix, validator in self._validators.items():
            if key.startswith(prefix):
                return validator
        raise MalformedMessage("a record under an unknown namespace")


class _NearKeys(Generic[T]):
    """A mapping that knows which of its keys is farthest from our id."""

    def __init__(self, own: PeerId) -> None:
        self._own_id = kad_id(own)
        self._order: list[tuple[int, bytes]] = []
        self.items: dict[bytes, T] = {}

    def set(self, key: bytes, item: T) -> None:
        if key not in self.items:
            insort(self._order, self._ranked(key))
        self.items[key] = item

    def pop(self, key: bytes) -> T:
        del self._order[bisect_left(self._order, self._ranked(key))]
        return self.items.pop(key)

    @property
    def farthest(self) -> bytes:
        return self._order[-1][1]

    def _ranked(self, key: bytes) -> tuple[int, bytes]:
        return kad_id(key) ^ self._own_id, key


@dataclass(frozen=True, slots=True)
class _Stored:
    value: bytes
    expires_ms: int
    sender: PeerId
    is_dated: bool
    """It names its end itself."""


class RecordStore:
    """Values by key; of two for the same key the one its validator selects."""

    def __init__(self, own: PeerId, config: KadConfig, namespaces: Namespaces) -> None:
        self._own = own
        self._config = config
        self._namespaces = namespaces
        self._records = _NearKeys[_Stored](own)
        self._counts: Counter[PeerId] = Counter()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._records.items)

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def get(self, key: bytes, now_ms: int) -> bytes | None:
        stored = self._records.items.get(key)
        return stored.value if stored is not None and stored.expires_ms > now_ms else None

    def dated(self, now_ms: int) -> dict[bytes, bytes]:
        """The values that name their own end."""
        return {
            key: stored.value
            for key, stored in self._records.items.items()
            if stored.is_dated and stored.expires_ms > now_ms
        }

    def put(self, sender: PeerId, key: bytes, value: bytes, now_ms: int) -> None:
        """Store a value that `sender` gave us.

        Raises `RemoteProtocolError` if it is invalid, worse than the one held, or over a limit.
        """
        validator = self._namespaces.validate(key, value, now_ms)
        held = self.get(key, now_ms)
        if held not in (None, value) and validator.select(key, (held, value), now_ms) != 1:
            raise RemoteProtocolError("a better value is held for this key")
        if key in self._records.items:
            self._drop(key)
        elif sender != self._own and self._counts[sender] >= self._config.records_per_peer_max:
            raise RemoteProtocolError("this peer has stored as much as one peer may")
        said = validator.expires_ms(key, value)
        expires_ms = now_ms + self._config.record_lifetime_ms if said is None else said
        self._add(key, _Stored(value, expires_ms, sender, said is not None))
        self._make_room()
        if key not in self._records.items:
            raise RemoteProtocolError("the store is full of keys nearer to it")

    def sweep(self, now_ms: int) -> None:
        """Drop what has expired."""
        records = self._records.items
        for key in [key for key, stored in records.items() if stored.expires_ms <= now_ms]:
            self._drop(key)

    def _make_room(self) -> None:
        while len(self) > self._config.records_max or self._bytes > self._config.records_bytes_max:
            self._drop(self._records.farthest)

    def _add(self, key: bytes, stored: _Stored) -> None:
        self._records.set(key, stored)
        self._counts[stored.sender] += 1
        self._bytes += len(key) + len(stored.value)

    def _drop(self, key: bytes) -> None:
        stored = self._records.pop(key)
        self._bytes -= len(key) + len(stored.value)
        self._counts[stored.sender] -= 1
        if not self._counts[stored.sender]:
            del self._counts[stored.sender]


@dataclass(frozen=True, slots=True)
class _Provider:
    contact: KadPeer
    networks: tuple[str, ...]
    """The public ones that it announced itself from."""
    expires_ms: int

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, rather more than less."""
        texts = (*self.contact.addresses, *self.networks)
        return _ANNOUNCEMENT_BYTES + sum(len(text) + _TEXT_BYTES for text in texts)


class ProviderStore:
    """Who announced that it provides a key; each announcement counts for a while.

    Keys of peers are free and networks are not: of one public network a few announcements of a key
    are held, the latest, and when the key is full the network with the most of them yields. So who
    has one network displaces nobody but himself. Local networks have no such bound; when the key is
    full, all of them together are one network.
    """

    def __init__(self, own: PeerId, config: KadConfig) -> None:
        self._config = config
        self._keys = _NearKeys[dict[PeerId, _Provider]](own)
        self._counts: Counter[PeerId] = Counter()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._keys.items)

    @property
    def size_bytes(self) -> int:
        """What all announcements take in memory."""
        return self._bytes

    def get(self, key: bytes, now_ms: int) -> list[KadPeer]:
        """The providers of a key, the latest announcement first."""
        providers = self._keys.items.get(key, {})
        return [p.contact for p in reversed(providers.values()) if p.expires_ms > now_ms]

    def add(
        self, contact: KadPeer, key: bytes, now_ms: int, networks: tuple[str, ...] = ()
    ) -> None:
        """Note an announcement that came from these public networks. Raises `RemoteProtocolError`
        if it is over a limit."""
        providers = self._keys.items.get(key, {})
        if contact.peer in providers:
            self._drop(key, contact.peer)
        elif self._counts[contact.peer] >= self._config.provided_per_peer_max:
            raise RemoteProtocolError("this peer provides as much as one peer may")
        for peer in self._displaced(providers, networks):
            self._drop(key, peer)
        expires_ms = now_ms + self._config.provider_lifetime_ms
        provider = providers[contact.peer] = _Provider(contact, networks, expires_ms)
        self._counts[contact.peer] += 1
        self._bytes += provider.size_bytes
        self._keys.set(key, providers)
        self._make_room()
        if key not in self._keys.items:
            raise RemoteProtocolError("the store is full of keys nearer to it")

    def sweep(self, now_ms: int) -> None:
        """Drop what has expired."""
        for key, providers in list(self._keys.items.items()):
            for peer in [peer for peer, p in providers.items() if p.expires_ms <= now_ms]:
                self._drop(key, peer)

    def _displaced(
        self, providers: Mapping[PeerId, _Provider], networks: tuple[str, ...]
    ) -> set[PeerId]:
        """Who makes room for one more from these networks: the oldest of each that has its share
        already; if none has and the key is full, the oldest of the network with the most."""
        held = Counter(one for provider in providers.values() for one in _networks(provider))
        displaced = {
            next(peer for peer, provider in providers.items() if network in provider.networks)
            for network in networks
            if held[network] >= self._config.network_providers_max
        }
        if not displaced and len(providers) >= self._config.providers_per_key_max:
            displaced.add(max(providers, key=lambda peer: _crowd(providers[peer], held)))
        return displaced

    def _make_room(self) -> None:
        most, bytes_max = self._config.provider_keys_max, self._config.provider_bytes_max
        while len(self) > most or self._bytes > bytes_max:
            self._drop_key(self._keys.farthest)

    def _drop_key(self, key: bytes) -> None:
        for peer in list(self._keys.items[key]):
            self._drop(key, peer)

    def _drop(self, key: bytes, peer: PeerId) -> None:
        """Forget one announcement, and its key when it was the last."""
        providers = self._keys.items[key]
        self._bytes -= providers.pop(peer).size_bytes
        self._counts[peer] -= 1
        if not self._counts[peer]:
            del self._counts[peer]
        if not providers:
            self._keys.pop(key)


def _networks(provider: _Provider) -> tuple[str, ...]:
    """The public networks of a provider; all that are in none share one."""
    return provider.networks or ("",)


def _crowd(provider: _Provider, held: Counter[str]) -> int:
    """How many share a network with a provider, itself included."""
    return max(held[network] for network in _networks(provider))
