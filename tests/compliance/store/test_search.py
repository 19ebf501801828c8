"""Finding messages by their words: both stores find the same."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.change import DropConversation, PutName, SetFloor, SetPublished
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.search import Query
from p2pchat.store import searching
from p2pchat.store.driver import connect
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import Store
from p2pchat.store.sqlite import SqliteStore
from tests.compliance.store.conftest import KEY
from tests.compliance.store.values import ALICE, BOB, OTHER_ROOM, ROOM, ROOMS, Writer


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
    in_memory = isinstance(store, MemoryStore)  # which has no index that names too many
    assert found(store, "你好", limit=2) == (["你好"] if in_memory else [])


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

    store = SqliteStore(path, KEY)
    store.commit([*ROOMS, *Writer().message("unforgettable")])
    assert is_indexed()
    store.commit([DropConversation(ROOM, BOB.device)])
    assert not is_indexed()
    store.close()


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
        for one in asked:
            query = Query.of(one)
            if query is not None:
                assert disk.search(query, ROOM, 50) == memory.search(query, ROOM, 50), one
        disk.close()
