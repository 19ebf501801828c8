"""From a passphrase to a key: argon2id, with costs that are written beside what the key locks.

Costs and salt are read from files that anybody may have put there, before anything in them can be
verified; a file that asked for a terabyte would be a weapon. So they are bounded before use: of
memory by what is written here, because a system that promises more than it has refuses nothing, and
ends some program when it is used.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field

from nacl.exceptions import RuntimeError as SodiumError
from nacl.pwhash import argon2id
from nacl.utils import random

from p2pchat.errors import ConfigError, StoreError, WrongKey

__all__ = [
    "KEY_BYTES",
    "MEMORY_BYTES_MAX",
    "MODERATE",
    "PASSES_MAX",
    "PASSPHRASE_BYTES_MAX",
    "SALT_BYTES",
    "STRONG",
    "Cost",
    "Stretching",
    "checked_passphrase",
    "new_stretching",
]

KEY_BYTES = 32
SALT_BYTES = argon2id.SALTBYTES
PASSES_MAX = 10
MEMORY_BYTES_MAX = argon2id.MEMLIMIT_MODERATE
PASSPHRASE_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one try costs: argon2id's passes over so much memory."""

    passes: int
    memory_bytes: int


MODERATE = Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""Three passes over 256 MiB: what is made of a password alone takes so many for ever."""
STRONG = Cost(2 * argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)
"""Six: about a second, which a person waits once and a guesser each time. What is written with a
file may change, and files of before keep what they have."""


@dataclass(frozen=True, slots=True)
class Stretching:
    """How a passphrase becomes a key. Raises `WrongKey` for costs out of bounds."""

    cost: Cost
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        passes, memory_bytes = self.cost.passes, self.cost.memory_bytes
        if not argon2id.OPSLIMIT_MIN <= passes <= PASSES_MAX:
            raise WrongKey(f"asks for {passes:,} passes of argon2id; 1 to {PASSES_MAX} are made")
        if not argon2id.MEMLIMIT_MIN <= memory_bytes <= MEMORY_BYTES_MAX:
            raise WrongKey(
                f"asks for {memory_bytes:,} bytes of memory; at most {MEMORY_BYTES_MAX:,} are used"
            )

    def key(self, passphrase: str) -> bytes:
        """32 bytes. Takes as long as the cost says: call it off the event loop."""
        try:
            return argon2id.kdf(
                KEY_BYTES,
                checked_passphrase(passphrase),
                self.salt,
                opslimit=self.cost.passes,
                memlimit=self.cost.memory_bytes,
            )
        except (MemoryError, SodiumError) as error:
            raise StoreError(
                f"a passphrase takes {self.cost.memory_bytes >> 20} MiB of memory, which are not"
                " free: end some programs"
            ) from error


def new_stretching(cost: Cost) -> Stretching:
    """With a salt of its own."""
    return Stretching(cost, random(SALT_BYTES))


def checked_passphrase(passphrase: str) -> bytes:
    """As bytes, the same for the same characters whichever keyboard typed them (NFC). Raises
    `ConfigError` for one that is empty or too long."""
    try:
        raw = unicodedata.normalize("NFC", passphrase).encode()
    except UnicodeEncodeError as error:
        raise ConfigError("passphrase", "it holds half a surrogate pair") from error
    if not 0 < len(raw) <= PASSPHRASE_BYTES_MAX:
        raise ConfigError("passphrase", f"it has 1 to {PASSPHRASE_BYTES_MAX:,} bytes")
    return raw
