"""The post: what seals and opens mail, and carries it to and from those who keep it.

Sealing and opening change a ratchet, so both happen in the chat's driver, one after another: a blob
is opened right before the chat hears of it, and the one commit of its batch holds the ratchet's
step and the ops. Opened any earlier, a letter sealed in between would put the step on disk without
the ops. Envelopes change nothing and are opened where blobs are fetched, whole pages in the order
of their counters.

What failed to reach a relay is said to the chat, which tries again; what was not deleted there
comes again, and is known by its hash.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.crypto.mail import intro_key, write_key
from p2pchat.crypto.port import MailCipher, Opened, Recipient
from p2pchat.errors import (
    BadSignature,
    MalformedMessage,
    NetworkError,
    RelayRefused,
    RemoteProtocolError,
    UnknownVersion,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId, Party, PeerId
from p2pchat.model.machine import Now
from p2pchat.model.mailbox import Kept, MailboxRelay, MailBundle
from p2pchat.model.ratchet import Correspondent, RatchetChange
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.net.mailboxes import MailboxClient
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient
from p2pchat.node.mail_door import MailDoor
from p2pchat.node.mail_relays import MailRelays
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import DevicesTold, Effect, Input
from p2pchat.protocol.mail_vocabulary import (
    AccountFound,
    BundleFound,
    Discard,
    ForgetSessions,
    Key,
    LookUp,
    LookUpAccount,
    Mail,
    MailOpened,
    MailRefused,
    Post,
    Posted,
    PostFailed,
    RenewKeys,
    Slot,
    WritersChanged,
)
from p2pchat.wire.devices import DeviceSet, certificates, certified, keys_of, narrowed
from p2pchat.wire.envelope import Signer
from p2pchat.wire.mail_codec import MailBody, decode_letter, encode_letter
from p2pchat.wire.mailbox_codec import blob_hash

__all__ = ["Exits", "MailParts", "OpeningChat", "PostOffice"]

logger = logging.getLogger(__name__)

FETCH_EVERY_S = 60.0
VISIT_TIMEOUT_S = 60.0
"""For all that there is to do at one relay; the rest waits for the next visit."""
POST_TIMEOUT_S = 30.0
POSTS_MAX = 16
"""Letters on their way to relays at the same time."""
LATER_MAX = 16
"""Blobs that only a later version can read, at each relay; anybody can make them up."""
CHECK_IN_EVERY = 50
"""Envelopes opened between two chances for other tasks to run."""
_HEARD = (ContactState.ACCEPTED, ContactState.ASKED)
"""Whose letters are remembered; of others only what they ask for is."""


@dataclass(frozen=True, slots=True)
class MailParts:
    """What mail is made of."""

    cipher: MailCipher
    connect: Callable[[Host, Callable[[PeerId], None]], MailboxClient]
    """Makes a client, which tells where something came in."""
    kept: MailSnapshot
    relays: tuple[MailboxRelay, ...] = ()
    """Who shall keep our mail; without them those through whom we can be reached."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Where what comes of mail goes, and who keeps ours."""

    put: Callable[[Input], Awaitable[None]]
    find_devices: Callable[[AccountId], Awaitable[DeviceSet | None]]
    find_bundle: Callable[[DeviceId], Awaitable[bytes | None]]
    republish: Callable[[], None]
    relays: MailRelays


