"""Contact links: read strictly, and nothing is dialled."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from p2pchat.errors import LinkError
from p2pchat.wire.dchat_pb2 import ContactLink as ContactLinkPb
from p2pchat.wire.devices import first_device_set, narrowed
from p2pchat.wire.links import (
    HINTS_MAX,
    LINK_CHARS_MAX,
    PREFIX,
    decode_link,
    encode_link,
)
from p2pchat.wire.links import _check as check
from tests.unit.protocol.people import ALICE, BOB, MALLORY, WALL_MS, set_of

HINTS = ("/ip4/192.0.2.7/tcp/4001", "/dns4/relay.example/tcp/443/wss")
LINK = replace(ALICE.link, addresses=HINTS)


FORGED = first_device_set(MALLORY.account_signer, ALICE.device, WALL_MS).replace(
    MALLORY.account, ALICE.account
)


def made(version: int = 1, **changes: object) -> str:
    """A link with a right checksum and whatever inside."""
    fields = {
        "account": ALICE.account,
        "device": ALICE.device,
        "intro": ALICE.intro,
        "devices": ALICE.devices.raw,
    }
    body = bytes((version,)) + ContactLinkPb(**{**fields, **changes}).SerializeToString()
    return PREFIX + base64.urlsafe_b64encode(body + check(body)).decode().rstrip("=")


def test_a_link_reads_as_it_was_written():
    text = encode_link(LINK)
    assert text.startswith("dchat://u/")
    assert decode_link(text) == LINK
    assert decode_link(f"  {text}\n") == LINK


def test_a_link_without_hints_is_short():
    text = encode_link(ALICE.link)
    assert len(text) <= 360


def test_hints_that_make_a_link_too_long_are_left_out():
    name = ".".join(["long"] * 23)
    hints = tuple(f"/dns4/{name}/tcp/{number}/wss" for number in range(1, 30))
    text = encode_link(replace(ALICE.link, addresses=hints))
    assert len(text) <= LINK_CHARS_MAX
    assert decode_link(text).addresses == hints[:HINTS_MAX]
    path = f"udp/65535/quic-v1/p2p/{ALICE.device}/p2p-circuit/p2p/{BOB.device}"
    longer = tuple(
        f"/ip6/2001:db8:1111:2222:3333:4444:5555:{n:x}/{path}" for n in range(0x1001, 0x1020)
    )
    text = encode_link(replace(ALICE.link, addresses=longer))
    assert len(text) <= LINK_CHARS_MAX
    assert 0 < len(decode_link(text).addresses) < HINTS_MAX


def test_hints_that_this_program_cannot_use_are_left_out():
    hints = ("/ip4/192.0.2.7/tcp/4001", "/carrier-pigeon/home", "nonsense", "/ip4/1.2.3.4 /tcp/1")
    text = encode_link(replace(ALICE.link, addresses=hints))
    assert decode_link(text).addresses == hints[:1]
    assert decode_link(made(addresses=hints[:2])).addresses == hints[:1]


def test_no_more_hints_are_taken_than_a_link_may_hold():
    hints = [f"/ip4/192.0.2.7/tcp/{port}" for port in range(1, 20)]
    assert decode_link(made(addresses=hints)).addresses == tuple(hints[:HINTS_MAX])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a contact link"),
        ("https://example.org", "not a contact link"),
        ("dchat://j/abc", "an invitation to a room"),
        ("d\u0441hat://u/abc", "characters that no link has"),
        (PREFIX + "\u202e" + encode_link(LINK).removeprefix(PREFIX), "characters that no link has"),
        (encode_link(LINK)[:40] + "\u200b" + encode_link(LINK)[40:], "characters that no link has"),
        (encode_link(LINK)[:40] + "\n" + encode_link(LINK)[40:], "characters that no link has"),
        (encode_link(LINK) + "\x1b[2J", "characters that no link has"),
        ("DCHAT://U/abc", "not a contact link"),
        (PREFIX, "damaged"),
        (PREFIX + "A", "characters|damaged"),
        (PREFIX + "*" * 20, "characters"),
        (PREFIX + "ünïcode", "characters"),
        (PREFIX + "\ud800", "characters"),
        (PREFIX + "AAAA" * 10, "damaged"),
        (encode_link(LINK)[:-1], "characters|damaged"),
        (encode_link(LINK)[:-20], "damaged"),
        (encode_link(LINK) + "AAAA", "damaged"),
        (encode_link(LINK).replace(PREFIX, PREFIX + "/"), "characters|damaged"),
        (PREFIX + "A" * LINK_CHARS_MAX, "longer than"),
        (made(version=2), "version 2"),
        (made(version=0), "version 0"),
        (made(device=MALLORY.device), "altered"),
        (made(account=MALLORY.account), "altered"),
        (made(devices=b""), "altered"),
        (made(devices=MALLORY.devices.raw), "altered"),
        (made(device=MALLORY.device, devices=MALLORY.devices.raw), "altered"),
        (made(devices=FORGED), "altered"),
        (made(account=b"short"), "damaged"),
        (made(device=bytes(33)), "damaged"),
        (made(intro=b"short"), "damaged"),
        (made(addresses=["no slash"]), "damaged"),
        (made(addresses=["/" + "x" * 256]), "damaged"),
        (made(addresses=["/ip4/1.2.3.4/tcp/1\n"]), "damaged"),
    ],
)
def test_a_bad_link_is_refused_with_a_plain_message(text: str, says: str):
    with pytest.raises(LinkError, match=says):
        decode_link(text)


def test_a_body_that_is_no_protobuf_is_refused():
    body = b"\x01\xff\xff"
    text = PREFIX + base64.urlsafe_b64encode(body + check(body)).decode().rstrip("=")
    with pytest.raises(LinkError, match="damaged"):
        decode_link(text)


def test_a_mistyped_character_is_noticed():
    text = encode_link(LINK)
    for place in range(len(PREFIX), len(text)):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(LinkError):
            decode_link(text[:place] + other + text[place + 1 :])


def test_the_token_is_not_shown():
    assert repr(ALICE.intro) not in repr(LINK)


def test_a_link_tells_only_of_the_device_it_names():
    devices = set_of(ALICE, ALICE.device, BOB.device)
    found = decode_link(encode_link(replace(ALICE.link, devices=devices)))
    assert found.devices == narrowed(devices, ALICE.device)
    assert found.devices.devices == {ALICE.device}
