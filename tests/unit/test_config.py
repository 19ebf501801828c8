"""Settings: what is accepted, in which form, and what a person is told who made a mistake."""

from __future__ import annotations

import ast
import json
import logging
import re
import tomllib
from dataclasses import FrozenInstanceError, fields, replace
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import (
    ClientConfig,
    ClientMailboxes,
    DhtConfig,
    FetchLimits,
    FetchUrl,
    LanConfig,
    Limits,
    PeerAddress,
    RelayConfig,
    RelayLimits,
    RelayMailboxes,
    load_client_config,
    load_relay_config,
    parse_announce,
    parse_listen,
    parse_metrics,
    parse_peer_address,
)
from p2pchat.errors import ConfigError
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import DeviceId, PeerId

ROOT = Path(__file__).parents[2]
ALICE = str(DeviceId(b"a" * 32))
BOB = str(DeviceId(b"b" * 32))
ALICE_AT = f"/ip4/203.0.113.7/tcp/4001/p2p/{ALICE}"
CIRCUIT = f"/ip4/203.0.113.7/tcp/4001/p2p/{ALICE}/p2p-circuit/p2p/{BOB}"
PARSERS = (parse_peer_address, parse_listen, parse_announce)


def refusal(make, *arguments, **settings) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        make(*arguments, **settings)
    assert "\n" not in str(caught.value)
    return caught.value


# Addresses


def test_a_peer_address_is_split_into_the_peer_and_where_it_is():
    found = parse_peer_address(ALICE_AT)
    assert found == PeerAddress(PeerId.parse(ALICE), "/ip4/203.0.113.7/tcp/4001")
    assert str(found) == ALICE_AT


def test_a_circuit_address_is_one_of_its_last_peer_and_keeps_its_relay():
    found = parse_peer_address(CIRCUIT)
    assert (str(found.peer), found.address) == (BOB, CIRCUIT.removesuffix(f"/p2p/{BOB}"))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (f"/ip6/2001:DB8:0:0::1/tcp/1/p2p/{ALICE}", f"/ip6/2001:db8::1/tcp/1/p2p/{ALICE}"),
        (f"/ip4/203.0.113.7/tcp/04001/p2p/{ALICE}/", ALICE_AT),
    ],
)
def test_one_address_written_in_two_ways_becomes_the_same(text, canonical):
    assert str(parse_peer_address(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        f"/dns4/relay.example.org/tcp/443/wss/p2p/{ALICE}",
        f"/dns/relay.example.org/tcp/443/tls/sni/relay.example.org/ws/p2p/{ALICE}",
        f"/ip6/2001:db8::1/udp/4001/quic-v1/p2p/{ALICE}",
        "/ip4/203.0.113.7/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    ],
)
def test_addresses_of_every_kind_of_node_are_read(text):
    assert str(parse_peer_address(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no multiaddr"),
        ("/", "host and a port"),
        ("/ip6zone/x.y", "no multiaddr that can be read"),
        ("203.0.113.7:4001", "no multiaddr"),
        ("/ip4/203.0.113.7/tcp/4001", "must end in /p2p/"),
        (f"/ip4/203.0.113.7/p2p/{ALICE}", "host and a port"),
        (f"/p2p/{ALICE}", "host and a port"),
        (f"/dnsaddr/example.org/p2p/{ALICE}", "host and a port"),
        (f"/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/{ALICE}", "host and a port"),
        (f"/ip4/203.0.113/tcp/4001/p2p/{ALICE}", "203.0.113"),
        (f"/ip4/203.0.113.7/tcp/70000/p2p/{ALICE}", "a port is a number from 0 to 65535"),
        (f"/ip4/203.0.113.7/tcp/0/p2p/{ALICE}", "port 0"),
        (f"/ip4/0.0.0.0/tcp/4001/p2p/{ALICE}", "nobody can dial 0.0.0.0"),
        (f"/ip6/::/tcp/4001/p2p/{ALICE}", "nobody can dial ::"),
        (f"/ip4/224.0.0.1/tcp/4001/p2p/{ALICE}", "multicast"),
        (f"/ip4/255.255.255.255/tcp/4001/p2p/{ALICE}", "broadcast"),
        (ALICE_AT[:-4], "no peer id"),
        (f"/ip4/203.0.113.7/tcp/4001/p2p/{ALICE}/p2p/{BOB}", "/p2p has no place"),
        (f"{CIRCUIT}/p2p-circuit/p2p/{ALICE}", "no place"),
        (f"/ip4/203.0.113.7/tcp/4001/unix/x/p2p/{ALICE}", "must end in /p2p/"),
        (f"/ip4/203.0.113.7/tcp/4001/http/p2p/{ALICE}", "/http has no place"),
        (f"/ip4/203.0.113.7/tcp/4001\n/p2p/{ALICE}", "characters"),
        (f"/dns4/\ud800/tcp/4001/p2p/{ALICE}", "characters"),
        (f"/dns4/{'a' * 600}/tcp/4001/p2p/{ALICE}", "longer than 512"),
    ],
)
def test_what_nobody_can_dial_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_peer_address(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/dns4/localhost/tcp/4001", "not a name"),
        ("/ip4/127.0.0.1/udp/4001/quic-v1", "takes the form"),
        ("/ip4/127.0.0.1/tcp/4001/ws", "takes the form"),
        (ALICE_AT, "takes the form"),
        ("/ip4/224.0.0.1/tcp/4001", "multicast"),
    ],
)
def test_listening_takes_an_ip_address_and_a_tcp_port(text, reason):
    assert parse_listen("/ip6/::/tcp/0") == "/ip6/::/tcp/0"
    with pytest.raises(ValueError, match=reason):
        parse_listen(text)


