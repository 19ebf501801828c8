"""One line and an exit status for what may go wrong, a traceback for what may not."""

from __future__ import annotations

import errno
import os

import pytest
import trio

from p2pchat.cli.failing import WrongUsage, complain, run
from p2pchat.errors import DiskFull, HomeInUse, NodeClosed


def failed(error, capsys):
    """Exit status and the lines on standard error of a program that raises this."""

    async def main():
        raise error

    status = run("p2pchat", main)
    return status, capsys.readouterr().err.splitlines()


def test_a_program_that_ends_well_gives_its_own_status():
    async def main():
        await trio.lowlevel.checkpoint()
        return 130

    assert run("p2pchat", main) == 130


def test_an_error_of_ours_is_one_line(capsys):
    assert failed(HomeInUse("the home is taken"), capsys) == (1, ["p2pchat: the home is taken"])


def test_wrong_usage_has_a_status_of_its_own(capsys):
    assert failed(WrongUsage("no such thing"), capsys) == (2, ["p2pchat: no such thing"])


def test_an_error_is_taken_out_of_its_groups(capsys):
    group = ExceptionGroup("", [ExceptionGroup("", [DiskFull("no room")])])
    assert failed(group, capsys) == (1, ["p2pchat: no room"])


def test_of_several_errors_ours_explains_the_others(capsys):
    group = ExceptionGroup("", [OSError(errno.EIO, "input/output"), NodeClosed("it stopped")])
    assert failed(group, capsys) == (1, ["p2pchat: it stopped"])


def test_an_interrupt_is_silent(capsys):
    assert failed(KeyboardInterrupt(), capsys) == (130, [])
    group = BaseExceptionGroup("", [NodeClosed("it stopped"), KeyboardInterrupt()])
    assert failed(group, capsys) == (130, [])


def test_the_system_s_refusal_is_one_line(capsys):
    status, [line] = failed(PermissionError(errno.EACCES, "denied", "file"), capsys)
    assert status == 1
    assert "denied" in line
    assert "file" in line


def test_a_full_disk_is_said_in_words(capsys):
    status, [line] = failed(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), capsys)
    assert status == 1
    assert "disk is full" in line


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: ExceptionGroup("", [e, DiskFull("x")])])
def test_what_nobody_foresaw_keeps_its_traceback(wrap, capsys):
    error = wrap(ZeroDivisionError("a fault of ours"))
    with pytest.raises(type(error)):
        failed(error, capsys)


def test_no_message_breaks_its_line_or_draws_on_the_screen(capsys):
    complain("p2pchat", "two\nlines and \x1b[31mred")
    assert capsys.readouterr().err == "p2pchat: two\\nlines and \\x1b[31mred\n"
