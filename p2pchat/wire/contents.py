"""What ops say: one small value per kind, bounded when read."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from google.protobuf.message import DecodeError

from p2pchat.config.limits import NAME_CHARS_MAX, TEXT_BYTES_MAX
from p2pchat.errors import MalformedMessage
from p2pchat.model.control import (
    Admission,
    Control,
    DeviceRevoked,
    Epoch,
    Genesis,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
)
from p2pchat.model.ids import OpId
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.control import CONTROL_KINDS, decode_control, encode_control
from p2pchat.wire.introductions import (
    Introduce,
    Introducing,
    IntroductionConsent,
    MayIntroduce,
    decode_introducing,
    encode_introducing,
)
from p2pchat.wire.relations import Delete, Edit, React, Relation, decode_relation, encode_relation

__all__ = [
    "AVATAR_BYTES_MAX",
    "AVATAR_PIXELS_MAX",
    "BIO_CHARS_MAX",
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
    "is_avatar",
]

GREETING_CHARS_MAX = 500
BIO_CHARS_MAX = 500
AVATAR_BYTES_MAX = 24 * 1024
AVATAR_PIXELS_MAX = 256
"""On each side."""
INTRO_BYTES = 16
PAIR_HALF_BYTES = 32


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    reply_to: OpId | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """What an account says of itself; in a room the name alone."""

    name: str
    bio: str = ""
    avatar: bytes = field(default=b"", repr=False)
    """A WebP image, or empty."""


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


Content = Text | Profile | Relation | Request | Accept | Reject | Introducing | Control | Unknown


def encode_content(content: Content) -> tuple[Kind, bytes]:
    """A content of our own with its kind."""
    match content:
        case Text(text, reply_to):
            return Kind.TEXT, pb.Text(text=text, reply_to=reply_to or b"").SerializeToString()
        case Profile(name, bio, avatar):
            profile = pb.Profile(name=name, bio=bio, avatar=avatar)
            return Kind.PROFILE, profile.SerializeToString()
        case Request(name, greeting, intro, half):
            message = pb.Request(name=name, greeting=greeting, intro=intro, pair_half=half)
            return Kind.REQUEST, message.SerializeToString()
        case Accept(name, half):
            return Kind.ACCEPT, pb.Accept(name=name, pair_half=half).SerializeToString()
        case Reject():
            return Kind.REJECT, b""
        case Genesis() | SetStanding() | Leave() | Epoch() | DeviceRevoked() | Link():
            return encode_control(content)
        case Invite() | InviteRevoked() | Admission() | SetDetail() | Pin():
            return encode_control(content)
        case MayIntroduce() | IntroductionConsent() | Introduce():
            return encode_introducing(content)
        case Edit() | Delete() | React():
            return encode_relation(content)
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
            profile = pb.Profile.FromString(raw)
            _bound(len(profile.bio) <= BIO_CHARS_MAX, "bio")
            _bound(not profile.avatar or is_avatar(profile.avatar), "avatar")
            return Profile(_name(profile.name), _lines(profile.bio), profile.avatar)
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
        case _ if kind in CONTROL_KINDS:
            return decode_control(kind, raw)
        case Kind.MAY_INTRODUCE | Kind.INTRODUCTION_CONSENT | Kind.INTRODUCE:
            return decode_introducing(kind, raw)
        case Kind.EDIT | Kind.DELETE | Kind.REACTION:
            return decode_relation(kind, raw)
        case _:
            return Unknown()


def _name(name: str) -> str:
    """A display name as it may be shown: no control or format characters."""
    _bound(len(name) <= NAME_CHARS_MAX, "name")
    return "".join(c for c in name if c.isprintable()).strip()


def _lines(text: str) -> str:
    """A text as it may be shown: lines without control or format characters."""
    return "".join(c for c in text if c.isprintable() or c == "\n").strip()


def is_avatar(raw: bytes) -> bool:
    """Whether bytes are one small WebP image of the simple lossy format: a header of fixed places
    and nothing beside. Whoever shows it decodes no more pixels than stand there."""
    if not _WEBP_HEADER_BYTES < len(raw) <= AVATAR_BYTES_MAX:
        return False
    riff, size, webp, chunk, start, width, height = _WEBP_HEADER.unpack_from(raw)
    is_webp = (riff, webp, start) == (b"RIFF", b"WEBPVP8 ", b"\x9d\x01\x2a")
    is_whole = size == len(raw) - 8 and chunk + (chunk & 1) == len(raw) - 20
    sides = width & 0x3FFF, height & 0x3FFF
    return is_webp and is_whole and all(0 < side <= AVATAR_PIXELS_MAX for side in sides)


_WEBP_HEADER = Struct("<4sI8sI3x3sHH")
"""RIFF container, one VP8 chunk, its frame tag and start code (RFC 9649, RFC 6386)."""
_WEBP_HEADER_BYTES = _WEBP_HEADER.size


def _bound(holds: bool, what: str) -> None:
    if not holds:
        raise MalformedMessage(f"a {what} is out of bounds")
