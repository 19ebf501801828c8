"""What ops say about earlier messages; which one is meant stands in the header.

There, a reader still knows what an op changed when its content is gone: so one deletion takes away
a message and all edits of it, whoever holds or hands on which of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from p2pchat.config.limits import TEXT_BYTES_MAX
from p2pchat.errors import MalformedMessage
from p2pchat.model.message import is_emoji
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb

__all__ = ["Delete", "Edit", "React", "Relation", "decode_relation", "encode_relation"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What a message says from now on."""

    text: str


@dataclass(frozen=True, slots=True)
class Delete:
    """A message is taken back, with all that it said before."""


@dataclass(frozen=True, slots=True)
class React:
    """An emoji is put to a message, or taken away again."""

    emoji: str
    is_on: bool


Relation = Edit | Delete | React


def encode_relation(relation: Relation) -> tuple[Kind, bytes]:
    """A relation of our own with its kind."""
    match relation:
        case Edit(text):
            return Kind.EDIT, pb.Edit(text=text).SerializeToString()
        case Delete():
            return Kind.DELETE, b""
        case React(emoji, is_on):
            return Kind.REACTION, pb.Reaction(emoji=emoji, removed=not is_on).SerializeToString()


def decode_relation(kind: int, raw: bytes) -> Relation:
    """Read a relation of one of these kinds. Raises `MalformedMessage`."""
    if kind == Kind.DELETE:
        if raw:
            raise MalformedMessage("a deletion says nothing but what it refers to")
        return Delete()
    try:
        if kind == Kind.REACTION:
            return _reaction(pb.Reaction.FromString(raw))
        edit = pb.Edit.FromString(raw)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"an edit or a reaction does not decode: {error}") from error
    if not 0 < len(edit.text.encode()) <= TEXT_BYTES_MAX:
        raise MalformedMessage("an edit's text is out of bounds")
    return Edit(edit.text)


def _reaction(reaction: pb.Reaction) -> React:
    if not is_emoji(reaction.emoji):
        raise MalformedMessage("a reaction is no emoji")
    return React(reaction.emoji, not reaction.removed)
