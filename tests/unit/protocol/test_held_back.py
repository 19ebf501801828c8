"""What waits in all logs together, and who gives of it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

import pytest

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.protocol import held_back
from p2pchat.protocol.held_back import HELD_BACK_BYTES_MAX, HeldBack, Share
from p2pchat.protocol.log import WAITING_BYTES_MAX, Log
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, MALLORY, Author, digest, person
from tests.unit.protocol.table import Table

BYTES = 40_000


def waiting(log: Log) -> int:
    return sum(op.size_bytes for op in log.waiting())


def flood(log: Log, name: str, count: int) -> None:
    """Mallory writes what follows something that never comes."""
    author = Author(MALLORY, ConversationId(digest(name)))
    author.write("never sent")
    for number in range(count):
        log.hold(author.write(f"{number}" + "x" * 1000))


def test_the_budget_of_all_is_that_of_a_few_logs():
    assert 2 * WAITING_BYTES_MAX < HELD_BACK_BYTES_MAX <= 64 << 20


def test_who_fills_many_logs_pushes_out_nobody_but_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_back, "HELD_BACK_BYTES_MAX", BYTES)
    budget = HeldBack()
    logs = [Log(100, budget) for _ in range(20)]
    honest = Author(BOB, ConversationId(digest("log 0")))
    first, second = honest.write(), honest.write("mine")
    assert logs[0].hold(second)
    for number, log in enumerate(logs):
        flood(log, f"log {number}", 10)
    assert BYTES // 2 < sum(map(waiting, logs)) <= BYTES * 1.2
    assert logs[0].released(first.id) == [second]


def test_what_is_over_is_told_to_who_holds(monkeypatch: pytest.MonkeyPatch):
    budget = HeldBack()
    one, other = Log(100, budget), Log(100, budget)
    flood(one, "one", 1)
    monkeypatch.setattr(held_back, "HELD_BACK_BYTES_MAX", waiting(one))
    author = Author(MALLORY, ConversationId(digest("other")))
    author.write()
    assert not other.hold(author.write())
    assert one.waiting_count == 0, "it holds more of the same device"


def test_a_log_that_is_forgotten_takes_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_back, "HELD_BACK_BYTES_MAX", BYTES)
    budget = HeldBack()
    left, stays = Log(100, budget), Log(100, budget)
    flood(left, "left", 25)
    del left
    gc.collect()
    flood(stays, "stays", 25)
    assert stays.waiting_count == 25


def test_many_rooms_of_one_contact_share_one_budget(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_back, "HELD_BACK_BYTES_MAX", BYTES)
    table = Table()
    alice, mallory = map(table.sit, (ALICE, MALLORY))
    table.connect(alice, mallory)
    table.befriend(alice, mallory)
    for number in range(4):
        room = mallory.create(f"crew {number}", ALICE)
        table.run(1)
        author = Author(MALLORY, room)
        author.write("never sent")
        for _ in range(15):
            alice.hear(MALLORY, Ops((author.write("x" * 1000),), (MALLORY.devices,)))
    logs = [conversation.log for conversation in alice.state.conversations.values()]
    assert 0 < sum(map(waiting, logs)) <= BYTES * 1.2


def test_what_goes_is_looked_for_once_and_not_in_all_logs_for_each_op(
    monkeypatch: pytest.MonkeyPatch,
):
    """Ops of ever other devices in hundreds of logs: each that goes is asked for where it lies."""
    monkeypatch.setattr(held_back, "HELD_BACK_BYTES_MAX", 4 * BYTES)
    asked = Counter[str]()
    monkeypatch.setattr(Share, "give", counted(asked, Share.give))
    budget = HeldBack()
    logs = [Log(100, budget) for _ in range(300)]
    held = 0
    for number, log in enumerate(logs):
        author = Author(person(f"author {number}"), ConversationId(digest(f"log {number}")))
        author.write()
        for _ in range(4):
            held += 1
            log.hold(author.write("x" * 400))
    gone = held - sum(log.waiting_count for log in logs)
    assert gone > 100
    assert asked["give"] == gone
    assert sum(map(waiting, logs)) <= 4 * BYTES


def counted(asked: Counter[str], give: Callable[[Share, DeviceId], None]):
    def count(share: Share, device: DeviceId) -> None:
        asked["give"] += 1
        give(share, device)

    return count
