"""Taking in ops: judge, verify, apply, and then whatever waited for them.

Our own new ops and everybody else's take the same way into the log, so that there is one rule for
what an op does. Cheap checks come before the signature; the signature before any effect.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.events import (
    DeviceAdded,
    DeviceRevoked,
    MembersChanged,
    SecurityAlert,
)
from p2pchat.model.change import (
    PutDeviceSet,
    SetFloor,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, Party
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.protocol.consequences import Consent, Consequences
from p2pchat.protocol.intake_vocabulary import ForDeletion, ForFork
from p2pchat.protocol.log import BRANCHES_MAX, ChainKey, Floor, Place
from p2pchat.protocol.machine import Effect, Emit, Load, Loaded, Persist
from p2pchat.protocol.pruning import Pruning
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.room_gate import RoomGate
from p2pchat.protocol.room_parts import enter_log, leave_behind
from p2pchat.protocol.state import ACCOUNTS_MAX, LEFT, Conversation, State
from p2pchat.wire.control import CONTROL_BYTES_MAX, control_op
from p2pchat.wire.devices import (
    ClaimedSet,
    DeviceSet,
    certified,
    is_certified,
    verified_revocations,
)
from p2pchat.wire.ops import OP_BYTES_MAX, SEQ_MAX, restore_op, verify_op

__all__ = ["Intake"]

CHECKS_MAX = 16
"""Chains of frames that wait for the disk to tell repeats from forks."""
CHECK_ROWS_MAX = 512
CHECK_BYTES_MAX = 1 << 20

STRANGER_OPS_MAX = 8
"""Length of the control chain of a device whose account only asked to be a contact."""
_LIFECYCLE = frozenset((Kind.REQUEST, Kind.ACCEPT, Kind.REJECT))


class Intake:
    """The way of an op into its log."""

    def __init__(self, state: State, receipts: Receipts, consent: Consent) -> None:
        self._state = state
        self._receipts = receipts
        self.pruning = Pruning(state)
        self.consequences = Consequences(state, consent)
        self._told: dict[AccountId, ClaimedSet] = {}
        self._suspects: dict[tuple[ConversationId, DeviceId, Chain], list[Op]] = {}
        self._checks = 0
        self._freed: list[tuple[Conversation, OpId]] = []
        """What is waited for, and need not be any more."""
        self.taken: list[Op] = []
        """Ops of the frame at hand that are allowed, and well signed where their place is free."""
        self.gaps: dict[Conversation, None] = {}
        """Conversations in which something was held back since this was last cleared."""

    @property
    def _gate(self) -> RoomGate:
        return RoomGate(self._state)

    def tell(self, sets: Iterable[ClaimedSet]) -> list[Effect]:
        """The device sets that came with the frame at hand; the next frame's replace them. What
        they revoke is believed at once. Raises `BadSignature`."""
        self._told = {devices.account: devices for devices in sets}
        self.taken = []
        known = self._state.directory.sets
        told = [claim for account, claim in self._told.items() if account in known]
        return [effect for claim in told for effect in self._revoke(claim)]

    def _revoke(self, claim: ClaimedSet) -> list[Effect]:
        """Take those revocations of a claim that are new. Raises `BadSignature`."""
        known = self._state.directory.sets[claim.account]
        revoked = verified_revocations(claim, known.revoked)
        return self.keep(revoked) if revoked is not None and not known.is_closed else []

    def offer(self, op: Op, peer: DeviceId, now: Now) -> list[Effect]:
        """Take one op that somebody sent, or refuse and count it.

        Raises `BadSignature`: nobody honest passes on what it has not verified.
        """
        state, header, gate = self._state, op.header, self._gate
        conversation = state.conversations.get(header.conversation)
        if gate.is_muted(conversation, op):
            state.refuse("blocked author")
            return []
        if conversation is None or not self._may_write(conversation, op, peer):
            state.refuse("not allowed")
            return []
        if not self.pruning.has_room_for(conversation, header.device):
            state.refuse("too many authors")
            return []
        place = self._place(conversation, op, peer)
        objection = gate.refusal(conversation, op, place)
        if objection is not None:
            state.refuse(objection)
            return []
        match place:
            case Place.KNOWN:
                self.taken.append(op)
                if op.content is not None and conversation.log.wordless.has(
                    header.device, header.seq
                ):
                    self._suspect(op)  # the disk says whether it brings words that are missing
                else:
                    self._receipts.owe(conversation, header.device)
                return []
            case None | Place.BELOW:
                return []  # a receipt would say that it is stored
            case Place.WAITS if not gate.may_wait(conversation.invited, op, peer):
                state.refuse("of a stranger, and nothing that it follows is here")
                return []
            case Place.SUSPECT:
                self.taken.append(op)
                self._suspect(op)  # verified if the disk says that it is new
                return []
            case _ if self._is_doubtful(op, peer):
                return self._ask_for_deletion(op)
            case _:
                kept = self.verify(op, is_vouched=True)
        if kept is None:
            return []
        self.taken.append(op)
        if place is Place.WAITS:
            self._hold(conversation, op)
            return kept + self._proven(conversation, op, now)
        head = gate.awaits(conversation, op, place)
        if head is not None:
            self._hold_until(conversation, head, op)
            return kept
        if place is Place.FORK:
            return kept + self._fork(conversation, op, now)
        return kept + self.apply(conversation, op, now)

    def _suspect(self, op: Op) -> None:
        header = op.header
        key = (header.conversation, header.device, header.chain)
        self._suspects.setdefault(key, []).append(op)

    def conclude(self, now: Now) -> list[Effect]:
        """After the last op of a frame: begin chains that may begin now, and ask the disk about
        the suspects, a chain at a time."""
        effects = self._begin_freed(now)
        for ops in self._suspects.values():
            if self._checks >= CHECKS_MAX:
                self._state.refuse("too many fork checks")
                continue
            self._checks += 1
            seqs = [op.header.seq for op in ops]
            header, first = ops[0].header, max(min(seqs) - 1, 0)
            rows = min((max(seqs) + 1 - first) * self._branches(header), CHECK_ROWS_MAX)
            query = OpsQuery(
                header.conversation, header.device, header.chain, first, rows, CHECK_BYTES_MAX
            )
            effects.append(Load(ForFork(tuple(ops)), query))
        self._suspects.clear()
        return effects

    def verify(self, op: Op, *, is_vouched: bool = False) -> list[Effect] | None:
        """Check that the op's device acts for its account and signed it; its certificate is kept.

        None, and counted, when we cannot tell who the device acts for, hold too many accounts, or
        when the content is gone and nobody says who took it: somebody whose device was revoked
        counts only if that deletion is vouched for. Raises `BadSignature`.
        """
        directory, header = self._state.directory, op.header
        devices = directory.certificate(header.account, header.device, even_revoked=True)
        claim = devices or self._told.get(header.account)
        if self._gate.is_retired(op, claim):
            self._state.refuse("op of a revoked device")
            return None
        if claim is None or not is_certified(claim, header.device):
            self._state.refuse("author without a device set")
            return None
        if self._is_one_too_many(op):
            self._state.refuse("too many accounts")
            return None
        deleted = self._verify_deletion(op, is_vouched=is_vouched)
        if deleted is None:
            return None
        verify_op(op)
        kept = self.keep(devices or certified(claim, header.device))
        directory.prove(Party(header.account, header.device))
        return kept + deleted + self._revoke(claim)

    def _verify_deletion(self, op: Op, *, is_vouched: bool) -> list[Effect] | None:
        """Check what an op without content came with: the deletion, signed by a device of its
        account. Who deleted it need not have been right in time: who passes the op on has no
        content to give any more. None, and counted, when it does not count. Raises `BadSignature`.
        """
        deletion = op.deletion
        if op.content is not None:
            return []
        if deletion is None:
            self._state.refuse("op without content")
            return None
        directory, header = self._state.directory, deletion.header
        known = directory.certificate(header.account, header.device, even_revoked=True)
        claim = known or self._told.get(header.account)
        if claim is None or not is_certified(claim, header.device):
            self._state.refuse("deletion by an unknown device")
            return None
        if not is_vouched and self._gate.is_doubtful(deletion, claim):
            self._state.refuse("deletion by a revoked device")
            return None
        verify_op(deletion)
        return self.keep(known or certified(claim, header.device))

    def _is_doubtful(self, op: Op, peer: DeviceId) -> bool:
        """Whether words are missing that a thief may have taken. The author's own devices say what
        is left of its words: with them, what follows in the chain need not wait for ever."""
        deletion, account = op.deletion, op.header.account
        if op.content is not None or deletion is None:
            return False
        claim = self._told.get(account)
        is_revoked = claim is not None and (peer in claim.revoked or claim.is_closed)
        if self._state.directory.certifies(account, peer) and not is_revoked:
            return False
        return self._gate.is_doubtful(deletion, claim)

    def _ask_for_deletion(self, op: Op, deletion: Op | None = None) -> list[Effect]:
        """Ask the disk whether a deletion is in our log: it was not a thief's, then."""
        deletion = deletion or op.deletion
        assert deletion is not None, "nothing is asked of an op that is whole"
        if self._checks >= CHECKS_MAX:
            self._state.refuse("too many fork checks")
            return []
        self._checks += 1
        header = deletion.header
        query = OpsQuery(
            header.conversation,
            header.device,
            header.chain,
            header.seq,
            BRANCHES_MAX,
            CHECK_BYTES_MAX,
        )
        return [Load(ForDeletion(op, deletion), query)]

    def deletion_loaded(self, tag: ForDeletion, loaded: Loaded, now: Now) -> list[Effect]:
        """The disk told whether a deletion is in our log."""
        self._checks -= 1
        op, is_here = tag.op, tag.deletion.id in {row.id for row in loaded.rows}
        conversation = self._state.conversations.get(op.header.conversation)
        if conversation is None:
            return []
        if op.content is not None:
            return [] if is_here else self._mend(conversation, op, now)
        if not is_here:
            self._state.refuse("deletion by a revoked device")
            return []
        try:
            kept = self.verify(op, is_vouched=True)
        except BadSignature as error:
            self._state.refuse(error)
            return []
        if kept is None:
            return []
        entered = self._enter(conversation, op, now)
        return kept + entered + (self._release(conversation, op, now) if entered else [])

    def _mend(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """Take words that were missing in our log."""
        header = op.header
        conversation.log.wordless.mend(header.device, header.seq)
        self._receipts.owe(conversation, header.device)
        return self.consequences.mended(conversation, op, now)

    def keep(self, devices: DeviceSet) -> list[Effect]:
        """Remember for good which devices act for an account, and which do no more."""
        directory = self._state.directory
        before = directory.sets.get(devices.account)
        if not directory.keep(devices):
            return []
        kept = directory.sets[devices.account]
        return [Persist(PutDeviceSet(kept.account, kept.raw)), *self._shown(before, kept)]

    def _shown(self, before: DeviceSet | None, kept: DeviceSet) -> list[Effect]:
        """What a contact's new device, or one of ours, is to the user. Those that came with the
        account are no news, and those of a stranger concern nobody."""
        state, account = self._state, kept.account
        if before is None or (account != state.me.account and account not in state.contacts):
            return []
        added, revoked = kept.devices - before.devices, kept.revoked - before.revoked
        effects: list[Effect] = [Emit(DeviceAdded(account, d.peer_id)) for d in sorted(added)]
        effects += [Emit(DeviceRevoked(account, d.peer_id)) for d in sorted(revoked)]
        if kept.is_closed and not before.is_closed:
            effects.append(Emit(SecurityAlert(account, "it is closed: its devices were revoked")))
        return effects

    def apply(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """Apply a verified op in its place, then those that waited for it."""
        return self._apply(conversation, op, now) + self._release(conversation, op, now)

    def claim(
        self, conversation: Conversation, floors: Mapping[ChainKey, Floor], now: Now
    ) -> list[Effect]:
        """A peer of an open room says where chains begin that go on there and not here."""
        log, own = conversation.log, self._state.me.device
        log.claims.clear()
        for key, floor in floors.items():
            if key[0] != own and key[1] is Chain.TALK and floor.seq > log.count(*key):
                is_free = self._is_beyond(conversation, key, floor.seq)
                log.claim(key, floor, is_free=is_free)
        free = [claim.floor.prev for claim in log.claims.values() if claim.is_free]
        self._freed += [(conversation, before) for before in free]
        return self.conclude(now)

    def _is_beyond(self, conversation: Conversation, key: ChainKey, seq: int) -> bool:
        """Whether an author who has come to `seq` wrote so much more than is here that our own
        rule would cut all of it."""
        return seq - conversation.log.count(*key) >= self.pruning.share(conversation)

    def _begin_freed(self, now: Now) -> list[Effect]:
        """Look again at ops that wait where a chain may begin now, or for what proves them."""
        effects: list[Effect] = []
        freed, self._freed = self._freed, []
        for conversation, before in freed:
            for waiting in conversation.log.released(before):
                entered = self._enter(conversation, waiting, now)
                effects += entered
                effects += self._release(conversation, waiting, now) if entered else []
        return effects

    def _release(self, conversation: Conversation, applied: Op, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        ready = deque(conversation.log.released(applied.id))
        while ready:
            waiting = ready.popleft()
            entered = self._enter(conversation, waiting, now)
            effects += entered
            if entered:
                ready.extend(conversation.log.released(waiting.id))
        return effects

    def loaded(self, tag: ForFork, loaded: Loaded, now: Now) -> list[Effect]:
        """The disk told which of some ops are repeats; the others fork their chain.

        They came in one frame, which ends at the first that is forged: a frame of forgeries costs
        one signature. Nobody is dropped for it any more.
        """
        self._checks -= 1
        effects: list[Effect] = []
        conversation = self._state.conversations.get(tag.ops[0].header.conversation)
        if conversation is None:
            return effects
        seqs = {row.id: row.seq for row in loaded.rows}
        deletions = {row.id: restore_op(row).deletion for row in loaded.rows if row.deletion}
        end = _covered(loaded.rows)
        try:
            for op in tag.ops:
                if op.id in seqs:
                    conversation.log.parts.found(op.id)
                    self._receipts.owe(conversation, op.header.device)
                    effects += self._compare(op, deletions.get(op.id))
                elif op.header.seq < end:
                    effects += self._judge(conversation, op, seqs, now)
        except BadSignature as error:
            self._state.refuse(error)
        return effects + self.conclude(now)

    def _compare(self, op: Op, deletion: Op | None) -> list[Effect]:
        """A repeat, and what took its content here: perhaps that was a thief."""
        if op.content is None or deletion is None or not self._gate.is_doubtful(deletion):
            return []
        return self._ask_for_deletion(op, deletion)

    def _judge(
        self, conversation: Conversation, op: Op, seqs: Mapping[OpId, int], now: Now
    ) -> list[Effect]:
        """An op that is not on disk, though its place is taken. Raises `BadSignature`."""
        kept = self.verify(op)
        if kept is None:
            return []
        if self._place(conversation, op) is not Place.SUSPECT:
            entered = self._enter(conversation, op, now)
            return kept + entered + (self._release(conversation, op, now) if entered else [])
        prev = op.header.prev
        if prev is not None and seqs.get(prev) != op.header.seq - 1:
            self._hold(conversation, op)
            return kept
        if not conversation.log.knows_dependencies(op):
            self._state.refuse("a second history that depends on what is not here")
            return []
        objection = self._gate.refusal(conversation, op, Place.FORK)
        if objection is not None:
            self._state.refuse(objection)
            return []
        return kept + self._fork(conversation, op, now)

    def _place(
        self, conversation: Conversation, op: Op, peer: DeviceId | None = None
    ) -> Place | None:
        """Where an op stands; None, and counted, if it contradicts its chain, or is not for us.

        Nobody is blamed: who brings it may hold another part of that chain, for instance one that
        begins with this very op, and cannot see what its author did. Raises `BadSignature` where a
        peer brings what is not for us.
        """
        if self._gate.withholds(conversation, op):
            if peer is not None:
                verify_op(op)  # anybody could have us ask that of ops that nobody wrote
            self._state.refuse("not ours by the room's history")
            return None
        self._gate.let_begin(conversation, op, peer)
        try:
            place = conversation.log.place(op)
        except MalformedMessage as error:
            self._state.refuse(error)
            return None
        return self._gate.beneath(conversation, op) if place is Place.BELOW else place

    def _enter(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """Put a verified op where it belongs now; empty when it is not applied."""
        if self._gate.is_retired(op):
            self._state.refuse("op of a revoked device")  # which was not so when it came
            return []
        place = self._place(conversation, op)
        objection = self._gate.refusal(conversation, op, place)
        if objection is not None:
            self._state.refuse(objection)
            return []
        head = self._gate.awaits(conversation, op, place)
        if head is not None:
            self._hold_until(conversation, head, op)
            return []
        match place:
            case Place.NEXT | Place.BENEATH:
                return self._apply(conversation, op, now)
            case Place.FORK:
                return self._fork(conversation, op, now)
            case Place.WAITS:
                self._hold(conversation, op)
                return self._proven(conversation, op, now)
            case Place.SUSPECT:
                self._suspect(op)
                return []
            case _:
                return []

    def _fork(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """A proven second history: kept beside the first."""
        if not self._gate.may_branch(conversation, op):
            self._state.refuse("too many branches")
            return []
        alert = SecurityAlert(op.header.account, "one of its devices wrote two histories")
        return [*self.apply(conversation, op, now), Emit(alert)]

    def _branches(self, header: Header) -> int:
        """So many ops may be here for one place of a chain."""
        conversation = self._state.conversations[header.conversation]
        tips = conversation.log.tips.get((header.device, header.chain), ())
        return max(len(tips), BRANCHES_MAX)

    def _hold_until(self, conversation: Conversation, head: OpId, op: Op) -> None:
        if conversation.log.knows((op.header.device, op.header.chain), head):
            self._state.refuse("written after a limit")
            return
        self.gaps[conversation] = None
        if not conversation.log.hold_until(head, op):
            self._state.refuse("too much held back")
        named = conversation.log.held(head)
        if named is not None and op in self._gate.prove(conversation, named):
            self._freed.append((conversation, head))  # it came before it was named

    def _proven(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """Take what leads to an op that waits, if somebody named that."""
        effects: list[Effect] = []
        for held in self._gate.prove(conversation, op):
            is_held = conversation.log.let_go(held)  # or it followed another of them already
            entered = self._enter(conversation, held, now) if is_held else []
            effects += entered
            effects += self._release(conversation, held, now) if entered else []
        return effects

    def _is_one_too_many(self, op: Op) -> bool:
        """Whether an op would make us keep one account more than there is room for."""
        state, header = self._state, op.header
        known = state.conversations.get(header.conversation)
        return (
            known is not None
            and known.other is None
            and header.account not in state.directory.sets
            and len(state.directory.sets) >= ACCOUNTS_MAX
        )

    def _hold(self, conversation: Conversation, op: Op) -> None:
        """Keep a verified op until what it misses is here. It also proves how far its author has
        come, and with that perhaps that nobody keeps what it misses any more."""
        self.gaps[conversation] = None
        log, key = conversation.log, (op.header.device, op.header.chain)
        if not log.hold(op):
            self._state.refuse("too much held back")
        claim = log.claims.get(key)
        if claim is not None and not claim.is_free:
            is_free = self._is_beyond(conversation, key, op.header.seq)
            log.claim(key, claim.floor, is_free=is_free)
            self._freed += [(conversation, claim.floor.prev)] if is_free else []

    def _may_write(self, conversation: Conversation, op: Op, peer: DeviceId) -> bool:
        """Who may put this op into this conversation, and who may bring it."""
        state, account = self._state, op.header.account
        if conversation.invited is not None:
            is_here = op.header.chain is Chain.CONTROL or conversation.invited.is_entered
            return is_here and self._gate.may_come(op)
        if conversation.other is None:
            return op.header.chain is Chain.TALK
        if account not in (conversation.other, state.me.account):
            return False
        if not state.is_party(conversation, peer):
            return False
        if op.header.chain is Chain.TALK:
            return state.is_accepted(conversation)
        return self._may_change(conversation, op)

    def _may_change(self, conversation: Conversation, op: Op) -> bool:
        """Whether a control op of a direct conversation is taken.

        Who only asks may write what asking takes; who was told no, or was removed, may only repeat
        what is here, for the sake of a receipt.
        """
        state, header = self._state, op.header
        is_long = header.seq >= state.limits.control_ops_max
        if is_long or len(op.content or b"") > CONTROL_BYTES_MAX:
            return False
        contact = state.contact_state(conversation.other)
        if header.account == state.me.account or contact in (
            ContactState.ACCEPTED,
            ContactState.ASKED,
        ):
            return True
        if contact is ContactState.REJECTED or contact in LEFT:
            return conversation.log.knows((header.device, Chain.CONTROL), op.id)
        return header.seq < STRANGER_OPS_MAX and header.kind in _LIFECYCLE

    def _apply(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        header = op.header
        if conversation.invited is not None:
            conversation.invited.proven.discard(op.id)
        newcomer = header.seq == 0 and conversation.other is None
        effects = self._begin_chain(conversation, op)
        added, changes = enter_log(conversation, op, now)
        if header.device == self._state.me.device:
            conversation.remember_own(op)
        else:
            self._state.clock.observe(header.hlc, now)
            self._receipts.owe(conversation, header.device)
        effects += map(Persist, (added, *changes))
        effects += self.consequences.of(conversation, op, added.sort_key, now)
        if newcomer:
            effects.append(Emit(MembersChanged(conversation.id)))
        if conversation.is_unruled:
            effects += self.pruning.applied(conversation)
        if conversation.invited is not None and header.chain is Chain.CONTROL:
            before = conversation.invited.details()
            conversation.invited.membership.add(control_op(op))
            effects += conversation.invited.control_taken(op, before, now)
        return effects

    def _begin_chain(self, conversation: Conversation, op: Op) -> list[Effect]:
        """Let a chain begin with this op, if a peer claimed so."""
        floor = conversation.log.claimed(op)
        if floor is None:
            return []
        key = (op.header.device, op.header.chain)
        spares = conversation.invited is not None
        left = leave_behind(conversation, key, floor) if spares else []
        conversation.log.set_floor(key, floor)
        begun = SetFloor(conversation.id, *key, floor.seq, floor.prev, spares)
        return [*map(Persist, left), Persist(begun)]


def _covered(rows: Sequence[StoredOp]) -> int:
    """Below which seq these rows tell all that is on disk: a read may have been cut short."""
    is_whole = len(rows) < CHECK_ROWS_MAX and (
        sum(row.size_bytes for row in rows) + OP_BYTES_MAX <= CHECK_BYTES_MAX
    )
    return SEQ_MAX if is_whole else rows[-1].seq
