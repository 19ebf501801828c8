from __future__ import annotations

from pathlib import Path

import pytest

from p2pchat.store import writing
from p2pchat.store.home import open_home
from p2pchat.store.port import Page
from tests.compliance.store.values import ROOM, ROOMS, Person, Writer


def test_more_ids_than_are_held_in_memory_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "KEYS_CACHED_MAX", 2)
    writers = [Writer(person=Person(f"{n}")) for n in range(5)]
    with open_home(tmp_path) as opened:
        opened.store.commit(ROOMS)
        for _ in range(2):
            for writer in writers:
                opened.store.commit(writer.messages(1))
        assert len(opened.store.history(ROOM, Page())) == 10
        assert len(opened.store.authors(ROOM)) == 5
        assert {head.id for head in opened.store.snapshot().heads} == {
            writer.ops[-1].id for writer in writers
        }
