"""Gathering the facts for a diagnosis from a running node.

Names, lists, peers and clocks are tried afresh and all at once; what was true at the start may not
be any more. The node goes on meanwhile, and a peer that is reached by the trying stays connected.
Whatever hangs is given up when the time is over, and the report says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import trio

from p2pchat.config import FetchLimits, FetchUrl, PeerAddress, parse_peer_address
from p2pchat.errors import NetworkError, PeerUnreachable, RemoteProtocolError
from p2pchat.events import DiagnosisProgress
from p2pchat.model.blocking import Refusal
from p2pchat.model.facts import (
    Attempt,
    ClockReading,
    Facts,
    ListFacts,
    NameFacts,
    NetworkFacts,
    Outcome,
    PeerFacts,
    RelayFacts,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.lan import LanRefusal
from p2pchat.model.scope import Scope, is_circuit
from p2pchat.net.bootstrap_list import parse_list
from p2pchat.net.clock import CLOCK_PROTOCOL, ask_clock
from p2pchat.net.machine import machine_facts
from p2pchat.net.port import ANOTHER_PEER, HOP_PROTOCOL, NO_ANSWER, Host
from p2pchat.net.probing import knock, look_up, names_in, probe_list
from p2pchat.node.health import health_of
from p2pchat.node.lan import Lan
from p2pchat.node.node import Node
from p2pchat.node.reach import own_form
from p2pchat.protocol.lan_refusals import BY_OURSELVES

__all__ = ["examine"]

EXAMINATION_TIMEOUT_S = 9.5
SETTLING_TIMEOUT_S = 8.0
JOINING_TIMEOUT_S = 5.0
"""Of the settling: until somebody has answered."""
DIAL_TIMEOUT_S = 4.0
CLOCK_TIMEOUT_S = 1.0
POLL_S = 0.05
NAMES_MAX = 8
PEERS_MAX = 16
"""Peers of each source that are dialled."""
ADDRESSES_MAX = 4
CLOCKS_MAX = 8

LISTENING_S = 5.0
"""To a LAN, from its start: our hello is said three times within the first three seconds, and who
does not take it is heard a second later."""
_TELLING = frozenset({*BY_OURSELVES, LanRefusal.WRONG_SECRET})
"""Refusals that say why nobody is found, whoever is refused. One clock that differs does not: it
takes a second one to tell whose is wrong."""

HUNG_UP = "it ended the connection at once"

_UNHEARD = (NetworkError, RemoteProtocolError, trio.BrokenResourceError, trio.TooSlowError)


@dataclass(slots=True)
class _Collected:
    """What was found out so far."""

    names: list[NameFacts] = field(default_factory=list[NameFacts])
    lists: list[ListFacts] = field(default_factory=list[ListFacts])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    clocks: list[ClockReading] = field(default_factory=list[ClockReading])


async def examine(node: Node) -> Facts:
    """Find out what there is to know, within ten seconds, telling each step as it is done."""
    examination = _Examination(node)
    unfinished = await examination.run()
    found, lan = examination.found, node.network.lan
    return Facts(
        machine=machine_facts(node.parts.home),
        network=_network(node),
        lan=None if lan is None else lan.facts,
        names=tuple(found.names),
        lists=tuple(found.lists),
        attempts=tuple(found.attempts),
        clocks=tuple(found.clocks),
        unfinished=unfinished,
    )


class _Examination:
    """The trying out, once."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._host: Host = node.parts.host
        self._sources = node.startup.sources
        self.found = _Collected()
        self._done: list[str] = []

    async def run(self) -> tuple[str, ...]:
        """Take all steps; those that were not done in time."""
        steps = {
            "names": self._names,
            "lists": self._lists,
            "peers": self._peers,
            "reachability": self._settle,
        }

        async def take(step: str, work: Callable[[], Awaitable[None]]) -> None:
            await work()
            self._done.append(step)
            self._node.hub.emit(DiagnosisProgress(step, len(self._done), len(steps)))

        with trio.move_on_after(EXAMINATION_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                for step, work in steps.items():
                    nursery.start_soon(take, step, work)
        return tuple(step for step in steps if step not in self._done)

    # Names and lists

    async def _names(self) -> None:
        sources = self._sources
        if sources is None:
            return
        urls = sources.urls if sources.fetch else ()
        async with trio.open_nursery() as nursery:
            for name in names_in(urls, sources.peers)[:NAMES_MAX]:
                nursery.start_soon(self._name, name)

    async def _name(self, name: str) -> None:
        self.found.names.append(await look_up(name))

    async def _lists(self) -> None:
        """Read the lists, and try those whom they name."""
        sources = self._sources
        if sources is None or not sources.fetch:
            return
        async with trio.open_nursery() as nursery:
            entries, _ = parse_list(sources.packaged, Scope.LOOPBACK, sources.limits.entries_max)
            nursery.start_soon(self._dial_all, entries, "listed")
            for url in sources.urls:
                nursery.start_soon(self._list, url, sources.limits)

    async def _list(self, url: FetchUrl, limits: FetchLimits) -> None:
        probe = await probe_list(url, limits, self._wall_ms)
        self.found.lists.append(probe.facts)
        if probe.clock is not None:
            self.found.clocks.append(probe.clock)
        await self._dial_all(probe.entries, "listed")

    def _wall_ms(self) -> int:
        return self._node.parts.ambient.now().wall_ms

    # Peers

    async def _peers(self) -> None:
        """Try who is configured; who is blocked is not tried."""
        for peer, address in self._node.around.enforcer.parted.items():
            refusal = self._refusal(peer, address) or ""
            self.found.attempts.append(
                Attempt(str(peer), "parted", address, Outcome.BLOCKED, refusal)
            )
        configured = self._sources.peers if self._sources is not None else ()
        await self._dial_all(map(parse_peer_address, configured), "configured")

    async def _dial_all(self, entries: Iterable[PeerAddress], source: str) -> None:
        found: dict[PeerId, list[str]] = {}
        for entry in entries:
            if entry.peer != self._host.peer_id:
                found.setdefault(entry.peer, []).append(entry.address)
        async with trio.open_nursery() as nursery:
            for peer in list(found)[:PEERS_MAX]:
                nursery.start_soon(self._dial, peer, found[peer][:ADDRESSES_MAX], source)

    async def _dial(self, peer: PeerId, addresses: Sequence[str], source: str) -> None:
        """Try one peer; why it fails is asked of the system for each address, too."""
        reasons: dict[str, str] = {}
        knocks: dict[str, tuple[Outcome, str]] = {}

        async def connect() -> None:
            try:
                await self._host.connect(peer, addresses, timeout_s=DIAL_TIMEOUT_S)
            except PeerUnreachable as error:
                reasons.update(error.attempts or dict.fromkeys(addresses, str(error)))
            if await self._stays(peer):
                nursery.cancel_scope.cancel()

        async def try_out(address: str) -> None:
            knocks[address] = await knock(address, lambda ip: self._refusal(peer, ip) is not None)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connect)
            for address in addresses:
                if self._refusal(peer, address) is None:
                    nursery.start_soon(try_out, address)
        for address in addresses:
            outcome, reason = Outcome.REACHED, ""
            if not self._host.is_connected(peer):
                why = self._refusal(peer, address) or reasons.get(address, "")
                outcome, reason = _judged(why, knocks.get(address))
            self.found.attempts.append(Attempt(str(peer), source, address, outcome, reason))

    async def _stays(self, peer: PeerId) -> bool:
        """Whether a peer is still there once it has said what it is: who turns us away must know
        whom first, so its handshake with us ends well, and the connection right after."""
        with trio.move_on_after(DIAL_TIMEOUT_S):
            while self._host.is_connected(peer) and not self._is_identified(peer):  # noqa: ASYNC110
                await trio.sleep(POLL_S)
        return self._host.is_connected(peer)

    def _is_identified(self, peer: PeerId) -> bool:
        return any(one.peer == peer and one.protocols for one in self._host.peers)

    def _refusal(self, peer: PeerId, address: str) -> Refusal | None:
        """Which rule of ours forbids it."""
        return self._node.around.enforcer.newest.refusal(peer, address)

    # What the node finds out by itself

    async def _settle(self) -> None:
        """Give a node that has just begun the time to learn what it is to others; then try who was
        heard on our own network, and ask all who are there for the time."""
        traversal = self._node.connections.traversal
        with trio.move_on_after(SETTLING_TIMEOUT_S):
            with trio.move_on_after(JOINING_TIMEOUT_S):
                while not self._has_begun():  # noqa: ASYNC110 -- no event tells of it
                    await trio.sleep(POLL_S)
            while traversal.is_undecided:  # noqa: ASYNC110 -- likewise
                await trio.sleep(POLL_S)
        async with trio.open_nursery() as nursery:
            tellers = [one.peer for one in self._host.peers if CLOCK_PROTOCOL in one.protocols]
            for peer in tellers[:CLOCKS_MAX]:
                nursery.start_soon(self._clock, peer)
            if self._node.network.lan is not None:
                nursery.start_soon(self._look_around, self._node.network.lan)

    def _has_begun(self) -> bool:
        """Whether the start is over, or cannot lead anywhere any more."""
        is_tried = {"lists", "peers"} <= set(self._done) and self._node.network.lan is None
        return self._node.startup.ready.is_set() or (is_tried and not self._host.peers)

    async def _look_around(self, lan: Lan) -> None:
        """Listen until it is plain who is there, whom we refuse, or that nobody answers."""
        while not _has_heard(lan) and lan.facts.listened_s < LISTENING_S:  # noqa: ASYNC110
            await trio.sleep(POLL_S)
        for peer, difference_s in lan.clocks.items():
            self.found.clocks.append(ClockReading("lan", str(peer), difference_s))
        heard = [PeerAddress(peer.peer_id, peer.address) for peer in lan.status.peers]
        await self._dial_all(heard, "lan")

    async def _clock(self, peer: PeerId) -> None:
        now = self._node.parts.ambient.now
        try:
            difference_s = await ask_clock(self._host, peer, now, timeout_s=CLOCK_TIMEOUT_S)
        except _UNHEARD:
            return  # whoever does not say is no witness
        self.found.clocks.append(ClockReading("peer", str(peer), difference_s))


