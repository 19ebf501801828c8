"""Exports and imports as a program asks for them: all of it, or nothing."""

from __future__ import annotations

import logging
from io import BytesIO

import pytest
import trio
from PIL import Image

import p2pchat
from p2pchat.client import exporting
from p2pchat.client.exporting import import_home
from p2pchat.crypto import sealed_file, vault
from p2pchat.crypto.sealed_file import SealedWriter, unsealed
from p2pchat.crypto.stretching import Cost
from p2pchat.errors import (
    BadExport,
    ConfigError,
    FileExists,
    FileUnusable,
    HomeInUse,
    HomeNotEmpty,
    HomeUnwritable,
    SchemaTooNew,
    StoreError,
    UnknownDevice,
    WrongPassphrase,
)
from p2pchat.events import ExportProgress
from p2pchat.model.archive import ArchivedOp, End, Manifest
from p2pchat.model.change import PutContact, PutConversation, PutDeviceSet, PutPeer, PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.message import MessageState
from p2pchat.model.room import Role
from p2pchat.store.home import open_home
from p2pchat.wire.archive_codec import decode_record, encode_record
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.links import encode_link
from tests.unit.protocol.people import ALICE, BOB, CAROL, between

CANARY = "the canary sings at dawn"
SECRET = "correct horse battery staple"
CHEAP = Cost(1, 8192)


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(vault.Vault.__init__, "__defaults__", (None, CHEAP))
    monkeypatch.setattr(SealedWriter.__init__, "__defaults__", (CHEAP,))


def run(main):
    async def bounded():
        with trio.fail_after(60):
            return await main()

    return trio.run(bounded)


def opened(home, **options):
    return p2pchat.open_client(home, offline=True, **options)


@pytest.fixture
def made(tmp_path):
    """A home with a room, a contact who was asked, a block; and its export."""

    async def main():
        async with opened(tmp_path / "old", name="Zoë") as client:
            room = await client.join_open("lounge")
            for text in (CANARY, "second", "第三"):
                await room.send(text)
            link = encode_link(BOB.link)
            await client.add_contact(link)
            await client.block("203.0.113.0/24")
            await client.export(tmp_path / "export", SECRET)
            return client.account, client.peer_id, client.contact_link

    return run(main)


def records(file, passphrase=SECRET):
    parser = FrameParser(1 << 20)
    content = b"".join(unsealed(BytesIO(file.read_bytes()), passphrase))
    return [decode_record(raw) for raw in parser.feed(content)]


def write(file, records):
    raw = BytesIO()
    writer = SealedWriter(raw, SECRET, CHEAP)
    for record in records:
        writer.write(record if isinstance(record, bytes) else frame(encode_record(record)))
    writer.finish()
    file.write_bytes(raw.getvalue())


def refused(kind, home, file, passphrase=SECRET, **options):
    """The import fails with one line and leaves nothing."""
    before = sorted(home.iterdir()) if home.exists() else None
    with pytest.raises(kind) as caught:
        run(lambda: import_home(home, file, passphrase, **options))
    assert "\n" not in str(caught.value)
    assert (sorted(home.iterdir()) if home.exists() else None) == before
    return str(caught.value)


def test_a_home_made_from_an_export_is_a_new_device_with_the_old_history(made, tmp_path):
    account, peer_id, link = made

    async def main():
        assert await import_home(tmp_path / "new", tmp_path / "export", SECRET) == account
        async with opened(tmp_path / "new") as client:
            assert client.account == account
            assert client.peer_id != peer_id
            assert client.profile.name == "Zoë"
            [room] = client.rooms()
            history = await room.history()
            assert [message.text for message in history] == [CANARY, "second", "第三"]
            assert {message.author for message in history} == {account}
            assert {message.state for message in history} == {MessageState.SENT}
            [contact] = client.contacts()
            assert (contact.account, contact.state) == (BOB.account, ContactState.ASKED)
            assert [block.target for block in client.blocks()] == ["203.0.113.0/24"]
            assert (await room.send("from the new one")).state is MessageState.QUEUED
            assert len(await room.history()) == 4
            assert client.contact_link != link
            return client.account

    assert run(main) == account


