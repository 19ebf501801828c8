"""Loses messages on the wire: on the path of a client under test, by environment.

`P2PCHAT_LOSE=FILE`: as long as FILE is there, whatever comes in with "lost" in its content is
thrown away as if no packet had brought it, and so is all catching up, which would bring it at once.
"""

import os
from dataclasses import replace

FILE = os.environ.get("P2PCHAT_LOSE", "")


def install(file: str) -> None:
    from p2pchat.node.node import Node
    from p2pchat.protocol.machine import Heard, Received
    from p2pchat.wire.frames import Ops, SyncDigest, SyncFrontier, SyncPage, SyncPull

    put = Node._put

    def left(ops: Ops) -> Ops | None:
        kept = tuple(op for op in ops.ops if b"lost" not in (op.content or b""))
        return replace(ops, ops=kept) if kept else None

    async def put_what_is_not_lost(self, input):
        match input if os.path.exists(file) else None:  # noqa: ASYNC240
            case Received(_, SyncDigest() | SyncFrontier() | SyncPage() | SyncPull()):
                return
            case Received(_, Ops() as ops):
                kept = left(ops)
                input = replace(input, frame=kept) if kept is not None else None
            case Heard() as heard:
                kept = left(heard.ops)
                input = replace(input, ops=kept) if kept is not None else None
            case _:
                pass
        if input is not None:
            await put(self, input)

    Node._put = put_what_is_not_lost


if FILE:
    install(FILE)
