"""A relay's home: its key and the peers it met, in plain files that an operator can copy.

    p2pchat.lock      who has it open
    relay.key         64 hexadecimal digits: who the relay is, for ever
    relay-peers.json  peers met before, dialled at the next start

All are 0600. The key is on disk, whole, before anybody hears of it. The peers are a help and no
more: they are written now and then, not forced to the disk, and a file that cannot be read is
passed over.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from pathlib import Path

from p2pchat.errors import WrongKey
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.store.files import home_errors, make_private_directory, open_private, write_private
from p2pchat.store.key_file import parse_key, render_key
from p2pchat.store.lock import hold_lock

__all__ = ["PeerFile", "RelayHome", "open_relay_home"]

logger = logging.getLogger(__name__)

_PEERS_BYTES_MAX = 1 << 20
_VERSION = 1


class PeerFile:
    """The remembered peers; `path` None keeps them in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._rows = {row.peer: row for row in _read(path)} if path is not None else {}
        self._is_saved = True

    @property
    def rows(self) -> tuple[PutPeer, ...]:
        """All of them."""
        return tuple(self._rows.values())

    def apply(self, change: PutPeer | DropPeer) -> None:
        """Take a change in; `save` writes it."""
        match change:
            case PutPeer(peer):
                self._rows[peer] = change
            case DropPeer(peer):
                self._rows.pop(peer, None)
        self._is_saved = False

    def save(self) -> None:
        """Write what changed since the last time. A disk that refuses is warned about: the relay
        works as well without."""
        if self._is_saved or self._path is None:
            return
        beside = self._path.with_name(self._path.name + ".new")
        try:
            with open(open_private(beside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                file.write(_render(self._rows.values()))
            beside.replace(self._path)
        except OSError as error:
            logger.warning("peers met cannot be written to %s: %s", self._path, error)
            return
        self._is_saved = True


class RelayHome:
    """An open home: the relay's key, and its memory of peers."""

    def __init__(self, path: Path | None, key: bytes) -> None:
        self.path = path
        self.key = key
        self.peers = PeerFile(path / "relay-peers.json" if path is not None else None)


@contextmanager
def open_relay_home(
    path: Path | None, fresh_key: bytes, given_key: bytes | None = None
) -> Generator[RelayHome]:
    """Open the home at `path`, made if it is not there, for this process alone.

    A new home keeps `fresh_key`; `given_key` is used instead of any key kept, and not kept itself.
    Raises `HomeUnwritable`, `HomeInUse`, `WrongKey`, `DiskFull`.
    """
    if path is None:
        yield RelayHome(None, given_key or fresh_key)
        return
    path = path.absolute()
    with ExitStack() as stack:
        with home_errors(path):
            make_private_directory(path)
            stack.enter_context(hold_lock(path / "p2pchat.lock"))
            home = RelayHome(path, given_key or _key(path / "relay.key", fresh_key))
        try:
            yield home
        finally:
            home.peers.save()


def _key(path: Path, fresh_key: bytes) -> bytes:
    if not path.exists():
        write_private(path, render_key(fresh_key))
        return fresh_key
    try:
        return parse_key(path.read_bytes())
    except ValueError as error:
        raise WrongKey(f"{path} is damaged: {error}; put back the one of this relay") from error


def _render(rows: Iterable[PutPeer]) -> bytes:
    peers = [
        {"peer": str(row.peer), "addresses": row.addresses, "last_seen_ms": row.last_seen_ms}
        for row in rows
    ]
    return json.dumps({"version": _VERSION, "peers": peers}, indent=1).encode() + b"\n"


def _read(path: Path) -> list[PutPeer]:
    if not path.exists():
        return []
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_PEERS_BYTES_MAX))
        return [
            PutPeer(
                PeerId.parse(row["peer"]),
                tuple(str(address) for address in row["addresses"]),
                int(row["last_seen_ms"]),
            )
            for row in document["peers"]
        ]
    except (OSError, ArithmeticError, LookupError, ValueError, TypeError, RecursionError) as error:
        logger.warning("%s cannot be read (%s): starting without it", path, error)
        return []
