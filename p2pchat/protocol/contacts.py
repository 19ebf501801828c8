"""Contacts: nobody's messages come in before both sides have said yes.

The lifecycle is a table; a missing key means that nothing happens. A request is the first op of
the asker's control chain in the direct conversation, so it is delivered, repeated and proven like
any other op. Until it is accepted nothing answers it, not even a receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum, auto
from hmac import compare_digest

from p2pchat.errors import LinkError, LocalProtocolError, PermissionDenied, UnknownContact
from p2pchat.events import ContactAccepted, ContactRequested
from p2pchat.model.change import PutContact, PutConversation, PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.protocol.comparing import Comparing
from p2pchat.protocol.composing import Composing
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.introductions import Introductions
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    Dial,
    Effect,
    Emit,
    Persist,
    RejectContact,
    RemoveContact,
    RenewLink,
)
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.own_devices import OwnDevices
from p2pchat.protocol.profiles import Profiles
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.state import State
from p2pchat.protocol.trust import Trust
from p2pchat.wire.contents import Accept, Content, Reject, Request, decode_content
from p2pchat.wire.control import CONTROL_BYTES_MAX
from p2pchat.wire.introductions import Introduce, IntroductionConsent, MayIntroduce

__all__ = ["BLOCKED", "INTRO_SETTING", "Contacts"]

BLOCKED = "this account is blocked; unblock it first"
INTRO_SETTING = "intro"
"""Where the token of our link is kept."""


class Step(Enum):
    """What moves an acquaintance on."""

    WE_ASK = auto()
    WE_ACCEPT = auto()
    WE_REJECT = auto()
    WE_REMOVE = auto()
    THEY_ASK = auto()
    THEY_ACCEPT = auto()


TRANSITIONS: dict[tuple[ContactState | None, Step], ContactState] = {
    (None, Step.WE_ASK): ContactState.ASKED,
    (None, Step.THEY_ASK): ContactState.REQUEST,
    (ContactState.ASKED, Step.WE_ASK): ContactState.ASKED,
    (ContactState.ASKED, Step.THEY_ASK): ContactState.ACCEPTED,
    (ContactState.ASKED, Step.THEY_ACCEPT): ContactState.ACCEPTED,
    (ContactState.REQUEST, Step.WE_ASK): ContactState.ACCEPTED,
    (ContactState.REQUEST, Step.WE_ACCEPT): ContactState.ACCEPTED,
    (ContactState.REQUEST, Step.WE_REJECT): ContactState.REJECTED,
    (ContactState.REJECTED, Step.WE_ASK): ContactState.ACCEPTED,
    (ContactState.ACCEPTED, Step.WE_REMOVE): ContactState.REMOVED,
    (ContactState.REMOVED, Step.WE_ASK): ContactState.ACCEPTED,
    (ContactState.ASKED, Step.WE_REMOVE): ContactState.WITHDRAWN,
    (ContactState.WITHDRAWN, Step.WE_ASK): ContactState.ASKED,
}


class Contacts:
    """Who may talk to us, and whom we asked."""

    def __init__(self, state: State, outbox: Outbox, receipts: Receipts) -> None:
        self._state = state
        self._outbox = outbox
        self._receipts = receipts
        self.intake = Intake(state, receipts, self.consent)
        self.trust = Trust(state, outbox)
        self.comparing = Comparing(state, self.trust)
        self.composing = Composing(state)
        self.profiles = Profiles(state, self.intake, self._write)
        self.introductions = Introductions(state, self._write, self.add)
        self.own_devices = OwnDevices(state, outbox, self.intake)

    # What we do

    def add(self, command: AddContact, now: Now) -> list[Effect]:
        """Ask the owner of a link; asking who has asked us is accepting."""
        state, link = self._state, command.link
        if link.account == state.me.account:
            error = LinkError("this is your own link; give it to somebody else")
            return [Reply(command.id, error=error)]
        if state.is_blocked(link.account, link.device):
            return [Reply(command.id, error=PermissionDenied(BLOCKED))]
        objection = self.trust.objection_to_link(link.device, link.account)
        if objection is not None:
            return [Reply(command.id, error=objection)]
        before = state.contacts.get(link.account)
        effects = [*self._ensure(link.account, now), *self.intake.keep(link.devices)]
        effects += self._outbox.watch(
            direct_id(state.me.account, link.account), link.account, link.device
        )
        effects += self._step(link.account, Step.WE_ASK, now, link.intro)
        effects += self._ask(before, command, now)
        effects.append(Reply(command.id, state.contact_info(state.contacts[link.account])))
        effects.append(Dial(link.device, link.addresses))
        return effects

    def _ask(self, before: PutContact | None, command: AddContact, now: Now) -> list[Effect]:
        """Write what the state before calls for: a request, once for each token, or a yes."""
        link, name, half = command.link, self._state.profile.name, command.pair_half
        asked = before.state if before is not None else None
        match asked:
            case ContactState.REQUEST | ContactState.REJECTED:
                return self._write(link.account, Accept(name, half), now)
            case ContactState.ASKED | ContactState.WITHDRAWN if (
                before is not None and before.intro == link.intro
            ):
                return []
            case ContactState.ASKED | ContactState.WITHDRAWN | None:
                return self._write(link.account, Request(name, "", link.intro, half), now)
            case _:
                return []

    def accept(self, command: AcceptContact, now: Now) -> list[Effect]:
        """Say yes to who asked."""
        state = self._state
        before = state.contact_state(command.account)
        if before is ContactState.ACCEPTED:
            info = state.contact_info(state.contacts[command.account])
            return [Reply(command.id, info)]
        if before is ContactState.BLOCKED:
            return [Reply(command.id, error=PermissionDenied(BLOCKED))]
        if before is not ContactState.REQUEST:
            return [Reply(command.id, error=_nobody_asked(command.account))]
        effects = self._step(command.account, Step.WE_ACCEPT, now)
        effects += self._write(command.account, Accept(state.profile.name, command.pair_half), now)
        info = state.contact_info(state.contacts[command.account])
        return [*effects, Reply(command.id, info)]

    def reject(self, command: RejectContact, now: Now) -> list[Effect]:
        """Say no to who asked; asking again does not reach us."""
        if self._state.contact_state(command.account) is not ContactState.REQUEST:
            return [Reply(command.id, error=_nobody_asked(command.account))]
        effects = self._step(command.account, Step.WE_REJECT, now)
        effects += self._write(command.account, Reject(), now)
        self._owe_receipts(command.account)
        return [*effects, Reply(command.id)]

    def remove(self, command: RemoveContact, now: Now) -> list[Effect]:
        """Take a contact back, or a question: they are told nothing, nothing goes to them, and
        nothing of theirs reaches us any more. What was said stays on disk."""
        state, account = self._state, command.account
        effects = self._step(account, Step.WE_REMOVE, now)
        if not effects:
            error = UnknownContact(f"{account} is no contact of yours; see `contacts`")
            return [Reply(command.id, error=error)]
        state.directory.pairs.is_changed = True  # nor may they write into our mailbox
        for device in sorted(state.directory.devices(account)):
            effects += self._outbox.purge(device)
        return [*effects, Reply(command.id)]

    def renew_link(self, command: RenewLink) -> list[Effect]:
        """From now on the token of our last link opens nothing; requests that are here stay."""
        self._state.me = replace(self._state.me, intro=command.intro)
        self._state.directory.pairs.is_changed = True  # strangers' mail comes under another key
        return [Persist(PutSetting(INTRO_SETTING, command.intro)), Reply(command.id)]

    def introduce(self, now: Now) -> list[Effect]:
        """What a device owes at its start that has said nothing yet to somebody it knows, because
        its home was made from an export: from now on their devices are its recipients, and contacts
        are told a name, so that they learn of the device and write to it, too."""
        state, effects = self._state, list[Effect]()
        for account, row in state.contacts.items():
            log = state.conversations[row.conversation].log
            if any(log.end(state.me.device, chain)[0] for chain in Chain):
                continue
            for device in sorted(state.directory.devices(account)):
                effects += self._outbox.watch(row.conversation, account, device)
            if state.contact_state(account) is ContactState.ACCEPTED:
                effects += self._write(account, state.profile, now)
        return effects

    # What others do

    def requested(self, ops: Sequence[Op], peer: DeviceId, now: Now) -> list[Effect]:
        """A frame that may hold a request from an account without a conversation.

        The chain must begin in the frame; its newest request shows the token, since an earlier one
        may have been written with a link that was revoked. Raises `RemoteProtocolError`.
        """
        state = self._state
        requests = [
            op
            for op in ops
            if op.header.kind == Kind.REQUEST and op.header.conversation not in state.conversations
        ]
        if not requests:
            return []
        first, newest = requests[0], requests[-1]
        reason = self._refusal(first, newest, peer, now)
        if reason:
            state.refuse(reason)
            return []
        kept = self.intake.verify(newest)
        if kept is None or (first is not newest and self.intake.verify(first) is None):
            return []
        header = first.header
        effects = [*kept, *self._ensure(header.account, now)]
        effects += self._outbox.watch(header.conversation, header.account, header.device)
        return effects + self.intake.apply(state.conversations[header.conversation], first, now)

    def _refusal(self, first: Op, newest: Op, peer: DeviceId, now: Now) -> str:
        """Why a request is not taken, before any signature is looked at; empty when it may be."""
        state, header = self._state, first.header
        own_place = header.conversation == direct_id(state.me.account, header.account)
        one_chain = _chain_of(first) == _chain_of(newest)
        if not own_place or not one_chain or header.device != peer or header.seq != 0:
            return "request out of place"
        if state.is_blocked(header.account, header.device):
            return "request of somebody blocked"
        if any(len(op.content or b"") > CONTROL_BYTES_MAX for op in (first, newest)):
            return "request that is too large"
        decode_content(Kind.REQUEST, first.content or b"")
        request = decode_content(Kind.REQUEST, newest.content or b"")
        assert isinstance(request, Request), "this kind is a request"
        is_invited = self.introductions.grants(header.account, request.intro, now)
        if not is_invited and not compare_digest(request.intro, state.me.intro):
            return "request with a revoked link"
        waiting = sum(state.contact_state(a) is ContactState.REQUEST for a in state.contacts)
        return "too many requests" if waiting >= state.limits.requests_max else ""

    def consent(self, op: Op, content: Content, now: Now) -> list[Effect]:
        """A control op of a direct conversation is applied: ours or the other side's."""
        account = op.header.account
        conversation = self._state.conversations[op.header.conversation]
        assert conversation.other is not None, "rooms have no requests"
        self._state.directory.pairs.note(conversation.other, op, content)
        if account == self._state.me.account:
            return []
        match content:
            case MayIntroduce() | IntroductionConsent() | Introduce():
                return self.introductions.heard(op, content, now)
            case Request(name):
                step = Step.THEY_ASK
            case Accept(name):
                step = Step.THEY_ACCEPT
            case _:
                return []  # told no: the request stays unanswered, and nothing more is sent
        effects = self.intake.consequences.rename(account, name, op.header.hlc)
        return effects + self._step(account, step, now)

    # How it is kept

    def _ensure(self, account: AccountId, now: Now) -> list[Effect]:
        """The direct conversation with an account."""
        state, id = self._state, direct_id(self._state.me.account, account)
        if id in state.conversations:
            return []
        row = PutConversation(id, None, "", now.wall_ms)
        state.add_conversation(row, account)
        return [Persist(row)]

    def _step(self, account: AccountId, step: Step, now: Now, intro: bytes = b"") -> list[Effect]:
        """Move a contact on; what the table does not name changes nothing."""
        state = self._state
        row = state.contacts.get(account)
        after = TRANSITIONS.get((row.state if row else None, step))
        if after is None:
            return []
        if row is None:
            id = direct_id(state.me.account, account)
            row = PutContact(account, id, after, now.wall_ms, b"")
        contact = replace(row, state=after, intro=intro or row.intro)
        if contact == state.contacts.get(account):
            return []
        state.contacts[account] = contact
        effects: list[Effect] = [Persist(contact)]
        if after is ContactState.REQUEST:
            effects.append(Emit(ContactRequested(account, state.directory.name(account))))
        if after is ContactState.ACCEPTED:
            self._owe_receipts(account)
            self._outbox.touch(contact.conversation)
            effects.append(Emit(ContactAccepted(account)))
            effects += self.profiles.introduce(account, now)
        return effects

    def _owe_receipts(self, account: AccountId) -> None:
        """We have answered: what was asked is receipted."""
        conversation = self._state.conversations[direct_id(self._state.me.account, account)]
        for device in self._devices(account):
            self._receipts.owe(conversation, device)

    def _devices(self, account: AccountId) -> Iterable[DeviceId]:
        known = self._state.directory.sets.get(account)
        return sorted(known.devices) if known else ()

    def _write(self, account: AccountId, content: Content, now: Now) -> list[Effect]:
        conversation = self._state.conversations[direct_id(self._state.me.account, account)]
        op = self._state.author(conversation, content, now)
        self._outbox.touch(conversation.id)
        return self.intake.apply(conversation, op, now)


def _chain_of(op: Op) -> tuple[ConversationId, AccountId, DeviceId]:
    return op.header.conversation, op.header.account, op.header.device


def _nobody_asked(account: AccountId) -> LocalProtocolError:
    return UnknownContact(f"{account} has not asked to be a contact; see `contact_requests`")
