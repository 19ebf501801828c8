"""Padmé: what is sealed for a third party tells little about its length.

A padded length is a floating-point number whose mantissa is no longer than its exponent, so lengths
up to 64 KB fall into some hundred classes, at a cost of 12 % at most (Nikitin et al., "Reducing
metadata leakage from encrypted files and communication with PURBs", PETS 2019, section 4). Short
ones are all alike. One byte 0x80 marks where the zeros begin, as in ISO/IEC 7816-4.
"""

from __future__ import annotations

from p2pchat.errors import MalformedMessage

__all__ = ["PADDED_BYTES_MIN", "pad", "padded_bytes", "unpad"]

PADDED_BYTES_MIN = 256
_MARK = b"\x80"


def padded_bytes(length: int) -> int:
    """How long `length` bytes are once they are padded, the mark included."""
    marked = length + len(_MARK)
    if marked <= PADDED_BYTES_MIN:
        return PADDED_BYTES_MIN
    exponent = marked.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    granule = 1 << free_bits
    return -(-marked // granule) * granule


def pad(data: bytes) -> bytes:
    """At least 256 bytes."""
    return (data + _MARK).ljust(padded_bytes(len(data)), b"\0")


def unpad(padded: bytes) -> bytes:
    """The inverse. Raises `MalformedMessage` for what `pad` never makes."""
    data = padded.rstrip(b"\0")
    if not data.endswith(_MARK) or padded_bytes(len(data) - 1) != len(padded):
        raise MalformedMessage("what was sealed is not padded as it should be")
    return data[: -len(_MARK)]
