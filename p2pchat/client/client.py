"""The client: what a program holds. Opening it starts a node; leaving the block ends it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import cast

import trio

from p2pchat.client.devices import devices_of, revocation_of
from p2pchat.client.diagnosing import diagnosis_of
from p2pchat.client.exporting import Export, ReadArchive, export_home
from p2pchat.client.handles import Contact, Room
from p2pchat.client.locking import change_lock
from p2pchat.client.profiles import checked_bio, read_avatar
from p2pchat.config import (
    ClientConfig,
    ConfigChange,
    SettingsInForce,
    checked_name,
    parse_peer_address,
)
from p2pchat.config.changes import taken_over
from p2pchat.crypto.sas import SasExchange
from p2pchat.crypto.vault import Bare, InKeyring, Locking, WithPassphrase
from p2pchat.errors import (
    ConfigError,
    HomeUnwritable,
    InvalidTarget,
    UnknownContact,
    UnknownConversation,
    UnknownMessage,
    VerificationFailed,
)
from p2pchat.events import Event, ExportProgress
from p2pchat.model.blocking import Block, Target, parse_target
from p2pchat.model.contact import ContactInfo, ContactState, LinkInfo
from p2pchat.model.device import DeviceInfo
from p2pchat.model.diagnosis import Diagnosis
from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
from p2pchat.model.introduction import Introduction
from p2pchat.model.message import Message
from p2pchat.model.room import RoomInfo
from p2pchat.model.route import Path as Route
from p2pchat.model.status import ContactStatus, NetworkStatus, PeerStatus
from p2pchat.node.ambient import Ambient
from p2pchat.node.deliveries import UNDER_WAY
from p2pchat.node.doctor import examine
from p2pchat.node.health import health_of
from p2pchat.node.hub import Subscription
from p2pchat.node.node import Node
from p2pchat.node.reach import own_form
from p2pchat.protocol.machine import (
    AddContact,
    AnswerIntroduction,
    BlockTarget,
    CompareKeys,
    ConfirmKey,
    Consent,
    CreateRoom,
    FinishComparison,
    Input,
    IntroduceContact,
    JoinOpen,
    RejectContact,
    RemoveContact,
    RenewLink,
    ReviseDevices,
    SetProfile,
    UnblockTarget,
    VerifyContact,
)
from p2pchat.protocol.sealing import SECRET_BYTES
from p2pchat.protocol.state import LEFT
from p2pchat.wire.contents import INTRO_BYTES, PAIR_HALF_BYTES
from p2pchat.wire.contents import Profile as ProfileContent
from p2pchat.wire.control import NONCE_BYTES
from p2pchat.wire.frames import SESSION_BYTES
from p2pchat.wire.links import ContactLink, decode_link, encode_link
from p2pchat.wire.verification import VerificationCode, decode_code, encode_code, safety_number

__all__ = ["Client", "Profile", "Statistics"]

LINK_HINTS = 4
_BEST_FIRST = tuple(Route)


@dataclass(frozen=True, slots=True)
class Profile:
    """What an account says of itself."""

    account: AccountId
    name: str
    bio: str = ""
    avatar: bytes = field(default=b"", repr=False)
    """A WebP image of at most 256 × 256 pixels, or empty."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters since the start."""

    refused: dict[str, int]
    """What remotes were refused, by reason."""
    held_back: int
    """Ops that wait for a predecessor."""
    outbox: int


