"""The machine of a mailbox relay: who may do what, and how much."""

from __future__ import annotations

import pytest

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.machine import SetTimer, TimerFired
from p2pchat.model.mailbox_change import (
    BLOB_OVERHEAD_BYTES,
    AddBlob,
    DropBlobs,
    DropExpired,
    DropMailbox,
    Held,
    PageQuery,
    PutMailbox,
    Removed,
    StoredMailbox,
)
from p2pchat.protocol import mailbox as machine
from p2pchat.protocol import mailbox_ledger
from p2pchat.protocol.mailbox import (
    EXPIRY_TIMER,
    LISTENERS_MAX,
    NEW_MAILBOXES,
    OWNER_REQUESTS,
    PUT_BYTES,
    PUTS,
)
from p2pchat.protocol.mailbox_ledger import INTRO_SHARE
from p2pchat.protocol.mailbox_vocabulary import Joined, Keep, Left, ReadPage, Tell
from p2pchat.protocol.pace import Rate
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.mailbox_codec import (
    WRITE_KEYS_MAX,
    Answer,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Opened,
    Reason,
    Refused,
    Register,
    blob_hash,
)
from tests.unit.protocol.letters import (
    AT_HOME,
    INTRO,
    MAILBOX,
    NONCE,
    SOURCE,
    STRANGER,
    WRITER,
    WRITING,
    Table,
    proof,
    put,
)
from tests.unit.protocol.people import ALICE, BOB, WALL_MS

DENIED = Refused(Reason.DENIED)
DAY_S = 24 * 3600
EVERYTHING = Held(10, 10_000)


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer(number.to_bytes(32, "big"))


def stored(key: bytes, seen_ms: int, held: Held = EVERYTHING) -> StoredMailbox:
    row = PutMailbox(key, frozenset({WRITER.public_key}), None, False, seen_ms, 7)
    return StoredMailbox(row, held, Held())


# Who may


def test_a_put_of_a_registered_key_is_kept_before_anybody_is_told():
    table = Table().registered()
    kept, told, noticed = table.ask(WRITING, put(b"sealed"))
    blob = AddBlob(MAILBOX, WALL_MS + 1, blob_hash(b"sealed"), False, WALL_MS, b"sealed")
    assert kept == Keep(blob)
    assert told == Tell(WRITING, Answer(table.asked, Done()))
    assert noticed == Tell(AT_HOME, Answer(0, Notice()))


def test_a_stranger_is_not_told_whether_there_is_a_mailbox():
    nothing_there, there = Table(), Table().registered(INTRO)
    for table in (nothing_there, there):
        assert table.answer(WRITING, put(b"sealed", STRANGER)) == DENIED
        assert table.server.statistics().refused == {"denied": 1}


def test_a_put_whose_signature_is_of_another_blob_mailbox_or_key_is_denied():
    table = Table().registered()
    good = put(b"sealed")
    for bad in (
        put(b"other").signature,
        put(b"sealed", mailbox=STRANGER.public_key).signature,
        put(b"sealed", STRANGER).signature,
    ):
        forged = type(good)(good.mailbox, good.key, bad, good.blob)
        assert table.answer(WRITING, forged) == DENIED
    assert table.answer(WRITING, good) == Done()


def test_who_proves_to_hold_its_key_is_told_of_the_mailbox_and_may_make_it():
    table = Table()
    assert table.answer(AT_HOME, Ask()) == Challenge(NONCE)
    assert table.answer(AT_HOME, proof()) == Opened(is_registered=False, blobs=0)
    keys = frozenset({WRITER.public_key})
    made, told = table.ask(AT_HOME, Register(keys))
    assert made == Keep(PutMailbox(MAILBOX, keys, None, False, WALL_MS, WALL_MS))
    assert told == Tell(AT_HOME, Answer(table.asked, Done()))
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(AT_HOME, proof()) == Opened(is_registered=True, blobs=1)


@pytest.mark.parametrize(
    "repeated",
    [
        proof(nonce=b"x" * 32),
        proof(relay=BOB.device.peer_id),
        proof(peer=BOB.device.peer_id),
        type(proof())(MAILBOX, proof(STRANGER).signature),
    ],
    ids=["of another stream", "made for another relay", "of another peer", "of another key"],
)
def test_a_proof_counts_for_one_stream_of_one_peer_at_one_relay(repeated):
    table = Table().registered()
    table.give(Joined(3, ALICE.device.peer_id, SOURCE, NONCE))
    assert table.answer(3, repeated) == DENIED
    assert table.answer(3, Fetch()) == DENIED


