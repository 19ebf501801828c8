"""What every store of mailboxes does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import create_engine
from sqlalchemy import text as sql

from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import DiskFull, HomeInUse, SchemaTooNew, StoreError, WrongKey
from p2pchat.model.mailbox_change import (
    BLOB_OVERHEAD_BYTES,
    STRANGERS,
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
from p2pchat.store import mailboxes as module
from p2pchat.store.driver import make_engine
from p2pchat.store.mailboxes import open_database, open_file
from p2pchat.wire.mailbox_codec import PAGE_BLOBS_MAX, PAGE_BYTES_MAX, Page, PageRow, blob_hash
from tests.compliance.mailboxes.conftest import KEY, OTHER_RELAY, RELAY

MINE, THINE = b"m" * 32, b"t" * 32
ANN, BEN = b"a" * 32, b"b" * 32
WRITERS = frozenset({ANN, BEN})
ROW = PutMailbox(MINE, WRITERS, b"i" * 32, False, 1_700_000_000_000, 1_700_000_000_000, 40_000)
OTHER_ROW = PutMailbox(THINE, frozenset(), None, True, 5, 6)


def add(id: int, blob: bytes, mailbox: bytes = MINE, **how) -> AddBlob:
    settings = {"writer": ANN, "stored_ms": 1000 * id, **how}
    return AddBlob(mailbox, id, blob_hash(blob), blob=blob, **settings)


def held(*blobs: bytes) -> Held:
    return Held(len(blobs), sum(len(blob) + BLOB_OVERHEAD_BYTES for blob in blobs))


def shown(
    store,
    after: int = 0,
    mailbox: bytes = MINE,
    since_ms: int = 0,
    bytes_max: int = PAGE_BYTES_MAX,
    **how: bool,
) -> Page:
    return store.page(PageQuery(mailbox, after, since_ms, bytes_max, **how))


def test_mailboxes_and_blobs_are_there_after_a_restart(opened):
    assert opened.store.snapshot() == []
    changes = [ROW, OTHER_ROW, add(1, b"one"), add(2, b"three", writer=STRANGERS)]
    assert opened.store.commit(changes) == []
    if type(opened.store).__name__ == "SqlMailboxes":
        opened.store.close()
    again = opened.reopen()
    found = {stored.row.mailbox: stored for stored in again.snapshot()}
    assert found[THINE] == StoredMailbox(OTHER_ROW, {})
    assert found[MINE].row.last_id == 2
    assert found[MINE].left == {ANN: held(b"one"), STRANGERS: held(b"three")}
    assert found[MINE].row == replace(ROW, last_id=2)
    assert shown(again).rows == (PageRow(1, 1000, 3, b"one"), PageRow(2, 2000, 5, b"three"))


def test_a_mailbox_is_replaced_and_keeps_what_is_in_it(store):
    store.commit([ROW, add(1, b"one")])
    renewed = PutMailbox(MINE, frozenset(), None, False, 9, 9)
    store.commit([renewed])
    assert store.snapshot() == [StoredMailbox(renewed, {ANN: held(b"one")})]


def test_a_mailbox_keeps_each_blob_once_and_two_may_keep_the_same(store):
    store.commit([ROW, OTHER_ROW, add(1, b"same")])
    assert store.commit([add(2, b"same"), add(1, b"same", THINE)]) == [
        Removed(MINE, {ANN: held(b"same")})
    ]
    assert store.commit([add(3, b"same", writer=STRANGERS)]) == [
        Removed(MINE, {STRANGERS: held(b"same")})
    ]
    assert [row.id for row in shown(store).rows] == [1]
    assert [row.id for row in shown(store, mailbox=THINE).rows] == [1]


def test_pages_come_in_the_order_of_arrival_and_go_on_behind_an_id(store):
    blobs = [bytes([number]) * 50_000 for number in range(5)]
    store.commit([ROW, *(add(10 + n, blob) for n, blob in enumerate(blobs))])
    first = shown(store)
    assert [row.blob for row in first.rows] == blobs[: PAGE_BYTES_MAX // 50_000]
    assert first.has_more
    second = shown(store, after=first.rows[-1].id)
    third = shown(store, after=second.rows[-1].id)
    assert [row.blob for row in (*first.rows, *second.rows, *third.rows)] == blobs
    assert not third.has_more
    for size, count in ((1, 1), (99_999, 1), (100_000, 2)):
        assert len(shown(store, bytes_max=size).rows) == count
    assert shown(store, after=14) == Page((), has_more=False)
    assert shown(store, mailbox=THINE) == Page((), has_more=False)


def test_a_list_shows_sizes_and_no_blobs(store):
    blobs = [number.to_bytes(2, "big") * 5_000 for number in range(PAGE_BLOBS_MAX + 1)]
    store.commit([ROW, *(add(1 + n, blob) for n, blob in enumerate(blobs))])
    listed = shown(store, without_blobs=True)
    assert listed.rows[0] == PageRow(1, 1000, 10_000)
    assert len(listed.rows) == PAGE_BLOBS_MAX
    assert listed.has_more
    assert not shown(store, after=1, without_blobs=True).has_more


def test_what_is_deleted_is_gone_and_told(store):
    store.commit([ROW, OTHER_ROW, add(1, b"one"), add(2, b"two", writer=BEN), add(3, b"three")])
    store.commit([add(1, b"one", THINE), add(4, b"four"), add(5, b"five", writer=STRANGERS)])
    gone = {ANN: held(b"one", b"four"), BEN: held(b"two"), STRANGERS: held(b"five")}
    assert store.commit([DropBlobs(MINE, (1, 2, 4, 5, 9))]) == [Removed(MINE, gone)]
    assert store.commit([DropBlobs(MINE, (1, 2, 9))]) == []
    assert [row.id for row in shown(store).rows] == [3]
    assert [row.id for row in shown(store, mailbox=THINE).rows] == [1]


def test_what_is_old_is_shown_no_more_and_goes(store):
    store.commit([ROW, OTHER_ROW, add(1, b"old"), add(2, b"new"), add(3, b"old", THINE)])
    assert [row.id for row in shown(store, since_ms=2000).rows] == [2]
    assert store.commit([DropExpired(2000)]) == [Removed(MINE, {ANN: held(b"old")})]
    assert len(store.commit([DropExpired(5000)])) == 2
    assert store.commit([DropExpired(5000)]) == []


def test_a_mailbox_goes_with_all_in_it_and_may_come_again(store):
    store.commit([ROW, add(1, b"one")])
    store.commit([DropMailbox(MINE)])
    assert store.snapshot() == []
    assert shown(store) == Page((), has_more=False)
    store.commit([ROW, add(7, b"one")])
    assert [row.id for row in shown(store).rows] == [7]


def test_ids_never_go_back(store):
    store.commit([ROW, add(ROW.last_id + 1, b"one")])
    store.commit([DropBlobs(MINE, (ROW.last_id + 1,))])
    (stored,) = store.snapshot()
    assert stored.row.last_id == ROW.last_id + 1


@pytest.mark.parametrize("opened", ["sqlite", "postgresql"], indirect=True)
def test_relays_that_share_a_database_see_their_own(opened):
    opened.store.commit([ROW, add(1, b"one")])
    other = opened.reopen(OTHER_RELAY)
    assert other.snapshot() == []
    other.commit([ROW, add(5, b"one"), DropExpired(10_000_000)])
    assert [row.id for row in shown(opened.store).rows] == [1]
    other.commit([DropMailbox(MINE)])
    assert [row.id for row in shown(opened.store).rows] == [1]


def test_no_number_is_given_twice_and_what_has_it_stays(store):
    store.commit([ROW, add(1, b"one")])
    with pytest.raises(StoreError):
        store.commit([add(1, b"another")])
    assert [row.blob for row in shown(store).rows] == [b"one"]
    store.commit([add(2, b"another")])
    assert [row.blob for row in shown(store).rows] == [b"one", b"another"]


def cut(url: str, which: str) -> None:
    """What a restart of the server, or a firewall, does to connections."""
    engine = create_engine(url)
    with engine.begin() as connection:
        ended = connection.execute(
            sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}")
        )
        assert ended.rowcount
    engine.dispose()


def test_who_lost_the_lock_without_a_word_writes_nothing_once_another_serves(fresh_url):
    first = open_database(fresh_url, RELAY)
    first.commit([ROW, add(1, b"one")])
    cut(fresh_url, "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')")
    first.commit([add(2, b"two")])
    second = open_database(fresh_url, RELAY)
    for refused in (lambda: first.commit([add(3, b"three")]), first.snapshot):
        with pytest.raises(StoreError, match="another process"):
            refused()
    second.commit([add(3, b"other")])
    assert [row.blob for row in shown(second).rows] == [b"one", b"two", b"other"]
    first.close()
    second.close()


def test_a_restart_of_the_server_is_not_noticed(fresh_url):
    store = open_database(fresh_url, RELAY)
    store.commit([ROW])
    cut(fresh_url, "datname = 'mailboxes' AND pid <> pg_backend_pid()")
    store.commit([add(1, b"one")])
    assert [row.blob for row in shown(store).rows] == [b"one"]
    store.close()


def test_what_is_confirmed_is_on_disk_whatever_a_role_has_as_its_habit(fresh_url, monkeypatch):
    engine = create_engine(fresh_url)
    with engine.begin() as connection:
        connection.execute(sql("ALTER DATABASE mailboxes SET synchronous_commit = off"))
    engine.dispose()
    seen: list[str] = []

    def look(self, connection, changes) -> None:
        seen.append(connection.execute(sql("SHOW synchronous_commit")).scalar())

    monkeypatch.setattr(module.SqlMailboxes, "_number", look)
    store = open_database(fresh_url, RELAY)
    store.commit([ROW])
    store.close()
    assert seen == ["on"]


@pytest.mark.parametrize("opened", ["sqlite", "postgresql"], indirect=True)
def test_mailboxes_of_an_older_form_are_brought_to_this_one(opened, tmp_path, request):
    opened.store.commit([ROW, add(1, b"one"), add(2, b"two", writer=STRANGERS)])
    opened.store.close()
    before = (
        "ALTER TABLE mailbox_relays DROP COLUMN generation",
        "ALTER TABLE mailboxes DROP COLUMN maker",
        "ALTER TABLE mailbox_blobs ADD COLUMN is_intro INTEGER NOT NULL DEFAULT 0",
        "UPDATE mailbox_blobs SET is_intro = 1 WHERE writer IS NULL",
        "ALTER TABLE mailbox_blobs DROP COLUMN writer",
        "UPDATE mailbox_form SET version = 1",
    )
    if request.node.callspec.params["opened"] == "sqlite":
        engine = make_engine(tmp_path / "mailboxes.db", KEY, "BEGIN IMMEDIATE")
    else:
        engine = create_engine(request.getfixturevalue("fresh_url"))
    with engine.begin() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
    engine.dispose()
    again = opened.reopen()
    (stored,) = again.snapshot()
    assert stored.row == replace(ROW, last_id=2, maker=0)
    assert stored.left[STRANGERS] == held(b"two")
    again.commit([add(3, b"three"), add(4, b"one")])
    assert [row.blob for row in shown(again).rows] == [b"one", b"two", b"three"]


def test_one_process_serves_as_a_relay_in_a_database(fresh_url):
    store = open_database(fresh_url, RELAY)
    with pytest.raises(HomeInUse):
        open_database(fresh_url, RELAY)
    store.close()
    open_database(fresh_url, RELAY).close()


def test_a_database_that_is_not_there_is_told_in_one_line(tmp_path):
    for url in (f"postgresql+psycopg://dchat@/none?host={tmp_path}", "postgresql+none://x/y", "?"):
        with pytest.raises(StoreError, match="database of mailboxes"):
            open_database(url, RELAY)


def test_a_file_of_a_later_version_or_another_key_is_left_alone(tmp_path):
    from p2pchat.store.driver import connect

    path = tmp_path / "mailboxes.db"
    open_file(path, KEY, RELAY, MailboxLimits()).close()
    with pytest.raises(WrongKey):
        open_file(path, bytes(32), RELAY, MailboxLimits())
    connection = connect(path, KEY)
    connection.execute("UPDATE mailbox_form SET version = 3")
    connection.close()
    with pytest.raises(SchemaTooNew):
        open_file(path, KEY, RELAY, MailboxLimits())


def test_the_journal_of_the_file_is_cut_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAL_BYTES_MAX", 100_000)
    path = tmp_path / "mailboxes.db"
    journal = path.with_name("mailboxes.db-wal")
    store = open_file(path, KEY, RELAY, MailboxLimits())
    store.commit([ROW, *(add(1 + n, bytes([n]) * 60_000) for n in range(80))])
    assert journal.stat().st_size > 4_000_000
    store.commit([add(100, b"the first to go to the beginning of the journal")])
    assert journal.stat().st_size < 200_000
    store.close()


def test_the_file_has_a_size_that_it_cannot_outgrow_and_a_full_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SPARE_BYTES", 0)
    path = tmp_path / "mailboxes.db"
    store = open_file(path, KEY, RELAY, MailboxLimits(bytes_max=1_000_000))
    store.commit([ROW])

    def fill() -> None:
        for number in range(100):
            store.commit([add(1 + number, bytes([number]) * 60_000)])

    with pytest.raises(DiskFull):
        fill()
    kept = shown(store, without_blobs=True).rows
    assert 15 < len(kept) < 21
    assert path.stat().st_size <= 1_250_000
    store.commit([DropBlobs(MINE, tuple(row.id for row in kept))])
    store.commit([add(200, b"new")])
    assert [row.blob for row in shown(store).rows] == [b"new"]
    store.close()
