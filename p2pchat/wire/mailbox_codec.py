"""Requests to a mailbox relay and its answers, between bytes and values; and what is signed.

A put is signed by its write key over the mailbox and the blob's hash. It names no relay on purpose:
the sender leaves the same at both relays of the recipient. Whoever repeats it stores nothing while
the blob is there, since a mailbox keeps each once, and brings nothing new when it is gone: the
recipient knows what it has opened.

An owner proves to hold the mailbox's key once a stream. What it signs names the relay as Noise has
authenticated it, itself as the relay sees it, and a nonce that the relay made for this stream. So a
relay that asks for a proof in order to show it at another one has one that names the wrong relay;
who recorded a proof and comes later meets another nonce; and who has both is another peer. After
that nothing is signed: a stream is one channel between two authenticated peers, and nobody can
write into it.

Everything is bounded here, by what a well-behaved peer would send; limits of a relay that are
lower are judged by its machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from itertools import pairwise
from typing import assert_never

from google.protobuf.message import DecodeError

from p2pchat.config.limits import BLOB_BYTES_MAX
from p2pchat.errors import FrameTooLarge, MalformedMessage, UnknownVersion
from p2pchat.model.ids import HASH_BYTES, KEY_BYTES, PeerId
from p2pchat.wire import mailbox_pb2 as pb

__all__ = [
    "ANSWER_BYTES_MAX",
    "IDS_MAX",
    "MAILBOX_PROTOCOL",
    "NONCE_BYTES",
    "PAGE_BLOBS_MAX",
    "PAGE_BYTES_MAX",
    "REQUEST_BYTES_MAX",
    "WRITE_KEYS_MAX",
    "Answer",
    "AnswerBody",
    "Ask",
    "Challenge",
    "Delete",
    "Done",
    "Fetch",
    "Notice",
    "Open",
    "Opened",
    "Page",
    "PageRow",
    "Put",
    "Reason",
    "Refused",
    "Register",
    "Request",
    "RequestBody",
    "blob_hash",
    "decode_answer",
    "decode_request",
    "encode_answer",
    "encode_request",
    "open_body",
    "put_body",
]

MAILBOX_PROTOCOL = "/dchat/mailbox/1.0.0"
REQUEST_BYTES_MAX = BLOB_BYTES_MAX + 1024
"""The largest request: a put of the largest blob. A registration of all keys is smaller."""
WRITE_KEYS_MAX = 1_024
IDS_MAX = 1_024
"""Blobs deleted by one request."""
PAGE_BLOBS_MAX = 256
PAGE_BYTES_MAX = 128 * 1024
"""Bytes of blobs in one page; at least one blob is in it."""
ANSWER_BYTES_MAX = PAGE_BYTES_MAX + PAGE_BLOBS_MAX * 32 + 1024
NONCE_BYTES = 32
SIGNATURE_BYTES = 64
_ID_MAX = (1 << 63) - 1
"""What a database counts to."""


# What is signed


def blob_hash(blob: bytes) -> bytes:
    """By which a mailbox knows a blob again."""
    return blake2b(blob, digest_size=HASH_BYTES).digest()


def put_body(mailbox: bytes, blob: bytes) -> bytes:
    """What a write key signs (`Purpose.MAILBOX_PUT`)."""
    return mailbox + blob_hash(blob)


def open_body(mailbox: bytes, nonce: bytes, relay: PeerId, peer: PeerId) -> bytes:
    """What a mailbox's key signs (`Purpose.MAILBOX_OPEN`): this mailbox, this stream, these two."""
    return mailbox + nonce + bytes([len(relay)]) + relay + bytes([len(peer)]) + peer


# Requests


@dataclass(frozen=True, slots=True)
class Put:
    """Leave a blob."""

    mailbox: bytes
    key: bytes
    signature: bytes
    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is this stream's challenge?"""


