"""The trace: a hash over everything, text of the newest."""

from __future__ import annotations

import trio
import trio.testing

from p2pchat.testing.trace import Trace


def traced(*notes, pause_s=1.0):
    """A trace with these notes, a pause between them."""

    async def main():
        trace = Trace(lines_max=3)
        for note in notes:
            trace.note(*note)
            await trio.sleep(pause_s)
        return trace

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_line_holds_time_source_target_kind_and_ids():
    trace = traced(("alice", "bob", "op", 7, "abc"), ("bob", "alice", "ack"))
    assert trace.tail() == "0.000000 alice > bob op 7 abc\n1.000000 bob > alice ack"


def test_equal_histories_have_equal_digests():
    notes = [("alice", "bob", "op"), ("bob", "alice", "ack")]
    assert traced(*notes).digest == traced(*notes).digest


def test_every_part_and_the_order_count():
    base = [("alice", "bob", "op", 1), ("bob", "alice", "ack", 1)]
    variants = [
        base,
        base[::-1],
        [("alice", "bob", "op", 2), base[1]],
        [("alice", "bob", "other", 1), base[1]],
        [("carol", "bob", "op", 1), base[1]],
        [("alice", "carol", "op", 1), base[1]],
        base[:1],
    ]
    digests = {traced(*notes).digest for notes in variants} | {traced(*base, pause_s=2.0).digest}
    assert len(digests) == len(variants) + 1


def test_only_the_newest_lines_are_kept_and_all_are_hashed():
    notes = [("alice", "bob", str(number)) for number in range(10)]
    trace = traced(*notes)
    assert [line.split()[-1] for line in trace.tail().splitlines()] == ["7", "8", "9"]
    assert trace.tail(1).endswith("9")
    assert trace.count == 10
    assert trace.digest != traced(*notes[1:]).digest
