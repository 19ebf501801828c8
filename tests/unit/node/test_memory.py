"""Peers met are written together, and the last ones at the end."""

from __future__ import annotations

from collections.abc import Sequence

import trio
import trio.testing

from p2pchat.model.change import Change, DropPeer, PutPeer
from p2pchat.node.memory import SAVE_EVERY_S, PeerMemory
from tests.unit.protocol.people import person

A, B = (person(name).device.peer_id for name in "ab")


def test_a_storm_of_changes_is_one_transaction_with_the_newest_of_each_peer():
    written: list[tuple[float, list[Change]]] = []

    async def commit(changes: Sequence[Change]) -> None:
        await trio.lowlevel.checkpoint()
        written.append((trio.current_time(), list(changes)))

    async def main() -> None:
        memory = PeerMemory(commit)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(memory.run)
            for at_ms in range(100):
                await memory.note(PutPeer(A, (), at_ms))
            await memory.note(DropPeer(B))
            await trio.sleep(3 * SAVE_EVERY_S + 1)
            await memory.note(PutPeer(B, (), 7))
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert written == [
        (SAVE_EVERY_S, [PutPeer(A, (), 99), DropPeer(B)]),
        (3 * SAVE_EVERY_S + 1, [PutPeer(B, (), 7)]),
    ]
