"""What the library says, in Chinese; and where a client lives."""

from __future__ import annotations

import pytest

from p2pchat.cli import settings
from p2pchat.cli.chinese_errors import CHINESE_ERRORS
from p2pchat.cli.options import Options
from p2pchat.portal import default_home, has_identity, worded
from p2pchat.portal.wording import SENTENCE_CHARS_MAX
from p2pchat.store.home import open_home


@pytest.mark.parametrize("english", [each for each in CHINESE_ERRORS if "{" not in each])
def test_an_error_without_blanks_has_its_chinese(english):
    assert worded(english, "zh") == CHINESE_ERRORS[english]
    assert worded(english, "en") == english


def test_blanks_are_filled_and_what_is_known_in_them_is_translated():
    full = "the disk is full: free some space"
    assert worded("the system refused: no such device", "zh") == "系统拒绝：no such device"
    assert worded(f"the system refused: {full}", "zh") == f"系统拒绝：{CHINESE_ERRORS[full]}"


def test_a_reason_with_blanks_is_translated_within_its_sentence():
    said = "listen: '/ip4/1/tcp/1' cannot be used: 1 is no IPv4 address"
    assert worded(said, "zh") == "listen：无法使用 '/ip4/1/tcp/1'：1 不是 IPv4 地址"


def test_what_nobody_translated_stays_as_it_is():
    assert worded("something quite different", "zh") == "something quite different"
    long = "x" * (SENTENCE_CHARS_MAX + 1)
    assert worded(long, "zh") == long


def test_a_home_is_where_the_library_has_it(monkeypatch, tmp_path):
    monkeypatch.delenv("P2PCHAT_HOME", raising=False)
    assert default_home() == settings.home_of(Options())
    monkeypatch.setenv("P2PCHAT_HOME", str(tmp_path))
    assert default_home() == settings.home_of(Options()) == tmp_path


def test_who_lives_in_a_home_is_seen_by_its_files(tmp_path):
    home = tmp_path / "home"
    assert has_identity(home) is settings.has_identity(home) is False
    with open_home(home):
        pass
    assert has_identity(home) is settings.has_identity(home) is True
