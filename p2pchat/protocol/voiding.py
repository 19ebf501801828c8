"""What is void of what members signed into a room: what an owner's limit, or a device's being
revoked, takes back whatever the op says of its time (`protocol.membership`, rules 3 and 5).

Only owners and an account's own devices void anything, and neither depends on what else counts. So
all of it follows from which limits and revocations are here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from p2pchat.model.control import ControlOp, DeviceRevoked, SetStanding, Standing
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.protocol.control_graph import Graph, bits, sum_of

__all__ = ["EVERYBODY", "Voiding"]

EVERYBODY = -1
"""The mask of all ops, also of those to come."""

Acting = tuple[AccountId, DeviceId]


class Voiding:
    """The limits and the revocations of one room, by their places in its graph."""

    def __init__(self, graph: Graph, owners: Sequence[AccountId]) -> None:
        self._graph = graph
        self.owners = owners
        self._limits: defaultdict[AccountId, list[int]] = defaultdict(list)
        """By account: owners' ops that limit it."""
        self._revoking: list[int] = []
        """All that say of a device that it was revoked, whose it is to say."""
        self._revoked: dict[Acting, list[int]] = {}
        """Of these what counts."""
        self._severed = 0
        """Ops that are void because their device was revoked."""

    # What comes

    def add(self, index: int) -> int:
        """An op came; the ops that are to be judged anew for it."""
        op = self._graph.ops[index]
        if (op.account, op.device) in self._revoked:
            self._severed |= 1 << index  # who revoked the device did not have it
        match op.control:
            case SetStanding() as change if self._is_limit(index, change):
                self._limits[change.account].append(index)
                doubtful = self._graph.by[change.account]
                is_said = any(doubtful >> said & 1 for said in self._revoking)
                return doubtful | (self._sever() if is_said else 0)
            case DeviceRevoked() as change if self.may_revoke(op, change):
                self._revoking.append(index)
                if op.account in self.owners:
                    return self._sever()
                return 0 if self.is_void(op, self._graph.past[index], index) else self._take(index)
            case _:
                return 0

    # What follows

    def stands(self, index: int) -> bool:
        """Whether no owner, and nobody who revoked its device, made an op void."""
        op, past = self._graph.ops[index], self._graph.past[index]
        return not self._severed >> index & 1 and not self.is_void(op, past, index)

    def is_severed(self, index: int) -> bool:
        """Whether an op's device was revoked by who did not have the op."""
        return bool(self._severed >> index & 1)

    def is_void(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an owner limited the op's author, and the op is neither on a chain that the owner
        named nor written in knowledge of that."""
        return any(
            not past >> limit & 1 and not self._graph.is_on(index, limit, op.device)
            for limit in self.limits(op.account)
        )

    def limits(self, account: AccountId) -> Iterator[int]:
        """Owners' ops that limit an account."""
        for limit in self._limits.get(account, ()):
            if not self._severed >> limit & 1:
                yield limit

    def revoked(self, account: AccountId, device: DeviceId) -> Sequence[int]:
        """The ops that count and say that a device acts for an account no more."""
        return self._revoked.get((account, device), ())

    def may_revoke(self, op: ControlOp, change: DeviceRevoked) -> bool:
        """Whether it is the author's to say: an owner's, or another device's of the account."""
        is_theirs = op.account == change.account or op.account in self.owners
        return is_theirs and op.device != change.device

    def by_owners(self, account: AccountId, mask: int) -> Standing:
        """What owners said last of an account."""
        about = self._graph.about.get(account, 0) & mask & self.by_any_owner
        return self._graph.most_restrictive(about & ~self._graph.admissions)

    def by_owners_now(self, account: AccountId, mask: int) -> Standing:
        """The same, by what no revoked device said."""
        return self.by_owners(account, mask & ~self._severed)

    def is_ruling(self, account: AccountId, past: int) -> bool:
        """Whether an account is an owner, or owners said last that it is an admin and it did not go
        by itself since: what is asked where nothing may hang on invitations."""
        if account in self.owners:
            return True
        if self.by_owners_now(account, past) is not Standing.ADMIN:
            return False
        graph, about = self._graph, self._graph.about.get(account, 0) & past
        said = about & self.by_any_owner & ~graph.admissions & ~self._severed
        known = sum_of(graph.past[word] for word in graph.last(said))
        gone = about & graph.excluding & ~graph.ending & ~known
        return not any(self.stands(index) for index in bits(gone))

    @property
    def by_any_owner(self) -> int:
        """All that owners wrote."""
        said = 0
        for owner in self.owners:
            said |= self._graph.by.get(owner, 0)
        return said

    # How

    def _sever(self) -> int:
        """Find what revoked devices wrote that nobody had who revoked them; all is to be judged
        anew. What owners say of devices first: it decides whether what they said of accounts
        stands."""
        graph, self._severed, self._revoked = self._graph, 0, {}
        for is_owners in (True, False):
            for index in self._revoking:
                op = graph.ops[index]
                is_one = (op.account in self.owners) is is_owners
                if is_one and (is_owners or not self.is_void(op, graph.past[index], index)):
                    self._take(index)
        return EVERYBODY

    def _take(self, index: int) -> int:
        """A revocation counts; what is void by it and was not."""
        graph, change = self._graph, self._graph.ops[index].control
        assert isinstance(change, DeviceRevoked), "nothing else revokes a device"
        self._revoked.setdefault((change.account, change.device), []).append(index)
        written = graph.by_device.get(change.device, 0) & graph.by.get(change.account, 0)
        new = written & ~graph.past[index] & ~self._severed
        self._severed |= new
        return new

    def _is_limit(self, index: int, change: SetStanding) -> bool:
        """Whether an owner's op takes something away from an account: with it, what the account's
        devices wrote on the side."""
        author = self._graph.ops[index].account
        if change.account in self.owners or author not in self.owners:
            return False
        if change.standing > Standing.MEMBER:
            return True
        was = self.by_owners(change.account, self._graph.past[index])
        return change.standing is Standing.MEMBER and was is Standing.ADMIN
