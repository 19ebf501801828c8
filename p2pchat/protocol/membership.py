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
   account out, or made it another than a member, or it knows of as many others by this invitation
   as that is good for. What ends an invitation, by its giver's word or
   an owner's, and whatever removes somebody, makes void each such admission that is not in its
   past, and so does it that the device which gave it is revoked. An admission may come too late
   all the same, for others came first, or because who wrote or gave it had left
   (`protocol.invitations`): it lets nobody in, and that has no part in what counts. Who left by
   itself a few times comes back by no link.

Only owners void what others wrote, and who revokes a device is not voided for a device of its own
that was revoked. So there are no cycles: whether an op counts depends on owners, on what they and
its account say of its device, and on what lies in its past.

Whether an op may be *here* at all is a matter of its past alone (`admits`), so all who hold that
come to the same answer; what is here and does not count links others and has no other effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    Pin,
    SetDetail,
    SetStanding,
    Standing,
    TalkHead,
)
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.invitation import Invitation
from p2pchat.model.op import Position
from p2pchat.protocol.answers import Answers
from p2pchat.protocol.control_graph import Graph, bits, sum_of
from p2pchat.protocol.histories import Histories, Spot
from p2pchat.protocol.invitations import Invitations
from p2pchat.protocol.sayings import Sayings
from p2pchat.protocol.voiding import EVERYBODY, Voiding
from p2pchat.wire.joining import Refusal

__all__ = ["LEAVES_MAX", "Membership"]

LEAVES_MAX = 3
"""Who left so often is let in by no link."""


