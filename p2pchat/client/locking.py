"""What locks a home's key: looked at, and changed, off the event loop.

A change rewrites one small file in one step, so that whatever interrupts it leaves the old lock or
the new one, and either opens. What was copied away before, a backup perhaps, opens as it did: so
the keyring keeps what it was given for a lock before, which nobody but its user may throw away.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import trio

from p2pchat.crypto.vault import Locking, lock_of, relock
from p2pchat.errors import StoreError
from p2pchat.store.home import KEY_FILE, change_key_file, relock_home

__all__ = ["change_lock", "needs_passphrase"]


def needs_passphrase(home: str | os.PathLike[str]) -> bool:
    """Whether a home must be opened with a passphrase. What keeps it from being opened at all is
    said by opening it."""
    try:
        lock = lock_of((Path(home) / KEY_FILE).read_bytes())
    except (OSError, StoreError):
        return False
    return lock is not None and lock.needs_passphrase


async def change_lock(
    home: Path, passphrase: str | None, locking: Locking, *, is_open: bool = False
) -> None:
    """Lock a home in another way: one that nobody has open, or (`is_open`) this process has.

    `passphrase` is the one that locks it now. Raises `PassphraseNeeded`, `WrongPassphrase`,
    `KeyringUnusable`, and other `StoreError`s; then nothing has changed.
    """
    rewrite = change_key_file if is_open else relock_home
    change = partial(rewrite, home, partial(relock, passphrase=passphrase, locking=locking))
    # Stretching passphrases takes seconds of pure computing; a change is rare, and must end.
    await trio.to_thread.run_sync(change)  # noqa: TID251
