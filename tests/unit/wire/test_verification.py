"""What two people compare."""

from __future__ import annotations

import base64
from hashlib import blake2b, sha512

import pytest

from p2pchat.errors import LinkError
from p2pchat.model.ids import AccountId
from p2pchat.wire.verification import (
    CODE_CHARS_MAX,
    PREFIX,
    ROUNDS,
    VerificationCode,
    decode_code,
    encode_code,
    safety_number,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, digest

CODE = VerificationCode(ALICE.account, BOB.account)


def halves(number: str) -> set[str]:
    digits = number.replace(" ", "")
    return {digits[:30], digits[30:]}


def test_both_sides_have_the_same_number():
    number = safety_number(ALICE.account, BOB.account)
    assert number == safety_number(BOB.account, ALICE.account)
    assert len(number.split()) == 12
    assert all(len(group) == 5 and group.isdigit() for group in number.split())


def test_a_number_is_made_of_one_half_for_each_key_the_smaller_first():
    number = safety_number(ALICE.account, BOB.account)
    shared = halves(number) & halves(safety_number(ALICE.account, CAROL.account))
    assert len(shared) == 1
    assert sorted(halves(number)) == [number.replace(" ", "")[:30], number.replace(" ", "")[30:]]


def test_a_half_follows_from_the_key_by_5200_hashes():
    found = b"dchat/safety/1\0" + ALICE.account
    for _ in range(ROUNDS):
        found = sha512(found + ALICE.account).digest()
    digits = "".join(f"{int.from_bytes(found[at : at + 5]) % 100_000:05}" for at in range(0, 30, 5))
    assert digits in halves(safety_number(ALICE.account, BOB.account))


def test_every_bit_of_a_key_counts():
    numbers = set()
    for bit in range(256):
        key = bytearray(ALICE.account)
        key[bit // 8] ^= 1 << bit % 8
        numbers.add(safety_number(AccountId(key), BOB.account))
    assert len(numbers) == 256
    assert safety_number(ALICE.account, BOB.account) not in numbers


def test_a_code_reads_as_it_was_written():
    assert decode_code(f"  {encode_code(CODE)}\n") == CODE
    assert len(encode_code(CODE)) <= CODE_CHARS_MAX


def test_every_character_of_a_code_counts():
    text = encode_code(CODE)
    for at in range(len(PREFIX), len(text)):
        altered = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(LinkError):
            decode_code(altered)


def repacked(body: bytes) -> str:
    check = blake2b(body, digest_size=4, person=b"dchat code").digest()
    return PREFIX + base64.urlsafe_b64encode(body + check).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no verification code"),
        ("dchat://u/AQog", "no verification code"),
        (PREFIX, "damaged"),
        (PREFIX + "A", "damaged"),
        (PREFIX + "A" * CODE_CHARS_MAX, "no verification code"),
        (PREFIX + "é" * 20, "damaged"),
        (encode_code(CODE)[:-3], "damaged"),
        (repacked(b"\x02" + digest("one") + digest("two")), "version 2"),
        (repacked(b"\x01" + digest("one")), "damaged"),
    ],
)
def test_what_is_no_code_is_refused_with_one_line(text: str, said: str):
    with pytest.raises(LinkError, match=said):
        decode_code(text)
