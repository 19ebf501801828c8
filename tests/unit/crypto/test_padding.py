"""What padding hides, what it costs, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.crypto.padding import PADDED_BYTES_MIN, pad, padded_bytes, unpad
from p2pchat.errors import MalformedMessage


@given(st.binary(max_size=70_000))
def test_what_was_padded_comes_back(data):
    assert unpad(pad(data)) == data


@given(st.integers(256, 1 << 24))
def test_padding_costs_an_eighth_at_most(length):
    assert length < padded_bytes(length) <= 1.125 * (length + 1)


def test_short_texts_all_look_alike_and_long_ones_fall_into_few_classes():
    assert {padded_bytes(length) for length in range(PADDED_BYTES_MIN)} == {PADDED_BYTES_MIN}
    assert len({padded_bytes(length) for length in range(1 << 16)}) < 130


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        bytes(256),
        b"text",
        pad(b"text") + b"\0",
        pad(b"text")[:-1],
        b"text\x81".ljust(256, b"\0"),
    ],
)
def test_what_nobody_pads_so_is_refused(forged):
    with pytest.raises(MalformedMessage):
        unpad(forged)


@given(st.binary(max_size=2_000))
def test_any_bytes_are_padding_of_one_text_or_of_none(raw):
    try:
        data = unpad(raw)
    except MalformedMessage:
        return
    assert pad(data) == raw
