"""The client: what a program holds. Opening it starts a node; leaving the block ends it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from p2pchat.client.diagnosing import diagnosis_of
from p2pchat.client.exporting import Export, ReadArchive, export_home
from p2pchat.client.locking import change_lock
from p2pchat.client.profiles import Profiles
from p2pchat.client.rooms import Rooms
from p2pchat.client.trusting import Trusting
from p2pchat.config import ClientConfig, ConfigChange, SettingsInForce, parse_peer_address
from p2pchat.config.changes import taken_over
from p2pchat.crypto.vault import Bare, InKeyring, Locking, WithPassphrase
from p2pchat.errors import ConfigError, HomeUnwritable
from p2pchat.events import Event, ExportProgress
from p2pchat.model.contact import ContactState
from p2pchat.model.diagnosis import Diagnosis
from p2pchat.model.ids import AccountId, PeerId
from p2pchat.model.route import Path as Route
from p2pchat.model.status import ContactStatus, NetworkStatus, PeerStatus
from p2pchat.node.ambient import Ambient
from p2pchat.node.doctor import examine
from p2pchat.node.health import health_of
from p2pchat.node.hub import Subscription
from p2pchat.node.node import Node

__all__ = ["Client", "Statistics"]

_BEST_FIRST = tuple(Route)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counters since the start."""

    refused: dict[str, int]
    """What remotes were refused, by reason."""
    held_back: int
    """Ops that wait for a predecessor."""
    outbox: int


class Client(Trusting, Profiles, Rooms):
    """A running peer. Made by `open_client`; every value it hands out is frozen."""

    def __init__(
        self,
        node: Node,
        ambient: Ambient,
        settings: SettingsInForce[ClientConfig],
        read_archive: ReadArchive | None = None,
    ) -> None:
        """`read_archive` reads the home; None for a client in memory."""
        super().__init__(node, ambient)
        self._settings = settings
        self._renewing = trio.Lock()
        """One after the other, so that the last one asked for is in force."""
        self._read_archive = read_archive

    # The network at this moment

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
            mailboxes=self._node.startup.mailboxes,
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
