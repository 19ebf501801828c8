"""A mailbox relay to play with: its owner, who writes to it, and the machine that judges them."""

from __future__ import annotations

from collections.abc import Mapping

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.model.mailbox_change import Held, PutMailbox, StoredMailbox
from p2pchat.protocol.mailbox import MailboxServer, maker_of
from p2pchat.protocol.mailbox_vocabulary import Asked, Joined, MailboxEffect, Tell
from p2pchat.wire.envelope import Ed25519Signer, Purpose
from p2pchat.wire.mailbox_codec import (
    AnswerBody,
    Open,
    Put,
    Reason,
    Refused,
    Register,
    Request,
    RequestBody,
    open_body,
    put_body,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS

RELAY = CAROL.device.peer_id
OWNER = Ed25519Signer(b"o" * 32)
WRITER = Ed25519Signer(b"w" * 32)
INTRO = Ed25519Signer(b"i" * 32)
STRANGER = Ed25519Signer(b"s" * 32)
MAILBOX = OWNER.public_key
NONCE = b"n" * 32
SOURCE = "192.0.2.1"
MAKER = maker_of(SOURCE)
AT_HOME, WRITING = 1, 2
"""Sessions: the owner's, and a writer's."""
DENIED = Refused(Reason.DENIED)
EVERYTHING = {WRITER.public_key: Held(10, 10_000)}
DAY_S = 24 * 3600
MONTH_MS = 30 * DAY_S * 1000


def stored(key: bytes, seen_ms: int, left: Mapping[bytes, Held] = EVERYTHING) -> StoredMailbox:
    """A mailbox that was made from `SOURCE`."""
    row = PutMailbox(key, frozenset({WRITER.public_key}), None, False, seen_ms, 7, MAKER)
    return StoredMailbox(row, left)


def put(blob: bytes, key: Ed25519Signer = WRITER, mailbox: bytes = MAILBOX) -> Put:
    signature = key.sign(Purpose.MAILBOX_PUT, put_body(mailbox, blob))
    return Put(mailbox, key.public_key, signature, blob)


def proof(
    key: Ed25519Signer = OWNER,
    nonce: bytes = NONCE,
    relay: PeerId = RELAY,
    peer: PeerId = ALICE.device.peer_id,
) -> Open:
    body = open_body(key.public_key, nonce, relay, peer)
    return Open(key.public_key, key.sign(Purpose.MAILBOX_OPEN, body))


class Table:
    """A machine, and the time."""

    def __init__(
        self, limits: MailboxLimits | None = None, stored: tuple[StoredMailbox, ...] = ()
    ) -> None:
        self.server = MailboxServer(RELAY, stored, limits or MailboxLimits())
        self.now = Now(WALL_MS, 0.0)
        self.server.start(self.now)
        self.asked = 0
        self.give(Joined(AT_HOME, ALICE.device.peer_id, SOURCE, NONCE))
        self.give(Joined(WRITING, BOB.device.peer_id, SOURCE, b"m" * 32))

    def later(self, seconds: float) -> None:
        self.now = Now(self.now.wall_ms + int(seconds * 1000), self.now.monotonic_s + seconds)

    def set_clock(self, days: float) -> None:
        """The wall clock jumps, and no time has passed."""
        self.now = Now(self.now.wall_ms + int(days * 24 * 3600 * 1000), self.now.monotonic_s)

    def give(self, input: object) -> list[MailboxEffect]:
        return self.server.handle(input, self.now)

    def ask(self, session: int, body: RequestBody) -> list[MailboxEffect]:
        self.asked += 1
        return self.give(Asked(session, Request(self.asked, body)))

    def answer(self, session: int, body: RequestBody) -> AnswerBody | None:
        """What it is answered, when that is decided at once."""
        for effect in self.ask(session, body):
            if isinstance(effect, Tell) and effect.answer.id == self.asked:
                assert effect.session == session
                return effect.answer.body
        return None

    def opened(self, key: Ed25519Signer = OWNER) -> Table:
        """The owner is here."""
        self.ask(AT_HOME, proof(key))
        return self

    def registered(self, intro: Ed25519Signer | None = None, **how: bool) -> Table:
        """The owner is here, and its mailbox, which takes what `WRITER` leaves."""
        self.opened()
        keys = frozenset({WRITER.public_key})
        self.ask(AT_HOME, Register(keys, intro.public_key if intro else None, **how))
        return self
