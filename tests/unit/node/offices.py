"""A person's post office, for tests: real ciphers, and relays that keep what they are given."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random

import trio
import trio.testing

from p2pchat.config.limits import Limits
from p2pchat.crypto.mail import OlmMailCipher, mailbox_key, new_mail_account, open_mail
from p2pchat.errors import RelayRefused
from p2pchat.model.change import PutContact
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId
from p2pchat.model.machine import Now
from p2pchat.model.mailbox import Kept, MailboxRelay, MailBundle
from p2pchat.model.ratchet import Correspondent
from p2pchat.net.offline import OfflineHost
from p2pchat.node.mail import Exits, MailParts, PostOffice
from p2pchat.node.mail_relays import MailRelays, RelayParts
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import Input
from p2pchat.protocol.mail_vocabulary import Key, Mail, MailOpened, MailRefused, Post, Slot
from p2pchat.store.memory import MemoryStore
from p2pchat.wire.devices import DeviceKeys, DeviceSet, first_device_set, read_device_set
from p2pchat.wire.mailbox_codec import blob_hash
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, WALL_MS, Person, digest

__all__ = ["NOW", "RELAYS", "Desk", "Place", "run"]

NOW = Now(WALL_MS, 0.0)
RELAYS = tuple(MailboxRelay(person.device.peer_id) for person in (CAROL, MALLORY))


class Desk:
    """A client whose relays keep what they are given, or never answer."""

    def __init__(self) -> None:
        self.silent: set[MailboxRelay] = set()
        self.kept: dict[MailboxRelay, dict[int, bytes]] = {}
        self.last_id = 0
        self.visited: list[tuple[float, MailboxRelay]] = []
        self.intros: list[bytes] = []
        self.posting = self.most = 0
        self.dialled: list[str] = []
        self.denied: set[MailboxRelay] = set()
        """Who will not register us."""
        self.unknown: set[MailboxRelay] = set()
        """Who has lost our mailbox."""

    async def run(self, *, task_status=trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await trio.sleep_forever()

    async def put(self, relay, mailbox, blob, write_key) -> None:
        self.posting += 1
        self.dialled += relay.addresses
        self.most = max(self.most, self.posting)
        try:
            await trio.sleep(float("inf") if relay in self.silent else 1)
        finally:
            self.posting -= 1
        self.keep(relay, blob)

    def keep(self, relay: MailboxRelay, *blobs: bytes) -> None:
        """Put something into our mailbox there."""
        for blob in blobs:
            self.last_id += 1
            self.kept.setdefault(relay, {})[self.last_id] = blob

    async def fetch(self, relay, after=0):
        if relay in self.unknown:
            raise RelayRefused("no such mailbox")
        blobs = self.kept.get(relay, {}).items()
        return tuple(Kept(id, blob) for id, blob in blobs if id > after)

    async def delete(self, relay, ids: Iterable[int]) -> None:
        for id in ids:
            self.kept[relay].pop(id, None)

    async def register(self, relay, write_keys, intro) -> None:
        self.visited.append((trio.current_time(), relay))
        self.intros.append(intro)
        if relay in self.silent:
            await trio.sleep_forever()
        if relay in self.denied:
            raise RelayRefused("full")


class Home(OfflineHost):
    """A host that has an address."""

    addresses = ("/ip4/8.8.8.8/tcp/4001",)


class Clock:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.passed_ms = 0

    def now(self) -> Now:
        return Now(WALL_MS + self.passed_ms, self.passed_ms / 1000)


class Place:
    """One person's post office."""

    def __init__(
        self,
        person: Person,
        *,
        is_started: bool = True,
        names_relays: bool = True,
        silent_ms: int = 0,
    ) -> None:
        self.person = person
        self.seed = digest(f"device {person.name}")
        self.store = store = MemoryStore()
        store.commit([new_mail_account(self.seed)])
        store.commit(open_mail(person.account, self.seed, store.snapshot().mail).renew(WALL_MS))
        kept = store.snapshot().mail
        self.cipher: OlmMailCipher = open_mail(person.account, self.seed, kept)
        self.keys = DeviceKeys(self.cipher.identity_key, mailbox_key(self.seed).public_key)
        raw = first_device_set(person.account_signer, person.device, WALL_MS, self.keys)
        me = person.me
        self.devices = read_device_set(raw)
        self.chat = chat = Chat(
            type(me)(me.account, me.device, me.name, self.devices, me.signer, me.intro),
            store.snapshot(),
            Limits(),
            Random(1),
        )
        if is_started:
            chat.start(NOW)
        self.desk, self.heard, self.published = Desk(), list[Input](), list[MailBundle]()
        self.records: dict[AccountId, DeviceSet] = {}
        host = self.host = Home(person.device.peer_id)
        self.clock = Clock()
        chosen = json.dumps([[str(relay.peer), [], [], True, silent_ms, 0] for relay in RELAYS])
        named, remembered = (RELAYS, b"") if names_relays else ((), chosen.encode())
        relays = self.relays = MailRelays(
            host,
            RelayParts(named, remembered, frozenset, False, self.clock.now, self._nothing),
        )
        exits = Exits(
            self._put,
            self._devices,
            self._nothing,
            self._republish,
            relays,
        )
        parts = MailParts(self.cipher, lambda host, noticed: self.desk, kept)
        self.office = PostOffice(parts, exits, host, chat, self.clock)

    async def _put(self, input: Input) -> None:
        self.heard.append(input)

    async def _devices(self, account: AccountId) -> DeviceSet | None:
        await trio.lowlevel.checkpoint()
        return self.records.get(account)

    def _republish(self) -> None:
        self.published.append(self.office.bundle)

    async def _nothing(self, _: object) -> None:
        await trio.lowlevel.checkpoint()

    @property
    def correspondent(self) -> Correspondent:
        return Correspondent(self.person.party, self.keys.olm_curve25519)

    def letter(self, to: Place, serial: int = 1) -> Post:
        """Seal a letter."""
        keys = to.cipher.keys
        assert keys is not None
        bundle = MailBundle(keys.fallback_key, to.cipher.published, RELAYS)
        key = Key(to.person.pair_half, is_intro=False)
        post = Post(to.correspondent, serial, to.keys.mailbox, bundle, key, (), asks_again=False)
        assert self.office.changes([post])
        return post

    def befriend(self, other: Place, state: ContactState = ContactState.ACCEPTED) -> None:
        """How far we have come with somebody, whose certificate we know."""
        account = other.person.account
        id = direct_id(self.person.account, account)
        self.chat.state.contacts[account] = PutContact(account, id, state, WALL_MS, b"")
        self.chat.state.directory.keep(other.devices)

    def sealed(self, to: Place, serial: int = 1) -> bytes:
        """A letter as it leaves."""
        post = self.letter(to, serial)
        return self.office._sealed.pop(post.serial)

    def get(self, blob: bytes) -> MailOpened | MailRefused:
        """What becomes of a blob that was fetched; on disk with what it changes."""
        body = self.cipher.unwrap(blob)
        got = self.office.prepare(Mail(Slot(RELAYS[0].peer, 1), blob_hash(blob), body))
        assert isinstance(got, MailOpened | MailRefused)
        self.store.commit([*got.changes, *self.office.changes([])])
        return got


def run(script) -> None:
    async def main() -> None:
        alice, bob = Place(ALICE), Place(BOB)
        with trio.fail_after(3600):
            async with trio.open_nursery() as nursery:
                await nursery.start(alice.office.run)
                await script(alice, bob)
                nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
