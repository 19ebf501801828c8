"""Keys in files that people bring."""

from __future__ import annotations

import pytest

from p2pchat.errors import ConfigError
from p2pchat.store.key_file import parse_key, read_identity_file, render_key

KEY = bytes(range(32))


@pytest.mark.parametrize("content", [KEY, KEY.hex().encode(), b" " + KEY.hex().upper().encode()])
def test_a_key_is_32_bytes_or_their_digits(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    assert read_identity_file(tmp_path / "key") == KEY


def test_what_is_written_can_be_read():
    assert parse_key(render_key(KEY)) == KEY


@pytest.mark.parametrize("content", [b"", KEY[:-1], KEY + KEY, b"z" * 64, KEY.hex()[:-2].encode()])
def test_a_file_without_a_key_is_named(tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match="holds no key") as caught:
        read_identity_file(tmp_path / "key")
    assert caught.value.key == "identity"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_identity_file(tmp_path / "nothing here")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_identity_file(tmp_path)
