"""Signals: what comes while a program starts is heeded when it has."""

import os
import signal
import sys

import pytest
import trio
import trio.lowlevel

from p2pchat.cli.failing import run
from p2pchat.cli.signals import at_hangup, at_the_keyboard, hangups, interruptible
from p2pchat.config import ConfigChange

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")


def test_a_hangup_during_the_start_reloads_after_it():
    reloaded = trio.Event()

    async def reload() -> ConfigChange:
        reloaded.set()
        return ConfigChange((), ())

    async def main() -> None:
        with hangups() as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            await trio.lowlevel.checkpoint()
            assert not reloaded.is_set()
            async with at_hangup(signals, reload):
                with trio.fail_after(60):
                    await reloaded.wait()

    trio.run(main)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_in_order(number, status):
    closed = []

    async def command() -> int:
        try:
            os.kill(os.getpid(), number)
            await trio.sleep_forever()
        finally:
            closed.append(True)
        return 0

    assert trio.run(interruptible(command)) == status
    assert closed == [True]


def test_a_command_that_ends_by_itself_has_its_own_status():
    async def command() -> int:
        return 3

    assert trio.run(interruptible(command)) == 3


def test_an_interrupt_is_not_lost_where_nothing_is_raised_for_long():
    """Python's own `KeyboardInterrupt` is, in a destructor."""

    class Swallows:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    async def command() -> int:
        Swallows()
        await trio.sleep_forever()
        return 0

    assert trio.run(interruptible(command)) == 130


def test_who_types_can_still_break_off():
    async def command() -> int:
        with at_the_keyboard():
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("interrupted before")
        return 0

    assert run("p2pchat", interruptible(command)) == 130