def test_an_announced_address_is_dialable_and_leaves_the_peer_id_to_the_node():
    assert parse_announce("/dns4/relay.example.org/tcp/443/wss").endswith("/wss")
    for text, reason in [(ALICE_AT, "leave"), (CIRCUIT, "leave"), ("/ip4/0.0.0.0/tcp/1", "dial")]:
        with pytest.raises(ValueError, match=reason):
            parse_announce(text)


NAMES = ("ip4", "ip6", "dns", "tcp", "udp", "p2p", "p2p-circuit", "ws", "sni", "unix", "certhash")
VALUES = ("203.0.113.7", "::1", "4001", "0", "-1", "9" * 400, "a.b", ALICE, ALICE[1:], "%2f", "")
PIECES = st.sampled_from(NAMES + VALUES)
TEXTS = st.lists(PIECES, max_size=8).map(lambda pieces: "".join(f"/{p}" for p in pieces))


@given(text=TEXTS | st.text() | TEXTS.map("/ip4/203.0.113.7/tcp/4001".__add__))
def test_any_text_is_refused_with_one_line_or_read_into_a_form_that_stays(text):
    for parse in PARSERS:
        try:
            canonical = str(parse(text))
        except ValueError as error:
            assert type(error) is ValueError  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert str(parse(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:9464", ("::1", 9464)),
        (" 10.0.0.7:9464 ", ("10.0.0.7", 9464)),
    ],
)
def test_metrics_are_for_this_machine_unless_an_address_is_named(text, found):
    assert parse_metrics(text) == found


@pytest.mark.parametrize(
    "text",
    ["", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:", "1:65536", "[::1]", "-1", "²"],
)
def test_where_no_metrics_can_be_served_is_refused(text):
    error = refusal(RelayConfig, home=None, metrics=text)
    assert error.key == "metrics"


# Clients and relays


def test_the_defaults_of_a_client_listen_on_any_port_and_know_nobody():
    config = ClientConfig()
    assert config.listen == ("/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0")
    assert (config.bootstrap_peers, config.bootstrap_urls, config.fetch) == ((), (), True)
    assert (config.transport, config.dht.mode) == ("lean", "auto")


def test_a_relay_listens_on_a_fixed_port_and_serves_the_dht():
    config = RelayConfig(home=None)
    assert config.listen == ("/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001")
    assert config.dht.mode == "server"
    assert config.limits.connections_max > ClientConfig().limits.connections_max


def test_settings_cannot_be_changed_but_replaced():
    config = ClientConfig(bootstrap_peers=(ALICE_AT,))
    with pytest.raises(FrozenInstanceError):
        config.fetch = False  # pyright: ignore[reportAttributeAccessIssue]
    assert replace(config, fetch=False).bootstrap_peers == (ALICE_AT,)


def test_equal_addresses_and_urls_count_once_in_the_order_given():
    url, mirror = FetchUrl("https://a.example/"), FetchUrl("https://b.example/")
    config = ClientConfig(
        bootstrap_peers=(CIRCUIT, ALICE_AT, f"{ALICE_AT}/"), bootstrap_urls=(url, mirror, url)
    )
    assert config.bootstrap_peers == (CIRCUIT, ALICE_AT)
    assert config.bootstrap_urls == (url, mirror)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("bootstrap_peers", ("/ip4/203.0.113.7/tcp/4001",), "must end in /p2p/"),
        ("bootstrap_peers", ALICE_AT, "give a list"),
        ("bootstrap_peers", (ALICE_AT,) * 257, "256 at most"),
        ("listen", ("/ip4/0.0.0.0",), "takes the form"),
        ("announce", (ALICE_AT,), "leave"),
        ("bootstrap_urls", tuple(FetchUrl(f"https://h{n}.example") for n in range(9)), "8 at most"),
        ("transport", "carrier pigeon", "lean, stock"),
        ("name", "  ", "visible"),
        ("name", "a\nb", "visible"),
        ("name", "x" * 65, "1 to 64"),
    ],
)
def test_a_wrong_setting_is_refused_by_the_name_of_its_key(key, value, reason):
    error = refusal(ClientConfig, **{key: value})
    assert error.key == key
    assert reason in str(error)


