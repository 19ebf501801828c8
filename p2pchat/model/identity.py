"""Who we are: an account key and, apart from it from the first day, a device key.

The seeds are secrets: they are kept out of `repr`, live in the encrypted database and leave the
process only in an export the user asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, DeviceId

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Both key pairs (Ed25519 seeds of 32 bytes) and the name chosen at the first start."""

    account: AccountId
    device: DeviceId
    name: str
    created_ms: int
    account_seed: bytes = field(repr=False)
    device_seed: bytes = field(repr=False)
    device_set: bytes = field(repr=False)
    """Our own signed device set (`wire.devices`)."""
