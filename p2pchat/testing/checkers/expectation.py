"""In a room by invitation nothing is called delivered that a member lacks.

Members are judged by the control ops on the disk of whoever calls it so, and since when they are
is counted anew here, commit by commit: who became a member after a message was on that disk, or is
none any more, does not count. Who comes back to a room hears again, in any order, who is in it:
until it speaks there those count who were in by its last word of before, and others from where on
they are given what it said. By what rules somebody is a member `tests/properties` looks at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.events import Event, MessageStateChanged
from p2pchat.model.change import AddOp, Change, DropConversation
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, Party
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Header
from p2pchat.model.room_change import NO_GENESIS, PutRoom
from p2pchat.protocol.histories import spot_of
from p2pchat.protocol.membership import Membership
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life
from p2pchat.wire.control import control_op, read_genesis

__all__ = ["Expectation"]


@dataclass(slots=True)
class _Room:
    """A room by invitation on one disk."""

    own: Party
    membership: Membership
    is_entered: bool = False
    said: Header | None = None
    """The newest talk op of the disk's own device."""
    is_back: bool = False
    """That was said before it left the room, which it is in again."""
    since: dict[AccountId, int] = field(default_factory=dict[AccountId, int])
    """By member but ourselves: how many there were when it became one."""

    def judge(self) -> None:
        members = self.membership.members() if self.is_entered else ()
        others = [one for one in members if one != self.own.account]
        self.since = {
            one: self.since[one] if one in self.since else self._from(one) for one in others
        }

    def _from(self, account: AccountId) -> int:
        """From which of our talk on a new member is expected to have it."""
        if self.said is None:
            return 0
        count, known = self.said.seq + 1, self.said.deps
        if not self.is_back:
            return count
        is_known = all(id in self.membership for id in known)
        if not is_known or self.membership.standing(account, known).may_read:
            return 0
        places = self.membership.places(account, self.own.device, is_last=True)
        return min([count, *places])


class Expectation(Checker):
    """What is called delivered is on the disk of every member of whom that is expected."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._rooms: dict[tuple[DeviceId, ConversationId], _Room] = {}
        self._left: dict[tuple[DeviceId, ConversationId], Header | None] = {}
        """What was said last in rooms that were left."""

    def committed(self, life: Life, change: Change) -> Complaints:
        own = life.peer.identity
        match change:
            case PutRoom(id, genesis) if genesis != NO_GENESIS:
                said = self._left.get((own.device, id))
                made = _Room(Party(own.account, own.device), Membership(read_genesis(genesis)))
                made.said, made.is_back = said, said is not None
                room = self._rooms.setdefault((own.device, id), made)
                room.is_entered = change.is_entered
                room.judge()
            case AddOp(op) if room := self._rooms.get((own.device, op.header.conversation)):
                if op.header.chain is Chain.CONTROL:
                    room.membership.add(control_op(op))
                    room.judge()
                elif op.header.device == own.device:
                    room.said, room.is_back = op.header, False
            case DropConversation(id):
                gone = self._rooms.pop((own.device, id), None)
                if gone is not None:
                    self._left[own.device, id] = gone.said
            case _:
                pass  # who is in a room does not follow from it
        return ()

    def told(self, life: Life, event: Event) -> Complaints:
        match event:
            case MessageStateChanged(id, MessageState.DELIVERED):
                header = self.ledger.headers[id]
                room = self._rooms.get((life.peer.identity.device, header.conversation))
                for account in self._lacking(room, id, header) if room is not None else ():
                    name = self.ledger.name_of(account)
                    yield f"{life.peer.name} calls {str(id)[:8]} delivered, and {name} lacks it"
            case _:
                pass

    def _lacking(self, room: _Room, id: OpId, header: Header) -> list[AccountId]:
        """Of whom it is expected that they have an op, and who have not."""
        awaited = [one for one, since in room.since.items() if since <= header.seq]
        spot, may_have = spot_of(header), room.membership.may_have
        return [one for one in awaited if not self._has(one, id) and may_have(one, spot)]

    def _has(self, account: AccountId, id: OpId) -> bool:
        return any(
            self.ledger.has_stored(device, id) or not self.ledger.is_honest(device)
            for device in self.ledger.devices(account)
        )
