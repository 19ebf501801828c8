"""The key that a LAN's secret becomes.

People choose short secrets and every datagram carries a code made with the key, so whoever listens
can try secrets at leisure. Argon2id makes each try cost 64 MiB and about a tenth of a second. The
salt is fixed, because all who know the secret must arrive at the same key without talking first.
"""

from __future__ import annotations

from hashlib import blake2b

from nacl.pwhash import argon2id

__all__ = ["KEY_BYTES", "lan_key"]

KEY_BYTES = 32
_SALT = blake2b(b"dchat/lan/secret/1", digest_size=argon2id.SALTBYTES).digest()


def lan_key(secret: str) -> bytes:
    """32 bytes. Takes about a tenth of a second: call it off the event loop."""
    return argon2id.kdf(
        KEY_BYTES,
        secret.encode(),
        _SALT,
        opslimit=argon2id.OPSLIMIT_INTERACTIVE,
        memlimit=argon2id.MEMLIMIT_INTERACTIVE,
    )