def test_a_profile_goes_along_and_so_does_what_was_verified(made, tmp_path):
    picture = tmp_path / "me.png"
    Image.new("RGB", (30, 30), "red").save(picture)

    async def main():
        async with opened(tmp_path / "old") as client:
            said = await client.set_profile("Zoë Z.", "I grow roses.", picture)
            await client.verify(BOB.account)
            await client.export(tmp_path / "again", SECRET)
        await import_home(tmp_path / "new", tmp_path / "again", SECRET)
        async with opened(tmp_path / "new") as client:
            assert client.profile == said
            assert client.contact(BOB.account).info.verified

    run(main)


def test_the_new_device_can_end_the_old_one(made, tmp_path):
    _, old, _ = made

    async def main():
        await import_home(tmp_path / "new", tmp_path / "export", SECRET)
        async with opened(tmp_path / "new") as client:
            assert {one.peer_id for one in client.devices()} == {old, client.peer_id}
            with pytest.raises(UnknownDevice):
                await client.revoke_device(client.peer_id)
            await client.revoke_device(old)
        async with opened(tmp_path / "new") as client:
            ended = {one.peer_id: one.revoked_at is not None for one in client.devices()}
            assert ended == {old: True, client.peer_id: False}

    run(main)


def test_a_room_by_invitation_is_not_brought_along_since_its_secrets_are_not(tmp_path):
    """A member gives all of it to the new device."""

    async def main():
        async with opened(tmp_path / "old", name="Zoë") as client:
            room = await client.create_room("crew")
            await room.send(CANARY)
            assert (room.info.role, room.info.members_count) == (Role.OWNER, 1)
            await client.export(tmp_path / "export", SECRET)
        async with opened(tmp_path / "old") as client:
            [again] = client.rooms()
            assert again.info.role is Role.OWNER
            assert [member.role for member in again.members()] == [Role.OWNER]
            assert [message.text for message in await again.history()] == [CANARY]
        await import_home(tmp_path / "new", tmp_path / "export", SECRET)
        async with opened(tmp_path / "new") as client:
            assert client.rooms() == []

    run(main)


def test_what_was_exported_once_can_be_exported_again(made, tmp_path):
    async def main():
        for number, (old, new) in enumerate((("old", "one"), ("one", "two"))):
            async with opened(tmp_path / old) as client:
                await client.export(tmp_path / f"again {number}", SECRET)
            await import_home(tmp_path / new, tmp_path / f"again {number}", SECRET)
        async with opened(tmp_path / "two") as client:
            [room] = client.rooms()
            assert [m.text for m in await room.history()] == [CANARY, "second", "第三"]

    run(main)
    sets = [record for record in records(tmp_path / "again 1") if isinstance(record, PutDeviceSet)]
    assert made[1].device in sets[0].raw or any(made[1].device in each.raw for each in sets)


def test_an_export_holds_no_key_of_a_device_and_no_text_that_can_be_read(made, tmp_path):
    with open_home(tmp_path / "old") as home:
        identity = home.store.identity()
    file = tmp_path / "export"
    raw = file.read_bytes()
    content = b"".join(unsealed(BytesIO(raw), SECRET))
    assert CANARY.encode() in content
    assert identity.account_seed in content
    assert identity.device_seed not in content
    for secret in (CANARY.encode(), identity.account_seed, SECRET.encode(), "Zoë".encode()):
        assert secret not in raw
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_left_alone_unless_told_otherwise(made, tmp_path):
    async def main():
        async with opened(tmp_path / "old") as client:
            with pytest.raises(FileExists):
                await client.export(tmp_path / "export", "other")
            await client.export(tmp_path / "export", "other", overwrite=True)
            with pytest.raises(FileUnusable):
                await client.export(tmp_path / "none" / "export", SECRET)
            with pytest.raises(ConfigError):
                await client.export(tmp_path / "empty", "")

    run(main)
    assert records(tmp_path / "export", "other")
    assert not [file for file in tmp_path.iterdir() if file.name.endswith((".new", "empty"))]


def test_a_client_in_memory_is_not_exported(tmp_path):
    async def main():
        async with opened(None) as client:
            with pytest.raises(HomeUnwritable, match="in memory"):
                await client.export(tmp_path / "export", SECRET)

    run(main)


