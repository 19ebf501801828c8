"""Running something while a block lasts, so that an error comes out as it was raised.

A nursery wraps whatever leaves it in a group. Who opens a node has no part in its tasks: their own
error shall reach them as they raised it, and a node that cannot go on as the one thing it died of.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Protocol, cast

import trio

from p2pchat.errors import P2PChatError

__all__ = ["running"]


class Runner(Protocol):
    """What runs until cancelled, and says when it has begun."""

    async def __call__(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


@asynccontextmanager
async def running(run: Runner) -> AsyncGenerator[None]:
    """Run while the block lasts. What the block raises comes out bare; when `run` fails the block
    is cancelled and ends with that failure."""
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            try:
                yield
            except BaseException as error:
                # Raised below, outside of the nursery: it is not one of a group of ours.
                failure = error
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _reason(group) from group
    if failure is not None:
        raise failure


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What to tell: the foreseen error, or the only one, or all of them."""
    leaves = list(_leaves(group))
    foreseen = [leaf for leaf in leaves if isinstance(leaf, P2PChatError)]
    if len(leaves) == 1:
        return leaves[0]
    return foreseen[0] if len(foreseen) == len(leaves) else group


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    group = cast("BaseExceptionGroup[BaseException]", error)
    for inner in group.exceptions:
        yield from _leaves(inner)
