"""Our records in the DHT, and reading those of others.

The account record names our devices, the bundle record says where this device is. The DHT machine
puts again what it was given, which lasts as long as the signature says: so both are signed anew
every day, and the bundle record whenever we move.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import trio

from p2pchat.errors import NodeClosed, P2PChatError
from p2pchat.kad.vocabulary import (
    FindPeer,
    FindProviders,
    FoundPeer,
    FoundProviders,
    FoundValue,
    GetValue,
    KadEffect,
    KadInput,
    Provide,
    Withdraw,
)
from p2pchat.kad.vocabulary import PutValue as PutRecord
from p2pchat.model.ids import AccountId, DeviceId, PeerId
from p2pchat.model.mailbox import MailBundle
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver
from p2pchat.node.reach import shared_reach
from p2pchat.wire.devices import DeviceSet, merged
from p2pchat.wire.envelope import Signer
from p2pchat.wire.kad_codec import KadPeer
from p2pchat.wire.records import (
    LIFETIME_MS,
    AccountRecord,
    BundleRecord,
    account_key,
    bundle_key,
    encode_record,
    read_record,
)

__all__ = ["Directory", "OwnRecords", "Publisher"]

logger = logging.getLogger(__name__)

KadDriver = Driver[KadInput, KadEffect]

SETTLING_S = (10.0, 60.0, 600.0)
"""Pauses between the first puts: who joined with us may be closer than who took the record."""
REPUBLISH_S = 30.0
"""Until a record that nobody took is put again."""
SIGN_EVERY_S = 24 * 3600.0
"""A record holds for thirty days; a node that stays up signs another long before."""
QUORUM: int | None = 3
"""Holders asked before the newest record is believed."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a look-up found."""

    addresses: tuple[str, ...]
    """Multiaddrs without `/p2p/<peer>`; none when nobody knows."""
    hops: int
    """Peers asked one after the other."""


class Directory:
    """The DHT as the node uses it: where is this device, whose is it, and here we are."""

    def __init__(
        self, kad: KadDriver, ambient: Ambient, own_addresses: Callable[[], tuple[str, ...]]
    ) -> None:
        self._kad = kad
        self._ambient = ambient
        self._own_addresses = own_addresses
        self._last_seq = 0

    def _next_seq(self) -> int:
        """Newer than the last one, also when the wall clock was put back."""
        self._last_seq = max(self._last_seq + 1, self._ambient.now().wall_ms)
        return self._last_seq

    async def publish_account(self, devices: DeviceSet, signer: Signer) -> None:
        """Put the account record."""
        now_ms = self._ambient.now().wall_ms
        expires_ms = now_ms + LIFETIME_MS
        record = AccountRecord(devices.account, devices, self._next_seq(), expires_ms)
        await self._put(account_key(devices.account), encode_record(record, signer))

    async def devices(self, account: AccountId) -> DeviceSet | None:
        """What an account's record says of its devices, if there is one: the newest of all near its
        key, for a few may hold an older one back that is valid still, of before a revocation."""
        record, _ = await self._get(account_key(account), quorum=None)
        return record.devices if isinstance(record, AccountRecord) else None

    async def publish_bundle(
        self,
        device: DeviceId,
        addresses: tuple[str, ...],
        signer: Signer,
        mail: MailBundle | None = None,
    ) -> int:
        """Put where we are, and how we are written to; how many peers hold it now."""
        expires_ms = self._ambient.now().wall_ms + LIFETIME_MS
        mail = mail or MailBundle()
        record = BundleRecord(device, addresses, self._next_seq(), expires_ms, mail)
        return await self._put(bundle_key(device), encode_record(record, signer))

    async def bundle(self, device: DeviceId) -> bytes | None:
        """The newest bundle record of a device, as it was signed."""
        found = await self._ask(lambda id: GetValue(id, bundle_key(device), QUORUM))
        return found.value if isinstance(found, FoundValue) else None

    async def find(self, peer: PeerId) -> Whereabouts:
        """Where a peer says it is, as far as we share its networks; else where others saw it."""
        hops = 0
        if peer.device is not None:
            record, hops = await self._get(bundle_key(peer.device))
            signed = record.addresses if isinstance(record, BundleRecord) else ()
            if usable := shared_reach(signed, self._own_addresses()):
                return Whereabouts(usable, hops)
        answer = await self._ask_for(peer)
        if answer is None:
            return Whereabouts((), hops)
        return Whereabouts(answer.addresses, max(hops, answer.hops))

    async def announce(self, key: bytes) -> int:
        """Say that we are to be found at a key, until `withdraw`; how many peers noted it now."""
        taken = await self._ask(lambda id: Provide(id, key))
        return taken if isinstance(taken, int) else 0

    async def withdraw(self, key: bytes) -> None:
        """Say it no longer; what others noted ends by itself."""
        await self._kad.put(Withdraw(key))

    async def announced(self, key: bytes) -> tuple[KadPeer, ...]:
        """Who else says that it is to be found there, as far as we share its networks."""
        found = await self._ask(lambda id: FindProviders(id, key))
        if not isinstance(found, FoundProviders):
            return ()
        own = self._own_addresses()
        return tuple(KadPeer(p.peer, shared_reach(p.addresses, own)) for p in found.providers)

    async def _get(
        self, key: bytes, quorum: int | None = QUORUM
    ) -> tuple[AccountRecord | BundleRecord | None, int]:
        try:
            found = await self._kad.call(lambda id: GetValue(id, key, quorum))
            assert isinstance(found, FoundValue), "GetValue is answered by FoundValue"
            record = read_record(key, found.value) if found.value is not None else None
        except NodeClosed:
            raise
        except P2PChatError as error:
            logger.info("look-up failed: %s", error)
            return None, 0
        return record, found.hops

    async def _ask_for(self, peer: PeerId) -> FoundPeer | None:
        answer = await self._ask(lambda id: FindPeer(id, peer))
        return answer if isinstance(answer, FoundPeer) else None

    async def _put(self, key: bytes, value: bytes) -> int:
        stored = await self._ask(lambda id: PutRecord(id, key, value))
        return stored if isinstance(stored, int) else 0

    async def _ask(self, make: Callable[[int], KadInput]) -> object:
        """What the DHT replies; None when it cannot."""
        try:
            return await self._kad.call(make)
        except NodeClosed:
            raise
        except P2PChatError as error:
            logger.info("the DHT: %s", error)
            return None


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """What our records are made of."""

    devices: Callable[[], DeviceSet]
    """All that we know of our account's devices."""
    learn: Callable[[DeviceSet], Awaitable[None]]
    """Told of those that the last record names, which another device may have put there."""
    account: Signer
    device: Signer
    mail: Callable[[], MailBundle] = MailBundle
    """How others may write to us at the moment."""
    published: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    """Told when our bundle was put and somebody took it."""