def test_a_mistake_names_the_address_that_holds_it():
    error = refusal(ClientConfig, bootstrap_peers=(ALICE_AT, "/ip4/1.2.3/tcp/1"))
    assert "/ip4/1.2.3/tcp/1" in str(error)


def test_a_name_loses_the_blanks_around_it():
    assert ClientConfig(name="  Alice ").name == "Alice"


@pytest.mark.parametrize(
    ("settings", "key"),
    [({"mode": "both"}, "dht.mode"), ({"query_timeout_s": 0}, "dht.query_timeout_s")],
)
def test_the_dht_settings_are_checked(settings, key):
    assert refusal(DhtConfig, **settings).key == key


def test_a_relay_without_a_listen_address_is_refused():
    assert refusal(RelayConfig, home=None, listen=()).key == "listen"


# URLs


def test_a_fingerprint_is_taken_in_every_usual_form():
    colons = ":".join(["AB"] * 32)
    assert FetchUrl("https://192.0.2.1/", fingerprint=colons).fingerprint == "ab" * 32


def test_plain_http_reaches_this_machine_only_unless_it_is_asked_for():
    for host in ("127.0.0.1:80", "[::1]", "localhost:8080"):
        assert FetchUrl(f"http://{host}/list.json")
    assert FetchUrl("http://example.org/", insecure=True)
    assert "not encrypted" in str(refusal(FetchUrl, "http://example.org/"))


@pytest.mark.parametrize(
    ("url", "settings", "reason"),
    [
        ("", {}, "no URL"),
        ("example.org/list.json", {}, "no URL"),
        ("ftp://example.org/", {}, "no URL"),
        ("https://", {}, "no URL"),
        ("https://example.org:port/", {}, "no URL"),
        ("https://[::1/", {}, "no URL"),
        ("https://exa mple.org/", {}, "no URL"),
        ("https://example.org/" + "x" * 2048, {}, "no URL"),
        ("https://alice:secret@example.org/", {}, "password"),
        ("https://example.org/", {"fingerprint": "ab" * 31}, "64 hexadecimal"),
        ("https://example.org/", {"fingerprint": "xy" * 32}, "64 hexadecimal"),
        ("https://example.org/", {"fingerprint": "ab" * 32, "insecure": True}, "only one"),
        ("http://localhost/", {"fingerprint": "ab" * 32}, "only https"),
        ("https://example.org/", {"ca_file": Path("no/such/ca.pem")}, "no CA file"),
    ],
)
def test_a_url_that_cannot_be_trusted_as_asked_is_refused(url, settings, reason):
    error = refusal(FetchUrl, url, **settings)
    assert error.key == "bootstrap_urls"
    assert reason in str(error)
    assert "secret" not in str(error)


def test_the_query_of_a_url_is_not_shown():
    assert (
        str(FetchUrl("https://example.org/l.json?token=secret#x")) == "https://example.org/l.json"
    )


# Limits


@pytest.mark.parametrize("limits", [Limits, RelayLimits, FetchLimits])
def test_no_limit_can_be_zero_negative_endless_or_no_number(limits):
    for name in (field.name for field in fields(limits)):
        for value in (0, -1, float("inf"), float("nan"), True, "10"):
            error = refusal(limits, **{name: value})
            assert error.key.endswith(f"limits.{name}")


def test_a_count_is_a_whole_number_and_a_time_may_be_any():
    assert FetchLimits(timeout_s=1).timeout_s == 1
    assert "whole" in str(refusal(FetchLimits, bytes_max=1.5))


