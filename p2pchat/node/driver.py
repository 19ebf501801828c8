"""The driver: runs a pure machine. Inputs in, effects out, a batch at a time.

One task takes all inputs that wait, reads the clocks once, lets the machine decide on each in
order, and hands the effects of the whole batch to a carrier. While a carrier commits one batch the
next one collects, which is the group commit. Whatever a machine decides in one batch is carried
before it decides again, so a crash leaves a state that the machine could have been in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

import trio

from p2pchat.model.machine import ClearTimer, Machine, Reply, SetTimer, TimerFired
from p2pchat.node.ambient import Ambient
from p2pchat.node.calls import Calls
from p2pchat.node.timers import Timers

__all__ = ["Driver", "DriverConfig"]

logger = logging.getLogger(__name__)

I = TypeVar("I")  # noqa: E741 -- inputs
E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)

CHECKPOINT_EVERY = 16
"""Inputs decided on, or effects decided, between two chances for other tasks to run: one input may
hold as much work as many others."""


class Carrier(Protocol[E_contra]):
    """Carries out what a machine decided; timers and replies are the driver's."""

    async def carry(self, effects: Sequence[E_contra]) -> None:
        """Carry a batch in the order its kind demands. An exception ends the node."""
        ...


@dataclass(frozen=True, slots=True)
class DriverConfig:
    """The bounds of one driver."""

    inbox_inputs_max: int = 1024
    batch_inputs_max: int = 200


class Driver(Generic[I, E]):
    """One machine, its inbox, its timers, its callers."""

    def __init__(
        self,
        machine: Machine[I, E],
        carrier: Carrier[E],
        ambient: Ambient,
        config: DriverConfig,
        conclude: Callable[[Sequence[E]], None] | None = None,
    ) -> None:
        """`conclude` is told of each batch's effects after its replies."""
        self._machine = machine
        self._carrier = carrier
        self._ambient = ambient
        self._conclude = conclude
        self._batch_max = config.batch_inputs_max
        self._send, self._inbox = trio.open_memory_channel[I](config.inbox_inputs_max)
        self._timers = Timers(self._timer_fired)
        self._calls = Calls()
        self.is_busy = False
        """What was decided last is not carried yet: the machine knows more than the disk."""

    async def put(self, input: I) -> None:
        """Hand over an input; waits while the inbox is full, and so does its peer. No checkpoint
        otherwise: whoever reads from a peer waits there, and each turn of the loop costs."""
        try:
            self._send.send_nowait(input)
        except trio.WouldBlock:
            await self._send.send(input)

    async def call(self, make: Callable[[int], I]) -> object:
        """Hand over a command and wait for its reply.

        Raises what the machine answers, or `NodeClosed` when the node ends first. Cancelling
        gives up the waiting, not the command.
        """
        with self._calls.begin() as call:
            await self.put(make(call.id))
            return await call.outcome()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive until cancelled; started when what the start owed is carried."""
        try:
            async with trio.open_nursery() as nursery:
                await self._carry(self._machine.start(self._ambient.now()))
                nursery.start_soon(self._timers.run)
                task_status.started()
                async for first in self._inbox:
                    self.is_busy = True
                    await self._batch(first)
                    self.is_busy = False
        finally:
            self._calls.close()

    async def _batch(self, first: I) -> None:
        now = self._ambient.now()
        effects: list[E] = []
        work = 0
        for input in self._waiting(first):
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug("%s", type(input).__name__)
            decided = self._machine.handle(input, now)
            effects += decided
            work += max(len(decided), 1)
            if work >= CHECKPOINT_EVERY:
                work = 0
                await trio.lowlevel.checkpoint()
        effects += self._machine.settle(now)
        await self._carry(effects)

    def _waiting(self, first: I) -> list[I]:
        batch = [first]
        try:
            while len(batch) < self._batch_max:
                batch.append(self._inbox.receive_nowait())
        except trio.WouldBlock:
            pass  # that was all
        return batch

    async def _carry(self, effects: list[E]) -> None:
        if not effects:
            return
        # Who carries may have been cancelled already, while this task was in an await that
        # cancellation does not interrupt.
        await trio.lowlevel.checkpoint_if_cancelled()
        await self._carrier.carry(effects)
        for effect in effects:
            match effect:
                case SetTimer(name, delay_s):
                    self._timers.set(name, delay_s)
                case ClearTimer(name):
                    self._timers.clear(name)
                case Reply() as reply:
                    self._calls.resolve(reply)
                case _:
                    pass  # the carrier's
        if self._conclude is not None:
            self._conclude(effects)

    async def _timer_fired(self, name: str) -> None:
        await self.put(cast("Any", TimerFired(name)))
