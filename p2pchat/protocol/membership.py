"""Membership: who may do what in a room by invitation, from the set of its control ops alone.

No clock and no order of arrival enters, so all who hold the same ops agree. Control ops form a
graph: an op's *past* is everything that its author knew, by `prev` and `deps`. The rules:

1. Owners stand in the genesis. Their ops always count, but for those of 5.
2. Anybody else's op counts if its author might do so by what the op's own past says, and if it is
   not void. Owners alone make and unmake admins; admins act on those whom no owner made admin.
3. An op is *void* when an owner limited its author, the op lies on none of the chains that the
   owner named, and its author does not show that it knew: the op was written afterwards, whatever
   it says. What shows that it knew is judged by its past, where a later grant may stand.
4. An account's standing follows from the causally maximal ops about it that count; of several the
   most restrictive one.
5. A device that its account revoked: an owner, or another device of the account, says so with the
   account's own signature, and whatever of the device is not in that op's past is void.
6. Any member lets in who shows an invitation of an owner's or admin's, unless somebody put that
   account out, or made it another than a member. What ends an invitation, by its giver's word or
   an owner's, and whatever removes somebody, makes void each such admission that is not in its
   past. An admission may come too late all the same, for others came first, or because who wrote
   or gave it had left (`protocol.invitations`): it lets nobody in, and that has no part in what
   counts.

Only owners void what others wrote, and who revokes a device is not voided for a device of its own
that was revoked. So there are no cycles: whether an op counts depends on owners, on what they and
its account say of its device, and on what lies in its past.

Whether an op may be *here* at all is a matter of its past alone (`admits`), so all who hold that
come to the same answer; what is here and does not count links others and has no other effect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from p2pchat.model.control import (
    Admission,
    ControlOp,
    Cut,
    Detail,
    DeviceRevoked,
    Epoch,
    Genesis,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    SetDetail,
    SetStanding,
    Standing,
    TalkHead,
)
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.invitation import Invitation
from p2pchat.model.op import Position
from p2pchat.protocol.control_graph import Graph, bits
from p2pchat.protocol.invitations import Invitations
from p2pchat.wire.joining import Refusal

__all__ = ["Membership"]

EVERYBODY = -1
"""The mask of all ops, also of those to come."""


@dataclass(slots=True)
class _Epochs:
    """Epochs that count, and which of them are usable by the other ops that count."""

    others: int = -1
    looked_at: int = 0
    """Ops that are idle, epochs among them."""
    opened: dict[OpId, bytes] = field(default_factory=dict[OpId, bytes])
    usable: dict[OpId, bytes] = field(default_factory=dict[OpId, bytes])
    details: dict[Detail, list[int]] = field(default_factory=dict[Detail, list[int]])
    """What is said of the room, by what nothing that counts follows."""


@dataclass(slots=True)
class _Answers:
    """What was asked last."""

    standings: dict[AccountId, tuple[int, Standing]] = field(
        default_factory=dict[AccountId, tuple[int, Standing]]
    )
    """Of accounts, with the ops that it followed from."""
    members: tuple[int, Mapping[AccountId, Standing]] = (-1, {})
    """Of all, likewise."""
    epochs: _Epochs = field(default_factory=_Epochs)


class Membership:
    """The control ops of one room and what follows from them."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self._graph = Graph()
        self._invitations = Invitations(self._graph)
        self._counting = 0
        """Ops that count, as far as they were judged."""
        self._judged = 0
        """So many ops were judged; owners' limits make that less again."""
        self._limits: defaultdict[AccountId, list[int]] = defaultdict(list)
        """By account: owners' ops that limit it."""
        self._revoking: list[tuple[int, DeviceRevoked]] = []
        """All that say of a device that it was revoked, with what they say."""
        self._revoked: dict[tuple[AccountId, DeviceId], list[DeviceRevoked]] = {}
        """Of these what counts."""
        self._severed = 0
        """Ops that are void because their device was revoked."""
        self._last = _Answers()

    def __contains__(self, id: OpId) -> bool:
        return id in self._graph.index

    def __len__(self) -> int:
        return len(self._graph.ops)

    # What comes

    def add(self, op: ControlOp) -> None:
        """Take an op whose parents are here; taking it twice is taking it once."""
        if op.id in self:
            return
        index = self._graph.add(op)
        if self._graph.admissions and self._ends_invitations(index):
            self._judged = min(self._judged, next(bits(self._graph.admissions)))
        match op.control:
            case SetStanding() as change if self._is_limit(index, change):
                self._limits[change.account].append(index)
                self._judged = min(self._judged, self._graph.first_by(change.account, index))
            case DeviceRevoked(account) as change if self._may_revoke(op, change):
                self._revoking.append((index, change))
                self._judged = min(self._judged, self._graph.first_by(account, index))
                self._judged = 0 if self._is_owner(account) else self._judged
            case Admission():
                self._judged = min(self._judged, self._invitations.add(index))
            case InviteRevoked() if self._is_theirs_to_end(op, self._graph.past[index]):
                self._judged = min(self._judged, self._invitations.add(index))
            case _:
                pass  # what was judged stays so

    def admits(self, account: AccountId, parents: Iterable[OpId]) -> bool:
        """Whether an op with these parents, which are here, may be: somebody who could admit its
        author did so in its past. That the author may have been removed since is no reason: who
        removed it may not have been allowed to, which only later ops tell."""
        past = self._graph.closure(parents)
        return self._is_owner(account) or any(
            self._is_admitter(index) for index in bits(self._graph.admitting[account] & past)
        )

    def weight(self, account: AccountId) -> tuple[int, int]:
        """How many ops of an account are here, and how many of them without effect."""
        self._judge()
        by = self._graph.by[account]
        return by.bit_count(), (by & ~self._counting).bit_count()

    # What follows

    def refusal(self, invite: OpId, key: bytes, account: AccountId) -> Refusal | None:
        """Why an account is not let in by an invitation now, but for its time."""
        self._judge()
        index = self._graph.index.get(invite, -1)
        given = self._graph.ops[index].control if index >= 0 else None
        if not isinstance(given, Invite) or given.key != key:
            return Refusal.UNKNOWN
        if self._graph.about.get(account, 0) and not self._went(account, EVERYBODY):
            return Refusal.EXCLUDED
        if not self._counting >> index & 1 or self._is_ended(index, EVERYBODY, len(self)):
            return Refusal.REVOKED
        users = self._invitations.users(index, self._counting)
        return Refusal.USED_UP if account not in users and len(users) >= given.uses else None

    def invitations(self) -> list[Invitation]:
        """Those that are still good for somebody, but for their time."""
        self._judge()
        found: list[Invitation] = []
        for index, invite in self._invitations.given(self._counting):
            op, used = self._graph.ops[index], len(self._invitations.users(index, self._counting))
            if used < invite.uses and not self._is_ended(index, EVERYBODY, len(self)):
                row = Invitation(op.id, op.account, invite.uses, used, invite.expires_ms)
                found.append(row)
        return found

    def invite(self, id: OpId) -> Invite | None:
        """What an op says that gives an invitation."""
        index = self._graph.index.get(id)
        control = self._graph.ops[index].control if index is not None else None
        return control if isinstance(control, Invite) else None

    def last(self) -> list[OpId]:
        """What counts and nothing that counts follows: together with their pasts, all of it."""
        self._judge()
        return [self._graph.ops[index].id for index in self._graph.last(self._counting)]

    def heads(
        self, most: int, of: AccountId | None = None, known: OpId | None = None
    ) -> tuple[OpId, ...]:
        """What counts, nothing that counts follows, and `known` does not: a new op depends on
        these. Of more than `most` first those that say what `of` is, then those with the most
        below them."""
        self._judge()
        below = self._graph.closure((known,) if known is not None and known in self else ())
        about = self._graph.about.get(of, 0) & self._counting if of is not None else 0
        first = sum(1 << index for index in self._graph.last(about))
        return self._graph.heads(self._counting & ~below, most, first & ~below)

    def standing(self, account: AccountId, known: Iterable[OpId] | None = None) -> Standing:
        """What an account is by everything that is here, or was to somebody who knew `known`."""
        self._judge()
        mask = EVERYBODY if known is None else self._graph.closure(known)
        return self._final(account, mask)

    def members(self) -> Mapping[AccountId, Standing]:
        """Everybody who may read, owners first. Asked for with each message, so it is kept until
        other ops count."""
        self._judge()
        known, found = self._last.members
        if known != self._counting:
            found = self._found_members(known ^ self._counting, found)
            self._last.members = self._counting, found
        return found

    def _found_members(
        self, changed: int, before: Mapping[AccountId, Standing]
    ) -> Mapping[AccountId, Standing]:
        """What it was, but for the accounts that these ops are about. Where somebody was let in by
        an invitation, an op may decide on others, too."""
        graph = self._graph
        if not before or graph.admissions & (changed | self._counting):
            accounts: Iterable[AccountId] = graph.about
            found = dict.fromkeys(self.genesis.owners, Standing.OWNER)
        else:
            accounts = {graph.subject(index) for index in bits(changed & ~graph.idle)}
            found = dict(before)
        for account in accounts:
            standing = self._final(account, EVERYBODY)
            if standing.may_read:
                found[account] = standing
            else:
                found.pop(account, None)
        return found

    def counts(self, id: OpId) -> bool:
        """Whether an op that is here has any effect."""
        self._judge()
        return bool(self._counting >> self._graph.index[id] & 1)

    def would_count(self, op: ControlOp) -> bool:
        """Whether an op that is not here, whose parents are, would have any effect."""
        self._judge()
        if (op.account, op.device) in self._revoked and not isinstance(op.control, DeviceRevoked):
            return False
        return self._is_allowed(op, self._graph.closure(op.parents), len(self))

    def may_set(self, actor: AccountId, account: AccountId, standing: Standing) -> bool:
        """Whether an op that makes `account` this would count, written by `actor` now."""
        self._judge()
        return self._may_set(actor, SetStanding(account, standing), EVERYBODY)

    def was_in_time(self, position: Position, account: AccountId, known: Iterable[OpId]) -> bool:
        """Whether a talk op whose author knew `known` was written by somebody who might, and before
        every limit that it shows no knowledge of. Its chain is taken for one without a fork."""
        known = tuple(known)
        self._judge()
        if not self._final(account, self._graph.closure(known)).may_write:
            return False
        if account in self._displaced():
            return False
        bounds = self.bounds(position.device, account, known)
        return all(_holds(heads, position) for heads in bounds)

    def bounds(
        self, device: DeviceId, account: AccountId, known: Iterable[OpId]
    ) -> list[tuple[TalkHead, ...]]:
        """What each limit names of a device's talk that a talk op shows no knowledge of."""
        self._judge()
        concurrent = self._graph.about[account] & self._counting & ~self._graph.closure(known)
        cuts = [
            self._graph.cut_of(index, device)
            for index in bits(concurrent)
            if not self._graph.change(index).standing.may_write
        ]
        revoked = [change.talk for change in self._revoked.get((account, device), ())]
        return [cut.talk if cut is not None else () for cut in cuts] + revoked

    def is_revoked(self, account: AccountId, device: DeviceId) -> bool:
        """Whether it was said here that a device acts for its account no more."""
        self._judge()
        return (account, device) in self._revoked

    def removal(self, account: AccountId) -> frozenset[OpId]:
        """The last ops that count by which an account could read no more, if it may not now: what
        is said of it afterwards, a ban too, is none of its business."""
        self._judge()
        if self._standing(account, EVERYBODY).may_read:
            return frozenset()
        about, graph = self._graph.about.get(account, 0) & self._counting, self._graph
        ending = sum(
            1 << index
            for index in bits(about & graph.excluding)
            if self._standing(account, graph.past[index]).may_read
        )
        return frozenset(graph.ops[index].id for index in graph.last(ending))

    def exclusions(self) -> frozenset[OpId]:
        """Ops that count and say that somebody shall read no more."""
        self._judge()
        return self._graph.ids(self._counting & self._graph.excluding)

    def opened(self) -> Mapping[OpId, bytes]:
        """All epochs that count: commitment by op."""
        return MappingProxyType(self._found_epochs().opened)

    def epochs(self) -> Mapping[OpId, bytes]:
        """Of these the usable ones: whoever may read no more was out when they were opened, and
        was not let in since."""
        return MappingProxyType(self._found_epochs().usable)

    def detail(self, detail: Detail) -> tuple[OpId, str] | None:
        """What the room says of itself, and the op that said it: of the last that count the one
        with the greatest id, which is a hash."""
        last = self._found_epochs().details.get(detail, ())
        op = max((self._graph.ops[index] for index in last), key=lambda op: op.id, default=None)
        return (op.id, op.control.text) if op and isinstance(op.control, SetDetail) else None

    def _found_epochs(self) -> _Epochs:
        """Each is judged once, as long as nobody's standing changes: whoever may open epochs may
        open very many."""
        self._judge()
        graph, found = self._graph, self._last.epochs
        idle, others = self._counting & graph.idle, self._counting & ~graph.idle
        if found.others != others or found.looked_at & ~idle:
            found = self._last.epochs = _Epochs(others)
        for index in bits(idle & ~found.looked_at):
            op = graph.ops[index]
            if isinstance(op.control, Epoch):
                found.opened[op.id] = op.control.commitment
                if self._is_usable(index):
                    found.usable[op.id] = op.control.commitment
            elif isinstance(op.control, SetDetail):
                before = found.details.get(op.control.detail, [])
                last = [other for other in before if not graph.past[index] >> other & 1]
                found.details[op.control.detail] = [*last, index]
        found.looked_at = idle
        return found

    def newest(self, ids: Iterable[OpId]) -> frozenset[OpId]:
        """Those of these ops that none of the others has in its past."""
        graph = self._graph
        mask = graph.mask(ids)
        return frozenset(graph.ops[index].id for index in graph.last(mask))

    def place(self, id: OpId) -> int:
        """When an op came, among all that are here; -1 if it did not."""
        return self._graph.index.get(id, -1)

    def cuts(self, account: AccountId, talk: Mapping[DeviceId, Cut]) -> tuple[Cut, ...]:
        """Where the devices of an account stand now, for an op that limits it."""
        self._judge()
        control = self._graph.chain_heads(self._graph.by[account] & self._counting)
        return tuple(
            Cut(device, control.get(device, ()), talk[device].talk if device in talk else ())
            for device in sorted(control.keys() | talk.keys())
        )

    # How

    def _is_usable(self, epoch: int) -> bool:
        """What who was excluded writes on the side ends no epoch: it was out before."""
        past = self._graph.past[epoch]
        unknown = self._counting & self._graph.excluding & ~past
        gone = {self._graph.subject(index) for index in bits(unknown)} | self._displaced()
        for account in gone:
            was_let_in = self._graph.admitting[account] & self._counting & ~past
            had_it = was_let_in or self._final(account, past).may_read
            if had_it and not self._final(account, EVERYBODY).may_read:
                return False
        return True

    def _is_admitter(self, index: int) -> bool:
        """Whether the author of an op that admits somebody could be somebody who may."""
        op = self._graph.ops[index]
        if isinstance(op.control, Admission):
            index = self._invitations.within_uses(index)
            if index < 0:
                return False
        author, past = self._graph.ops[index].account, self._graph.past[index]
        if self._is_owner(author):
            return True
        said = self._graph.admitting[author] & past & self._by_any_owner()
        return any(self._graph.change(made).standing is Standing.ADMIN for made in bits(said))

    def _by_any_owner(self) -> int:
        said = 0
        for owner in self.genesis.owners:
            said |= self._graph.by.get(owner, 0)
        return said

    def _may_revoke(self, op: ControlOp, change: DeviceRevoked) -> bool:
        """Whether it is the author's to say: an owner's, or another device's of the account."""
        is_theirs = op.account == change.account or self._is_owner(op.account)
        return is_theirs and op.device != change.device

    def _sever(self) -> None:
        """Find what revoked devices wrote that nobody had who revoked them. What owners say of
        devices first: it decides whether what they said of accounts stands."""
        graph, self._severed, self._revoked = self._graph, 0, {}
        for is_owners in (True, False):
            for index, change in self._revoking:
                if self._is_owner(graph.ops[index].account) is not is_owners:
                    continue
                op, past = graph.ops[index], graph.past[index]
                if not is_owners and self._is_void(op, past, index):
                    continue
                self._revoked.setdefault((change.account, change.device), []).append(change)
                written = graph.by_device[change.device] & graph.by[change.account]
                self._severed |= written & ~graph.past[index]

    def _judge(self) -> None:
        """Judge all ops that were not, or that a later limit makes doubtful, in their order."""
        graph = self._graph
        if self._judged == len(graph.ops):
            return
        self._sever()
        self._counting &= (1 << self._judged) - 1
        for index in range(self._judged, len(graph.ops)):
            if self._is_good(index):
                self._counting |= 1 << index
        self._judged = len(graph.ops)

    def _is_good(self, index: int) -> bool:
        """Whether an op counts; everything in its past was judged."""
        op = self._graph.ops[index]
        if self._severed >> index & 1 and not isinstance(op.control, DeviceRevoked):
            return False
        return self._is_allowed(op, self._graph.past[index], index)

    def _is_allowed(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an op counts that no revoked device wrote."""
        match op.control:
            case None:
                return False
            case Genesis():
                return self._is_owner(op.account)
            case Leave():
                is_in = self._standing(op.account, past).may_read
                return (
                    is_in and not self._is_owner(op.account) and not self._is_void(op, past, index)
                )
            case Admission() as change:
                return self._may_let_in(op, change, past, index)
            case InviteRevoked():
                return self._may_take_back(op, past, index)
            case Epoch() | Link() | Invite() | SetDetail():
                is_allowed = self._standing(op.account, past).may_administer
                return is_allowed and not self._is_void(op, past, index)
            case DeviceRevoked() as change:
                return self._may_revoke(op, change) and not self._is_void(op, past, index)
            case SetStanding() as change:
                return self._may_set(op.account, change, past) and not self._is_void(
                    op, past, index
                )

    def _may_set(self, actor: AccountId, change: SetStanding, past: int) -> bool:
        if self._is_owner(change.account):
            return False
        if self._is_owner(actor):
            return True
        return (
            change.standing is not Standing.ADMIN
            and self._standing(actor, past) is Standing.ADMIN
            and self._by_owners(change.account, past & ~self._severed) is not Standing.ADMIN
        )

    def _may_let_in(self, op: ControlOp, change: Admission, past: int, index: int) -> bool:
        """Whether a member shows an invitation that had not ended, of somebody who was not put
        out: who left by itself may come again."""
        invite = self._invitations.invite_of(change, past)
        if invite < 0 or not self._counting >> invite & 1 or self._is_void(op, past, index):
            return False
        account = change.account
        is_out = self._went(account, past) and not self._final(account, past).may_read
        is_theirs = self._standing(op.account, past).may_read
        return is_out and is_theirs and not self._is_ended(invite, past, index)

    def _went(self, account: AccountId, past: int) -> bool:
        """Whether nobody put an account out or set it to less, or more, than a member before it
        went by itself."""
        graph, about = self._graph, self._graph.about.get(account, 0) & past & self._counting
        said = sum(1 << i for i in bits(about) if isinstance(graph.ops[i].control, SetStanding))
        is_last = any(isinstance(graph.ops[i].control, SetStanding) for i in graph.last(about))
        is_member = all(graph.change(i).standing is Standing.MEMBER for i in graph.last(said))
        return is_member and not is_last

    def _is_ended(self, invite: int, past: int, index: int) -> bool:
        """Whether an invitation was good no more for an op: its author knew that who gave it might
        invite no more, or it is unknown to what ended it. A removal ends all that do not follow
        it: who was removed may have the key of any, and friends to let in beside the removal."""
        graph, giver = self._graph, self._graph.ops[invite].account
        if not self._standing(giver, past).may_administer:
            return True
        limits = [i for i in self._limits.get(giver, ()) if not self._severed >> i & 1]
        ends = [i for i in limits if not graph.past[invite] >> i & 1]
        taken = self._invitations.taken_back(invite)
        ends += [i for i in taken if self._takes_back(i)]
        excluding = bits(graph.excluding & ~graph.past[invite])
        ends += [i for i in excluding if self._ends_invitations(i) and self._stands(i)]
        return any(not graph.past[end] >> index & 1 for end in ends)

    def _ends_invitations(self, index: int) -> bool:
        """Whether an op removes somebody, written by an owner or by whom an owner once made admin.
        If it might do so is not asked: that could follow from who was let in by an invitation."""
        is_removal = isinstance(self._graph.ops[index].control, SetStanding)
        is_removal &= bool(self._graph.excluding >> index & 1)
        return is_removal and self._is_admitter(index)

    def _stands(self, index: int) -> bool:
        """Whether no owner, and nobody who revoked its device, made an op void."""
        op, past = self._graph.ops[index], self._graph.past[index]
        return not self._severed >> index & 1 and not self._is_void(op, past, index)

    def _takes_back(self, index: int) -> bool:
        op, past = self._graph.ops[index], self._graph.past[index]
        return not self._severed >> index & 1 and self._may_take_back(op, past, index)

    def _may_take_back(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an invitation is the author's to end: who gave it may, and owners."""
        return self._is_theirs_to_end(op, past) and not self._is_void(op, past, index)

    def _is_theirs_to_end(self, op: ControlOp, past: int) -> bool:
        invite = self._invitations.invite_of(op.control, past)
        is_givers = invite >= 0 and self._graph.ops[invite].account == op.account
        return is_givers or (invite >= 0 and self._is_owner(op.account))

    def _is_void(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an owner limited the op's author, and the op is neither on a chain that the owner
        named nor written in knowledge of that."""
        return any(
            not past >> limit & 1 and not self._graph.is_on(index, limit, op.device)
            for limit in self._limits.get(op.account, ())
            if not self._severed >> limit & 1
        )

    def _is_limit(self, index: int, change: SetStanding) -> bool:
        """Whether an owner's op takes something away from an account: with it, what the account's
        devices wrote on the side."""
        author = self._graph.ops[index].account
        if self._is_owner(change.account) or not self._is_owner(author):
            return False
        if change.standing > Standing.MEMBER:
            return True
        was = self._by_owners(change.account, self._graph.past[index])
        return change.standing is Standing.MEMBER and was is Standing.ADMIN

    def _is_owner(self, account: AccountId) -> bool:
        return account in self.genesis.owners

    def _final(self, account: AccountId, mask: int) -> Standing:
        """What an account is by these ops, without admissions that came too late."""
        return self._standing(account, mask & ~self._invitations.surplus(mask & self._counting))

    def _displaced(self) -> set[AccountId]:
        """Who was let in by an invitation too late, and is not in."""
        surplus = self._invitations.surplus(self._counting)
        accounts = {self._graph.subject(index) for index in bits(surplus)}
        return {one for one in accounts if not self._final(one, EVERYBODY).may_read}

    def _standing(self, account: AccountId, mask: int) -> Standing:
        if self._is_owner(account):
            return Standing.OWNER
        about = self._graph.about.get(account, 0) & mask & self._counting
        known = self._last.standings.get(account)
        if known is not None and known[0] == about:
            return known[1]
        standing = self._graph.most_restrictive(about)
        self._last.standings[account] = (about, standing)
        return standing

    def _by_owners(self, account: AccountId, mask: int) -> Standing:
        """What owners said last of an account."""
        about = self._graph.about.get(account, 0) & mask & self._by_any_owner()
        about &= ~self._graph.admissions
        return self._graph.most_restrictive(about)


def _holds(heads: tuple[TalkHead, ...], position: Position) -> bool:
    """Whether a talk op lies at or below one of these heads."""
    return any(
        position.seq < head.seq or (position.seq, position.head) == (head.seq, head.head)
        for head in heads
    )
