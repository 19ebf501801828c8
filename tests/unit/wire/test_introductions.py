"""What introductions say, and how they are kept."""

from __future__ import annotations

import pytest

from p2pchat.errors import MalformedMessage
from p2pchat.model.introduction import Introduction, KeptIntroduction, Stage
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.contents import decode_content, encode_content
from p2pchat.wire.introductions import (
    LINK_CHARS_MAX,
    Introduce,
    IntroductionConsent,
    MayIntroduce,
    decode_kept,
    encode_kept,
)
from p2pchat.wire.links import encode_link
from tests.unit.protocol.people import ALICE, BOB, CAROL

LINK = encode_link(BOB.link)


@pytest.mark.parametrize(
    "content",
    [
        MayIntroduce(ALICE.account, "Alice"),
        IntroductionConsent(ALICE.account, LINK),
        Introduce("", LINK),
    ],
)
def test_what_was_written_is_read(content):
    assert decode_content(*encode_content(content)) == content


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Kind.MAY_INTRODUCE, pb.MayIntroduce(account=b"short", name="x")),
        (Kind.MAY_INTRODUCE, pb.MayIntroduce(account=ALICE.account, name="x" * 65)),
        (Kind.MAY_INTRODUCE, pb.MayIntroduce(account=ALICE.account, name="\u202ex")),
        (
            Kind.INTRODUCTION_CONSENT,
            pb.IntroductionConsent(account=ALICE.account, link="x" * (LINK_CHARS_MAX + 1)),
        ),
        (Kind.INTRODUCE, pb.Introduce(name="a\x1bb", link=LINK)),
        (Kind.INTRODUCE, pb.Introduce(name="a", link="x" * (LINK_CHARS_MAX + 1))),
    ],
)
def test_what_is_out_of_bounds_is_refused(kind, message):
    with pytest.raises(MalformedMessage):
        decode_content(kind, message.SerializeToString())


def test_what_is_kept_comes_back_and_hides_its_link():
    shown = Introduction(CAROL.account, BOB.account, "Bob", Stage.WAITING, 5)
    kept = [KeptIntroduction(shown, ALICE.account), KeptIntroduction(shown, link=LINK)]
    assert decode_kept(encode_kept(kept)) == kept
    assert LINK not in repr(kept)
    assert decode_kept(b"") == []


@pytest.mark.parametrize(
    "raw", [b"\xff", pb.KeptIntroductions(kept=[pb.KeptIntroduction()]).SerializeToString()]
)
def test_what_was_never_kept_is_refused(raw):
    with pytest.raises(MalformedMessage):
        decode_kept(raw)
