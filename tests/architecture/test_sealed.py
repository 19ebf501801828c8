"""Every message of `wire/*.proto` is sealed or signed, and tried bit by bit, or needs neither.

What is missing stands in `tests/integrity/sealed.py`, where adding it is one entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import Descriptor

import p2pchat
from p2pchat.wire.envelope import Purpose
from tests.integrity.sealed import SEALED, UNSIGNED

WIRE = Path(p2pchat.__file__).parent / "wire"


def messages() -> Iterator[str]:
    """Every message of every schema, nested ones too."""
    schemas = sorted(WIRE.glob("*.proto"))
    assert schemas
    for schema in schemas:
        module = import_module(f"p2pchat.wire.{schema.stem}_pb2")
        for found in module.DESCRIPTOR.message_types_by_name.values():
            yield from nested(found)


def nested(message: Descriptor) -> Iterator[str]:
    yield message.full_name
    for inner in message.nested_types:
        yield from nested(inner)


def covered() -> set[str]:
    return {kind.DESCRIPTOR.full_name for entry in SEALED.values() for kind in entry.covers}


def test_every_message_is_covered_by_an_example_or_needs_no_signature():
    every = set(messages())
    assert every - covered() - UNSIGNED.keys() == set(), "give each an entry in `sealed.py`"
    assert covered() & UNSIGNED.keys() == set()
    assert (covered() | UNSIGNED.keys()) - every == set(), "there is no such message any more"


def test_every_purpose_of_a_signature_has_an_example():
    assert {entry.purpose for entry in SEALED.values()} - {None} == set(Purpose)
