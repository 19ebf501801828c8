"""Mail as a whole: what is opened by whom, what it weighs, what a keeper sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.crypto.mail import (
    OlmMailCipher,
    intro_key,
    mailbox_key,
    new_mail_account,
    open_mail,
    write_key,
)
from p2pchat.crypto.port import Recipient
from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import Party
from p2pchat.model.mailbox import HpkeKey
from p2pchat.model.ratchet import Correspondent
from p2pchat.net.mailboxes import BLOB_BYTES_MAX
from p2pchat.store.memory import MemoryStore
from p2pchat.wire.mail_codec import LETTER_BYTES_MAX, MailBody
from tests.unit.protocol.people import ALICE, BOB, CAROL, Person, digest

NOW_MS = 1_800_000_000_000
TEXT = b"x" * 74


class Box:
    """One person's device, and its disk."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.seed = digest(f"device {person.name}")
        self.store = MemoryStore()
        self.store.commit([new_mail_account(self.seed)])
        self.cipher = self.restart()
        self.renew()

    def restart(self) -> OlmMailCipher:
        """What was committed, and nothing else."""
        self.cipher = open_mail(self.person.account, self.seed, self.store.snapshot().mail)
        return self.cipher

    def renew(self, now_ms: int = NOW_MS) -> None:
        self.store.commit(self.cipher.renew(now_ms))

    @property
    def correspondent(self) -> Correspondent:
        return Correspondent(self.person.party, self.cipher.identity_key)

    def described(self, suite: int = 2) -> Recipient:
        [key] = [key for key in self.cipher.published if key.suite == suite]
        assert self.cipher.keys is not None
        fallback = self.cipher.keys.fallback_key
        return Recipient(self.correspondent, fallback, key)

    def seal(self, to: Box, letter: bytes, suite: int = 2) -> bytes:
        sealed = self.cipher.seal(to.described(suite), letter, self.person.devices, NOW_MS)
        self.store.commit(sealed.changes)
        return sealed.blob

    def open(self, sender: Box, blob: bytes) -> bytes:
        body = self.cipher.unwrap(blob)
        assert body.sender == sender.person.party
        opened = self.cipher.open(body, sender.cipher.identity_key, NOW_MS)
        self.store.commit(opened.changes)
        return opened.plaintext


@pytest.fixture
def alice() -> Box:
    return Box(ALICE)


@pytest.fixture
def bob() -> Box:
    return Box(BOB)


def test_letters_go_both_ways(alice, bob):
    assert bob.open(alice, alice.seal(bob, b"hello")) == b"hello"
    assert alice.open(bob, bob.seal(alice, b"yes")) == b"yes"
    assert bob.open(alice, alice.seal(bob, b"so")) == b"so"


def test_the_certificate_goes_along_until_there_was_an_answer(alice, bob):
    blob = alice.seal(bob, b"hello")
    assert bob.cipher.unwrap(blob).devices.raw == ALICE.devices.raw
    assert bob.open(alice, blob) == b"hello"
    assert bob.cipher.unwrap(alice.seal(bob, b"again")).devices is not None
    answer = bob.seal(alice, b"yes")
    assert alice.cipher.unwrap(answer).devices is None, "who opened something has our certificate"
    alice.open(bob, answer)
    assert bob.cipher.unwrap(alice.seal(bob, b"so")).devices is None


@pytest.mark.parametrize(
    ("suite", "first", "later"),
    [(1, 600, 550), (2, 1_700, 1_640)],
)
def test_what_a_short_text_weighs(alice, bob, suite, first, later):
    blob = alice.seal(bob, TEXT, suite)
    assert len(blob) <= first
    bob.open(alice, blob)
    alice.open(bob, bob.seal(alice, TEXT))
    assert len(alice.seal(bob, TEXT, suite)) <= later


def test_the_longest_letter_fits_into_a_mailbox(alice, bob):
    letter = bytes(LETTER_BYTES_MAX)
    blob = alice.seal(bob, letter)
    assert len(blob) <= BLOB_BYTES_MAX
    assert bob.open(alice, blob) == letter


def test_a_keeper_finds_nothing_of_who_wrote_and_what(alice, bob):
    blobs = [alice.seal(bob, b"canary in the letter" * 20) for _ in range(3)]
    for blob in blobs:
        for secret in (b"canary", ALICE.device, ALICE.account, alice.cipher.identity_key):
            assert bytes(secret) not in blob


def test_an_envelope_key_that_nobody_can_have_steps_no_ratchet(alice, bob):
    bad = replace(bob.described(1), hpke=HpkeKey(1, bytes(32)))
    with pytest.raises(MalformedMessage):
        alice.cipher.seal(bad, b"hello", ALICE.devices, NOW_MS)
    assert alice.cipher.peers == frozenset()
    alice.seal(bob, b"hello")
    with pytest.raises(MalformedMessage):
        alice.cipher.seal(bad, b"hello", ALICE.devices, NOW_MS)
    assert bob.cipher.unwrap(alice.seal(bob, b"again")).counter == 1


