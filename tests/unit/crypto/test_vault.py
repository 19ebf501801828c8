"""Key files: what opens them, and that nothing else does."""

from __future__ import annotations

import struct
from hashlib import blake2b

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from keyring.backends.null import Keyring as ForgetfulKeyring

from p2pchat.crypto.stretching import STRONG, Cost
from p2pchat.crypto.vault import Bare, InKeyring, Vault, WithPassphrase, lock_of, relock
from p2pchat.errors import (
    ConfigError,
    KeyringUnusable,
    PassphraseNeeded,
    SchemaTooNew,
    StoreError,
    WrongKey,
    WrongPassphrase,
)

KEY = bytes(range(32))
CHEAP = Cost(1, 8192)


def locked(passphrase: str = "open sesame") -> bytes:
    return Vault(passphrase, CHEAP).lock(KEY)


def mended(raw: bytes) -> bytes:
    """With a checksum that is right again."""
    return raw[:-16] + blake2b(raw[:-16], digest_size=16).digest()


def test_a_bare_key_is_the_key():
    assert Vault().lock(KEY) == KEY
    assert Vault().unlock(KEY) == KEY
    assert lock_of(KEY) is None


def test_a_passphrase_opens_what_it_locked():
    raw = locked()
    assert KEY not in raw
    assert Vault("open sesame").unlock(raw) == KEY
    assert locked() != raw, "salt and nonce are new each time"


def test_another_passphrase_opens_nothing():
    with pytest.raises(WrongPassphrase, match="is wrong"):
        Vault("open sesam").unlock(locked())


def test_a_file_that_took_less_opens_and_new_locks_take_more():
    assert Vault("open sesame").unlock(locked()) == KEY
    assert Vault("open sesame").cost == WithPassphrase("open sesame").cost == STRONG
    assert Cost(6, 256 << 20) == STRONG


def test_a_passphrase_is_asked_for_where_it_is_needed_and_only_there():
    with pytest.raises(PassphraseNeeded, match="--passphrase-file"):
        Vault().unlock(locked())
    with pytest.raises(WrongPassphrase, match="is not locked"):
        Vault("open sesame").unlock(KEY)


@pytest.mark.parametrize("passphrase", ["", "x" * 1025])
def test_what_is_no_passphrase_locks_nothing(passphrase):
    with pytest.raises(ConfigError):
        Vault(passphrase).lock(KEY)
    with pytest.raises(ConfigError):
        relock(KEY, None, WithPassphrase(passphrase))


def test_every_bit_counts():
    raw = locked()
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(WrongKey):
            Vault("open sesame").unlock(bytes(flipped))
        forged = mended(bytes(flipped))
        if forged != raw:
            with pytest.raises((WrongKey, WrongPassphrase, SchemaTooNew)):
                Vault("open sesame").unlock(within_reason(forged))


def within_reason(raw: bytes) -> bytes:
    """Costs that are in bounds and yet take long are tried elsewhere."""
    passes, memory_bytes = struct.unpack_from(">IQ", raw, 10)
    is_dear = passes <= 10 and 1 << 20 <= memory_bytes <= 1 << 30
    return b"" if is_dear else raw


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64, 109, 111])
def test_a_file_of_another_length_is_no_key(size):
    with pytest.raises(WrongKey, match=r"is not a key|is damaged"):
        Vault("open sesame").unlock((locked() * 2)[:size])


@pytest.mark.parametrize(("place", "value"), [(8, 2), (8, 0), (9, 3)])
def test_a_later_version_is_said(place, value):
    raw = bytearray(locked())
    raw[place] = value
    with pytest.raises(SchemaTooNew, match="newer version"):
        lock_of(mended(bytes(raw)))


@pytest.mark.parametrize("cost", [(0, 8192), (1 << 31, 8192), (1, 1 << 40), (1, 0)])
def test_costs_are_bounded_before_they_are_paid(cost):
    raw = bytearray(locked())
    struct.pack_into(">IQ", raw, 10, *cost)
    with pytest.raises(WrongKey, match="asks for"):
        Vault("open sesame").unlock(mended(bytes(raw)))


def test_secrets_are_in_no_repr():
    values = (Vault("open sesame"), WithPassphrase("open sesame"), lock_of(locked()))
    assert "sesame" not in repr(values)
    assert "sealed" not in repr(values)


def test_a_lock_is_replaced_by_another():
    first = relock(KEY, None, WithPassphrase("one", CHEAP))
    second = relock(first, "one", WithPassphrase("two", CHEAP))
    with pytest.raises(WrongPassphrase):
        relock(second, "one", Bare())
    assert relock(second, "two", Bare()) == KEY


def test_the_keyring_opens_what_it_locked(drawer):
    raw = relock(KEY, None, InKeyring())
    [secret] = drawer.kept.values()
    assert KEY not in raw
    assert bytes.fromhex(secret) not in raw
    assert KEY.hex() != secret
    assert Vault().unlock(raw) == KEY
    with pytest.raises(WrongPassphrase):
        Vault("open sesame").unlock(raw)


@pytest.mark.parametrize("kept", [None, "", "no hex", "00" * 32, "00" * 5])
def test_a_keyring_that_lost_the_key_is_said(drawer, kept):
    raw = relock(KEY, None, InKeyring())
    [entry] = drawer.kept
    drawer.kept = {} if kept is None else {entry: kept}
    with pytest.raises(KeyringUnusable, match="has lost the key"):
        Vault().unlock(raw)


@pytest.mark.parametrize("backend", [NoKeyring, ForgetfulKeyring])
def test_a_keyring_that_keeps_nothing_is_none(drawer, backend):
    raw = relock(KEY, None, InKeyring())
    keyring.set_keyring(backend())
    with pytest.raises(KeyringUnusable, match="no keyring"):
        relock(KEY, None, InKeyring())
    with pytest.raises(KeyringUnusable, match="no keyring"):
        Vault().unlock(raw)


def test_a_keyring_that_writes_plain_text_is_none(drawer):
    type(drawer).priority = 0.5
    try:
        with pytest.raises(KeyringUnusable, match="no keyring"):
            relock(KEY, None, InKeyring())
    finally:
        type(drawer).priority = 5


def test_a_locked_keyring_is_said(drawer, monkeypatch):
    raw = relock(KEY, None, InKeyring())

    def refuse(*_):
        raise keyring.errors.KeyringLocked("dismissed\nwith details")

    monkeypatch.setattr(drawer, "get_password", refuse)
    with pytest.raises(KeyringUnusable, match=r"is locked: dismissed$"):
        Vault().unlock(raw)
    monkeypatch.setattr(drawer, "set_password", refuse)
    with pytest.raises(KeyringUnusable, match="refused the key"):
        relock(KEY, None, InKeyring())


@pytest.mark.usefixtures("drawer")
def test_a_copy_opens_after_its_key_was_locked_in_another_way():
    copy = relock(KEY, None, InKeyring())
    for locking in (Bare(), InKeyring(), WithPassphrase("secret", Cost(1, 8192))):
        relock(copy, None, locking)
        assert Vault().unlock(copy) == KEY


def test_every_refusal_is_one_line(drawer):
    raw = relock(KEY, None, InKeyring())
    drawer.kept = {}
    for vault, content in ((Vault(), locked()), (Vault("x"), KEY), (Vault(), raw), (Vault(), b"")):
        with pytest.raises(StoreError) as refused:
            vault.unlock(content)
        assert "\n" not in str(refused.value)