def test_an_export_tells_how_far_it_is_and_everything_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE_RECORDS", 2)

    async def main():
        async with opened(tmp_path / "old") as client:
            room = await client.join_open("lounge")
            for number in range(20):
                await room.send(str(number))
            async with client.subscribe(ExportProgress) as events, trio.open_nursery() as nursery:
                nursery.start_soon(client.export, tmp_path / "export", SECRET)
                await room.send("meanwhile")
                told = []
                async for event in events:
                    told.append((event.done, event.total))
                    if event.done == event.total:
                        break
            return told

    told = run(main)
    assert told == sorted(told)
    assert len(told) > 5
    heard = []
    run(
        lambda: import_home(
            tmp_path / "new",
            tmp_path / "export",
            SECRET,
            progress=lambda done, total: heard.append((done, total)),
        )
    )
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1] == told[-1][1]


def test_an_export_that_is_given_up_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE_RECORDS", 1)

    async def main():
        async with opened(tmp_path / "old") as client:
            room = await client.join_open("lounge")
            for number in range(10):
                await room.send(str(number))
            async with client.subscribe(ExportProgress) as events, trio.open_nursery() as nursery:
                nursery.start_soon(client.export, tmp_path / "export", SECRET)
                async for _ in events:
                    nursery.cancel_scope.cancel()
            assert len(await room.history()) == 10

    run(main)
    assert [file.name for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.usefixtures("made")
def test_what_is_no_export_is_said_and_leaves_nothing(tmp_path):
    file, raw, bad = tmp_path / "export", (tmp_path / "export").read_bytes(), tmp_path / "bad"
    refused(WrongPassphrase, tmp_path / "new", file, SECRET + "!")
    assert str(bad) in refused(FileUnusable, tmp_path / "new", bad)
    for content, words in (
        (b"a foreign file", "is no export"),
        (raw[:-1], "is not whole"),
        (raw[:100], "is not whole"),
        (raw + b"x", "is not whole"),
        (raw[:200] + bytes((raw[200] ^ 1,)) + raw[201:], "is not whole"),
        (raw[:20] + bytes((raw[20] ^ 1,)) + raw[21:], "is damaged"),
    ):
        bad.write_bytes(content)
        message = refused(BadExport, tmp_path / "new", bad)
        assert str(bad) in message
        assert words in message


@pytest.mark.usefixtures("made")
def test_records_that_do_not_belong_together_are_refused(tmp_path):
    whole, bad = records(tmp_path / "export"), tmp_path / "bad"
    ops = [record for record in whole if isinstance(record, ArchivedOp)]
    first = whole.index(ops[0])
    strange = PutContact(CAROL.account, between(ALICE, BOB), ContactState.ACCEPTED, 1, b"")
    conversation = PutConversation(between(ALICE, CAROL), None, "", 1)
    for records_, words in (
        (whole[1:], "does not begin"),
        ([], "does not begin"),
        (whole[:-1], "lacks some"),
        (whole[:first] + whole[first + 1 :], "lacks some"),
        ([*whole, whole[-1]], "goes on"),
        ([*whole[:2], whole[0], *whole[2:]], "two beginnings"),
        ([*whole[:2], conversation, strange, *whole[2:]], "somebody else"),
        ([r for r in whole if not isinstance(r, PutConversation | PutContact)], "no conversation"),
        ([*whole, b"\xff"], "is damaged"),
        ([*whole[:-1], b"\x05abc"], "is damaged"),
        ([*whole[:2], frame(b"\x08"), *whole[2:]], "is damaged"),
    ):
        write(bad, records_)
        assert words in refused(BadExport, tmp_path / "new", bad)


@pytest.mark.usefixtures("made")
def test_a_later_version_is_said_and_further_records_are_passed_over(tmp_path):
    whole, bad = records(tmp_path / "export"), tmp_path / "bad"
    write(bad, [*whole[:2], frame(b"\xfa\x01\x03abc"), *whole[2:]])
    run(lambda: import_home(tmp_path / "new", bad, SECRET))
    raw = bytearray((tmp_path / "export").read_bytes())
    raw[8] = 2
    raw[54:62] = sealed_file.blake2b(raw[:54], digest_size=8).digest()
    bad.write_bytes(raw)
    assert "newer version" in refused(SchemaTooNew, tmp_path / "other", bad)


@pytest.mark.usefixtures("made")
def test_only_settings_of_the_account_are_taken(tmp_path):
    whole = records(tmp_path / "export")
    assert [r.name for r in whole if isinstance(r, PutSetting)] == ["intro"]
    write(tmp_path / "more", [*whole[:2], PutSetting("ports", b"/ip4/6.6.6.6"), *whole[2:]])
    run(lambda: import_home(tmp_path / "new", tmp_path / "more", SECRET))
    with open_home(tmp_path / "new") as home:
        assert home.store.snapshot().settings.keys() == {"intro"}


@pytest.mark.usefixtures("made")
def test_a_home_in_which_something_happened_is_not_overwritten(tmp_path):
    old = tmp_path / "old"

    def held():
        with open_home(old) as home:
            return home.store.snapshot(), home.store.identity(), (old / "p2pchat.key").read_bytes()

    before = held()
    refused(HomeNotEmpty, old, tmp_path / "export")
    assert held() == before


def test_a_home_that_was_only_made_is_made_anew_under_its_own_lock(made, tmp_path):
    async def main():
        async with opened(tmp_path / "new", passphrase="home"):
            pass
        with pytest.raises(StoreError, match="locked by a passphrase"):
            await import_home(tmp_path / "new", tmp_path / "export", SECRET)
        await import_home(tmp_path / "new", tmp_path / "export", SECRET, home_passphrase="home")
        async with opened(tmp_path / "new", passphrase="home") as client:
            return client.account

    assert run(main) == made[0]


def test_a_new_home_is_locked_from_the_beginning(made, tmp_path):
    async def main():
        await import_home(tmp_path / "new", tmp_path / "export", SECRET, home_passphrase="home")
        async with opened(tmp_path / "new", passphrase="home") as client:
            return client.account

    assert run(main) == made[0]
    with pytest.raises(StoreError), open_home(tmp_path / "new"):
        pass


@pytest.mark.usefixtures("made")
def test_nothing_is_imported_where_another_key_is_configured(tmp_path):
    home = tmp_path / "new"
    home.mkdir()
    (home / "config.toml").write_text("identity_file = 'key'")
    assert "identity_file" in refused(ConfigError, home, tmp_path / "export")
    (home / "config.toml").unlink()
    run(lambda: import_home(home, tmp_path / "export", SECRET))


@pytest.mark.usefixtures("made")
def test_a_home_in_use_is_left_alone(tmp_path):
    with open_home(tmp_path / "new"):
        refused(HomeInUse, tmp_path / "new", tmp_path / "export")


@pytest.mark.usefixtures("made")
def test_foreign_files_in_a_directory_are_left_alone(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "notes").write_text("mine")
    (tmp_path / "bad").write_bytes((tmp_path / "export").read_bytes()[:-1])
    refused(BadExport, tmp_path / "new", tmp_path / "bad")
    run(lambda: import_home(tmp_path / "new", tmp_path / "export", SECRET))
    assert (tmp_path / "new" / "notes").read_text() == "mine"


@pytest.mark.usefixtures("made")
def test_no_secret_is_in_the_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    run(lambda: import_home(tmp_path / "new", tmp_path / "export", SECRET))
    for secret in (SECRET, CANARY):
        assert secret not in caplog.text


def test_who_was_met_is_found_again(made, tmp_path):
    peer = PutPeer(BOB.device.peer_id, ("/ip4/192.0.2.7/tcp/4001",), 8)

    async def main():
        async with opened(tmp_path / "old") as client:
            await client._node.connections.memory.note(peer)
            await client.export(tmp_path / "export", SECRET, overwrite=True)
        await import_home(tmp_path / "new", tmp_path / "export", SECRET)

    run(main)
    with open_home(tmp_path / "new") as home:
        assert home.store.snapshot().peers == (peer,)
    assert isinstance(records(tmp_path / "export")[0], Manifest)
    assert isinstance(records(tmp_path / "export")[-1], End)
