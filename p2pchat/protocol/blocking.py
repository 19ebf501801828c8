"""Blocking: who gets no word in, and none from us.

A block lies over what is there and changes none of it: a contact that is blocked stays the contact
it was, a log keeps what it holds, and taking the block away restores both. What a block does end is
everything under way: the connection (the host refuses the devices), what waited to be delivered,
and whatever of theirs waits to be taken in.

An account is all its devices that have shown to be its own (`protocol.proof`), and those that come
to say so; the host is told of each by its key. What the account alone says is nothing here: it may
certify, or revoke, a device of somebody else. A block is on disk before anybody is told that it is
in force.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from ipaddress import IPv4Network, IPv6Network
from itertools import islice

from p2pchat.errors import LocalProtocolError
from p2pchat.model.blocking import (
    BLOCKED_ACCOUNTS_MAX,
    BLOCKED_PEERS_MAX,
    BLOCKED_SUBNETS_MAX,
    Block,
    BlockList,
    Target,
)
from p2pchat.model.change import DropBlock, PutBlock, PutDeviceSet
from p2pchat.model.ids import AccountId, DeviceId, Party, PeerId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.snapshot import Snapshot
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.machine import (
    BlockTarget,
    ConfigureBlocks,
    Dial,
    Effect,
    EnforceBlocks,
    Persist,
    UnblockTarget,
)
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.state import State
from p2pchat.wire.devices import DeviceSet, certificates, read_device_set

__all__ = ["Blocking", "in_force_at_start", "proved"]


class Blocking:
    """What the user's commands, the configuration and blocked devices set off."""

    def __init__(self, state: State, outbox: Outbox, intake: Intake) -> None:
        self._state = state
        self._outbox = outbox
        self._intake = intake

    def restore(self, rows: Iterable[PutBlock]) -> None:
        """The blocks as of the last commit."""
        self._state.directory.blocks.rows.update({row.target: row for row in rows})

    def preset(self, configured: BlockList) -> None:
        """What the configuration says at the start."""
        self._state.directory.blocks.configured = configured

    def start(self) -> list[Effect]:
        """What was blocked stays so."""
        return self._enforce()

    def block(self, command: BlockTarget, now: Now) -> list[Effect]:
        """Refuse somebody from now on; again is the same as once."""
        target, rows = command.target, self._state.directory.blocks.rows
        reason = self._objection(target)
        if reason:
            return [Reply(command.id, error=LocalProtocolError(reason))]
        if target in rows:
            return [Reply(command.id, _shown(rows[target]))]
        row = rows[target] = PutBlock(target, now.wall_ms)
        self._state.directory.pairs.is_changed = True  # nor may they write into our mailbox
        kept = self._keep_devices(target) if isinstance(target, AccountId) else []
        return [Persist(row), *kept, *self._enforce(), Reply(command.id, _shown(row))]

    def unblock(self, command: UnblockTarget) -> list[Effect]:
        """Welcome somebody again: what is owed goes out, and we go and look for them."""
        blocks, target = self._state.directory.blocks, command.target
        if target not in blocks.rows:
            return [Reply(command.id, error=LocalProtocolError(self._not_ours(target)))]
        before = blocks.in_force.peers
        del blocks.rows[target]
        self._state.directory.pairs.is_changed = True
        effects = [Persist(DropBlock(target)), *self._enforce()]
        freed = sorted(before - blocks.in_force.peers)
        for device in _devices(freed):
            for conversation in self._outbox.recipients.conversations(device):
                self._outbox.touch(conversation)
            effects.append(Dial(device))
        return [*effects, Reply(command.id)]

    def configure(self, command: ConfigureBlocks) -> list[Effect]:
        """The configuration's own list, in place of the last."""
        self._state.directory.blocks.configured = command.blocks
        return [*self._enforce(), Reply(command.id)]

    def greeted(self, peer: DeviceId, devices: DeviceSet) -> list[Effect]:
        """A device says that it acts for an account that is blocked: it is blocked as well."""
        self._state.refuse("hello of a blocked account")
        if not self._state.directory.certifies(devices.account, peer):
            return []
        return [*self._keep(peer, devices), *self._enforce()]

    def shown(self) -> list[Block]:
        """Everything that is blocked by name, in the order of the texts."""
        blocks = self._state.directory.blocks
        listed = blocks.configured.peers | blocks.configured.subnets
        shown = {str(target): Block.of(target, 0, configured=True) for target in listed}
        shown |= {str(row.target): _shown(row) for row in blocks.rows.values()}
        return [shown[text] for text in sorted(shown)]

    def _enforce(self) -> list[Effect]:
        """Bring what is blocked by now into force, and stop delivering to whom it hits."""
        directory = self._state.directory
        blocks, before = directory.blocks, directory.blocks.in_force
        blocks.in_force = in_force(blocks.rows, blocks.configured, directory.proved)
        if blocks.in_force == before:
            return []
        effects: list[Effect] = []
        for device in _devices(sorted(blocks.in_force.peers - before.peers)):
            effects += self._outbox.purge(device)
        return [*effects, EnforceBlocks(blocks.in_force)]

    def _keep_devices(self, account: AccountId) -> list[Effect]:
        """The devices of an account that greeted us are to be known after a restart, too."""
        greeted = self._state.directory.greeted(account)
        return [effect for device, said in greeted for effect in self._keep(device, said)]

    def _keep(self, device: DeviceId, said: DeviceSet) -> list[Effect]:
        kept = self._intake.keep(said)
        self._state.directory.prove(Party(said.account, device))
        return kept

    def _objection(self, target: Target) -> str:
        """Why a target cannot be blocked; empty when it can."""
        me, rows = self._state.me, self._state.directory.blocks.rows
        if target in (me.account, me.device.peer_id):
            return "this is you yourself: give the account or peer id of somebody else"
        if target in rows:
            return ""
        kind, most = _bound(target)
        if sum(isinstance(known, kind) for known in rows) >= most:
            return f"{most} of this kind are blocked, which is the most; unblock one first"
        return ""

    def _not_ours(self, target: Target) -> str:
        configured = self._state.directory.blocks.configured
        if target in configured.peers | configured.subnets:
            return f"{target} is blocked by the configuration: take it out there and reload"
        return f"{target} is not blocked; see `blocks`"


