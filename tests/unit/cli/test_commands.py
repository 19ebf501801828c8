"""What the commands say and the status they end with, for what is right and what is wrong.

Run within this process, as typer's own runner does it; signals, pipes and two people who talk are
tried in `tests/process`.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import closing

import pytest
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.model.search import QUERY_CHARS_MAX
from p2pchat.store.driver import connect
from p2pchat.store.home import open_home

LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")


def run(home, *words):
    return CliRunner().invoke(app, ["--home", str(home), *map(str, words)])


def refused(home, *words, status=1):
    """The one line that a failing command writes."""
    ended = run(home, *words)
    assert ended.exit_code == status, ended.output
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith("p2pchat: ")
    return line


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A home with an identity and a room, only to be read."""
    home = tmp_path_factory.mktemp("made") / "home"
    assert run(home, "init", "--name", "Alice").exit_code == 0
    assert run(home, "rooms", "join", "Lounge").exit_code == 0
    return home


@pytest.fixture
def mine(made, tmp_path):
    """A copy of the home that a test may break."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for file in made.iterdir():
        (home / file.name).write_bytes(file.read_bytes())
        (home / file.name).chmod(0o600)
    (home / "p2pchat.state").unlink()
    return home


def account_of(home):
    return json.loads(run(home, "id", "--json").stdout)


def test_an_identity_is_made_once_and_shown_alike(tmp_path):
    made = run(tmp_path / "home", "init", "--name", "Zoë", "--json")
    account = json.loads(made.stdout)
    assert account["name"] == "Zoë"
    assert account["contact_link"].startswith("dchat://u/")
    assert account_of(tmp_path / "home") == account
    assert "holds an identity already" in refused(tmp_path / "home", "init")


@pytest.mark.parametrize(
    "words",
    [
        ("id",),
        ("rooms", "join", "lounge"),
        ("rooms", "create", "Crew"),
        ("rooms", "create", "Council", "--history", "last:20"),
        ("contacts", "list"),
        ("rooms", "list"),
        ("blocks",),
        ("contacts", "list", "--name", "Ann"),
    ],
    ids=" ".join,
)
def test_any_command_makes_the_identity_and_says_so(words, tmp_path):
    (tmp_path / "foreign").write_text("left alone")
    begun = run(tmp_path, *words, "--json")
    assert begun.exit_code == 0, begun.output
    assert begun.stderr == f"A new identity was made in {tmp_path}.\n"
    assert run(tmp_path, "id").stderr == ""
    assert (tmp_path / "foreign").read_text() == "left alone"
    if "Ann" in words:
        assert account_of(tmp_path)["name"] == "Ann"


def test_an_identity_is_told_of_also_when_the_command_fails(tmp_path):
    """The home's name may have been mistyped."""
    failed = run(tmp_path, "history", "Bob")
    assert failed.exit_code == 1
    assert f"A new identity was made in {tmp_path}.\n" in failed.stderr


def test_an_identity_that_lost_its_database_is_no_new_home(mine):
    (mine / "p2pchat.db").unlink()
    assert "is missing though its key is there" in refused(mine, "contacts", "list")


def test_the_home_may_be_named_by_the_environment(made):
    shown = CliRunner().invoke(app, ["id", "--json"], env={"P2PCHAT_HOME": str(made)})
    assert json.loads(shown.stdout) == account_of(made)


def test_the_language_changes_sentences_and_never_json(made):
    assert "联系链接" in run(made, "--language", "zh", "id").stdout
    assert json.loads(run(made, "--language", "zh", "id", "--json").stdout) == account_of(made)


def test_rooms_are_joined_listed_and_left_without_a_network(mine):
    [room] = json.loads(run(mine, "rooms", "list", "--json").stdout)
    assert room["name"] == "lounge"
    [member] = json.loads(run(mine, "rooms", "members", "lounge", "--json").stdout)
    assert member["account"] == account_of(mine)["account"]
    assert run(mine, *LOOPBACK, "rooms", "leave", "lounge").exit_code == 0
    assert json.loads(run(mine, "rooms", "list", "--json").stdout) == []


def test_a_home_in_use_names_who_has_it(mine):
    with open_home(mine):
        assert f"process {os.getpid()}" in refused(mine, "id")


def test_a_port_that_is_taken_is_named(made):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
        assert address in refused(made, "--no-fetch", "--listen", address, "rpc")


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refused(tmp_path / "file" / "home", "id")


