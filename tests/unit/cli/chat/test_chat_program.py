"""What waits between the terminal and the client, and between the log and the screen."""

from __future__ import annotations

import logging

import trio
import trio.testing

from p2pchat.cli.chat import program
from p2pchat.cli.chat.program import INPUTS_MAX, LOG_RECORDS_MAX
from p2pchat.cli.chat.terminal import Typed


def test_what_is_typed_faster_than_it_is_obeyed_is_lost():
    async def main():
        inputs, taken = trio.open_memory_channel(INPUTS_MAX)
        token = trio.lowlevel.current_trio_token()
        for number in range(INPUTS_MAX + 2):
            program._offer(token, inputs, Typed(str(number)))
        with trio.fail_after(10):
            await trio.testing.wait_all_tasks_blocked()
            lines = [(await taken.receive()).line for _ in range(INPUTS_MAX)]
        assert lines == [str(number) for number in range(INPUTS_MAX)]
        assert taken.statistics().current_buffer_used == 0

    trio.run(main)


def test_the_latest_of_the_log_is_shown_when_the_screen_is_given_back(caplog):
    log = logging.getLogger("p2pchat.tests.chat")
    with program._log_held_back():
        for number in range(LOG_RECORDS_MAX + 1):
            log.warning("record %d", number)
        assert caplog.messages == []
    assert caplog.messages == [f"record {number}" for number in range(1, LOG_RECORDS_MAX + 1)]
