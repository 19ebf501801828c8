"""Settings are written into the file of a home when they are right, and then all of them."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys

import pytest
import trio

import p2pchat
from p2pchat import open_client
from p2pchat.config import ClientConfig, load_client_config
from p2pchat.errors import ConfigError, DiskFull, FileUnusable
from p2pchat.net import interfaces

PEER = "/ip4/203.0.113.7/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
TEXT = '# mine\nfetch = false  # no\nlisten = []\nodd = 1\n[lan]\nname = "A"\n'


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(TEXT)
    return home


def text(home) -> str:
    return (home / "config.toml").read_text()


def test_what_was_changed_is_what_is_loaded_and_the_file_is_private(home):
    config, warnings = p2pchat.change_config(home, {"bootstrap_peers": [PEER], "lan.name": "B"})
    assert (config, warnings) == load_client_config(home / "config.toml")
    assert (config.bootstrap_peers, config.lan.name, config.fetch) == ((PEER,), "B", False)
    assert text(home).startswith("# mine\nfetch = false  # no\n")
    assert "odd is ignored" in warnings[0]
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    assert [each.name for each in home.iterdir()] == ["config.toml"]


def test_a_home_without_a_file_gets_one_and_the_default_is_a_line_less(tmp_path):
    p2pchat.change_config(tmp_path, {"fetch": False})
    assert text(tmp_path) == "fetch = false\n"
    config, _ = p2pchat.change_config(tmp_path, {"fetch": None})
    assert config == ClientConfig()
    assert text(tmp_path) == ""


def test_what_changes_nothing_writes_nothing(home):
    before = (home / "config.toml").stat().st_ino
    p2pchat.change_config(home, {"fetch": False, "listen": [], "name": None})
    assert (home / "config.toml").stat().st_ino == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps links to administrators")
def test_a_link_stays_one_and_what_it_leads_to_is_changed(tmp_path):
    kept = tmp_path / "kept.toml"
    kept.write_text(TEXT)
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").symlink_to(kept)
    p2pchat.change_config(home, {"fetch": True})
    assert (home / "config.toml").is_symlink()
    assert "fetch = true  # no" in kept.read_text()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"bootstrap_peers": ["bob"]}, "bootstrap_peers"),
        ({"bootstrap_urls": ["http://a.example/"]}, "bootstrap_urls"),
        ({"listen": ["/dns4/a.example/tcp/1"]}, "listen"),
        ({"listen": ["/ip4/203.0.113.7/tcp/0"]}, "listen"),
        ({"mailboxes.relays": ["/ip4/1.2.3.4/tcp/1"]}, "mailboxes.relays"),
        ({"lan.allowed_subnets": ["10.0.0.0/33"]}, "lan.allowed_subnets"),
        ({"lan.secret": ""}, "lan.secret"),
        ({"lan.secret": "x" * 1_025}, "lan.secret"),
        ({"lan.secret_file": "nowhere"}, "lan.secret_file"),
        ({"lan.enabled": True, "lan.accept_requests": True}, "lan.accept_requests"),
        ({"lan.enabled": True, "lan.listen_host": "203.0.113.7"}, "lan.listen_host"),
        ({"lan.colour": "red"}, "lan.colour"),
        ({"fetch": "no"}, "fetch"),
        ({"blocks.peers": ["bob"]}, "blocks.peers"),
        ({"fetch": True, "limits.requests_max": 0}, "limits.requests_max"),
    ],
)
def test_what_would_not_open_is_refused_by_its_key_and_nothing_has_changed(home, changes, key):
    with pytest.raises(ConfigError) as caught:
        p2pchat.change_config(home, changes)
    assert caught.value.key == key
    assert "\n" not in str(caught.value)
    assert text(home) == TEXT
    assert [each.name for each in home.iterdir()] == ["config.toml"]


def test_a_mistake_that_was_there_is_named_and_can_be_mended(home):
    (home / "config.toml").write_text('listen = "here"\nfetch = false\n')
    with pytest.raises(ConfigError, match="listen"):
        p2pchat.change_config(home, {"fetch": True})
    p2pchat.change_config(home, {"listen": None})
    assert text(home) == "fetch = false\n"


def test_what_the_command_line_gives_beside_the_file_is_none_of_another_settings_business(home):
    (home / "config.toml").write_text("[lan]\nenabled = true\naccept_requests = true\n")
    p2pchat.change_config(home, {"fetch": False})
    with pytest.raises(ConfigError, match="needs a secret"):
        p2pchat.change_config(home, {"lan.name": "B"})


def test_an_address_that_is_in_use_may_be_our_own(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        own = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
        assert p2pchat.change_config(home, {"listen": [own]})[0].listen == (own,)


def test_a_port_that_is_kept_for_the_system_is_told_of(monkeypatch):
    class Socket(socket.socket):
        def bind(self, address):
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(interfaces.socket, "socket", Socket)
    with pytest.raises(ConfigError, match="port above 1023"):
        interfaces.require_listenable("/ip4/0.0.0.0/tcp/80")


def test_a_disk_that_fails_is_told_of_and_the_file_is_as_it_was(home, monkeypatch):
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DiskFull):
        p2pchat.change_config(home, {"fetch": True})
    assert text(home) == TEXT
    assert [each.name for each in home.iterdir()] == ["config.toml"]
    with pytest.raises(FileUnusable, match="cannot be written"):
        p2pchat.change_config(home / "none", {"fetch": True})


def test_a_client_takes_over_what_was_written_and_names_what_waits(home):
    async def main() -> None:
        async with open_client(home, name="Alice", offline=True) as client:
            subnet = {"blocks.subnets": ["10.0.0.0/8"], "lan.enabled": True}
            await trio.to_thread.run_sync(p2pchat.change_config, home, subnet)
            change = await client.reload_config()
            assert (change.applied, change.needs_restart) == (("blocks.subnets",), ("lan.enabled",))
            assert [each.target for each in client.blocks()] == ["10.0.0.0/8"]
        async with open_client(None, config=ClientConfig(fetch=False), offline=True) as client:
            with pytest.raises(ConfigError, match="stand in no file"):
                await client.reload_config()

    trio.run(main)


KILLED = """
import os, signal, sys
import p2pchat
from pathlib import Path
home = Path(sys.argv[1]); file = home / "config.toml"; old = file.read_text()
change = lambda: p2pchat.change_config(home, {"fetch": True, "lan.secret": "s"})
OURS = ("configuring.py", "files.py")
left = 0
def trace(frame, event, _):
    global left
    if not frame.f_code.co_filename.endswith(OURS): return None
    if event == "line":
        left -= 1
        if left == 0: os.kill(os.getpid(), signal.SIGKILL)
    return trace
change(); new = file.read_text(); file.write_text(old)
seen = []
while len(seen) < 500:
    pid = os.fork()
    if pid == 0:
        left = len(seen) + 1
        sys.settrace(trace)
        change()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    seen.append({old: "old", new: "new"}.get(file.read_text(), "broken"))
    file.write_text(old)
    if status == 0: break
print(",".join(seen))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_killed_at_any_line_the_file_is_the_old_or_the_new_one(home):
    """Each line of what writes it, one after the other."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, home], capture_output=True, text=True, check=True
    )
    seen = ended.stdout.strip().split(",")
    assert set(seen) == {"old", "new"}
    assert seen == sorted(seen, reverse=True), "old until it is new"
    assert 20 < len(seen) < 500
    p2pchat.change_config(home, {"fetch": True})
    assert [each.name for each in home.iterdir()] == ["config.toml"], "nothing is left behind"
