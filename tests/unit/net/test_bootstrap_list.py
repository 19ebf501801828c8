"""Bootstrap lists: what is read from one, how layers are merged, what the cache is for.

Fetching over real connections is in tests/net/test_bootstrap_servers.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.config import ClientConfig, FetchLimits, FetchUrl, RelayConfig
from p2pchat.model.ids import DeviceId
from p2pchat.model.scope import Scope
from p2pchat.net import fetching
from p2pchat.net.bootstrap_list import (
    BootstrapList,
    BootstrapSources,
    Layer,
    LayerResolved,
    packaged_list,
    parse_list,
    render_list,
    resolve,
)
from p2pchat.net.fetching import Fetched

OWN, ALICE, BOB, CAROL = (DeviceId(letter * 32).peer_id for letter in (b"o", b"a", b"b", b"c"))
AT_7, AT_8, AT_9 = (f"/ip4/203.0.113.{n}/tcp/4001" for n in (7, 8, 9))
PUBLIC_7, PUBLIC_8 = "/ip4/8.8.8.7/tcp/4001", "/ip4/8.8.8.8/tcp/4001"
DEAD = FetchUrl("http://127.0.0.1:1/list.json")
"""Port 1 is reserved and nobody listens there: the connection is refused at once."""


def at(address: str, peer) -> str:
    return f"{address}/p2p/{peer}"


def resolved(**settings) -> tuple[BootstrapList, list[LayerResolved]]:
    """Resolve sources without waiting for anybody."""
    heard: list[LayerResolved] = []
    sources = BootstrapSources(**{"own_peer": OWN, "packaged": render_list([]), **settings})

    async def main() -> BootstrapList:
        with trio.fail_after(30):
            return await resolve(sources, heard.append)

    return trio.run(main), heard


def warnings_of(found: BootstrapList) -> list[str]:
    return [str(warning) for warning in found.warnings]


def test_a_configured_address_that_this_version_does_not_speak_is_named():
    spoken = (
        at(PUBLIC_7, ALICE),
        at(f"/dns4/relay.example.org/tcp/1/p2p/{BOB}/p2p-circuit", CAROL),
    )
    foreign = (at("/ip4/8.8.8.8/udp/4001/quic-v1", BOB), at("/dns4/example.org/tcp/443/wss", BOB))
    found, _ = resolved(peers=(*spoken, *foreign))
    assert [text.rpartition(" ")[2] for text in warnings_of(found)] == list(foreign)


# One list


def read(entries: object, *, told_over: Scope = Scope.PUBLIC, version: object = 1):
    body = json.dumps({"version": version, "peers": entries}).encode()
    return parse_list(body, told_over, entries_max=256)


def test_a_rendered_list_is_read_again():
    usable, bad = parse_list(render_list([at(PUBLIC_7, ALICE), at(PUBLIC_8, BOB)]), Scope.PUBLIC, 9)
    assert [(entry.peer, entry.address) for entry in usable] == [(ALICE, PUBLIC_7), (BOB, PUBLIC_8)]
    assert bad == []


def test_the_packaged_list_is_a_list_without_complaints():
    assert parse_list(packaged_list(), Scope.PUBLIC, 256)[1] == []


def test_keys_of_a_later_version_beside_ours_are_no_fault():
    body = json.dumps({"version": 1, "peers": [], "signature": "…"}).encode()
    assert parse_list(body, Scope.PUBLIC, 1) == ([], [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no JSON"),
        (b"<html>not here</html>", "no JSON"),
        (b'{"version": 1, "peers": [', "no JSON"),
        (b'{"version": 1, "peers": ["\xff"]}', "no JSON"),
        ('{"version": 1, "peers": []}'.encode("utf-16"), "no JSON"),
        (b"[" * 65_000, "no JSON"),
        (b'{"version": 1, "peers": [' + b"9" * 60_000 + b"]}", "no JSON"),
        (b"[]", "not of the form"),
        (b"null", "not of the form"),
        (b'{"peers": []}', "version 1"),
        (b'{"version": 2, "peers": []}', "version 1"),
        (b'{"version": true, "peers": []}', "version 1"),
        (b'{"version": 1.0, "peers": []}', "version 1"),
        (b'{"version": "1", "peers": []}', "version 1"),
        (b'{"version": 1}', "no list"),
        (b'{"version": 1, "peers": {"0": "/ip4"}}', "no list"),
        (b'{"version": 1, "peers": "/ip4/8.8.8.8"}', "no list"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(body, reason):
    with pytest.raises(ValueError, match=reason):
        parse_list(body, Scope.PUBLIC, 256)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (7, "int, is skipped: it is no text"),
        (None, "NoneType, is skipped"),
        ([at(PUBLIC_7, ALICE)], "list, is skipped"),
        (PUBLIC_7, "must end in /p2p/"),
        (at(PUBLIC_7, "12D3KooWrongKey"), "no peer id"),
        ("\ud800", r"'\ud800', is skipped"),
        ("\n\x1b[31m", r"'\n\x1b[31m', is skipped"),
        ("x" * 60_000, "longer than 512"),
    ],
)
def test_a_bad_entry_is_named_and_the_others_are_used(entry, reason):
    usable, (complaint,) = read([entry, at(PUBLIC_8, BOB)])
    assert [str(found) for found in usable] == [at(PUBLIC_8, BOB)]
    assert complaint.startswith("entry 1, ")
    assert reason in complaint
    assert len(complaint) < 300
    assert complaint.isprintable()


def test_an_entry_nested_as_deeply_as_json_allows_is_only_named_by_its_kind():
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    assert "list" in read([deep])[1][0]


def test_many_bad_entries_are_counted_and_not_listed():
    _, bad = read(["x"] * 200)
    assert len(bad) == 9
    assert bad[-1] == "192 more entries are skipped"


def test_of_a_list_without_end_only_the_beginning_is_looked_at():
    usable, bad = read([at(PUBLIC_7, ALICE)] * 256 + ["x"] * 9_744)
    assert len(usable) == 256
    assert bad == ["only the first 256 of 10000 entries are used"]


NEAR = {
    Scope.LOOPBACK: ("/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1", "/dns4/localhost/tcp/1"),
    Scope.LINK: ("/ip4/169.254.7.7/tcp/1", "/ip6/fe80::1/tcp/1", "/dns/printer.local/tcp/1"),
    Scope.PRIVATE: ("/ip4/192.168.1.7/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip6/fd00::1/tcp/1"),
    Scope.PUBLIC: (PUBLIC_7, "/ip6/2606:4700::1/tcp/1", "/dns4/relay.example.org/tcp/1"),
}


@pytest.mark.parametrize("told_over", list(Scope))
def test_a_list_names_addresses_as_near_as_where_it_came_from_and_no_nearer(told_over):
    for scope, addresses in NEAR.items():
        usable, bad = read([at(address, ALICE) for address in addresses], told_over=told_over)
        assert (len(usable), len(bad)) == ((3, 0) if scope >= told_over else (0, 3))
        assert all(scope.name.lower() in complaint for complaint in bad)


def test_a_circuit_address_is_as_near_as_its_relay():
    circuit = f"{at('/ip4/192.168.1.7/tcp/1', ALICE)}/p2p-circuit/p2p/{BOB}"
    assert read([circuit])[0] == []
    assert len(read([circuit], told_over=Scope.PRIVATE)[0]) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
LISTS = st.fixed_dictionaries({"version": JSON | st.just(1), "peers": JSON | st.lists(JSON)})


@given(
    body=st.binary() | JSON.map(json.dumps).map(str.encode) | LISTS.map(json.dumps).map(str.encode)
)
def test_any_bytes_are_a_list_or_refused_in_one_line(body):
    try:
        usable, bad = parse_list(body, Scope.PUBLIC, 8)
    except ValueError as error:
        assert str(error)  # noqa: PT017
    else:
        assert len(usable) <= 8
        assert all(complaint.isprintable() for complaint in bad)


# Layers


def test_configured_peers_come_first_and_addresses_of_one_peer_are_united():
    found, heard = resolved(
        peers=(at(AT_7, ALICE), at(AT_8, BOB), at(AT_9, ALICE)),
        packaged=render_list([at(AT_9, CAROL), at(AT_9, ALICE), at(AT_8, ALICE)]),
    )
    assert list(found.peers.items()) == [
        (ALICE, (AT_7, AT_9, AT_8)),
        (BOB, (AT_8,)),
        (CAROL, (AT_9,)),
    ]
    assert found.warnings == ()
    assert heard == [
        LayerResolved(Layer.CONFIGURED, "configuration", {ALICE: (AT_7, AT_9), BOB: (AT_8,)}),
        LayerResolved(Layer.PACKAGED, "packaged list", {CAROL: (AT_9,), ALICE: (AT_9, AT_8)}),
    ]


def test_our_own_peer_is_nobody_to_dial():
    found, heard = resolved(
        peers=(at(AT_7, OWN), at(AT_8, BOB)), packaged=render_list([at(AT_9, OWN)])
    )
    assert found.peers == {BOB: (AT_8,)}
    assert all(OWN not in layer.peers for layer in heard)


def test_without_fetching_only_configured_peers_remain(tmp_path):
    cache = tmp_path / "cache.json"
    cache.write_bytes(render_list([at(AT_9, CAROL)]))
    found, heard = resolved(
        peers=(at(AT_7, ALICE),),
        packaged=render_list([at(AT_8, BOB)]),
        urls=(DEAD,),
        cache=cache,
        fetch=False,
    )
    assert found == BootstrapList({ALICE: (AT_7,)}, ())
    assert [layer.layer for layer in heard] == [Layer.CONFIGURED]


def test_peers_that_need_no_network_are_heard_before_the_first_checkpoint():
    heard: list[Layer] = []
    sources = BootstrapSources(own_peer=OWN, urls=(DEAD,))

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await resolve(sources, lambda layer: heard.append(layer.layer))

    trio.run(main)
    assert heard == [Layer.CONFIGURED, Layer.PACKAGED]


def test_a_damaged_packaged_list_is_a_warning(caplog):
    found, _ = resolved(peers=(at(AT_7, ALICE),), packaged=b"{")
    assert found.peers == {ALICE: (AT_7,)}
    (warning,) = warnings_of(found)
    assert warning.startswith("packaged list: the list is ignored: it is no JSON")
    assert [record.getMessage() for record in caplog.records] == [warning]


@pytest.mark.parametrize("config", [ClientConfig, lambda **s: RelayConfig(home=None, **s)])
def test_the_sources_are_what_the_configuration_says(config):
    limits = FetchLimits(timeout_s=1)
    settings = config(
        bootstrap_peers=(at(AT_7, ALICE),), bootstrap_urls=(DEAD,), fetch=False, fetch_limits=limits
    )
    sources = BootstrapSources.of(settings, OWN, Path("home"))
    assert (sources.own_peer, sources.peers, sources.urls) == (OWN, (at(AT_7, ALICE),), (DEAD,))
    assert (sources.fetch, sources.limits, sources.packaged) == (False, limits, packaged_list())
    assert sources.cache == Path("home/bootstrap-cache.json")
    assert BootstrapSources.of(settings, OWN, None).cache is None


# The cache, when nobody answers


def test_the_last_good_list_serves_when_no_server_answers(tmp_path):
    cache = tmp_path / "cache.json"
    cache.write_bytes(render_list([at("/ip4/192.168.1.7/tcp/1", CAROL), at(AT_9, OWN)]))
    found, heard = resolved(urls=(DEAD,), cache=cache)
    assert found.peers == {CAROL: ("/ip4/192.168.1.7/tcp/1",)}
    assert heard[-1].layer is Layer.CACHED
    assert len(found.warnings) == 1
    assert "was not fetched" in warnings_of(found)[0]


def test_without_a_url_there_is_no_list_whose_copy_could_serve(tmp_path):
    cache = tmp_path / "cache.json"
    cache.write_bytes(render_list([at(AT_9, CAROL)]))
    assert resolved(cache=cache)[0].peers == {}


def test_a_first_start_without_any_answer_only_says_so(tmp_path):
    found, _ = resolved(urls=(DEAD,), cache=tmp_path / "cache.json")
    assert found.peers == {}
    assert len(found.warnings) == 1


LONG_BLANK = b" " * 262_144 + render_list([at(AT_9, CAROL)])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff" * 1_000_000, b'{"version": 1}', LONG_BLANK], ids=range(5)
)
def test_a_damaged_cache_is_ignored_with_a_warning(tmp_path, body):
    cache = tmp_path / "cache.json"
    cache.write_bytes(body)
    found, _ = resolved(urls=(DEAD,), cache=cache)
    assert found.peers == {}
    assert [warning.source for warning in found.warnings] == [str(DEAD), "cache.json"]
    assert cache.read_bytes() == body


def test_a_cache_that_cannot_be_read_is_a_warning(tmp_path):
    found, _ = resolved(urls=(DEAD,), cache=tmp_path)
    assert "cannot be kept or read" in warnings_of(found)[-1]


# Where a fetched list came from


@pytest.mark.parametrize(
    ("servers", "peers"),
    [
        (("/ip4/127.0.0.1",), {ALICE, BOB, CAROL}),
        (("/ip4/192.168.1.1",), {BOB, CAROL}),
        (("/ip4/8.8.8.8",), {CAROL}),
        (("/ip4/127.0.0.1", "/ip4/8.8.8.8"), {CAROL}),
        (("/ip6/::1",), {ALICE, BOB, CAROL}),
        (("/ip6/2606:4700::1",), {CAROL}),
    ],
)
def test_a_fetched_list_is_believed_as_far_as_the_farthest_server_it_came_through(
    servers, peers, monkeypatch
):
    body = render_list(
        [
            at("/ip4/127.0.0.1/tcp/22", ALICE),
            at("/ip4/192.168.1.7/tcp/22", BOB),
            at(PUBLIC_7, CAROL),
        ]
    )

    async def answer(url: FetchUrl, limits: FetchLimits) -> Fetched:
        await trio.lowlevel.checkpoint()
        return Fetched(body, servers)

    monkeypatch.setattr(fetching, "fetch", answer)
    found, _ = resolved(urls=(DEAD,))
    assert found.peers.keys() == peers
    assert len(found.warnings) == 3 - len(peers)
