"""Devices of an account, as a person sees them."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import AccountId, PeerId

__all__ = ["DeviceInfo"]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device that acts for an account, or did so."""

    account: AccountId
    peer_id: PeerId
    certified_at: int
    """When the account key certified it, by the clock of who did; milliseconds since the epoch."""
    revoked_at: int | None
    """When it was revoked, by the clock of who did; None while it acts for the account."""
    is_this: bool
    """Whether it is the device at hand."""
