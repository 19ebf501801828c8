"""Lines from a stream, however it is cut into chunks."""

from __future__ import annotations

import subprocess
import sys

import trio
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.cli.stdio import LineReader

LINE_BYTES_MAX = 8


class Chunks(trio.abc.ReceiveStream):
    """A stream that gives these chunks, then its end, or breaks."""

    def __init__(self, chunks, breaks=False):
        self._chunks = [chunk for chunk in chunks if chunk]
        self._breaks = breaks

    async def receive_some(self, max_bytes=None):
        await trio.lowlevel.checkpoint()
        if not self._chunks and self._breaks:
            raise trio.BrokenResourceError
        return self._chunks.pop(0) if self._chunks else b""

    async def aclose(self):
        await trio.lowlevel.checkpoint()


def lines_of(*chunks, breaks=False):
    async def main():
        reader = LineReader(Chunks(chunks, breaks), LINE_BYTES_MAX)
        lines = []
        while batch := await reader.receive():
            lines += batch
        return lines

    return trio.run(main)


def test_lines_come_whole_from_chunks_that_cut_them():
    assert lines_of(b"on", b"e\ntwo\nth", b"ree\n") == [b"one", b"two", b"three"]


def test_a_last_line_without_its_end_counts():
    assert lines_of(b"one\ntwo") == [b"one", b"two"]


def test_a_stream_that_breaks_has_ended():
    assert lines_of(b"one\ntw", breaks=True) == [b"one", b"tw"]


def test_a_line_over_the_limit_is_seen_to_be_over_and_takes_no_more_memory():
    assert lines_of(b"x" * 50, b"x" * 50, b"\nok\n") == [b"x" * 9, b"ok"]


def test_a_line_at_the_limit_is_whole():
    assert lines_of(b"x" * 8 + b"\n" + b"y" * 9 + b"\n") == [b"x" * 8, b"y" * 9]


@given(st.lists(st.binary(max_size=LINE_BYTES_MAX).filter(lambda b: b"\n" not in b)), st.data())
def test_chunks_of_any_size_give_the_same_lines(lines, data):
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert lines_of(*chunks) == lines


def test_nothing_but_the_stream_reaches_standard_output():
    code = """
import os, sys, trio
from p2pchat.cli.stdio import open_stdio
async def main():
    print("before")
    async with open_stdio() as (reader, writer):
        print("stray", flush=True)
        os.write(1, b"stray, too\\n")
        await writer.send_all(b"echo " + await reader.receive_some())
trio.run(main)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], input=b"hello\n", capture_output=True, check=True
    )
    assert run.stdout == b"before\necho hello\n"
    assert run.stderr == b"stray\nstray, too\n"