class PostOffice:
    """The mail of one node; `run` owns everything that waits."""

    def __init__(
        self, parts: MailParts, exits: Exits, host: Host, chat: Chat, ambient: Ambient
    ) -> None:
        self._cipher = parts.cipher
        self._client = parts.connect(host, lambda _: self.look())
        self._exits = exits
        self._chat = chat
        self._ambient = ambient
        self._door = MailDoor(parts.kept.seen, ambient.now())
        self._sealed: dict[int, bytes] = {}
        self._errands = _Errands()
        self._nursery: trio.Nursery | None = None
        self._posts = trio.CapacityLimiter(POSTS_MAX)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Fetch what comes and carry what goes, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._client.run)
            task_status.started()
            while True:
                self._errands.begin()
                await self._visit_all()
                with trio.move_on_after(FETCH_EVERY_S):
                    await self._errands.wait()

    def look(self) -> None:
        """There may be something to fetch, or somebody new to fetch it from."""
        self._errands.call()

    @property
    def bundle(self) -> MailBundle:
        """How others may write to us: empty before there are keys, or a relay."""
        cipher, relays = self._cipher, tuple(self._errands.ours.values())
        if cipher.keys is None or not relays:
            return MailBundle()
        return MailBundle(cipher.keys.fallback_key, cipher.published, relays)

    # In the driver

    def prepare(self, input: Input) -> Input:
        """Open a letter, in the batch that commits it."""
        return self._opened(input) if isinstance(input, Mail) else input

    def changes(self, effects: Iterable[Effect]) -> list[RatchetChange]:
        """Seal what goes out; what comes of it has to be committed before it does."""
        now_ms, cipher = self._ambient.now().wall_ms, self._cipher
        found: list[RatchetChange] = self._tidied(now_ms)
        for effect in effects:
            match effect:
                case Post():
                    found += self._seal(effect, now_ms)
                case ForgetSessions(peer):
                    found += cipher.forget(peer.id)
                case RenewKeys():
                    found += cipher.renew(now_ms)
                case _:
                    pass
        return found

    def carry(self, effect: Effect) -> None:
        """Do what was decided, now that it is on disk."""
        match effect:
            case Post():
                self._spawn(self._post, effect, self._sealed.pop(effect.serial))
            case LookUpAccount(account):
                self._spawn(self._look_up_account, account)
            case LookUp(device):
                self._spawn(self._look_up, device)
            case Discard(slot):
                self._errands.discard(slot)
            case RenewKeys():
                self._exits.republish()
            case WritersChanged():
                self._errands.call()
            case _:
                pass

    def _opened(self, mail: Mail) -> MailOpened | MailRefused:
        slot, body = mail.slot, mail.body
        if self._door.was_seen(mail.hash):
            return MailRefused(slot, "", None, ())
        now, account = self._ambient.now(), body.sender.account
        try:
            devices, identity_key = self._sender(body)
            opened = self._let_in(body, identity_key, now)
        except BadSignature:
            return MailRefused(slot, "letter that does not open", body.sender, ())
        except RemoteProtocolError as error:
            return MailRefused(slot, type(error).__name__, None, ())
        if opened is None:
            return MailRefused(slot, "letter too many", None, ())
        changes: tuple[RatchetChange, ...] = opened.changes
        if self._is_heard(account):
            changes = (*changes, *self._door.see(mail.hash, now.wall_ms))
        try:
            frames, asks_again = decode_letter(opened.plaintext)
        except RemoteProtocolError as error:
            return MailRefused(slot, type(error).__name__, None, changes)
        return MailOpened(slot, body.sender, devices, frames, asks_again, changes)

    def _let_in(self, body: MailBody, identity_key: bytes, now: Now) -> Opened | None:
        """Open a letter; None when there are too many of its kind. A stranger's leaves nothing.
        Raises `RemoteProtocolError`."""
        account = body.sender.account
        keeps = self._is_heard(account)
        begins = keeps and self._cipher.begins(body, identity_key)
        if not keeps and not self._door.takes_stranger(now):
            return None
        if begins and not self._door.takes_beginning(account, now):
            return None
        return self._cipher.open(body, identity_key, now.wall_ms, keeps=keeps)

    def _is_heard(self, account: AccountId) -> bool:
        return self._chat.state.contact_state(account) in _HEARD

    def _tidied(self, now_ms: int) -> list[RatchetChange]:
        """Once a day forget what is over, and sessions with those who are no contacts any more."""
        if self._door.is_tidy(now_ms):
            return []
        sets = self._chat.state.directory.sets
        known = {
            Correspondent(Party(account, one.device), one.keys.olm_curve25519).id
            for account, devices in sets.items()
            if self._is_heard(account)
            for one in certificates(devices)
        }
        strange = sorted(self._cipher.peers - known)
        dropped = [drop for key in strange for drop in self._cipher.forget(key)]
        return [*self._door.tidied(now_ms), *dropped]

    def _sender(self, body: MailBody) -> tuple[DeviceSet, bytes]:
        """Who certifies the sender, with which identity key: what came along, else what is known.
        Raises `BadSignature`, `MalformedMessage`."""
        account, device = body.sender.account, body.sender.device
        if body.devices is not None:
            devices = certified(body.devices, device)
        else:
            devices = self._chat.state.directory.sets.get(account)
        keys = keys_of(devices, device) if devices is not None else None
        if devices is None or keys is None or not keys.olm_curve25519:
            raise MalformedMessage("a letter of somebody who is not known")
        return devices, keys.olm_curve25519

    def _seal(self, post: Post, now_ms: int) -> Sequence[RatchetChange]:
        keys = post.bundle
        to = Recipient(post.to, keys.fallback_key, keys.hpke[0])
        letter = encode_letter(post.frames, asks_again=post.asks_again)
        state = self._chat.state
        own = narrowed(state.own_devices, state.me.device)
        try:
            sealed = self._cipher.seal(to, letter, own, now_ms)
        except RemoteProtocolError as error:
            whom = post.to.party.device.peer_id.short
            logger.info("nothing can be sealed for %s: %s", whom, error)
            self._sealed[post.serial] = b""
            return ()
        self._sealed[post.serial] = sealed.blob
        return sealed.changes

    # Beside it

    def _spawn(self, job: Callable[..., Awaitable[None]], *args: object) -> None:
        assert self._nursery is not None, "run() comes first"
        self._nursery.start_soon(job, *args)

    async def _look_up_account(self, account: AccountId) -> None:
        devices = await self._exits.find_devices(account)
        if devices is not None:
            await self._exits.put(DevicesTold(devices))
        await self._exits.put(AccountFound(account, is_there=devices is not None))

    async def _look_up(self, device: DeviceId) -> None:
        raw = await self._exits.find_bundle(device)
        await self._exits.put(BundleFound(device, raw))

    async def _post(self, post: Post, blob: bytes) -> None:
        """Leave a blob with each of the recipient's relays; one is enough."""
        to = post.to.party
        key = _write_key(post.key, self._chat.state.me.account, to.device)
        failures: list[str] = [] if blob else ["its keys cannot be used"]
        kept: list[MailboxRelay] = []

        async def leave(relay: MailboxRelay) -> None:
            try:
                with trio.fail_after(POST_TIMEOUT_S):
                    await self._client.put(relay, post.mailbox, blob, key)
            except (NetworkError, trio.TooSlowError) as error:
                failures.append(str(error) or "no answer in time")
            else:
                kept.append(relay)

        async with self._posts, trio.open_nursery() as nursery:
            for relay in post.bundle.relays if blob else ():
                nursery.start_soon(leave, relay)
        if kept:
            await self._exits.put(Posted(to, post.serial))
        else:
            reason = failures[0] if failures else "it names no relay"
            logger.info("mail for %s: %s", to.device.peer_id.short, reason)
            await self._exits.put(PostFailed(to, post.serial, reason))

    async def _visit_all(self) -> None:
        if not self._chat.mailing.writers.are_known:
            return  # it is told when it does
        for relay in await self._exits.relays.choose():
            with trio.move_on_after(VISIT_TIMEOUT_S):
                await self._visit(relay)

    async def _visit(self, relay: MailboxRelay) -> None:
        """Say who may write, delete what is done, and fetch what is new."""
        client = self._client
        try:
            await self._register(relay)
            if done := self._errands.done_at(relay.peer):
                await client.delete(relay, done)
                self._errands.deleted(relay.peer, done)
            after = self._errands.after.get(relay.peer, 0)
            while kept := await client.fetch(relay, after):
                after = kept[-1].id
                await self._take(relay.peer, kept)
                self._errands.after[relay.peer] = after
        except RelayRefused as error:
            logger.info("mailbox at %s: %s", relay.peer.short, error)
            self._exits.relays.refused(relay.peer)
            self._errands.lost(relay.peer)
        except NetworkError as error:
            logger.info("mailbox at %s: %s", relay.peer.short, error)
            self._errands.registered.pop(relay.peer, None)

    async def _register(self, relay: MailboxRelay) -> None:
        """Say whose puts our mailbox takes, if that is news to the relay."""
        me = self._chat.state.me
        writers = self._chat.mailing.writers.keys()
        if self._errands.registered.get(relay.peer) == (me.intro, writers):
            return
        keys = [write_key(half, account, me.device).public_key for half, account in writers]
        await self._client.register(relay, dict.fromkeys(keys), intro_key(me.intro).public_key)
        self._errands.registered[relay.peer] = me.intro, writers
        if self._errands.ours.get(relay.peer) != relay:
            self._errands.ours[relay.peer] = relay
            self._exits.republish()

    async def _take(self, relay: PeerId, kept: Sequence[Kept]) -> None:
        """Open the envelopes of a page and hand over what is in them, in the order in which it was
        sealed: a ratchet keeps only so many keys of what was overtaken."""
        mails: list[Mail] = []
        for count, one in enumerate(kept, 1):
            if count % CHECK_IN_EVERY == 0:
                await trio.lowlevel.checkpoint()
            slot = Slot(relay, one.id)
            try:
                mails.append(Mail(slot, blob_hash(one.blob), self._cipher.unwrap(one.blob)))
            except UnknownVersion:
                self._errands.put_by(slot)
            except RemoteProtocolError as error:
                self._chat.state.refuse(error)
                self._errands.discard(slot)
        for mail in sorted(mails, key=lambda mail: (mail.body.sender, mail.body.counter)):
            await self._exits.put(mail)


