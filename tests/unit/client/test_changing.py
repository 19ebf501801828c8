"""Messages that are edited and deleted, as a program asks for it: in a home, after a restart, and
in a home made from an export."""

from __future__ import annotations

import pytest
import trio

import p2pchat
from p2pchat.errors import InvalidText, PermissionDenied, UnknownMessage
from p2pchat.events import Event, MessageDeleted, MessageEdited
from p2pchat.model.message import Message, Reaction
from p2pchat.protocol.machine import Heard
from p2pchat.wire.frames import Ops, decode_ops, encode_ops
from tests.unit.protocol.people import ALICE, Author


def shown(messages: list[Message]) -> list[tuple[str, bool, bool]]:
    return [(message.text, message.edited, message.deleted) for message in messages]


def test_what_is_edited_and_deleted_stays_so_after_a_restart_and_in_an_export(tmp_path):
    there, here = tmp_path / "new", tmp_path / "home"

    async def main() -> None:
        async with p2pchat.open_client(here, name="Alice", offline=True) as client:
            room = await client.join_open("lounge")
            kept, gone = await room.send("colour"), await room.send("secret")
            async with client.subscribe(MessageEdited, MessageDeleted) as events:
                await room.edit(gone.id, "more secret")
                edited = await room.edit(kept.id, "color")
                await room.delete(gone.id)
                expected: set[Event] = {MessageEdited(edited), MessageDeleted(gone.id, room.id)}
                with trio.fail_after(5):
                    while expected:
                        expected.discard(await anext(events))
            assert shown([edited]) == [("color", True, False)]
            assert [found.id for found in await client.search("color")] == [kept.id]
            assert await client.search("secret") == await client.search("colour") == []
        async with p2pchat.open_client(here, offline=True) as client:
            [room] = client.rooms()
            assert shown(await room.history()) == [("color", True, False), ("", False, True)]
            await client.export(tmp_path / "all", "a long passphrase")
        await p2pchat.import_home(there, tmp_path / "all", "a long passphrase")
        async with p2pchat.open_client(there, offline=True) as client:
            [room] = client.rooms()
            assert shown(await room.history()) == [("color", True, False), ("", False, True)]

    trio.run(main)


def test_reactions_stay_after_a_restart_and_in_an_export(tmp_path):
    there, here = tmp_path / "new", tmp_path / "home"

    async def main() -> None:
        async with p2pchat.open_client(here, name="Alice", offline=True) as client:
            room = await client.join_open("lounge")
            said = await room.send("said")
            with pytest.raises(InvalidText, match="no emoji"):
                await room.react(said.id, "thumbs up")
            await room.react(said.id, "👍")
            await room.react(said.id, "✓")
            shown = await room.react(said.id, "✓", remove=True)
            assert shown.reactions == (Reaction("👍", client.account),)
            await client.export(tmp_path / "all", "a long passphrase")
        await p2pchat.import_home(there, tmp_path / "all", "a long passphrase")
        for home in (here, there):
            async with p2pchat.open_client(home, offline=True) as client:
                [room] = client.rooms()
                [message] = await room.history()
                assert message.reactions == shown.reactions

    trio.run(main)


def test_only_a_message_of_ours_that_is_there_can_be_changed():
    async def main() -> None:
        async with p2pchat.open_client(None, name="Bob", offline=True) as client:
            room, other = await client.join_open("lounge"), await client.join_open("garden")
            theirs = Author(ALICE, room.id).write("mine")
            ops = decode_ops(encode_ops(Ops((theirs,), (ALICE.devices,))))
            await client._node.driver.put(Heard(room.id, ALICE.device, ops))
            ours, gone = await room.send("said"), await room.send("gone")
            await room.delete(gone.id)
            for where, id in ((other, ours.id), (room, gone.id)):
                with pytest.raises(UnknownMessage):
                    await where.edit(id, "x")
                with pytest.raises(UnknownMessage):
                    await where.delete(id)
            with pytest.raises(PermissionDenied, match="only who wrote"):
                await room.delete(theirs.id)
            with pytest.raises(InvalidText):
                await room.edit(ours.id, "")
            texts = [message.text for message in await room.history()]
            assert sorted(texts) == ["", "mine", "said"]

    trio.run(main)
