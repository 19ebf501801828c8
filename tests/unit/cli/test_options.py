"""Options that all commands have."""

from __future__ import annotations

from typer.testing import CliRunner

from p2pchat.cli.app import app


def test_a_home_without_a_name_is_refused_and_nothing_is_made_here(tmp_path, monkeypatch):
    """As with `--home "$UNSET"`: it would be the current directory."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--home", "", "id"])
    assert result.exit_code == 2
    assert "names no directory" in result.output
    assert list(tmp_path.iterdir()) == []
