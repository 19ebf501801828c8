"""The open conversation without a window: what is shown, what counts as read, what was typed."""

from __future__ import annotations

import asyncio

import pytest

from tests.qt.pretended import ME, Client, contact, message, settled, talking


def run(story):
    asyncio.run(story)


def three(where="A"):
    return [message(at, where) for at in (0, 10, 20)]


# What is shown


def test_a_message_that_sorts_before_the_last_one_stands_in_its_place(application):
    async def story():
        client = Client(said={"A": three()})
        async with talking(client) as talk:
            talk.receive(message(15))
            await settled(talk, lambda: talk.shown() == ["A0", "A10", "A15", "A20"])
            talk.receive(message(-5))
            await settled(talk, lambda: talk.shown() == ["A-5", "A0", "A10", "A15", "A20"])

    run(story())


def test_two_that_cross_are_both_there_and_only_then_read(application):
    async def story():
        client = Client(said={"A": three()})
        async with talking(client) as talk:
            await settled(talk, lambda: client.marked() == ["A20"])
            client.calls.clear()
            client.held = {"history"}
            talk.receive(message(15))
            talk.receive(message(30))
            talk.chat.at_end(True)
            talk.chat.seen(True)
            await settled(talk, lambda: client._of("history"))
            await asyncio.sleep(0.01)
            assert client.marked() == []  # not before they are here
            client.held.clear()
            await settled(talk, lambda: client.marked()[-1:] == ["A30"])
            assert talk.shown() == ["A0", "A10", "A15", "A20", "A30"]

    run(story())


def test_what_fills_a_gap_is_shown_where_one_reads(application):
    async def story():
        client = Client(said={"A": [message(at) for at in range(0, 800, 2)]})
        async with talking(client) as talk:
            talk.chat.jump("A400")
            await settled(talk, lambda: "A400" in talk.shown())
            held = talk.chat.shown.window
            assert held.has_older
            assert held.has_newer
            ends = held.first, held.last
            client.say(message(401))
            talk.tell({"type": "GapFilled", "conversation": "A", "account": "bob"})
            await settled(talk, lambda: "A401" in talk.shown())
            assert talk.shown().index("A401") == talk.shown().index("A400") + 1
            assert (held.first, held.last) == ends
            talk.receive(message(403))
            await settled(talk, lambda: "A403" in talk.shown())
            assert held.last == ends[1]

    run(story())


def test_events_that_were_left_out_move_nobody_and_leave_no_old_preview(application):
    async def story():
        client = Client(said={"A": [message(at) for at in range(400)], "B": three("B")})
        async with talking(client) as talk:
            talk.chat.jump("A100")
            await settled(talk, lambda: "A100" in talk.shown())
            client.say(message(100, id="late", sent_at=client.said["A"][100]["sent_at"] + 1))
            client.say(message(40, "B", text="the newest"))
            talk.tell({"type": "EventsDropped", "count": 7})
            await settled(talk, lambda: "late" in talk.shown())
            assert "A100" in talk.shown()
            assert "A399" not in talk.shown()
            await settled(talk, lambda: talk.sidebar.conversation("B")["preview"] == "the newest")

    run(story())


def test_however_much_is_unread_one_begins_at_the_oldest_of_it(application):
    async def story():
        said = [message(at, author=ME if at % 3 == 0 else "bob") for at in range(1_500)]
        client = Client(said={"A": said}, unread={"A": 700})
        async with talking(client) as talk:
            others = [each["id"] for each in said if each["author"] != ME]
            assert talk.chat.shown._unread_from == others[-700]
            place = talk.shown().index(others[-700])
            assert 0 < place < 60
            assert talk.chat.shown.window.has_newer
            assert client.marked() == []

    run(story())


def test_what_is_sent_while_one_goes_elsewhere_stands_nowhere_else(application):
    async def story():
        client = Client(said={"A": three(), "B": three("B")})
        async with talking(client) as talk:
            client.calls.clear()
            client.held = {"history"}
            talk.chat.send("words for A")
            await settled(talk, lambda: client._of("history"))
            talk.chat.open("B")
            seen = list[str]()
            talk.chat.shown.rowsInserted.connect(lambda *_: seen.extend(talk.shown()))
            client.held.clear()
            await settled(talk, lambda: talk.chat.value("isLoaded"))
            await asyncio.sleep(0.01)
            assert [id for id in [*seen, *talk.shown()] if not id.startswith("B")] == []

    run(story())


