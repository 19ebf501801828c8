"""LAN mode of a node: discovery by datagrams, whatever it finds handed to peering."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address

import trio

from p2pchat.config import LanConfig
from p2pchat.events import Event, LanClockDiffers, LanPeerFound
from p2pchat.model.blocking import NOBODY, BlockList, Confinement
from p2pchat.model.facts import LanFacts
from p2pchat.model.ids import PeerId
from p2pchat.model.lan import LanRefusal
from p2pchat.model.route import Path
from p2pchat.model.status import LanPeerStatus, LanStatus
from p2pchat.net.lan import LanCarrier, open_sockets
from p2pchat.net.lan_gate import LanGate
from p2pchat.net.mdns import Heard, MdnsService, run_mdns
from p2pchat.net.port import Connectedness, PeerChanged
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.protocol.lan import (
    Advertised,
    BlocksChanged,
    Confined,
    LanEffect,
    LanIdentity,
    LanInput,
    LanMachine,
    Linked,
    in_subnets,
)

__all__ = ["Lan", "LanParts", "speak_mdns"]

logger = logging.getLogger(__name__)

HOSTS_EVERY_S = 2.0
MDNS_AGAIN_S = 30.0
NAME_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
NAME_LENGTH = 40

ANSWERS_S = 0.5
"""Within which a hello is answered; a network that loses some has as long again, and more, for the
second one."""
ROUND_S = 1.6
DIALS_S = 3.0
POLL_S = 0.05

OUTSIDE_MAX = 256
CLOCKS_MAX = 16
CLOCK_S_MAX = 120.0
"""How long what a peer's clock showed counts; who is still there shows it again every minute."""