def test_a_letter_begins_its_session_once_however_long_its_reader_was_away(alice, bob):
    blob = alice.seal(bob, b"hello")
    assert bob.open(alice, blob) == b"hello"
    bob.store.commit(bob.cipher.forget(alice.correspondent.id))
    bob.renew(NOW_MS + 150 * 24 * 3600 * 1000)
    for cipher in (bob.cipher, bob.restart()):
        with pytest.raises(BadSignature):
            cipher.open(cipher.unwrap(blob), alice.cipher.identity_key, NOW_MS)
    for _ in range(2):
        bob.renew()
    assert bob.store.snapshot().mail.spent == ()


def test_a_blob_for_another_device_opens_nowhere_else(alice, bob):
    carol = Box(CAROL)
    blob = alice.seal(bob, b"hello")
    with pytest.raises(MalformedMessage):
        carol.cipher.unwrap(blob)


def test_who_lies_about_who_wrote_is_found_out(alice, bob):
    carol = Box(CAROL)
    body = bob.cipher.unwrap(carol.seal(bob, b"I am Alice"))
    forged = MailBody(ALICE.party, None, body.kind, body.ciphertext, body.counter)
    with pytest.raises(BadSignature):
        bob.cipher.open(forged, alice.cipher.identity_key, NOW_MS)


def test_what_is_sealed_for_who_certified_anothers_key_opens_nowhere_at_the_other(alice, bob):
    """Carol's account certifies her device with Bob's Olm key; her bundle names his fallback key.
    What Alice seals for her is a message that Bob's ratchet opens."""
    carol = Box(CAROL)
    alice.open(bob, bob.seal(alice, b"hello"))
    before = alice.store.snapshot().mail.ratchets
    bobs, hers = bob.described(1), carol.described(1)
    as_hers = replace(bobs, peer=Correspondent(CAROL.party, bobs.peer.identity_key), hpke=hers.hpke)
    sealed = alice.cipher.seal(as_hers, b"for Carol", ALICE.devices, NOW_MS)
    alice.store.commit(sealed.changes)
    assert set(before) <= set(alice.store.snapshot().mail.ratchets), "Bob's session did not move"
    handed_on = carol.cipher.unwrap(sealed.blob)
    known = bob.cipher.peers, len(bob.store.snapshot().mail.ratchets)
    with pytest.raises(MalformedMessage, match="for others"):
        bob.cipher.open(handed_on, alice.cipher.identity_key, NOW_MS)
    assert (bob.cipher.peers, len(bob.store.snapshot().mail.ratchets)) == known
    assert bob.open(alice, alice.seal(bob, b"for Bob")) == b"for Bob"


def test_the_key_of_another_device_does_not_open_what_is_not_for_it(bob):
    carol = Box(CAROL)
    to = replace(bob.described(1), peer=carol.correspondent)
    blob = carol.cipher.seal(to, b"hello", CAROL.devices, NOW_MS).blob
    with pytest.raises(MalformedMessage):
        bob.cipher.unwrap(blob)


def test_an_envelope_opens_two_rotations_later_and_the_letter_one(alice, bob):
    first, second = alice.seal(bob, b"first"), Box(CAROL).seal(bob, b"second")
    bob.renew()
    assert bob.open(alice, first) == b"first"
    bob.renew()
    carol = Box(CAROL)
    body = bob.cipher.unwrap(second)
    with pytest.raises(BadSignature):
        bob.cipher.open(body, carol.cipher.identity_key, NOW_MS)
    bob.renew()
    with pytest.raises(MalformedMessage):
        bob.cipher.unwrap(second)


def test_a_restart_goes_on_from_the_last_commit(alice, bob):
    first = alice.seal(bob, b"first")
    alice.restart()
    second = alice.seal(bob, b"second")
    for blob, letter in ((first, b"first"), (second, b"second")):
        bob.restart()
        assert bob.open(alice, blob) == letter
    bob.restart()
    with pytest.raises(BadSignature):
        bob.open(alice, first)
    assert alice.open(bob, bob.seal(alice, b"yes")) == b"yes"


def test_who_forgot_a_session_begins_another(alice, bob):
    alice.open(bob, bob.seal(alice, b"hello"))
    bob.store.commit(bob.cipher.forget(alice.correspondent.id))
    assert alice.open(bob, bob.seal(alice, b"again")) == b"again"


def test_a_letter_in_anothers_name_is_refused(alice, bob):
    """The same key may be certified for the same device by somebody else."""
    body = bob.cipher.unwrap(alice.seal(bob, b"hello"))
    other = replace(body, sender=Party(CAROL.account, ALICE.device), devices=None)
    with pytest.raises(MalformedMessage):
        bob.cipher.open(other, alice.cipher.identity_key, NOW_MS)
    assert not bob.cipher.peers
    assert bob.cipher.open(body, alice.cipher.identity_key, NOW_MS).plaintext == b"hello"


def test_the_keys_of_a_mailbox_are_the_readers_to_give():
    half, other = ALICE.pair_half, BOB.pair_half
    keys = {
        write_key(half, ALICE.account, BOB.device).public_key,
        write_key(half, BOB.account, ALICE.device).public_key,
        write_key(other, ALICE.account, BOB.device).public_key,
        intro_key(ALICE.intro).public_key,
        intro_key(BOB.intro).public_key,
        mailbox_key(half).public_key,
    }
    assert len(keys) == 6
    again = write_key(half, ALICE.account, BOB.device).public_key
    assert again in keys
