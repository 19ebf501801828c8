"""What introductions say, and how a device keeps those that are under way.

Links in them are read as strictly as any other, where somebody uses them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from p2pchat.config.limits import NAME_CHARS_MAX
from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import AccountId
from p2pchat.model.introduction import Introduction, KeptIntroduction, Stage
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb

__all__ = [
    "Introduce",
    "Introducing",
    "IntroductionConsent",
    "MayIntroduce",
    "decode_introducing",
    "decode_kept",
    "encode_introducing",
    "encode_kept",
]

LINK_CHARS_MAX = 2048
"""As `wire.links` has it, where the link is read when somebody uses it."""


@dataclass(frozen=True, slots=True)
class MayIntroduce:
    """To whom the reader would be introduced."""

    account: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class IntroductionConsent:
    """To whom the writer wants to be introduced, and how that account may ask."""

    account: AccountId
    link: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Introduce:
    """Whom the reader is introduced to."""

    name: str
    link: str = field(repr=False)


Introducing = MayIntroduce | IntroductionConsent | Introduce


def encode_introducing(content: Introducing) -> tuple[Kind, bytes]:
    """A content of our own with its kind."""
    match content:
        case MayIntroduce(account, name):
            asked = pb.MayIntroduce(account=account, name=name)
            return Kind.MAY_INTRODUCE, asked.SerializeToString()
        case IntroductionConsent(account, link):
            consent = pb.IntroductionConsent(account=account, link=link)
            return Kind.INTRODUCTION_CONSENT, consent.SerializeToString()
        case Introduce(name, link):
            return Kind.INTRODUCE, pb.Introduce(name=name, link=link).SerializeToString()


def decode_introducing(kind: int, raw: bytes) -> Introducing:
    """Read and bound. Raises `MalformedMessage`, `DecodeError`, `ValueError`."""
    match kind:
        case Kind.MAY_INTRODUCE:
            asked = pb.MayIntroduce.FromString(raw)
            return MayIntroduce(AccountId(asked.account), _name(asked.name))
        case Kind.INTRODUCTION_CONSENT:
            consent = pb.IntroductionConsent.FromString(raw)
            return IntroductionConsent(AccountId(consent.account), _link(consent.link))
        case _:
            introduce = pb.Introduce.FromString(raw)
            return Introduce(_name(introduce.name), _link(introduce.link))


def encode_kept(kept: Iterable[KeptIntroduction]) -> bytes:
    """All that are under way."""
    entries = (
        pb.KeptIntroduction(
            introducer=one.shown.introducer,
            account=one.shown.account,
            to=one.to or b"",
            stage=one.shown.stage,
            name=one.shown.name,
            link=one.link,
            created_ms=one.shown.created_at,
        )
        for one in kept
    )
    return pb.KeptIntroductions(kept=entries).SerializeToString()


def decode_kept(raw: bytes) -> list[KeptIntroduction]:
    """What `encode_kept` wrote. Raises `MalformedMessage`."""
    try:
        return [
            KeptIntroduction(
                Introduction(
                    AccountId(one.introducer),
                    AccountId(one.account),
                    one.name,
                    Stage(one.stage),
                    one.created_ms,
                ),
                AccountId(one.to) if one.to else None,
                one.link,
            )
            for one in pb.KeptIntroductions.FromString(raw).kept
        ]
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"introductions do not decode: {error}") from error


def _name(name: str) -> str:
    if len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise MalformedMessage("a name that cannot be shown")
    return name


def _link(link: str) -> str:
    if len(link) > LINK_CHARS_MAX:
        raise MalformedMessage("an introduction whose link is too long")
    return link
