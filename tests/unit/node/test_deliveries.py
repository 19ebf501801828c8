"""Waiting for one message: woken by its own end, by nothing else, and never for ever."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.errors import NodeClosed, UnknownMessage
from p2pchat.events import (
    ContactAccepted,
    ContactRequested,
    MessageReceived,
    MessageStateChanged,
)
from p2pchat.model.change import PutReceipt
from p2pchat.model.ids import OpId
from p2pchat.model.message import MessageState
from p2pchat.node.deliveries import Deliveries
from p2pchat.protocol.machine import Emit

MINE, OTHER = OpId(b"m" * 32), OpId(b"o" * 32)


def told(id: OpId, state: MessageState) -> Emit:
    return Emit(MessageStateChanged(id, state))


def test_a_waiter_is_woken_by_the_end_of_its_own_message_only():
    async def main() -> None:
        deliveries = Deliveries()
        with deliveries.waiting(MINE) as waiter:
            deliveries.conclude([told(OTHER, MessageState.DELIVERED)])
            deliveries.conclude([told(MINE, MessageState.SENT)])
            with trio.move_on_after(0) as scope:
                await waiter.state()
            assert scope.cancelled_caught
            deliveries.conclude([told(MINE, MessageState.FAILED)])
            assert await waiter.state() is MessageState.FAILED

    trio.run(main)


def test_several_may_wait_for_one_message_and_all_are_told():
    async def main() -> None:
        deliveries = Deliveries()
        with deliveries.waiting(MINE) as one, deliveries.waiting(MINE) as two:
            deliveries.conclude([told(MINE, MessageState.DELIVERED)])
            assert {await one.state(), await two.state()} == {MessageState.DELIVERED}
        deliveries.conclude([told(MINE, MessageState.DELIVERED)])  # nobody waits any more

    trio.run(main)


def test_who_waits_when_the_node_ends_is_told_so_and_nobody_waits_afterwards():
    async def main() -> None:
        deliveries = Deliveries()
        with deliveries.waiting(MINE) as waiter:
            deliveries.close()
            with pytest.raises(NodeClosed):
                await waiter.state()
        with pytest.raises(NodeClosed), deliveries.waiting(MINE):
            pass

    trio.run(main)


def test_who_asks_while_the_receipt_is_being_written_is_not_left_waiting():
    """The news of the receipt are told before it is on disk, and it takes the disk a while."""

    async def main() -> None:
        config = ClientConfig(fetch=False, listen=("/ip4/127.0.0.1/tcp/0",))
        async with (
            open_client(None, name="Alice", config=config) as alice,
            open_client(None, name="Bob", config=config) as bob,
            alice.subscribe(ContactAccepted, MessageStateChanged) as told_alice,
            bob.subscribe(ContactRequested) as told_bob,
        ):
            contact = await alice.add_contact(bob.contact_link)
            await bob.accept((await anext(told_bob)).account)
            await until(told_alice, lambda event: isinstance(event, ContactAccepted))
            store = alice._node.parts.store
            slow = SlowReceipts(store.commit)
            store.commit = slow.commit
            sent = await contact.send("Hello, Bob!")
            done = MessageStateChanged(sent.id, MessageState.DELIVERED)
            await until(told_alice, lambda event: event == done)
            await slow.is_writing.wait()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(slow.finish_soon)
                assert (await alice.wait_delivered(sent.id)).state is MessageState.DELIVERED

    async def bounded() -> None:
        with trio.fail_after(30):
            await main()

    trio.run(bounded)


class SlowReceipts:
    """Commits of receipts wait until they may go on; others do not."""

    def __init__(self, commit) -> None:
        self._commit = commit
        self._may_finish = trio.Event()
        self.is_writing = trio.Event()

    async def commit(self, changes) -> None:
        if any(isinstance(change, PutReceipt) for change in changes):
            self.is_writing.set()
            await self._may_finish.wait()
        await self._commit(changes)

    async def finish_soon(self) -> None:
        await trio.testing.wait_all_tasks_blocked(0.2)
        self._may_finish.set()


async def until(events, is_it) -> None:
    async for event in events:
        if is_it(event):
            return


def test_a_client_that_ended_neither_waits_nor_lets_others_subscribe():
    async def main() -> None:
        async with open_client(None, name="Alice", offline=True) as client:
            with pytest.raises(UnknownMessage):
                await client.wait_delivered(MINE)
            sent = await (await client.join_open("lounge")).send("to nobody")
        with trio.fail_after(60):
            with pytest.raises(NodeClosed):
                await client.wait_delivered(sent.id)
            with pytest.raises(NodeClosed):
                async with client.subscribe(MessageReceived):
                    pass

    trio.run(main)