@pytest.mark.parametrize("request_", [Fetch(), Delete((1,)), Register(frozenset())])
def test_who_has_proved_nothing_owns_nothing(request_):
    table = Table().registered()
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(WRITING, request_) == DENIED
    assert not any(isinstance(one, Keep | ReadPage) for one in table.ask(WRITING, request_))


def test_the_owner_of_one_mailbox_reads_no_other():
    table = Table().registered()
    table.give(Joined(3, BOB.device.peer_id, SOURCE, NONCE))
    table.ask(3, proof(STRANGER, peer=BOB.device.peer_id))
    table.ask(3, Register(frozenset()))
    (page,) = table.ask(3, Fetch())
    assert isinstance(page, ReadPage)
    assert page.query.mailbox == STRANGER.public_key


def test_who_keeps_mailboxes_for_some_alone_opens_none_for_others():
    table = Table()
    table.give(Joined(3, ALICE.device.peer_id, SOURCE, NONCE, may_own=False))
    assert table.answer(3, proof()) == DENIED
    assert table.answer(3, Register(frozenset())) == DENIED


def test_a_page_is_read_behind_what_the_owner_has_and_nothing_that_has_expired():
    table = Table(MailboxLimits(blob_age_s=100)).registered()
    (page,) = table.ask(AT_HOME, Fetch(after=7, without_blobs=True))
    assert page == ReadPage(
        AT_HOME, table.asked, PageQuery(MAILBOX, 7, WALL_MS - 100_000, without_blobs=True)
    )


def test_keys_that_were_replaced_write_no_more():
    table = Table().registered(INTRO)
    assert table.answer(WRITING, put(b"hello", INTRO)) == Done()
    table.ask(AT_HOME, Register(frozenset({STRANGER.public_key})))
    assert table.answer(WRITING, put(b"1", INTRO)) == DENIED
    assert table.answer(WRITING, put(b"2", WRITER)) == DENIED
    assert table.answer(WRITING, put(b"3", STRANGER)) == Done()


def test_of_a_shared_mailbox_nobody_deletes_and_keys_are_only_added():
    table = Table().registered(is_shared=True)
    table.ask(WRITING, put(b"sealed"))
    assert table.answer(AT_HOME, Delete((WALL_MS + 1,))) == DENIED
    added = Register(frozenset({STRANGER.public_key}), is_shared=True)
    assert table.answer(AT_HOME, added) == Done()
    for key in (WRITER, STRANGER):
        assert table.answer(WRITING, put(b"more", key)) == Done()
    assert table.answer(AT_HOME, Register(frozenset())) == DENIED


def test_an_owner_hears_once_until_it_fetches():
    table = Table().registered()
    notice = Tell(AT_HOME, Answer(0, Notice()))
    heard = [notice in table.ask(WRITING, put(bytes([n]))) for n in range(3)]
    assert heard == [True, False, False]
    table.ask(AT_HOME, Fetch())
    assert notice in table.ask(WRITING, put(b"again"))
    table.give(Left(AT_HOME))
    assert notice not in table.ask(WRITING, put(b"and again"))


def test_only_so_many_streams_hear_of_one_mailbox():
    table = Table().registered()
    for session in range(10, 10 + LISTENERS_MAX):
        table.give(Joined(session, ALICE.device.peer_id, SOURCE, NONCE))
        table.ask(session, proof())
    effects = table.ask(WRITING, put(b"x"))
    told = [one.session for one in effects if isinstance(one, Tell) and one.answer.id == 0]
    assert told == list(range(10, 10 + LISTENERS_MAX))


def test_what_comes_on_a_stream_that_is_over_is_not_looked_at():
    table = Table().registered()
    table.give(Left(WRITING))
    assert table.ask(WRITING, put(b"sealed")) == []
    table.give(Left(WRITING))


# How much