class Client:
    """A running peer. Made by `open_client`; every value it hands out is frozen."""

    def __init__(
        self,
        node: Node,
        ambient: Ambient,
        settings: SettingsInForce[ClientConfig],
        read_archive: ReadArchive | None = None,
    ) -> None:
        """`read_archive` reads the home; None for a client in memory."""
        self._node = node
        self._ambient = ambient
        self._settings = settings
        self._renewing = trio.Lock()
        """One after the other, so that the last one asked for is in force."""
        self._read_archive = read_archive
        self._state = node.chat.state

    # Who and where we are

    @property
    def account(self) -> AccountId:
        """Our account; its text form is `z6Mk…`."""
        return self._state.me.account

    @property
    def peer_id(self) -> PeerId:
        """This device on the network."""
        return self._node.parts.host.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs others may dial, each ending in `/p2p/<peer id>`."""
        return self._node.parts.host.addresses

    @property
    def profile(self) -> Profile:
        """What others see of us."""
        return self._profile_of(self.account)

    @property
    def contact_link(self) -> str:
        """What to give to somebody who shall ask us: `dchat://u/…`."""
        me = self._state.me
        known = self._state.own_devices
        devices = known if me.device in known.devices else me.devices
        return encode_link(ContactLink(me.account, me.device, me.intro, devices, self._hints()))

    def _hints(self) -> tuple[str, ...]:
        """Where links say that we are."""
        return tuple(own_form(address) for address in self.addresses[:LINK_HINTS])

    def status(self) -> NetworkStatus:
        """The network at this moment."""
        host, network = self._node.parts.host, self._node.network
        accounts, lan = self._state.directory.accounts, network.lan
        peers = tuple(
            PeerStatus(
                state.peer,
                accounts.get(state.peer.device) if state.peer.device else None,
                state.addresses,
                lan.path(state) if lan is not None else state.path,
            )
            for state in host.peers
        )
        return NetworkStatus(
            health=health_of(host.peers),
            reachability=network.reach.reachability,
            connected_peers=len(peers),
            known_peers=len(network.machine.known),
            relays=len(self._node.connections.traversal.relays),
            last_sync=self._node.chat.sync.last_ms,
            outbox=self._node.chat.outbox.owed_count(),
            peers=peers,
            lan=lan.status if lan is not None else None,
            addresses=self.addresses,
            contacts=self._contact_paths(peers),
        )

    def _contact_paths(self, peers: tuple[PeerStatus, ...]) -> tuple[ContactStatus, ...]:
        """The best path to each accepted contact; a contact may be there with several devices."""
        paths: dict[AccountId, Route] = {}
        for peer in peers:
            if peer.account is not None:
                best = paths.get(peer.account, peer.path)
                paths[peer.account] = min(best, peer.path, key=_BEST_FIRST.index)
        accepted = (contact.account for contact in self._contacts(ContactState.ACCEPTED))
        return tuple(ContactStatus(account, paths.get(account)) for account in accepted)

    async def doctor(self, *, keep_ids: bool = False) -> Diagnosis:
        """Find out what is wrong with the network, within ten seconds; `DiagnosisProgress` tells
        each step.

        Names, lists and peers are tried afresh. The result is fit to be shown to others: it holds
        no text, no contact, no name, no key; account and peer ids only with `keep_ids`.
        """
        facts = replace(await examine(self._node), ignored=self._settings.warnings)
        return diagnosis_of(facts, self._node.parts.home, keep_ids=keep_ids)

    def statistics(self) -> Statistics:
        """Counters since the start."""
        refused = self._state.refused + self._node.around.handlers.refused
        lan = self._node.network.lan
        if lan is not None:
            refused.update({f"LAN: {reason}": count for reason, count in lan.refused.items()})
        held = sum(c.log.waiting_count for c in self._state.conversations.values())
        return Statistics(dict(refused), held, self._node.chat.outbox.owed_count())

    async def wait_ready(self) -> NetworkStatus:
        """Wait until the private network is joined (or our own is open, with nobody known).

        With peers known and none reachable it answers after 10 s, while trying goes on.
        """
        await self._node.startup.ready.wait()
        return self.status()

    @asynccontextmanager
    async def subscribe(self, *kinds: type[Event]) -> AsyncGenerator[Subscription]:
        """Hear events of these kinds (all, when none is named) while the block lasts.

        Bounded: a slow reader gets `EventsDropped` instead of what it missed. Ends with the node;
        raises `NodeClosed` when that has ended already.
        """
        with self._node.hub.subscribe(*kinds) as subscription:
            yield subscription

    # People

    async def add_contact(self, link: str) -> Contact:
        """Ask the owner of a contact link; the other side accepts or not. Asking who has asked us
        accepts. Raises `LinkError`."""
        parsed = decode_link(link)
        half = self._ambient.token_bytes(PAIR_HALF_BYTES)
        await self._node.driver.call(lambda id: AddContact(id, parsed, half))
        return Contact(self._node, parsed.account)

    def read_link(self, link: str) -> LinkInfo:
        """Whom a contact link leads to. Nothing is dialled, and nobody learns of it. Raises
        `LinkError`."""
        parsed = decode_link(link)
        state = self._state.contact_state(parsed.account)
        return LinkInfo(parsed.account, parsed.device.peer_id, parsed.addresses, state)

    async def renew_contact_link(self) -> str:
        """Another contact link; the last one leads to nothing from now on."""
        intro = self._ambient.token_bytes(INTRO_BYTES)
        await self._node.driver.call(lambda id: RenewLink(id, intro))
        return self.contact_link

    async def remove_contact(self, account: AccountId) -> None:
        """Take back that somebody is a contact, or that we asked. They are not told; nothing of
        theirs reaches us until we add them again. What was said stays on disk. Raises
        `UnknownContact`."""
        await self._node.driver.call(lambda id: RemoveContact(id, account))

    async def introduce(self, account: AccountId, to: AccountId) -> None:
        """Introduce one contact to another, if the first agrees; the second is told then, and may
        ask to be a contact. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: IntroduceContact(id, account, to))

    def introductions(self) -> list[Introduction]:
        """Those that wait for us or for others, and those of the last 30 days that led on."""
        return self._node.chat.contacts.introductions.shown

    async def accept_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Agree to be introduced, or ask who was introduced to us to be a contact, which dials
        them. Raises `UnknownContact`, `LinkError` for one that is over."""
        token = self._ambient.token_bytes
        consent = Consent(token(INTRO_BYTES), token(PAIR_HALF_BYTES), self._hints())
        command = partial(AnswerIntroduction, introducer=introducer, account=account)
        await self._node.driver.call(lambda id: command(id, consent=consent))

    async def reject_introduction(self, introducer: AccountId, account: AccountId) -> None:
        """Say no to an introduction; nobody is told. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: AnswerIntroduction(id, introducer, account, None))

    async def accept(self, account: AccountId) -> Contact:
        """Say yes to a request. Raises `UnknownContact`."""
        await self._node.accept(account)
        return Contact(self._node, account)

    async def reject(self, account: AccountId) -> None:
        """Say no to a request. Raises `UnknownContact`."""
        await self._node.driver.call(lambda id: RejectContact(id, account))

    def contacts(self) -> list[Contact]:
        """Contacts, those we asked, and those who are blocked."""
        return self._contacts(ContactState.ACCEPTED, ContactState.ASKED, ContactState.BLOCKED)

    def contact_requests(self) -> list[ContactInfo]:
        """Who asks us."""
        return [contact.info for contact in self._contacts(ContactState.REQUEST)]

    def contact(self, account: AccountId) -> Contact:
        """The contact of an account. Raises `UnknownContact`."""
        contact = Contact(self._node, account)
        if contact.state is ContactState.REJECTED or contact.state in LEFT:
            raise UnknownContact(f"{account} was {contact.state}")
        return contact

    def _contacts(self, *states: ContactState) -> list[Contact]:
        state = self._state
        return [Contact(self._node, a) for a in state.contacts if state.contact_state(a) in states]

    # Whose keys they are

    def safety_number(self, account: AccountId) -> str:
        """60 digits that are the same on the contact's side: to be compared by another way.
        Raises `UnknownContact`."""
        return safety_number(self.account, self.contact(account).account)

    def verification_code(self, account: AccountId) -> str:
        """What the contact scans, or gets by a way that nobody can change. Raises
        `UnknownContact`."""
        return encode_code(VerificationCode(self.account, self.contact(account).account))

    async def verify(self, account: AccountId) -> Contact:
        """Say that the safety number was compared and is the same. Raises `UnknownContact`."""
        return await self._trust(lambda id: VerifyContact(id, account, is_verified=True), account)

    async def unverify(self, account: AccountId) -> Contact:
        """Take that back. Raises `UnknownContact`."""
        return await self._trust(lambda id: VerifyContact(id, account, is_verified=False), account)

    async def verify_code(self, code: str, account: AccountId | None = None) -> Contact:
        """Verify the contact who showed this code; `account` is who shall have done so. Raises
        `LinkError`, `UnknownContact`, and `VerificationFailed` for a code that names another
        account than ours or theirs."""
        shown = decode_code(code)
        if account is not None and shown.shown_by != account:
            raise VerificationFailed(
                f"this code was shown by {shown.shown_by}, not by {account}: it is somebody else's,"
                " or somebody stands between you"
            )
        if shown.shown_to != self.account:
            raise VerificationFailed(
                f"this code is for {shown.shown_to}, and you are {self.account}: who showed it has"
                " another key for you, or means somebody else"
            )
        return await self.verify(shown.shown_by)

    async def compare_keys(self, account: AccountId) -> None:
        """Ask a contact who is connected to compare keys by pictures, or answer one that asks
        (`ComparisonRequested`). `PicturesShown` comes to both. Raises `UnknownContact`,
        `LocalProtocolError` when they are not connected."""
        session = self._ambient.token_bytes(SESSION_BYTES)
        await self._node.driver.call(lambda id: CompareKeys(id, account, session, SasExchange()))

    async def finish_comparison(self, account: AccountId, *, same: bool) -> Contact:
        """Say whether the pictures are the same, which verifies the contact; or give up. Raises
        `LocalProtocolError` when nothing is under way."""
        return await self._trust(lambda id: FinishComparison(id, account, same), account)

    async def confirm_key(self, account: AccountId) -> Contact:
        """Go on writing to a contact one of whose devices speaks for another account. Raises
        `UnknownContact`, `LocalProtocolError` when there is nothing to confirm."""
        return await self._trust(lambda id: ConfirmKey(id, account), account)

    async def _trust(self, make: Callable[[int], Input], account: AccountId) -> Contact:
        await self._node.driver.call(make)
        return Contact(self._node, account)

    # Devices

    def devices(self, account: AccountId | None = None) -> list[DeviceInfo]:
        """Our own devices, or those of somebody else, as far as they are known: those that act for
        the account and those that were revoked, each certified one, oldest first."""
        account = self.account if account is None else account
        known = self._state.directory.sets.get(account)
        return [] if known is None else devices_of(known, self._state.me.device)

    async def revoke_device(self, peer: PeerId) -> None:
        """End a device of ours for good: from now on nothing new of it is taken anywhere that
        hears of it. Raises `UnknownDevice`, and `PermissionDenied` for one too many."""
        revocation = revocation_of(
            self._state.own_devices,
            self.peer_id,
            peer,
            self._node.parts.account_signer,
            self._ambient.now().wall_ms,
        )
        await self._node.driver.call(lambda id: ReviseDevices(id, revocation))

    # What we say of ourselves

    async def set_profile(
        self,
        name: str | None = None,
        bio: str | None = None,
        avatar_path: str | os.PathLike[str] | None = None,
    ) -> Profile:
        """Change what others see of us; None leaves it, an empty path takes the picture away.

        The picture is made anew from its pixels, at most 256 × 256. Raises `ConfigError` for what
        is no name, `InvalidText` for a bio of more than 500 characters, `BadPicture`.
        """
        before = self.profile
        name = before.name if name is None else checked_name(name)
        bio = before.bio if bio is None else checked_bio(bio)
        avatar = before.avatar if avatar_path is None else await read_avatar(os.fspath(avatar_path))
        content = ProfileContent(name, bio, avatar)
        await self._node.driver.call(lambda id: SetProfile(id, content))
        return self.profile

    def contact_profile(self, account: AccountId) -> Profile:
        """What a contact says of itself. Raises `UnknownContact`."""
        return self._profile_of(self.contact(account).account)

    def _profile_of(self, account: AccountId) -> Profile:
        if account == self.account:
            own = self._state.profile
            return Profile(account, own.name, own.bio, own.avatar)
        known = self._state.directory.profiles.get(account)
        name = self._state.directory.name(account)
        if known is None:
            return Profile(account, name)
        return Profile(account, name, known.bio, known.avatar)

    # Who gets no word in

    async def block(self, target: Target | str) -> Block:
        """Refuse an account with all its devices, a peer, or a network (`203.0.113.0/24`; a bare
        address is its /24, or /64 for IPv6), from now on and after restarts.

        When it returns, they are disconnected and nothing is delivered to them any more; what is
        stored stays. Raises `InvalidTarget` for what is none of these, `LocalProtocolError` for
        ourselves or one too many.
        """
        parsed = _target(target)
        shown = await self._node.driver.call(lambda id: BlockTarget(id, parsed))
        return cast("Block", shown)

    async def unblock(self, target: Target | str) -> None:
        """Welcome somebody again: contacts are what they were, and what is owed goes out. Raises
        `InvalidTarget`, and `LocalProtocolError` for who is not blocked, or is so by configuration.
        """
        parsed = _target(target)
        await self._node.driver.call(lambda id: UnblockTarget(id, parsed))

    def blocks(self) -> list[Block]:
        """Who is blocked, by the user and by the configuration."""
        return self._node.chat.blocking.shown()

    # Rooms

    async def join_open(self, name: str) -> Room:
        """Enter the open room of this name; whoever knows the name reads it."""
        info = await self._node.driver.call(lambda id: JoinOpen(id, name))
        return Room(self._node, cast("RoomInfo", info).id)

    async def create_room(
        self, name: str, members: Iterable[AccountId] = (), owners: Iterable[AccountId] = ()
    ) -> Room:
        """Begin a room by invitation with accepted contacts, two of them further owners at most.
        Raises `UnknownContact` for who is none, `LocalProtocolError` for no name or too many."""
        who = tuple(members), tuple(owners)
        drawn = [self._ambient.token_bytes(size) for size in (NONCE_BYTES, SECRET_BYTES)]
        info = await self._node.driver.call(lambda id: CreateRoom(id, name, *who, *drawn))
        return Room(self._node, cast("RoomInfo", info).id)

    def rooms(self) -> list[Room]:
        """The rooms we are in."""
        conversations = self._state.conversations.values()
        return [Room(self._node, c.id) for c in conversations if c.kind is not None]

    def room(self, id: ConversationId) -> Room:
        """The room of this id. Raises `UnknownConversation`."""
        return Room(self._node, Room(self._node, id).info.id)

    def conversation(self, id: ConversationId) -> Contact | Room:
        """The contact or room of this id. Raises `UnknownConversation`."""
        known = self._state.conversations.get(id)
        if known is None:
            raise UnknownConversation("no conversation has this id; see `contacts` and `rooms`")
        return Contact(self._node, known.other) if known.other else Room(self._node, id)

    # Messages

    async def message(self, id: OpId) -> Message:
        """One message as it stands. Raises `UnknownMessage`."""
        message = await (await self._node.flushed_store()).message(id)
        if message is None:
            raise UnknownMessage("no message has this id")
        return message

    async def wait_delivered(self, id: OpId) -> Message:
        """Wait until a message of ours is on disk at every recipient, however long that takes.
        Raises `UnknownMessage`, and `NodeClosed` when the node ends first."""
        with self._node.deliveries.waiting(id) as waiter:
            message = await self.message(id)
            if message.state not in UNDER_WAY:
                return message
            return replace(message, state=await waiter.state())

    # Settings

    async def reconfigure(self, config: ClientConfig) -> ConfigChange:
        """Take over what of `config` can change while the node runs: whom to dial first, whom to
        refuse, which networks LAN mode is confined to. Answers which changed keys are in force and
        which wait for the next start."""
        async with self._renewing:
            return await self._renew(config)

    async def _renew(
        self, config: ClientConfig, warnings: tuple[str, ...] | None = None
    ) -> ConfigChange:
        await self._node.reconfigure(taken_over(self._settings.config, config))
        return self._settings.renew(config, warnings)

    async def reload_config(self) -> ConfigChange:
        """Read the settings again where they came from, and take them over.

        Raises `ConfigError`, and then nothing has changed: a value is wrong, or the client was
        opened with settings that stand nowhere.
        """
        async with self._renewing:
            return await self._renew(*self._settings.load())

    # What is kept of all this

    async def export(
        self, path: str | os.PathLike[str], passphrase: str, *, overwrite: bool = False
    ) -> None:
        """Write account, contacts, rooms, blocks and history to a file that `passphrase` locks,
        for `import_home`. It is of one moment, and at `path` when it is whole; `ExportProgress`
        tells how far it is. Raises `FileExists`, `FileUnusable`, `DiskFull`, `ConfigError` for
        what is no passphrase."""
        if self._read_archive is None:
            raise HomeUnwritable("a client in memory cannot be exported: open it in a directory")
        hub = self._node.hub
        await self._node.flushed_store()
        await self._node.connections.memory.save()  # whom we met lately, the new device shall find
        await export_home(
            self._read_archive,
            Export(Path(path), passphrase, overwrite),
            self._ambient.now().wall_ms,
            lambda done, total: hub.emit(ExportProgress(done, total, is_import=False)),
        )

    # How the home is locked

    async def change_passphrase(self, old: str | None, new: str | None) -> None:
        """Lock the home by `new` in place of `old`; None is no passphrase, on either side.

        It takes one or two seconds, meanwhile everything goes on. Whatever interrupts it, one of
        the two opens the home. Raises `PassphraseNeeded`, `WrongPassphrase`, `ConfigError` for a
        passphrase that is none, and other `StoreError`s; then nothing has changed.
        """
        await self._lock(old, Bare() if new is None else WithPassphrase(new))

    async def use_keyring(self, passphrase: str | None = None) -> None:
        """Have the system's keyring lock the home, in place of `passphrase` if there is one.
        Raises `KeyringUnusable`, and as `change_passphrase` does."""
        await self._lock(passphrase, InKeyring())

    async def _lock(self, passphrase: str | None, locking: Locking) -> None:
        home = self._node.parts.home
        if home is None:
            raise HomeUnwritable("a client in memory has nothing to lock: open it in a directory")
        await change_lock(home, passphrase, locking, is_open=True)

    # The network by hand

    async def connect(self, address: str) -> None:
        """Dial a multiaddr that ends in `/p2p/<peer id>`. Raises `ConfigError`,
        `PeerUnreachable`."""
        try:
            parsed = parse_peer_address(address)
        except ValueError as error:
            raise ConfigError("address", f"{address[:200]!a} cannot be used: {error}") from error
        await self._node.parts.host.connect(parsed.peer, (parsed.address,))

    async def disconnect(self, peer: PeerId) -> None:
        """Close all connections to a peer; it may come back."""
        await self._node.parts.host.disconnect(peer)


def _target(given: Target | str) -> Target:
    if not isinstance(given, str):
        return given
    try:
        return parse_target(given)
    except ValueError as error:
        raise InvalidTarget(str(error)) from error
