"""What is on whose disk: the facts that checkers judge by.

Kept from the commits alone, in plain lists and sets, so that it shares no code with what is
checked. A fact is entered when the commit that made it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from p2pchat.model.change import (
    AddMessage,
    AddOp,
    Change,
    DropConversation,
    PutContact,
    PutConversation,
    SetFloor,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id
from p2pchat.model.identity import Identity
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header
from p2pchat.model.room import RoomKind
from p2pchat.protocol.sealing import RoomSecret, open_room_secret

__all__ = ["ChainKey", "Disk", "Ledger"]

ChainKey = tuple[DeviceId, Chain]


@dataclass(slots=True)
class Disk:
    """The committed state of one peer, as far as checkers ask for it."""

    device: DeviceId
    ever: set[OpId] = field(default_factory=set[OpId])
    """Ops that were stored at any time."""
    chains: dict[ConversationId, dict[ChainKey, list[OpId]]] = field(
        default_factory=dict[ConversationId, dict[ChainKey, list[OpId]]]
    )
    """Ops that are stored now, in the order they came."""
    shown: dict[ConversationId, set[OpId]] = field(default_factory=dict[ConversationId, set[OpId]])
    """Ops that are stored as messages now, in rooms that were left, too."""
    floors: dict[ConversationId, dict[ChainKey, int]] = field(
        default_factory=dict[ConversationId, dict[ChainKey, int]]
    )
    """Where chains begin that do not begin at 0."""
    parts: dict[ConversationId, dict[ChainKey, dict[int, OpId]]] = field(
        default_factory=dict[ConversationId, dict[ChainKey, dict[int, OpId]]]
    )
    """What is stored below that, in parts with holes between them."""
    contacts: dict[AccountId, ContactState] = field(default_factory=dict[AccountId, ContactState])
    rooms: dict[ConversationId, str] = field(default_factory=dict[ConversationId, str])
    """Open ones, and those by invitation, into which this peer may only be taken."""

    def chain(self, conversation: ConversationId, key: ChainKey) -> Sequence[OpId]:
        """The stored ops of one chain."""
        return self.chains.get(conversation, {}).get(key, ())

    def floor(self, conversation: ConversationId, key: ChainKey) -> int:
        """The number of the first op of a chain."""
        return self.floors.get(conversation, {}).get(key, 0)

    def enter(self, change: Change) -> None:
        """A change was committed."""
        match change:
            case AddOp(op, is_beneath=True):
                self.ever.add(op.id)
                key = (op.header.device, op.header.chain)
                parts = self.parts.setdefault(op.header.conversation, {})
                parts.setdefault(key, {})[op.header.seq] = op.id
            case AddOp(op):
                self.ever.add(op.id)
                chains = self.chains.setdefault(op.header.conversation, {})
                chains.setdefault((op.header.device, op.header.chain), []).append(op.id)
            case AddMessage():
                self.shown.setdefault(change.conversation, set()).add(change.op)
            case SetFloor():
                key = (change.device, change.chain)
                before = self.floor(change.conversation, key)
                chain = self.chains.get(change.conversation, {}).get(key, [])
                parts = self.parts.setdefault(change.conversation, {}).setdefault(key, {})
                if change.spares:
                    parts |= dict(enumerate(chain[: max(change.seq - before, 0)], before))
                chain[:0] = [parts[seq] for seq in range(change.seq, before)]
                del chain[: max(change.seq - before, 0)]
                self.floors.setdefault(change.conversation, {})[key] = change.seq
            case PutContact():
                self.contacts[change.account] = change.state
            case PutConversation(id, kind, name) if kind is not None:
                self.rooms[id] = name
            case DropConversation(id):
                self._keep_own_talk(id)
            case _:
                pass  # nothing that is asked for

    def _keep_own_talk(self, id: ConversationId) -> None:
        """A room was left: what its peer said in it has to stay."""
        own = (self.device, Chain.TALK)
        said = self.chain(id, own)
        self.chains[id] = {own: list(said)} if said else {}
        self.floors[id] = {own: self.floor(id, own)}
        self.parts.pop(id, None)
        self.shown[id] = self.shown.get(id, set()) & set(said)
        self.rooms.pop(id, None)


class Ledger:
    """All disks, everything ever written, and who is who."""

    def __init__(self) -> None:
        self.headers: dict[OpId, Header] = {}
        """Every op that any honest peer has stored."""
        self.names: dict[DeviceId, str] = {}
        """Of honest peers and villains."""
        self.secrets: dict[str, RoomSecret] = {}
        """Of rooms, by topic."""
        self._written: dict[tuple[ConversationId, ChainKey], list[OpId]] = {}
        self._disks: dict[DeviceId, Disk] = {}
        self._devices: dict[DeviceId, AccountId] = {}
        self._parties: dict[ConversationId, frozenset[DeviceId]] = {}
        self._invited: set[ConversationId] = set()

    def enroll(self, name: str, identity: Identity, *, is_honest: bool = True) -> None:
        """A peer comes into the world, or a villain, of whom nothing is expected."""
        device = identity.device
        for other, account in self._devices.items():
            parties = frozenset((device, other))
            self._parties[direct_id(account, identity.account)] = parties
        self._devices[device] = identity.account
        self.names[device] = name
        if is_honest:
            self._disks[device] = Disk(device)

    def disk(self, device: DeviceId) -> Disk:
        """The disk of an honest peer; an empty one for anybody else."""
        return self._disks.get(device) or Disk(device)

    def is_honest(self, device: DeviceId) -> bool:
        """Whether a device follows the protocol."""
        return device in self._disks

    def has_stored(self, device: DeviceId, op: OpId) -> bool:
        """Whether an op is, or was until its conversation was left, on a disk."""
        return op in self.disk(device).ever

    def devices(self, account: AccountId) -> list[DeviceId]:
        """The devices in this world that act for an account."""
        return [device for device, owner in self._devices.items() if owner == account]

    def name_of(self, account: AccountId) -> str:
        """How an account is called in this world."""
        return ", ".join(self.names[device] for device in self.devices(account)) or "a stranger"

    def parties(self, conversation: ConversationId) -> frozenset[DeviceId] | None:
        """The two devices of a direct conversation; None for a room."""
        return self._parties.get(conversation)

    def direct(self) -> list[tuple[ConversationId, frozenset[DeviceId]]]:
        """Every direct conversation that two honest peers could have, in no order that matters."""
        return [
            (id, devices)
            for id, devices in self._parties.items()
            if all(map(self.is_honest, devices))
        ]

    def other_account(self, conversation: ConversationId, own: DeviceId) -> AccountId:
        """Whom `own` talks with in a direct conversation."""
        other = next(device for device in self._parties[conversation] if device != own)
        return self._devices[other]

    def members(self, conversation: ConversationId) -> list[DeviceId]:
        """Who is in a room now."""
        return [device for device, disk in self._disks.items() if conversation in disk.rooms]

    def rooms(self) -> list[ConversationId]:
        """Rooms that somebody is in."""
        return sorted({id for disk in self._disks.values() for id in disk.rooms})

    def open_rooms(self) -> list[ConversationId]:
        """Those of them that nobody rules: all who are in them hold all of them."""
        return [id for id in self.rooms() if id not in self._invited]

    def written(self, conversation: ConversationId, key: ChainKey) -> Sequence[OpId]:
        """Every op that an honest device has ever written in one chain."""
        return self._written.get((conversation, key), ())

    def enter(self, device: DeviceId, change: Change) -> None:
        """A change is committed."""
        self._disks[device].enter(change)
        match change:
            case AddOp(op):
                header, is_new = op.header, op.id not in self.headers
                self.headers[op.id] = header
                if header.device == device and is_new:
                    key = (header.conversation, (device, header.chain))
                    self._written.setdefault(key, []).append(op.id)
            case PutConversation(id, RoomKind.INVITED):
                self._invited.add(id)
            case PutConversation(_, kind, name) if kind is not None:
                secret = open_room_secret(name)
                self.secrets[secret.topic] = secret
            case _:
                pass  # of its disk alone