def test_a_blob_over_the_limit_is_refused():
    table = Table(MailboxLimits(blob_bytes_max=1000)).registered()
    assert table.answer(WRITING, put(bytes(1001))) == Refused(Reason.TOO_LARGE)
    assert table.answer(WRITING, put(bytes(1000))) == Done()


def test_a_mailbox_takes_so_many_blobs_and_of_strangers_a_tenth():
    table = Table(MailboxLimits(mailbox_blobs_max=20)).registered(INTRO)
    full = Refused(Reason.MAILBOX_FULL)
    strangers = int(20 * INTRO_SHARE)
    for number in range(strangers):
        assert table.answer(WRITING, put(bytes([number]), INTRO)) == Done()
    assert table.answer(WRITING, put(b"more", INTRO)) == full
    for number in range(strangers, 20):
        assert table.answer(WRITING, put(bytes([number]))) == Done()
    assert table.answer(WRITING, put(b"more")) == full
    table.give(Removed(MAILBOX, Held(1, 1), Held(1, 1)))
    assert table.answer(WRITING, put(b"more", INTRO)) == Done()


def test_a_mailbox_takes_so_many_bytes_and_small_blobs_count_for_what_they_take_on_disk():
    table = Table(MailboxLimits(mailbox_bytes_max=10 * BLOB_OVERHEAD_BYTES)).registered(INTRO)
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(10)]
    assert taken == [Done()] * 9 + [Refused(Reason.MAILBOX_FULL)]
    assert table.answer(WRITING, put(b"x", INTRO)) == Refused(Reason.MAILBOX_FULL)


def test_without_room_mailboxes_of_those_who_stayed_away_go_and_then_puts_are_refused():
    longest, long, here = (signer(number).public_key for number in (1, 2, 3))
    month_ms = 30 * DAY_S * 1000
    table = Table(
        MailboxLimits(bytes_max=30_000),
        (
            stored(here, WALL_MS),
            stored(long, WALL_MS - month_ms - 1),
            stored(longest, WALL_MS - month_ms - 2),
        ),
    ).registered()
    blob = bytes(9_000)
    effects = table.ask(WRITING, put(blob))
    assert effects[0] == Keep(DropMailbox(longest))
    assert table.answer(WRITING, put(blob[1:])) == Done()
    assert table.answer(WRITING, put(blob[2:])) == Refused(Reason.RELAY_FULL)
    assert table.server.statistics().mailboxes == 2


def test_a_mailbox_makes_no_room_for_itself():
    away_ms = WALL_MS - 31 * DAY_S * 1000
    table = Table(MailboxLimits(bytes_max=10_000), (stored(MAILBOX, away_ms),))
    assert table.answer(WRITING, put(b"sealed")) == Refused(Reason.RELAY_FULL)


def test_a_relay_makes_so_many_mailboxes_and_empty_ones_of_who_stayed_away_go_first():
    almost_ms = WALL_MS - 30 * DAY_S * 1000
    emptied, filled = signer(1).public_key, signer(2).public_key
    table = Table(
        MailboxLimits(mailboxes_max=2), (stored(filled, almost_ms), stored(emptied, almost_ms))
    )
    table.later(1)
    table.give(Removed(emptied, EVERYTHING, Held()))
    table.opened()
    assert Keep(DropMailbox(emptied)) in table.ask(AT_HOME, Register(frozenset()))
    table.opened(STRANGER)
    assert table.answer(AT_HOME, Register(frozenset())) == Refused(Reason.RELAY_FULL)


def test_thousands_of_mailboxes_are_not_made_from_one_address():
    table = Table()
    refused = Refused(Reason.BUSY, 50_000)
    for number in range(int(NEW_MAILBOXES.burst)):
        table.opened(signer(number))
        assert table.answer(AT_HOME, Register(frozenset())) == Done()
    table.opened()
    assert table.answer(AT_HOME, Register(frozenset())) == refused
    table.give(Joined(3, ALICE.device.peer_id, "198.51.100.9", NONCE))
    table.ask(3, proof())
    assert table.answer(3, Register(frozenset())) == Done()


