"""Long conversations before a pretended client: what scrolling and catching up ask of a window."""

from __future__ import annotations

import asyncio

from tests.qt.pretended import Client, contact, message, settled, talking
from tests.qt.screen import until
from tests.qt.test_seeing import seeing


def answering(count: int) -> list:
    """Messages of which each replies to the one before it."""
    return [message(n, reply_to=f"A{n - 1}" if n else None) for n in range(count)]


def test_older_pages_are_read_while_one_scrolls_on(run):
    async def story():
        async with seeing(Client(said={"A": answering(300)})) as screen:
            messages, window = await screen.item("messages"), screen.app.views.chat.shown.window
            first = window.first
            while window.first == first:
                place = messages.property("contentY")
                assert place > messages.property("originY"), "one stands at the top and waits"
                messages.setProperty("contentY", place - 10)
                await asyncio.sleep(0)

    run(story())


def test_a_conversation_is_left_from_its_middle_without_a_complaint(run, complaints):
    async def story():
        client = Client(said={"A": answering(400)}, unread={"A": 350})
        client.contacts = [contact("A", "Ann"), contact("B", "Bob")]
        async with seeing(client) as screen:
            for id in ("B", "A", "B"):
                screen.app.views.chat.open(id)
                await until(lambda: screen.app.views.chat.value("isLoaded"))
                await screen.frame()
        assert complaints == []

    run(story())


def test_of_what_came_at_once_a_few_rows_are_built_in_a_turn(run):
    async def story():
        async with talking(Client(said={"A": [message(0)]})) as talk:
            counts = list[int]()
            talk.chat.shown.rowsInserted.connect(lambda _, a, b: counts.append(b - a + 1))
            for n in range(1, 41):
                talk.client.say(message(n))
            talk.tell({"type": "MessageReceived", "message": message(40)})
            await settled(talk, lambda: len(talk.shown()) == 41)
            assert talk.shown() == [f"A{n}" for n in range(41)]
            assert max(counts) <= 6

    run(story())


def test_what_came_is_not_put_behind_another_page_that_is_shown_meanwhile(run):
    async def story():
        async with talking(Client(said={"A": [message(n) for n in range(500)]})) as talk:
            model, is_shown = talk.chat.shown, list[bool]()

            def show_another() -> None:
                if not is_shown:
                    is_shown.append(True)
                    older = [message(n) for n in range(100)]
                    asyncio.get_running_loop().call_soon(
                        lambda: model.show(older, has_older=False, has_newer=True)
                    )

            for n in range(500, 540):
                talk.client.say(message(n))
            model.rowsInserted.connect(show_another)
            talk.tell({"type": "MessageReceived", "message": message(539)})
            await settled(talk, lambda: is_shown)
            await settled(talk, lambda: len(talk.client._of("history")) >= 3)
            await asyncio.sleep(0.1)
            places = [int(id[1:]) for id in talk.shown()]
            assert places == list(range(places[0], places[0] + len(places)))

    run(story())
