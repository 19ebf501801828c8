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
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.crypto.mail import intro_key, write_key
from p2pchat.crypto.port import MailCipher, Opened, Recipient
from p2pchat.errors import (
    BadSignature,
    MalformedMessage,
    RemoteProtocolError,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId, Party, PeerId
from p2pchat.model.machine import Now
from p2pchat.model.mailbox import MailboxRelay, MailBundle
from p2pchat.model.ratchet import Correspondent, RatchetChange
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.net.mailboxes import MailboxClient
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient
from p2pchat.node.mail_door import MailDoor
from p2pchat.node.mail_posting import Postman
from p2pchat.node.mail_relays import MailRelays
from p2pchat.node.mail_rounds import MailRounds, RoundsParts
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import DevicesTold, Effect, Input
from p2pchat.protocol.mail_vocabulary import (
    UNUSABLE_KEYS,
    AccountFound,
    BeginAnew,
    BundleFound,
    Discard,
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
    WritersChanged,
)
from p2pchat.wire.devices import DeviceSet, certificates, certified, keys_of, narrowed
from p2pchat.wire.envelope import Signer
from p2pchat.wire.mail_codec import MailBody, decode_letter, encode_letter

__all__ = ["Exits", "MailParts", "OpeningChat", "PostOffice"]

logger = logging.getLogger(__name__)

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
    """Who shall keep our mail; without them relays of our own choice."""


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
        rounds = RoundsParts(
            self._client, exits.relays, self._cipher, chat, exits.put, exits.republish
        )
        self._rounds = MailRounds(rounds)
        self._nursery: trio.Nursery | None = None
        self._postman = Postman(self._client, host)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Fetch what comes and carry what goes, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._client.run)
            task_status.started()
            await self._rounds.run()

    def look(self) -> None:
        """There may be something to fetch, or somebody new to fetch it from."""
        self._rounds.look()

    @property
    def bundle(self) -> MailBundle:
        """How others may write to us: empty before there are keys on disk, or a relay."""
        return self._rounds.bundle

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
                case BeginAnew(peer, on):
                    found += cipher.bar(peer.id, on)
                    self._postman.forget(peer.party)
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
                self._rounds.discard(slot)
            case RenewKeys():
                self._rounds.show_keys()
                self._exits.republish()
            case WritersChanged():
                self._rounds.look()
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
            self._rounds.put_by(slot)
            return MailRefused(None, "letter too many", None, ())
        changes: tuple[RatchetChange, ...] = opened.changes
        if self._is_heard(account):
            changes = (*changes, *self._door.see(mail.hash, now.wall_ms))
        try:
            frames, asks_again = decode_letter(opened.plaintext)
        except RemoteProtocolError as error:
            return MailRefused(slot, type(error).__name__, None, changes)
        heard = (frames, asks_again, changes, opened.session)
        return MailOpened(slot, body.sender, devices, *heard)

    def _let_in(self, body: MailBody, identity_key: bytes, now: Now) -> Opened | None:
        """Open a letter; None when there are too many of its kind. A stranger's leaves nothing.
        Raises `RemoteProtocolError`."""
        account, door, cipher = body.sender.account, self._door, self._cipher
        is_heard = self._is_heard(account)
        if is_heard and not cipher.begins(body, identity_key):
            return cipher.open(body, identity_key, now.wall_ms)
        if not (door.takes_try(now) if is_heard else door.takes_stranger(now)):
            return None
        opened = cipher.open(body, identity_key, now.wall_ms, keeps=False)
        if not is_heard:
            return opened
        # It is a contact's: only now does it cost the contact anything.
        is_taken = door.takes_beginning(account, now)
        return cipher.open(body, identity_key, now.wall_ms) if is_taken else None

    def _is_heard(self, account: AccountId) -> bool:
        return self._chat.state.contact_state(account) in _HEARD

    def _tidied(self, now_ms: int) -> list[RatchetChange]:
        """Once a day forget what is over, and sessions with those who are no contacts any more; who
        is blocked stays the contact it was."""
        if self._door.is_tidy(now_ms):
            return []
        sets = self._chat.state.directory.sets
        known = {
            Correspondent(Party(account, one.device), one.keys.olm_curve25519).id
            for account, devices in sets.items()
            if self._chat.state.state_beneath(account) in _HEARD
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
        """A letter that no relay took goes as it was sealed: a ratchet opens over 2,000 steps that
        nobody sees, and whose relays are gone for long would be sealed for more often."""
        blob = self._postman.unkept(post)
        if blob:
            self._sealed[post.serial] = blob
            return ()
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
        kept, failure = (), UNUSABLE_KEYS
        if blob:
            kept, failure = await self._postman.leave(post, blob, key)
        if kept:
            await self._exits.put(Posted(to, post.serial, kept))
            return
        logger.info("mail for %s: %s", to.device.peer_id.short, failure)
        await self._exits.put(PostFailed(to, post.serial, failure))


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


def _write_key(key: Key, own: AccountId, reader: DeviceId) -> Signer:
    return intro_key(key.secret) if key.is_intro else write_key(key.secret, own, reader)