def test_write_keys_are_bounded_in_one_mailbox_and_in_all_together(monkeypatch):
    table = Table().opened()
    many = frozenset(bytes(28) + n.to_bytes(4, "big") for n in range(WRITE_KEYS_MAX + 1))
    assert table.answer(AT_HOME, Register(many)) == Refused(Reason.RELAY_FULL)
    monkeypatch.setattr(mailbox_ledger, "WRITERS_TOTAL_MAX", 3)
    assert table.answer(AT_HOME, Register(frozenset(sorted(many)[:3]))) == Done()
    table.opened(STRANGER)
    assert table.answer(AT_HOME, Register(frozenset(sorted(many)[:1]))) == Refused(
        Reason.RELAY_FULL
    )
    table.opened()
    assert table.answer(AT_HOME, Register(frozenset(sorted(many)[:2]))) == Done()
    table.opened(STRANGER)
    assert table.answer(AT_HOME, Register(frozenset(sorted(many)[:1]))) == Done()


def test_puts_of_one_source_have_a_pace_and_who_waits_as_told_is_served(monkeypatch):
    monkeypatch.setattr(machine, "PUTS", Rate(PUTS.per_s, burst=3))
    table = Table().registered()
    taken = [table.answer(WRITING, put(bytes([number]))) for number in range(4)]
    assert taken == [Done()] * 3 + [Refused(Reason.BUSY, 20)]
    table.later(0.02)
    assert table.answer(WRITING, put(b"4")) == Done()


def test_bytes_of_one_source_have_a_pace(monkeypatch):
    monkeypatch.setattr(machine, "PUT_BYTES", Rate(PUT_BYTES.per_s, burst=60_000))
    table = Table().registered()
    assert table.answer(WRITING, put(bytes(50_000))) == Done()
    refused = table.answer(WRITING, put(bytes(50_001)))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BUSY
    table.later(refused.wait_ms / 1000)
    assert table.answer(WRITING, put(bytes(50_001))) == Done()


def test_a_peer_that_claims_to_own_without_end_is_held_back():
    table = Table()
    answers = [table.answer(AT_HOME, proof(nonce=b"x" * 32)) for _ in range(401)]
    assert len(answers) == OWNER_REQUESTS.burst + 1
    assert answers[-1] == Refused(Reason.BUSY, 50)
    assert set(answers[:-1]) == {DENIED}


# Time


def test_every_hour_what_is_old_goes_and_empty_mailboxes_whose_owners_stayed_away():
    table = Table().registered()
    table.later(31 * DAY_S)
    expired, dropped, timer = table.give(TimerFired(EXPIRY_TIMER))
    assert expired == Keep(DropExpired(WALL_MS + DAY_S * 1000))
    assert dropped == Keep(DropMailbox(MAILBOX))
    assert timer == SetTimer(EXPIRY_TIMER, 3600.0)
    assert table.answer(WRITING, put(b"sealed")) == DENIED


def test_an_owner_who_comes_is_noted_once_an_hour_and_keeps_its_mailbox():
    table = Table().registered()
    assert not any(isinstance(one, Keep) for one in table.ask(AT_HOME, proof()))
    table.later(20 * DAY_S)
    seen, _ = table.ask(AT_HOME, proof())
    assert isinstance(seen, Keep)
    assert seen.change.seen_ms == table.now.wall_ms
    table.later(20 * DAY_S)
    assert len(table.give(TimerFired(EXPIRY_TIMER))) == 2


def test_a_deletion_is_left_to_the_disk_which_tells_what_it_was():
    table = Table().registered()
    table.ask(WRITING, put(b"sealed"))
    held = Held(1, 6 + BLOB_OVERHEAD_BYTES)
    dropped, _ = table.ask(AT_HOME, Delete((WALL_MS + 1, 5)))
    assert dropped == Keep(DropBlobs(MAILBOX, (WALL_MS + 1, 5)))
    assert table.server.statistics().size_bytes == held.size_bytes
    table.give(Removed(MAILBOX, held, Held()))
    assert table.server.statistics().size_bytes == 0
    table.give(Removed(STRANGER.public_key, held, Held()))
    assert table.server.statistics().blobs == 0


def test_a_restart_goes_on_with_what_was_stored():
    table = Table(stored=(stored(MAILBOX, WALL_MS),))
    statistics = table.server.statistics()
    assert (statistics.mailboxes, statistics.blobs, statistics.size_bytes) == (1, 10, 10_000)
    kept, *_ = table.ask(WRITING, put(b"sealed"))
    assert kept.change.id == 8
