"""Mailboxes: who may leave something for whom, and who may take it.

Who is away has its mail kept by a relay, which can read none of it. The relay judges by keys
alone. Whoever writes shows a key that the owner has registered; the owner shows the mailbox's own
key, once a stream (`wire.mailbox_codec` says why that cannot be repeated elsewhere or later).
Everybody else is denied in the same words, after the same work, whether there is such a mailbox or
not: with whom somebody has to do is not found out by asking.

A put is answered when it is on disk. Reading is left to the carrier, which knows when a stream can
take a page. Everything that others can make grow is bounded in `mailbox_ledger`, and everything
that they can make us do has a pace here, charged to the address that they come from, since keys are
free. Honest writers are as patient as their outboxes: they are told when to come again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil, inf
from typing import assert_never

from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import BadSignature
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.mailbox_change import (
    AddBlob,
    DropBlobs,
    DropExpired,
    DropMailbox,
    PageQuery,
    Removed,
    StoredMailbox,
)
from p2pchat.protocol.held_clock import HeldClock
from p2pchat.protocol.mailbox_ledger import Ledger, Mailbox
from p2pchat.protocol.mailbox_vocabulary import (
    Asked,
    Joined,
    Keep,
    Left,
    MailboxEffect,
    MailboxInput,
    MailboxStatistics,
    ReadPage,
    Tell,
)
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.wire.envelope import Purpose, verify
from p2pchat.wire.mailbox_codec import (
    PAGE_BYTES_MAX,
    Answer,
    AnswerBody,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Open,
    Opened,
    Put,
    Reason,
    Refused,
    Register,
    RequestBody,
    blob_hash,
    open_body,
    put_body,
)

__all__ = ["EXPIRY_TIMER", "MailboxServer", "maker_of"]

EXPIRY_TIMER = "expiry"
EXPIRY_EVERY_S = 3600.0
SEEN_EVERY_MS = 3600 * 1000
"""How exactly it is written down when an owner was here."""
LISTENERS_MAX = 16
"""Streams that hear of what comes into one mailbox."""
PUTS = Rate(per_s=50, burst=2_000)
"""Of one source; a household's whole outbox at once."""
PUT_BYTES = Rate(per_s=512 * 1024, burst=32 * 1024 * 1024)
"""The same, in bytes."""
NEW_MAILBOXES = Rate(per_s=0.02, burst=64)
"""Of one source: carrier-grade NAT puts many households behind one."""
OWNER_REQUESTS = Rate(per_s=50, burst=1_000)
"""Of one source: challenges, proofs, registrations, pages and deletions."""
FIRST_PAGE_BYTES = 16 * 1024
"""Of the first page on a stream. The next one is twice as large, up to the largest, ..."""
PAGE_S = 4.0
"""... if it is asked for within this time, and else as large as the first: an owner on a slow line
has each in time, and one that takes nothing is given little to hold."""
KEYS_A_REQUEST = 64
"""A registration counts for one more request for each so many write keys."""


OwnerRequest = Ask | Open | Register | Fetch | Delete


@dataclass(slots=True, eq=False)
class _Session:
    """One stream."""

    id: int
    joined: Joined
    mailbox: bytes | None = None
    """Whose owner it has proved to be."""
    is_told: bool = False
    """It was given a notice and has not fetched since."""
    page_bytes: int = 0
    """How large its last page was to be, and when it asked for it."""
    fetched_s: float = -inf


@dataclass(slots=True)
class _Paces:
    """How much each may ask for."""

    puts: Buckets[str] = field(default_factory=lambda: Buckets[str](PUTS))
    put_bytes: Buckets[str] = field(default_factory=lambda: Buckets[str](PUT_BYTES))
    new: Buckets[str] = field(default_factory=lambda: Buckets[str](NEW_MAILBOXES))
    requests: Buckets[str] = field(default_factory=lambda: Buckets[str](OWNER_REQUESTS))


