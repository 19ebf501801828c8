"""One bootstrap list over HTTPS: bytes from a server that was trusted before it was asked.

The server may be anybody's, so everything it can do is bounded: one deadline over name look-up,
handshake, redirects and body; a body is counted as it comes and never decompressed; a redirect
neither changes the scheme nor leaves the machine unencrypted. A pinned certificate is compared
inside the TLS handshake, so a wrong server does not even learn what was asked for.

All foreign errors end here, as `NetworkError` with a reason for people.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import httpcore
import httpx
import trio

from p2pchat.config import FetchLimits, FetchUrl
from p2pchat.config.fetch_url import is_loopback_host
from p2pchat.errors import NetworkError

__all__ = ["Fetched", "NotTrusted", "ask_time", "fetch"]

_CAUSES_MAX = 16
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "p2pchat"}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, and every server that had a say in it: `/ip4/<address>` or `/ip6/<address>`."""

    body: bytes
    servers: tuple[str, ...]
    date_ms: int | None = None
    """What the last server said that the time is."""


async def fetch(source: FetchUrl, limits: FetchLimits) -> Fetched:
    """Get what `source` names, within `limits`; raises `NetworkError` with the reason."""
    async with _asking(source, limits) as (client, connections):
        return await _follow(client, connections, source, limits)


async def ask_time(source: FetchUrl, limits: FetchLimits) -> int | None:
    """What time it is for a server that is not trusted, perhaps because our own clock is wrong.

    It learns that somebody asked, and not for what. Raises `NetworkError`.
    """
    anybody = FetchUrl(urlunsplit(urlsplit(source.url)._replace(path="/", query="")), insecure=True)
    async with _asking(anybody, limits) as (client, connections):
        return _date_ms(await client.head(anybody.url, extensions={"trace": connections.trace}))


@asynccontextmanager
async def _asking(
    source: FetchUrl, limits: FetchLimits
) -> AsyncGenerator[tuple[httpx.AsyncClient, _Connections]]:
    """A client for one server, for as long as `limits` say; raises `NetworkError`.

    Proxy settings of the environment are not used: the node's other connections go past a proxy
    too, and the scope of an address is judged by the connection it came over.
    """
    try:
        with trio.fail_after(limits.timeout_s):
            async with (
                _Connections() as connections,
                httpx.AsyncClient(
                    verify=_tls(source), trust_env=False, timeout=limits.timeout_s, headers=_HEADERS
                ) as client,
            ):
                yield client, connections
    except trio.TooSlowError as error:
        raise NetworkError(f"no answer within {limits.timeout_s:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _failure(error) from error


class NotTrusted(NetworkError):
    """A server could not show that it is the one it should be."""


class _Connections:
    """Closes every connection that was made: httpcore forgets one that is cancelled while its
    handshake hangs, and the socket would stay open until it is collected as garbage."""

    def __init__(self) -> None:
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True):  # closing a socket does not wait
            for stream in self._streams:
                await stream.aclose()

    async def trace(self, event: str, info: Mapping[str, object]) -> None:
        """The `trace` extension of an httpx request."""
        stream = info.get("return_value")
        if event == "connection.connect_tcp.complete":
            assert isinstance(stream, httpcore.AsyncNetworkStream)
            self._streams.append(stream)


async def _follow(
    client: httpx.AsyncClient, connections: _Connections, source: FetchUrl, limits: FetchLimits
) -> Fetched:
    url = httpx.URL(source.url)
    servers: list[str] = []
    while len(servers) <= limits.redirects_max:
        async with client.stream("GET", url, extensions={"trace": connections.trace}) as response:
            servers.append(_server(response))
            if response.next_request is None:
                body = await _body(response, limits.bytes_max)
                return Fetched(body, tuple(servers), _date_ms(response))
            url = _permitted(response.next_request.url, source)
    raise NetworkError(f"the server redirected more than {limits.redirects_max} times")


def _date_ms(response: httpx.Response) -> int | None:
    try:
        return int(parsedate_to_datetime(response.headers["Date"]).timestamp() * 1000)
    except (KeyError, ValueError, OverflowError):
        return None  # a server may have no clock


def _permitted(url: httpx.URL, source: FetchUrl) -> httpx.URL:
    """A redirect's target, if the rules for the URL itself allow it."""
    if url.scheme != httpx.URL(source.url).scheme:
        raise NetworkError(f"the server redirected to {url.scheme}")
    if url.scheme == "http" and not (source.insecure or is_loopback_host(url.host)):
        raise NetworkError(f"the server redirected to {url.host} without encryption")
    return url


async def _body(response: httpx.Response, bytes_max: int) -> bytes:
    if response.status_code != 200:
        raise NetworkError(f"the server answered {response.status_code}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise NetworkError("the server compressed its answer, which may hide any size")
    body = bytearray()
    with trio.CancelScope() as reading:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > bytes_max:
                reading.cancel()  # ends httpx's nested generators, which leaving the loop does not
    if len(body) > bytes_max:
        raise NetworkError(f"the answer is longer than {bytes_max} bytes")
    return bytes(body)


def _server(response: httpx.Response) -> str:
    stream: httpcore.AsyncNetworkStream = response.extensions["network_stream"]
    host = str(stream.get_extra_info("server_addr")[0])
    return f"/ip6/{host}" if ":" in host else f"/ip4/{host}"


def _tls(source: FetchUrl) -> ssl.SSLContext:
    """Whom to trust, as this URL says."""
    if source.ca_file is not None:
        return ssl.create_default_context(cafile=source.ca_file)
    if source.fingerprint is None and not source.insecure:
        return _public_authorities()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if source.fingerprint is not None:
        context.sslobject_class = _pinned(source.fingerprint)
    return context


@lru_cache(maxsize=1)
def _public_authorities() -> ssl.SSLContext:
    """Loaded once: reading 150 certificates takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def _pinned(fingerprint: str) -> type[ssl.SSLObject]:
    """A TLS connection whose handshake fails unless the server's certificate is this one."""

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            found = sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if found != fingerprint:
                raise ssl.SSLCertVerificationError(
                    f"the server's certificate has the fingerprint {found}"
                )

    return Pinned


def _failure(error: BaseException) -> NetworkError:
    """What a person can act on: a refused certificate is told as such, wherever it was wrapped."""
    cause: BaseException | None = error
    for _ in range(_CAUSES_MAX):  # causes may form a ring
        if isinstance(cause, ssl.SSLError):
            return NotTrusted(f"the server is not trusted: {cause}")
        cause = cause and (cause.__cause__ or cause.__context__)
    return NetworkError(str(error) or type(error).__name__)
