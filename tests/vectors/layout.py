"""Bytes taken apart: a protobuf message as lines of hex, each with what it says.

The documents show examples this way, so that a reader can follow every byte. The lines come from
the wire and the schema, never from a second description of either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from p2pchat.wire.dchat_pb2 import (
    AccountRecord,
    BundleRecord,
    Certificate,
    DeviceSet,
    Header,
    Receipt,
    Revocation,
    SenderKey,
)
from p2pchat.wire.lan_pb2 import Packet

VARINT, LENGTH_DELIMITED = 0, 2
LINE_BYTES = 32
INDENT = "  "

WITHIN: dict[tuple[str, ...], Descriptor] = {
    ("DeviceSet.certificates", "body"): Certificate.DESCRIPTOR,
    ("DeviceSet.revocations", "body"): Revocation.DESCRIPTOR,
    ("Frame.receipt", "body"): Receipt.DESCRIPTOR,
    ("Frame.sender_key", "body"): SenderKey.DESCRIPTOR,
    ("account record", "body"): AccountRecord.DESCRIPTOR,
    ("bundle record", "body"): BundleRecord.DESCRIPTOR,
    ("Datagram", "body"): Packet.DESCRIPTOR,
    ("Hello", "devices"): DeviceSet.DESCRIPTOR,
    ("Ops", "devices"): DeviceSet.DESCRIPTOR,
    ("ContactLink", "devices"): DeviceSet.DESCRIPTOR,
    ("AccountRecord", "devices"): DeviceSet.DESCRIPTOR,
    ("SignedOp", "header"): Header.DESCRIPTOR,
}
"""What stands in a `bytes` field, by the message (or where a `Signed` stands) and the field."""


@dataclass(frozen=True)
class Plain:
    """Bytes that are no protobuf."""

    what: str
    raw: bytes


@dataclass(frozen=True)
class Message:
    """An encoded protobuf message; `place` says where a `Signed` stands."""

    schema: Descriptor
    raw: bytes
    place: str = ""


Part = Plain | Message


def render(parts: Iterable[Part]) -> str:
    """The lines of a hex block: bytes, a semicolon, a comment."""
    lines = [line for part in parts for line in _lines(part, "")]
    return "\n".join(lines)


def bytes_of(block: str) -> bytes:
    """What the lines of a hex block say."""
    return bytes.fromhex("".join(line.partition(";")[0] for line in block.splitlines()))


def varint(raw: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and where it ends."""
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _lines(part: Part, indent: str) -> Iterator[str]:
    match part:
        case Plain(what, raw):
            yield from _wrapped(indent, "", raw, what)
        case Message():
            for tag, value, field in _fields(part):
                yield from _field(part, tag, value, field, indent)


def _fields(message: Message) -> Iterator[tuple[bytes, bytes, FieldDescriptor]]:
    """Tag (with the length, where there is one), value, and what the schema says."""
    raw, at = message.raw, 0
    while at < len(raw):
        tag, start = varint(raw, at)
        field = message.schema.fields_by_number[tag >> 3]
        if tag & 7 == VARINT:
            _, end = varint(raw, start)
            yield raw[at:start], raw[start:end], field
        else:
            assert tag & 7 == LENGTH_DELIMITED, "our schemas have no other fields"
            size, value = varint(raw, start)
            end = value + size
            yield raw[at:value], raw[value:end], field
        at = end


def _field(
    message: Message, tag: bytes, value: bytes, field: FieldDescriptor, indent: str
) -> Iterator[str]:
    within = _within(message, field)
    head = tag[:1].hex() + (f" {tag[1:].hex()}" if tag[1:] else "")
    if within is None:
        yield from _wrapped(indent, head + " ", value, f"{field.name}{_meaning(field, value)}")
        return
    yield f"{indent}{head}  ; {field.name}: {within.name}, {len(value)} bytes"
    place = f"{message.schema.name}.{field.name}"
    yield from _lines(Message(within, value, place), indent + INDENT)


def _within(message: Message, field: FieldDescriptor) -> Descriptor | None:
    if field.message_type is not None:
        return field.message_type
    where = message.place if message.schema.name == "Signed" else message.schema.name
    return WITHIN.get((where, field.name))


def _meaning(field: FieldDescriptor, value: bytes) -> str:
    if field.enum_type is not None:
        return f": {field.enum_type.values_by_number[varint(value, 0)[0]].name}"
    if field.type == FieldDescriptor.TYPE_BOOL:
        return f": {'true' if value[0] else 'false'}"
    if field.type == FieldDescriptor.TYPE_STRING:
        return f': "{value.decode()}"'
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f", {len(value)} bytes" if value else ", empty"
    return f": {varint(value, 0)[0]}"


def _wrapped(indent: str, head: str, raw: bytes, what: str) -> Iterator[str]:
    """The comment stands on the first line."""
    yield f"{indent}{head}{raw[:LINE_BYTES].hex()}  ; {what}"
    for at in range(LINE_BYTES, len(raw), LINE_BYTES):
        yield f"{indent}{INDENT * bool(head)}{raw[at : at + LINE_BYTES].hex()}"
