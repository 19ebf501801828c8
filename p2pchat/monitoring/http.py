"""A very small HTTP server for those who watch a program: some pages, read only.

Whoever can reach its port may be anybody, so everything is bounded: the connections, the bytes of a
request, the time of each. When there are too many connections one goes that is not being answered,
of the address that has most of them, the oldest first: so who connects and says nothing pushes out
his own kind, and not those who ask whether the program is healthy. h11 decides what is HTTP. One
request a connection: a scraper comes every few seconds, and a connection that says nothing more
costs nobody a slot.

Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import errno
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import h11
import trio

from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.model.scope import source_of

__all__ = ["Page", "PageServer", "Response"]

logger = logging.getLogger(__name__)

CONNECTIONS_MAX = 16
REQUEST_BYTES_MAX = 8 * 1024
"""Request line and headers together."""
EXCHANGE_TIMEOUT_S = 5.0
"""From accepting a connection to the last byte of its answer."""

_READ_BYTES = 4 * 1024
_READING = (b"GET", b"HEAD")
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class Response:
    """What a page answers."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


Page = Callable[[], Response]
"""Makes the answer of one path, anew for each request and without waiting."""


@dataclass(slots=True, eq=False)
class _Exchange:
    """One connection."""

    source: str
    """Whose it is: an IP address, of the public IPv6 ones the /56."""
    scope: trio.CancelScope
    is_answering: bool = False
    """From the last byte of the request to the last of the answer."""


class PageServer:
    """Serves `pages`, by path, on the sockets that `listen` opened."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._listeners: list[trio.SocketListener] = []
        self._open: dict[_Exchange, None] = {}
        """Those going on, the oldest first."""
        self.refused_total = 0
        """Connections closed before they were answered, because there were too many."""

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and real port of each socket."""
        return tuple(one.socket.getsockname()[:2] for one in self._listeners)

    async def listen(self, host: str, port: int) -> None:
        """Open the sockets. Raises `AddressInUse`, `ConfigError`."""
        try:
            self._listeners = await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressInUse(f"metrics: {host}:{port} is in use") from error
            raise ConfigError("metrics", f"{host}:{port} cannot be served: {error}") from error

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; then the sockets are closed."""
        async with trio.open_nursery() as nursery:
            await nursery.start(trio.serve_listeners, self.serve, self._listeners)
            task_status.started()

    async def serve(self, stream: trio.abc.HalfCloseableStream) -> None:
        """Answer one request, within the limits, and close."""
        if len(self._open) >= CONNECTIONS_MAX:
            self._make_room()
        exchange = _Exchange(_source(stream), trio.move_on_after(EXCHANGE_TIMEOUT_S))
        self._open[exchange] = None
        try:
            with exchange.scope:
                await self._serve(stream, exchange)
        except _GONE:
            pass  # whoever asked has gone
        finally:
            self._open.pop(exchange, None)
            await trio.aclose_forcefully(stream)

    def _make_room(self) -> None:
        shares = Counter(one.source for one in self._open)
        least = max(self._open, key=lambda one: (not one.is_answering, shares[one.source]))
        del self._open[least]
        least.scope.cancel()
        self.refused_total += 1

    async def _serve(self, stream: trio.abc.HalfCloseableStream, exchange: _Exchange) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BYTES_MAX)
        has_body = True
        try:
            request = await _request(http, stream)
            if request is None:
                return
            has_body = request.method != b"HEAD"
            response = self._answer(request)
        except h11.RemoteProtocolError as error:
            response = _failure(HTTPStatus(error.error_status_hint))
        exchange.is_answering = True
        await stream.send_all(_written(http, response, has_body))
        await stream.send_eof()
        exchange.is_answering = False
        await _hear_out(stream)

    def _answer(self, request: h11.Request) -> Response:
        if request.method not in _READING:
            return _failure(HTTPStatus.METHOD_NOT_ALLOWED)
        path = request.target.partition(b"?")[0].decode("ascii", "replace")
        page = self._pages.get(path)
        if page is None:
            return _failure(HTTPStatus.NOT_FOUND)
        try:
            return page()
        except Exception:
            # The seam of this server: a page that fails must not end what it reports on.
            logger.exception("the page %s failed", path)
            return _failure(HTTPStatus.INTERNAL_SERVER_ERROR)


def _source(stream: trio.abc.HalfCloseableStream) -> str:
    if not isinstance(stream, trio.SocketStream):
        return ""
    try:
        host: str = stream.socket.getpeername()[0]
    except OSError:
        return ""  # it has gone already
    return source_of(f"/ip{6 if ':' in host else 4}/{host}") or host


async def _request(
    http: h11.Connection, stream: trio.abc.HalfCloseableStream
) -> h11.Request | None:
    """The request, or None when the connection ends before it; its body is nobody's business."""
    while True:
        event = http.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            return None
        http.receive_data(bytes(await stream.receive_some(_READ_BYTES)))


async def _hear_out(stream: trio.abc.HalfCloseableStream) -> None:
    """Wait for the other side's end: closing with bytes unread would discard our answer."""
    while await stream.receive_some(_READ_BYTES):
        pass


def _written(http: h11.Connection, response: Response, has_body: bool) -> bytes:
    headers = [
        ("Content-Type", response.content_type),
        ("Content-Length", str(len(response.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
    ]
    if response.status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "GET, HEAD"))
    head = h11.Response(
        status_code=response.status, headers=headers, reason=response.status.phrase.encode()
    )
    written = http.send(head) or b""
    if has_body:
        written += http.send(h11.Data(data=response.body)) or b""
    return written + (http.send(h11.EndOfMessage()) or b"")


def _failure(status: HTTPStatus) -> Response:
    return Response(f"{status.value} {status.phrase}\n".encode(), status=status)
