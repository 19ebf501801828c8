"""Signals: what comes while a program starts is heeded when it has."""

import os
import signal
import sys

import pytest
import trio
import trio.lowlevel

from p2pchat.cli.signals import at_hangup, hangups
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
                with trio.fail_after(5):
                    await reloaded.wait()

    trio.run(main)