def in_force(
    targets: Collection[Target],
    configured: BlockList,
    devices: Callable[[AccountId], Iterable[DeviceId]],
) -> BlockList:
    """What the host shall refuse: whom the user or the configuration names, and the devices of
    blocked accounts, of which no more are told than fit."""
    named = BlockList(
        frozenset(target for target in targets if isinstance(target, PeerId)),
        frozenset(t for t in targets if isinstance(t, IPv4Network | IPv6Network)),
    )
    accounts = [target for target in targets if isinstance(target, AccountId)]
    owned = (device.peer_id for account in accounts for device in sorted(devices(account)))
    return named | configured | BlockList(frozenset(islice(owned, BLOCKED_PEERS_MAX)))


def in_force_at_start(snapshot: Snapshot, configured: BlockList) -> BlockList:
    """What the host shall refuse before it listens for the first time."""
    targets = {row.target for row in snapshot.blocks}
    known = proved(snapshot, (row for row in snapshot.device_sets if row.account in targets))
    return in_force(targets, configured, lambda account: known.get(account, frozenset()))


def proved(
    snapshot: Snapshot, sets: Iterable[PutDeviceSet]
) -> dict[AccountId, frozenset[DeviceId]]:
    """Which devices have said themselves that they act for an account, as far as the disk tells:
    they wrote. Of who is no contact nothing is kept but what a device itself brought along."""
    contacts = {row.account for row in snapshot.contacts}
    authors = {Party(head.account, head.device) for head in snapshot.heads}
    found: dict[AccountId, frozenset[DeviceId]] = {}
    for row in sets:
        known = read_device_set(row.raw)
        certified = frozenset(one.device for one in certificates(known))
        wrote = frozenset(d for d in certified if Party(row.account, d) in authors)
        found[row.account] = wrote if row.account in contacts else certified
    return found


def _devices(peers: Iterable[PeerId]) -> Iterable[DeviceId]:
    return (peer.device for peer in peers if peer.device is not None)


def _bound(target: Target) -> tuple[tuple[type, ...], int]:
    """What counts together with a target, and how many may be blocked."""
    match target:
        case AccountId():
            return (AccountId,), BLOCKED_ACCOUNTS_MAX
        case PeerId():
            return (PeerId,), BLOCKED_PEERS_MAX
        case _:
            return (IPv4Network, IPv6Network), BLOCKED_SUBNETS_MAX


def _shown(row: PutBlock) -> Block:
    return Block.of(row.target, row.blocked_ms, configured=False)
