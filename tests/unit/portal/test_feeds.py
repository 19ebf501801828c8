"""A feed: bounded, in order, the newest alone where that is all that matters."""

from __future__ import annotations

import pytest
import trio

from p2pchat.events import ExportProgress, MembersChanged, NetworkStatusChanged
from p2pchat.model.ids import ConversationId
from p2pchat.node.hub import Hub
from p2pchat.portal.feeds import BATCH_MAX, EVENTS_MAX, Feed

ROOMS = [ConversationId(bytes([number // 256, number % 256] * 16)) for number in range(3_000)]


class Client:
    """As much of one as a feed knows."""

    def __init__(self, events_max: int = 10_000) -> None:
        self.hub = Hub(events_max)

    def subscribe(self, *kinds):
        return _Entered(self.hub.subscribe(*kinds))


class _Entered:
    def __init__(self, manager):
        self._manager = manager

    async def __aenter__(self):
        return self._manager.__enter__()

    async def __aexit__(self, *error):
        return self._manager.__exit__(*error)


def rooms(told):
    return [event["conversation"] for event in told]


def test_what_is_old_news_is_left_out():
    woken: list[None] = []
    feed = Feed(lambda: woken.append(None))
    for done in range(10):
        feed.put(ExportProgress(done, 10, is_import=False))
        feed.put(MembersChanged(ROOMS[done]))
        feed.put(NetworkStatusChanged("good", done))
    told = feed.take(100)
    assert [event["done"] for event in told if event["type"] == "ExportProgress"] == [9]
    assert [e["connected_peers"] for e in told if e["type"] == "NetworkStatusChanged"] == [9]
    assert len([event for event in told if event["type"] == "MembersChanged"]) == 10
    assert len(woken) == 1


def test_events_keep_their_order_over_any_number_of_takes():
    feed = Feed(lambda: None)
    for room in ROOMS[:30]:
        feed.put(MembersChanged(room))
    taken = [*feed.take(7), *feed.take(7), *feed.take(100)]
    assert rooms(taken) == [str(room) for room in ROOMS[:30]]
    assert feed.take(1) == []


def test_a_slow_reader_holds_nobody_up_and_is_told_what_it_missed():
    async def main():
        client, feed = Client(events_max=100), Feed(lambda: None)
        async with trio.open_nursery() as nursery:
            await nursery.start(feed.pump, client)
            for room in ROOMS:
                client.hub.emit(MembersChanged(room))
                await trio.testing.wait_all_tasks_blocked()
            read: list[dict[str, object]] = []
            while taken := feed.take(BATCH_MAX):
                assert len(taken) <= BATCH_MAX
                read += taken
                await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        dropped = sum(event["count"] for event in read if event["type"] == "EventsDropped")
        kept = [event for event in read if event["type"] == "MembersChanged"]
        assert EVENTS_MAX <= len(kept) <= EVENTS_MAX + 101
        assert len(kept) + dropped == len(ROOMS)
        assert rooms(kept) == [str(room) for room in ROOMS[: len(kept)]]

    trio.run(main)


def test_who_leaves_is_carried_for_no_longer():
    async def main():
        client, feed = Client(), Feed(lambda: None)
        async with trio.open_nursery() as nursery:
            await nursery.start(feed.pump, client)
            for room in ROOMS[: EVENTS_MAX + 5]:
                client.hub.emit(MembersChanged(room))
            await trio.testing.wait_all_tasks_blocked()
            feed.leave()
            client.hub.emit(MembersChanged(ROOMS[0]))
        assert feed.take(10) == []

    trio.run(main)


def test_what_ended_the_client_is_raised_once_and_after_what_came_before():
    feed = Feed(lambda: None)
    feed.put(MembersChanged(ROOMS[0]))
    feed.close(ValueError("broken"))
    assert not feed.is_over
    assert len(feed.take(10)) == 1
    with pytest.raises(ValueError, match="broken"):
        assert feed.is_over
    assert feed.is_over
