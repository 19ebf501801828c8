"""A copy of a home that is put back: the same device, with new keys for mail."""

from __future__ import annotations

import shutil
from pathlib import Path

import trio

from p2pchat import open_client
from p2pchat.crypto.mail import open_mail
from p2pchat.crypto.port import Recipient
from p2pchat.store.home import open_home
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
        identity = opened.store.identity()
        assert identity is not None
        cipher = open_mail(identity.account, identity.device_seed, opened.store.snapshot().mail)
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


def test_a_copy_put_back_is_certified_anew_and_seals_with_a_session_of_its_own(tmp_path):
    home, copy, bob = tmp_path / "home", tmp_path / "copy", Box(BOB)
    opened_once(home)
    first = certificate(home)
    bob.cipher.open(bob.cipher.unwrap(to_bob(home, bob, b"one")), first.keys.olm_curve25519, NOW_MS)
    shutil.copytree(home, copy)
    to_bob(home, bob, b"two")
    shutil.copy2(copy / "p2pchat.db", home / "p2pchat.db")
    opened_once(home)
    second = certificate(home)
    assert (second.account, second.device) == (first.account, first.device)
    assert second.keys.olm_curve25519 != first.keys.olm_curve25519
    assert second.created_ms > first.created_ms
    body = bob.cipher.unwrap(to_bob(home, bob, b"two, but otherwise"))
    assert (body.kind, body.counter) == (0, 0), "a session that was not there before"
    opened = bob.cipher.open(body, second.keys.olm_curve25519, NOW_MS)
    assert opened.plaintext == b"two, but otherwise"
