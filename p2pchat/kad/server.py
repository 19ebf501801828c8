"""Answers to what others ask: a pure function of the table, the stores and the request.

Raises `RemoteProtocolError` for a request that breaks the rules; its stream is reset, which is how
implementations everywhere say no to a `PUT_VALUE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import assert_never

from p2pchat.errors import MalformedMessage, RemoteProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.handover import Handover
from p2pchat.kad.peers import Peers
from p2pchat.kad.records import ProviderStore, RecordStore
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.model.scope import believable_of
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord

__all__ = ["Server"]


class Server:
    """Our side of the protocol in server mode."""

    def __init__(self, own: PeerId, config: KadConfig, peers: Peers, records: RecordStore) -> None:
        self._own = own
        self._config = config
        self._peers = peers
        self.records = records
        self.handover = Handover(own, config, peers.table, records)
        self.providers = ProviderStore(own, config)
        self.addresses: tuple[str, ...] = ()
        """Our own, as told to others."""
        self.is_serving = False
        self.refused = 0

    def keep(self, key: bytes, value: bytes, now_ms: int) -> None:
        """Hold a valid value of our own."""
        with suppress(RemoteProtocolError):  # full of keys nearer to us: others are to hold it
            self.records.put(self._own, key, value, now_ms)

    def sweep(self, now_ms: int) -> None:
        """Drop what has expired."""
        self.records.sweep(now_ms)
        self.providers.sweep(now_ms)

    def answer(self, asker: PeerId, request: KadMessage, now: Now) -> KadMessage | None:
        """What to answer; None for a request that has no answer. Raises `RemoteProtocolError`."""
        if not self.is_serving:
            raise RemoteProtocolError("this node is a client and answers nobody")
        if not request.key and request.kind is not KadKind.PING:
            raise MalformedMessage("a request without a key")
        match request.kind:
            case KadKind.PING:
                return KadMessage(KadKind.PING)
            case KadKind.FIND_NODE:
                return self._find_node(asker, request.key)
            case KadKind.GET_VALUE:
                return self._get_value(asker, request.key, now)
            case KadKind.PUT_VALUE:
                return self._put_value(asker, request, now)
            case KadKind.GET_PROVIDERS:
                return self._get_providers(asker, request.key, now)
            case KadKind.ADD_PROVIDER:
                return self._add_provider(asker, request, now)
            case _:
                assert_never(request.kind)

    def _find_node(self, asker: PeerId, key: bytes) -> KadMessage:
        """The k closest servers; the peer asked for as well if it is us or connected to us, for
        clients are in nobody's table."""
        if key == self._own:
            ourselves = self._dialable(asker, [KadPeer(self._own, self.addresses)])
            return KadMessage(KadKind.FIND_NODE, closer=ourselves)
        closer = self._closer(asker, key)
        if key != asker and key not in [peer.peer for peer in closer]:
            closer += self._connected(asker, key)
        return KadMessage(KadKind.FIND_NODE, closer=closer)

    def _get_value(self, asker: PeerId, key: bytes, now: Now) -> KadMessage:
        value = self.records.get(key, now.wall_ms)
        record = None if value is None else KadRecord(key, value)
        return KadMessage(KadKind.GET_VALUE, key, record, self._closer(asker, key))

    def _put_value(self, asker: PeerId, request: KadMessage, now: Now) -> KadMessage:
        record = request.record
        if record is None or record.key != request.key:
            raise MalformedMessage("a value to store needs a record under the message's key")
        self.records.put(asker, record.key, record.value, now.wall_ms)
        return KadMessage(KadKind.PUT_VALUE, record.key, record)

    def _get_providers(self, asker: PeerId, key: bytes, now: Now) -> KadMessage:
        held = [peer for peer in self.providers.get(key, now.wall_ms) if peer.peer != asker]
        return KadMessage(
            KadKind.GET_PROVIDERS,
            key,
            closer=self._closer(asker, key),
            providers=self._peers.tell(held, self._peers.scope(asker)),
        )

    def _add_provider(self, asker: PeerId, request: KadMessage, now: Now) -> None:
        """Only the sender's own word about itself counts."""
        told = next((peer for peer in request.providers if peer.peer == asker), None)
        if told is None:
            raise MalformedMessage("a peer announces itself, nobody else")
        scope = self._peers.scope(asker)
        believed = believable_of(told.addresses, scope)
        addresses = believed or self._peers.addresses(asker)
        contact = KadPeer(asker, addresses[: self._config.provider_addresses_max])
        self.providers.add(contact, request.key, now.wall_ms, self._peers.networks(asker))

    def _closer(self, asker: PeerId, key: bytes) -> tuple[KadPeer, ...]:
        entries = self._peers.table.closest(kad_id(key), self._config.k + 1)
        others = [entry.contact for entry in entries if entry.peer != asker][: self._config.k]
        return self._dialable(asker, others)

    def _dialable(self, asker: PeerId, peers: Iterable[KadPeer]) -> tuple[KadPeer, ...]:
        """Those of whom the asker may believe an address: the others are of no use to it."""
        told = self._peers.tell(peers, self._peers.scope(asker))
        return tuple([peer for peer in told if peer.addresses])

    def _connected(self, asker: PeerId, key: bytes) -> tuple[KadPeer, ...]:
        try:
            peer = PeerId(key)
        except ValueError:
            return ()  # a key that is no peer id is looked up for its neighbourhood alone
        if not self._peers.is_connected(peer):
            return ()
        return self._dialable(asker, [KadPeer(peer, self._peers.addresses(peer))])
