"""What ops say: one small value per kind, bounded when read."""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from p2pchat.config.limits import NAME_CHARS_MAX, TEXT_BYTES_MAX
from p2pchat.errors import MalformedMessage
from p2pchat.model.control import Control, Epoch, Genesis, Leave, SetStanding
from p2pchat.model.ids import OpId
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.control import decode_control, encode_control

__all__ = [
    "INTRO_BYTES",
    "PAIR_HALF_BYTES",
    "Accept",
    "Content",
    "Profile",
    "Reject",
    "Request",
    "Text",
    "decode_content",
    "encode_content",
]

GREETING_CHARS_MAX = 500
INTRO_BYTES = 16
PAIR_HALF_BYTES = 32


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    reply_to: OpId | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    name: str


@dataclass(frozen=True, slots=True)
class Request:
    """Asks to be a contact; the first op of the asker's control chain in a direct conversation."""

    name: str
    greeting: str
    intro: bytes = field(repr=False)
    """The token of the contact link, which shows that the receiver gave it away."""
    pair_half: bytes = field(repr=False)
    """Half of the secret that the two will share."""


@dataclass(frozen=True, slots=True)
class Accept:
    name: str
    pair_half: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reject:
    pass


@dataclass(frozen=True, slots=True)
class Unknown:
    """A kind of a later version: kept and served, not shown."""


Content = Text | Profile | Request | Accept | Reject | Control | Unknown


def encode_content(content: Content) -> tuple[Kind, bytes]:
    """A content of our own with its kind."""
    match content:
        case Text(text, reply_to):
            return Kind.TEXT, pb.Text(text=text, reply_to=reply_to or b"").SerializeToString()
        case Profile(name):
            return Kind.PROFILE, pb.Profile(name=name).SerializeToString()
        case Request(name, greeting, intro, half):
            message = pb.Request(name=name, greeting=greeting, intro=intro, pair_half=half)
            return Kind.REQUEST, message.SerializeToString()
        case Accept(name, half):
            return Kind.ACCEPT, pb.Accept(name=name, pair_half=half).SerializeToString()
        case Reject():
            return Kind.REJECT, b""
        case Genesis() | SetStanding() | Leave() | Epoch():
            return encode_control(content)
        case Unknown():
            raise AssertionError("we never author what we do not know")


def decode_content(kind: int, raw: bytes) -> Content:
    """Read a content of the given kind. Raises `MalformedMessage`."""
    try:
        return _decode(kind, raw)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a content of kind {kind} does not decode: {error}") from error


def _decode(kind: int, raw: bytes) -> Content:
    match kind:
        case Kind.TEXT:
            text = pb.Text.FromString(raw)
            _bound(0 < len(text.text.encode()) <= TEXT_BYTES_MAX, "text")
            return Text(text.text, OpId(text.reply_to) if text.reply_to else None)
        case Kind.PROFILE:
            return Profile(_name(pb.Profile.FromString(raw).name))
        case Kind.REQUEST:
            request = pb.Request.FromString(raw)
            _bound(len(request.greeting) <= GREETING_CHARS_MAX, "greeting")
            _bound(len(request.intro) == INTRO_BYTES, "intro token")
            _bound(len(request.pair_half) == PAIR_HALF_BYTES, "pair half")
            return Request(_name(request.name), request.greeting, request.intro, request.pair_half)
        case Kind.ACCEPT:
            accept = pb.Accept.FromString(raw)
            _bound(len(accept.pair_half) == PAIR_HALF_BYTES, "pair half")
            return Accept(_name(accept.name), accept.pair_half)
        case Kind.REJECT:
            return Reject()
        case Kind.GENESIS | Kind.STANDING | Kind.LEAVE | Kind.EPOCH:
            return decode_control(kind, raw)
        case _:
            return Unknown()


def _name(name: str) -> str:
    """A display name as it may be shown: no control or format characters."""
    _bound(len(name) <= NAME_CHARS_MAX, "name")
    return "".join(c for c in name if c.isprintable()).strip()


def _bound(holds: bool, what: str) -> None:
    if not holds:
        raise MalformedMessage(f"a {what} is out of bounds")
