"""The server of pages: what it answers, and that nobody can make it wait, grow, or fail."""

from __future__ import annotations

import logging
import sys
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest
import trio
import trio.testing

from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.monitoring.http import (
    CONNECTIONS_MAX,
    EXCHANGE_TIMEOUT_S,
    REQUEST_BYTES_MAX,
    PageServer,
    Response,
)

SECONDS_MAX = 20.0
LONG = b"metric 1\n" * 2_000_000
"""More than the buffers between two sockets take."""


def failing() -> Response:
    raise RuntimeError("a fault of ours")


PAGES = {
    "/": lambda: Response(b"hello\n"),
    "/away": lambda: Response(b"not now\n", status=HTTPStatus.SERVICE_UNAVAILABLE),
    "/failing": failing,
    "/long": lambda: Response(LONG),
}


def play(story) -> None:
    async def main():
        with trio.fail_after(SECONDS_MAX):
            async with trio.open_nursery() as nursery:
                server = PageServer(PAGES)
                await server.listen("127.0.0.1", 0)
                await nursery.start(server.run)
                await story(server)
                nursery.cancel_scope.cancel()

    trio.run(main)


@asynccontextmanager
async def connected(server):
    async with await trio.open_tcp_stream(*server.addresses[0]) as stream:
        yield stream


async def rest(stream) -> bytes:
    data = b""
    try:
        async for chunk in stream:
            data += chunk
    except trio.BrokenResourceError:
        pass
    return data


async def exchange(server, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send these bytes; the status, headers and body that come back."""
    async with connected(server) as stream:
        await stream.send_all(request)
        head, _, body = (await rest(stream)).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return int(first.split()[1]), headers, body


def asked(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: relay\r\n\r\n".encode()


def test_a_page_is_answered_and_the_connection_ends():
    async def story(server):
        status, headers, body = await exchange(server, asked("/?query=ignored"))
        assert (status, body) == (200, b"hello\n")
        assert (headers["content-length"], headers["connection"]) == ("6", "close")

    play(story)


def test_head_is_answered_without_the_body():
    async def story(server):
        status, headers, body = await exchange(server, asked("/", "HEAD"))
        assert (status, headers["content-length"], body) == (200, "6", b"")

    play(story)


def test_a_page_says_its_own_status():
    async def story(server):
        assert (await exchange(server, asked("/away")))[::2] == (503, b"not now\n")

    play(story)


def test_what_is_not_there_is_not_found():
    async def story(server):
        assert (await exchange(server, asked("/../etc")))[0] == 404

    play(story)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_nothing_but_reading_is_allowed(method):
    async def story(server):
        status, headers, _ = await exchange(server, asked("/", method))
        assert (status, headers["allow"]) == (405, "GET, HEAD")

    play(story)


def test_a_page_that_fails_is_answered_and_logged_and_the_others_go_on(caplog):
    async def story(server):
        assert (await exchange(server, asked("/failing")))[0] == 500
        assert (await exchange(server, asked("/")))[0] == 200

    with caplog.at_level(logging.ERROR):
        play(story)
    assert "/failing" in caplog.text


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0\1\2\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(garbage):
    async def story(server):
        status, _, _ = await exchange(server, garbage)
        assert 400 <= status < 600
        assert (await exchange(server, asked("/")))[0] == 200

    play(story)


@pytest.mark.parametrize(
    "start", [b"GET /" + b"a" * REQUEST_BYTES_MAX, b"GET / HTTP/1.1\r\nX: " + b"a" * 9_000]
)
def test_a_request_line_or_header_without_end_is_refused_early(start):
    async def story(server):
        async with connected(server) as stream:
            await stream.send_all(start)
            assert b" 431 " in await rest(stream)

    play(story)


def test_who_says_nothing_is_given_up():
    async def main():
        near, far = trio.testing.memory_stream_pair()
        began_s = trio.current_time()
        await PageServer(PAGES).serve(far)
        assert trio.current_time() - began_s == EXCHANGE_TIMEOUT_S
        assert await near.receive_some() == b""

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_who_sends_a_byte_now_and_then_is_given_up_as_soon():
    async def main():
        near, far = trio.testing.memory_stream_pair()

        async def drip():
            with suppress(trio.BrokenResourceError):  # it was given up
                while True:
                    await near.send_all(b"G")
                    await trio.sleep(0.5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drip)
            began_s = trio.current_time()
            await PageServer(PAGES).serve(far)
            assert trio.current_time() - began_s == EXCHANGE_TIMEOUT_S

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_connections_that_say_nothing_shut_nobody_out_the_oldest_goes():
    async def story(server):
        silent = [await trio.open_tcp_stream(*server.addresses[0]) for _ in range(CONNECTIONS_MAX)]
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert (await exchange(server, asked("/")))[0] == 200
        assert server.refused_total == 1
        assert await rest(silent[0]) == b""
        await silent[1].send_all(asked("/"))
        assert b" 200 " in await rest(silent[1])
        for stream in silent:
            await stream.aclose()
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert (await exchange(server, asked("/")))[0] == 200
        assert server.refused_total == 1

    play(story)


def test_an_answer_in_progress_is_not_cut_off_for_connections_that_say_nothing():
    async def story(server):
        async with connected(server) as slow:
            await slow.send_all(asked("/long"))
            assert (await slow.receive_some(1)) == b"H"
            silent = [
                await trio.open_tcp_stream(*server.addresses[0]) for _ in range(2 * CONNECTIONS_MAX)
            ]
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert server.refused_total == CONNECTIONS_MAX + 1
            assert (await rest(slow)).endswith(LONG)
        for stream in silent:
            await stream.aclose()

    play(story)


def test_who_was_answered_and_stays_makes_room_for_others():
    async def story(server):
        idle = []
        for _ in range(CONNECTIONS_MAX):
            idle.append(await trio.open_tcp_stream(*server.addresses[0]))
            await idle[-1].send_all(asked("/"))
            assert b" 200 " in await rest(idle[-1])
        assert (await exchange(server, asked("/")))[0] == 200
        for stream in idle:
            await stream.aclose()

    play(story)


@pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is there without setting up")
def test_the_address_with_most_connections_makes_room_first():
    async def story(server):
        async with connected(server) as one:
            await one.send_all(asked("/")[:-1])
            many = [
                await trio.open_tcp_stream(*server.addresses[0], local_address="127.0.0.2")
                for _ in range(2 * CONNECTIONS_MAX)
            ]
            await trio.testing.wait_all_tasks_blocked(0.05)
            await one.send_all(asked("/")[-1:])
            assert b" 200 " in await rest(one)
        for stream in many:
            await stream.aclose()

    play(story)


def test_however_many_connect_no_more_are_served_at_once():
    async def story(server):
        many = [
            await trio.open_tcp_stream(*server.addresses[0]) for _ in range(CONNECTIONS_MAX * 3)
        ]
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert server.refused_total == CONNECTIONS_MAX * 2
        assert len(server._open) == CONNECTIONS_MAX
        for stream in many:
            await stream.aclose()

    play(story)


def test_a_port_that_is_taken_is_said():
    async def story(server):
        with pytest.raises(AddressInUse):
            await PageServer(PAGES).listen(*server.addresses[0])

    play(story)


def test_an_address_that_is_not_ours_is_said():
    async def story(_):
        with pytest.raises(ConfigError, match="metrics"):
            await PageServer(PAGES).listen("203.0.113.7", 0)

    play(story)