class _Denied(Exception):
    """What is asked for is not done, for this reason."""

    def __init__(self, reason: Reason, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.answer = Refused(reason, ceil(wait_s * 1000))


class MailboxServer:
    """The machine of whoever keeps mailboxes, `relay` being its own peer id."""

    def __init__(
        self, relay: PeerId, stored: Iterable[StoredMailbox], limits: MailboxLimits
    ) -> None:
        self._relay = relay
        self._limits = limits
        known = list(stored)
        self._ledger = Ledger(known, limits)
        self._clock = HeldClock(max((one.row.seen_ms for one in known), default=None))
        self._sessions: dict[int, _Session] = {}
        self._listeners: dict[bytes, list[_Session]] = {}
        self._paces = _Paces()
        self._stored = 0
        self._refused: Counter[str] = Counter()

    def statistics(self) -> MailboxStatistics:
        """What is held and what was refused."""
        total = self._ledger.total
        return MailboxStatistics(
            mailboxes=len(self._ledger),
            blobs=total.blobs,
            size_bytes=total.size_bytes,
            sessions=len(self._sessions),
            stored=self._stored,
            refused=dict(self._refused),
        )

    def start(self, now: Now) -> list[MailboxEffect]:
        return self._expire(now)

    def settle(self, now: Now) -> list[MailboxEffect]:
        return []

    def handle(self, input: MailboxInput, now: Now) -> list[MailboxEffect]:
        match input:
            case Joined(session):
                self._sessions[session] = _Session(session, input)
                return []
            case Left(session):
                self._left(session)
                return []
            case Asked(session, request):
                known = self._sessions.get(session)
                return [] if known is None else self._asked(known, request.id, request.body, now)
            case Removed():
                self._ledger.removed(input)
                return []
            case TimerFired():
                return self._expire(now)
            case _:
                assert_never(input)

    # ---- requests ----

    def _asked(
        self, session: _Session, id: int, body: RequestBody, now: Now
    ) -> list[MailboxEffect]:
        try:
            match body:
                case Put():
                    return self._put(session, id, body, now)
                case _:
                    self._require_pace(session.joined.source, _weight(body), now)
                    return self._asked_by_owner(session, id, body, now)
        except _Denied as denied:
            self._refused[denied.answer.reason.name.lower()] += 1
            return [_tell(session, id, denied.answer)]

    def _asked_by_owner(
        self, session: _Session, id: int, body: OwnerRequest, now: Now
    ) -> list[MailboxEffect]:
        match body:
            case Ask():
                return [_tell(session, id, Challenge(session.joined.nonce))]
            case Open():
                return self._open(session, id, body, now)
            case Register():
                return self._register(session, id, body, now)
            case Fetch(after, without_blobs):
                box = self._own(session)
                session.is_told = False
                size = _page_bytes(session, now.monotonic_s)
                query = PageQuery(box.key, after, self._expired_ms(now), size, without_blobs)
                return [ReadPage(session.id, id, query)]
            case Delete(ids):
                box = self._own(session)
                if box.is_shared:
                    raise _Denied(Reason.DENIED)
                return [Keep(DropBlobs(box.key, ids)), _tell(session, id, Done())]
            case _:
                assert_never(body)

    # ---- putting ----

    def _put(self, session: _Session, id: int, put: Put, now: Now) -> list[MailboxEffect]:
        self._require_put_pace(session.joined.source, len(put.blob), now)
        if len(put.blob) > self._limits.blob_bytes_max:
            raise _Denied(Reason.TOO_LARGE)
        box, writer = self._writable(put)
        stored_ms = self._clock.newest_ms(now)
        blob = AddBlob(box.key, box.last_id + 1, blob_hash(put.blob), writer, stored_ms, put.blob)
        full, dropped = self._ledger.room_for(box, blob.held, writer, self._clock.oldest_ms(now))
        if full is not None:
            raise _Denied(full)
        box.last_id = blob.id
        self._ledger.count(box, blob.held, writer)
        self._stored += 1
        done = _tell(session, id, Done())
        return [*self._dropped(dropped), Keep(blob), done, *self._notices(box)]

    def _writable(self, put: Put) -> tuple[Mailbox, bytes]:
        """The signature first: whether there is such a mailbox takes no shorter or longer."""
        try:
            verify(put.key, Purpose.MAILBOX_PUT, put_body(put.mailbox, put.blob), put.signature)
        except BadSignature:
            raise _Denied(Reason.DENIED) from None
        box = self._ledger.get(put.mailbox)
        writer = None if box is None else box.writer(put.key)
        if box is None or writer is None:
            raise _Denied(Reason.DENIED)
        return box, writer

    def _notices(self, box: Mailbox) -> list[MailboxEffect]:
        """Tell owners who are here, once until they fetch."""
        untold = [one for one in self._listeners.get(box.key, ()) if not one.is_told]
        for session in untold:
            session.is_told = True
        return [_tell(session, 0, Notice()) for session in untold]

    # ---- owning ----

    def _open(self, session: _Session, id: int, open: Open, now: Now) -> list[MailboxEffect]:
        """Whoever proves to hold a key may know whether there is a mailbox of it."""
        joined = session.joined
        body = open_body(open.mailbox, joined.nonce, self._relay, joined.peer)
        try:
            verify(open.mailbox, Purpose.MAILBOX_OPEN, body, open.signature)
        except BadSignature:
            raise _Denied(Reason.DENIED) from None
        if not joined.may_own:
            raise _Denied(Reason.DENIED)
        self._listen_to(session, open.mailbox)
        box = self._ledger.get(open.mailbox)
        if box is None:
            return [_tell(session, id, Opened(is_registered=False, blobs=0))]
        opened = Answer(id, Opened(is_registered=True, blobs=box.held.blobs))
        return [*self._seen(box, now), Tell(session.id, opened, owns=True)]

    def _seen(self, box: Mailbox, now: Now) -> list[MailboxEffect]:
        now_ms = self._clock.newest_ms(now)
        if now_ms - box.seen_ms < SEEN_EVERY_MS:
            return []
        self._ledger.seen(box, now_ms)
        return [Keep(box.row)]

    def _own(self, session: _Session) -> Mailbox:
        """The mailbox that it has proved to own."""
        box = self._ledger.get(session.mailbox) if session.mailbox is not None else None
        if box is None:
            raise _Denied(Reason.DENIED)
        return box

    def _register(
        self, session: _Session, id: int, register: Register, now: Now
    ) -> list[MailboxEffect]:
        if session.mailbox is None:
            raise _Denied(Reason.DENIED)
        box = self._ledger.get(session.mailbox)
        if box is not None and box.is_shared != register.is_shared:
            raise _Denied(Reason.DENIED)
        keys, intro = register.keys, register.intro
        if box is not None and box.is_shared:  # who left the room may still hold its key
            keys, intro = keys | box.writers, box.intro or intro
        maker = maker_of(session.joined.source)
        if box is not None:
            self._ledger.adopt(box, maker)
            maker = box.maker
        if not self._ledger.has_room_for_writers(box, maker, len(keys)):
            raise _Denied(Reason.RELAY_FULL)
        now_ms = self._clock.newest_ms(now)
        if box is None:
            self._require_room_for_another(session, maker, now)
            box = self._ledger.make(session.mailbox, maker, now_ms, is_shared=register.is_shared)
        self._ledger.set_writers(box, keys, intro)
        self._ledger.seen(box, now_ms)
        return [Keep(box.row), Tell(session.id, Answer(id, Done()), owns=True)]

    def _require_room_for_another(self, session: _Session, maker: int, now: Now) -> None:
        if not self._ledger.has_room_for_another(maker):
            raise _Denied(Reason.RELAY_FULL)
        bucket = self._paces.new.of(session.joined.source, now.monotonic_s)
        if not bucket.take(1, now.monotonic_s):
            raise _Denied(Reason.BUSY, bucket.wait_s(1, now.monotonic_s))

    # ---- sessions ----

    def _listen_to(self, session: _Session, mailbox: bytes) -> None:
        self._stop_listening(session)
        session.mailbox, session.is_told = mailbox, False
        listeners = self._listeners.setdefault(mailbox, [])
        listeners.append(session)
        del listeners[:-LISTENERS_MAX]

    def _stop_listening(self, session: _Session) -> None:
        if session.mailbox is None:
            return
        rest = [one for one in self._listeners.pop(session.mailbox, ()) if one is not session]
        if rest:
            self._listeners[session.mailbox] = rest

    def _left(self, id: int) -> None:
        session = self._sessions.pop(id, None)
        if session is not None:
            self._stop_listening(session)

    # ---- paces and time ----

    def _require_put_pace(self, source: str, size_bytes: int, now: Now) -> None:
        """One that is too early costs nothing, so that who waits as told is served."""
        now_s = now.monotonic_s
        puts = self._paces.puts.of(source, now_s)
        volume = self._paces.put_bytes.of(source, now_s)
        wait_s = max(puts.wait_s(1, now_s), volume.wait_s(size_bytes, now_s))
        if wait_s > 0:
            raise _Denied(Reason.BUSY, wait_s)
        puts.take(1, now_s)
        volume.take(size_bytes, now_s)

    def _require_pace(self, source: str, weight: int, now: Now) -> None:
        bucket = self._paces.requests.of(source, now.monotonic_s)
        if not bucket.take(weight, now.monotonic_s):
            raise _Denied(Reason.BUSY, bucket.wait_s(weight, now.monotonic_s))

    def _expired_ms(self, now: Now) -> int:
        return self._clock.oldest_ms(now) - self._limits.blob_age_s * 1000

    def _expire(self, now: Now) -> list[MailboxEffect]:
        self._ledger.see_no_future(self._clock.newest_ms(now))
        dropped = self._ledger.forget_lapsed(self._clock.oldest_ms(now))
        expired = Keep(DropExpired(self._expired_ms(now)))
        return [expired, *self._dropped(dropped), SetTimer(EXPIRY_TIMER, EXPIRY_EVERY_S)]

    def _dropped(self, dropped: list[DropMailbox]) -> list[MailboxEffect]:
        return [Keep(drop) for drop in dropped]


def _page_bytes(session: _Session, now_s: float) -> int:
    """How large the page may be that is asked for now."""
    is_slow = now_s - session.fetched_s > PAGE_S
    grown = FIRST_PAGE_BYTES if is_slow else 2 * session.page_bytes
    session.page_bytes, session.fetched_s = min(grown, PAGE_BYTES_MAX), now_s
    return session.page_bytes


def _weight(body: OwnerRequest) -> int:
    """For how many requests this one counts."""
    return 1 + len(body.keys) // KEYS_A_REQUEST if isinstance(body, Register) else 1


def maker_of(source: str) -> int:
    """Where a mailbox was made, for the disk: 65,536 addresses have the same, so it says hardly
    anything of anybody, and tells apart the few that would fill a relay."""
    return int.from_bytes(blake2b(source.encode(), digest_size=2).digest())


def _tell(session: _Session, id: int, body: AnswerBody) -> Tell:
    return Tell(session.id, Answer(id, body))