class Publisher:
    """Keeps our records in the DHT: put when there is a network, and again when we move."""

    def __init__(self, directory: Directory, addresses: Callable[[], tuple[str, ...]]) -> None:
        self._directory = directory
        self._addresses = addresses
        self._moved = trio.Event()
        self._day = trio.CancelScope()
        self.published = trio.Event()
        """Set once the records were put for the first time."""
        self.mail = MailBundle()
        """How we are written to, by the last bundle record that somebody took."""

    def moved(self) -> None:
        """Our addresses changed."""
        self._moved.set()

    def renewed(self) -> None:
        """Our account has other devices than were published."""
        self._day.cancel()

    async def run(self, own: OwnRecords) -> None:
        """Publish until cancelled; begins when there is somebody to publish to."""
        pauses = iter(SETTLING_S)
        while True:
            with trio.CancelScope() as self._day:
                await self._directory.publish_account(await self._union(own), own.account)
                self._day.deadline = trio.current_time() + SIGN_EVERY_S
                await self._keep_bundle(own, pauses)

    async def _union(self, own: OwnRecords) -> DeviceSet:
        """Our devices and those that the record in the DHT names: the newest record is all that
        others find, so it must not leave out what another device of ours has put there."""
        known = own.devices()
        told = await self._directory.devices(known.account)
        if told is None:
            return known
        await own.learn(told)
        return merged(known, told)

    async def _keep_bundle(self, own: OwnRecords, pauses: Iterator[float]) -> None:
        """Put where we are, again when we move, and until somebody takes it; and now and then while
        those who are closest to it may still be coming."""
        while True:
            self._moved = trio.Event()
            device, mail = DeviceId(own.device.public_key), own.mail()
            stored = await self._directory.publish_bundle(
                device, self._addresses(), own.device, mail
            )
            self.published.set()
            if stored:
                self.mail = mail
                await own.published()
            pause_s = next(pauses, float("inf")) if stored else REPUBLISH_S
            with trio.move_on_after(pause_s):
                await self._moved.wait()
