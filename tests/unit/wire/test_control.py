"""Control ops of rooms: what is written is read, and what is out of bounds is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p2pchat.errors import MalformedMessage, UnknownVersion
from p2pchat.model.control import (
    ControlOp,
    Cut,
    Detail,
    Genesis,
    History,
    Leave,
    SetDetail,
    SetStanding,
    Standing,
    TalkHead,
)
from p2pchat.model.conversation import (
    ANNOUNCEMENT_CHARS_MAX,
    DESCRIPTION_CHARS_MAX,
    ROOM_NAME_CHARS_MAX,
    room_id,
)
from p2pchat.model.ids import DeviceId
from p2pchat.model.op import Kind
from p2pchat.wire import rooms_pb2 as pb
from p2pchat.wire.contents import decode_content, encode_content
from p2pchat.wire.control import (
    CONTROL_BYTES_MAX,
    CUT_HEADS_MAX,
    CUTS_MAX,
    GENESIS_BYTES_MAX,
    HISTORY_LAST_MAX,
    OWNERS_MAX,
    TALK_HEADS_MAX,
    control_op,
    decode_control,
    encode_control,
    fitting_cuts,
    naming_ends,
)
from tests.unit.protocol.people import ALICE, BOB, Author, digest, op_id
from tests.vectors import golden

OWNERS = sorted(digest(f"owner {number}") for number in range(OWNERS_MAX + 1))
CREW = golden.CREW


@pytest.mark.parametrize("name", golden.ROOM_CONTROLS)
def test_a_control_reads_as_it_was_written(name: str):
    control = golden.ROOM_CONTROLS[name]
    assert decode_control(*encode_control(control)) == control
    assert decode_content(*encode_content(control)) == control


UNSEEN = (" ", "\u2800", "\u3164 \u3164", "\u115f\u1160", "\ufe0f", " crew", "crew ", "my  crew")
"""Names that are not seen, or are not told from others."""


def beginning(**changes: object) -> pb.Genesis:
    fields = {"version": 1, "owners": OWNERS[:1], "history": 3, "name": "crew", "nonce": bytes(16)}
    fields["commitment"] = bytes(32)
    return pb.Genesis(**{**fields, **changes})


def limiting(**changes: object) -> pb.Standing:
    fields = {"account": ALICE.account, "standing": Standing.REMOVED}
    return pb.Standing(**{**fields, **changes})


def cut(number: int = 0, **changes: object) -> pb.Cut:
    return pb.Cut(**{"device": digest(f"device {number}"), **changes})


@pytest.mark.parametrize(
    "message",
    [
        beginning(version=0),
        beginning(owners=[]),
        beginning(owners=OWNERS),
        beginning(owners=OWNERS[1::-1]),
        beginning(owners=[OWNERS[0], OWNERS[0]]),
        beginning(owners=[b"short"]),
        beginning(commitment=b"short"),
        beginning(commitment=b""),
        beginning(history=4),
        beginning(history=History.LAST, history_last=HISTORY_LAST_MAX + 1),
        beginning(history=History.ALL, history_last=1),
        beginning(name=""),
        beginning(name="x" * 65),
        beginning(name="two\nlines"),
        *(beginning(name=name) for name in UNSEEN),
        beginning(nonce=bytes(15)),
        limiting(account=b"short"),
        limiting(standing=Standing.OWNER),
        limiting(standing=6),
        limiting(cuts=[cut(number) for number in range(CUTS_MAX + 1)]),
        limiting(cuts=[cut(), cut()]),
        limiting(cuts=[pb.Cut(device=b"short")]),
        limiting(cuts=[cut(control=[op_id(str(n)) for n in range(CUT_HEADS_MAX + 1)])]),
        limiting(cuts=[cut(control=[b"short"])]),
        limiting(cuts=[cut(talk=[pb.TalkHead(seq=1, head=b"short")])]),
        limiting(cuts=[cut(talk=[pb.TalkHead(seq=1 << 48, head=op_id("head"))])]),
        limiting(cuts=[cut(talk=[pb.TalkHead(head=op_id("head"))] * (TALK_HEADS_MAX + 1))]),
        pb.Epoch(commitment=bytes(31)),
        pb.Detail(field=0, text="x"),
        pb.Detail(field=4, text="x"),
        pb.Detail(field=Detail.NAME),
        pb.Detail(field=Detail.NAME, text="x" * (ROOM_NAME_CHARS_MAX + 1)),
        pb.Detail(field=Detail.NAME, text="two\nlines"),
        *(pb.Detail(field=Detail.NAME, text=name) for name in UNSEEN),
        pb.Detail(field=Detail.NAME, text="turned \u202e round"),
        pb.Detail(field=Detail.DESCRIPTION, text="x" * (DESCRIPTION_CHARS_MAX + 1)),
        pb.Detail(field=Detail.DESCRIPTION, text="a \x1b[2J bell"),
        pb.Detail(field=Detail.ANNOUNCEMENT, text="x" * (ANNOUNCEMENT_CHARS_MAX + 1)),
        pb.Detail(field=Detail.ANNOUNCEMENT, text="turned \u2066 round"),
    ],
)
def test_what_is_out_of_bounds_is_refused(
    message: pb.Genesis | pb.Standing | pb.Epoch | pb.Detail,
):
    kinds = {pb.Genesis: Kind.GENESIS, pb.Standing: Kind.STANDING, pb.Epoch: Kind.EPOCH}
    kinds[pb.Detail] = Kind.DETAIL
    with pytest.raises(MalformedMessage):
        decode_control(kinds[type(message)], message.SerializeToString())


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (Detail.NAME, "𝔐" * ROOM_NAME_CHARS_MAX),
        (Detail.NAME, "\u2764\ufe0f ಕನ್ನಡ"),
        (Detail.DESCRIPTION, "𝔐" * DESCRIPTION_CHARS_MAX),
        (Detail.ANNOUNCEMENT, "𝔐" * (ANNOUNCEMENT_CHARS_MAX - 2) + "\n𝔐"),
        (Detail.ANNOUNCEMENT, ""),
    ],
)
def test_the_longest_that_a_room_says_of_itself_fits_into_an_op(detail: Detail, text: str):
    kind, raw = encode_control(SetDetail(detail, text))
    assert decode_control(kind, raw) == SetDetail(detail, text)
    assert len(raw) <= CONTROL_BYTES_MAX


def test_at_the_bounds_it_is_read():
    for message in (
        beginning(owners=OWNERS[:OWNERS_MAX]),
        beginning(history=History.LAST, history_last=HISTORY_LAST_MAX),
    ):
        decode_control(Kind.GENESIS, message.SerializeToString())
    cuts = [cut(number) for number in range(CUTS_MAX)]
    decode_control(Kind.STANDING, limiting(cuts=cuts).SerializeToString())


def test_where_talk_ends_for_some_is_named_as_far_as_there_is_room():
    """No device is left out for it, and of each the last ends come first."""

    def heads(number: int, count: int) -> tuple[TalkHead, ...]:
        return tuple(TalkHead(seq, op_id(f"{number} {seq}")) for seq in range(count, 0, -1))

    one, other = (DeviceId(digest(f"device {number}")) for number in range(2))
    tip = (TalkHead(100, op_id("tip")),)
    ends = {one: (*tip, *heads(0, TALK_HEADS_MAX + 1)), other: heads(1, 2)}
    two = (Cut(one, (), tip), Cut(other, (), ()))
    found = {
        cut.device: cut
        for cut in naming_ends(SetStanding(ALICE.account, Standing.REMOVED, two), ends).cuts
    }
    assert found[one].talk == (*tip, *heads(0, TALK_HEADS_MAX + 1)[: TALK_HEADS_MAX - 1])
    assert found[other].talk == heads(1, 2)

    crowd = [Cut(DeviceId(digest(f"device {n}")), (), tip) for n in range(CUTS_MAX)]
    ends = {cut.device: heads(n, TALK_HEADS_MAX) for n, cut in enumerate(crowd)}
    cuts = fitting_cuts(ALICE.account, Standing.REMOVED, crowd)
    control = naming_ends(SetStanding(ALICE.account, Standing.REMOVED, cuts), ends)
    _, raw = encode_control(control)
    assert {cut.device for cut in control.cuts} == ends.keys()
    assert CONTROL_BYTES_MAX - 50 < len(raw) <= CONTROL_BYTES_MAX


def test_the_longest_beginning_within_bounds_is_read():
    longest = beginning(
        owners=OWNERS[:OWNERS_MAX],
        history=History.LAST,
        history_last=HISTORY_LAST_MAX,
        name="\U0001f600" * ROOM_NAME_CHARS_MAX,
    ).SerializeToString()
    assert 400 < len(longest) <= GENESIS_BYTES_MAX
    decode_control(Kind.GENESIS, longest)


UNKNOWN_FIELD = b"\xc2\x3e\x02hi"


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw + UNKNOWN_FIELD,
        lambda raw: raw[2:] + raw[:2],
        lambda raw: b"\x08\x81\x00" + raw[2:],
        lambda raw: raw + b"\x08\x01",
        lambda raw: raw + b"\xc2\x3e\xff\x7f" + bytes((1 << 14) - 1),
    ],
    ids=["unknown field", "order", "long number", "said twice", "large"],
)
def test_a_beginning_is_written_in_one_way_alone(change: Callable[[bytes], bytes]):
    raw = beginning().SerializeToString()
    pb.Genesis.FromString(change(raw))
    with pytest.raises(MalformedMessage):
        decode_control(Kind.GENESIS, change(raw))


def test_a_room_of_a_later_version_is_told_apart():
    with pytest.raises(UnknownVersion):
        decode_control(Kind.GENESIS, beginning(version=2).SerializeToString())


def test_what_is_no_control_and_what_does_not_decode_is_refused():
    with pytest.raises(MalformedMessage):
        decode_control(Kind.TEXT, b"")
    with pytest.raises(MalformedMessage):
        decode_control(Kind.EPOCH, b"\xff")


# What membership takes of an op


def taken(write: Callable[[Author], object]) -> ControlOp:
    author = Author(ALICE, CREW)
    write(author)
    return control_op(author.ops[-1])


def test_an_op_comes_with_its_parents():
    deps = (op_id("one"), op_id("two"))
    first = taken(lambda author: author.write(Leave(), deps=deps))
    assert first.parents == deps
    assert (first.account, first.device, first.control) == (ALICE.account, ALICE.device, Leave())

    def two(author: Author) -> None:
        author.write(Leave())
        author.write(SetStanding(BOB.account, Standing.MEMBER), deps=deps)

    second = taken(two)
    assert second.parents == (taken(lambda author: author.write(Leave())).id, *deps)


def test_what_does_not_decode_or_is_not_known_says_nothing():
    assert taken(lambda author: author.write_raw(Kind.EPOCH, b"\xff")).control is None
    assert taken(lambda author: author.write_raw(31, b"anything")).control is None
    later = beginning(version=2).SerializeToString()
    assert taken(lambda author: author.write_raw(Kind.GENESIS, later)).control is None


def test_a_room_begins_with_the_bytes_that_its_id_is_the_hash_of():
    kind, raw = encode_control(golden.GENESIS)
    assert taken(lambda author: author.write(golden.GENESIS)).control == golden.GENESIS
    other = Genesis((ALICE.account,), History.ALL, 0, "other", bytes(16), bytes(32))
    assert taken(lambda author: author.write(other)).control is None
    assert room_id(raw) == CREW
    assert kind is Kind.GENESIS
