"""Homes that are locked, as a program opens them."""

from __future__ import annotations

import logging
import shutil
import traceback

import pytest
import trio

import p2pchat
from p2pchat.client import locking
from p2pchat.client.locking import change_lock, needs_passphrase
from p2pchat.crypto import vault
from p2pchat.crypto.stretching import Cost
from p2pchat.crypto.vault import WithPassphrase
from p2pchat.errors import (
    ConfigError,
    HomeUnwritable,
    PassphraseNeeded,
    StoreError,
    WrongPassphrase,
)

CANARY = "the canary sings at dawn"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """What a passphrase costs by default is tried where a person waits for it."""
    monkeypatch.setattr(vault.Vault.__init__, "__defaults__", (None, Cost(1, 8192)))
    monkeypatch.setattr(vault.WithPassphrase.__init__, "__defaults__", (Cost(1, 8192),))


def opened(home, passphrase=None, then=None):
    """Open the home, do something, and answer who lives there."""

    async def main():
        with trio.fail_after(60):
            async with p2pchat.open_client(home, passphrase=passphrase, offline=True) as client:
                if then is not None:
                    await then(client)
                return client.account

    return trio.run(main)


def refused(kind, home, passphrase=None):
    before = (home / "p2pchat.key").read_bytes()
    with pytest.raises(BaseException) as caught:  # noqa: PT011 -- trio may put it into a group
        opened(home, passphrase)
    error = caught.value
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    assert type(error) is kind
    assert "\n" not in str(error)
    assert (home / "p2pchat.key").read_bytes() == before


def test_a_new_home_is_locked_by_the_passphrase_it_is_made_with(tmp_path):
    account = opened(tmp_path / "home", CANARY)
    assert needs_passphrase(tmp_path / "home")
    assert opened(tmp_path / "home", CANARY) == account
    refused(PassphraseNeeded, tmp_path / "home")
    refused(WrongPassphrase, tmp_path / "home", CANARY + "!")
    refused(ConfigError, tmp_path / "home", "")


def test_a_passphrase_for_a_home_without_one_is_not_taken_for_a_lock(tmp_path):
    opened(tmp_path / "home")
    assert not needs_passphrase(tmp_path / "home")
    refused(WrongPassphrase, tmp_path / "home", CANARY)


def test_a_passphrase_is_set_changed_and_taken_away_while_the_client_runs(tmp_path):
    home = tmp_path / "home"
    account = opened(home, then=lambda client: client.change_passphrase(None, "first"))
    assert opened(home, "first", lambda client: client.change_passphrase("first", "second"))
    refused(WrongPassphrase, home, "first")
    assert opened(home, "second", lambda client: client.change_passphrase("second", None))
    assert opened(home) == account


def test_whoever_does_not_know_the_passphrase_changes_nothing(tmp_path):
    home = tmp_path / "home"

    async def try_in_vain(client):
        for old, new, kind in (
            ("wrong", "new", WrongPassphrase),
            (None, "new", PassphraseNeeded),
            (CANARY, "", ConfigError),
        ):
            with pytest.raises(kind):
                await client.change_passphrase(old, new)

    opened(home, CANARY, try_in_vain)
    assert opened(home, CANARY)


def test_a_client_in_memory_has_nothing_to_lock():
    async def lock(client):
        with pytest.raises(HomeUnwritable, match="in memory"):
            await client.change_passphrase(None, CANARY)

    opened(None, then=lock)


def test_everything_goes_on_while_a_passphrase_is_stretched(tmp_path, monkeypatch):
    """A thread stretches it: the event loop sees to others meanwhile."""
    home = tmp_path / "home"
    opened(home)
    going_on = trio.Event()
    stretched = locking.relock

    def slow(raw, **how):
        trio.from_thread.run(going_on.wait)
        return stretched(raw, **how)

    monkeypatch.setattr(locking, "relock", slow)

    async def main():
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(change_lock, home, None, WithPassphrase(CANARY))
                await trio.testing.wait_all_tasks_blocked()
                going_on.set()

    trio.run(main)
    assert opened(home, CANARY)


def test_no_passphrase_and_no_key_is_in_logs_or_tracebacks(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    home = tmp_path / "home"
    opened(home, CANARY)
    told = []
    for passphrase in (None, CANARY + "!", ""):
        try:
            opened(home, passphrase)
        except BaseException as error:
            told += traceback.format_exception(error)
    assert len(told) > 10
    raw = "".join(told) + caplog.text
    assert CANARY not in raw
    assert (home / "p2pchat.key").read_bytes()[-64:].hex() not in raw


def test_the_keyring_locks_a_home_until_a_passphrase_does(tmp_path, drawer):
    home = tmp_path / "home"
    account = opened(home, then=lambda client: client.use_keyring())
    assert not needs_passphrase(home)
    assert len(drawer.kept) == 1
    assert opened(home) == account
    kept, drawer.kept = drawer.kept, {}
    with pytest.raises(BaseException, match=r"keyring|unhandled") as caught:
        opened(home)
    assert isinstance(caught.value, StoreError | BaseExceptionGroup)
    drawer.kept = kept
    opened(home, then=lambda client: client.change_passphrase(None, CANARY))
    opened(home, CANARY, lambda client: client.use_keyring(CANARY))
    opened(home, then=lambda client: client.use_keyring())
    assert opened(home) == account


def test_a_backup_under_the_keyring_opens_after_another_lock_took_its_place(tmp_path, drawer):
    home, backup = tmp_path / "home", tmp_path / "backup"
    account = opened(home, then=lambda client: client.use_keyring())
    shutil.copytree(home, backup)
    opened(home, then=lambda client: client.change_passphrase(None, CANARY))
    assert len(drawer.kept) == 1
    assert opened(home, CANARY) == opened(backup) == account


def test_what_cannot_be_read_needs_no_passphrase_yet(tmp_path):
    assert not needs_passphrase(tmp_path)
    (tmp_path / "p2pchat.key").write_bytes(b"nonsense")
    assert not needs_passphrase(tmp_path)
