from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import Change, PutReceipt, PutSetting
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery
from p2pchat.store.home import open_home
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import AsyncStore, Page
from p2pchat.store.worker import InlineStore, open_worker
from tests.compliance.store.values import ALICE, BOB, ROOM, Writer


def run_worker(home: Path, scenario: Callable[[AsyncStore], Awaitable[None]]) -> None:
    async def main() -> None:
        with trio.fail_after(30), open_home(home) as opened:
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
        await store.commit([*writer.messages(3), receipt])
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
        assert self.gate.acquire(timeout=10)
        self.threads.add(threading.get_ident())
        self.order += [change.name for change in changes if isinstance(change, PutSetting)]
        super().commit(changes)


def test_commits_run_in_order_on_one_other_thread_while_tasks_go_on() -> None:
    async def main() -> None:
        gated = GatedStore()
        names = [f"{n}" for n in range(20)]
        async with open_worker(gated) as store:
            with trio.fail_after(30):
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
            with trio.fail_after(30):
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
            opened.store.commit(Writer().messages(2))
            with trio.fail_after(30):
                async with open_worker(opened.store) as store:
                    opened.store._connection.execute("BEGIN IMMEDIATE")
                    assert len(await store.history(ROOM, Page())) == 2
                    opened.store._connection.execute("ROLLBACK")

    trio.run(main)
