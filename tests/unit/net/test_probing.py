"""Probes on loopback: each answers with facts, whatever it meets."""

from __future__ import annotations

import socket
from contextlib import closing
from email.utils import format_datetime, parsedate_to_datetime

import pytest
import trio

from p2pchat.config import FetchLimits, FetchUrl
from p2pchat.model.facts import Outcome
from p2pchat.net import machine, probing
from p2pchat.net.bootstrap_list import render_list
from p2pchat.net.machine import machine_facts
from p2pchat.net.probing import knock, look_up, names_in, probe_list
from tests.net.certificates import certificate
from tests.net.servers import raw, reply, serving

PEER = "12D3KooWGRUaqEyPiMYQLbmBJwFJ8ZGkZVWmTRZ7Q3XzRPVDdqcR"
DATE = parsedate_to_datetime("Tue, 01 Dec 2026 10:00:00 GMT")


def test_only_names_are_looked_up_and_each_once():
    urls = [FetchUrl("https://lists.example/a"), FetchUrl("https://192.0.2.7/b")]
    addresses = [
        f"/dns4/relay.example/tcp/1/p2p/{PEER}",
        f"/dns/relay.example/tcp/2/p2p/{PEER}",
        f"/ip4/192.0.2.1/tcp/1/p2p/{PEER}",
        f"/dns4/localhost/tcp/1/p2p/{PEER}",
    ]
    assert names_in(urls, addresses) == ("lists.example", "relay.example")


def test_a_name_is_found_or_is_none():
    assert trio.run(look_up, "localhost").error == ""
    assert trio.run(look_up, "x" * 64 + ".example").error != ""


def test_a_name_server_that_is_silent_is_told_from_one_that_does_not_know(monkeypatch):
    async def fail(*_, **__):
        raise failure

    monkeypatch.setattr(trio.socket, "getaddrinfo", fail)
    failure = socket.gaierror(socket.EAI_AGAIN, "try again")
    assert not trio.run(look_up, "relay.example").is_answered
    failure = socket.gaierror(socket.EAI_NONAME, "not known")
    assert trio.run(look_up, "relay.example").is_answered
    assert trio.run(knock, "/dns4/relay.example/tcp/1", nothing) == (Outcome.NO_NAME, "not known")


def nothing(_address: str) -> bool:
    """Nothing is barred."""
    return False


def found(*hosts: str, port: int):
    """What a name server would say."""

    async def answer(*_, **__):
        family = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(family[":" in host], socket.SOCK_STREAM, 0, "", (host, port)) for host in hosts]

    return answer


def test_a_stranger_s_name_leads_nowhere_in_our_own_house(monkeypatch):
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setattr(trio.socket, "getaddrinfo", found("127.0.0.1", port=port))
        assert trio.run(knock, f"/dns4/relay.example/tcp/{port}", nothing) == (Outcome.FAILED, "")
        assert trio.run(knock, f"/dns4/localhost/tcp/{port}", nothing)[0] is Outcome.REACHED
        barred = trio.run(knock, f"/dns4/localhost/tcp/{port}", "/ip4/127.0.0.1".__eq__)
        assert barred == (Outcome.FAILED, "")


def test_every_address_of_a_name_is_tried(monkeypatch):
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        monkeypatch.setattr(trio.socket, "getaddrinfo", found("127.0.0.2", "127.0.0.1", port=port))
        assert trio.run(knock, f"/dns4/localhost/tcp/{port}", nothing)[0] is Outcome.REACHED
        monkeypatch.setattr(trio.socket, "getaddrinfo", found("127.0.0.2", port=port))
        assert trio.run(knock, f"/dns4/localhost/tcp/{port}", nothing)[0] is Outcome.REFUSED


def test_who_ends_a_connection_as_soon_as_it_is_there_is_there(monkeypatch):
    async def reset(self, target):
        await trio.lowlevel.checkpoint()
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(trio._socket._SocketType, "connect", reset)
    assert trio.run(knock, "/ip4/127.0.0.1/tcp/1", nothing) == (Outcome.REACHED, "")


