"""What locks a home's key: looked at, and changed, off the event loop.

A change rewrites one small file in one step, so that whatever interrupts it leaves the old lock or
the new one, and either opens. What was copied away before, a backup perhaps, opens as it did.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from p2pchat.crypto.vault import Lock, Locking, lock_of, relock
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
    change = partial(_change_lock, rewrite, home, passphrase, locking)
    # Stretching passphrases takes seconds of pure computing; a change is rare, and must end.
    await trio.to_thread.run_sync(change)  # noqa: TID251


def _change_lock(
    rewrite: Callable[[Path, Callable[[bytes], bytes]], None],
    home: Path,
    passphrase: str | None,
    locking: Locking,
) -> None:
    before: list[Lock] = []

    def change(raw: bytes) -> bytes:
        lock = lock_of(raw)
        before.extend([lock] if lock is not None else [])
        return relock(raw, passphrase, locking)

    rewrite(home, change)
    for lock in before:
        lock.forget()
