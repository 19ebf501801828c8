"""One client from asyncio and from plain threads: calls, events, ends."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from p2pchat.cli.jsonrpc import InvalidParams, MethodNotFound
from p2pchat.client import opening
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.errors import HomeInUse, HomeUnwritable, NodeClosed, UnknownMessage, WrongPassphrase
from p2pchat.portal import BlockingPortal, Portal, thread

CONFIG = ClientConfig(fetch=False, listen=("/ip4/127.0.0.1/tcp/0",))
PATIENCE_S = 60.0
NOBODY = "00" * 32


def play(story):
    async def main():
        async with asyncio.timeout(PATIENCE_S):
            await story()

    asyncio.run(main())
    assert "p2pchat" not in {thread.name for thread in threading.enumerate()}


def offline(home, name="alice", **more):
    return Portal(home, name=name, config=CONFIG, offline=True, **more)


async def heard(events, kind):
    async for event in events:
        if event["type"] == kind:
            return event
    raise AssertionError(f"no {kind} came")


async def befriended(alice, bob):
    """The conversation of two who are contacts now."""
    asked, accepted = bob.events(), alice.events()
    await alice.call("add_contact", link=(await bob.call("account"))["contact_link"])
    await bob.call("accept", account=(await heard(asked, "ContactRequested"))["account"])
    await heard(accepted, "ContactAccepted")
    return (await alice.call("contacts"))[0]["id"]


async def stuck(portal):
    """A message to somebody who is not there, whose arrival is waited for."""
    async with offline(None, "bob") as bob:
        link = (await bob.call("account"))["contact_link"]
    contact = await portal.call("add_contact", link=link)
    sent = await portal.call("send", conversation=contact["id"], text="there?")
    waiting = asyncio.create_task(portal.call("wait_delivered", message_id=sent["id"]))
    await asyncio.sleep(0)
    await portal.call("account")  # begun after it
    assert not waiting.done()
    return waiting


def test_two_in_one_loop_talk_in_order():
    async def story():
        async with (
            Portal(None, name="alice", config=CONFIG) as alice,
            Portal(None, name="bob", config=CONFIG) as bob,
        ):
            talk = await befriended(alice, bob)
            texts = [f"number {number}" for number in range(50)]
            sending = [alice.call("send", conversation=talk, text=text) for text in texts]
            sent = await asyncio.gather(*sending)
            assert [message["text"] for message in sent] == texts
            last = await alice.call("wait_delivered", message_id=sent[-1]["id"])
            assert last["state"] == "delivered"
            read = await bob.call("history", conversation=talk, limit=100)
            assert [message["text"] for message in read] == texts

    play(story)


def test_what_is_wrong_with_a_call_is_raised_to_who_made_it():
    async def story():
        async with offline(None) as portal:
            with pytest.raises(MethodNotFound):
                await portal.call("dance")
            with pytest.raises(InvalidParams):
                await portal.call("send", conversation=NOBODY)
            with pytest.raises(UnknownMessage):
                await portal.call("explain", message_id=NOBODY)
            assert (await portal.call("account"))["name"] == "alice"

    play(story)


def test_a_cancelled_call_is_cancelled_in_the_client():
    async def story():
        async with offline(None) as portal:
            waiting, life = await stuck(portal), portal._thread
            assert "wait_delivered" in [request.method for request in life._open]
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            while life._open:
                await portal.call("account")

    play(story)


def test_a_call_that_waits_is_told_of_the_end():
    async def story():
        portal = offline(None)
        await portal.start()
        waiting = await stuck(portal)
        await portal.aclose()
        with pytest.raises(NodeClosed):
            await waiting
        with pytest.raises(NodeClosed):
            await portal.call("account")

    play(story)


def test_nothing_is_called_before_the_start():
    async def story():
        with pytest.raises(NodeClosed):
            await offline(None).call("account")

    play(story)


def test_a_home_is_opened_again_after_its_end_and_never_twice(tmp_path: Path):
    async def story():
        portal = offline(tmp_path / "home")
        async with portal:
            me = await portal.call("account")
            with pytest.raises(RuntimeError):
                await portal.start()
            with pytest.raises(HomeInUse):
                await offline(tmp_path / "home").start()
        async with portal:
            assert (await portal.call("account"))["account"] == me["account"]

    play(story)


def test_a_passphrase_that_was_changed_opens_the_next_life(tmp_path: Path):
    async def story():
        portal = offline(tmp_path / "home", passphrase="first")
        async with portal:
            await portal.call("change_passphrase", old="first", new="second")
        async with portal:
            assert (await portal.call("account"))["name"] == "alice"
        assert "second" not in repr(portal._opening)

    play(story)


def test_an_export_makes_a_new_home(tmp_path: Path):
    async def story():
        file = str(tmp_path / "alice.export")
        async with offline(tmp_path / "old") as old:
            me = await old.call("account")
            await old.call("export", path=file, passphrase="between us")
        async with offline(tmp_path / "new", name="nobody") as new:
            events = new.events()
            told = await new.call("import", path=file, passphrase="between us")
            assert told["account"] == me["account"]
            assert told["peer_id"] != me["peer_id"]
            assert await new.call("account") == told
            await heard(events, "ExportProgress")

    play(story)


def test_an_import_that_fails_leaves_the_home_as_it_was(tmp_path: Path):
    async def story():
        file = str(tmp_path / "alice.export")
        async with offline(tmp_path / "home") as portal:
            me = await portal.call("account")
            await portal.call("export", path=file, passphrase="right")
            with pytest.raises(WrongPassphrase):
                await portal.call("import", path=file, passphrase="wrong")
            assert await portal.call("account") == me

    play(story)


def test_an_import_that_is_given_up_for_the_end_leaves_the_home(tmp_path: Path):
    async def story():
        file = str(tmp_path / "alice.export")
        async with offline(tmp_path / "old") as old:
            await old.call("export", path=file, passphrase="between us")
        portal = offline(tmp_path / "new", name="bob")
        await portal.start()
        moving = asyncio.create_task(portal.call("import", path=file, passphrase="between us"))
        await asyncio.sleep(0)
        await portal.aclose()
        with pytest.raises(NodeClosed):
            await moving
        async with portal:
            assert (await portal.call("account"))["name"] == "bob"

    play(story)


def test_no_call_ends_the_client(tmp_path: Path):
    async def story():
        async with offline(None) as portal:
            with pytest.raises(InvalidParams):
                await portal.call("import")
            with pytest.raises(HomeUnwritable):
                await portal.call("import", path=str(tmp_path / "x"), passphrase="any")
            with pytest.raises(ValueError, match="null"):
                await portal.call("verify_delivery", path="\0")
            assert (await portal.call("account"))["name"] == "alice"

    play(story)


def test_what_is_asked_while_it_starts_is_answered():
    async def story():
        portal = Portal(None, name="alice", config=CONFIG)
        starting = asyncio.create_task(portal.start())
        await asyncio.sleep(0)
        assert portal.is_running
        events = portal.events()
        asked = [asyncio.create_task(portal.call("account")) for _ in range(20)]
        assert {(await one)["name"] for one in asked} == {"alice"}
        await starting
        assert await heard(events, "StartupProgress")
        await portal.aclose()

    play(story)


def test_who_gives_up_the_start_leaves_nothing_behind(tmp_path: Path):
    async def story():
        portal = Portal(tmp_path / "home", name="alice", config=CONFIG)
        for wait_s in (0.0, 0.01, 0.1, 0.3):
            starting = asyncio.create_task(portal.start())
            await asyncio.wait({starting}, timeout=wait_s)
            starting.cancel()
            await asyncio.wait({starting})
            await portal.aclose()
            assert not portal.is_running
        async with portal:
            assert (await portal.call("account"))["name"] == "alice"

    play(story)


def test_a_client_that_fails_ends_its_readers_with_what_was_wrong_and_can_be_started_again():
    class Fault(Exception):
        pass

    async def story():
        portal = offline(None)
        events = portal.events()
        await portal.start()

        async def fail():
            raise Fault

        waiting, life = await stuck(portal), portal._thread
        life._entry.soon(lambda: life._session.nursery.start_soon(fail))
        with pytest.raises(Fault):
            async for _ in events:
                pass
        with pytest.raises(NodeClosed):
            await waiting
        with pytest.raises(NodeClosed) as ended:
            await portal.call("account")
        assert isinstance(ended.value.__cause__, Fault)
        await portal.start()
        assert (await portal.call("account"))["name"]
        await portal.aclose()

    play(story)


def test_a_client_that_does_not_come_to_its_end_is_ended(monkeypatch):
    @asynccontextmanager
    async def lingering(*args, **options):
        async with open_client(*args, **options) as client:
            yield client
            await trio.sleep_forever()

    async def story():
        monkeypatch.setattr(opening, "open_client", lingering)
        monkeypatch.setattr(thread, "CLOSE_TIMEOUT_S", 0.1)
        async with offline(None) as portal:
            await portal.call("account")

    play(story)


def test_events_come_in_batches_and_end_with_the_client():
    async def story():
        portal = Portal(None, name="alice", config=CONFIG)
        events = portal.events()
        steps: list[object] = []

        async def read():
            async for batch in events.batches(most=3, every_s=0):
                assert 0 < len(batch) <= 3
                steps.extend(event.get("step") for event in batch)

        async with asyncio.TaskGroup() as tasks, portal:
            tasks.create_task(read())
            await portal.call("wait_ready")
        assert "network_detected" in steps
        assert steps.index("listening") < steps.index("ready")

    play(story)


def test_the_loop_goes_on_while_the_client_is_busy():
    """The client's thread may hold the interpreter for a while, and never the loop's turn."""

    async def story():
        async with offline(None) as portal:
            portal._thread._entry.soon(lambda: time.sleep(0.5))
            slow, turns = asyncio.create_task(portal.call("account")), 0
            while not slow.done():
                await asyncio.sleep(0)
                turns += 1
            assert turns > 100

    play(story)


def test_a_thread_calls_and_hears(tmp_path: Path):
    with BlockingPortal(tmp_path / "home", name="alice", config=CONFIG) as portal:
        events = portal.events()
        portal.call("wait_ready")
        assert portal.call("account")["name"] == "alice"
        room = portal.call("create_room", name="ours")
        joined = next(event for event in events if event["type"] == "RoomJoined")
        assert joined["room"]["id"] == room["id"]
        with pytest.raises(UnknownMessage):
            portal.call("explain", message_id=NOBODY)
        sent = portal.call("send", conversation=room["id"], text="to nobody")
        read = portal.call("history", conversation=room["id"])
        assert [message["id"] for message in read] == [sent["id"]]
    assert "MessageReceived" not in [event["type"] for event in events]
    with pytest.raises(NodeClosed):
        portal.call("account")


def test_who_waits_no_longer_leaves_the_client_at_peace():
    with BlockingPortal(None, name="alice", config=CONFIG, offline=True) as portal:
        with BlockingPortal(None, name="bob", config=CONFIG, offline=True) as bob:
            link = bob.call("account")["contact_link"]
        contact = portal.call("add_contact", link=link)
        sent = portal.call("send", conversation=contact["id"], text="there?")
        with pytest.raises(TimeoutError):
            portal.call("wait_delivered", timeout_s=0.01, message_id=sent["id"])
        while portal._thread._open:
            portal.call("account")