def test_what_others_refuse_cannot_be_raised_but_lowered():
    assert Limits(text_bytes_max=10).text_bytes_max == 10
    for name in ("text_bytes_max", "page_bytes_max"):
        value = getattr(Limits(), name) + 1
        assert "or less" in str(refusal(Limits, **{name: value, "frame_bytes_max": 1 << 30}))


def test_a_frame_holds_a_page_and_a_text():
    error = refusal(Limits, frame_bytes_max=Limits().page_bytes_max)
    assert error.key == "limits.frame_bytes_max"


def test_the_limits_import_nothing_that_the_pure_core_must_not():
    tree = ast.parse((ROOT / "p2pchat/config/limits.py").read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules <= {"__future__", "dataclasses", "p2pchat.errors"}


# Files


def write(directory: Path, text: str) -> Path:
    path = directory / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_the_defaults(tmp_path):
    assert load_client_config(tmp_path / "config.toml") == (ClientConfig(), ())


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ('peers = ["bob"]', "blocks.peers", "'bob' is no peer id"),
        ('subnets = ["10.0.0.0/33"]', "blocks.subnets", "'10.0.0.0/33' is no network; write"),
        ('subnets = "10.0.0.0/8"', "blocks.subnets", "give a list in brackets"),
    ],
)
def test_a_block_that_is_none_is_refused_by_its_key(tmp_path, text, key, reason):
    path = write(tmp_path, f"[blocks]\n{text}")
    with pytest.raises(ConfigError, match=reason) as caught:
        load_client_config(path)
    assert caught.value.key == key


def test_unknown_keys_of_nested_tables_are_named_in_full(tmp_path):
    path = write(
        tmp_path,
        """
        bootstrap_urls = [{ url = "https://a.example/", insecur = true }]
        [blocks]
        subnet = ["10.0.0.0/8"]
        [dht]
        mod = "client"
        [limits]
        nonsense = 1
        [mystery.deep]
        key = 1
        """,
    )
    _, warnings = load_client_config(path)
    assert sorted(warning.partition(": ")[2] for warning in warnings) == [
        "the unknown key blocks.subnet is ignored; did you mean blocks.subnets?",
        "the unknown key bootstrap_urls.insecur is ignored; did you mean bootstrap_urls.insecure?",
        "the unknown key dht.mod is ignored; did you mean dht.mode?",
        "the unknown key limits.nonsense is ignored",
        "the unknown key mystery is ignored",
    ]


def test_every_setting_can_stand_in_the_file(tmp_path):
    (tmp_path / "ca.pem").touch()
    path = write(
        tmp_path,
        f"""
        name = "Alice"
        identity_file = "key"
        bootstrap_peers = ["{ALICE_AT}"]
        bootstrap_urls = [
            "https://a.example/list.json",
            {{ url = "https://192.0.2.1/", fingerprint = "{"ab" * 32}" }},
            {{ url = "https://192.0.2.2/", ca_file = "ca.pem" }},
            {{ url = "https://192.0.2.3/", insecure = true }},
        ]
        fetch = false
        listen = ["/ip4/127.0.0.1/tcp/0"]
        announce = ["/dns4/alice.example/tcp/4001"]
        transport = "stock"
        [blocks]
        peers = ["12D3KooWGi7oryN9nh72idMmyEo1eyW7xvLbyWNPAP2fChnSNhnU"]
        subnets = ["203.0.113.7", "203.0.113.0/24", "2001:db8::/32"]
        [dht]
        mode = "client"
        query_timeout_s = 3
        [lan]
        enabled = true
        [mailboxes]
        relays = ["{ALICE_AT}"]
        [limits]
        requests_max = 5
        [fetch_limits]
        timeout_s = 2.5
        """,
    )
    config, warnings = load_client_config(path)
    assert warnings == ()
    assert config == ClientConfig(
        name="Alice",
        identity_file=tmp_path / "key",
        bootstrap_peers=(ALICE_AT,),
        bootstrap_urls=(
            FetchUrl("https://a.example/list.json"),
            FetchUrl("https://192.0.2.1/", fingerprint="ab" * 32),
            FetchUrl("https://192.0.2.2/", ca_file=tmp_path / "ca.pem"),
            FetchUrl("https://192.0.2.3/", insecure=True),
        ),
        fetch=False,
        listen=("/ip4/127.0.0.1/tcp/0",),
        announce=("/dns4/alice.example/tcp/4001",),
        blocks=BlockList.parse(
            ["12D3KooWGi7oryN9nh72idMmyEo1eyW7xvLbyWNPAP2fChnSNhnU"],
            ["203.0.113.0/24", "2001:db8::/32"],
        ),
        transport="stock",
        dht=DhtConfig(mode="client", query_timeout_s=3),
        lan=LanConfig(enabled=True),
        mailboxes=ClientMailboxes(relays=(ALICE_AT,)),
        limits=Limits(requests_max=5),
        fetch_limits=FetchLimits(timeout_s=2.5),
    )
    assert {field.name for field in fields(config)} == set(tomllib.loads(path.read_text()))


