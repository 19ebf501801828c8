"""What a room by invitation is in memory, beside its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from p2pchat.model.control import Detail, History, Standing
from p2pchat.model.history import HistoryRule
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.machine import Now
from p2pchat.model.op import Op
from p2pchat.model.room import Role
from p2pchat.protocol.epochs import Epochs
from p2pchat.protocol.machine import Effect
from p2pchat.protocol.membership import Membership
from p2pchat.protocol.sealing import Sharing
from p2pchat.wire.control import control_op, read_genesis
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.frames import WELCOME_DEVICES_MAX, WELCOME_EPOCHS_MAX, Welcome

__all__ = ["HOSTS_MAX", "ROLES", "Details", "InvitedRoom", "Stage", "welcome_to"]

HOSTS_MAX = 8
ROLES = dict(zip(Standing, Role, strict=False))


@dataclass(frozen=True, slots=True)
class Details:
    """What a room says of itself."""

    texts: Mapping[Detail, str]
    pins: tuple[OpId, ...]


class Stage(Enum):
    """How far we are in a room."""

    GUEST = auto()
    """Somebody says that we are a member; the room's ops do not, yet."""
    ASKED = auto()
    """We are a member, and the user has not said whether they want to be."""
    ENTERED = auto()


def welcome_to(room: InvitedRoom, devices: Sequence[ClaimedSet]) -> Welcome:
    """What a member's device needs beside the room's ops."""
    epochs = room.epochs.shown_to_members()[:WELCOME_EPOCHS_MAX]
    return Welcome(room.genesis, room.secret, epochs, tuple(devices)[:WELCOME_DEVICES_MAX])


class InvitedRoom:
    """Who is in it, its epochs, and who has our session's key."""

    def __init__(self, genesis: bytes, secret: bytes) -> None:
        self.genesis = genesis
        self.secret = secret
        self.stage = Stage.GUEST
        self.inviter: AccountId | None = None
        """Who took us in; None for a room that we began ourselves."""
        self.hosts: dict[DeviceId, None] = {}
        """Whose word we were given: they are read from until we know that we are a member, and
        given nothing, for they may be out themselves. Each is heard, for one may keep silent."""
        self.control_taken: Callable[[Op, Details, Now], list[Effect]] = lambda op, before, now: []
        """What follows from a control op, before which the room said this of itself
        (`protocol.invited`)."""
        self.proven: set[OpId] = set()
        """Talk ops that lead to heads which limits name, as far as they wait or are to come."""
        self.membership = Membership(read_genesis(genesis))
        self.epochs = Epochs(self.membership)
        self.sharing = Sharing()

    def hear(self, host: DeviceId) -> None:
        """Read from somebody who says that we are in it, too; of many the first is forgotten."""
        self.hosts[host] = None
        if len(self.hosts) > HOSTS_MAX:
            del self.hosts[next(iter(self.hosts))]

    @property
    def rule(self) -> HistoryRule:
        """What of its history the room shows to whom."""
        genesis = self.membership.genesis
        return HistoryRule(genesis.history, genesis.history_last)

    @property
    def shows_all(self) -> bool:
        """Whether whoever comes is given all that was ever said."""
        return self.membership.genesis.history is History.ALL

    @property
    def is_entered(self) -> bool:
        return self.stage is Stage.ENTERED

    def says(self, detail: Detail) -> str:
        """What the room says of itself; its first name while nobody gave it another."""
        said = self.membership.detail(detail)
        first = self.membership.genesis.name if detail is Detail.NAME else ""
        return first if said is None else said[1]

    def details(self) -> Details:
        """All that it says."""
        texts = {detail: self.says(detail) for detail in Detail}
        return Details(texts, self.membership.pins())

    def restore(self, ops: Iterable[Op]) -> None:
        """Its control ops as of the last commit, each after what it depends on."""
        for op in ops:
            self.membership.add(control_op(op))

    def is_in_time(self, op: Op) -> bool:
        """Whether a talk op was written by who might, and before it might no more."""
        header = op.header
        return self.membership.was_in_time(op.position, header.account, header.deps)

    def is_refused(self, op: Op) -> bool:
        """Whether a talk op, all of whose dependencies are here, is not taken at all. Of a member,
        and of who went by itself, what was not in time is taken and not shown, since what it wrote
        later follows it."""
        header, membership = op.header, self.membership
        is_out = not membership.standing(header.account).may_read
        is_revoked = membership.is_revoked(header.account, header.device)
        if not (is_out or is_revoked) or self.is_in_time(op):
            return False
        return is_revoked or not membership.went(header.account)

    def heads_over(self, op: Op) -> tuple[OpId, ...]:
        """The heads at or above a talk op that limits name which it shows no knowledge of, the
        nearest first."""
        header = op.header
        bounds = self.membership.bounds(header.device, header.account, header.deps)
        heads = [head for bound in bounds for head in bound if head.seq >= header.seq]
        return tuple(head.head for head in sorted(heads, key=lambda head: head.seq))

    def is_rewritten(self, op: Op) -> bool:
        """Whether a talk op that forks its chain is by who may write no more: it may lie below the
        place that was named, and still have been written afterwards. Who left is named nowhere."""
        header, membership = op.header, self.membership
        is_silent = not membership.standing(header.account).may_write
        return is_silent and bool(membership.bounds(header.device, header.account, header.deps))
