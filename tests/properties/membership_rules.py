"""The rules of `protocol.membership` and `protocol.histories`, read another way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from p2pchat.model.control import (
    Admission,
    Control,
    ControlOp,
    Detail,
    DeviceRevoked,
    Epoch,
    Genesis,
    History,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import AccountId, OpId
from p2pchat.protocol.histories import ADMISSIONS_MAX, Spot
from p2pchat.protocol.membership import LEAVES_MAX
from p2pchat.protocol.sayings import PINS_MAX

__all__ = ["Reference"]


class Reference:
    """The rules of `protocol.membership` as they are written, one op at a time, on sets."""

    def __init__(self, genesis: Genesis, ops: list[ControlOp]) -> None:
        self.owners = genesis.owners
        self.ops = {op.id: op for op in ops}
        self.pasts: dict[OpId, frozenset[OpId]] = {}
        self.verdicts: dict[OpId, bool] = {}
        for op in ops:
            below = [self.pasts[id] | {id} for id in op.parents]
            self.pasts[op.id] = frozenset().union(*below)

    def about(self, account: AccountId, known: frozenset[OpId]) -> dict[OpId, Standing]:
        found = {}
        for id in known:
            op = self.ops[id]
            if isinstance(op.control, SetStanding) and op.control.account == account:
                found[id] = op.control.standing
            if isinstance(op.control, Admission) and op.control.account == account:
                found[id] = Standing.MEMBER
            if isinstance(op.control, Leave) and op.account == account:
                found[id] = Standing.REMOVED
        return found

    def maximal(self, said: dict[OpId, Standing]) -> Standing:
        last = self.last(said)
        strong = [id for id in last if not isinstance(self.ops[id].control, Admission)]
        return max((said[id] for id in strong or last), default=Standing.REMOVED)

    def last(self, ids: Iterable[OpId]) -> list[OpId]:
        ids = set(ids)
        return [id for id in ids if not any(id in self.pasts[other] for other in ids)]

    def final(self, account: AccountId, known: frozenset[OpId]) -> Standing:
        return self.standing(account, known - self.late(known))

    def late(self, known: frozenset[OpId]) -> frozenset[OpId]:
        """Admissions beside an exclusion of who wrote them or gave the invitation, then those of
        whom the invitation is not good for."""
        counting = frozenset(id for id in known if self.counts(id))
        all_of = {i for i in counting if isinstance(self.ops[i].control, Admission)}
        found = {id for id in all_of if any(map(self.is_beside(id, counting), counting))}
        self.add_guests(found, all_of, counting)
        for invite in {self.ops[id].control.invite for id in all_of}:
            used = [i for i in all_of - found if self.ops[i].control.invite == invite]
            rank = {
                id: (*self.heard(id, counting), len(self.pasts[id] & {*used}), id) for id in used
            }
            first = dict.fromkeys(self.ops[i].control.account for i in sorted(used, key=rank.get))
            late = list(first)[self.ops[invite].control.uses :]
            found |= {id for id in used if self.ops[id].control.account in late}
        self.add_guests(found, all_of, counting)
        return frozenset(found)

    def shown(self, id: OpId) -> set[OpId]:
        """The admissions that an op's author knew."""
        known = self.pasts[id] | {id}
        return {one for one in known if isinstance(self.ops[one].control, Admission)}

    def is_witness(self, id: OpId) -> bool:
        """Whether an op shows an admission that its device never showed before."""
        own = [one for one in self.pasts[id] if self.ops[one].device == self.ops[id].device]
        return bool(self.shown(id) - {found for one in own for found in self.shown(one)})

    def heard(self, admission: OpId, counting: frozenset[OpId]) -> list[int]:
        """How often each who would know shows it, the giver before the owners; most comes first."""
        giver = self.ops[self.ops[admission].control.invite].account
        return [
            -sum(
                self.ops[id].account == one and self.is_witness(id) and admission in self.shown(id)
                for id in counting
            )
            for one in dict.fromkeys((giver, *self.owners))
        ]

    def add_guests(self, late: set[OpId], all_of: set[OpId], counting: frozenset[OpId]) -> None:
        """Who was let in too late, and never by anything else, lets nobody in."""
        more = True
        while more:
            more = {
                id
                for id in all_of - late
                if (about := set(self.about(self.ops[id].account, self.pasts[id] & counting)))
                and about <= late
            }
            late |= more

    def is_beside(self, id: OpId, counting: frozenset[OpId]) -> Callable[[OpId], bool]:
        """Whether an op puts out who stands behind an admission, and neither knew of the other; nor
        did anybody who would know hear of the admission before."""
        admission = self.ops[id]
        giver = self.ops[admission.control.invite].account
        who = (giver, *self.owners)
        seeing = {one for one in counting if self.ops[one].account in who and self.is_witness(one)}
        seeing = {one for one in seeing if id in self.shown(one)}

        def holds(other: OpId) -> bool:
            is_apart = id not in self.pasts[other] and other not in self.pasts[id]
            puts_out = any(
                self.puts_out(self.ops[other], one) for one in (admission.account, giver)
            )
            return is_apart and puts_out and not any(other not in self.pasts[one] for one in seeing)

        return holds

    def puts_out(self, op: ControlOp, who: AccountId) -> bool:
        said = op.control
        if isinstance(said, SetStanding):
            return said.account == who and said.standing >= Standing.REMOVED
        return isinstance(said, Leave) and op.account == who

    def is_invited(self, op: ControlOp) -> bool:
        """Whether an admission counts, as far as it is not void."""
        said, past = op.control, self.pasts[op.id]
        giving = self.ops.get(said.invite)
        if giving is None or giving.id not in past or not self.counts(giving.id):
            return False
        if not isinstance(giving.control, Invite) or giving.control.key != said.key:
            return False
        about = [id for id in self.about(said.account, past) if self.counts(id)]
        went = all(isinstance(self.ops[i].control, Leave | Admission) for i in self.last(about))
        set_by_others = [i for i in about if isinstance(self.ops[i].control, SetStanding)]
        went &= all(about_said(self.ops[i]) == 2 for i in self.last(set_by_others))
        went &= sum(isinstance(self.ops[i].control, Leave) for i in about) < LEAVES_MAX
        is_out = said.account not in self.owners and self.final(said.account, past) > 3
        used = (self.ops[i].control for i in past if self.named_by(i, giving))
        went &= len({one.account for one in used} - {said.account}) < giving.control.uses
        may = self.standing(op.account, past) <= 3 and self.standing(giving.account, past) <= 1
        return went and is_out and may and not any(self.ends_invite(giving, op))

    def named_by(self, id: OpId, giving: ControlOp) -> bool:
        """Whether an op shows the key of an invitation that it knew."""
        said = self.ops[id].control
        is_right = isinstance(said, Admission) and said.key == giving.control.key
        return is_right and said.invite == giving.id and giving.id in self.pasts[id]

    def ends_invite(self, giving: ControlOp, op: ControlOp) -> Iterator[bool]:
        for other in self.ops.values():
            is_end = isinstance(other.control, InviteRevoked) and other.control.invite == giving.id
            takes_back = is_end and not self.is_severed(other.id) and self.takes_back(other)
            takes_back |= other.id not in self.pasts[giving.id] and self.removes(other)
            gone = other.control
            if isinstance(gone, DeviceRevoked) and gone.device == giving.device:
                takes_back |= gone.account == giving.account and self.revokes(other)
            limits = self.is_limit(other, giving.account) and other.id not in self.pasts[giving.id]
            yield (takes_back or limits) and op.id not in self.pasts[other.id]

    def removes(self, op: ControlOp) -> bool:
        """Whether an op of somebody who rules, as far as owners and its own leaving say, removes
        anybody."""
        if not isinstance(op.control, SetStanding) or op.control.standing < Standing.REMOVED:
            return False
        past, target = self.pasts[op.id], op.control.account
        ruled = self.was_admin(op.account, past)
        ruled &= self.by_owners(target, past, is_judged=True) is not Standing.ADMIN
        ruled = target not in self.owners and (ruled or op.account in self.owners)
        return ruled and not self.is_severed(op.id) and not self.is_void(op)

    def was_admin(self, account: AccountId, past: frozenset[OpId]) -> bool:
        if self.by_owners(account, past, is_judged=True) is not Standing.ADMIN:
            return False
        said = [i for i in self.about(account, past) if self.ops[i].account in self.owners]
        words = [i for i in said if isinstance(self.ops[i].control, SetStanding)]
        last = self.last(i for i in words if not self.is_severed(i))
        left = [
            self.ops[i]
            for i in self.about(account, past)
            if isinstance(self.ops[i].control, Leave) and not self.is_severed(i)
        ]
        since = [op for op in left if not any(op.id in self.pasts[word] for word in last)]
        return all(map(self.is_void, since))

    def takes_back(self, op: ControlOp) -> bool:
        giving = self.ops.get(op.control.invite)
        if giving is None or giving.id not in self.pasts[op.id]:
            return False
        is_theirs = op.account in (giving.account, *self.owners)
        return isinstance(giving.control, Invite) and is_theirs and not self.is_void(op)

    def standing(self, account: AccountId, known: frozenset[OpId]) -> Standing:
        if account in self.owners:
            return Standing.OWNER
        said = self.about(account, known)
        return self.maximal({id: said[id] for id in said if self.counts(id)})

    def by_owners(
        self, account: AccountId, known: frozenset[OpId], *, is_judged: bool = False
    ) -> Standing:
        said = self.about(account, known)
        return self.maximal(
            {
                i: said[i]
                for i in said
                if self.ops[i].account in self.owners
                and not isinstance(self.ops[i].control, Admission)
                and not (is_judged and self.is_severed(i))
            }
        )

    def is_severed(self, id: OpId) -> bool:
        """Whether an op is of a revoked device and unknown to who revoked it."""
        op = self.ops[id]
        return any(
            isinstance(said := limit.control, DeviceRevoked)
            and (said.account, said.device) == (op.account, op.device)
            and id not in self.pasts[limit.id]
            and limit.id != id
            and self.revokes(limit)
            for limit in self.ops.values()
        )

    def revokes(self, limit: ControlOp) -> bool:
        return self.may_revoke(limit) and not self.is_void(limit)

    def may_revoke(self, op: ControlOp) -> bool:
        said = op.control
        if not isinstance(said, DeviceRevoked) or said.device == op.device:
            return False
        return op.account in (said.account, *self.owners)

    def is_void(self, op: ControlOp) -> bool:
        return any(self.voids(limit, op) for limit in self.ops.values())

    def counts(self, id: OpId) -> bool:
        if id not in self.verdicts:
            self.verdicts[id] = self.judge(self.ops[id])
        return self.verdicts[id]

    def judge(self, op: ControlOp) -> bool:
        past, author = self.pasts[op.id], op.account
        if isinstance(op.control, DeviceRevoked):
            is_theirs = self.may_revoke(op)
            return is_theirs and not self.is_void(op)
        if self.is_severed(op.id):
            return False
        match op.control:
            case Genesis():
                return author in self.owners
            case SetStanding(target, standing):
                if target in self.owners or author in self.owners:
                    return target not in self.owners
                is_allowed = (
                    standing is not Standing.ADMIN
                    and self.standing(author, past) is Standing.ADMIN
                    and self.by_owners(target, past, is_judged=True) is not Standing.ADMIN
                )
            case Leave():
                is_allowed = (
                    author not in self.owners and self.standing(author, past) <= Standing.READ_ONLY
                )
            case Admission():
                is_allowed = self.is_invited(op)
            case InviteRevoked():
                is_allowed = self.takes_back(op)
            case Epoch() | Link() | Invite() | SetDetail() | Pin():
                is_allowed = self.standing(author, past) <= Standing.ADMIN
            case _:
                return False
        return is_allowed and not self.is_void(op)

    def is_limit(self, limit: ControlOp, of: AccountId) -> bool:
        change = limit.control
        if limit.account not in self.owners or not isinstance(change, SetStanding):
            return False
        if change.account != of or of in self.owners or self.is_severed(limit.id):
            return False
        was = self.by_owners(of, self.pasts[limit.id])
        return change.standing > Standing.MEMBER or (
            change.standing is Standing.MEMBER and was is Standing.ADMIN
        )

    def voids(self, limit: ControlOp, op: ControlOp) -> bool:
        change, past = limit.control, self.pasts[limit.id]
        if not self.is_limit(limit, op.account) or limit.id in self.pasts[op.id]:
            return False
        named = [id for cut in change.cuts if cut.device == op.device for id in cut.control]
        return not any(id in past and (id == op.id or op.id in self.pasts[id]) for id in named)

    def epochs(self) -> set[OpId]:
        found = {id for id in self.ops if isinstance(self.ops[id].control, Epoch)}
        good = {i for i in found if self.counts(i) and not any(map(self.ends(i), self.ops))}
        whole = frozenset(self.ops)
        late = {self.ops[id].control.account for id in self.late(whole)}
        return {id for id in good if not any(self.could_have(id, one) for one in late)}

    def could_have(self, epoch: OpId, who: AccountId) -> bool:
        """Whether somebody who may read no more had an epoch, or was let in since."""
        past, whole = self.pasts[epoch], frozenset(self.ops)
        later = {i: s for i, s in self.about(who, whole).items() if i not in past}
        is_let_in = any(s <= Standing.READ_ONLY and self.counts(i) for i, s in later.items())
        had_it = is_let_in or self.final(who, past) <= Standing.READ_ONLY
        return had_it and self.final(who, whole) > Standing.READ_ONLY

    def ends(self, epoch: OpId) -> Callable[[OpId], bool]:
        """Whether an op says that somebody may read no more who could have had an epoch."""
        past = self.pasts[epoch]

        def is_end(id: OpId) -> bool:
            op = self.ops[id]
            gone = op.account
            if isinstance(op.control, SetStanding) and op.control.standing >= Standing.REMOVED:
                gone = op.control.account
            elif not isinstance(op.control, Leave):
                return False
            return id not in past and self.counts(id) and self.could_have(epoch, gone)

        return is_end

    def may_have(self, who: AccountId, spot: Spot, history: History) -> bool:
        """Whether a talk op is for an account, as `protocol.histories` says."""
        below = frozenset().union(*(self.pasts[id] | {id} for id in spot.known))
        valid = {id for id in self.ops if self.counts(id)} - self.late(frozenset(self.ops))

        def has(one: AccountId, within: Iterable[OpId]) -> bool:
            if history is History.ALL or self.final(one, below) <= Standing.READ_ONLY:
                return True
            known = [id for id in within if id in below]
            gone = [id for id in known if self.puts_out(self.ops[id], one)]
            return any(
                has(self.ops[id].account, valid & self.pasts[id])
                for id in self.letting_in(one, valid) & set(within)
                if (history is not History.NONE or self.ops[id].device == spot.device)
                and is_given(self.ops[id].control, one, spot)
                and all(end in self.pasts[id] for end in gone)
            )

        return has(who, valid)

    def letting_in(self, who: AccountId, valid: set[OpId]) -> set[OpId]:
        """The ops by which an account that was out came in, the first of them."""
        said = self.about(who, frozenset(valid))
        found = set[OpId]()
        for id in said:
            before = {one: said[one] for one in said if one in self.pasts[id]}
            if said[id] <= Standing.READ_ONLY < self.maximal(before):
                found.add(id)
        first = sorted(found, key=lambda id: (len(self.pasts[id] & found), id))
        return set(first[:ADMISSIONS_MAX])

    def pinned(self) -> list[OpId]:
        """What the last word on each message keeps in sight; of several the greatest id. First
        come owners' and admins', of each as many as of the others, its newest."""
        said = [op for op in self.ops.values() if isinstance(op.control, Pin)]
        words = []
        for message in {op.control.message for op in said}:
            about = [op.id for op in said if op.control.message == message and self.counts(op.id)]
            words += [self.ops[max(self.last(about))]] if about else []
        whole = frozenset(self.ops)
        on = [op for op in words if op.control.is_on]
        on.sort(key=lambda op: (len(self.pasts[op.id]), op.id))
        order = {}
        for place, op in enumerate(on):
            newer = sum(other.account == op.account for other in on[place + 1 :])
            rank = min(self.final(op.account, whole), Standing.MEMBER)
            order[op.id] = (rank, newer, -place)
        kept = sorted(order, key=order.get)[:PINS_MAX]
        return [op.control.message for op in on if op.id in kept]

    def details(self) -> dict[Detail, str]:
        """What nothing that counts follows; of several the greatest id."""
        found = {}
        for detail in Detail:
            said = {
                op.id: op.control.text
                for op in self.ops.values()
                if isinstance(op.control, SetDetail)
                and op.control.detail is detail
                and self.counts(op.id)
            }
            found[detail] = said[max(self.last(said))] if said else ""
        return found

    def members(self) -> dict[AccountId, Standing]:
        whole = frozenset(self.ops)
        accounts = {*self.owners, *(op.account for op in self.ops.values())}
        said = [op.control for op in self.ops.values()]
        accounts |= {one.account for one in said if isinstance(one, SetStanding | Admission)}
        found = {one: self.final(one, whole) for one in accounts}
        return {one: standing for one, standing in found.items() if standing <= Standing.READ_ONLY}


def about_said(op: ControlOp) -> Standing:
    assert isinstance(op.control, SetStanding)
    return op.control.standing


def is_given(said: Control | None, who: AccountId, spot: Spot) -> bool:
    """Whether an op lets an account in and gives it what stands at a place."""
    if not isinstance(said, SetStanding | Admission) or said.account != who:
        return False
    if isinstance(said, SetStanding) and said.standing > Standing.READ_ONLY:
        return False
    return any(f.device == spot.device and f.seq <= spot.seq for f in said.floors)
