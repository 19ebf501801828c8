"""What the machine of a mailbox relay is told and answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from p2pchat.model.ids import PeerId
from p2pchat.model.machine import SetTimer, TimerFired
from p2pchat.model.mailbox_change import MailboxChange, PageQuery, Removed
from p2pchat.wire.mailbox_codec import Answer, Request

__all__ = [
    "Asked",
    "Joined",
    "Keep",
    "Left",
    "MailboxEffect",
    "MailboxInput",
    "MailboxStatistics",
    "ReadPage",
    "Tell",
]


@dataclass(frozen=True, slots=True)
class Joined:
    """Input: a peer opened a stream; `session` names it from now on."""

    session: int
    peer: PeerId
    source: str
    """Whom to charge for what comes from its address."""
    nonce: bytes
    """The challenge of this stream, unpredictable."""
    may_own: bool = True
    """Whether we keep a mailbox for this peer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Input: a request came on a stream."""

    session: int
    request: Request


@dataclass(frozen=True, slots=True)
class Left:
    """Input: the stream is over."""

    session: int


MailboxInput = Joined | Asked | Left | Removed | TimerFired


@dataclass(frozen=True, slots=True)
class Keep:
    """Effect: bring this to disk, before anything is told."""

    change: MailboxChange


@dataclass(frozen=True, slots=True)
class Tell:
    """Effect: answer on a stream that may be gone."""

    session: int
    answer: Answer
    owns: bool = False
    """The stream is that of a mailbox's owner from now on, who may be silent and wait."""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Effect: answer with a page of a mailbox, read when the stream can take it."""

    session: int
    request_id: int
    query: PageQuery


MailboxEffect = Keep | Tell | ReadPage | SetTimer


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxStatistics:
    """What is held now, and counts since the start."""

    mailboxes: int
    blobs: int
    size_bytes: int
    sessions: int
    stored: int
    """Puts taken."""
    refused: Mapping[str, int]
    """By reason."""
