"""LAN mode on the command line, where no secret may stand."""

from __future__ import annotations

import pytest

from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.options import LAN_SECRET_VARIABLE, Options
from p2pchat.cli.settings import settle
from p2pchat.errors import ConfigError


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.delenv(LAN_SECRET_VARIABLE, raising=False)
    (tmp_path / "config.toml").write_text('[lan]\nlisten_port = 5\nsecret = "filed"\n')
    (tmp_path / "secret").write_text("in a file\n")
    return tmp_path


def lan(home, **options):
    return settle(Options(home=home, **options)).config.lan


def test_what_the_file_says_counts_until_something_is_given(home):
    assert not lan(home).enabled
    given = lan(home, lan=True)
    assert (given.enabled, given.listen_port, given.secret) == (True, 5, "filed")


def test_a_secret_comes_from_a_named_file_else_from_the_environment(home, monkeypatch):
    monkeypatch.setenv(LAN_SECRET_VARIABLE, "in the environment")
    assert lan(home, lan=True).secret == "in the environment"
    assert lan(home, lan=True, lan_secret_file=home / "secret").secret == "in a file"


def test_a_secret_file_for_a_lan_mode_that_is_off_is_a_wrong_option(home):
    with pytest.raises(WrongUsage, match="does nothing without --lan"):
        lan(home, lan_secret_file=home / "secret")
    (home / "config.toml").write_text("[lan]\nenabled = true\n")
    assert lan(home, lan_secret_file=home / "secret").secret == "in a file"


def test_an_empty_secret_does_not_open_the_lan_by_accident(home):
    (home / "config.toml").write_text('[lan]\nsecret = ""\n')
    with pytest.raises(ConfigError, match=r"lan\.secret: it is empty"):
        lan(home, lan=True)


def test_a_secret_file_that_is_not_there_is_a_wrong_option(home):
    with pytest.raises(WrongUsage, match="cannot be read"):
        lan(home, lan_secret_file=home / "missing")
