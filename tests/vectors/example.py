"""What a document of the protocol shows, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import Descriptor

from p2pchat.wire.framing import encode_varint
from tests.vectors import golden
from tests.vectors.layout import Message, Part, Plain

Values = dict[str, str]


@dataclass(frozen=True)
class Example:
    """What a document shows: parts of a byte string, or labelled values."""

    parts: tuple[Part, ...] = ()
    values: Values | None = None

    @property
    def raw(self) -> bytes:
        """All parts together."""
        return b"".join(part.raw for part in self.parts)


EXAMPLES: dict[str, Callable[[], Example]] = {}


def example(make: Callable[[], Example]) -> Callable[[], Example]:
    """Enter an example under the name of its function, with spaces."""
    made = EXAMPLES[make.__name__.replace("_", " ")] = cache(make)
    return made


def vector(file: str, name: str) -> dict[str, str]:
    """An entry of a golden file."""
    found = next(entry for entry in golden.read(file) if entry["name"] == name)
    return {field: str(value) for field, value in found.items()}


def stored(file: str, name: str, field: str) -> bytes:
    return bytes.fromhex(vector(file, name)[field])


def framed(schema: Descriptor, raw: bytes, place: str = "") -> Example:
    """A message behind its length, as it stands on a stream."""
    length = Plain(f"length: {len(raw)}", encode_varint(len(raw)))
    return Example((length, Message(schema, raw, place)))
