from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from p2pchat.errors import DiskFull, HomeInUse, UnknownMessage
from p2pchat.model.change import Change, PutReceipt, PutSetting
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery
from p2pchat.store import home as home_module
from p2pchat.store import worker as worker_module
from p2pchat.store.home import open_home
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import READERS_MAX, AsyncStore, Page
from p2pchat.store.worker import InlineStore, open_home_aside, open_worker
from tests.compliance.store.values import ALICE, BOB, ROOM, ROOMS, Writer


def run_worker(home: Path, scenario: Callable[[AsyncStore], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(60), open_home(home) as opened:
            async with open_worker(opened.store) as store:
                await scenario(store)

    trio.run(main)


def run_inline(_: Path, scenario: Callable[[AsyncStore], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario(InlineStore(MemoryStore()))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize("run", [run_worker, run_inline])
def test_tasks_read_what_they_committed(
    tmp_path: Path, run: Callable[[Path, Callable[[AsyncStore], Awaitable[None]]], None]
) -> None:
    async def scenario(store: AsyncStore) -> None:
        writer = Writer()
        receipt = PutReceipt(ROOM, BOB.device, b"body", b"signature")
        await store.commit([*ROOMS, *writer.messages(3), receipt])
        (first, *_) = await store.history(ROOM, Page())
        assert await store.message(first.id) == first
        query = OpsQuery(ROOM, ALICE.device, Chain.TALK, 0, 2, 1 << 20)
        assert [op.id for op in await store.ops(query)] == [op.id for op in writer.ops[:2]]
        assert await store.authors(ROOM) == [(ALICE.account, "")]
        assert await store.receipts(ROOM) == [receipt]
        with pytest.raises(UnknownMessage):
            await store.history(ROOM, Page(before=Writer(person=BOB).op().op.id))

    run(tmp_path, scenario)


class GatedStore(MemoryStore):
    """Commits wait at a gate, so that a test decides what happens meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Semaphore(0)
        self.order: list[str] = []
        self.threads: set[int] = set()

    def commit(self, changes: Sequence[Change]) -> None:
        assert self.gate.acquire(timeout=30)
        self.threads.add(threading.get_ident())
        self.order += [change.name for change in changes if isinstance(change, PutSetting)]
        super().commit(changes)


def test_commits_run_in_order_on_one_other_thread_while_tasks_go_on() -> None:
    async def main() -> None:
        gated = GatedStore()
        names = [f"{n}" for n in range(20)]
        async with open_worker(gated) as store:
            with trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    for name in names:
                        nursery.start_soon(store.commit, [PutSetting(name, b"")])
                        await trio.testing.wait_all_tasks_blocked()
                    assert gated.order == []
                    gated.gate.release(len(names))
        assert gated.order == names
        assert len(gated.threads) == 1
        assert threading.get_ident() not in gated.threads

    trio.run(main)


def test_a_commit_that_is_cancelled_still_happens_before_its_task_goes_on() -> None:
    async def main() -> None:
        gated = GatedStore()
        async with open_worker(gated) as store, trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            done = trio.Event()

            async def commit() -> None:
                with scope:
                    await store.commit([PutSetting("theme", b"dark")])
                    assert gated.order == ["theme"]
                    await trio.sleep_forever()
                done.set()

            nursery.start_soon(commit)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert not done.is_set()
            gated.gate.release()
            with trio.fail_after(60):
                await done.wait()
        assert scope.cancelled_caught
        assert gated.snapshot().settings == {"theme": b"dark"}

    trio.run(main)


class FailingStore(MemoryStore):
    """Refuses every commit."""

    def commit(self, changes: Sequence[Change]) -> None:
        raise OSError("the disk is on fire")


@pytest.mark.parametrize("inline", [False, True])
def test_an_error_of_the_store_comes_out_of_the_commit(*, inline: bool) -> None:
    async def main() -> None:
        if inline:
            with pytest.raises(OSError, match="on fire"):
                await InlineStore(FailingStore()).commit([])
            return
        async with open_worker(FailingStore()) as store:
            for _ in range(2):
                with pytest.raises(OSError, match="on fire"):
                    await store.commit([])

    trio.run(main)


class LazyStore(GatedStore):
    """Puts one thing off with every commit, each of which takes so long on its clock."""

    def __init__(self, commit_s: float = 0.0) -> None:
        super().__init__()
        self.put_off = 0
        self.caught_up = threading.Event()
        self.now_s = 0.0
        self._commit_s = commit_s

    def commit(self, changes: Sequence[Change]) -> None:
        super().commit(changes)
        self.put_off += 1
        self.now_s += self._commit_s

    def catch_up(self) -> None:
        self.order.append("caught up")
        self.put_off = 0
        self.caught_up.set()


def order_of(monkeypatch: pytest.MonkeyPatch, store: LazyStore, commits: int) -> list[str]:
    """What was done in which order, with so many commits that wait before the first one runs."""
    monkeypatch.setattr(worker_module, "monotonic", lambda: store.now_s)

    async def main() -> None:
        async with open_worker(store) as worker:
            with trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    for number in range(commits):
                        nursery.start_soon(worker.commit, [PutSetting(f"{number}", b"")])
                        await trio.testing.wait_all_tasks_blocked()
                    store.gate.release(commits)
                await trio.to_thread.run_sync(store.caught_up.wait, 30)
        assert store.put_off == 0

    trio.run(main)
    return store.order


def test_what_commits_put_off_is_done_when_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert order_of(monkeypatch, LazyStore(), 3) == ["0", "1", "2", "caught up"]


def test_what_was_put_off_does_not_wait_for_ever_while_much_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker_module, "PUT_OFF_MAX", 2)
    done = order_of(monkeypatch, LazyStore(), 4)
    assert done == ["0", "1", "caught up", "2", "3", "caught up"]


def test_what_was_put_off_waits_no_longer_because_something_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = order_of(monkeypatch, LazyStore(commit_s=0.3), 6)
    assert done == ["0", "1", "2", "caught up", "3", "4", "5", "caught up"]


class Stuck(LazyStore):
    """What was put off cannot be done, until the disk has room again."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = True

    def catch_up(self) -> None:
        if self.is_full:
            self.caught_up.set()
            raise DiskFull("no room for the index of words")
        super().catch_up()


def test_when_what_was_put_off_fails_so_does_each_commit_until_it_is_done() -> None:
    async def main() -> None:
        store = Stuck()
        store.gate.release(2)
        async with open_worker(store) as worker:
            await worker.commit([PutSetting("soon", b"")])
            await trio.to_thread.run_sync(store.caught_up.wait, 30)
            raised = []
            for _ in range(3):
                with pytest.raises(DiskFull, match="index of words") as info:
                    await worker.commit([PutSetting("late", b"")])
                raised.append(info.value)
            assert len({id(error) for error in raised}) == 3
            assert store.order == ["soon"]
            store.is_full = False
            await worker.commit([PutSetting("after", b"")])
            assert store.order[:3] == ["soon", "caught up", "after"]

    trio.run(main)


def test_a_closed_worker_refuses_commits_and_leaves_no_thread() -> None:
    async def main() -> None:
        before = threading.active_count()
        async with open_worker(MemoryStore()) as store:
            assert threading.active_count() == before + 1
        assert threading.active_count() == before
        with pytest.raises(trio.ClosedResourceError):
            await store.commit([])

    trio.run(main)


def test_an_inline_commit_is_not_cancelled_either() -> None:
    async def main() -> None:
        memory = MemoryStore()
        with trio.CancelScope() as scope:
            scope.cancel()
            await InlineStore(memory).commit([PutSetting("theme", b"dark")])
            assert memory.snapshot().settings == {"theme": b"dark"}
        assert not scope.cancelled_caught

    trio.run(main)


def test_readers_do_not_wait_for_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        with open_home(tmp_path) as opened:
            opened.store.commit([*ROOMS, *Writer().messages(2)])
            opened.store.catch_up()
            with trio.fail_after(60):
                async with open_worker(opened.store) as store:
                    opened.store._connection.execute("BEGIN IMMEDIATE")
                    assert len(await store.history(ROOM, Page())) == 2
                    opened.store._connection.execute("ROLLBACK")

    trio.run(main)


def test_tasks_go_on_while_a_home_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_task_ran = threading.Event()
    prepare = home_module.prepare_database

    def prepare_when_let(*args: Any, **options: Any) -> None:
        assert other_task_ran.wait(timeout=30), "the opening holds the loop up"
        prepare(*args, **options)

    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:

                async def open_it() -> None:
                    async with open_home_aside(tmp_path) as opened:
                        assert opened.store.identity() is None

                nursery.start_soon(open_it)
                await trio.testing.wait_all_tasks_blocked()
                other_task_ran.set()

    monkeypatch.setattr(home_module, "prepare_database", prepare_when_let)
    trio.run(main)


def test_a_home_whose_opening_was_cancelled_is_closed_again(tmp_path: Path) -> None:
    async def main() -> None:
        with trio.CancelScope() as scope:
            async with open_home_aside(tmp_path):
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        with open_home(tmp_path):
            pass

    trio.run(main)


def test_what_forbids_to_open_a_home_comes_out_bare(tmp_path: Path) -> None:
    async def main() -> None:
        with open_home(tmp_path), pytest.raises(HomeInUse):
            async with open_home_aside(tmp_path):
                pass

    trio.run(main)


def test_however_many_read_for_long_others_read_meanwhile() -> None:
    may_end = threading.Event()
    at_once: list[int] = []

    def read_long() -> None:
        at_once.append(1)
        assert may_end.wait(timeout=30)
        assert at_once.pop() == 1
        assert at_once == []

    async def main() -> None:
        with trio.fail_after(60):
            async with open_worker(MemoryStore()) as store, trio.open_nursery() as nursery:
                for _ in range(READERS_MAX + 1):
                    nursery.start_soon(store.aside, read_long)
                await trio.testing.wait_all_tasks_blocked()
                with trio.move_on_after(20) as patience:
                    assert await store.authors(ROOM) == []
                may_end.set()
                assert not patience.cancelled_caught

    trio.run(main)
