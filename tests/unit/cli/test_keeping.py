"""The commands that lock a home."""

from __future__ import annotations

import json
import sys

import pytest
from typer.testing import CliRunner

from p2pchat.cli import passphrases
from p2pchat.cli.app import app
from p2pchat.crypto import vault
from p2pchat.crypto.stretching import PASSPHRASE_BYTES_MAX, Cost


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(vault.Vault.__init__, "__defaults__", (None, Cost(1, 8192)))
    monkeypatch.setattr(vault.WithPassphrase.__init__, "__defaults__", (Cost(1, 8192),))


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    assert run(home, "init", "--name", "Alice").exit_code == 0
    return home


@pytest.fixture
def files(tmp_path):
    """Files with a passphrase each, by name."""

    def write(text):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.txt"
        file.write_bytes(text.encode())
        return file

    return write


def run(home, *words):
    return CliRunner().invoke(app, ["--home", str(home), *map(str, words)])


def refused(home, *words, status=1):
    ended = run(home, *words)
    assert ended.exit_code == status, ended.output
    [line] = ended.stderr.splitlines()
    assert line.startswith("p2pchat: ")
    return line


@pytest.fixture
def keyboard(monkeypatch):
    """Somebody sits there: what they type, in order."""
    typed: list[str] = []

    def getpass(_):
        if not typed:
            raise EOFError
        return typed.pop(0)

    monkeypatch.setattr(passphrases, "getpass", getpass)

    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr(
        passphrases, "sys", type("System", (), {"stdin": Terminal(), "stderr": sys.stderr})
    )
    return typed


def test_a_home_is_locked_and_opened_by_files(home, files):
    first, second = files("first\n"), files("second\r\n")
    assert run(home, "passphrase", "set", "--new-passphrase-file", first).exit_code == 0
    assert "--passphrase-file" in refused(home, "id")
    assert "wrong" in refused(home, "--passphrase-file", second, "id")
    assert "Alice" in run(home, "--passphrase-file", first, "id").stdout
    changed = run(
        home, "--passphrase-file", first, "passphrase", "change", "--new-passphrase-file", second
    )
    assert changed.exit_code == 0
    assert "Alice" in run(home, "id", "--passphrase-file", second).stdout
    assert run(home, "passphrase", "remove", "--passphrase-file", second).exit_code == 0
    assert "Alice" in run(home, "id").stdout


def test_a_new_home_is_locked_from_the_beginning(tmp_path, files):
    secret = files("secret")
    made = run(tmp_path / "new", "init", "--json", "--passphrase-file", secret)
    account = json.loads(made.stdout)["account"]
    assert "needed" in refused(tmp_path / "new", "id")
    assert account in run(tmp_path / "new", "id", "--passphrase-file", secret).stdout


def test_a_program_that_nobody_sits_before_is_told_to_name_a_file(home, files):
    run(home, "passphrase", "set", "--new-passphrase-file", files("secret"))
    assert "--passphrase-file" in refused(home, "rpc")
    assert "--passphrase-file" in refused(home, "history", "lounge")
    assert "PassphraseNeeded" in run(home, "doctor").stdout


def test_what_makes_no_sense_is_said(home, files, tmp_path):
    secret = files("secret")
    assert "passphrase set" in refused(home, "passphrase", "change")
    assert "not locked" in refused(home, "--passphrase-file", secret, "id")
    assert "cannot be read" in refused(home, "--passphrase-file", tmp_path / "none", "id", status=2)
    blob = tmp_path / "blob"
    blob.write_bytes(b"\xff\xfe")
    assert "no text" in refused(home, "--passphrase-file", blob, "id", status=2)
    assert "1 to 1,024" in refused(home, "passphrase", "set", "--new-passphrase-file", files(""))
    run(home, "passphrase", "set", "--new-passphrase-file", secret)
    assert "passphrase change" in refused(home, "passphrase", "set")
    assert "holds no identity" in refused(
        tmp_path / "none", "passphrase", "set", "--new-passphrase-file", secret
    )


def test_what_nobody_sees_in_a_file_is_no_part_of_a_passphrase(home, files):
    long = "x" * PASSPHRASE_BYTES_MAX
    for text, passphrase in (
        ("\ufeffsecret\r\n", "secret"),
        ("zwei Wörter", "zwei Wörter"),
        (f"\ufeff{long}\r\n", long),
    ):
        assert passphrases.passphrase_in(files(text)) == passphrase
    for text in ("secret\n\n", "one\ntwo\n", "a\tb", "a\0", f"{long}\n\n", "a\rb", "\x1b[A"):
        line = refused(home, "--passphrase-file", files(text), "id", status=2)
        assert "more than one line" in line
    for text in (f"{long}x", f"{long}\r\nx", f"\ufeff{long}\r\nx"):
        given = ("passphrase", "set", "--new-passphrase-file", files(text))
        assert run(home, *given).exit_code
    assert "Alice" in run(home, "id").stdout