@dataclass(frozen=True, slots=True)
class Open:
    """I hold this mailbox's key."""

    mailbox: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Register:
    """Take puts of these keys, and no others."""

    keys: frozenset[bytes]
    intro: bytes | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """Show what came after."""

    after: int = 0
    without_blobs: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Throw these away."""

    ids: tuple[int, ...]


RequestBody = Put | Ask | Open | Register | Fetch | Delete


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `id` comes back with its answer."""

    id: int
    body: RequestBody


# Answers


class Reason(Enum):
    """Why a relay does not do what it was asked."""

    DENIED = 1
    """No such mailbox, or not for whoever asks; or there is no room for another mailbox."""
    TOO_LARGE = 2
    MAILBOX_FULL = 3
    RELAY_FULL = 4
    BUSY = 5


@dataclass(frozen=True, slots=True)
class Refused:
    """No; for `BUSY` with when to try again."""

    reason: Reason
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """It is on disk."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What to sign."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Opened:
    """The mailbox is yours."""

    is_registered: bool
    blobs: int


@dataclass(frozen=True, slots=True)
class PageRow:
    """One blob of a page, or, where only that was asked for, what is known of it."""

    id: int
    stored_ms: int
    size_bytes: int
    blob: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """In the order of arrival; with `has_more` there is another page behind the last id."""

    rows: tuple[PageRow, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """Something came."""


AnswerBody = Refused | Done | Challenge | Opened | Page | Notice


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the request of this id; 0 for a notice."""

    id: int
    body: AnswerBody


# Requests and bytes


def encode_request(request: Request) -> bytes:
    return _request_pb(request).SerializeToString(deterministic=True)


def _request_pb(request: Request) -> pb.Request:
    id = request.id
    match request.body:
        case Put(mailbox, key, signature, blob):
            put = pb.Put(mailbox=mailbox, key=key, signature=signature, blob=blob)
            return pb.Request(id=id, put=put)
        case Ask():
            return pb.Request(id=id, ask=pb.Ask())
        case Open(mailbox, signature):
            return pb.Request(id=id, open=pb.Open(mailbox=mailbox, signature=signature))
        case Register(keys, intro, is_shared):
            register = pb.Register(keys=sorted(keys), intro=intro or b"", shared=is_shared)
            return pb.Request(id=id, register=register)
        case Fetch(after, without_blobs):
            return pb.Request(id=id, fetch=pb.Fetch(after=after, without_blobs=without_blobs))
        case Delete(ids):
            return pb.Request(id=id, delete=pb.Delete(ids=ids))
        case _:
            assert_never(request.body)


def decode_request(data: bytes) -> Request:
    """Raises `FrameTooLarge`, `MalformedMessage`, and `UnknownVersion` for what this version cannot
    be asked."""
    if len(data) > REQUEST_BYTES_MAX:
        raise FrameTooLarge(f"a request of {len(data)} bytes, over {REQUEST_BYTES_MAX}")
    try:
        request = pb.Request.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"a request does not decode: {error}") from error
    if request.id == 0:
        raise MalformedMessage("a request without an id")
    return Request(request.id, _request_body(request))


def _request_body(request: pb.Request) -> RequestBody:
    match request.WhichOneof("body"):
        case "put":
            return _put(request.put)
        case "ask":
            return Ask()
        case "open":
            mailbox = _exactly(request.open.mailbox, KEY_BYTES)
            return Open(mailbox, _exactly(request.open.signature, SIGNATURE_BYTES))
        case "register":
            return _register(request.register)
        case "fetch":
            return Fetch(_id(request.fetch.after), request.fetch.without_blobs)
        case "delete":
            _require_at_most(len(request.delete.ids), IDS_MAX, "ids")
            return Delete(tuple(map(_id, request.delete.ids)))
        case _:
            raise UnknownVersion("a request of a later version")


def _put(put: pb.Put) -> Put:
    """A blob that is too large is answered, not blamed: sizes are the relay's to set."""
    return Put(
        _exactly(put.mailbox, KEY_BYTES),
        _exactly(put.key, KEY_BYTES),
        _exactly(put.signature, SIGNATURE_BYTES),
        put.blob,
    )


