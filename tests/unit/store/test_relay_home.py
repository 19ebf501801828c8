"""A relay's home: the key for ever, the peers as far as they can be read."""

from __future__ import annotations

import os
import stat

import pytest

from p2pchat.errors import HomeInUse, HomeUnwritable, WrongKey
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import DeviceId
from p2pchat.store.relay_home import open_relay_home

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
PEERS = [
    PutPeer(DeviceId(bytes([n]) * 32).peer_id, (f"/ip4/192.0.2.{n}/tcp/1",), n) for n in range(3)
]


def test_a_new_home_keeps_its_first_key(tmp_path):
    home = tmp_path / "made" / "on the way"
    with open_relay_home(home, KEY) as relay:
        assert relay.key == KEY
    with open_relay_home(home, OTHER) as relay:
        assert relay.key == KEY


def test_a_given_key_is_used_and_not_kept(tmp_path):
    with open_relay_home(tmp_path, KEY, OTHER) as relay:
        assert relay.key == OTHER
    assert not (tmp_path / "relay.key").exists()


def test_files_are_private_under_any_umask(tmp_path):
    before = os.umask(0)
    try:
        with open_relay_home(tmp_path / "home", KEY) as relay:
            relay.peers.apply(PEERS[0])
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()}
    assert modes == dict.fromkeys(["p2pchat.lock", "relay.key", "relay-peers.json"], 0o600)
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_peers_are_remembered_until_they_are_dropped(tmp_path):
    with open_relay_home(tmp_path, KEY) as relay:
        for peer in PEERS:
            relay.peers.apply(peer)
        relay.peers.apply(DropPeer(PEERS[1].peer))
    with open_relay_home(tmp_path, KEY) as relay:
        assert relay.peers.rows == (PEERS[0], PEERS[2])


def test_peers_are_written_before_the_end_when_asked(tmp_path):
    with open_relay_home(tmp_path, KEY) as relay:
        relay.peers.apply(PEERS[0])
        relay.peers.save()
        before = (tmp_path / "relay-peers.json").read_bytes()
        relay.peers.save()
        assert (tmp_path / "relay-peers.json").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"peers": 1}',
        b'{"peers": [{}]}',
        b'{"peers": [{"peer": "x", "addresses": [], "last_seen_ms": 1}]}',
        b'{"peers": [{"peer": 1, "addresses": [], "last_seen_ms": 1}]}',
        b"[" * 100_000,
    ],
)
def test_peers_that_cannot_be_read_are_passed_over(tmp_path, content, caplog):
    (tmp_path / "relay-peers.json").write_bytes(content)
    with open_relay_home(tmp_path, KEY) as relay:
        assert relay.peers.rows == ()
    assert "relay-peers.json" in caplog.text


def test_a_disk_that_takes_no_peers_does_not_stop_the_relay(tmp_path, caplog):
    with open_relay_home(tmp_path, KEY) as relay:
        (tmp_path / "relay-peers.json.new").mkdir()
        relay.peers.apply(PEERS[0])
        relay.peers.save()
    assert "cannot be written" in caplog.text


def test_a_damaged_key_is_said_and_never_replaced(tmp_path):
    (tmp_path / "relay.key").write_bytes(b"half a k")
    with pytest.raises(WrongKey, match=r"relay\.key"), open_relay_home(tmp_path, KEY):
        pass
    assert (tmp_path / "relay.key").read_bytes() == b"half a k"


def test_a_home_belongs_to_one_process(tmp_path):
    with (
        open_relay_home(tmp_path, KEY),
        pytest.raises(HomeInUse),
        open_relay_home(tmp_path, OTHER),
    ):
        pass


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HomeUnwritable), open_relay_home(tmp_path / "file" / "home", KEY):
        pass


def test_without_a_home_everything_is_forgotten(tmp_path):
    with open_relay_home(None, KEY) as relay:
        relay.peers.apply(PEERS[0])
        relay.peers.save()
        assert (relay.key, relay.peers.rows) == (KEY, (PEERS[0],))
    assert list(tmp_path.iterdir()) == []
