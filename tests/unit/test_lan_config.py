"""Settings of LAN mode."""

from __future__ import annotations

import pytest

from p2pchat.config import ClientConfig, LanConfig, load_client_config
from p2pchat.errors import ConfigError


def test_lan_mode_is_off_and_its_figures_are_those_agreed_on():
    lan = ClientConfig().lan
    assert not lan.enabled
    assert (lan.listen_port, lan.discovery_port) == (19123, 19124)
    assert (lan.heartbeat_s, lan.ttl_s) == (15, 45)


def test_subnets_are_written_in_any_form_and_kept_in_one():
    lan = LanConfig(allowed_subnets=("192.168.1.7", "192.168.1.0/24", "10.0.0.9/8"))
    assert lan.allowed_subnets == ("192.168.1.0/24", "10.0.0.0/8")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", " "),
        ("name", "x" * 65),
        ("listen_host", "here"),
        ("listen_host", "::"),
        ("listen_host", "224.0.0.1"),
        ("listen_host", "255.255.255.255"),
        ("listen_port", 0),
        ("listen_port", 65_536),
        ("listen_port", 1.5),
        ("discovery_port", True),
        ("heartbeat_s", 0.5),
        ("heartbeat_s", float("nan")),
        ("ttl_s", 15),
        ("ttl_s", 1e9),
        ("allowed_subnets", "10.0.0.0/8"),
        ("allowed_subnets", ("10.0.0.0/33",)),
        ("allowed_subnets", ("fd00::/8",)),
        ("allowed_subnets", tuple(f"10.{n}.0.0/16" for n in range(65))),
        ("secret", "x" * 1025),
        ("secret", "\ud800"),
    ],
)
def test_a_wrong_setting_is_refused_by_the_name_of_its_key(key, value):
    with pytest.raises(ConfigError) as caught:
        LanConfig(**{key: value})
    assert caught.value.key == f"lan.{key}"
    assert "\n" not in str(caught.value)


def test_a_secret_is_read_from_its_file_and_never_shown(tmp_path):
    (tmp_path / "secret").write_text("open sesame \r\n")
    lan = LanConfig(secret_file=tmp_path / "secret")
    assert lan.secret == "open sesame "
    assert "sesame" not in repr(lan)


def test_a_secret_file_without_a_secret_is_a_mistake(tmp_path):
    """An empty secret would open the network to everybody."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("empty", "binary", "missing"):
        with pytest.raises(ConfigError, match=r"lan\.secret_file"):
            LanConfig(secret_file=tmp_path / name)
    (tmp_path / "secret").write_text("a")
    with pytest.raises(ConfigError, match="only one"):
        LanConfig(secret="b", secret_file=tmp_path / "secret")


def test_all_of_it_can_stand_in_the_file(tmp_path):
    (tmp_path / "secret").write_text("sesame")
    path = tmp_path / "config.toml"
    path.write_text(
        """
        [lan]
        enabled = true
        name = "Alice"
        listen_host = "10.0.0.1"
        listen_port = 1
        discovery_port = 2
        heartbeat_s = 3
        ttl_s = 9.5
        allowed_subnets = ["10.0.0.0/24"]
        secret_file = "secret"
        """
    )
    config, warnings = load_client_config(path)
    assert warnings == ()
    assert config.lan == LanConfig(
        enabled=True,
        name="Alice",
        listen_host="10.0.0.1",
        listen_port=1,
        discovery_port=2,
        heartbeat_s=3,
        ttl_s=9.5,
        allowed_subnets=("10.0.0.0/24",),
        secret_file=tmp_path / "secret",
    )
