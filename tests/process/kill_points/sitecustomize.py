"""Kills its own process at a named point: on the path of a client under test, by environment.

`P2PCHAT_KILL_AT=after_commit:2` ends the process, as a power cut would, when it passes that point
for the second time. Points are passed for ops and receipts of conversations only.
"""

import os
import signal

WHERE = os.environ.get("P2PCHAT_KILL_AT", "")


def install(point: str, left: int) -> None:
    from p2pchat.model.change import AddOp
    from p2pchat.node import carrier
    from p2pchat.node.node import Node
    from p2pchat.protocol.machine import Received
    from p2pchat.store.worker import StoreWorker
    from p2pchat.wire.frames import Ops
    from p2pchat.wire.receipts import SignedReceipt

    def passed(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    put, commit, encode = Node._put, StoreWorker.commit, carrier.encode_frame

    async def put_and_die(self, input):
        if isinstance(input, Received) and isinstance(input.frame, Ops):
            passed("received")
        if isinstance(input, Received) and isinstance(input.frame, SignedReceipt):
            passed("receipt_received")
        await put(self, input)

    async def commit_and_die(self, changes):
        has_ops = any(isinstance(change, AddOp) for change in changes)
        if has_ops:
            passed("before_commit")
        await commit(self, changes)
        if has_ops:
            passed("after_commit")

    def encode_and_die(frame):
        if isinstance(frame, SignedReceipt):
            passed("before_receipt")
        if isinstance(frame, Ops):
            passed("before_send")
        return encode(frame)

    Node._put = put_and_die
    StoreWorker.commit = commit_and_die
    carrier.encode_frame = encode_and_die


if WHERE:
    name, _, count = WHERE.partition(":")
    install(name, int(count))