def test_a_newer_database_is_left_alone(mine):
    with closing(connect(mine / "p2pchat.db", (mine / "p2pchat.key").read_bytes())) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert "newer" in refused(mine, "id")


def test_a_damaged_database_is_said(mine):
    with (mine / "p2pchat.db").open("r+b") as file:
        file.seek(20_000)
        file.write(b"\0" * 8192)
    assert "damaged" in refused(mine, "id")


def test_a_wrong_key_is_said(mine):
    (mine / "p2pchat.key").write_bytes(b"\x01" * 32)
    assert "key does not open" in refused(mine, "id")


def test_an_identity_file_must_hold_the_key_of_the_home(made, tmp_path):
    (tmp_path / "key").write_text("7" * 64)
    assert "identity" in refused(made, "--identity", tmp_path / "key", "id")
    assert "no key" in refused(made, "--identity", made / "p2pchat.db", "id")
    assert "cannot be read" in refused(made, "--identity", tmp_path / "none", "id")


def test_a_configuration_that_is_wrong_names_its_key(mine):
    (mine / "config.toml").write_text('listen = ["nonsense"]\n')
    assert "listen" in refused(mine, "id")


def test_links_that_cannot_be_used_are_explained(made):
    own = account_of(made)["contact_link"]
    assert "own link" in refused(made, *LOOPBACK, "contacts", "add", own)
    assert "dchat://u/" in refused(made, *LOOPBACK, "contacts", "add", "https://example.org")
    assert "damaged" in refused(made, *LOOPBACK, "contacts", "add", own[:-3])


def test_conversations_and_requests_that_are_not_there_are_explained(made):
    assert "'nobody'" in refused(made, *LOOPBACK, "send", "nobody", "hello")
    assert "'nobody'" in refused(made, "history", "nobody")
    assert "'nobody'" in refused(made, "contacts", "reject", "nobody")


def test_wrong_usage_ends_with_2(made):
    line = refused(made, "--listen", "/ip4/127.0.0.1", "rpc", status=2)
    assert "'/ip4/127.0.0.1'" in line
    for words in (["nonsense"], ["send"], ["--nonsense"], ["history", "lounge", "--limit", "0"]):
        ended = run(made, *words)
        assert ended.exit_code == 2, words
        assert "Error: " in ended.stderr
        assert "Traceback" not in ended.stderr


def test_what_is_piped_in_is_one_message(mine):
    words = ["--home", str(mine), *LOOPBACK, "send", "lounge", "-", "--timeout", "0", "--json"]
    piped = CliRunner().invoke(app, words, input="one line\nand another\n")
    assert json.loads(piped.stdout)["text"] == "one line\nand another"


def test_a_message_that_nobody_takes_is_queued_and_kept(mine):
    assert "outbox         0" in run(mine, *LOOPBACK, "status").stdout
    sent = run(mine, *LOOPBACK, "send", "lounge", "to nobody", "--timeout", "0.2")
    assert sent.exit_code == 0
    assert sent.stdout.startswith("Queued")
    [kept] = json.loads(run(mine, "history", "lounge", "--json").stdout)
    assert (kept["text"], kept["state"]) == ("to nobody", "queued")
    assert "outbox         1" in run(mine, *LOOPBACK, "status").stdout


def test_somebody_who_waits_is_told_for_what(mine):
    sent = run(mine, *LOOPBACK, "send", "lounge", "anybody?", "--timeout", "3")
    assert sent.stderr == "Waiting until lounge has it, 3 s at most…\n"
    quick = run(mine, *LOOPBACK, "send", "lounge", "anybody?", "--timeout", "0")
    assert quick.stderr == ""
    as_json = run(mine, *LOOPBACK, "send", "lounge", "anybody?", "--timeout", "2", "--json")
    assert as_json.stderr == ""
    nobody = "/ip4/127.0.0.1/tcp/9/p2p/12D3KooWBbv5gzvSpSSjWtsgM7wKVFbxgLJsXZMy7oUPCkB2FqaP"
    status = run(mine, *LOOPBACK, "--bootstrap-peer", nobody, "status", "--timeout", "6")
    assert status.stderr == "Waiting for the network, 6 s at most…\n"


