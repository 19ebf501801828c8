"""Links of both kinds, and what is shown to be let in by one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

from p2pchat.wire import rooms_pb2
from p2pchat.wire.envelope import Purpose, Signer
from p2pchat.wire.invite_links import InviteLink, decode_invite, encode_invite
from p2pchat.wire.links import INVITE_PREFIX, PREFIX, ContactLink, decode_link, encode_link
from p2pchat.wire.links import _check as link_check
from tests.unit.protocol.people import ALICE, BOB
from tests.vectors import golden, room_controls

Misuse = Callable[[Signer], Signer]

LINK = replace(BOB.link, addresses=golden.ADDRESSES)


def a_link_body(misuse: Misuse) -> bytes:
    text = encode_link(LINK).removeprefix(PREFIX)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_link_body(raw: bytes) -> ContactLink:
    return decode_link(PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("="))


def mended_link(raw: bytes) -> bytes:
    return raw[:-4] + link_check(raw[:-4])


def leads_to_the_same(whole: object, flipped: object) -> bool:
    assert isinstance(whole, ContactLink)
    assert isinstance(flipped, ContactLink)
    return replace(flipped, intro=whole.intro, addresses=whole.addresses) == whole


def an_invite_body(misuse: Misuse) -> bytes:
    text = encode_invite(golden.all_invites()["with hints"], misuse(ALICE.signer))
    text = text.removeprefix(INVITE_PREFIX)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def read_invite_body(raw: bytes) -> InviteLink:
    return decode_invite(INVITE_PREFIX + base64.urlsafe_b64encode(raw).decode().rstrip("="))


def an_admission(misuse: Misuse) -> bytes:
    """As it stands in an op of whoever admits, who signs all of it, too."""
    invite = golden.op_id("invite")
    proof = misuse(room_controls.INVITE).sign(Purpose.JOIN, invite + BOB.account)
    key = room_controls.INVITE.public_key
    return rooms_pb2.Admission(
        account=BOB.account, invite=invite, key=key, proof=proof
    ).SerializeToString()
