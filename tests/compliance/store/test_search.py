"""Finding messages by their words: both stores find the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.change import Change, DropConversation, PutName, SetFloor, SetPublished
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.search import Query
from p2pchat.store import searching, sqlite
from p2pchat.store.driver import connect
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Store
from p2pchat.store.sqlite import SqliteStore
from tests.compliance.store.conftest import KEY
from tests.compliance.store.values import ALICE, BOB, OTHER_ROOM, ROOM, ROOMS, Writer


class Indexed(SqliteStore):
    """All that was committed is in the index."""

    def commit(self, changes: Sequence[Change]) -> None:
        super().commit(changes)
        self.catch_up()


@pytest.fixture(params=["memory", "looked at", "indexed"])
def store(request: pytest.FixtureRequest, empty_database: Path, tmp_path: Path) -> Iterator[Store]:
    """One that is in both rooms; with texts that are in its index, or not yet."""
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    kinds = {"looked at": SqliteStore, "indexed": Indexed}
    made = MemoryStore() if request.param == "memory" else kinds[request.param](path, KEY)
    made.commit(ROOMS)
    yield made
    made.close()


def found(
    store: Store, asked: str, conversation: ConversationId | None = None, limit: int = 50
) -> list[str]:
    query = Query.of(asked)
    assert query is not None
    return [message.text for message in store.search(query, conversation, limit)]


def test_the_newest_to_come_are_found_first_in_all_conversations_or_one(store: Store) -> None:
    here, there = Writer(), Writer(conversation=OTHER_ROOM)
    store.commit(here.message("first light", sort_key=9))
    store.commit(there.message("light rain", sort_key=1))
    store.commit(here.message("dark", sort_key=1))
    store.commit(here.message("Lights off", sort_key=1))
    assert found(store, "light") == ["Lights off", "light rain", "first light"]
    assert found(store, "light", limit=2) == ["Lights off", "light rain"]
    assert found(store, "light", limit=0) == []
    assert found(store, "light", ROOM) == ["Lights off", "first light"]
    assert found(store, "light", OTHER_ROOM) == ["light rain"]
    assert found(store, "light", ConversationId(bytes(32))) == []


def test_a_search_ends_after_so_many_rows_that_the_index_names(store, monkeypatch) -> None:
    monkeypatch.setattr(searching, "LOOKED_AT_MAX", 4)
    writer = Writer()
    store.commit(writer.message("你好"))
    for _ in range(7):
        store.commit(writer.message("你，好"))
    assert found(store, "你好", limit=2) == ([] if isinstance(store, Indexed) else ["你好"])


def test_what_is_found_is_told_as_history_tells_it(store: Store) -> None:
    alice = Writer()
    store.commit([*alice.message("hello"), PutName(ALICE.account, "Alice", 1)])
    store.commit([SetPublished(ROOM, 1)])
    query = Query.of("hello")
    assert query is not None
    (message,) = store.search(query, None, 50)
    assert message == store.message(alice.ops[0].id)
    assert (message.author_name, message.state) == ("Alice", MessageState.SENT)


def test_a_page_of_rows_that_only_the_index_takes_for_hits_does_not_end_the_search(
    store: Store,
) -> None:
    writer = Writer()
    store.commit(writer.message("你好"))
    for _ in range(7):
        store.commit(writer.message("你，好"))
    assert found(store, "你好", limit=2) == ["你好"]


def test_what_is_dropped_is_found_no_more_and_may_come_again(store: Store) -> None:
    here, there = Writer(), Writer(conversation=OTHER_ROOM)
    store.commit([*here.message("word one"), *here.message("word two"), *there.message("word")])
    store.commit([SetFloor(ROOM, ALICE.device, Chain.TALK, 1, here.ops[0].id)])
    assert found(store, "word") == ["word", "word two"]
    store.commit([DropConversation(OTHER_ROOM, BOB.device), *ROOMS])
    assert found(store, "word") == ["word two"]
    store.commit(Writer(conversation=OTHER_ROOM).message("word"))
    assert found(store, "word") == ["word", "word two"]


def test_words_of_what_is_dropped_leave_the_file(empty_database: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)

    def is_indexed() -> bool:
        with closing(connect(path, KEY)) as connection:
            connection.execute("INSERT INTO search(search) VALUES ('integrity-check')")
            blocks = connection.execute("SELECT block FROM search_data").fetchall()
        return any(b"unforgettable" in block for (block,) in blocks)

    with closing(Indexed(path, KEY)) as store:
        store.commit([*ROOMS, *Writer().message("unforgettable")])
        assert is_indexed()
        store.commit([DropConversation(ROOM, BOB.device)])
        assert not is_indexed()


def mark(path: Path) -> int:
    with closing(connect(path, KEY)) as connection:
        connection.execute("INSERT INTO search(search) VALUES ('integrity-check')")
        return connection.execute("SELECT upto FROM indexed").fetchone()[0]


def test_messages_are_found_before_and_after_the_index_has_come_to_them(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "INDEXED_AT_ONCE", 2)
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    writer = Writer()
    with closing(SqliteStore(path, KEY)) as store:
        store.commit(
            [*ROOMS, *(change for n in range(5) for change in writer.message(f"word {n}"))]
        )
        seen, marks = found(store, "word"), [mark(path)]
        while store.put_off:
            store.catch_up()
            marks.append(mark(path))
            assert found(store, "word") == seen == [f"word {n}" for n in reversed(range(5))]
    assert marks == [0, 2, 4, 5]


def test_who_ended_before_the_index_had_come_finds_everything_and_catches_up(
    empty_database: Path, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    with closing(SqliteStore(path, KEY)) as store:
        store.commit([*ROOMS, *Writer().message("one word")])
    with closing(SqliteStore(path, KEY)) as store:
        assert found(store, "word") == ["one word"]
        assert store.put_off
        store.catch_up()
        assert (mark(path), store.put_off) == (1, 0)
        assert found(store, "word") == ["one word"]


def test_a_row_number_that_is_given_again_below_the_mark_is_indexed_at_once(
    empty_database: Path, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    with closing(SqliteStore(path, KEY)) as store:
        store.commit([*ROOMS, *Writer().message("old word")])
        store.catch_up()
        store.commit([DropConversation(ROOM, BOB.device), *ROOMS])
        store.commit(Writer(conversation=OTHER_ROOM).message("new word"))
        store.catch_up()
        assert found(store, "word") == ["new word"]
        assert mark(path) == 1


def test_what_is_taken_back_before_it_is_indexed_never_comes_into_the_index(
    empty_database: Path, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    with closing(SqliteStore(path, KEY)) as store:
        store.commit([*ROOMS, *Writer().message("unforgettable")])
        store.commit([DropConversation(ROOM, BOB.device)])
        store.catch_up()
        with closing(connect(path, KEY)) as connection:
            blocks = connection.execute("SELECT block FROM search_data").fetchall()
    assert not any(b"unforgettable" in block for (block,) in blocks)
    assert mark(path) == 0


def test_no_commit_begins_while_more_are_unindexed_than_a_search_may_look_at(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "INDEXED_AT_ONCE", 2)
    monkeypatch.setattr(sqlite, "UNINDEXED_MAX", 3)
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    writer = Writer()
    with closing(SqliteStore(path, KEY)) as store:
        store.commit(
            [*ROOMS, *(change for n in range(9) for change in writer.message(f"word {n}"))]
        )
        assert mark(path) == 0
        store.commit(writer.message("last word"))
        assert mark(path) == 6
        assert len(found(store, "word")) == 10


def test_a_long_text_counts_for_several_messages(
    empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "INDEXED_AT_ONCE", 4)
    monkeypatch.setattr(sqlite, "UNINDEXED_MAX", 12)
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    writer, long = Writer(), "你" * 150  # of 450 bytes
    with closing(SqliteStore(path, KEY)) as store:
        store.commit([*ROOMS, *(change for _ in range(7) for change in writer.message(long))])
        assert store.put_off == 15
        marks = []
        while store.put_off:
            store.catch_up()
            marks.append(mark(path))
        assert marks == [2, 4, 6, 7]
        store.commit(writer.message("word" * 1_000))
        store.commit(writer.message("last word"))
        assert mark(path) == 8


_TEXTS = st.lists(
    st.text(st.sampled_from("abAB eéÉßİı你好，。が가ーΣςσй_-'\"*:()🎉𬀀１２\0")),
    min_size=1,
    max_size=6,
)
_ASKED = st.text(st.sampled_from("abAB eéÉßİı你好，が가Σςй-'\"*🎉𬀀１"), min_size=1, max_size=6)


@given(_TEXTS, st.lists(_ASKED, min_size=1, max_size=5))
def test_both_find_the_same(empty_database: Path, texts: list[str], asked: list[str]) -> None:
    changes = [change for text in texts for change in Writer(person=ALICE).message(text)]
    changes += ROOMS
    memory = MemoryStore()
    memory.commit(changes)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "store.db"
        shutil.copy(empty_database, path)
        disk = SqliteStore(path, KEY)
        disk.commit(changes)
        for one in asked * 2:
            query = Query.of(one)
            if query is not None:
                assert disk.search(query, ROOM, 50) == memory.search(query, ROOM, 50), one
            if one is asked[-1]:
                disk.catch_up()
        disk.close()
