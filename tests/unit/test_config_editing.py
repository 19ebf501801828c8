"""A setting is changed in a file, and nothing else is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from p2pchat.config import ClientConfig, edited_config, read_client_config, settings_in
from p2pchat.errors import ConfigError

PATH = Path("/nowhere/config.toml")
PEER = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
OWN = """\
# Mine. Do not touch!
name = "Alice"   # as on the door
colour = "green"

bootstrap_peers = [
    # at home
    "/dns4/one.example/tcp/1/p2p/A",  # the old one
    "/dns4/two.example/tcp/1/p2p/B",  # Bob's
]

[dht]  # as before
mode = "client"

[lan]
secret = 'open'  # not really

[mailboxes.limits]
"""


def edited(text: str, **changes: object) -> str:
    return edited_config(
        text, {key.replace("__", "."): value for key, value in changes.items()}, PATH
    )


def lines_but(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if not any(word in line for word in words)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fetch": False}, {"fetch": False}),
        ({"name": "Bob"}, {"name": "Bob"}),
        ({"lan.enabled": True}, {"lan": {"secret": "open", "enabled": True}}),
        ({"lan.secret": None, "lan.secret_file": "s"}, {"lan": {"secret_file": "s"}}),
        ({"mailboxes.relays": (PEER,)}, {"mailboxes": {"relays": [PEER], "limits": {}}}),
        ({"mailboxes.limits.x": 7}, {"mailboxes": {"limits": {"x": 7}}}),
        ({"blocks.subnets": ["10.0.0.0/8"]}, {"blocks": {"subnets": ["10.0.0.0/8"]}}),
        ({"listen": []}, {"listen": []}),
        ({"dht.query_timeout_s": 2.5}, {"dht": {"mode": "client", "query_timeout_s": 2.5}}),
    ],
)
def test_only_what_was_changed_is_another(changes, expected):
    written = edited_config(OWN, changes, PATH)
    assert tomllib.loads(written) == tomllib.loads(OWN) | expected
    words = [key.rpartition(".")[2] for key in changes]
    lines, kept = iter(written.splitlines()), lines_but(OWN, *words)
    assert all(line in lines for line in kept), "every other line stays, in its order"


def test_nothing_changed_is_the_same_text():
    assert edited(OWN, name="Alice", lan__secret="open", dht__mode="client") == OWN
    assert edited(OWN, listen=None, lan__enabled=None, nothing__here=None) == OWN


def test_of_a_list_what_stays_keeps_its_line_and_its_comment():
    old, two = tomllib.loads(OWN)["bootstrap_peers"]
    written = edited(OWN, bootstrap_peers=[two, PEER])
    assert tomllib.loads(written)["bootstrap_peers"] == [two, PEER]
    assert '    "/dns4/two.example/tcp/1/p2p/B",  # Bob\'s' in written.splitlines()
    assert f'    "{PEER}"' in written
    assert "# at home" in written
    assert "old one" not in written
    again = edited(OWN, bootstrap_peers=[two, old, old])
    assert tomllib.loads(again)["bootstrap_peers"] == [two, old, old]


def test_tables_in_a_list_stay_as_they_are():
    text = (
        'bootstrap_urls = ["https://a.example/",'
        ' {url = "https://b.example/", ca_file = "b.pem"}]  # both\n'
    )
    first, second = tomllib.loads(text)["bootstrap_urls"]
    written = edited(text, bootstrap_urls=[second, "https://c.example/"])
    assert tomllib.loads(written)["bootstrap_urls"] == [second, "https://c.example/"]
    assert '{url = "https://b.example/", ca_file = "b.pem"}' in written
    assert written.endswith("# both\n")
    assert tomllib.loads(edited(text, bootstrap_urls=[first])) == {"bootstrap_urls": [first]}


def test_a_list_that_was_written_as_tables_below_others_becomes_one_above():
    text = '[lan]\nenabled = true\n[[bootstrap_urls]]\nurl = "https://a.example/"\n'
    written = edited(text, bootstrap_urls=["https://c.example/"])
    assert tomllib.loads(written) == {
        "lan": {"enabled": True},
        "bootstrap_urls": ["https://c.example/"],
    }
    gone = edited(text, bootstrap_urls=[])
    assert tomllib.loads(gone) == {"lan": {"enabled": True}, "bootstrap_urls": []}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "lan.name = 'x'\nfetch = true",
        "lan = { name = 'x' }\n[dht]\n",
        "[mailboxes.limits]\n[lan]\nname = 'x'\n[mailboxes]\n",
        "[dht]\r\nmode = 'auto'\r\n",
        "[dht]\nmode = 'auto'",
    ],
)
def test_however_it_is_written_a_setting_finds_its_place(text):
    before = tomllib.loads(text)
    changes = {"fetch": False, "lan.enabled": True, "mailboxes.relays": [PEER], "listen": None}
    after = tomllib.loads(edited_config(text, changes, PATH))
    assert after["fetch"] is False
    assert after["lan"] == before.get("lan", {}) | {"enabled": True}
    assert after["mailboxes"]["relays"] == [PEER]
    assert after.get("dht") == before.get("dht")


@pytest.mark.parametrize("value", ["\x00\x1b\x7f\u0085\t\n\"\\'", "🙂 é", "", "x" * 500])
def test_any_text_can_be_written(value):
    assert tomllib.loads(edited("", lan__secret=value)) == {"lan": {"secret": value}}


@pytest.mark.parametrize("text", ["lan.name = 'x'\n", "'lan'.name = 1\nfetch = true  # so\n"])
def test_the_only_key_of_a_table_without_a_header_is_taken_out(text):
    assert edited(text, lan__name=None) == text.partition("\n")[2]


def test_a_long_list_has_a_line_for_each_entry():
    written = edited("", bootstrap_peers=[PEER, PEER.replace(".7", ".8")])
    assert len(written.splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "changes", "key", "reason"),
    [
        ("[lan", {"fetch": True}, "config.toml", "no TOML"),
        ("x = " + "[" * 5_000, {"fetch": True}, "config.toml", "nested|no TOML"),
        ("", {"lan.secret": "\ud800"}, "lan.secret", "UTF-8"),
        ("", {"lan.secret": b"raw"}, "lan.secret", "bytes is nothing"),
        ("", {"listen": [None]}, "listen", "NoneType is nothing"),
        ("lan = 5", {"lan.enabled": True}, "lan.enabled", r"write \[lan\] above"),
        ("[[lan]]\n", {"lan.enabled": True}, "lan.enabled", r"write \[lan\] above"),
        ("x = nan", {"fetch": True}, "config.toml", "fetch must be changed by hand"),
    ],
)
def test_what_cannot_be_put_there_is_refused_by_its_key(text, changes, key, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        edited_config(text, changes, PATH)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)


def test_what_a_text_would_set_is_read_without_a_file():
    written = edited("", listen=["/ip4/127.0.0.1/tcp/1"], lan__enabled=True)
    config, warnings = read_client_config(written, PATH, ["listen", "lan.enabled"])
    assert (config.listen, config.lan.enabled, warnings) == (("/ip4/127.0.0.1/tcp/1",), True, ())
    assert read_client_config("", PATH) == (ClientConfig(), ())


@pytest.mark.parametrize("key", ["listen_at", "lan.colour", "mystery.deep.key", "limits.nonsense"])
def test_a_key_that_is_no_setting_is_refused_only_where_it_is_wanted(key):
    text = edited_config("", {key: 1}, PATH)
    _, (warning,) = read_client_config(text, PATH)
    assert "is ignored" in warning
    with pytest.raises(ConfigError, match="no such setting") as caught:
        read_client_config(text, PATH, [key])
    assert caught.value.key == key


def test_what_stands_in_a_file_is_read_as_it_is_written(tmp_path):
    path = tmp_path / "config.toml"
    assert settings_in(path) == {}
    path.write_text(
        'fetch = false\nodd = 1\nblocks.subnets = ["10.1.2.3/8"]\n'
        "[lan]\nenabled = true\n[mailboxes.limits]\n"
    )
    assert settings_in(path) == {
        "fetch": False,
        "odd": 1,
        "blocks.subnets": ["10.1.2.3/8"],
        "lan.enabled": True,
    }
    path.write_text("[lan]\nenabled = 5")
    with pytest.raises(ConfigError, match=r"lan\.enabled"):
        settings_in(path)
