"""Why messages in rooms wait, why those on a LAN do, and those of homes that nobody can open."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, LanConfig
from p2pchat.model.explanation import MessageCause as Why
from p2pchat.model.room import Role
from p2pchat.testing.processes import Launch, open_processes
from tests.process.explained import (
    CONFIG,
    LOOPBACK,
    PATIENCE_S,
    befriend,
    evidence,
    explained,
    free_port,
    story,
)
from tests.process.farm import without_hints
from tests.process.polling import until
from tests.process.test_clocks import Clock
from tests.process.test_store_disks import on_a_disk

pytestmark = pytest.mark.process

MESSAGE = "5b" * 32
PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")


# Rooms


@asynccontextmanager
async def three():
    """alice, who has bob and carol as contacts."""
    async with (
        open_client(None, name="alice", config=CONFIG) as alice,
        open_client(None, name="bob", config=CONFIG) as bob,
        open_client(None, name="carol", config=CONFIG) as carol,
    ):
        await befriend(alice, bob)
        await befriend(alice, carol)
        yield alice, bob, carol


async def entered(client, room):
    """The same room at somebody else."""

    async def is_in() -> bool:
        return any(one.id == room.id for one in client.rooms())

    await until(is_in, PATIENCE_S)
    return client.room(room.id)


def test_a_room_names_who_misses_a_message_until_all_have_it():
    async def tell() -> None:
        async with three() as (alice, bob, carol):
            room = await alice.create_room("crew", [bob.account, carol.account])
            await entered(bob, room)
            await entered(carol, room)
            all_have = await room.send("all of you")
            told = await explained(alice, all_have, Why.DELIVERED)
            assert [one.cause for one in told.recipients] == [Why.DELIVERED] * 2
            await carol.block(str(alice.account))
            message = await room.send("some of you")

            async def has_one() -> bool:
                causes = [one.cause for one in (await alice.explain(message.id)).recipients]
                return Why.DELIVERED in causes

            await until(has_one, PATIENCE_S)
            told = await explained(alice, message, Why.DELIVERED_TO_SOME)
            assert str(told.sentence) == "1 of 2 members have it; missing: carol."

    story(tell)


def test_a_room_with_nobody_else_in_it_and_one_that_was_left():
    async def tell() -> None:
        async with open_client(None, name="alice", config=CONFIG) as alice:
            room = await alice.create_room("crew")
            await explained(alice, await room.send("echo"), Why.NOBODY_ELSE)
            lounge = await alice.join_open("lounge")
            message = await lounge.send("anybody?")
            await explained(alice, message, Why.NOBODY_ELSE)
            await lounge.leave()
            assert (await alice.explain(message.id)).cause is Why.ROOM_LEFT

    story(tell)


def test_a_message_to_somebody_who_was_put_out_before_having_it():
    """Carol, who came after it, is not given it, and has what was said later."""

    async def tell() -> None:
        async with three() as (alice, bob, carol):
            room = await alice.create_room("crew", [bob.account], history="none")
            await entered(bob, room)
            await bob.block(str(alice.account))
            message = await room.send("to bob")
            await room.set_role(carol.account, Role.MEMBER)
            there = await entered(carol, room)
            await room.set_role(bob.account, Role.REMOVED)
            later = await room.send("to carol")
            await explained(alice, later, Why.DELIVERED)
            await explained(alice, message, Why.ALL_GONE)
            assert (await alice.message(message.id)).state == "sent"
            assert [one.text for one in await there.history()] == ["to carol"]

    story(tell)


@pytest.mark.parametrize(
    ("role", "cause"),
    [(Role.READ_ONLY, Why.ROOM_READ_ONLY), (Role.REMOVED, Why.ROOM_REMOVED)],
)
def test_a_room_where_we_may_write_no_more(role: Role, cause: Why):
    """Bob writes where nobody can tell him that he is limited."""

    async def tell() -> None:
        async with three() as (alice, bob, carol):
            room = await alice.create_room("crew", [bob.account, carol.account])
            theirs = await entered(bob, room)
            await entered(carol, room)
            await bob.block("127.0.0.0/8")
            await room.set_role(bob.account, role)
            message = await theirs.send("too late")
            await bob.unblock("127.0.0.0/8")
            await explained(bob, message, cause)

    story(tell)


# Homes that nobody can open


def explain(home, *words: str) -> dict:
    """What `p2pchat explain` tells programs."""
    near = ("--no-fetch", "--listen", LOOPBACK)
    command = ("explain", MESSAGE, "--json")
    ended = CliRunner().invoke(app, ["--home", str(home), *near, *words, *command])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_a_home_that_another_program_has_open(tmp_path):
    async def tell() -> None:
        async with open_processes(tmp_path) as processes:
            await processes.peer("alice")
            found = await trio.to_thread.run_sync(explain, tmp_path / "alice")
            assert found["cause"] == Why.HOME_IN_USE
            assert "process" in found["evidence"][0]

    story(tell)


def test_a_home_that_is_locked(tmp_path):
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("open sesame please")
    wrong.write_text("open barley please")
    home = tmp_path / "home"
    new = ("passphrase", "set", "--new-passphrase-file", str(secret))
    for words in (("init",), new):
        ended = CliRunner().invoke(app, ["--home", str(home), *words])
        assert ended.exit_code == 0, ended.output
    assert explain(home, "--passphrase-file", str(wrong))["cause"] == Why.HOME_LOCKED


def test_a_home_that_is_damaged(tmp_path):
    assert CliRunner().invoke(app, ["--home", str(tmp_path), "init"]).exit_code == 0
    (tmp_path / "p2pchat.key").write_bytes(bytes(32))
    assert explain(tmp_path)["cause"] == Why.NOT_STARTED


def test_a_disk_that_is_full(tmp_path):
    words = ("--home", str(tmp_path / "home"), "explain", MESSAGE, "--json")
    done = on_a_disk(tmp_path, "size=64k", *PROGRAM, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cause"] == Why.DISK_FULL


def test_the_command_tells_it_in_both_languages_and_refuses_what_is_no_id(tmp_path):
    async def tell() -> str:
        async with open_client(tmp_path / "alice", name="alice", config=CONFIG) as alice:
            room = await alice.create_room("crew")
            return str((await room.send("echo")).id)

    id = trio.run(tell)
    near = ["--home", str(tmp_path / "alice"), "--no-fetch", "--listen", LOOPBACK]
    for language, said in (("en", "Nobody else is known"), ("zh", "没有其他已知成员")):
        ended = CliRunner().invoke(app, [*near, "--language", language, "explain", id])
        assert (ended.exit_code, said in ended.stdout) == (0, True), ended.output
    for wrong in ("crew", MESSAGE):
        ended = CliRunner().invoke(app, [*near, "explain", wrong])
        assert ended.exit_code == 1
        assert "no message" in ended.stderr


# A LAN


def lan(port: int, secret: str) -> ClientConfig:
    found = LanConfig(
        enabled=True,
        listen_host="127.0.0.1",
        discovery_port=port,
        allowed_subnets=("127.0.0.0/8",),
        secret=secret,
    )
    return replace(CONFIG, lan=found)


def test_strangers_with_another_secret_for_the_lan():
    port = free_port()

    async def tell() -> None:
        async with (
            open_client(None, name="alice", config=lan(port, "open sesame")) as alice,
            open_client(None, name="bob", config=lan(port, "open barley")) as bob,
        ):
            message = await (await alice.add_contact(bob.contact_link)).send("hello?")
            told = await explained(alice, message, Why.LAN_SECRET_DIFFERS)
            assert "secret" in evidence(told)

    story(tell)


@pytest.mark.skipif(not shutil.which("faketime"), reason="false clocks need `faketime`")
def test_clocks_that_differ_on_a_lan(tmp_path):
    """Of two that differ nobody knows whose is wrong; others tell, by their number."""
    port = free_port()

    def on_lan(name: str, off: str = "+0") -> Launch:
        home = tmp_path / name
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(
            f'[lan]\nheartbeat_s = 1\ndiscovery_port = {port}\nlisten_host = "127.0.0.1"\n'
            'allowed_subnets = ["127.0.0.0/8"]\n'
        )
        secret = {"P2PCHAT_LAN_SECRET": "open sesame"}
        clock = Clock(tmp_path / f"{name}.clock", off).environment
        return Launch(listen=(), options=("--lan",), environment={**secret, **clock})

    async def tell() -> None:
        async with open_processes(tmp_path) as processes:
            alice = await processes.peer("alice", launch=on_lan("alice"))
            bob = await processes.peer("bob", launch=on_lan("bob", "+5h"))
            link = without_hints((await bob.call("account"))["contact_link"])
            contact = await alice.call("add_contact", link=link)
            message = await alice.call("send", conversation=contact["id"], text="late?")
            await told(alice, message, Why.CLOCKS_DIFFER)
            await processes.peer("carol", launch=on_lan("carol"))
            await told(alice, message, Why.CLOCK_WRONG_THERE)
            await processes.peer("dave", launch=on_lan("dave", "+5h"))
            await told(alice, message, Why.CLOCK_WRONG_HERE)

    story(tell)


async def told(peer, message, cause: Why) -> None:
    """Wait until a process gives this cause."""
    seen = []

    async def is_said() -> bool:
        seen.append(await peer.call("explain", message_id=message["id"]))
        return seen[-1]["cause"] == cause

    try:
        await until(is_said, PATIENCE_S)
    except trio.TooSlowError:
        raise AssertionError(f"not {cause} but {seen[-1]}") from None
