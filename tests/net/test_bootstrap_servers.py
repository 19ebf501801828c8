"""Fetching bootstrap lists from real servers on loopback, most of which mean no good.

Client and servers share one event loop whose clock is virtual: it moves on when nobody can do
anything, so a server may hang for hours and a deadline is met to the second. What arrives before
what is judged by the order of events.
"""

from __future__ import annotations

import gzip
import json
import os
import stat

import pytest
import trio
import trio.testing

from p2pchat.config import FetchLimits, FetchUrl
from p2pchat.errors import NetworkError
from p2pchat.model.ids import DeviceId
from p2pchat.net.bootstrap_list import (
    BootstrapList,
    BootstrapSources,
    Layer,
    LayerResolved,
    render_list,
    resolve,
)
from p2pchat.net.fetching import Fetched, fetch
from tests.net.certificates import Certificate, certificate
from tests.net.servers import Answer, Server, endless, hang, raw, redirect, reply, serving

OWN, ALICE, BOB, CAROL = (DeviceId(letter * 32).peer_id for letter in (b"o", b"a", b"b", b"c"))
AT_7, AT_8 = "/ip4/127.0.0.7/tcp/4001", "/ip4/127.0.0.8/tcp/4001"
GOOD = render_list([f"{AT_7}/p2p/{ALICE}"])
LATE = render_list([f"{AT_8}/p2p/{BOB}"])
DEAD = FetchUrl("http://127.0.0.1:1/list.json")
IDLE_S = 0.1
"""Real time without any event after which the virtual clock moves on to the next deadline."""
VIRTUAL_DAY_S = 24 * 3600


def run(main) -> object:
    async def bounded() -> object:
        with trio.fail_after(VIRTUAL_DAY_S):
            return await main()

    return trio.run(bounded, clock=trio.testing.MockClock(autojump_threshold=IDLE_S))


# What is asked of them


def sources(*urls: Server | FetchUrl, **settings) -> BootstrapSources:
    fetched = tuple(url if isinstance(url, FetchUrl) else FetchUrl(url.url) for url in urls)
    defaults = {"own_peer": OWN, "packaged": render_list([])}
    return BootstrapSources(**{**defaults, "urls": fetched, **settings})


def warnings_of(found: BootstrapList) -> list[str]:
    return [warning.message for warning in found.warnings]


async def refusal(url: FetchUrl) -> str:
    with pytest.raises(NetworkError) as caught:
        await fetch(url, FetchLimits())
    return str(caught.value)


def refused(answer: Answer, **settings) -> str:
    """Why a list from a server that answers so is not taken."""

    async def main() -> str:
        async with serving(answer) as server:
            return await refusal(FetchUrl(server.url, **settings))

    return run(main)


def test_a_list_is_fetched_and_told_with_where_it_came_from():
    async def main() -> None:
        heard: list[LayerResolved] = []
        async with serving(reply(GOOD)) as server:
            found = await resolve(sources(server), heard.append)
            assert heard[-1] == LayerResolved(Layer.FETCHED, server.url, {ALICE: (AT_7,)})
            assert found == BootstrapList({ALICE: (AT_7,)}, ())
            (request,) = server.requests
            assert request.startswith(b"GET /list.json HTTP/1.1\r\n")

    run(main)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_fetched_body_comes_with_the_address_of_its_server(host):
    async def main() -> None:
        async with serving(reply(GOOD), host=host) as server:
            name = "ip6" if ":" in host else "ip4"
            fetched = await fetch(FetchUrl(server.url), FetchLimits())
            assert fetched == Fetched(GOOD, (f"/{name}/{host}",))

    run(main)


