"""Mail as a whole: what is opened by whom, what it weighs, what a keeper sees."""

from __future__ import annotations

import pytest

from p2pchat.crypto.hpke import HpkePrivate, HpkeSuite, new_hpke_key
from p2pchat.crypto.mail import MailCipher, Recipient
from p2pchat.crypto.olm import Ratchets, new_account
from p2pchat.errors import BadSignature, MalformedMessage, RemoteProtocolError
from p2pchat.net.mailboxes import BLOB_BYTES_MAX
from p2pchat.wire.mail_codec import LETTER_BYTES_MAX, MailBody
from tests.unit.protocol.people import ALICE, BOB, CAROL

KEY = b"k" * 32
NOW_MS = 1_800_000_000_000
TEXT = b"x" * 74


class Box:
    """One person's device, without a disk."""

    def __init__(self, person, suites=tuple(HpkeSuite)) -> None:
        self.person = person
        self.ratchets = Ratchets(new_account(KEY).change, (), (), KEY)
        self.keys: list[HpkePrivate] = [new_hpke_key(suite) for suite in suites]
        self.cipher = MailCipher(person.device, self.ratchets, self.keys)
        self.fallback, _ = self.ratchets.rotate_fallback()

    @property
    def described(self) -> Recipient:
        publics = tuple(key.public for key in self.keys)
        return Recipient(self.person.device, self.ratchets.identity_key, self.fallback, publics)

    def seal(self, to: Box, letter: bytes) -> bytes:
        return self.cipher.seal(to.described, letter, self.person.devices, NOW_MS).blob

    def open(self, sender: Box, blob: bytes) -> bytes:
        body = self.cipher.unwrap(blob)
        assert body.sender == sender.person.device
        return self.cipher.open(body, sender.ratchets.identity_key, NOW_MS).plaintext


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
    ("suites", "first", "later"),
    [((HpkeSuite.X25519,), 600, 550), (tuple(HpkeSuite), 1_700, 1_640)],
)
def test_what_a_short_text_weighs(alice, suites, first, later):
    bob = Box(BOB, suites)
    blob = alice.seal(bob, TEXT)
    assert len(blob) <= first
    bob.open(alice, blob)
    alice.open(bob, bob.seal(alice, TEXT))
    assert len(alice.seal(bob, TEXT)) <= later


def test_the_longest_letter_fits_into_a_mailbox(alice, bob):
    letter = bytes(LETTER_BYTES_MAX)
    blob = alice.seal(bob, letter)
    assert len(blob) <= BLOB_BYTES_MAX
    assert bob.open(alice, blob) == letter


def test_a_keeper_finds_nothing_of_who_wrote_and_what(alice, bob):
    blobs = [alice.seal(bob, b"canary in the letter" * 20) for _ in range(3)]
    for blob in blobs:
        for secret in (b"canary", ALICE.device, ALICE.account, alice.ratchets.identity_key):
            assert bytes(secret) not in blob


def test_a_blob_for_another_device_opens_nowhere_else(alice, bob):
    carol = Box(CAROL)
    blob = alice.seal(bob, b"hello")
    with pytest.raises(MalformedMessage):
        carol.cipher.unwrap(blob)
    carol.cipher.renew_keys(bob.keys)
    with pytest.raises(MalformedMessage):
        carol.cipher.unwrap(blob)


def test_who_lies_about_who_wrote_is_found_out(alice, bob):
    carol = Box(CAROL)
    body = bob.cipher.unwrap(carol.seal(bob, b"I am Alice"))
    forged = MailBody(ALICE.device, None, body.kind, body.ciphertext, body.counter)
    with pytest.raises(BadSignature):
        bob.cipher.open(forged, alice.ratchets.identity_key, NOW_MS)


def test_every_bit_of_a_blob_counts(alice):
    bob = Box(BOB, (HpkeSuite.X25519,))
    blob = alice.seal(bob, b"a")
    for bit in range(8 * len(blob)):
        forged = bytearray(blob)
        forged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteProtocolError):
            bob.cipher.unwrap(bytes(forged))
    assert bob.open(alice, blob) == b"a"


def test_an_old_key_opens_until_it_is_taken_away(alice, bob):
    blob = alice.seal(bob, b"stale")
    old = bob.keys
    bob.keys = [new_hpke_key(suite) for suite in HpkeSuite]
    bob.cipher.renew_keys([*bob.keys, *old])
    assert bob.open(alice, blob) == b"stale"
    bob.cipher.renew_keys(bob.keys)
    with pytest.raises(MalformedMessage):
        bob.cipher.unwrap(blob)
