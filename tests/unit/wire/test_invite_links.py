"""Invitations to rooms as text: read strictly, and refused with a word for each reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import LinkError, MalformedMessage
from p2pchat.model.control import Invite
from p2pchat.model.op import Kind
from p2pchat.wire.control import (
    INVITE_EXPIRES_MS_MAX,
    INVITE_USES_MAX,
    decode_control,
    encode_control,
)
from p2pchat.wire.invite_links import (
    INVITE_HINTS_MAX,
    Hint,
    InviteLink,
    decode_invite,
    encode_invite,
)
from p2pchat.wire.links import INVITE_PREFIX, LINK_CHARS_MAX, encode_link
from tests.unit.protocol.people import ALICE, BOB
from tests.vectors import golden

LINK = golden.all_invites()["with hints"]


def text(link: InviteLink = LINK) -> str:
    return encode_invite(link, ALICE.signer)


def test_a_link_reads_as_it_was_written_with_white_space_around_it():
    assert decode_invite(f"  {text()}\n") == LINK


def test_so_many_hints_stand_in_a_link_and_each_link_is_short_enough():
    hints = tuple(Hint(BOB.device, "/dns4/" + "x" * 240 + "/tcp/1") for _ in range(9))
    found = decode_invite(text(replace(LINK, hints=hints)))
    assert len(found.hints) <= INVITE_HINTS_MAX
    assert len(text(replace(LINK, hints=hints))) <= LINK_CHARS_MAX


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        (text()[:-2], "damaged or cut short"),
        (text().replace("A", "\u0410", 1), "characters that no link has"),
        (text() + "\u202e", "characters that no link has"),
        (text()[:60] + "\x07" + text()[60:], "characters that no link has"),
        (INVITE_PREFIX + "x" * LINK_CHARS_MAX, "longer than"),
        (encode_link(BOB.link), "is a contact link"),
        ("https://example.org", "no invitation to a room"),
        (text(replace(LINK, name="")), "damaged"),
        (text(replace(LINK, name="x" * 65)), "damaged"),
        (text(replace(LINK, name="a\u202eb")), "damaged"),
        (text(replace(LINK, seed=b"short")), "damaged"),
        (encode_invite(LINK, BOB.signer), "altered"),
        (text(replace(LINK, device=BOB.device, devices=BOB.devices)), "altered"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(link, reason):
    with pytest.raises(LinkError, match=reason):
        decode_invite(link)


def test_a_link_tells_its_secret_to_nobody_who_prints_it():
    assert repr(LINK.seed) not in repr(LINK)


@pytest.mark.parametrize(
    ("invite", "is_good"),
    [
        (Invite(bytes(32), INVITE_USES_MAX, INVITE_EXPIRES_MS_MAX), True),
        (Invite(bytes(32), INVITE_USES_MAX + 1, 1), False),
        (Invite(bytes(32), 0, 1), False),
        (Invite(bytes(31), 1, 1), False),
        (Invite(bytes(32), 1, INVITE_EXPIRES_MS_MAX + 1), False),
    ],
)
def test_an_invitation_has_bounds(invite, is_good):
    kind, raw = encode_control(invite)
    if is_good:
        assert decode_control(kind, raw) == invite
        return
    with pytest.raises(MalformedMessage):
        decode_control(Kind.INVITE, raw)