def test_the_proxy_of_the_environment_is_not_asked(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def main() -> None:
        async with serving(reply(GOOD)) as server:
            assert (await fetch(FetchUrl(server.url), FetchLimits())).body == GOOD

    run(main)


# Nobody waits for anybody


def test_a_server_that_hangs_delays_neither_known_peers_nor_the_list_of_another():
    async def main() -> None:
        release = trio.Event()
        order: list[str] = []

        def heard(layer: LayerResolved) -> None:
            order.append(layer.layer.name)
            if ALICE in layer.peers:
                release.set()

        async def answer_last(stream: trio.abc.Stream) -> None:
            await release.wait()  # for ever, if the good list waits for this one
            order.append("the other answers")
            await reply(LATE)(stream)

        async with serving(answer_last) as slow, serving(reply(GOOD)) as good:
            started_s = trio.current_time()
            await resolve(sources(slow, good), heard)
            assert trio.current_time() == started_s
        assert order == ["CONFIGURED", "PACKAGED", "FETCHED", "the other answers", "FETCHED"]

    run(main)


def test_the_primary_list_comes_first_even_when_its_mirror_was_faster():
    async def main() -> None:
        mirror_is_heard = trio.Event()

        def heard(layer: LayerResolved) -> None:
            if ALICE in layer.peers:
                mirror_is_heard.set()

        async def answer_last(stream: trio.abc.Stream) -> None:
            await mirror_is_heard.wait()
            await reply(LATE)(stream)

        async with serving(answer_last) as primary, serving(reply(GOOD)) as mirror:
            found = await resolve(sources(primary, mirror), heard)
        assert list(found.peers) == [BOB, ALICE]

    run(main)


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", hang=True),
        raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b" "] * 1_000, pause_s=1),
        raw(*[b"HTTP/1.1 102 Processing\r\n\r\n"] * 1_000, pause_s=1),
        raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 1_000, pause_s=1),
    ],
    ids=["silent", "half", "dripping body", "dripping promises", "dripping headers"],
)
def test_a_slow_server_is_given_up_after_its_five_seconds(answer):
    async def main() -> None:
        started_s = trio.current_time()
        async with serving(answer) as slow, serving(reply(GOOD)) as good:
            found = await resolve(sources(slow, good), lambda _: None)
        assert trio.current_time() - started_s == pytest.approx(5)
        assert found.peers == {ALICE: (AT_7,)}
        assert warnings_of(found) == ["the list was not fetched: no answer within 5 s"]

    run(main)


def test_a_server_that_never_finishes_its_handshake_is_given_up_as_well():
    async def main() -> None:
        async def listen(stream: trio.abc.Stream) -> None:
            await trio.sleep_forever()

        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, listen, [listener])
            url = FetchUrl(f"https://127.0.0.1:{port}/")
            assert await refusal(url) == "no answer within 5 s"
            nursery.cancel_scope.cancel()

    run(main)


def test_all_lists_together_have_eight_seconds():
    async def main() -> None:
        started_s = trio.current_time()
        async with serving(hang) as one, serving(hang) as other:
            found = await resolve(
                sources(one, other, limits=FetchLimits(timeout_s=100)), lambda _: None
            )
            assert [warning.source for warning in found.warnings] == [one.url, other.url]
        assert trio.current_time() - started_s == pytest.approx(8)
        assert set(warnings_of(found)) == {"no answer within 8 s for all lists"}

    run(main)


def test_resolving_can_be_cancelled_while_a_server_hangs():
    async def main() -> None:
        async with serving(hang) as server:
            with trio.move_on_after(1) as scope:
                await resolve(sources(server), lambda _: None)
        assert scope.cancelled_caught

    run(main)


# Servers that answer badly


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(b"", status="500 Internal Server Error"), "answered 500"),
        (reply(GOOD, status="404 Not Found"), "answered 404"),
        (reply(GOOD, status="203 Non-Authoritative Information"), "answered 203"),
        (reply(b"", status="302 Found"), "answered 302"),
        (raw(b""), "disconnected"),
        (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "disconnected"),
        (raw(b"\xff" * 200_000), ""),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000), ""),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "Content-Length"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "closed"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n"), ""),
        (reply(bytes(65_537)), "longer than 65536"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", bytes(70_000)), "longer"),
        (endless, "longer than 65536"),
        (reply(gzip.compress(bytes(10_000_000)), "Content-Encoding: gzip"), "compressed"),
    ],
)
def test_a_server_that_answers_badly_is_a_reason_in_one_line(answer, reason):
    assert reason in refused(answer)