class OpeningChat:
    """The chat as its driver runs it: what is sealed is opened right before it is heard."""

    def __init__(self, chat: Chat, office: PostOffice) -> None:
        self._chat = chat
        self._office = office

    def start(self, now: Now) -> list[Effect]:
        return self._chat.start(now)

    def handle(self, input: Input, now: Now) -> list[Effect]:
        return self._chat.handle(self._office.prepare(input), now)

    def settle(self, now: Now) -> list[Effect]:
        return self._chat.settle(now)


Registered = tuple[bytes, list[tuple[bytes, AccountId]]]
"""The token of our link, and whose halves may write."""


class _Errands:
    """What is to be done at relays at the next visit, and what each of them knows."""

    def __init__(self) -> None:
        self.registered: dict[PeerId, Registered] = {}
        """Who may write, as each relay was told it; it may forget while we do not reach it."""
        self.ours: dict[PeerId, MailboxRelay] = {}
        """Relays that keep our mail: what our bundle names."""
        self.after: dict[PeerId, int] = {}
        """The newest id that was fetched."""
        self._done: dict[PeerId, dict[int, None]] = {}
        self._later: dict[PeerId, deque[int]] = {}
        self._called = trio.Event()

    def begin(self) -> None:
        self._called = trio.Event()

    async def wait(self) -> None:
        await self._called.wait()

    def call(self) -> None:
        self._called.set()

    def put_by(self, slot: Slot) -> None:
        """Leave it there for a later version of this program, as long as it is one of a few."""
        ids = self._later.setdefault(slot.relay, deque())
        ids.append(slot.id)
        if len(ids) > LATER_MAX:
            self.discard(Slot(slot.relay, ids.popleft()))

    def discard(self, slot: Slot) -> None:
        self._done.setdefault(slot.relay, {})[slot.id] = None
        self.call()

    def done_at(self, relay: PeerId) -> tuple[int, ...]:
        return tuple(self._done.get(relay, ()))

    def deleted(self, relay: PeerId, ids: Iterable[int]) -> None:
        for id in ids:
            self._done[relay].pop(id, None)

    def lost(self, relay: PeerId) -> None:
        """It keeps nothing for us any more."""
        self.registered.pop(relay, None)
        self.ours.pop(relay, None)


def _write_key(key: Key, own: AccountId, reader: DeviceId) -> Signer:
    return intro_key(key.secret) if key.is_intro else write_key(key.secret, own, reader)
