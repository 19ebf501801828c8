"""Multicast DNS as libp2p speaks it: standard peers on the network are found, and find us.

The package `zeroconf` runs an event loop of its own. It gets a thread of its own as well: making
it, announcing and saying goodbye block for up to a second, which would stop everything else. What
it hears is decoded and bounded in that thread; what cannot be handed over at once is dropped,
because it is said again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import BoundedSemaphore, Event, Thread
from typing import TYPE_CHECKING

import trio

from p2pchat.errors import RemoteProtocolError
from p2pchat.model.ids import PeerId
from p2pchat.wire.mdns import SERVICE, decode_txt, encode_txt

if TYPE_CHECKING:
    from zeroconf import Zeroconf

__all__ = ["Heard", "MdnsService", "run_mdns"]

WAITING_MAX = 32
STOP_TIMEOUT_S = 3.0

Heard = Callable[[PeerId, tuple[str, ...]], Awaitable[None]]
_Found = tuple[PeerId, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class MdnsService:
    """What we tell."""

    name: str
    """32 to 63 random letters and digits; says nothing about the peer."""
    peer: PeerId
    hosts: tuple[str, ...]
    """Our IPv4 addresses, by whose interfaces we speak; not none."""
    port: int

    @property
    def txt(self) -> bytes:
        return encode_txt(self.peer, (f"/ip4/{host}/tcp/{self.port}" for host in self.hosts))


async def run_mdns(service: MdnsService, heard: Heard) -> str:
    """Tell, and hand over what is heard, until cancelled, or until multicast does not work: why."""
    send, receive = trio.open_memory_channel[_Found](WAITING_MAX)
    session = _Session(service, trio.lowlevel.current_trio_token(), send)
    Thread(target=session.run, name="p2pchat-mdns", daemon=True).start()
    try:
        async for peer, addresses in receive:
            await heard(peer, addresses)
    finally:
        session.stop.set()
        with trio.move_on_after(STOP_TIMEOUT_S, shield=True):
            await session.ended.wait()
    return session.failure


def _leave_it(**_: object) -> None:
    """A name appeared or went: its TXT record is what counts."""


class _Session:
    """One life of the thread."""

    def __init__(
        self,
        service: MdnsService,
        token: trio.lowlevel.TrioToken,
        found: trio.MemorySendChannel[_Found],
    ) -> None:
        self.stop = Event()
        self.ended = trio.Event()
        self.failure = ""
        self._service = service
        self._token = token
        self._found = found
        self._room = BoundedSemaphore(WAITING_MAX)

    def run(self) -> None:
        """In the thread."""
        import zeroconf  # a library with a loop of its own: only LAN mode pays for loading it

        try:
            self._speak(zeroconf.Zeroconf(list(self._service.hosts)))
        except (OSError, zeroconf.Error) as error:
            self.failure = str(error)
        finally:
            self._in_trio(self._end)

    def _speak(self, zc: Zeroconf) -> None:
        from zeroconf import ServiceBrowser, ServiceInfo

        from p2pchat.net.mdns_listener import Listener

        service = self._service
        info = ServiceInfo(
            SERVICE,
            f"{service.name}.{SERVICE}",
            port=service.port,
            properties=service.txt,
            server=f"{service.name}.local.",
            parsed_addresses=list(service.hosts),
        )
        try:
            zc.add_listener(Listener(self._take), None)
            zc.register_service(info, cooperating_responders=True)  # the name is random: it is ours
            ServiceBrowser(zc, SERVICE, handlers=[_leave_it])
            self.stop.wait()
        finally:
            zc.close()

    def _take(self, data: bytes) -> None:
        """A TXT record of the service was heard."""
        with suppress(RemoteProtocolError):  # another kind of peer, or a liar: nothing to dial
            found = decode_txt(data)
            if self._room.acquire(blocking=False):
                self._in_trio(lambda: self._hand_over(found))

    def _hand_over(self, found: _Found) -> None:
        self._room.release()
        with suppress(trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            self._found.send_nowait(found)

    def _end(self) -> None:
        self.ended.set()
        self._found.close()

    def _in_trio(self, call: Callable[[], None]) -> None:
        with suppress(trio.RunFinishedError):  # nobody is left to be told
            self._token.run_sync_soon(call)
