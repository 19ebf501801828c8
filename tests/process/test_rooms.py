"""Rooms from the command line: one types single commands, others are there all the time."""

from __future__ import annotations

import io
import json
import sys

import pytest
import trio
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.cli.asking import is_meant
from p2pchat.testing.processes import befriend, open_processes
from tests.process.polling import until

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")


def commands(home, *near):
    """What a person at `home` types; standard output, or with `status` the line on the other,
    beside the one that tells of a new identity."""

    async def typed(*words, status=0):
        ended = await trio.run_process(
            [*PROGRAM, "--home", str(home), *near, *words],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        assert ended.returncode == status, ended.stderr.decode()
        if status == 0:
            return ended.stdout.decode()
        told = ended.stderr.decode().splitlines()
        [line] = [one for one in told if not one.startswith("A new identity was made")]
        return line

    return typed


async def is_in(peer, room, role):
    async def holds():
        rooms = {one["id"]: one for one in await peer.call("rooms")}
        return room in rooms and rooms[room]["role"] == role

    await until(holds, timeout_s=60)


async def knows_members(peer, room, accounts):
    async def holds():
        return {one["account"] for one in await peer.call("members", room=room)} == accounts

    await until(holds, timeout_s=60)


def test_a_room_is_made_filled_ruled_and_left_by_single_commands(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            carol = await processes.peer("carol", knows=relay.addresses)
            for peer in (bob, carol):
                await befriend(alice, peer)
            accounts = {p: (await p.call("account"))["account"] for p in (alice, bob, carol)}
            await alice.stop()
            typed = commands(tmp_path / "alice", *LOOPBACK, "--bootstrap-peer", relay.addresses[0])

            made = json.loads(await typed("rooms", "create", "Crew", "--json"))
            assert (made["kind"], made["role"], made["members_count"]) == ("invited", "owner", 1)
            room = made["id"]
            admitted = await typed("rooms", "admit", "crew", "Bob", accounts[carol], "--json")
            assert sorted((one["name"], one["role"]) for one in json.loads(admitted)) == [
                ("bob", "member"),
                ("carol", "member"),
            ]
            for peer in (bob, carol):
                await is_in(peer, room, "member")
            unknown = await typed("rooms", "admit", "crew", "bob", "Dave", "Erin", status=1)
            assert "nothing was done, for no contact who has accepted is 'Dave', 'Erin'" in unknown
            assert "already" in await typed("rooms", "admit", "crew", "carol", status=1)

            assert "bob is admin in Crew now." in await typed(
                "rooms", "role", "Crew", "bob", "admin"
            )
            await is_in(bob, room, "admin")
            listed = await typed("rooms", "members", "Crew")
            assert [line.split()[:2] for line in listed.splitlines()] == [
                ["alice", "owner"],
                ["bob", "admin"],
                ["carol", "member"],
            ]
            [line] = (await typed("rooms", "list")).splitlines()
            assert line == f"Crew  by invitation  owner  3  {room}"

            assert "carol is out of Crew" in await typed("rooms", "ban", "Crew", "carol")
            await knows_members(bob, room, {accounts[alice], accounts[bob]})
            assert "owner cannot leave" in await typed("rooms", "leave", "Crew", status=1)
            assert "bob is out of Crew" in await typed("rooms", "remove", "Crew", "bob")
            assert "You have left Crew." in await typed("rooms", "leave", "Crew", "--yes")
            assert json.loads(await typed("rooms", "list", "--json")) == []

    trio.run(main)


NOBODY = "z6MkuvuqbbHd4D3uzChRazuEtJ2opsYq3naghHDLUKcpdooj"

REFUSED = {
    ("rooms", "create", "Crew", "--owner", "Zoe"): "no contact who has accepted is 'Zoe'",
    ("rooms", "create", "Cr\u200bew"): "1 to 64 printable characters",
    ("rooms", "create", " "): "1 to 64 printable characters",
    ("rooms", "admit", "nowhere", "Zoe"): "you are in no room 'nowhere'",
    (
        "rooms",
        "admit",
        "Mine",
        "Zoe",
        "Yan",
    ): "nothing was done, for no contact who has accepted is 'Zoe', 'Yan'",
    ("rooms", "role", "Mine", "Zoe", "admin"): "nobody in this room is 'Zoe'",
    ("rooms", "role", "Mine", "Alice", "admin"): "nobody an owner",
    ("rooms", "role", "Mine", NOBODY, "member"): "only an accepted contact",
    ("rooms", "remove", "Mine", "Alice"): "`p2pchat rooms leave` is how one goes",
    ("rooms", "remove", "lounge", NOBODY): "has no roles",
    ("rooms", "unban", "Mine", "Alice"): "not banned",
    ("rooms", "leave", "nowhere"): "you are in no room 'nowhere'",
    ("rooms", "accept", "nowhere"): "no room 'nowhere' waits for your word",
    ("rooms", "reject", "nowhere"): "no room 'nowhere' waits for your word",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with a room of each kind, and nobody else."""
    home = tmp_path_factory.mktemp("rooms") / "home"
    for words in (("rooms", "create", "Mine"), ("rooms", "join", "lounge")):
        ended = CliRunner().invoke(app, ["--home", str(home), "--name", "Alice", *words])
        assert ended.exit_code == 0, ended.output
    return home


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_cannot_be_is_refused_in_one_line(words, home):
    ended = CliRunner().invoke(app, ["--home", str(home), *LOOPBACK, *words])
    assert ended.exit_code == 1, ended.output
    [line] = ended.stderr.splitlines()
    assert REFUSED[words] in line


class Keyboard(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self):
        return True


def leave(home, *words):
    return CliRunner().invoke(app, ["--home", str(home), *LOOPBACK, "rooms", "leave", *words])


def own(tmp_path):
    home = tmp_path / "home"
    made = CliRunner().invoke(
        app, ["--home", str(home), "--name", "Alice", "rooms", "create", "Mine"]
    )
    assert made.exit_code == 0, made.output
    return home


def test_an_owner_who_is_alone_is_not_let_go_by_a_script_that_does_not_say_so(tmp_path):
    home = own(tmp_path)
    ended = leave(home, "Mine", "--timeout", "0")
    assert ended.exit_code == 2
    assert "add --yes" in ended.stderr
    assert "left Mine" in leave(home, "Mine", "--timeout", "0", "--yes").stdout


def test_an_owner_who_is_alone_is_asked_at_the_terminal(tmp_path, monkeypatch):
    home = own(tmp_path)
    asked = []
    monkeypatch.setattr("p2pchat.cli.gathering.is_meant", lambda *of: asked.append(of) or False)
    assert leave(home, "Mine", "--timeout", "0").exit_code == 1
    assert len(asked) == 1
    assert "Mine" in CliRunner().invoke(app, ["--home", str(home), "rooms", "list"]).stdout


@pytest.mark.parametrize(
    ("typed", "meant"), [("y\n", True), ("是\n", True), ("\n", False), ("", False)]
)
def test_only_a_yes_is_a_yes(typed, meant, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    assert is_meant("Sure? ", "en") is meant


def test_who_has_a_link_gets_in_through_a_member_with_no_admin_there(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            alice = await processes.peer("alice")
            near = (await alice.call("account"))["addresses"]
            bob = await processes.peer("bob", knows=near)
            await befriend(alice, bob)
            us = [(await one.call("account"))["account"] for one in (alice, bob)]
            room = (await alice.call("create_room", name="Crew", members=us[1:]))["id"]
            await is_in(bob, room, "member")
            await knows_members(bob, room, set(us))
            link = await alice.call("invite", room=room)
            dave, erin = (commands(tmp_path / name, *LOOPBACK) for name in ("dave", "erin"))
            line = await dave("rooms", "join", link, status=2)
            assert "--yes" in line

            async def knows_it():
                return len(await bob.call("invitations", room=room)) == 1

            await until(knows_it, timeout_s=30)
            await alice.stop()
            joined = json.loads(await dave("rooms", "enter", link, "--yes", "--json"))
            assert (joined["id"], joined["role"]) == (room, "member")

            async def has_heard():
                return len(await alice.call("members", room=room)) == 3

            await alice.start()
            await until(has_heard, timeout_s=60)
            assert "as often as it is good for" in await erin(
                "rooms", "enter", link, "--yes", status=1
            )
            damaged = await erin("rooms", "join", link[:-3], status=1)
            assert "damaged or cut short" in damaged

    trio.run(main)
