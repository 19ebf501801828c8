"""Passphrases, and the costs that a file may ask for."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from p2pchat.crypto import stretching
from p2pchat.crypto.stretching import (
    MEMORY_BYTES_MAX,
    MODERATE,
    PASSES_MAX,
    PASSPHRASE_BYTES_MAX,
    Cost,
    Stretching,
    checked_passphrase,
    new_stretching,
)
from p2pchat.errors import ConfigError, StoreError, WrongKey

CHEAP = Cost(1, 8192)
SALT = bytes(range(16))


def test_the_same_passphrase_costs_and_salt_make_the_same_key():
    key = Stretching(CHEAP, SALT).key("correct horse")
    assert Stretching(CHEAP, SALT).key("correct horse") == key
    assert Stretching(CHEAP, SALT).key("correct horsf") != key
    assert Stretching(CHEAP, SALT[::-1]).key("correct horse") != key
    assert Stretching(Cost(2, 8192), SALT).key("correct horse") != key


def test_argon2id_is_the_one_of_its_specification():
    other = Argon2id(salt=SALT, length=32, iterations=1, lanes=1, memory_cost=8)
    assert Stretching(CHEAP, SALT).key("correct horse") == other.derive(b"correct horse")


def test_a_passphrase_typed_on_another_keyboard_is_the_same():
    assert checked_passphrase("Zoe\N{COMBINING DIAERESIS}") == checked_passphrase("Zoë")


@pytest.mark.parametrize("text", ["", "x" * (PASSPHRASE_BYTES_MAX + 1), "\ud800"])
def test_what_is_no_passphrase_is_refused(text):
    with pytest.raises(ConfigError, match="passphrase"):
        checked_passphrase(text)


@pytest.mark.parametrize(
    "cost",
    [
        Cost(0, 8192),
        Cost(PASSES_MAX + 1, 8192),
        Cost((1 << 32) - 1, 8192),
        Cost(1, 8191),
        Cost(1, MEMORY_BYTES_MAX + 1),
        Cost(1, (1 << 64) - 1),
    ],
)
def test_costs_out_of_bounds_are_refused_before_they_are_paid(cost):
    with pytest.raises(WrongKey, match="asks for"):
        Stretching(cost, SALT)


def test_what_is_made_is_within_what_is_read():
    assert Stretching(MODERATE, SALT).cost == MODERATE
    assert Cost(3, 256 << 20) == MODERATE


def test_no_file_takes_more_memory_than_those_that_are_written_here():
    with pytest.raises(WrongKey, match="asks for"):
        Stretching(Cost(1, MODERATE.memory_bytes + 1), SALT)


def test_two_are_never_alike():
    assert new_stretching(CHEAP).salt != new_stretching(CHEAP).salt


def test_too_little_memory_is_said(monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(stretching.argon2id, "kdf", fail)
    with pytest.raises(StoreError, match="256 MiB"):
        Stretching(MODERATE, SALT).key("x")