def test_a_passphrase_is_asked_for_twice_and_unseen(home, keyboard):
    keyboard += ["secret", "sekret"]
    assert "not the same" in refused(home, "passphrase", "set")
    keyboard += [""]
    assert "1 to 1,024" in refused(home, "passphrase", "set")
    assert "no passphrase was given" in refused(home, "passphrase", "set")
    keyboard += ["secret", "secret"]
    assert "Locked." in run(home, "passphrase", "set").stdout
    keyboard += ["secret"]
    assert "Alice" in run(home, "id").stdout
    keyboard += ["wrong"]
    assert "wrong" in refused(home, "id")
    keyboard += ["secret", "other", "other"]
    assert "another now" in run(home, "passphrase", "change").stdout
    keyboard += ["other"]
    assert "locked no more" in run(home, "passphrase", "remove").stdout


def test_the_keyring_is_used_where_there_is_one(home, drawer):
    assert "keyring locks" in run(home, "passphrase", "keyring").stdout
    assert "Alice" in run(home, "id").stdout
    drawer.kept.clear()
    assert "has lost the key" in refused(home, "id")


def test_without_a_keyring_nothing_changes(home, drawer):
    type(drawer).priority = 0
    try:
        assert "use a passphrase" in refused(home, "passphrase", "keyring")
    finally:
        type(drawer).priority = 5
    assert "Alice" in run(home, "id").stdout


def test_a_home_moves_by_a_file(home, files, tmp_path):
    secret, wrong, file = files("secret"), files("wrong"), tmp_path / "backup"
    assert run(home, "rooms", "join", "Lounge").exit_code == 0
    account = json.loads(run(home, "id", "--json").stdout)
    exported = run(home, "export", file, "--export-passphrase-file", secret)
    assert exported.stdout.startswith(f"Exported to {file}")
    assert "--force" in refused(home, "export", file, "--export-passphrase-file", secret)
    assert "--export-passphrase-file" in refused(home, "export", tmp_path / "other")
    assert run(home, "export", file, "--force", "--export-passphrase-file", secret).exit_code == 0

    new, given = tmp_path / "new", ("--export-passphrase-file", secret)
    line = refused(new, "import", file, "--export-passphrase-file", wrong)
    assert "passphrase of the export" in line
    assert "is no export" in refused(new, "import", secret, *given)
    assert "cannot be read" in refused(new, "import", tmp_path / "none", *given)
    (tmp_path / "key").write_text("7" * 64)
    assert "identity_file" in refused(new, "--identity", tmp_path / "key", "import", file, *given)
    assert not new.exists()
    assert account["account"] in run(new, "import", file, *given).stdout
    moved = json.loads(run(new, "id", "--json").stdout)
    assert moved["account"] == account["account"]
    assert moved["peer_id"] != account["peer_id"]
    assert [room["name"] for room in json.loads(run(new, "rooms", "list", "--json").stdout)] == [
        "lounge"
    ]
    assert "new directory" in refused(new, "import", file, *given)


def test_a_home_may_be_locked_while_it_is_imported(home, files, tmp_path):
    secret, lock, file = files("secret"), files("lock"), tmp_path / "backup"
    given = ("--export-passphrase-file", secret)
    assert run(home, "export", file, *given).exit_code == 0
    new = tmp_path / "new"
    assert run(new, "--passphrase-file", lock, "import", file, *given).exit_code == 0
    assert "needed" in refused(new, "id")
    assert "Alice" in run(new, "id", "--passphrase-file", lock).stdout


def test_the_passphrase_of_an_export_is_asked_for(home, keyboard, tmp_path):
    keyboard += ["one", "two"]
    assert "not the same" in refused(home, "export", tmp_path / "backup")
    keyboard += ["one", "one"]
    assert run(home, "export", tmp_path / "backup").exit_code == 0
    keyboard += ["one"]
    assert run(tmp_path / "new", "import", tmp_path / "backup").exit_code == 0


def test_a_conversation_is_written_out(home, tmp_path):
    run(home, "rooms", "join", "Lounge")
    offline = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")
    run(home, *offline, "send", "lounge", "<b>hello</b>", "--timeout", "0")
    assert "Alice: <b>hello</b>  [queued]" in run(home, "transcript", "lounge").stdout
    [message] = json.loads(run(home, "transcript", "lounge", "--format", "json").stdout)
    [shown] = json.loads(run(home, "history", "lounge", "--json").stdout)
    assert message == shown
    page = tmp_path / "lounge.html"
    assert run(home, "transcript", "lounge", page).stdout.startswith("1 messages written to")
    assert "&lt;b&gt;hello" in page.read_text()
    assert "--force" in refused(home, "transcript", "lounge", page)
    assert run(home, "transcript", "lounge", page, "--force", "--format", "text").exit_code == 0
    assert page.read_text().startswith("lounge")
    assert "'nobody'" in refused(home, "transcript", "nobody")
    assert run(home, "transcript", "lounge", "--format", "pdf").exit_code == 2
