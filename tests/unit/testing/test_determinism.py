"""The canary for trio's scheduler, and what a pinned run promises."""

from __future__ import annotations

import pytest
import trio
import trio._core._run as scheduler

from p2pchat.testing import determinism
from p2pchat.testing.determinism import SchedulerChanged, pinned_scheduler, run_simulation, seeded


async def order_of_tasks(count: int = 30) -> list[int]:
    """In which order trio runs tasks that are ready together."""
    order = []

    async def run(number: int) -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(run, number)
    return order


def test_one_seed_is_one_order_of_tasks():
    assert run_simulation(order_of_tasks, 7) == run_simulation(order_of_tasks, 7)


def test_another_seed_is_another_order_of_tasks():
    orders = {tuple(run_simulation(order_of_tasks, seed)) for seed in range(20)}
    assert len(orders) == 20


def test_time_is_virtual_and_starts_at_zero():
    async def main():
        before_s = trio.current_time()
        await trio.sleep(86_400)
        return before_s, trio.current_time()

    assert run_simulation(main, 1) == (0.0, 86_400.0)


def test_arguments_go_in_and_the_result_comes_out():
    async def add(left: int, right: int) -> int:
        return left + right

    assert run_simulation(add, 1, 2, 3) == 5


@pytest.mark.parametrize("switch", [False, True])
def test_trio_is_as_it_was_after_a_simulation(switch, monkeypatch):
    monkeypatch.setattr(scheduler, "_ALLOW_DETERMINISTIC_SCHEDULING", switch)
    state = scheduler._r.getstate()

    async def fail():
        raise ZeroDivisionError

    run_simulation(order_of_tasks, 7)
    with pytest.raises(ZeroDivisionError):
        run_simulation(fail, 7)
    assert scheduler._r.getstate() == state
    assert scheduler._ALLOW_DETERMINISTIC_SCHEDULING is switch


@pytest.mark.parametrize("line", determinism._USES)
def test_another_way_of_scheduling_is_noticed(line, monkeypatch):
    source = determinism.inspect.getsource(scheduler)
    monkeypatch.setattr(
        determinism.inspect, "getsource", lambda module: source.replace(line, "pass")
    )
    determinism._private_names.cache_clear()
    with pytest.raises(SchedulerChanged, match=r"determinism\.py"), pinned_scheduler(1):
        pass
    monkeypatch.undo()
    determinism._private_names.cache_clear()
    with pinned_scheduler(1):
        pass


def test_a_generator_belongs_to_one_seed_peer_and_purpose():
    assert seeded(1, "alice", "kad").random() == seeded(1, "alice", "kad").random()
    assert seeded(1, "alice", "kad").random() != seeded(1, "alice", "mesh").random()
