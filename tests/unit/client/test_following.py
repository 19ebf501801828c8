"""Following a conversation: all of its history, then what comes, and nothing lost to slowness."""

from __future__ import annotations

import trio

from p2pchat.client import handles
from p2pchat.client.handles import Messages
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, Limits
from p2pchat.events import MessageReceived
from p2pchat.model.message import Message
from tests.compliance.store.values import BOB, Writer

SMALL = ClientConfig(limits=Limits(subscriber_events_max=2), fetch=False)


class Scene:
    """A room in memory, and somebody else who writes there."""

    def __init__(self, client, room) -> None:
        self.room = room
        self._node = client._node
        self._bob = Writer(person=BOB, conversation=room.id, own=False)

    async def come(self, *texts: str, sort_key: int) -> None:
        """Messages are stored and told of, as a node does it."""
        for text in texts:
            changes = self._bob.message(text, sort_key=sort_key)
            await self._node.parts.store.commit(changes)
            stored = await self._node.parts.store.message(self._bob.ops[-1].id)
            self._node.hub.emit(MessageReceived(stored))


def in_a_room(story) -> None:
    async def main() -> None:
        async with open_client(None, name="Alice", config=SMALL, offline=True) as client:
            await story(Scene(client, await client.join_open("lounge")))

    trio.run(main)


async def take(messages: Messages, count: int) -> list[Message]:
    iterator = aiter(messages)
    with trio.fail_after(60):
        return [await anext(iterator) for _ in range(count)]


async def is_quiet(messages: Messages) -> bool:
    with trio.move_on_after(0.02) as scope:
        await anext(aiter(messages))
    return scope.cancelled_caught


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def test_a_long_history_is_walked_from_its_beginning_a_page_at_a_time(monkeypatch):
    monkeypatch.setattr(handles, "CATCH_UP_PAGE", 3)

    async def story(scene: Scene) -> None:
        expected = [str(key) for key in range(10)]
        for key in range(10):
            await scene.come(str(key), sort_key=key)
        async with scene.room.messages() as messages:
            assert texts(await take(messages, 1)) == ["0"]
            assert len(messages._page) == 2, "only a page is in memory"
            assert texts(await take(messages, 9)) == expected[1:]
            await scene.come("live", sort_key=11)
            assert texts(await take(messages, 1)) == ["live"]
            assert await is_quiet(messages)
        anchor = (await scene.room.history(limit=4))[0]
        async with scene.room.messages(since=anchor.id) as messages:
            assert texts(await take(messages, 3)) == ["8", "9", "live"]

    in_a_room(story)


def test_late_messages_that_a_slow_reader_missed_come_although_they_sort_first():
    async def story(scene: Scene) -> None:
        await scene.come("first", sort_key=100)
        async with scene.room.messages() as messages:
            assert texts(await take(messages, 1)) == ["first"]
            await scene.come("a", "b", sort_key=200)
            await scene.come("late", sort_key=5)  # dropped: two fit
            assert sorted(texts(await take(messages, 3))) == ["a", "b", "late"]
            assert await is_quiet(messages)

    in_a_room(story)


def test_a_reader_of_many_is_fed_again_from_the_newest_only(monkeypatch):
    monkeypatch.setattr(handles, "CATCH_UP_PAGE", 2)
    monkeypatch.setattr(handles, "REREAD_MAX", 4)
    monkeypatch.setattr(handles, "SHOWN_MAX", 8)

    async def story(scene: Scene) -> None:
        for key in range(20):
            await scene.come(str(key), sort_key=key)
        async with scene.room.messages() as messages:
            assert len(await take(messages, 20)) == 20
            await scene.come("a", "b", "c", sort_key=50)
            await scene.come("too late", sort_key=3)
            assert sorted(texts(await take(messages, 3))) == ["a", "b", "c"]
            assert await is_quiet(messages)
            assert "too late" in texts(await scene.room.history())

    in_a_room(story)


def test_our_own_messages_come_too():
    async def story(scene: Scene) -> None:
        async with scene.room.messages() as messages:
            await scene.room.send("mine")
            assert texts(await take(messages, 1)) == ["mine"]

    in_a_room(story)
