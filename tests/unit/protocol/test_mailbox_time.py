"""A relay's mailboxes as time goes by, and as clocks are set wrong."""

from __future__ import annotations

import pytest

from p2pchat.model.machine import SetTimer, TimerFired
from p2pchat.model.mailbox_change import (
    BLOB_OVERHEAD_BYTES,
    DropBlobs,
    DropExpired,
    DropMailbox,
    Held,
    Removed,
)
from p2pchat.protocol.mailbox import (
    EXPIRY_TIMER,
)
from p2pchat.protocol.mailbox_vocabulary import Keep
from p2pchat.wire.mailbox_codec import (
    Delete,
    Fetch,
)
from tests.unit.protocol.letters import (
    AT_HOME,
    DAY_S,
    DENIED,
    MAILBOX,
    MONTH_MS,
    STRANGER,
    WRITER,
    WRITING,
    Table,
    proof,
    put,
    stored,
)
from tests.unit.protocol.people import WALL_MS


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


def oldest_kept_ms(table: Table) -> int:
    """Older blobs go with the next look at them."""
    expired, *_ = table.give(TimerFired(EXPIRY_TIMER))
    assert isinstance(expired, Keep)
    assert isinstance(expired.change, DropExpired)
    return expired.change.before_ms + MONTH_MS


def test_a_clock_that_jumps_ahead_deletes_nothing_until_it_was_there_for_a_day():
    table = Table().registered()
    table.set_clock(31)
    assert oldest_kept_ms(table) == WALL_MS
    assert len(table.give(TimerFired(EXPIRY_TIMER))) == 2, "nobody stayed away"
    (page,) = table.ask(AT_HOME, Fetch())
    assert page.query.since_ms == WALL_MS - MONTH_MS
    table.later(23 * 3600)
    assert oldest_kept_ms(table) == WALL_MS + 23 * 3600 * 1000
    table.later(3600)
    assert oldest_kept_ms(table) == table.now.wall_ms


def test_a_clock_that_is_set_right_again_in_time_has_deleted_nothing():
    table = Table().registered()
    table.set_clock(31)
    table.later(3600)
    table.ask(AT_HOME, proof())
    table.set_clock(-31)
    for _ in range(30):
        table.later(3600)
        assert oldest_kept_ms(table) == table.now.wall_ms
    table.later(31 * DAY_S)
    assert Keep(DropMailbox(MAILBOX)) in table.give(TimerFired(EXPIRY_TIMER))


def test_what_comes_while_the_clock_is_behind_is_not_old_when_it_is_right():
    table = Table().registered()
    table.set_clock(-31)
    kept, *_ = table.ask(WRITING, put(b"sealed"))
    assert kept.change.stored_ms == WALL_MS
    assert oldest_kept_ms(table) == WALL_MS - 31 * DAY_S * 1000


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_was_set_wrong_while_the_relay_was_off_is_not_believed_for_a_day(days):
    long_ago_ms = WALL_MS - int(days * DAY_S * 1000)
    table = Table(stored=(stored(MAILBOX, long_ago_ms),))
    assert oldest_kept_ms(table) == min(long_ago_ms, WALL_MS)
    kept, *_ = table.ask(WRITING, put(b"sealed"))
    assert kept.change.stored_ms == max(long_ago_ms, WALL_MS)
    table.later(DAY_S)
    assert oldest_kept_ms(table) == table.now.wall_ms
    kept, *_ = table.ask(WRITING, put(b"later"))
    assert kept.change.stored_ms == table.now.wall_ms


def test_a_relay_that_was_off_for_an_hour_goes_on_with_the_time_there_is():
    table = Table(stored=(stored(MAILBOX, WALL_MS - 3600 * 1000),))
    assert oldest_kept_ms(table) == WALL_MS


def test_small_corrections_of_the_clock_are_followed():
    table = Table().registered()
    for minutes in (5, -5, 9, -9):
        table.set_clock(minutes / (24 * 60))
        assert oldest_kept_ms(table) == table.now.wall_ms


def test_a_deletion_is_left_to_the_disk_which_tells_what_it_was():
    table = Table().registered()
    table.ask(WRITING, put(b"sealed"))
    left = {WRITER.public_key: Held(1, 6 + BLOB_OVERHEAD_BYTES)}
    dropped, _ = table.ask(AT_HOME, Delete((WALL_MS + 1, 5)))
    assert dropped == Keep(DropBlobs(MAILBOX, (WALL_MS + 1, 5)))
    assert table.server.statistics().size_bytes == 6 + BLOB_OVERHEAD_BYTES
    table.give(Removed(MAILBOX, left))
    assert table.server.statistics().size_bytes == 0
    table.give(Removed(STRANGER.public_key, left))
    assert table.server.statistics().blobs == 0


def test_a_restart_goes_on_with_what_was_stored():
    table = Table(stored=(stored(MAILBOX, WALL_MS),))
    statistics = table.server.statistics()
    assert (statistics.mailboxes, statistics.blobs, statistics.size_bytes) == (1, 10, 10_000)
    kept, *_ = table.ask(WRITING, put(b"sealed"))
    assert kept.change.id == 8