def test_who_is_no_contact_any_more_keeps_their_name_and_can_be_written_no_more(application):
    async def story():
        client = Client(said={"A": three()})
        async with talking(client) as talk:
            client.contacts = [contact("B")]
            talk.sidebar.refresh()
            await settled(talk, lambda: talk.chat.value("isGone"))
            assert talk.chat.value("title") == "Name A"
            client.contacts.append(contact("A"))
            talk.sidebar.refresh()
            await settled(talk, lambda: not talk.chat.value("isGone"))

    run(story())


# What was typed


def test_what_cannot_be_sent_is_a_draft_again_also_where_one_is_no_more(application):
    async def story():
        client = Client(said={"A": three(), "B": three("B")}, failing={"send"})
        async with talking(client) as talk:
            talk.type("important words")
            talk.chat.send("important words")
            assert talk.box == ""
            talk.chat.open("B")
            await settled(talk, lambda: client.drafts.get("A") == "important words")
            assert talk.box == ""
            talk.chat.open("A")
            await settled(talk, lambda: talk.chat.value("isLoaded"))
            assert talk.box == "important words"
            assert "No room on disk." in talk.told

    run(story())


def test_what_cannot_be_sent_stands_before_what_was_typed_meanwhile(application):
    async def story():
        client = Client(said={"A": three()}, failing={"send"})
        async with talking(client) as talk:
            talk.chat.reply("A10")
            talk.type("first")
            talk.chat.send("first")
            talk.type("second begun")
            await settled(talk, lambda: talk.box == "first\nsecond begun")
            assert talk.chat.value("replyTo")["id"] == "A10"
            await settled(talk, lambda: client.drafts.get("A") == "first\nsecond begun")

    run(story())


@pytest.mark.parametrize("is_failing", [True, False])
def test_an_edit_leaves_what_was_begun_and_is_not_lost_when_it_fails(application, is_failing):
    async def story():
        client = Client(said={"A": [*three(), message(30, author=ME)]})
        client.failing = {"edit"} if is_failing else set()
        async with talking(client) as talk:
            talk.type("half a thing")
            talk.chat.edit("A30")
            assert talk.box == "text 30"
            talk.type("better words")
            talk.chat.send("better words")
            wanted = "better words\nhalf a thing" if is_failing else "half a thing"
            await settled(talk, lambda: len(client._of("edit")) == 1 and talk.box == wanted)
            await settled(talk, lambda: client.drafts.get("A") == wanted)

    run(story())


def test_what_is_typed_without_a_pause_is_kept_and_at_the_end_all_of_it(application):
    async def story():
        client = Client(said={"A": three()})
        async with talking(client) as talk:
            words = ""
            while not client.drafts.get("A"):
                words += "x"
                assert len(words) < 10_000, "only a pause has it kept"
                talk.type(words)
                await asyncio.sleep(0.001)
            talk.type("the last key before the end")
        assert client.drafts["A"] == "the last key before the end"

    run(story())


def test_what_is_typed_while_the_client_is_down_is_there_when_it_is_up_again(application):
    async def story():
        client = Client(said={"A": three()}, drafts={"A": "old stored"})
        async with talking(client) as talk:
            assert talk.box == "old stored"
            client.is_open = False
            talk.session._fail("it broke")
            told = len(talk.told)
            talk.type("typed while it was down")
            await asyncio.sleep(0.6)  # longer than what is typed waits for the disk
            assert talk.told[told:] == []
            client.is_open = True
            talk.session._enter("open")
            await settled(talk, lambda: client.drafts["A"] == "typed while it was down")
            assert talk.box == "typed while it was down"

    run(story())


def test_what_is_sent_takes_no_later_draft_away(application):
    async def story():
        client = Client(said={"A": three()})
        async with talking(client) as talk:
            client.held = {"send"}
            talk.chat.send("first")
            talk.type("second")
            client.held.clear()
            await settled(talk, lambda: client.drafts.get("A") == "second")
            assert talk.box == "second"

    run(story())


# Bursts


def work_for(conversations, events, told=3):
    """Calls of functions that a batch of so many messages in so many of them costs."""

    async def story():
        contacts = [contact(f"c{n}", f"Zoë {n}") for n in range(conversations)]
        said = {each["id"]: [message(n, each["id"])] for n, each in enumerate(contacts)}
        async with talking(Client(said=said, contacts=contacts)) as talk:
            batch = [
                {"type": "MessageReceived", "message": message(9_000 + n, f"c{n % told}")}
                for n in range(events)
            ]
            return counted(lambda: talk.tell(*batch))

    return asyncio.run(story())


def counted(act):
    import sys

    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return calls


def test_a_burst_costs_as_much_as_there_are_conversations_and_no_square_of_it(application):
    few, many = work_for(25, 200), work_for(200, 200)
    assert many < 10 * few
    assert work_for(200, 200, told=100) < 3 * many
    assert many < 4 * work_for(200, 20)  # the list is sorted once for all of them
