"""Whose keys they are: safety numbers, codes and pictures for contacts, and our own devices."""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.client.devices import devices_of, revocation_of
from p2pchat.client.handles import Contact
from p2pchat.client.people import People
from p2pchat.crypto.sas import SasExchange
from p2pchat.errors import VerificationFailed
from p2pchat.model.device import DeviceInfo
from p2pchat.model.ids import AccountId, PeerId
from p2pchat.protocol.machine import (
    CompareKeys,
    ConfirmKey,
    FinishComparison,
    Input,
    ReviseDevices,
    VerifyContact,
)
from p2pchat.wire.frames import SESSION_BYTES
from p2pchat.wire.verification import VerificationCode, decode_code, encode_code, safety_number

__all__ = ["Trusting"]


class Trusting(People):
    """Verbs about the keys of contacts and of ourselves."""

    def safety_number(self, account: AccountId) -> str:
        """60 digits that are the same on the contact's side: to be compared by another way.
        Raises `UnknownContact`."""
        return safety_number(self.account, self.contact(account).account)

    def verification_code(self, account: AccountId) -> str:
        """What the contact scans, or gets by a way that nobody can change. Raises
        `UnknownContact`."""
        return encode_code(VerificationCode(self.account, self.contact(account).account))

    async def verify(self, account: AccountId) -> Contact:
        """Say that the safety number was compared and is the same. Raises `UnknownContact`."""
        return await self._trust(lambda id: VerifyContact(id, account, is_verified=True), account)

    async def unverify(self, account: AccountId) -> Contact:
        """Take that back. Raises `UnknownContact`."""
        return await self._trust(lambda id: VerifyContact(id, account, is_verified=False), account)

    async def verify_code(self, code: str, account: AccountId | None = None) -> Contact:
        """Verify the contact who showed this code; `account` is who shall have done so. Raises
        `LinkError`, `UnknownContact`, and `VerificationFailed` for a code that names another
        account than ours or theirs."""
        shown = decode_code(code)
        if account is not None and shown.shown_by != account:
            raise VerificationFailed(
                f"this code was shown by {shown.shown_by}, not by {account}: it is somebody else's,"
                " or somebody stands between you"
            )
        if shown.shown_to != self.account:
            raise VerificationFailed(
                f"this code is for {shown.shown_to}, and you are {self.account}: who showed it has"
                " another key for you, or means somebody else"
            )
        return await self.verify(shown.shown_by)

    async def compare_keys(self, account: AccountId) -> None:
        """Ask a contact who is connected to compare keys by pictures, or answer one that asks
        (`ComparisonRequested`). `PicturesShown` comes to both. Raises `UnknownContact`,
        `LocalProtocolError` when they are not connected."""
        session = self._ambient.token_bytes(SESSION_BYTES)
        await self._node.driver.call(lambda id: CompareKeys(id, account, session, SasExchange()))

    async def finish_comparison(self, account: AccountId, *, same: bool) -> Contact:
        """Say whether the pictures are the same, which verifies the contact; or give up. Raises
        `LocalProtocolError` when nothing is under way."""
        return await self._trust(lambda id: FinishComparison(id, account, same), account)

    async def confirm_key(self, account: AccountId) -> Contact:
        """Go on writing to a contact one of whose devices speaks for another account. Raises
        `UnknownContact`, `LocalProtocolError` when there is nothing to confirm."""
        return await self._trust(lambda id: ConfirmKey(id, account), account)

    async def _trust(self, make: Callable[[int], Input], account: AccountId) -> Contact:
        await self._node.driver.call(make)
        return Contact(self._node, account)

    # Devices

    def devices(self, account: AccountId | None = None) -> list[DeviceInfo]:
        """Our own devices, or those of somebody else, as far as they are known: those that act for
        the account and those that were revoked, each certified one, oldest first."""
        account = self.account if account is None else account
        known = self._state.directory.sets.get(account)
        return [] if known is None else devices_of(known, self._state.me.device)

    async def revoke_device(self, peer: PeerId) -> None:
        """End a device of ours for good: from now on nothing new of it is taken anywhere that
        hears of it. Raises `UnknownDevice`, and `PermissionDenied` for one too many."""
        revocation = revocation_of(
            self._state.own_devices,
            self.peer_id,
            peer,
            self._node.parts.account_signer,
            self._ambient.now().wall_ms,
        )
        await self._node.driver.call(lambda id: ReviseDevices(id, revocation))