POISON = {
    "no json": b"<html>",
    "cut off": GOOD[:-5],
    "not utf-8": b'{"version": 1, "peers": ["\xff"]}',
    "deep": b'{"version": 1, "peers": ' + b"[" * 60_000,
    "huge number": b'{"version": ' + b"9" * 60_000 + b"}",
    "other version": b'{"version": 2, "peers": []}',
    "wrong keys": render_list(f"/ip4/8.8.8.8/tcp/1/p2p/12D3KooW{n:044}" for n in range(300)),
    "ten thousand": b'{"version":1,"peers":[' + b",".join([b'""'] * 10_000) + b"]}",
    "lone surrogates": json.dumps({"version": 1, "peers": ["\ud800"] * 9}).encode(),
    "not text": json.dumps({"version": 1, "peers": [1, None, {}, [[]], True, 1e999]}).encode(),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_poisoned_list_harms_nobody_else(poison, tmp_path):
    async def main() -> None:
        cache = tmp_path / "cache.json"
        async with serving(reply(poison)) as bad, serving(reply(GOOD)) as good:
            found = await resolve(sources(bad, good, cache=cache), lambda _: None)
            assert {warning.source for warning in found.warnings} == {bad.url}
        assert found.peers == {ALICE: (AT_7,)}
        assert 1 <= len(found.warnings) <= 10
        assert all(len(text) <= 400 and text.isprintable() for text in warnings_of(found))
        assert cache.read_bytes() == GOOD

    run(main)


# Redirects


def test_a_redirect_is_followed_and_its_server_counts_as_a_source_too():
    async def main() -> None:
        async with (
            serving(reply(GOOD)) as target,
            serving(redirect(target.url, "301 Moved Permanently")) as first,
        ):
            fetched = await fetch(FetchUrl(first.url), FetchLimits())
            assert fetched == Fetched(GOOD, ("/ip4/127.0.0.1", "/ip4/127.0.0.1"))

    run(main)


def test_a_redirect_loop_ends():
    async def main() -> None:
        async with serving(redirect("/list.json")) as server:
            assert "more than 3 times" in await refusal(FetchUrl(server.url))
            assert len(server.requests) == 4

    run(main)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://127.0.0.1:1/", "redirected to https"),
        ("ftp://127.0.0.1/", "redirected to ftp"),
        ("file:///etc/passwd", "redirected to file"),
        ("http://192.0.2.1/", "without encryption"),
        ("//relay.example.org/", "without encryption"),
        ("http://[::1", ""),
        ("http://127.0.0.1:99999/", ""),
        ("http://\x01/", ""),
    ],
)
def test_a_redirect_leads_neither_to_another_scheme_nor_out_unencrypted(location, reason):
    assert reason in refused(redirect(location))


@pytest.mark.parametrize("host", ["a" * 70, "x" * 70 + ".example.org", "..", "xn--a"])
def test_a_redirect_to_a_name_that_cannot_be_looked_up_is_only_a_reason(host):
    assert refused(redirect(f"http://{host}/"), insecure=True)


# Trust


@pytest.fixture
def ours(tmp_path) -> Certificate:
    return certificate(tmp_path, "ours")


@pytest.fixture
def theirs(tmp_path) -> Certificate:
    return certificate(tmp_path, "theirs")


def test_a_self_signed_certificate_is_trusted_by_its_ca_file_or_its_fingerprint(ours):
    async def main() -> None:
        async with serving(reply(GOOD), tls=ours.context()) as server:
            for trust in ({"ca_file": ours.pem}, {"fingerprint": ours.fingerprint.upper()}):
                fetched = await fetch(FetchUrl(server.url, **trust), FetchLimits())
                assert fetched.body == GOOD

    run(main)


def test_a_server_that_is_not_trusted_never_learns_what_was_wanted(ours, theirs):
    async def main() -> None:
        async with serving(reply(GOOD), tls=theirs.context()) as server:
            for trust in ({}, {"ca_file": ours.pem}, {"fingerprint": ours.fingerprint}):
                assert "is not trusted" in await refusal(FetchUrl(server.url, **trust))
            assert server.requests == []

    run(main)


def test_a_wrong_fingerprint_is_answered_with_the_one_found(ours, theirs):
    async def main() -> None:
        async with serving(reply(GOOD), tls=theirs.context()) as server:
            reason = await refusal(FetchUrl(server.url, fingerprint=ours.fingerprint))
            assert theirs.fingerprint in reason

    run(main)


def test_a_pinned_certificate_may_have_expired(tmp_path):
    expired = certificate(tmp_path, "expired", until_year=2021)

    async def main() -> None:
        async with serving(reply(GOOD), tls=expired.context()) as server:
            assert "expired" in await refusal(FetchUrl(server.url, ca_file=expired.pem))
            pinned = FetchUrl(server.url, fingerprint=expired.fingerprint)
            assert (await fetch(pinned, FetchLimits())).body == GOOD

    run(main)


