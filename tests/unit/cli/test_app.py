"""The command line as it is parsed; what commands do is tried in processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from p2pchat.cli.app import app
from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.options import Options, takes_options
from p2pchat.cli.settings import settle

LISTEN = "/ip4/127.0.0.1/tcp/0"


def parsed(*arguments):
    """The options that a command of a small program gets."""
    program = typer.Typer()
    got = []

    @program.callback()
    @takes_options(Options)
    def main(options: Options) -> None:
        """The program."""

    @program.command()
    @takes_options(Options, hidden=True)
    def show(options: Options, word: str = "") -> None:
        """A command."""
        got.append((options, word))

    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 0, result.output
    [(options, word)] = got
    return options, word


def test_options_may_stand_before_and_after_the_command():
    before, _ = parsed("--home", "a", "--listen", LISTEN, "--no-fetch", "show")
    after, _ = parsed("show", "--home", "a", "--listen", LISTEN, "--no-fetch")
    assert before == after == Options(home=Path("a"), listen=[LISTEN], no_fetch=True)


def test_the_option_nearer_to_the_end_counts():
    options, word = parsed("--home", "a", "--name", "Al", "show", "--home", "b", "--word", "x")
    assert (options.home, options.name, word) == (Path("b"), "Al", "x")


def test_options_of_the_program_are_left_out_of_a_commands_help():
    text = CliRunner().invoke(app, ["send", "--help"]).output
    assert "--timeout" in text
    assert "--bootstrap-peer" not in text
    assert "--bootstrap-peer" in CliRunner().invoke(app, ["--help"]).output


@pytest.mark.parametrize("command", ["init", "id", "send", "history", "rpc", "contacts", "rooms"])
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f" {command} " in result.output


def test_help_comes_without_the_network_and_the_database():
    heavy = ("libp2p", "trio", "sqlalchemy", "google.protobuf", "httpx", "rich", "multiaddr")
    code = (
        "import sys; from typer.testing import CliRunner; from p2pchat.cli.app import app;"
        "assert 'Usage' in CliRunner().invoke(app, ['--help']).output;"
        f"print(*[name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_settings_are_those_of_the_file_with_the_options_over_them(tmp_path):
    (tmp_path / "config.toml").write_text(f'name = "Ann"\nlisten = ["{LISTEN}"]\nfetch = false\n')
    settings = settle(Options(home=tmp_path, name="Bea"))
    assert settings.config.name == "Bea"
    assert settings.config.listen == (LISTEN,)
    assert not settings.config.fetch


def test_the_home_is_the_option_or_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("P2PCHAT_HOME", str(tmp_path / "named"))
    assert settle(Options()).home == tmp_path / "named"
    assert settle(Options(home=tmp_path)).home == tmp_path
    monkeypatch.delenv("P2PCHAT_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert settle(Options()).home.name == "p2pchat"


@pytest.mark.parametrize(
    "options",
    [
        Options(listen=["nonsense"]),
        Options(listen=["/dns4/example.org/tcp/1"]),
        Options(bootstrap_peer=["/ip4/127.0.0.1/tcp/4001"]),
        Options(announce=["/ip4/0.0.0.0/tcp/1"]),
        Options(name="\x00"),
        Options(name="x" * 65),
        Options(name=""),
    ],
)
def test_a_wrong_option_is_wrong_usage(options, tmp_path, monkeypatch):
    monkeypatch.setenv("P2PCHAT_HOME", str(tmp_path))
    with pytest.raises(WrongUsage):
        settle(options)
