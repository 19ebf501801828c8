"""Web servers on loopback that answer as badly as a test likes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

TLS_HANDSHAKE = b"\x16"

Answer = Callable[[trio.abc.Stream], Awaitable[None]]


@dataclass
class Server:
    port: int
    host: str
    scheme: str
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/list.json"


async def read_request(stream: trio.abc.Stream) -> bytes:
    """What the client asks: a request, the beginning of a TLS handshake, or nothing."""
    request = b""
    while b"\r\n\r\n" not in request and not request.startswith(TLS_HANDSHAKE):
        chunk = await stream.receive_some()
        if not chunk:
            break
        request += chunk
    return request


@asynccontextmanager
async def serving(
    answer: Answer, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """A server that reads a request and answers as it likes, until the block ends."""
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    server = Server(listener.socket.getsockname()[1], host, "http" if tls is None else "https")

    async def handle(stream: trio.abc.Stream) -> None:
        if tls is not None:
            stream = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        try:
            async with stream:
                request = await read_request(stream)
                if request:
                    server.requests.append(request)
                    await answer(stream)
        except trio.BrokenResourceError:
            pass  # the client had enough, which is what most of these tests are about

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield server
        nursery.cancel_scope.cancel()


def raw(*pieces: bytes, pause_s: float = 0, hang: bool = False) -> Answer:
    """Send these bytes, with a pause after each piece, then close or hang."""

    async def answer(stream: trio.abc.Stream) -> None:
        for piece in pieces:
            await stream.send_all(piece)
            await trio.sleep(pause_s)
        if hang:
            await trio.sleep_forever()

    return answer


def reply(body: bytes, *headers: str, status: str = "200 OK") -> Answer:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return raw("\r\n".join(head).encode() + body)


def redirect(location: str, status: str = "302 Found") -> Answer:
    return reply(b"", f"Location: {location}", status=status)


async def hang(stream: trio.abc.Stream) -> None:
    await trio.sleep_forever()


async def endless(stream: trio.abc.Stream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await stream.send_all(bytes(65_536))