def test_a_relay_reads_its_file_and_lives_beside_it(tmp_path):
    path = write(tmp_path, "[limits]\ncircuits_max = 7\n")
    config, warnings = load_relay_config(path)
    assert warnings == ()
    assert config == RelayConfig(home=tmp_path, limits=RelayLimits(circuits_max=7))


def test_an_unknown_key_is_ignored_with_one_warning_that_names_it(tmp_path, caplog):
    path = write(
        tmp_path, "bootstrap_peer = []\nold = 1\n[limits]\nold = 2\n[mdns]\nenabled = true"
    )
    config, warnings = load_client_config(path)
    assert config == ClientConfig()
    assert [warning.split(": ")[1] for warning in warnings] == [
        "the unknown key bootstrap_peer is ignored; did you mean bootstrap_peers?",
        "the unknown key old is ignored",
        "the unknown key mdns is ignored",
        "the unknown key limits.old is ignored",
    ]
    assert sorted(record.getMessage() for record in caplog.records) == sorted(warnings)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_an_unknown_key_of_a_url_is_named_too(tmp_path):
    path = write(tmp_path, 'bootstrap_urls = [{ url = "https://a.example/", pin = "x" }]')
    config, (warning,) = load_client_config(path)
    assert config.bootstrap_urls == (FetchUrl("https://a.example/"),)
    assert "bootstrap_urls.pin" in warning


@pytest.mark.parametrize(
    ("text", "key", "reason"),
    [
        ("listen = 'x'", "listen", "in brackets"),
        ("listen = [1]", "listen", "no text"),
        ("fetch = 'yes'", "fetch", "true nor false"),
        ("name = 5", "name", "in quotes"),
        ("identity_file = '~nosuchuser/key'", "identity_file", "no path"),
        ("dht = 'server'", "dht", "no table"),
        ("[dht]\nquery_timeout_s = '1'", "dht.query_timeout_s", "no number"),
        ("[dht]\nmode = 'both'", "dht.mode", "auto, server, client"),
        ("[limits]\nrequests_max = true", "limits.requests_max", "no number"),
        ("[limits]\nrequests_max = 0", "limits.requests_max", "above zero"),
        ("[fetch_limits]\ntimeout_s = nan", "fetch_limits.timeout_s", "finite"),
        ("bootstrap_urls = [1]", "bootstrap_urls", "neither"),
        ("bootstrap_urls = [{}]", "bootstrap_urls", "neither"),
        ("bootstrap_urls = ['ftp://x']", "bootstrap_urls", "no URL"),
        ("listen = [", "config.toml", "no TOML"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_its_key(tmp_path, text, key, reason):
    error = refusal(load_client_config, write(tmp_path, text))
    assert error.key == key
    assert reason in str(error)


def test_a_file_that_is_no_text_or_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b'name = "\xff"')
    assert str(path) in str(refusal(load_client_config, path))
    assert str(tmp_path) in str(refusal(load_client_config, tmp_path))


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "Alice"')
    assert load_client_config(path)[0].name == "Alice"


# What comes with the package


def test_the_list_at_the_top_of_the_repository_is_the_packaged_one():
    packaged = resources.files("p2pchat").joinpath("bootstrap.json").read_bytes()
    assert (ROOT / "bootstrap.json").read_bytes() == packaged
    content = json.loads(packaged)
    assert content["version"] == 1
    assert all(parse_peer_address(entry) for entry in content["peers"])


def test_the_packaged_list_goes_into_the_wheel():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "bootstrap.json" in project["tool"]["setuptools"]["package-data"]["p2pchat"]


@pytest.mark.parametrize(
    "config",
    [
        ClientConfig,
        RelayConfig,
        DhtConfig,
        LanConfig,
        FetchUrl,
        ClientMailboxes,
        RelayMailboxes,
    ],
)
def test_every_setting_is_documented(config):
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    missing = [field.name for field in fields(config) if f"`{field.name}`" not in text]
    assert missing == []