def test_knocking_tells_what_is_there():
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        address = f"/ip4/127.0.0.1/tcp/{port}"
        assert trio.run(knock, address, nothing)[0] is Outcome.REFUSED
        listener.listen()
        assert trio.run(knock, address, nothing)[0] is Outcome.REACHED
        assert trio.run(knock, f"{address}/p2p/{PEER}/p2p-circuit", nothing)[0] is Outcome.FAILED
    assert trio.run(knock, "/ip4/127.0.0.1/udp/1/quic-v1", nothing)[0] is Outcome.FAILED


@pytest.mark.parametrize(
    ("body", "usable", "has_complaints"),
    [
        (render_list([f"/ip4/127.0.0.1/tcp/1/p2p/{PEER}"]), 1, False),
        (render_list(["nonsense"]), 0, True),
        (b"<html>", 0, True),
    ],
)
def test_a_list_is_read_and_its_server_s_clock_with_it(body, usable, has_complaints):
    async def main() -> None:
        date = f"Date: {format_datetime(DATE, usegmt=True)}"
        async with serving(reply(body, date)) as server:
            now_ms = int(DATE.timestamp() * 1000) - 90_000
            probe = await probe_list(FetchUrl(server.url), FetchLimits(), lambda: now_ms)
        assert (probe.facts.usable, bool(probe.facts.complaints)) == (usable, has_complaints)
        assert len(probe.entries) == usable
        assert probe.clock is not None
        assert probe.clock.difference_s == 90.0

    trio.run(main)


def test_a_server_that_is_not_trusted_tells_the_time_and_learns_no_more(tmp_path):
    """Our own clock may be why: its certificate may hold only now, and now is not what we think."""

    async def main() -> None:
        date = f"Date: {format_datetime(DATE, usegmt=True)}"
        expired = certificate(tmp_path, "expired", until_year=2021)
        async with serving(reply(b"", date), tls=expired.context()) as server:
            url = FetchUrl(f"{server.url}?token=canary", ca_file=expired.pem)
            probe = await probe_list(url, FetchLimits(), lambda: 0)
        assert "is not trusted" in probe.facts.error
        assert probe.clock is not None
        assert probe.clock.difference_s == DATE.timestamp()
        [request] = server.requests
        assert request.startswith(b"HEAD / HTTP/1.1\r\n")
        assert b"canary" not in request

    trio.run(main)


def test_a_server_that_says_nothing_at_all_is_asked_once():
    async def main() -> None:
        async with serving(raw(b"nonsense")) as server:
            probe = await probe_list(FetchUrl(server.url), FetchLimits(), lambda: 0)
        assert probe.facts.error != ""
        assert probe.clock is None
        assert len(server.requests) == 1

    trio.run(main)


@pytest.mark.parametrize("header", ["Date: yesterday", "X-Date: none"])
def test_a_server_may_have_no_clock(header):
    async def main() -> None:
        async with serving(reply(render_list([]), header)) as server:
            probe = await probe_list(FetchUrl(server.url), FetchLimits(), lambda: 0)
        assert probe.clock is None
        assert probe.facts.error == ""

    trio.run(main)


def test_a_disk_is_found_for_a_home_that_is_not_there_yet(tmp_path):
    assert machine_facts(tmp_path / "not" / "yet").free_bytes > 0
    assert machine_facts(None).free_bytes is None


def test_a_disk_that_may_not_be_looked_at_is_unknown(tmp_path, monkeypatch):
    def refuse(_: str) -> None:
        raise PermissionError

    monkeypatch.setattr(machine.psutil, "disk_usage", refuse)
    assert machine_facts(tmp_path).free_bytes is None


def test_probes_end_within_the_time_of_an_examination():
    assert probing.NAME_TIMEOUT_S + probing.KNOCK_TIMEOUT_S < 9.5