Found = Callable[[PeerId, tuple[str, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LanParts:
    """What LAN mode is made of."""

    config: LanConfig
    identity: LanIdentity
    gate: LanGate | None = None
    """What the host asks of peers; None on an open LAN."""
    blocks: BlockList = NOBODY
    """Who is blocked from the start."""


class Lan:
    """One node's LAN mode."""

    def __init__(
        self, parts: LanParts, ambient: Ambient, found: Found, tell: Callable[[Event], None]
    ) -> None:
        self._parts = parts
        self._ambient = ambient
        self._found = found
        self._tell = tell
        self._clocks: dict[PeerId, tuple[float, float]] = {}
        """By how many seconds a clock is ahead of ours, and when it was seen; newest last."""
        self._machine = LanMachine(parts.identity, parts.config, ambient.rng("lan"))
        self._driver: Driver[LanInput, LanEffect] | None = None
        self._blocks = parts.blocks
        self._outside: dict[PeerId, IPv4Address] = {}
        """Where those were found who are outside of the networks that we are confined to."""
        self._since_s: float | None = None
        """When we began to listen."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Find others, and be found, until cancelled. Raises `AddressInUse`, `ConfigError`."""
        if self._parts.identity.key is None:
            logger.warning(
                "LAN mode has no secret: everybody on this network finds this client and may"
                " connect to it; `[lan] secret_file` in config.toml closes the circle"
            )
        with closing(await open_sockets(self._parts.config.discovery_port)) as sockets:
            carrier = LanCarrier(sockets, self._put, self._found, self._told)
            self._driver = Driver[LanInput, LanEffect](
                self._machine, carrier, self._ambient, DriverConfig(), carrier.conclude
            )
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self._driver.run)
                    await self._put(BlocksChanged(self._blocks))
                    await nursery.start(carrier.run)
                    self._since_s = self._ambient.now().monotonic_s
                    nursery.start_soon(self._advertise)
                    task_status.started()
            finally:
                await carrier.part(self._machine.farewell(self._ambient.now()))

    async def block(self, blocks: BlockList) -> None:
        """These are blocked from now on, in place of those of before."""
        self._blocks = blocks
        await self._put(BlocksChanged(blocks))

    async def first_round(self, is_connected: Callable[[PeerId], bool]) -> None:
        """Wait until those who answered our first hello are connected, or it is known that nobody
        does. Bounded, and over at once when we listen for longer than that takes."""
        listened_s = self.facts.listened_s
        with trio.move_on_after(max(0.0, ROUND_S - listened_s)):
            await trio.sleep(max(0.0, ANSWERS_S - listened_s))
            while not self._machine.peers:  # noqa: ASYNC110 -- they tell nobody
                await trio.sleep(POLL_S)
        with trio.move_on_after(DIALS_S):
            while not all(map(is_connected, self._machine.peers)):  # noqa: ASYNC110
                await trio.sleep(POLL_S)

    async def confine(
        self, subnets: Iterable[str], is_known: Callable[[PeerId], bool]
    ) -> Confinement | None:
        """LAN mode is confined to these networks from now on. Who is to be kept out, of those whom
        it has found outside of them and nobody else knows?"""
        allowed = tuple(map(IPv4Network, subnets))
        found = {peer.peer: peer.source for peer in self._machine.peers.values()}
        outside = [
            (peer, source)
            for peer, source in {**self._outside, **found}.items()
            if allowed and not in_subnets(source, allowed)
        ]
        self._outside = dict(outside[-OUTSIDE_MAX:])
        await self._put(Confined(allowed))
        kept_out = frozenset(peer for peer in self._outside if not is_known(peer))
        return Confinement(kept_out, allowed) if kept_out else None

    async def linked(self, change: PeerChanged) -> None:
        """A peer came, went, or is connected in another way."""
        state = change.state
        is_up = state is not None and state.path is not Path.RELAYED
        await self._put(Linked(change.peer, is_up))

    def expect(self, configured: Iterable[PeerId]) -> None:
        """These peers stand in the configuration now, and need to prove nothing."""
        if self._parts.gate is not None:
            self._parts.gate.configured = frozenset(configured)

    @property
    def status(self) -> LanStatus:
        """Who is here."""
        machine, identity = self._machine, self._parts.identity
        peers = tuple(
            LanPeerStatus(peer.peer, peer.name, peer.address, peer.heard_ms)
            for peer in machine.peers.values()
        )
        subnets = tuple(map(str, machine.allowed))
        return LanStatus(identity.key is None, identity.listen_port, subnets, peers)

    @property
    def clocks(self) -> dict[PeerId, float]:
        """By how many seconds clocks are ahead of ours, of peers not heard for it.

        Without a secret one stranger can be any number of peers: there the middle one stands for
        all, so that a LAN has one vote beside relays and servers.
        """
        now_s, peers = self._ambient.now().monotonic_s, self._machine.peers
        wrong = {
            peer: difference_s
            for peer, (difference_s, seen_s) in self._clocks.items()
            if now_s - seen_s < CLOCK_S_MAX
            and (peer not in peers or peers[peer].heard_s < seen_s)  # else it was set right
        }
        if self._parts.identity.key is not None:
            return wrong
        ordered = sorted(wrong, key=lambda peer: (wrong[peer], peer))
        return {peer: wrong[peer] for peer in ordered[(len(ordered) - 1) // 2 :][:1]}

    @property
    def refused(self) -> dict[LanRefusal, int]:
        """Datagrams not taken since the start, by reason."""
        return dict(self._machine.refused)

    @property
    def facts(self) -> LanFacts:
        """What a doctor wants to know."""
        now_s, status = self._ambient.now().monotonic_s, self.status
        return LanFacts(
            is_open=status.is_open,
            subnets=status.subnets,
            peers=len(status.peers),
            refused=self._machine.refusals.lately(now_s),
            listened_s=0.0 if self._since_s is None else now_s - self._since_s,
            discovery_port=self._parts.config.discovery_port,
        )

    def path(self, state: Connectedness) -> Path:
        """How a connected peer is reached: over the LAN, when nothing is in between and it is in
        one of our networks."""
        if state.path is not Path.DIRECT:
            return state.path
        allowed = self._machine.allowed
        hosts = map(_host, state.addresses)
        is_near = any(host is not None and in_subnets(host, allowed) for host in hosts)
        return Path.LAN if is_near else state.path

    async def _advertise(self) -> None:
        """Speak multicast DNS, anew when our addresses change. Only on an open LAN: it would tell
        everybody what a secret is there to hide."""
        me, rng = self._parts.identity, self._ambient.rng("mdns")
        name = "".join(rng.choices(NAME_LETTERS, k=NAME_LENGTH))
        while me.key is None:
            hosts = self._machine.hosts
            async with trio.open_nursery() as nursery:
                if hosts:
                    service = MdnsService(name, me.peer, tuple(map(str, hosts)), me.listen_port)
                    nursery.start_soon(speak_mdns, service, self._heard_of)
                while self._machine.hosts == hosts:  # noqa: ASYNC110 -- interfaces tell nobody
                    await trio.sleep(HOSTS_EVERY_S)
                nursery.cancel_scope.cancel()

    async def _heard_of(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        await self._put(Advertised(peer, addresses))

    def _told(self, event: Event) -> None:
        match event:
            case LanClockDiffers(peer_id=peer, difference_s=difference_s):
                self._clocks.pop(peer, None)
                self._clocks[peer] = (difference_s, self._ambient.now().monotonic_s)
                if len(self._clocks) > CLOCKS_MAX:
                    del self._clocks[next(iter(self._clocks))]
            case LanPeerFound(peer_id=peer):
                self._clocks.pop(peer, None)  # it was set right
            case _:
                pass
        self._tell(event)

    async def _put(self, input: LanInput) -> None:
        if self._driver is not None:
            await self._driver.put(input)


def _host(address: str) -> IPv4Address | None:
    """The IPv4 address that a multiaddr begins with."""
    parts = address.split("/", 3)
    if parts[1:2] != ["ip4"]:
        return None
    try:
        host = ip_address(parts[2])
    except ValueError:
        return None
    return host if isinstance(host, IPv4Address) else None


async def speak_mdns(service: MdnsService, heard: Heard) -> None:
    """Multicast DNS again and again: an interface has its address before multicast works on it."""
    said = ""
    while True:
        failure = await run_mdns(service, heard)
        if failure != said:
            logger.warning("multicast DNS does not work on this network: %s", failure)
            said = failure
        await trio.sleep(MDNS_AGAIN_S)