class Membership:
    """The control ops of one room and what follows from them."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self._graph = Graph()
        self._invitations = Invitations(self._graph, genesis.owners)
        self._voiding = Voiding(self._graph, genesis.owners)
        self.histories = Histories(self._graph, genesis.history, self._invitations)
        self._counting = 0
        """Ops that count, as far as they were judged."""
        self._judged = 0
        """So many ops were judged."""
        self._doubtful = 0
        """Of these such as a later op makes doubtful; whatever follows one whose verdict changes is
        judged anew, too."""
        self._last = Answers()

    def __contains__(self, id: OpId) -> bool:
        return id in self._graph.index

    def __len__(self) -> int:
        return len(self._graph.ops)

    # What comes

    def add(self, op: ControlOp) -> None:
        """Take an op whose parents are here; taking it twice is taking it once."""
        if op.id in self:
            return
        graph = self._graph
        index = graph.add(op)
        doubtful = self._voiding.add(index)
        is_end = doubtful == EVERYBODY or bool(doubtful & (graph.ending | graph.excluding))
        match op.control:
            case Admission():
                self._invitations.add(index)
            case InviteRevoked() if self._is_theirs_to_end(op, graph.past[index]):
                self._invitations.add(index)
                is_end = self._voiding.stands(index)
            case SetStanding():
                is_removal = self._ends_invitations(index) and self._voiding.stands(index)
                is_end = doubtful != 0 or is_removal
            case DeviceRevoked() as change:
                is_end |= bool(graph.invites & graph.by_device.get(change.device, 0))
            case _:
                pass  # what was judged stays so
        if is_end:
            self._last.open.clear()
            doubtful |= graph.admissions
        self._doubtful |= doubtful & ((1 << index) - 1)

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
        if self._leaves(account, EVERYBODY) >= LEAVES_MAX:
            return Refusal.OFTEN
        if not self._counting >> index & 1 or self._is_ended(index, EVERYBODY, len(self)):
            return Refusal.REVOKED
        users = self._invitations.users(index, self._counting)
        is_over = len(users) >= given.uses and account not in users[: given.uses]
        is_over |= not self._is_good_for(index, account, self._graph.closure(self.last()))
        return Refusal.USED_UP if is_over else None

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

    def unseen(self, account: AccountId) -> bool:
        """Whether somebody is in by an invitation of whom neither who gave it nor an owner has
        shown to know, as far as it is this account's to show."""
        self._judge()
        return self._invitations.unseen(self._counting, account)

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

    def knew_all(self, account: AccountId, known: Iterable[OpId]) -> bool:
        """Whether who knew `known`, all of which is here, knew all that counts of an account."""
        self._judge()
        about = self._graph.about.get(account, 0) & self._counting
        return not about & ~self._graph.closure(known)

    def members(self) -> Mapping[AccountId, Standing]:
        """Everybody who may read, owners first. Asked for with each message, so it is kept until
        other ops count."""
        self._judge()
        known, late, found = self._last.members
        if known != self._counting:
            surplus = self._invitations.surplus(self._counting)
            found = self._found_members(known ^ self._counting | late ^ surplus, found)
            self._last.members = self._counting, surplus, found
        return found

    def _found_members(
        self, changed: int, before: Mapping[AccountId, Standing]
    ) -> Mapping[AccountId, Standing]:
        """What it was, but for the accounts that these ops are about."""
        graph = self._graph
        if not before:
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

    @property
    def counting(self) -> int:
        """All that counts, as one number: where it is the same, everything here is."""
        self._judge()
        return self._counting

    def counts(self, id: OpId) -> bool:
        """Whether an op that is here has any effect."""
        self._judge()
        return bool(self._counting >> self._graph.index[id] & 1)

    def would_count(self, op: ControlOp) -> bool:
        """Whether an op that is not here, whose parents are, would have any effect."""
        self._judge()
        if self.is_revoked(op.account, op.device) and not isinstance(op.control, DeviceRevoked):
            return False
        return self._is_allowed(op, self._graph.closure(op.parents), len(self))

    def may_set(self, actor: AccountId, account: AccountId, standing: Standing) -> bool:
        """Whether an op that makes `account` this would count, written by `actor` now."""
        self._judge()
        return self._may_set(actor, SetStanding(account, standing), EVERYBODY)

    def may_have(self, account: AccountId, spot: Spot) -> bool:
        """Whether the talk op at a place is for an account by the room's history, whether it is in
        the room now or not. Where not all is here that the op's author knew, as of our own from
        before we left and came back, nobody can tell, and it is for nobody as yet."""
        self._judge()
        if any(id not in self for id in spot.known):
            return False
        known = self._graph.closure(spot.known)

        def is_told(one: AccountId) -> bool:
            return self._final(one, known).may_read

        return self.histories.covers(account, spot, known, self._in_time(), is_told)

    def places(self, account: AccountId, device: DeviceId, *, is_last: bool = False) -> list[int]:
        """From where on whoever let an account in gives it the talk of a device; `is_last`: of what
        is said by who knows all that excluded it."""
        self._judge()
        return self.histories.places(account, device, self._in_time(), is_last=is_last)

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
        return all(any(head.is_over(position) for head in heads) for heads in bounds)

    def bounds(
        self, device: DeviceId, account: AccountId, known: Iterable[OpId]
    ) -> list[tuple[TalkHead, ...]]:
        """What each limit names of a device's talk that a talk op shows no knowledge of. Who goes
        by itself takes nothing back."""
        self._judge()
        graph = self._graph
        left = graph.excluding & ~graph.ending
        concurrent = graph.about[account] & self._counting & ~graph.closure(known) & ~left
        cuts = [
            graph.cut_of(index, device)
            for index in bits(concurrent)
            if not graph.change(index).standing.may_write
        ]
        said = [graph.ops[index].control for index in self._voiding.revoked(account, device)]
        revoked = [change.talk for change in said if isinstance(change, DeviceRevoked)]
        return [cut.talk if cut is not None else () for cut in cuts] + revoked

    def is_revoked(self, account: AccountId, device: DeviceId) -> bool:
        """Whether it was said here that a device acts for its account no more."""
        return bool(self._voiding.revoked(account, device))

    def went(self, account: AccountId) -> bool:
        """Whether an account was in and is out by its own word, which is the last about it."""
        about = self._graph.about.get(account, 0)
        return bool(self.removal(account)) and not any(
            self._graph.ending >> last & 1 for last in self._graph.last(about & self._counting)
        )

    def removal(self, account: AccountId) -> frozenset[OpId]:
        """The last ops that count by which an account could read no more, if it may not now: what
        is said of it afterwards, a ban too, is none of its business."""
        self._judge()
        if self._standing(account, EVERYBODY).may_read:
            return frozenset()
        about, graph = self._graph.about.get(account, 0) & self._counting, self._graph
        leaving = bits(about & graph.excluding)
        was_in = [one for one in leaving if self._standing(account, graph.past[one]).may_read]
        return frozenset(graph.ops[one].id for one in graph.last(sum_of(1 << i for i in was_in)))

    def was_out(self, account: AccountId) -> bool:
        """Whether an account was put out once, or went."""
        self._judge()
        gone = self._graph.about.get(account, 0) & self._graph.excluding
        return bool(gone & self._counting)

    def exclusions(self) -> frozenset[OpId]:
        """Ops that count and say that somebody shall read no more."""
        self._judge()
        return self._graph.ids(self._counting & self._graph.excluding)

    def opened(self) -> Mapping[OpId, bytes]:
        """All epochs that count: commitment by op."""
        return MappingProxyType(self._found_sayings().opened)

    def epochs(self) -> Mapping[OpId, bytes]:
        """Of these the usable ones: whoever may read no more was out when they were opened, and
        was not let in since."""
        return MappingProxyType(self._found_sayings().usable)

    def detail(self, detail: Detail) -> tuple[OpId, str] | None:
        """What the room says of itself, and the op that said it: of the last that count the one
        with the greatest id, which is a hash."""
        op = self._found_sayings().word(self._graph, detail)
        return (op.id, op.control.text) if op and isinstance(op.control, SetDetail) else None

    def pin(self, message: OpId) -> ControlOp | None:
        """The op that says whether a message is kept in sight, found in the same way."""
        return self._found_sayings().word(self._graph, message)

    def pins(self) -> tuple[OpId, ...]:
        """The messages that are kept in sight, in an order that is the same for all."""
        return self._found_sayings().pins(self._graph, self.standing)

    def _found_sayings(self) -> Sayings:
        """Each is looked at once, and epochs again when somebody's standing changes: whoever may
        open some may open very many."""
        self._judge()
        graph, found = self._graph, self._last.sayings
        idle = self._counting & graph.idle
        others = self._counting & (~graph.idle | graph.witnesses)
        fresh = idle & ~found.looked_at
        if found.looked_at & ~idle or 0 < (fresh & -fresh) < found.looked_at:
            found = self._last.sayings = Sayings()
        if found.others != others:
            found.judge(others, graph, self._is_usable)
        for index in bits(idle & ~found.looked_at):
            found.take(graph, index, self._is_usable)
        found.looked_at = idle
        return found

    def beside(self, known: Iterable[OpId], named: Iterable[OpId], most: int) -> tuple[OpId, ...]:
        """As `Graph.beside`."""
        return self._graph.beside(known, named, most)

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
            invite, past = self._invitations.used_by(index), self._graph.past[index]
            if not self._is_good_for(invite, op.control.account, past):
                return False
            index = invite
        author, past = self._graph.ops[index].account, self._graph.past[index]
        if self._is_owner(author):
            return True
        said = self._graph.admitting[author] & past & self._voiding.by_any_owner
        return any(self._graph.change(made).standing is Standing.ADMIN for made in bits(said))

    def _judge(self) -> None:
        """Judge all ops that were not, and again those that later ones make doubtful, with what
        follows these, in their order."""
        graph, todo, changed = self._graph, self._doubtful, 0
        if self._judged == len(graph.ops) and not todo:
            return
        first = next(bits(todo), self._judged)
        for index in range(min(first, self._judged), len(graph.ops)):
            is_new = index >= self._judged
            if not is_new and not todo >> index & 1 and not graph.past[index] & changed:
                continue
            if self._is_good(index) != bool(self._counting >> index & 1):
                self._counting ^= 1 << index
                changed |= 1 << index
        self._judged, self._doubtful = len(graph.ops), 0

    def _is_good(self, index: int) -> bool:
        """Whether an op counts; everything in its past was judged."""
        op = self._graph.ops[index]
        if self._voiding.is_severed(index) and not isinstance(op.control, DeviceRevoked):
            return False
        return self._is_allowed(op, self._graph.past[index], index)

    def _is_allowed(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an op counts that no revoked device wrote."""

        def is_void() -> bool:
            return self._voiding.is_void(op, past, index)

        match op.control:
            case None:
                return False
            case Genesis():
                return self._is_owner(op.account)
            case Leave():
                is_in = self._standing(op.account, past).may_read
                return is_in and not self._is_owner(op.account) and not is_void()
            case Admission() as change:
                return self._may_let_in(op, change, past, index)
            case InviteRevoked():
                return self._may_take_back(op, past, index)
            case Epoch() | Link() | Invite() | SetDetail() | Pin():
                is_allowed = self._standing(op.account, past).may_administer
                return is_allowed and not is_void()
            case DeviceRevoked() as change:
                return self._voiding.may_revoke(op, change) and not is_void()
            case SetStanding() as change:
                return self._may_set(op.account, change, past) and not is_void()

    def _may_set(self, actor: AccountId, change: SetStanding, past: int) -> bool:
        if self._is_owner(change.account):
            return False
        if self._is_owner(actor):
            return True
        return (
            change.standing is not Standing.ADMIN
            and self._standing(actor, past) is Standing.ADMIN
            and self._voiding.by_owners_now(change.account, past) is not Standing.ADMIN
        )

    def _may_let_in(self, op: ControlOp, change: Admission, past: int, index: int) -> bool:
        """Whether a member shows an invitation that had not ended, of somebody who was not put
        out: who left by itself may come again."""
        invite, account = self._invitations.invite_of(change, past), change.account
        if not self._is_good_for(invite, account, past) or not self._counting >> invite & 1:
            return False
        if self._voiding.is_void(op, past, index):
            return False
        is_out = self._went(account, past) and not self._final(account, past).may_read
        is_out &= self._leaves(account, past) < LEAVES_MAX
        is_theirs = self._standing(op.account, past).may_read
        return is_out and is_theirs and not self._is_ended(invite, past, index)

    def _is_good_for(self, invite: int, account: AccountId, past: int) -> bool:
        """Whether there is such an invitation, and so many others did not use it before."""
        return invite >= 0 and self._invitations.is_within_uses(invite, account, past)

    def _went(self, account: AccountId, past: int) -> bool:
        """Whether nobody put an account out or set it to less, or more, than a member before it
        went by itself."""
        graph, about = self._graph, self._graph.about.get(account, 0) & past & self._counting
        said = sum(1 << i for i in bits(about) if isinstance(graph.ops[i].control, SetStanding))
        is_last = any(isinstance(graph.ops[i].control, SetStanding) for i in graph.last(about))
        is_member = all(graph.change(i).standing is Standing.MEMBER for i in graph.last(said))
        return is_member and not is_last

    def _leaves(self, account: AccountId, past: int) -> int:
        """How often an account went by itself."""
        graph = self._graph
        gone = graph.about.get(account, 0) & graph.excluding & ~graph.ending
        return (gone & past & self._counting).bit_count()

    def _is_ended(self, invite: int, past: int, index: int) -> bool:
        """Whether an invitation was good no more for an op: its author knew that who gave it might
        invite no more, or it is unknown to what ended it. A removal ends all that do not follow
        it: who was removed may have the key of any, and friends to let in beside the removal."""
        if not self._standing(self._graph.ops[invite].account, past).may_administer:
            return True
        if invite not in self._last.open:
            self._last.open[invite] = self._known_to_ends(invite)
        return not self._last.open[invite] >> index & 1

    def _known_to_ends(self, invite: int) -> int:
        """What lies in the past of each op that ends an invitation: everything if there is none."""
        graph, voiding, given = self._graph, self._voiding, self._graph.ops[invite]
        ends = [i for i in voiding.limits(given.account) if not graph.past[invite] >> i & 1]
        ends += [i for i in self._invitations.taken_back(invite) if voiding.stands(i)]
        ends += voiding.revoked(given.account, given.device)
        removing = bits(graph.excluding & graph.ending & ~graph.past[invite])
        ends += [i for i in removing if self._ends_invitations(i) and voiding.stands(i)]
        known = EVERYBODY
        for end in ends:
            known &= graph.past[end]
        return known

    def _ends_invitations(self, index: int) -> bool:
        """Whether an op removes somebody whom it might, by the owners' last words that it knew. If
        it counts is not asked: that could follow from who was let in by an invitation."""
        op, past = self._graph.ops[index], self._graph.past[index]
        if not isinstance(op.control, SetStanding) or not self._graph.excluding >> index & 1:
            return False
        target, is_owners = op.control.account, self._is_owner(op.account)
        if self._is_owner(target) or not self._voiding.is_ruling(op.account, past):
            return False
        return is_owners or self._voiding.by_owners_now(target, past) is not Standing.ADMIN

    def _may_take_back(self, op: ControlOp, past: int, index: int) -> bool:
        """Whether an invitation is the author's to end: who gave it may, and owners."""
        return self._is_theirs_to_end(op, past) and not self._voiding.is_void(op, past, index)

    def _is_theirs_to_end(self, op: ControlOp, past: int) -> bool:
        invite = self._invitations.invite_of(op.control, past)
        is_givers = invite >= 0 and self._graph.ops[invite].account == op.account
        return is_givers or (invite >= 0 and self._is_owner(op.account))

    def _is_owner(self, account: AccountId) -> bool:
        return account in self.genesis.owners

    def _in_time(self) -> int:
        """Ops that count, without admissions that came too late."""
        return self._counting & ~self._invitations.surplus(self._counting)

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
