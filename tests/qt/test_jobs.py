"""Jobs of the window: each ends with its owner, and what fails is told once."""

from __future__ import annotations

import asyncio

from p2pchat.errors import NodeClosed
from p2pchat_qt.jobs import Again, Jobs


async def fail():
    raise NodeClosed("the client is closed")


def test_an_error_is_told_and_a_cancelled_job_is_not():
    async def story():
        told = list[str]()
        jobs = Jobs(told.append)
        jobs.start(fail())
        jobs.start(asyncio.Event().wait())
        await asyncio.sleep(0)
        jobs.cancel()
        await jobs.aclose()
        assert told == ["the client is closed"]

    asyncio.run(story())


def test_what_was_cancelled_before_its_first_step_is_closed_without_a_warning():
    async def story():
        jobs = Jobs(print)
        jobs.start(fail())
        await jobs.aclose()
        assert jobs.start(fail()) is None  # nothing is begun any more

    asyncio.run(story())


class Reading:
    def __init__(self):
        self.jobs = Jobs(print)
        self.begun = 0
        self.go_on = asyncio.Event()
        self.again = Again(self.jobs, self.read)

    async def read(self):
        self.begun += 1
        await self.go_on.wait()


def test_what_is_asked_for_while_it_is_read_is_read_once_more():
    async def story():
        reading = Reading()
        for _ in range(5):
            reading.again.ask()
        await asyncio.sleep(0)
        reading.again.ask()
        reading.again.ask()
        reading.go_on.set()
        await asyncio.sleep(0.01)
        assert reading.begun == 2

    asyncio.run(story())


def test_what_was_cancelled_is_read_when_it_is_asked_for_again():
    async def story():
        reading = Reading()
        reading.go_on.set()
        reading.again.ask()
        reading.jobs.cancel()  # before its first step
        reading.again.ask()
        await asyncio.sleep(0.01)
        assert reading.begun == 1

    asyncio.run(story())