def test_a_pin_holds_for_where_a_redirect_leads_as_well(ours, theirs):
    async def main() -> None:
        async with (
            serving(reply(GOOD), tls=theirs.context()) as target,
            serving(redirect(target.url), tls=ours.context()) as first,
        ):
            url = FetchUrl(first.url, fingerprint=ours.fingerprint)
            assert "is not trusted" in await refusal(url)
            assert target.requests == []

    run(main)


def test_https_never_falls_back_to_plain_http(ours):
    async def main() -> None:
        async with (
            serving(reply(GOOD)) as target,
            serving(redirect(target.url), tls=ours.context()) as first,
        ):
            assert "redirected to http" in await refusal(FetchUrl(first.url, ca_file=ours.pem))
            assert target.requests == []

    run(main)


def test_a_server_that_speaks_no_tls_is_not_trusted():
    async def main() -> None:
        async with serving(reply(GOOD)) as server:
            url = FetchUrl(server.url.replace("http:", "https:"))
            assert "is not trusted" in await refusal(url)

    run(main)


def test_a_ca_file_that_holds_no_certificate_is_only_a_reason(tmp_path):
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")

    async def main() -> None:
        assert await refusal(FetchUrl("https://127.0.0.1:1/", ca_file=empty))
        url = FetchUrl("https://127.0.0.1:1/", ca_file=empty)
        empty.unlink()
        assert "No such file" in await refusal(url)

    run(main)


def test_insecure_takes_any_certificate_and_warns_at_each_use(theirs):
    async def main() -> None:
        async with serving(reply(GOOD), tls=theirs.context()) as server:
            for _ in range(2):
                found = await resolve(sources(FetchUrl(server.url, insecure=True)), lambda _: None)
                assert found.peers == {ALICE: (AT_7,)}
                (warning,) = found.warnings
                assert "insecure" in warning.message

    run(main)


# What is left behind


def test_the_last_good_list_is_kept_for_when_all_servers_are_dead(tmp_path):
    cache = tmp_path / "cache.json"

    async def main() -> None:
        async with serving(reply(GOOD)) as server:
            await resolve(sources(server, DEAD, cache=cache), lambda _: None)
        heard: list[LayerResolved] = []
        found = await resolve(sources(FetchUrl(server.url), DEAD, cache=cache), heard.append)
        assert found.peers == {ALICE: (AT_7,)}
        assert heard[-1].layer is Layer.CACHED
        assert len(found.warnings) == 2

    run(main)


def test_the_cache_is_readable_by_its_owner_only_whatever_the_umask(tmp_path):
    cache = tmp_path / "cache.json"
    (tmp_path / "cache.new").touch(mode=0o666)

    async def main() -> None:
        async with serving(reply(GOOD)) as server:
            await resolve(sources(server, cache=cache), lambda _: None)

    before = os.umask(0)
    try:
        run(main)
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["cache.json"]


def test_only_what_was_fetched_is_kept(tmp_path):
    cache = tmp_path / "cache.json"

    async def main() -> None:
        async with serving(reply(GOOD)) as server, serving(reply(LATE)) as mirror:
            await resolve(
                sources(server, mirror, cache=cache, peers=(f"{AT_8}/p2p/{CAROL}",)),
                lambda _: None,
            )
        assert json.loads(cache.read_bytes())["peers"] == [
            f"{AT_7}/p2p/{ALICE}",
            f"{AT_8}/p2p/{BOB}",
        ]

    run(main)


@pytest.mark.parametrize("body", [render_list([]), render_list([f"{AT_8}/p2p/{OWN}"]), b"{"])
def test_a_list_that_names_nobody_replaces_no_good_one(tmp_path, body):
    cache = tmp_path / "cache.json"
    cache.write_bytes(GOOD)

    async def main() -> None:
        async with serving(reply(body)) as server:
            found = await resolve(sources(server, cache=cache), lambda _: None)
        assert found.peers == {ALICE: (AT_7,)}
        assert cache.read_bytes() == GOOD

    run(main)


def test_a_cache_that_cannot_be_written_costs_a_warning_and_nothing_else(tmp_path):
    async def main() -> None:
        async with serving(reply(GOOD)) as server:
            found = await resolve(
                sources(server, cache=tmp_path / "missing" / "cache.json"), lambda _: None
            )
        assert found.peers == {ALICE: (AT_7,)}
        assert [warning.source for warning in found.warnings] == ["cache.json"]

    run(main)