def test_whose_rooms_are_entered_is_shown_and_set(mine):
    assert run(mine, "rooms", "from").stdout.startswith("You go into the rooms of your contacts")
    assert run(mine, "rooms", "from", "ask").stdout.startswith("You are asked about each room")
    assert json.loads(run(mine, "rooms", "from", "--json").stdout) == {"rooms_from": "ask"}
    assert run(mine, "rooms", "from", "everybody").exit_code == 2
    assert run(mine, "rooms", "requests").stdout == "No room waits for your word.\n"


def test_what_was_said_is_found_by_its_words(mine):
    for place, text in (("lounge", "the train at nine"), ("kitchen", "九点的火车")):
        assert run(mine, *LOOPBACK, "rooms", "join", place).exit_code == 0
        sent = run(mine, *LOOPBACK, "send", place, text, "--timeout", "0")
        assert sent.exit_code == 0, sent.output
    [found] = json.loads(run(mine, "search", "NINE tra", "--json").stdout)
    assert found["text"] == "the train at nine"
    shown = run(mine, "search", "火车").stdout
    assert shown.startswith("kitchen  ")
    assert "九点的火车" in shown
    assert run(mine, "search", "火车", "--in", "lounge").stdout == "Nothing was found.\n"
    assert "no word" in refused(mine, "search", "?!")
    assert f"at most {QUERY_CHARS_MAX} characters" in refused(
        mine, "search", "x" * (QUERY_CHARS_MAX + 1)
    )
    assert "'nowhere'" in refused(mine, "search", "x", "--in", "nowhere")


def test_the_doctor_says_what_is_wrong_in_the_language_of_its_user(mine):
    (mine / "config.toml").write_text("listen = 5")
    english = run(mine, "doctor")
    assert english.exit_code == 0
    assert english.stdout.startswith("1. The configuration has a mistake.\n   Mend the line")
    assert "ConfigError: listen: give a list" in english.stdout
    chinese = run(mine, "doctor", "--language", "zh").stdout
    assert chinese.startswith("1. 配置有误。\n")


def test_the_doctor_needs_a_command_line_that_is_right(mine):
    assert "nonsense" in refused(mine, "--listen", "nonsense", "doctor", status=2)


def test_a_status_without_a_network_says_so(mine):
    shown = run(mine, *LOOPBACK, "status")
    assert shown.exit_code == 0, shown.output
    assert "health         offline" in shown.stdout
    assert "last sync" not in shown.stdout
    assert "/ip4/127.0.0.1/tcp/" in shown.stdout
    assert shown.stdout.endswith("No contacts yet. Give your contact link away.\n")
    given = json.loads(run(mine, *LOOPBACK, "status", "--json").stdout)
    assert given["health"] == "offline"
    assert given["contacts"] == []


def test_a_new_link_replaces_the_last_and_a_link_is_looked_at_without_a_network(mine):
    before = account_of(mine)
    renewed = json.loads(run(mine, "contacts", "new-link", "--json").stdout)["contact_link"]
    assert renewed != before["contact_link"]
    assert account_of(mine)["contact_link"] == renewed
    found = json.loads(run(mine, "contacts", "look", renewed, "--json").stdout)
    assert found["account"] == before["account"]
    assert found["peer_id"] == before["peer_id"]
    assert found["state"] is None
    shown = run(mine, "contacts", "look", renewed).stdout
    assert before["account"] in shown
    assert "Nobody was dialled" in shown
    assert "leads to nothing any more" in run(mine, "contacts", "new-link").stdout


def test_whom_one_asked_can_be_removed_by_account(mine, tmp_path):
    other = account_of(tmp_path / "other")
    asked = run(mine, *LOOPBACK, "contacts", "add", other["contact_link"], "--timeout", "0")
    assert asked.exit_code == 0
    assert "Removed" in run(mine, "contacts", "remove", other["account"]).stdout
    assert json.loads(run(mine, "contacts", "list", "--json").stdout) == []
    assert "no contact who has accepted" in refused(mine, "contacts", "remove", other["account"])


def test_a_name_of_two_alphabets_is_warned_of_where_it_is_chosen(tmp_path):
    assert "several alphabets" in run(tmp_path, "init", "--name", "\u0410lice").stdout
    assert "another room" in run(tmp_path, "rooms", "join", "l\u043eunge").stdout
    assert "Careful" not in run(tmp_path, "rooms", "join", "lounge").stdout
