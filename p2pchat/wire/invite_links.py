"""Invitations to rooms: `dchat://j/<base64url>`, of the form of all links (`wire.links`).

A link carries the private key of an invitation that stands in the room's control ops, and where
members may be. The giver's device signs it, under a certificate of the giver's account: who passes
it on can use it, and cannot make it look like another's or lead elsewhere. When it ends and how
often it is good the room says; what the link says of that spares asking in vain.

Reading a link dials nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from p2pchat.errors import BadSignature, LinkError, RemoteProtocolError
from p2pchat.model.conversation import ROOM_NAME_CHARS_MAX
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.devices import DeviceSet, narrowed, read_device_set
from p2pchat.wire.envelope import Purpose, Signer, verify
from p2pchat.wire.joining import KEY_BYTES
from p2pchat.wire.links import (
    DAMAGED,
    INVITE_PREFIX,
    LINK_CHARS_MAX,
    certified_for,
    is_hint,
    link_body,
    link_text,
)

__all__ = ["INVITE_HINTS_MAX", "Hint", "InviteLink", "decode_invite", "encode_invite"]

INVITE_HINTS_MAX = 3
ALTERED = "this link was altered; ask for a new one"


@dataclass(frozen=True, slots=True)
class Hint:
    """Where a member's device was lately."""

    device: DeviceId
    address: str
    """A multiaddr, or empty."""


@dataclass(frozen=True, slots=True)
class InviteLink:
    """Which room, by which invitation, and whom to ask."""

    conversation: ConversationId
    invite: OpId
    seed: bytes = field(repr=False)
    """Of the invitation's private key."""
    device: DeviceId
    expires_ms: int
    name: str
    """What the giver says that the room is called."""
    hints: tuple[Hint, ...]
    devices: DeviceSet
    """Certifies `device` for the account that gave it."""

    @property
    def giver(self) -> AccountId:
        return self.devices.account

    @property
    def doors(self) -> frozenset[DeviceId]:
        """The devices that are asked."""
        return frozenset((self.device, *(hint.device for hint in self.hints)))


def encode_invite(link: InviteLink, signer: Signer) -> str:
    """The text to hand to somebody; hints that would make it too long are left out."""
    hints = [hint for hint in link.hints if not hint.address or is_hint(hint.address)]
    hints = hints[:INVITE_HINTS_MAX]
    while len(text := _text(link, hints, signer)) > LINK_CHARS_MAX:
        hints.pop()
    return text


def decode_invite(text: str) -> InviteLink:
    """Read a link strictly; `LinkError` says what is wrong with it."""
    try:
        signed = pb.Signed.FromString(link_body(text))
        message = pb.InviteLink.FromString(signed.body)
        link = _link(message)
    except (DecodeError, ValueError) as error:
        raise LinkError(DAMAGED) from error
    try:
        verify(link.device, Purpose.INVITE, signed.body, signed.signature)
    except BadSignature as error:
        raise LinkError(ALTERED) from error
    return link


def _link(message: pb.InviteLink) -> InviteLink:
    device, name = DeviceId(message.device), message.name
    is_named = 0 < len(name) <= ROOM_NAME_CHARS_MAX and name.isprintable()
    is_few = len(message.hints) <= INVITE_HINTS_MAX
    if len(message.seed) != KEY_BYTES or not (is_named and is_few):
        raise LinkError(DAMAGED)
    try:
        account = read_device_set(message.devices).account
    except RemoteProtocolError as error:
        raise LinkError(ALTERED) from error
    return InviteLink(
        ConversationId(message.conversation),
        OpId(message.invite),
        message.seed,
        device,
        message.expires_ms,
        name,
        tuple(Hint(DeviceId(hint.device), _address(hint.address)) for hint in message.hints),
        certified_for(message.devices, account, device),
    )


def _address(text: str) -> str:
    """An address of a protocol that this program does not know is none."""
    return text if is_hint(text) else ""


def _text(link: InviteLink, hints: Iterable[Hint], signer: Signer) -> str:
    body = pb.InviteLink(
        conversation=link.conversation,
        invite=link.invite,
        seed=link.seed,
        device=link.device,
        expires_ms=link.expires_ms,
        name=link.name,
        hints=[pb.InviteLink.Hint(device=h.device, address=h.address) for h in hints],
        devices=narrowed(link.devices, link.device).raw,
    ).SerializeToString()
    signature = signer.sign(Purpose.INVITE, body)
    return link_text(INVITE_PREFIX, pb.Signed(body=body, signature=signature).SerializeToString())
