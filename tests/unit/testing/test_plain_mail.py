"""The stand-in of simulations notices a ratchet that came back, once it does harm."""

from __future__ import annotations

import pytest

from p2pchat.crypto.port import Recipient
from p2pchat.model.ids import AccountId, DeviceId, Party
from p2pchat.model.mailbox import HpkeKey
from p2pchat.model.ratchet import Correspondent, PutRatchet
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.testing.plain_mail import PlainMailCipher, Used, plain_account
from p2pchat.wire.devices import ClaimedSet

ALICE, BOB = DeviceId(b"a" * 32), DeviceId(b"b" * 32)
ACCOUNT = AccountId(b"c" * 32)
TO_BOB = Recipient(Correspondent(Party(ACCOUNT, BOB), b"i" * 32), b"f" * 32, HpkeKey(1, b"h" * 32))
OWN = ClaimedSet(ACCOUNT, frozenset(), frozenset(), b"set")
NOW_MS = 1_000


class Lives:
    """One device that seals, as often as it is opened on what was committed."""

    def __init__(self) -> None:
        self.used = Used()
        self.ratchets: tuple[PutRatchet, ...] = ()

    def seal(self, letter: bytes, *, is_committed: bool) -> bytes:
        kept = MailSnapshot(account=plain_account(), ratchets=self.ratchets)
        sealed = PlainMailCipher(Party(ACCOUNT, ALICE), kept, self.used).seal(
            TO_BOB, letter, OWN, NOW_MS
        )
        if is_committed:
            self.ratchets = tuple(row for row in sealed.changes if isinstance(row, PutRatchet))
        return sealed.blob


def test_two_letters_that_left_from_one_state_are_noticed():
    lives = Lives()
    lives.used.leave(lives.seal(b"one", is_committed=False))
    with pytest.raises(AssertionError, match="one state"):
        lives.used.leave(lives.seal(b"other", is_committed=False))


def test_what_was_sealed_and_never_left_does_no_harm():
    lives = Lives()
    lives.seal(b"one", is_committed=False)
    lives.used.leave(lives.seal(b"other", is_committed=True))
    lives.used.leave(lives.seal(b"another", is_committed=True))


def test_the_same_letter_may_leave_again():
    lives = Lives()
    blob = lives.seal(b"one", is_committed=True)
    lives.used.leave(blob)
    lives.used.leave(blob)
