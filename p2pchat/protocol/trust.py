"""Trust: whose key an account is.

The account that a contact link named is pinned: it is what the conversation's id is made of, so
no key can take another's place in silence. What can happen is that a device of the contact speaks
for another account from some day on: its owner lost the account key and began anew, or somebody
else has the device. Only the device's own hello says so, for which it proved its key. Anything else
is anybody's word: anybody can certify any key, and put it into a contact link. Such a link is not
used; it says nothing about the contact whose device it names.

A claim stops everything that we would send, ends the verification, and is told. The user asks the
person by another way, and has two answers: to confirm, which settles all that this device will ever
claim, so that who has it cannot wear the user out; or to compare keys again, after which the claim
was false, and is told again when it is made again.
"""

from __future__ import annotations

from dataclasses import replace

from p2pchat.errors import KeyChanged as KeyChangedError
from p2pchat.errors import LinkError, LocalProtocolError, UnknownContact
from p2pchat.events import ContactVerified, KeyChanged
from p2pchat.model.change import PutTrust
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Chain
from p2pchat.protocol.machine import ConfirmKey, Dial, Effect, Emit, Persist, VerifyContact
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.state import State
from p2pchat.wire.devices import DEVICES_MAX

__all__ = ["KNOWN", "Trust"]

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

    def objection_to_link(self, device: DeviceId, claimed: AccountId) -> LinkError | None:
        """Why a link cannot be used: it names a contact's device under another account, which the
        device has not said itself, or which the user has not confirmed."""
        for account in self._contacts_with(device):
            row = self._state.directory.trust.get(account)
            is_right = row is not None and row.is_confirmed and row.claimed == claimed
            if account != claimed and not is_right:
                name = self._state.directory.name(account)
                return LinkError(
                    f"this link names a device of {name} under another account: ask {name} by"
                    " another way who made it"
                )
        return None

    def verify(self, command: VerifyContact, now: Now) -> list[Effect]:
        """The user compared keys, which settles a doubt, too: what a device claimed was false; or
        takes it back."""
        row = self._row(command.account)
        if row is None:
            return [Reply(command.id, error=_no_contact(command.account))]
        compared = PutTrust(command.account, now.wall_ms, None, is_confirmed=False)
        effects = self._put(compared if command.is_verified else replace(row, verified_ms=0))
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
        """Only the first claim counts until the user has decided, and of each device only one: who
        makes claims makes many."""
        row = self._row(account)
        assert row is not None, "only contacts are doubted"
        if self._state.directory.is_doubtful(account) or device in row.devices:
            return []
        devices = (*row.devices, device)[-DEVICES_MAX:]
        effects = self._put(PutTrust(account, 0, claimed, is_confirmed=False, devices=devices))
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
