"""A copy of a home that is put back: the same device and keys, and sessions of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio

from p2pchat import open_client
from p2pchat.crypto.mail import OlmMailCipher, open_mail
from p2pchat.crypto.port import Recipient
from p2pchat.model.identity import Identity
from p2pchat.model.ids import Party
from p2pchat.model.ratchet import Correspondent
from p2pchat.store.home import Home, open_home
from p2pchat.wire.devices import Certificate, certificates, read_device_set
from tests.unit.crypto.test_mail import NOW_MS, Box
from tests.unit.protocol.people import BOB


def opened_once(home: Path) -> None:
    async def main() -> None:
        async with open_client(home, name="Alice", offline=True):
            pass

    trio.run(main)


def certificate(home: Path) -> Certificate:
    with open_home(home) as opened:
        identity = opened.store.identity()
    assert identity is not None
    [own] = certificates(read_device_set(identity.device_set))
    return own


def to_bob(home: Path, bob: Box, text: bytes) -> bytes:
    """A blob of the home's for Bob."""
    with open_home(home) as opened:
        cipher, identity = mail_of(opened)
        to: Recipient = bob.described()
        own = read_device_set(identity.device_set)
        sealed = cipher.seal(to, text, own, NOW_MS)
        opened.store.commit(sealed.changes)
    return sealed.blob


def test_a_home_that_is_opened_again_has_the_same_keys(tmp_path):
    home = tmp_path / "home"
    opened_once(home)
    before = certificate(home)
    opened_once(home)
    assert certificate(home) == before


def from_bob(home: Path, bob: Box, text: bytes) -> bytes:
    """A blob of Bob's for the home."""
    with open_home(home) as opened:
        cipher, identity = mail_of(opened)
        keys = cipher.keys
        assert keys is not None
        peer = Correspondent(Party(identity.account, identity.device), cipher.identity_key)
        to = Recipient(peer, keys.fallback_key, cipher.published[0])
    return bob.cipher.seal(to, text, BOB.devices, NOW_MS).blob


def read(home: Path, bob: Box, blob: bytes) -> bytes:
    """What a blob of Bob's says."""
    with open_home(home) as opened:
        cipher, _ = mail_of(opened)
        heard = cipher.open(cipher.unwrap(blob), bob.cipher.identity_key, NOW_MS)
        opened.store.commit(heard.changes)
    return heard.plaintext


def mail_of(opened: Home) -> tuple[OlmMailCipher, Identity]:
    identity = opened.store.identity()
    assert identity is not None
    snapshot = opened.store.snapshot()
    return open_mail(identity.account, identity.device_seed, snapshot.mail), identity


@pytest.mark.parametrize("what", ["database", "directory"])
def test_a_copy_put_back_seals_with_a_session_of_its_own_and_opens_what_is_under_way(
    tmp_path, what
):
    home, copy, bob = tmp_path / "home", tmp_path / "copy", Box(BOB)
    opened_once(home)
    before = certificate(home)
    key = before.keys.olm_curve25519
    bob.cipher.open(bob.cipher.unwrap(to_bob(home, bob, b"one")), key, NOW_MS)
    assert read(home, bob, from_bob(home, bob, b"yes")) == b"yes"
    under_way = from_bob(home, bob, b"under way")
    shutil.copytree(home, copy)
    to_bob(home, bob, b"two")
    if what == "database":
        shutil.copy2(copy / "p2pchat.db", home / "p2pchat.db")
    else:
        shutil.rmtree(home)
        copy.rename(home)
    body = bob.cipher.unwrap(to_bob(home, bob, b"two, but otherwise"))
    assert (body.kind, body.counter) == (0, 0), "a session that was not there before"
    assert bob.cipher.open(body, key, NOW_MS).plaintext == b"two, but otherwise"
    assert read(home, bob, under_way) == b"under way"
    opened_once(home)
    assert certificate(home) == before
