"""Nobody reads what is said in a room by invitation while it is out.

Who could read what is counted as an eavesdropper would who follows no rule: what a device is given
on streams, what came onto its disk, and of all that was ever published what it could open with the
epochs and the session keys that it was ever given. Who was a member when something was said follows
from its author's knowledge, and from what all control ops together say of that: whoever was let in
afterwards may read it, too, for these rooms show all their history.

Who was let in by an op that is void, because of what nobody could know who did so, is forgiven.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from p2pchat.model.change import AddOp, Change
from p2pchat.model.control import Admission, SetStanding
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.op import Chain, Op
from p2pchat.model.room_change import NO_GENESIS, PutEpoch, PutRoom
from p2pchat.net.gossip import PROTOCOLS as GOSSIP_PROTOCOLS
from p2pchat.net.port import ProtocolId
from p2pchat.protocol.membership import Membership
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life, Peer
from p2pchat.testing.plain_sessions import PlainBlob, key_parts, look_into
from p2pchat.wire.control import control_op, read_genesis
from p2pchat.wire.frames import Frame, Ops, Welcome, decode_ops
from p2pchat.wire.gossip_codec import MessageId, decode_rpc
from p2pchat.wire.sender_keys import SignedSenderKey

__all__ = ["Secrecy"]


class _Room:
    """One room by all control ops that are on any disk."""

    def __init__(self, genesis: bytes) -> None:
        self.membership = Membership(read_genesis(genesis))
        self._letting_in: dict[AccountId, list[OpId]] = {}
        self._past: dict[OpId, frozenset[OpId]] = {}
        """What was known to who wrote an op, and the op."""

    def add(self, op: Op) -> None:
        said = control_op(op)
        if said.id in self.membership:
            return
        self.membership.add(said)
        self._past[said.id] = self._closure(said.parents) | {said.id}
        match said.control:
            case Admission(account):
                self._letting_in.setdefault(account, []).append(said.id)
            case SetStanding(account, standing) if standing.may_read:
                self._letting_in.setdefault(account, []).append(said.id)
            case _:
                pass  # nobody is let in by it

    def may_read(self, account: AccountId, deps: Iterable[OpId]) -> bool:
        """Whether an account was a member when somebody wrote who knew `deps`, or became one that
        may read it; or could not be known to be none."""
        if self.membership.standing(account, deps).may_read:
            return True
        known = self._closure(deps)
        return any(
            id not in known or not self.membership.counts(id)
            for id in self._letting_in.get(account, ())
        )

    def _closure(self, ids: Iterable[OpId]) -> frozenset[OpId]:
        return frozenset[OpId]().union(*(self._past[id] for id in ids))


class Secrecy(Checker):
    """Whoever could read a text was a member when it was written, or became one since."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._rooms: dict[ConversationId, _Room] = {}
        self._given: dict[OpId, set[DeviceId]] = {}
        """By op who was given it as it is, or has it."""
        self._epochs: dict[bytes, set[DeviceId]] = {}
        """By secret who knows it."""
        self._keys: dict[bytes, dict[DeviceId, int]] = {}
        """By session who can open it, from which blob on."""
        self._blobs: dict[MessageId, PlainBlob | None] = {}

    def committed(self, life: Life, change: Change) -> Complaints:
        device = life.peer.identity.device
        match change:
            case PutRoom(id, genesis) if genesis != NO_GENESIS and id not in self._rooms:
                self._rooms[id] = _Room(genesis)
            case PutEpoch(_, _, secret):
                self._epochs.setdefault(secret, set()).add(device)
            case AddOp(op) if self._is_watched(op):
                self._given.setdefault(op.id, set()).add(device)
            case AddOp(op) if room := self._rooms.get(op.header.conversation):
                room.add(op)
            case _:
                pass  # it gives nobody anything to read
        return ()

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        if to.device is None:
            return ()
        match frame:
            case Ops(ops):
                for op in filter(self._is_watched, ops):
                    self._given.setdefault(op.id, set()).add(to.device)
            case Welcome():
                for secret in frame.epochs:
                    self._epochs.setdefault(secret, set()).add(to.device)
            case SignedSenderKey(said):
                session, index = key_parts(said.key)
                known = self._keys.setdefault(session, {})
                known[to.device] = min(index, known.get(to.device, index))
            case _:
                pass  # nothing to read, and no key
        return ()

    def uttered(self, life: Life, to: PeerId, protocol: ProtocolId, frame: bytes) -> Complaints:
        if self._rooms and protocol in GOSSIP_PROTOCOLS:
            for message in decode_rpc(frame).messages:
                if message.id not in self._blobs:
                    self._blobs[message.id] = look_into(message.data)
        return ()

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        for id, device in self._readings():
            header, account = self.ledger.headers.get(id), self._account(device, peers)
            if header is None or account in (None, header.account):
                continue
            if not self._rooms[header.conversation].may_read(account, header.deps):
                author, reader = self.ledger.names[header.device], self.ledger.names[device]
                yield f"{reader} can read {str(id)[:8]}, which {author} said when it was out"

    def _is_watched(self, op: Op) -> bool:
        return op.header.chain is Chain.TALK and op.header.conversation in self._rooms

    def _readings(self) -> Iterator[tuple[OpId, DeviceId]]:
        """Who can read what."""
        found = {id: set(devices) for id, devices in self._given.items()}
        for blob in filter(None, self._blobs.values()):
            keys = self._keys.get(blob.session, {})
            able = {device for device, first in keys.items() if first <= blob.index}
            readers = able & self._epochs.get(blob.epoch, set())
            opened = decode_ops(blob.plaintext) if readers else None
            for op in opened.ops if opened is not None else ():
                found.setdefault(op.id, set()).update(readers)
        for id, devices in found.items():
            for device in sorted(devices):
                yield id, device

    def _account(self, device: DeviceId, peers: Sequence[Peer]) -> AccountId | None:
        """Of honest peers."""
        accounts = (p.identity.account for p in peers if p.identity.device == device)
        return next(accounts, None)