def _register(register: pb.Register) -> Register:
    _require_at_most(len(register.keys), WRITE_KEYS_MAX, "keys")
    intro = _exactly(register.intro, KEY_BYTES) if register.intro else None
    keys = frozenset(_exactly(key, KEY_BYTES) for key in register.keys)
    return Register(keys, intro, register.shared)


# Answers and bytes


def encode_answer(answer: Answer) -> bytes:
    return _answer_pb(answer).SerializeToString(deterministic=True)


def _answer_pb(answer: Answer) -> pb.Answer:
    id = answer.id
    match answer.body:
        case Refused(reason, wait_ms):
            name = pb.Refused.Reason.Name(reason.value)
            return pb.Answer(id=id, refused=pb.Refused(reason=name, wait_ms=wait_ms))
        case Done():
            return pb.Answer(id=id, done=pb.Done())
        case Challenge(nonce):
            return pb.Answer(id=id, challenge=pb.Challenge(nonce=nonce))
        case Opened(is_registered, blobs):
            return pb.Answer(id=id, opened=pb.Opened(registered=is_registered, blobs=blobs))
        case Page(rows, has_more):
            kept = [
                pb.Kept(
                    id=row.id, stored_ms=row.stored_ms, size_bytes=row.size_bytes, blob=row.blob
                )
                for row in rows
            ]
            return pb.Answer(id=id, page=pb.Page(kept=kept, more=has_more))
        case Notice():
            return pb.Answer(id=id, notice=pb.Notice())
        case _:
            assert_never(answer.body)


def decode_answer(data: bytes) -> Answer:
    """Raises `FrameTooLarge`, `MalformedMessage`, and `UnknownVersion` for what this version cannot
    be told."""
    if len(data) > ANSWER_BYTES_MAX:
        raise FrameTooLarge(f"an answer of {len(data)} bytes, over {ANSWER_BYTES_MAX}")
    try:
        answer = pb.Answer.FromString(data)
    except DecodeError as error:
        raise MalformedMessage(f"an answer does not decode: {error}") from error
    body = _answer_body(answer)
    if (answer.id == 0) != isinstance(body, Notice):
        raise MalformedMessage("an answer to no request")
    return Answer(answer.id, body)


def _answer_body(answer: pb.Answer) -> AnswerBody:
    match answer.WhichOneof("body"):
        case "refused":
            return _refused(answer.refused)
        case "done":
            return Done()
        case "challenge":
            return Challenge(_exactly(answer.challenge.nonce, NONCE_BYTES))
        case "opened":
            return Opened(answer.opened.registered, answer.opened.blobs)
        case "page":
            return _page(answer.page)
        case "notice":
            return Notice()
        case _:
            raise UnknownVersion("an answer of a later version")


def _refused(refused: pb.Refused) -> Refused:
    try:
        return Refused(Reason(refused.reason), refused.wait_ms)
    except ValueError as error:
        raise UnknownVersion(f"a refusal of a later version: {error}") from error


def _page(page: pb.Page) -> Page:
    _require_at_most(len(page.kept), PAGE_BLOBS_MAX, "blobs in a page")
    rows = tuple(map(_row, page.kept))
    if any(later.id <= earlier.id for earlier, later in pairwise(rows)):
        raise MalformedMessage("a page that is out of order")
    if page.more and not rows:
        raise MalformedMessage("a page that is empty and not the last")
    return Page(rows, page.more)


def _row(kept: pb.Kept) -> PageRow:
    _require_at_most(len(kept.blob), BLOB_BYTES_MAX, "bytes of a blob")
    return PageRow(_id(kept.id), kept.stored_ms, kept.size_bytes, kept.blob)


def _id(value: int) -> int:
    if value > _ID_MAX:
        raise MalformedMessage("an id beyond all ids")
    return value


def _exactly(data: bytes, size_bytes: int) -> bytes:
    if len(data) != size_bytes:
        raise MalformedMessage(f"{len(data)} bytes in place of {size_bytes}")
    return data


def _require_at_most(count: int, most: int, what: str) -> None:
    if count > most:
        raise MalformedMessage(f"{count} {what}, over {most}")
