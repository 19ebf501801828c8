"""Exports: everything of a home that another home can be made of, in one file a passphrase locks.

What goes in is the account and what was said; what stays is what belongs to this device alone: its
key, its ratchets, what it owes to whom. Two homes with one device key would write two histories in
its name and roll ratchets back, so a home made from an export is a new device of the account, with
the old devices' logs to read. Both directions run on a thread, a page at a time.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

import trio

from p2pchat.client.identity import restored_identity
from p2pchat.config import CONFIG_FILE, ClientConfig, load_client_config
from p2pchat.crypto.sealed_file import SealedWriter, unsealed
from p2pchat.crypto.vault import Vault
from p2pchat.errors import (
    BadExport,
    ConfigError,
    FileUnusable,
    RemoteProtocolError,
    SchemaTooNew,
    UnknownVersion,
)
from p2pchat.model.archive import ArchivedIdentity, ArchivedOp, End, Manifest, Record
from p2pchat.model.change import (
    AddOp,
    Change,
    Counting,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutReadMark,
    PutReceipt,
    PutSetting,
    SetFloor,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId, ConversationId
from p2pchat.model.op import Chain
from p2pchat.model.room import RoomKind
from p2pchat.node.ambient import Ambient, SystemAmbient
from p2pchat.protocol.consequences import shown_message
from p2pchat.protocol.contacts import INTRO_SETTING
from p2pchat.protocol.relations import relation_changes
from p2pchat.store.archiving import Archive
from p2pchat.store.files import new_file
from p2pchat.store.home import restore_home
from p2pchat.store.sqlite import SqliteStore
from p2pchat.wire.archive_codec import RECORD_BYTES_MAX, decode_record, encode_record
from p2pchat.wire.contents import Text, decode_content
from p2pchat.wire.devices import DeviceSet, read_device_set
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.relations import Delete, Edit, React

__all__ = [
    "Export",
    "Progress",
    "ReadArchive",
    "export_home",
    "import_home",
    "require_new_key",
    "write_export",
]

PAGE_RECORDS = 500
"""Records in one transaction, and between two looks at whether it is cancelled."""
KEPT_SETTINGS = frozenset({INTRO_SETTING})
"""Settings that are the account's and not the device's."""

ReadArchive = Callable[[Callable[[Archive], None]], Awaitable[None]]
"""Has somebody read the whole home on a thread."""

Progress = Callable[[int, int], None]
"""Told, now and then, how many ops of how many are done."""


@dataclass(frozen=True, slots=True)
class Export:
    """A file to be written."""

    path: Path
    passphrase: str = field(repr=False)
    overwrite: bool = False


async def export_home(read: ReadArchive, export: Export, now_ms: int, progress: Progress) -> None:
    """Write a home to a file while everything goes on. `progress` is called on the event loop.
    Raises as `write_export` does."""

    def take(archive: Archive) -> None:
        def tell(done: int, total: int) -> None:
            trio.from_thread.check_cancelled()
            trio.from_thread.run_sync(progress, done, total)

        write_export(export, archive, now_ms, tell)

    await read(take)


def write_export(export: Export, archive: Archive, now_ms: int, progress: Progress) -> None:
    """Write a home as of one moment to a file that is there whole or not at all.

    Raises `FileExists`, `FileUnusable`, `DiskFull`, `ConfigError` for what is no passphrase.
    """
    with new_file(export.path, overwrite=export.overwrite) as file:
        writer = SealedWriter(file, export.passphrase)
        for done, record in enumerate(_records(archive, now_ms)):
            writer.write(frame(encode_record(record)))
            if done % PAGE_RECORDS == 0:
                progress(min(done, archive.ops_count), archive.ops_count)
        writer.finish()
    progress(archive.ops_count, archive.ops_count)


def _records(archive: Archive, now_ms: int) -> Iterator[Record]:
    identity, snapshot = archive.identity, archive.snapshot
    yield Manifest(now_ms, archive.ops_count)
    yield ArchivedIdentity(identity.account_seed, identity.name, identity.created_ms)
    yield PutDeviceSet(identity.account, identity.device_set)
    yield from snapshot.device_sets
    yield from snapshot.names
    yield from snapshot.profiles
    yield from snapshot.trust
    yield from snapshot.conversations
    yield from snapshot.contacts
    yield from snapshot.blocks
    yield from snapshot.peers
    for name in sorted(KEPT_SETTINGS & snapshot.settings.keys()):
        yield PutSetting(name, snapshot.settings[name])
    here = {row.conversation for row in snapshot.conversations}
    yield from (floor for floor in snapshot.floors if floor.conversation in here)
    yield from archive.ops
    yield from archive.receipts
    yield End(archive.ops_count)


async def import_home(
    home: str | os.PathLike[str],
    path: str | os.PathLike[str],
    passphrase: str,
    *,
    home_passphrase: str | None = None,
    progress: Progress | None = None,
) -> AccountId:
    """Make the home at `home` from the export at `path`: a new device of the account in it.

    There is no home yet at that place, or one in which nothing has happened. `passphrase` opens the
    export, `home_passphrase` locks the new home. `progress` is called on another thread. Raises
    `BadExport`, `WrongPassphrase`, `SchemaTooNew`, `HomeNotEmpty`, `FileUnusable`, and other
    `StoreError`s, `ConfigError` as `require_new_key` does for what is configured in the home; then
    nothing is left of it.
    """
    require_new_key(load_client_config(Path(home) / CONFIG_FILE)[0])
    importing = _Import(Path(path), passphrase, SystemAmbient(), progress or _silent)
    # Reading a million ops is minutes of pure computing.
    read = partial(importing.run, Path(home), Vault(home_passphrase))
    return await trio.to_thread.run_sync(read)  # noqa: TID251


def require_new_key(config: ClientConfig) -> None:
    """That a home made by an import will open: its device has a new key. Raises `ConfigError`."""
    if config.identity_file is not None:
        raise ConfigError(
            "identity_file", "an import makes a device with a key of its own: import without it"
        )


def _silent(_done: int, _total: int) -> None:
    pass


class _Import:
    """One export on its way into one home."""

    def __init__(self, path: Path, passphrase: str, ambient: Ambient, progress: Progress) -> None:
        self._path = path
        self._passphrase = passphrase
        self._ambient = ambient
        self._progress = progress

    def run(self, home: Path, vault: Vault) -> AccountId:
        try:
            with self._path.open("rb") as file:
                records = _read_records(unsealed(file, self._passphrase))
                manifest, archived = next(records, None), next(records, None)
                if not isinstance(manifest, Manifest) or not isinstance(archived, ArchivedIdentity):
                    raise BadExport("does not begin as an export does")
                fill = partial(self._fill, manifest, archived, records)
                restore_home(home, fill, keys=vault)
        except (BadExport, SchemaTooNew) as error:
            raise type(error)(f"{self._path} {error}") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise FileUnusable(f"{self._path} cannot be read: {reason}") from error
        return AccountId(Ed25519Signer(archived.account_seed).public_key)

    def _fill(
        self,
        manifest: Manifest,
        archived: ArchivedIdentity,
        records: Iterator[Record],
        store: SqliteStore,
    ) -> None:
        """Write all records into an empty database."""
        account = AccountId(Ed25519Signer(archived.account_seed).public_key)
        filling = _Filling(account)
        page: list[Change] = []
        for record in records:
            page += filling.changes(record)
            if len(page) >= PAGE_RECORDS:
                store.commit(page)
                page.clear()
                self._progress(min(filling.ops, manifest.ops), manifest.ops)
                trio.from_thread.check_cancelled()
        filling.require_whole()
        store.commit(page)
        talk = (head for head in store.snapshot().heads if head.chain is Chain.TALK)
        store.commit([PutReadMark(one.conversation, one.device, one.seq + 1) for one in talk])
        store.put_identity(restored_identity(archived, filling.own_sets, self._ambient))
        self._progress(manifest.ops, manifest.ops)


class _Filling:
    """What records become in the new home, and whether they belong together."""

    def __init__(self, account: AccountId) -> None:
        self._account = account
        self._conversations: set[ConversationId] = set()
        self._secret: set[ConversationId] = set()
        """Rooms whose secrets no export holds: another member gives all of it to the new device, or
        whoever enters the password again."""
        self._is_over = False
        self.own_sets: list[DeviceSet] = []
        self.ops = 0

    def changes(self, record: Record) -> Sequence[Change]:
        if self._is_over:
            raise BadExport("goes on after its end")
        match record:
            case ArchivedOp():
                return self._op(record)
            case PutContact():
                return [self._contact(record)]
            case PutDeviceSet(account, raw) if account == self._account:
                self.own_sets.append(read_device_set(raw))
                return []
            case PutSetting(name):
                return [record] if name in KEPT_SETTINGS else []
            case Manifest() | ArchivedIdentity():
                raise BadExport("has two beginnings")
            case End(ops):
                self._is_over = ops == self.ops
                return []
            case PutConversation(id, kind):
                self._conversations.add(id)
                if kind not in (RoomKind.INVITED, RoomKind.PASSWORD):
                    return [record]
                self._secret.add(id)
                return []
            case SetFloor(id) | PutReceipt(id) if id in self._secret:
                return []
            case _:
                return [record]

    def require_whole(self) -> None:
        """That the end was reached, and nothing was left out."""
        if not self._is_over or not self.own_sets:
            raise BadExport("lacks some of what it should hold")

    def _contact(self, contact: PutContact) -> PutContact:
        """A contact of ours. Who was asked and has not answered is asked anew by the same link:
        the answer would go to the old device."""
        id = direct_id(self._account, contact.account)
        if id != contact.conversation or id not in self._conversations:
            raise BadExport("holds a contact of somebody else")
        has_asked = contact.state in (ContactState.ASKED, ContactState.WITHDRAWN)
        return replace(contact, intro=b"") if has_asked else contact

    def _op(self, archived: ArchivedOp) -> Sequence[Change]:
        op, key = archived.op, archived.sort_key
        if op.header.conversation not in self._conversations:
            raise BadExport("holds an op of no conversation in it")
        self.ops += 1
        if op.header.conversation in self._secret:
            return []
        added = AddOp(op, key, archived.received_ms)
        if not archived.is_shown:
            return [added]
        is_open = op.header.account == self._account and not archived.is_delivered
        own = Counting.ELSEWHERE if is_open else Counting.NOBODY
        match Text("") if op.content is None else decode_content(op.header.kind, op.content):
            case Text() as text:
                return [added, shown_message(op, text, own, key, archived.received_ms)]
            case Edit() | Delete() | React() as relation:
                return [added, *relation_changes(op, relation)]
            case _:
                raise BadExport("shows what is no message")


def _read_records(content: Iterator[bytes]) -> Iterator[Record]:
    """The records of an export, as far as this program knows them."""
    parser = FrameParser(RECORD_BYTES_MAX, skips_empty=False)
    frames = chain.from_iterable(map(parser.feed, content))
    try:
        yield from (record for record in map(decode_record, frames) if record is not None)
    except UnknownVersion as error:
        raise SchemaTooNew(f"was written by a newer version of this program: {error}") from error
    except RemoteProtocolError as error:
        raise BadExport(f"is damaged: {error}") from error
    if not parser.is_empty:
        raise BadExport("is damaged: it ends within a record")