def _has_heard(lan: Lan) -> bool:
    facts = lan.facts
    is_told = not _TELLING.isdisjoint(facts.refused) or len(lan.clocks) > 1
    return facts.peers > 0 or is_told


def _judged(reason: str, knocked: tuple[Outcome, str] | None) -> tuple[Outcome, str]:
    """How an address failed: by our own rules, by who answered, or by what the system says of it;
    where something listens, the host knows best."""
    if isinstance(reason, Refusal):
        return Outcome.BLOCKED, reason
    if reason == ANOTHER_PEER:
        return Outcome.STRANGER, reason
    outcome, why = knocked or (Outcome.FAILED, "")
    if outcome is Outcome.REACHED and reason != NO_ANSWER:
        return Outcome.TURNED_AWAY, reason or HUNG_UP
    if reason == NO_ANSWER and not why:
        return Outcome.SILENT, f"no answer within {DIAL_TIMEOUT_S:g} s"
    return (outcome, why) if outcome is not Outcome.FAILED else (outcome, reason or why)


def _network(node: Node) -> NetworkFacts:
    """What the node knows of itself."""
    host, network = node.parts.host, node.network
    traversal, blocks = node.connections.traversal, node.around.enforcer.newest
    relays = [one.peer for one in host.peers if HOP_PROTOCOL in one.protocols]
    return NetworkFacts(
        health=health_of(host.peers),
        reachability=network.reach.reachability,
        is_mapping_stable=traversal.is_mapping_stable,
        known_peers=len(network.machine.known),
        outbox=node.chat.outbox.owed_count(),
        listening=tuple(own_form(one) for one in host.addresses if not is_circuit(one)),
        peers=tuple(
            PeerFacts(
                str(one.peer),
                one.path,
                tuple(sorted(p for p in one.protocols if p.startswith("/dchat/"))),
            )
            for one in host.peers
        ),
        relays=tuple(
            RelayFacts(
                str(peer),
                is_held=peer in traversal.relays,
                refusal=traversal.refusals.get(peer, "").removeprefix(f"{peer} "),
            )
            for peer in relays
        ),
        blocked_peers=len(blocks.peers),
        blocked_subnets=tuple(map(str, sorted(blocks.subnets, key=str))),
        refused=dict(node.chat.state.refused + node.around.handlers.refused),
    )
