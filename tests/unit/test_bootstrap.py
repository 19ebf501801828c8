"""The relay's command line: mistakes are one line; what it prints is tried in a process."""

from __future__ import annotations

import socket

from typer.testing import CliRunner

from p2pchat.bootstrap import app
from p2pchat.store.relay_home import open_relay_home

LISTEN = ("--listen", "/ip4/127.0.0.1/tcp/0")


def refused(home, *words, status=1):
    ended = CliRunner().invoke(app, ["--no-fetch", "--home", str(home), *map(str, words)])
    assert (ended.exit_code, ended.stdout) == (status, ""), ended.output
    [line] = ended.stderr.splitlines()
    assert line.startswith("p2pchat.bootstrap: ")
    return line


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
        assert address in refused(tmp_path, "--listen", address)


def test_an_address_that_is_none_is_wrong_usage(tmp_path):
    assert "nonsense" in refused(tmp_path, "--listen", "nonsense", status=2)
    assert "nonsense" in refused(tmp_path, "--bootstrap-peer", "nonsense", status=2)


def test_a_home_in_use_is_said(tmp_path):
    with open_relay_home(tmp_path, bytes(32)):
        assert str(tmp_path) in refused(tmp_path, *LISTEN)


def test_a_key_that_is_damaged_or_missing_is_named(tmp_path):
    assert "cannot be read" in refused(tmp_path, *LISTEN, "--identity", tmp_path / "none")
    (tmp_path / "relay.key").write_text("damaged")
    assert "relay.key" in refused(tmp_path, *LISTEN)


def test_a_list_that_cannot_be_exported_is_said(tmp_path):
    assert "nowhere" in refused(tmp_path, *LISTEN, "--export", tmp_path / "nowhere" / "list.json")


def test_a_configuration_that_is_wrong_names_its_key(tmp_path):
    (tmp_path / "config.toml").write_text("[limits]\ncircuits_max = 0\n")
    assert "limits.circuits_max" in refused(tmp_path, *LISTEN)


def test_a_relay_does_not_move_in_with_a_client(tmp_path):
    (tmp_path / "p2pchat.key").touch()
    assert "a client lives in" in refused(tmp_path, *LISTEN, status=2)
    assert not (tmp_path / "relay.key").exists()


def test_help_says_how_to_run_it():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for option in ("--home", "--listen", "--announce", "--bootstrap-peer", "--export", "--json"):
        assert option in shown.output
