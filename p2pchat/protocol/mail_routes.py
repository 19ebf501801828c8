"""Routes of mail: what each device that is written to is owed, and the letter on its way to it.

A letter is 60 KB at most and goes alone: the next one is written when a relay keeps this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from struct import Struct

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, Party, PeerId
from p2pchat.model.op import Chain, Op
from p2pchat.wire.frames import Frame, Ops, Welcome, split_ops
from p2pchat.wire.mail_codec import LETTER_BYTES_MAX, LETTER_FRAMES_MAX

__all__ = [
    "ASKED_MAX",
    "ASK_AGAIN_MS",
    "GRANT_AGAIN_S",
    "LETTER_OPS_BYTES",
    "LETTER_OPS_MAX",
    "LETTER_PARTS_MAX",
    "NEWS_BYTES_MAX",
    "RECEIPTS_MAX",
    "REMAIL_MS",
    "WELCOME_BYTES",
    "WORDS_MAX",
    "Anew",
    "Before",
    "Beside",
    "Letter",
    "Mailed",
    "Passed",
    "Pause",
    "Route",
    "Step",
    "decode_asked",
    "enclose",
    "encode_asked",
]

NEWS_BYTES_MAX = 4 * 1024
"""Of our devices, in one letter: 16 revocations have room, and those certified last."""
LETTER_OPS_BYTES = LETTER_BYTES_MAX - 8 * 1024 - NEWS_BYTES_MAX
"""Of ops in one letter; news of our devices, receipts and what stands round them have room
beside."""
LETTER_OPS_MAX = 256
LETTER_PARTS_MAX = LETTER_FRAMES_MAX - 24
"""Frames in a letter; those of one more conversation have room beside."""
WELCOME_BYTES = 512
"""What a welcome takes beside the genesis."""
REMAIL_MS = 3 * 24 * 3600 * 1000
"""Mailed ops without a receipt are taken for lost."""
RECEIPTS_MAX = 4
"""In one letter; the rest goes with the next."""
WORDS_MAX = 8
"""The same."""
ASK_AGAIN_MS = 24 * 3600 * 1000
"""Between two requests to one device for a new session: anybody may give us cause for one."""
GRANT_AGAIN_S = 3600.0
"""Between two such requests of one device that are granted."""
ASKED_MAX = 256
"""Devices of which is remembered on disk when they were asked; those asked last."""


class Step(Enum):
    """Where a letter is."""

    REST = auto()
    ASKING = auto()
    """Which devices its recipient has by now is looked up."""
    LOOKING = auto()
    """The recipient's bundle is looked up."""
    LOADING = auto()
    """Its ops are read from disk."""
    POSTING = auto()


Part = tuple[ConversationId, Chain]


@dataclass(slots=True)
class Mailed:
    """How much of a conversation lies in a device's mailbox, and since when its oldest part."""

    counts: dict[Chain, int] = field(default_factory=lambda: dict.fromkeys(Chain, 0))
    since_ms: int = 0
    relays: tuple[PeerId, ...] = ()
    """Who said so last, in this life."""


@dataclass(slots=True)
class Letter:
    """What goes into the next letter, or is on its way."""

    frames: list[Frame] = field(default_factory=list[Frame])
    upto: dict[Part, int] = field(default_factory=dict[Part, int])
    receipts: tuple[ConversationId, ...] = ()
    words: tuple[Op, ...] = ()
    welcomes: dict[ConversationId, Welcome] = field(default_factory=dict[ConversationId, Welcome])
    asks_again: bool = False
    size: int = 0
    serial: int = 0
    told: bytes = b""


@dataclass(slots=True)
class Anew:
    """A new session with a device: whether we have to ask for one, when we did so last, and when
    it asked us last and got one."""

    is_owed: bool = False
    asked_ms: int = 0
    granted_s: float = -GRANT_AGAIN_S

    def may_ask(self, now_ms: int) -> bool:
        return not 0 <= now_ms - self.asked_ms < ASK_AGAIN_MS


@dataclass(slots=True)
class Before:
    """What counted for the last letters to a device."""

    identity_key: bytes = b""
    """That it was certified with."""
    told: bytes = b""
    """The hash of what it was told of our devices."""
    welcomes: dict[ConversationId, Welcome] = field(default_factory=dict[ConversationId, Welcome])
    """What it was told of rooms."""


@dataclass(slots=True)
class Beside:
    """What a device is owed beside our logs."""

    receipts: dict[ConversationId, None] = field(default_factory=dict[ConversationId, None])
    words: dict[OpId, Op] = field(default_factory=dict[OpId, Op])
    """By which we, or it, are in a room no more; of that room nothing else is owed."""


@dataclass(slots=True)
class Pause:
    """How often in a row nothing came of a letter, why, and when another is written."""

    failures: int = 0
    not_before_s: float = 0.0
    reason: str = ""
    since_ms: int = 0
    """When that was."""


@dataclass(slots=True, eq=False)
class Route:
    """A device that is written to by mail, as one that acts for a contact."""

    to: Party
    is_away: bool = False
    """It was dialled in vain since it was connected last."""
    step: Step = Step.REST
    letter: Letter = field(default_factory=Letter)
    beside: Beside = field(default_factory=Beside)
    anew: Anew = field(default_factory=Anew)
    mailed: dict[ConversationId, Mailed] = field(default_factory=dict[ConversationId, Mailed])
    before: Before = field(default_factory=Before)
    pause: Pause = field(default_factory=Pause)
    passed: dict[Part, Passed] = field(default_factory=dict[Part, "Passed"])


@dataclass(frozen=True, slots=True)
class Passed:
    """Ops of ours that were gone through and are not for the other side by a room's history."""

    counting: int
    """What counted in the room then."""
    since: int
    upto: int


def enclose(letter: Letter, part: Part, ops: Iterable[Op], welcome: Welcome | None = None) -> None:
    """Put as many of these ops into a letter as have room, after the welcome to their room; into
    one that is empty the first in any case."""
    taken: list[Op] = []
    size = letter.size + (len(welcome.genesis) + WELCOME_BYTES if welcome is not None else 0)
    for op in ops:
        if (taken or letter.size) and size + op.size_bytes > LETTER_OPS_BYTES:
            break
        taken.append(op)
        size += op.size_bytes
    if not taken:
        return
    letter.size = size
    if welcome is not None:
        letter.frames.append(welcome)
        letter.welcomes[part[0]] = welcome
    letter.frames += [Ops(tuple(run)) for run in split_ops(taken, LETTER_OPS_BYTES)]
    letter.upto[part] = taken[-1].header.seq + 1


_ASKED = Struct(">32s32sQ?")


def encode_asked(routes: Iterable[Route]) -> bytes:
    """Whom we asked for a new session when, and whether it still has to leave."""
    asked = sorted((r for r in routes if r.anew.asked_ms), key=lambda r: r.anew.asked_ms)
    return b"".join(
        _ASKED.pack(
            r.to.account, r.to.device, r.anew.asked_ms, r.anew.is_owed or r.letter.asks_again
        )
        for r in asked[-ASKED_MAX:]
    )


def decode_asked(raw: bytes) -> Iterator[tuple[Party, Anew]]:
    """What was encoded by an earlier life."""
    for account, device, asked_ms, is_owed in _ASKED.iter_unpack(raw):
        yield Party(AccountId(account), DeviceId(device)), Anew(is_owed, asked_ms)
