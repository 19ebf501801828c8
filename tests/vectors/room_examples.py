"""The examples in the pages on rooms by invitation."""

from __future__ import annotations

from p2pchat.wire.dchat_pb2 import Frame, Header
from p2pchat.wire.rooms_pb2 import Genesis, Pin, Standing
from tests.vectors import golden
from tests.vectors.example import Example, example, framed, stored
from tests.vectors.layout import Message

# membership.md


@example
def genesis() -> Example:
    return Example((Message(Genesis.DESCRIPTOR, stored("ops", "genesis", "content")),))


@example
def room_id() -> Example:
    return Example(values={"room id": golden.CREW.hex()})


@example
def removal() -> Example:
    return Example((Message(Standing.DESCRIPTOR, stored("ops", "removal", "content")),))


@example
def pin() -> Example:
    return Example((Message(Pin.DESCRIPTOR, stored("ops", "pin", "content")),))


# history.md


@example
def admission_with_floors() -> Example:
    part = stored("ops", "standing, with floors", "content")
    return Example((Message(Standing.DESCRIPTOR, part),))


@example
def turn() -> Example:
    return Example(
        (Message(Header.DESCRIPTOR, stored("ops", "in knowledge of others", "header_bytes")),)
    )


# room-sealing.md


@example
def welcome() -> Example:
    return framed(Frame.DESCRIPTOR, stored("frames", "welcome", "frame"))
