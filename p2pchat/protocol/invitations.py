"""Who used which invitation to a room, and who came too late.

An invitation is good for a number of accounts, and members who cannot reach each other may admit
more. So that all come to the same answer, those are in of whom the giver of the invitation heard
first, as its own ops show by what they have in their pasts; of those that these do not tell apart,
those of whom an owner heard first; then whose first admission has the fewest others by this
invitation in its past; then that with the smaller op id. The rest never were in. What is dated back
is heard of late all the same: whoever has an invitation puts out nobody by it of whom its giver or
an owner has shown to know (`unseen`).

Too late is, too, what the one who writes the admission, or gave the invitation, wrote on the side
of an op by which it is out of the room, unless the giver of the invitation or an owner heard of the
admission first; and what those write who were let in too late, and nothing else was ever said of
them.

Which admissions count at all is judged before and without this (`protocol.membership`): else two
that are unknown to each other could each make the other void.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from p2pchat.model.control import Admission, Control, Invite, InviteRevoked
from p2pchat.model.ids import AccountId
from p2pchat.protocol.control_graph import Graph, bits, sum_of

__all__ = ["Invitations"]

KNOWN_MAX = 64
"""Answers that are remembered: almost all questions are about the same few sets."""


class Invitations:
    """The invitations of one room's control ops, by their places in the graph."""

    def __init__(self, graph: Graph, owners: Sequence[AccountId]) -> None:
        self._graph = graph
        self._owners = owners
        self._used: defaultdict[int, int] = defaultdict(int)
        """By invitation: the admissions that name it."""
        self._ended: defaultdict[int, list[int]] = defaultdict(list)
        """By invitation: the ops that take it back."""
        self._behind: defaultdict[AccountId, int] = defaultdict(int)
        """By account: the admissions that it wrote, or by invitations that it gave."""
        self._crowded: set[int] = set()
        """Invitations that more admissions name than they are good for."""
        self._known: dict[int, int] = {}
        """The last answers."""

    def add(self, index: int) -> None:
        """An op came that uses an invitation or ends it."""
        invite = self.used_by(index)
        self._known.clear()
        if invite < 0:
            return
        given = self._graph.ops[invite].control
        if isinstance(self._graph.ops[index].control, InviteRevoked):
            self._ended[invite].append(index)
            return
        self._used[invite] |= 1 << index
        for op in (self._graph.ops[index], self._graph.ops[invite]):
            self._behind[op.account] |= 1 << index
        if isinstance(given, Invite) and self._used[invite].bit_count() > given.uses:
            self._crowded.add(invite)

    def is_crowded(self, known: int) -> bool:
        """Whether more admissions name an invitation than it is good for, by what somebody knew."""
        for invite in self._crowded:
            given = self._graph.ops[invite].control
            if isinstance(given, Invite) and (self._used[invite] & known).bit_count() > given.uses:
                return True
        return False

    def used_by(self, index: int) -> int:
        """The invitation that an op names, if it knew it; else -1."""
        return self.invite_of(self._graph.ops[index].control, self._graph.past[index])

    def is_within_uses(self, invite: int, account: AccountId, past: int) -> bool:
        """Whether an invitation was good for one account more by what an op's author knew: else
        whoever has the key of one could make more and more authors."""
        graph, given = self._graph, self._graph.ops[invite].control
        uses = given.uses if isinstance(given, Invite) else 0
        others, count = self._used.get(invite, 0) & past & ~graph.about.get(account, 0), 0
        while others and count < uses <= count + others.bit_count():
            others &= ~graph.about[graph.subject(others.bit_length() - 1)]
            count += 1
        return count < uses

    def invite_of(self, control: Control | None, past: int) -> int:
        """The same for an op with this past; an admission has to show the invitation's key."""
        match control:
            case Admission(_, id, key):
                index = self._graph.index.get(id, -1)
            case InviteRevoked(id):
                index, key = self._graph.index.get(id, -1), None
            case _:
                return -1
        given = self._graph.ops[index].control if index >= 0 and past >> index & 1 else None
        is_right = isinstance(given, Invite) and key in (None, given.key)
        return index if is_right else -1

    def taken_back(self, invite: int) -> Sequence[int]:
        """All ops that say that an invitation is good no more."""
        return self._ended.get(invite, ())

    def given(self, mask: int) -> Iterator[tuple[int, Invite]]:
        """All invitations among some ops."""
        for index in bits(mask):
            control = self._graph.ops[index].control
            if isinstance(control, Invite):
                yield index, control

    def users(self, invite: int, mask: int) -> list[AccountId]:
        """Who was let in by an invitation in time, as these ops say, in order: more than it is good
        for, perhaps."""
        return self._in_order(invite, self._unaware(mask), mask)

    def surplus(self, mask: int) -> int:
        """Of some ops the admissions that came too late."""
        if mask & self._graph.admissions == 0:
            return 0
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        if mask not in self._known:
            self._known[mask] = self._surplus(mask)
        return self._known[mask]

    def _surplus(self, mask: int) -> int:
        found = self._unaware(mask)
        for invite in self._crowded:
            given = self._graph.ops[invite].control
            assert isinstance(given, Invite), "only invitations are used"
            late = set(self._in_order(invite, found, mask)[given.uses :])
            used = self._used[invite] & mask & ~found if late else 0
            found |= sum(1 << i for i in bits(used) if self._graph.subject(i) in late)
        return self._with_guests(found, mask)

    def _in_order(self, invite: int, late: int, mask: int) -> list[AccountId]:
        """Who was let in by an invitation, as these ops say, but for admissions that are late."""
        graph, used = self._graph, self._used.get(invite, 0) & mask & ~late
        past, heard = graph.past, [self._heard(one, used, mask) for one in self._witnesses(invite)]

        def place(index: int) -> tuple[object, ...]:
            first = [-by_one[index] for by_one in heard]
            return (*first, (past[index] & used).bit_count(), graph.ops[index].id)

        return list(dict.fromkeys(map(graph.subject, sorted(bits(used), key=place))))

    def _witnesses(self, invite: int) -> tuple[AccountId, ...]:
        """Whose knowledge tells who came first, the giver's before the owners'."""
        return tuple(dict.fromkeys((self._graph.ops[invite].account, *self._owners)))

    def _heard(self, account: AccountId, used: int, mask: int) -> Counter[int]:
        """By admission how many ops of an account show it, of those that show another one."""
        graph, found = self._graph, Counter[int]()
        for witness in bits(graph.witnesses & graph.by.get(account, 0) & mask):
            found.update(bits(graph.shown(witness) & used))
        return found

    def unseen(self, mask: int, account: AccountId) -> bool:
        """Whether somebody is in of whom neither the giver of the invitation nor an owner has shown
        to know, as far as it is this account's to show."""
        graph, shown, hidden, ours = self._graph, dict[int, int](), 0, set[AccountId]()
        if account not in self._owners and not graph.invites & graph.by.get(account, 0):
            return False
        in_time = mask & ~self.surplus(mask)
        for index in bits(graph.admissions & in_time):
            invite = self.used_by(index)
            if invite not in shown:
                shown[invite] = sum_of(map(graph.shown, self._seeing(invite, mask)))
            if not shown[invite] >> index & 1:
                hidden |= 1 << index
                ours |= {graph.subject(index)} if account in self._witnesses(invite) else set()
        return any(self._needs(one, in_time, hidden) for one in ours)

    def _needs(self, account: AccountId, mask: int, hidden: int) -> bool:
        """Whether somebody is in by these ops, and would not be without the hidden ones: who is let
        in again and again is shown once."""
        about = self._graph.about[account] & mask
        is_in = self._graph.most_restrictive(about).may_read
        return is_in and not self._graph.most_restrictive(about & ~hidden).may_read

    def _seeing(self, invite: int, mask: int) -> Iterator[int]:
        by = sum_of(self._graph.by.get(one, 0) for one in self._witnesses(invite))
        return bits(self._graph.witnesses & by & mask)

    def _unaware(self, mask: int) -> int:
        """Admissions on the side of an op that puts out who stands behind them."""
        graph, found = self._graph, 0
        for account, behind in self._behind.items():
            for end in bits(graph.about.get(account, 0) & graph.excluding & mask):
                apart = behind & mask & ~graph.past[end] & ~found
                found |= sum(1 << i for i in bits(apart) if self._is_beside(i, end, mask))
        return self._with_guests(found, mask)

    def _is_beside(self, index: int, end: int, mask: int) -> bool:
        """Whether an admission was written on the side of an op, and nobody who would know heard of
        it before that."""
        graph = self._graph
        return not graph.past[index] >> end & 1 and not any(
            graph.shown(witness) >> index & 1 and not graph.past[witness] >> end & 1
            for witness in self._seeing(self.used_by(index), mask)
        )

    def _with_guests(self, late: int, mask: int) -> int:
        """These admissions, and all by whom they alone let in: who never was in lets nobody in."""
        graph = self._graph
        for index in bits(mask & graph.admissions) if late else ():
            author = graph.ops[index].account
            about = graph.about.get(author, 0) & graph.past[index] & mask
            if about and not about & ~late:
                late |= 1 << index
        return late
