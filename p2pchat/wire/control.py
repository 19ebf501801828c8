"""Contents of the control ops of rooms by invitation: bytes <-> values in bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from google.protobuf.message import DecodeError

from p2pchat.errors import BadSignature, MalformedMessage, RemoteProtocolError
from p2pchat.model.control import (
    Admission,
    Control,
    ControlOp,
    Cut,
    Detail,
    DeviceRevoked,
    Epoch,
    Genesis,
    History,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
    Standing,
    TalkFloor,
    TalkHead,
)
from p2pchat.model.conversation import (
    ANNOUNCEMENT_CHARS_MAX,
    DESCRIPTION_CHARS_MAX,
    ROOM_NAME_CHARS_MAX,
    room_id,
)
from p2pchat.model.history import HISTORY_LAST_MAX
from p2pchat.model.ids import HASH_BYTES, AccountId, DeviceId, OpId
from p2pchat.model.op import Kind, Op
from p2pchat.wire import rooms_pb2 as pb
from p2pchat.wire.devices import read_revocation
from p2pchat.wire.joining import KEY_BYTES, verify_join
from p2pchat.wire.ops import SEQ_MAX, VERSION, require_version

__all__ = [
    "CONTROL_BYTES_MAX",
    "CONTROL_KINDS",
    "DETAIL_CHARS_MAX",
    "FLOORS_MAX",
    "GENESIS_BYTES_MAX",
    "HISTORY_LAST_MAX",
    "INVITE_USES_MAX",
    "NONCE_BYTES",
    "OWNERS_MAX",
    "TALK_HEADS_MAX",
    "control_op",
    "decode_control",
    "encode_control",
    "fitting_cuts",
    "fitting_floors",
    "is_detail",
    "naming_ends",
    "read_genesis",
    "shows_less_than_all",
]

OWNERS_MAX = 3
NONCE_BYTES = 16
CONTROL_BYTES_MAX = 4 * 1024
"""Content of a control op."""
GENESIS_BYTES_MAX = 512
"""Of the longest that is within bounds; it stands in every welcome."""
CUTS_MAX = 32
FLOORS_MAX = 96
"""Devices of which one who lets somebody in says from where on their talk is for that one."""
INVITE_USES_MAX = 1000
INVITE_EXPIRES_MS_MAX = 1 << 48
CUT_HEADS_MAX = 4
"""Branches of one chain of a device."""
TALK_HEADS_MAX = 16
"""Of a talk chain also where it ends for some readers."""
DETAIL_CHARS_MAX = {
    Detail.NAME: ROOM_NAME_CHARS_MAX,
    Detail.DESCRIPTION: DESCRIPTION_CHARS_MAX,
    Detail.ANNOUNCEMENT: ANNOUNCEMENT_CHARS_MAX,
}
_SEEN = re.compile(
    "[^ \u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U0001d159\U000e0100-\U000e01ef]"
)
"""What is printable by its category and leaves the paper white: the characters that Unicode calls
default ignorable, the empty pattern of Braille and the empty head of a note."""
T = TypeVar("T")

Ends = Mapping[DeviceId, Sequence[TalkHead]]
"""By device where its talk ends for some readers, the last of it first."""

CONTROL_KINDS = (
    Kind.GENESIS,
    Kind.STANDING,
    Kind.LEAVE,
    Kind.EPOCH,
    Kind.DEVICE_REVOKED,
    Kind.LINK,
    Kind.INVITE,
    Kind.INVITE_REVOKED,
    Kind.ADMISSION,
    Kind.DETAIL,
    Kind.PIN,
)


def encode_control(control: Control) -> tuple[Kind, bytes]:
    """A content of our own with its kind."""
    match control:
        case Genesis(owners, history, last, name, nonce, commitment):
            message = pb.Genesis(
                version=VERSION,
                owners=owners,
                history=history,
                history_last=last,
                name=name,
                nonce=nonce,
                commitment=commitment,
            )
            return Kind.GENESIS, message.SerializeToString()
        case SetStanding(account, standing, cuts, floors):
            change = pb.Standing(
                account=account,
                standing=standing,
                cuts=map(_cut_pb, cuts),
                floors=map(_floor_pb, floors),
            )
            return Kind.STANDING, change.SerializeToString()
        case Leave():
            return Kind.LEAVE, b""
        case Epoch(commitment):
            return Kind.EPOCH, pb.Epoch(commitment=commitment).SerializeToString()
        case DeviceRevoked(_, _, talk, proof):
            gone = pb.DeviceRevoked(revocation=proof, talk=map(_talk_pb, talk))
            return Kind.DEVICE_REVOKED, gone.SerializeToString()
        case Link():
            return Kind.LINK, b""
        case Invite(key, uses, expires_ms):
            invite = pb.Invite(key=key, uses=uses, expires_ms=expires_ms)
            return Kind.INVITE, invite.SerializeToString()
        case InviteRevoked(invite):
            return Kind.INVITE_REVOKED, pb.InviteRevoked(invite=invite).SerializeToString()
        case Admission(account, invite, key, proof, floors):
            admission = pb.Admission(
                account=account,
                invite=invite,
                key=key,
                proof=proof,
                floors=map(_floor_pb, floors),
            )
            return Kind.ADMISSION, admission.SerializeToString()
        case SetDetail(detail, text):
            return Kind.DETAIL, pb.Detail(field=detail, text=text).SerializeToString()
        case Pin(message, is_on):
            return Kind.PIN, pb.Pin(message=message, on=is_on).SerializeToString()


def decode_control(kind: int, raw: bytes) -> Control:
    """Read a content of the given kind, one of those above. Raises `MalformedMessage`,
    `UnknownVersion`."""
    try:
        return _decode(kind, raw)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a control op of kind {kind} does not decode: {error}") from error


def read_genesis(raw: bytes) -> Genesis:
    """What a room began with. Raises as `decode_control` does."""
    genesis = decode_control(Kind.GENESIS, raw)
    assert isinstance(genesis, Genesis), "that is what this kind says"
    return genesis


def shows_less_than_all(raw: bytes) -> bool:
    """Whether these bytes begin a room whose newcomers may not have all that was said before."""
    try:
        return read_genesis(raw).history is not History.ALL
    except RemoteProtocolError:
        return False  # of a room by password, or of one that nobody takes any more


def control_op(op: Op) -> ControlOp:
    """What membership takes of a control op that was verified. One that says nothing within bounds
    still links those that follow it."""
    header = op.header
    parents = header.deps if header.prev is None else (header.prev, *header.deps)
    control = None
    if header.kind in CONTROL_KINDS and op.content is not None:
        try:
            control = decode_control(header.kind, op.content)
        except RemoteProtocolError:
            control = None  # signed by its author and of no effect, to everybody alike
    if isinstance(control, Genesis) and room_id(op.content or b"") != header.conversation:
        control = None
    return ControlOp(op.id, header.account, header.device, parents, control, header.seq)


def _decode(kind: int, raw: bytes) -> Control:
    match kind:
        case Kind.GENESIS:
            return _genesis(raw)
        case Kind.STANDING:
            change = pb.Standing.FromString(raw)
            standing = Standing(change.standing)
            if standing is Standing.OWNER:
                raise MalformedMessage("owners are named at the beginning alone")
            cuts = tuple(map(_cut, _few(change.cuts, CUTS_MAX)))
            if len({cut.device for cut in cuts}) != len(cuts):
                raise MalformedMessage("a device is cut once")
            return SetStanding(AccountId(change.account), standing, cuts, _floors(change.floors))
        case Kind.LEAVE:
            return Leave()
        case Kind.EPOCH:
            commitment = pb.Epoch.FromString(raw).commitment
            if len(commitment) != HASH_BYTES:
                raise MalformedMessage("a commitment has 32 bytes")
            return Epoch(commitment)
        case Kind.DEVICE_REVOKED:
            gone = pb.DeviceRevoked.FromString(raw)
            talk = tuple(map(_talk_head, _few(gone.talk, TALK_HEADS_MAX)))
            return DeviceRevoked(*read_revocation(gone.revocation), talk, gone.revocation)
        case Kind.LINK:
            return Link()
        case Kind.INVITE:
            return _invite(pb.Invite.FromString(raw))
        case Kind.INVITE_REVOKED:
            return InviteRevoked(OpId(pb.InviteRevoked.FromString(raw).invite))
        case Kind.ADMISSION:
            return _admission(pb.Admission.FromString(raw))
        case Kind.DETAIL:
            return _detail(pb.Detail.FromString(raw))
        case Kind.PIN:
            pin = pb.Pin.FromString(raw)
            return Pin(OpId(pin.message), pin.on)
        case _:
            raise MalformedMessage("no control op of a room")


def _genesis(raw: bytes) -> Genesis:
    """Its bytes are hashed into the room's id and handed on to every member, so they say what is
    read here and nothing beside: what others would carry unread could be of any size."""
    if len(raw) > GENESIS_BYTES_MAX:
        raise MalformedMessage(f"a room's beginning of {len(raw)} bytes")
    genesis = _bounded_genesis(pb.Genesis.FromString(raw))
    if encode_control(genesis) != (Kind.GENESIS, raw):
        raise MalformedMessage("a room's beginning is not written in the one way that it can be")
    return genesis


def _bounded_genesis(message: pb.Genesis) -> Genesis:
    require_version("a room", message.version)
    owners = tuple(map(AccountId, _few(message.owners, OWNERS_MAX)))
    is_sorted = bool(owners) and all(a < b for a, b in pairwise(owners))
    history = History(message.history)
    last_max = HISTORY_LAST_MAX if history is History.LAST else 0
    is_named = is_detail(Detail.NAME, message.name)
    nonce, commitment = message.nonce, message.commitment
    is_sized = len(nonce) == NONCE_BYTES and len(commitment) == HASH_BYTES
    if not (is_sorted and is_named and is_sized and message.history_last <= last_max):
        raise MalformedMessage("a room's beginning is out of bounds")
    return Genesis(owners, history, message.history_last, message.name, nonce, commitment)


def _invite(message: pb.Invite) -> Invite:
    is_sized = len(message.key) == KEY_BYTES and 0 < message.uses <= INVITE_USES_MAX
    if not (is_sized and message.expires_ms <= INVITE_EXPIRES_MS_MAX):
        raise MalformedMessage("an invitation is out of bounds")
    return Invite(message.key, message.uses, message.expires_ms)


def _admission(message: pb.Admission) -> Admission:
    account, invite = AccountId(message.account), OpId(message.invite)
    try:
        verify_join(message.key, invite, account, message.proof)
    except BadSignature as error:  # stands in what a member signed, who alone is to blame
        raise MalformedMessage(f"no admission: {error}") from error
    return Admission(account, invite, message.key, message.proof, _floors(message.floors))


def _detail(message: pb.Detail) -> SetDetail:
    detail = Detail(message.field)
    if not is_detail(detail, message.text):
        raise MalformedMessage("what a room says of itself is out of bounds")
    return SetDetail(detail, message.text)


def is_detail(detail: Detail, text: str) -> bool:
    """Whether a room may say this of itself: no longer than there is room for, and nothing in it
    that cannot be seen, such as what turns the order of letters round. A name is one line, without
    spaces that nobody sees, and something of it is seen."""
    lines = text.split("\n")
    if detail is Detail.NAME:
        lines = [text]
        if text != " ".join(text.split()) or not _SEEN.search(text):
            return False
    return len(text) <= DETAIL_CHARS_MAX[detail] and all(line.isprintable() for line in lines)


def fitting_cuts(account: AccountId, standing: Standing, cuts: Iterable[Cut]) -> tuple[Cut, ...]:
    """As many cuts as others take in one op, by device. What has no room is cut off whole: first
    named are the devices that ruled, then those that said most."""
    found: list[Cut] = []
    for cut in sorted(cuts, key=_worth):
        more = [*found, _short(cut)]
        fits = len(more) <= CUTS_MAX and _fits(SetStanding(account, standing, tuple(more)))
        found = more if fits else found
    return tuple(sorted(found, key=lambda cut: cut.device))


def naming_ends(control: SetStanding, ends: Ends) -> SetStanding:
    """The same with the ends of the talk that it cuts, as far as there is room left."""
    for place, cut in enumerate(control.cuts):
        room = TALK_HEADS_MAX - len(cut.talk)
        for head in [head for head in ends.get(cut.device, ()) if head not in cut.talk][:room]:
            longer = replace(control.cuts[place], talk=(*control.cuts[place].talk, head))
            cuts = (*control.cuts[:place], longer, *control.cuts[place + 1 :])
            more = replace(control, cuts=cuts)
            control = more if _fits(more) else control
    return control


def _fits(control: SetStanding) -> bool:
    return len(encode_control(control)[1]) <= CONTROL_BYTES_MAX


def _worth(cut: Cut) -> tuple[bool, int, DeviceId]:
    return not cut.control, -max((head.seq for head in cut.talk), default=0), cut.device


def _short(cut: Cut) -> Cut:
    """The longest branches of a device, as many as can be named."""
    talk = sorted(cut.talk, key=lambda head: -head.seq)
    return Cut(cut.device, cut.control[:CUT_HEADS_MAX], tuple(talk[:CUT_HEADS_MAX]))


def fitting_floors(
    control: SetStanding | Admission, floors: Iterable[TalkFloor]
) -> SetStanding | Admission:
    """What lets somebody in, with as many of these floors as others take in one op, by device. The
    first are worth most."""
    found = list(dict.fromkeys(floors))[:FLOORS_MAX]
    while True:
        named = replace(control, floors=tuple(sorted(found, key=lambda floor: floor.device)))
        if len(encode_control(named)[1]) <= CONTROL_BYTES_MAX or not found:
            return named
        del found[-max(1, len(found) // 8) :]


def _floor_pb(floor: TalkFloor) -> pb.TalkFloor:
    return pb.TalkFloor(device=floor.device, seq=floor.seq)


def _floors(messages: Iterable[pb.TalkFloor]) -> tuple[TalkFloor, ...]:
    found = tuple(TalkFloor(DeviceId(one.device), one.seq) for one in _few(messages, FLOORS_MAX))
    if not all(a.device < b.device for a, b in pairwise(found)):
        raise MalformedMessage("floors are named by device, each once")
    if any(floor.seq >= SEQ_MAX for floor in found):
        raise MalformedMessage("a sequence number is out of bounds")
    return found


def _cut_pb(cut: Cut) -> pb.Cut:
    return pb.Cut(device=cut.device, control=cut.control, talk=map(_talk_pb, cut.talk))


def _talk_pb(head: TalkHead) -> pb.TalkHead:
    return pb.TalkHead(seq=head.seq, head=head.head)


def _cut(message: pb.Cut) -> Cut:
    return Cut(
        DeviceId(message.device),
        tuple(map(OpId, _few(message.control, CUT_HEADS_MAX))),
        tuple(map(_talk_head, _few(message.talk, TALK_HEADS_MAX))),
    )


def _talk_head(message: pb.TalkHead) -> TalkHead:
    if message.seq >= SEQ_MAX:
        raise MalformedMessage("a sequence number is out of bounds")
    return TalkHead(message.seq, OpId(message.head))


def _few(items: Iterable[T], most: int) -> list[T]:
    found = list(items)
    if len(found) > most:
        raise MalformedMessage(f"a list of {len(found)} entries, over {most}")
    return found
