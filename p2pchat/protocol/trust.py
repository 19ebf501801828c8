"""Trust: whose key an account is.

The account that a contact link named is pinned: it is what the conversation's id is made of, so
no key can take another's place in silence. What can happen is that a device of the contact speaks
for another account from some day on: its owner lost the account key and began anew, or somebody
else has the device. Two things claim so: the device's own hello, which it proved its key for, and a
contact link that names the device. Anything else is anybody's word: anybody can certify any key.

Such a claim stops everything that we would send, ends the verification, and is told. The user asks
the person by another way, and confirms; the same claim is not told again.
"""

from __future__ import annotations

from dataclasses import replace

from p2pchat.errors import KeyChanged as KeyChangedError
from p2pchat.errors import LocalProtocolError, UnknownContact
from p2pchat.events import ContactVerified, KeyChanged
from p2pchat.model.change import PutTrust
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Chain
from p2pchat.protocol.machine import ConfirmKey, Dial, Effect, Emit, Persist, VerifyContact
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.state import State

__all__ = ["Trust"]

KNOWN = (ContactState.ACCEPTED, ContactState.ASKED)
"""Whom we chose to know."""


class Trust:
    """What was verified, and what made it doubtful."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox

    def claimed(self, device: DeviceId, claimed: AccountId) -> list[Effect]:
        """A device speaks for an account: doubt every contact that has it under another one."""
        return [
            effect
            for account in self._contacts_with(device)
            if account != claimed
            for effect in self._doubt(account, claimed, device)
        ]

    def objection(self, account: AccountId | None) -> LocalProtocolError | None:
        """Why nothing may be sent to a contact."""
        if account is None or not self._state.directory.is_doubtful(account):
            return None
        name = self._state.directory.name(account)
        return KeyChangedError(
            f"a device of {name} speaks for another account now: ask {name} by another way whether"
            f" that is right, then confirm it"
        )

    def doubted_by_link(self, device: DeviceId, claimed: AccountId) -> LocalProtocolError | None:
        """Why a link cannot be used that names a contact's device under another account."""
        accounts = [account for account in self._contacts_with(device) if account != claimed]
        return next(filter(None, map(self.objection, accounts)), None)

    def verify(self, command: VerifyContact, now: Now) -> list[Effect]:
        """The user compared keys, which settles a doubt, too; or takes it back."""
        row = self._row(command.account)
        if row is None:
            return [Reply(command.id, error=_no_contact(command.account))]
        verified_ms = now.wall_ms if command.is_verified else 0
        is_confirmed = row.is_confirmed or (command.is_verified and row.claimed is not None)
        effects = self._put(replace(row, verified_ms=verified_ms, is_confirmed=is_confirmed))
        effects += self._resume(command.account)
        return [
            *effects,
            self._reply(command.id, command.account),
            Emit(ContactVerified(command.account, command.is_verified)),
        ]

    def confirm(self, command: ConfirmKey) -> list[Effect]:
        """Go on with a contact whose key was in doubt."""
        row = self._row(command.account)
        if row is None:
            return [Reply(command.id, error=_no_contact(command.account))]
        if not self._state.directory.is_doubtful(command.account):
            error = LocalProtocolError("nothing is to be confirmed: this contact's key is the same")
            return [Reply(command.id, error=error)]
        effects = self._put(replace(row, is_confirmed=True))
        return [
            *effects,
            *self._resume(command.account),
            self._reply(command.id, command.account),
        ]

    def _contacts_with(self, device: DeviceId) -> list[AccountId]:
        """The contacts that act through a device, which has signed so: it wrote to us. What others
        say of its key counts for as little now as it does later."""
        state = self._state
        return [
            account
            for account, contact in state.contacts.items()
            if contact.state in KNOWN
            and state.directory.certifies(account, device)
            and any(state.conversations[contact.conversation].log.count(device, c) for c in Chain)
        ]

    def _doubt(self, account: AccountId, claimed: AccountId, device: DeviceId) -> list[Effect]:
        """Only the first claim counts until the user has decided: who makes claims makes many."""
        row = self._row(account)
        assert row is not None, "only contacts are doubted"
        if self._state.directory.is_doubtful(account) or row.claimed == claimed:
            return []
        effects = self._put(PutTrust(account, 0, claimed, is_confirmed=False))
        return [*effects, Emit(KeyChanged(account, claimed, device.peer_id))]

    def _row(self, account: AccountId) -> PutTrust | None:
        """What is known of a contact's key; None for who is no contact."""
        contact = self._state.contacts.get(account)
        if contact is None or contact.state not in KNOWN:
            return None
        known = self._state.directory.trust.get(account)
        return known or PutTrust(account, 0, None, is_confirmed=False)

    def _put(self, row: PutTrust) -> list[Effect]:
        self._state.directory.trust[row.account] = row
        return [Persist(row)]

    def _resume(self, account: AccountId) -> list[Effect]:
        """What was held back goes out."""
        state = self._state
        self._outbox.touch(state.contacts[account].conversation)
        known = state.directory.sets.get(account)
        return [Dial(device) for device in sorted(known.devices)] if known is not None else []

    def _reply(self, id: int, account: AccountId) -> Reply:
        return Reply(id, self._state.contact_info(self._state.contacts[account]))


def _no_contact(account: AccountId) -> LocalProtocolError:
    return UnknownContact(f"{account} is not a contact; see `contacts`")
