"""Trying out what a node relies on: names, bootstrap lists, addresses.

Each probe is bounded, raises nothing, and answers with facts; whoever asks runs them beside each
other.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import trio

from p2pchat.config import FetchLimits, FetchUrl, PeerAddress
from p2pchat.errors import NetworkError
from p2pchat.model.facts import ClockReading, ListFacts, NameFacts, Outcome
from p2pchat.model.scope import believable, is_circuit, scope_of, scope_of_all
from p2pchat.net.bootstrap_list import parse_list

__all__ = ["ListProbe", "knock", "look_up", "names_in", "probe_list"]

NAME_TIMEOUT_S = 4.0
KNOCK_TIMEOUT_S = 4.0

_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
_NAMED = ("dns", "dns4", "dns6")
_Found = tuple[Any, Any, int, str, Any]
"""What `getaddrinfo` answers."""
_UNKNOWN = frozenset({socket.EAI_NONAME})
"""What a name server says of a name that it knows not to exist."""


def names_in(urls: Iterable[FetchUrl], addresses: Iterable[str]) -> tuple[str, ...]:
    """The host names that have to be looked up for these URLs and multiaddrs."""
    hosts = [urlsplit(url.url).hostname or "" for url in urls]
    for address in addresses:
        parts = address.split("/", 3)
        if parts[1:2] and parts[1] in _NAMED:
            hosts.append(parts[2])
    return tuple(dict.fromkeys(host for host in hosts if _is_name(host)))


def _is_name(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except OSError:
        return bool(host) and host != "localhost"
    return False


async def look_up(name: str) -> NameFacts:
    """Whether a name is found."""
    try:
        with trio.fail_after(NAME_TIMEOUT_S):
            await trio.socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except trio.TooSlowError:
        return NameFacts(name, f"no answer within {NAME_TIMEOUT_S:g} s", is_answered=False)
    except socket.gaierror as error:
        return NameFacts(name, error.strerror or "unknown", error.errno in _UNKNOWN)
    except (OSError, UnicodeError) as error:
        return NameFacts(name, str(error), is_answered=True)
    return NameFacts(name)


@dataclass(frozen=True, slots=True)
class ListProbe:
    """One bootstrap list as it is now."""

    facts: ListFacts
    entries: tuple[PeerAddress, ...] = ()
    clock: ClockReading | None = None


async def probe_list(url: FetchUrl, limits: FetchLimits, wall_ms: Callable[[], int]) -> ListProbe:
    """Fetch a list and read it; the server's clock comes with it."""
    # An HTTPS client, which few need.
    from p2pchat.net.fetching import NotTrusted, fetch

    source = str(url)
    try:
        fetched = await fetch(url, limits)
    except NotTrusted as error:
        clock = await _clock_of(url, limits, wall_ms)
        return ListProbe(ListFacts(source, error=str(error)), clock=clock)
    except NetworkError as error:
        return ListProbe(ListFacts(source, error=str(error)))
    clock = _reading(source, fetched.date_ms, wall_ms())
    try:
        entries, complaints = parse_list(
            fetched.body, scope_of_all(fetched.servers), limits.entries_max
        )
    except ValueError as error:
        return ListProbe(ListFacts(source, complaints=(str(error),)), clock=clock)
    facts = ListFacts(source, len(entries), tuple(complaints))
    return ListProbe(facts, tuple(entries), clock)


async def _clock_of(
    url: FetchUrl, limits: FetchLimits, wall_ms: Callable[[], int]
) -> ClockReading | None:
    from p2pchat.net.fetching import ask_time

    try:
        return _reading(str(url), await ask_time(url, limits), wall_ms())
    except NetworkError:
        return None  # why it is not trusted is told already


def _reading(who: str, date_ms: int | None, wall_ms: int) -> ClockReading | None:
    if date_ms is None:
        return None
    return ClockReading("https", who, (date_ms - wall_ms) / 1000)


async def knock(address: str, is_barred: Callable[[str], bool]) -> tuple[Outcome, str]:
    """Whether anything listens at a multiaddr, and in words why not.

    `REACHED` says that something does; who it is was not asked. What lies behind a relay is not
    tried. Of the IP addresses of a name those are left out that reach less far than the name does,
    and those that `is_barred` names, given as multiaddrs.
    """
    parts = address.split("/")
    if is_circuit(address) or len(parts) < 5 or parts[3] != "tcp" or not parts[4].isdecimal():
        return Outcome.FAILED, ""
    try:
        with trio.fail_after(KNOCK_TIMEOUT_S):
            found = await trio.socket.getaddrinfo(parts[2], int(parts[4]), type=socket.SOCK_STREAM)
            usable = [one for one in found if _is_usable(address, str(one[4][0]), is_barred)]
            return await _knock_at_each(usable)
    except trio.TooSlowError:
        return Outcome.SILENT, f"no answer within {KNOCK_TIMEOUT_S:g} s"
    except socket.gaierror as error:
        return Outcome.NO_NAME, error.strerror or "unknown"
    except (OverflowError, UnicodeError) as error:
        return Outcome.FAILED, str(error)


def _is_usable(address: str, host: str, is_barred: Callable[[str], bool]) -> bool:
    found = f"/ip{6 if ':' in host else 4}/{host.partition('%')[0]}"
    return believable(found, scope_of(address)) and not is_barred(found)


async def _knock_at_each(found: Iterable[_Found]) -> tuple[Outcome, str]:
    """Until one is there; else how the last one failed that there is a way to."""
    failed = Outcome.FAILED, ""
    for family, kind, protocol, _, target in found:
        try:
            with trio.socket.socket(family, kind, protocol) as probe:
                await probe.connect(target)
        except ConnectionResetError:
            return Outcome.REACHED, ""  # it took the connection, and ended it at once
        except OSError as error:
            outcome = _outcome(error)
            if not failed[1] or outcome is not Outcome.NO_ROUTE:
                failed = outcome, str(error)
        else:
            return Outcome.REACHED, ""
    return failed


def _outcome(error: Exception) -> Outcome:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ECONNREFUSED:
        return Outcome.REFUSED
    if number in _NO_ROUTE:
        return Outcome.NO_ROUTE
    return Outcome.SILENT if number in (errno.EHOSTUNREACH, errno.ETIMEDOUT) else Outcome.FAILED
