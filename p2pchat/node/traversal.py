"""Carries what NAT traversal decides: probes, reservations, dial-backs, punching.

It also says what the machine hears of the network: who is connected in which way, and where others
see us.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.errors import NetworkError
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.model.scope import is_circuit
from p2pchat.model.status import Reachability
from p2pchat.net.port import (
    AUTONAT_PROTOCOL,
    DCUTR_PROTOCOL,
    HOP_PROTOCOL,
    Connectedness,
    Host,
    PeerChanged,
)
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.hub import Hub
from p2pchat.node.reach import announced, own_form
from p2pchat.protocol.traversal import Traversal
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Check,
    Checked,
    CheckFailed,
    ChooseRelays,
    GiveAway,
    Gone,
    Known,
    MoveStreams,
    ObservedAt,
    OwnAddresses,
    Probe,
    Probed,
    Reservations,
    Reserve,
    Reserved,
    Seen,
    TraversalEffect,
    TraversalInput,
    Upgrade,
    UpgradeEnded,
)

__all__ = ["NatTraversal", "TraversalListeners"]

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class TraversalListeners:
    """Who in the node wants to know."""

    addresses_changed: Callable[[], None]
    """Where we can be reached has changed."""
    moved: Callable[[PeerId], None]
    """Streams to this peer are better opened anew."""
    judged: Callable[[Reachability], None]
    """Whether others can dial us."""


class NatTraversal:
    """The machine of NAT traversal at work on one host."""

    def __init__(
        self, host: Host, hub: Hub, ambient: Ambient, listeners: TraversalListeners
    ) -> None:
        self._host = host
        self._hub = hub
        self._listeners = listeners
        self._machine = Traversal()
        self._driver = Driver[TraversalInput, TraversalEffect](
            self._machine, self, ambient, DriverConfig(), self._conclude
        )
        self._told: tuple[tuple[PeerId, str], ...] = ()
        self._nursery: trio.Nursery | None = None
        self.refusals: dict[PeerId, str] = {}
        """Why connected relays hold no place for us."""

    @property
    def relays(self) -> tuple[PeerId, ...]:
        """The relays whose reservations are held."""
        return self._machine.relays

    @property
    def is_mapping_stable(self) -> bool:
        """Whether a hole could be punched through the router in front of us, as far as is seen."""
        return self._machine.is_mapping_stable

    @property
    def is_undecided(self) -> bool:
        """Whether others can dial us is being found out."""
        return self._machine.is_undecided

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Traverse until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._driver.run)
            task_status.started()

    async def choose_relays(self) -> None:
        """The start: reserve for the first time, telling each step."""
        await self._driver.call(ChooseRelays)

    async def changed(self, change: PeerChanged) -> None:
        """A peer came, went, or was identified."""
        state = change.state
        if state is None:
            self.refusals.pop(change.peer, None)
        await self._driver.put(Gone(change.peer) if state is None else _seen(state))
        observed = tuple((one.by, one.address) for one in self._host.observed)
        if observed != self._told:
            self._told = observed
            await self._driver.put(ObservedAt(observed))

    async def moved(self) -> None:
        """Our own addresses changed."""
        own = tuple(one for one in map(own_form, self._host.addresses) if not is_circuit(one))
        await self._driver.put(OwnAddresses(own))

    async def known(self, known: Known) -> None:
        """Whom we know has changed."""
        await self._driver.put(known)

    async def carry(self, effects: Sequence[TraversalEffect]) -> None:
        for effect in effects:
            match effect:
                case Probe(peer):
                    self._spawn(self._probe, peer)
                case Reserve(peer):
                    self._spawn(self._reserve, peer)
                case Check():
                    self._spawn(self._check, effect)
                case Upgrade():
                    self._spawn(self._upgrade, effect)
                case GiveAway(addresses):
                    self._host.announce(addresses)
                    self._listeners.addresses_changed()
                case Reservations():
                    self._listeners.addresses_changed()
                case MoveStreams(peer):
                    self._listeners.moved(peer)
                case _:
                    pass  # told below, or the driver's

    def _conclude(self, effects: Sequence[TraversalEffect]) -> None:
        self._listeners.judged(self._machine.reachability)
        for effect in effects:
            if isinstance(effect, Announce):
                self._hub.emit(effect.event)

    def _spawn(self, job: Callable[..., Awaitable[None]], *args: object) -> None:
        assert self._nursery is not None, "run() comes first"
        self._nursery.start_soon(job, *args)

    async def _probe(self, relay: PeerId) -> None:
        """The time to open a stream: two round trips of the network and the relay's own."""
        began_s = trio.current_time()
        try:
            stream = await self._host.open_stream(relay, [HOP_PROTOCOL], timeout_s=PROBE_TIMEOUT_S)
        except NetworkError as error:
            logger.info("relay %s did not answer: %s", relay.short, error)
            await self._driver.put(Probed(relay, None))
            return
        latency_s = trio.current_time() - began_s
        await stream.reset()
        await self._driver.put(Probed(relay, latency_s))

    async def _reserve(self, relay: PeerId) -> None:
        try:
            lifetime_s = await self._host.reserve(relay)
        except NetworkError as error:
            logger.info("relay %s refused: %s", relay.short, error)
            if self._host.is_connected(relay):
                self.refusals[relay] = str(error)
            await self._driver.put(Reserved(relay, None))
        else:
            self.refusals.pop(relay, None)
            await self._driver.put(Reserved(relay, lifetime_s))

    async def _check(self, check: Check) -> None:
        try:
            reached = await self._host.dial_back(check.server, check.addresses)
        except NetworkError as error:
            logger.info("%s did not dial back: %s", check.server.short, error)
            await self._driver.put(CheckFailed(check.server))
        else:
            await self._driver.put(Checked(check.server, reached))

    async def _upgrade(self, upgrade: Upgrade) -> None:
        """Dial, then punch; a connection that comes of it is heard of like any other."""
        try:
            await self._dial_or_punch(upgrade)
        except NetworkError as error:
            logger.info("still relayed: %s", error)
        # Also when it came: a connection that ended at once may never be heard of.
        await self._driver.put(UpgradeEnded(upgrade.peer))

    async def _dial_or_punch(self, upgrade: Upgrade) -> None:
        if upgrade.addresses:
            try:
                return await self._host.connect(upgrade.peer, upgrade.addresses)
            except NetworkError:
                if not upgrade.may_punch:
                    raise
        await self._host.punch(upgrade.peer)


def _seen(state: Connectedness) -> Seen:
    is_relayed = state.path is Path.RELAYED
    return Seen(
        peer=state.peer,
        path=state.path,
        # A relay's address is nothing that a peer is at: a direct connection's comes first.
        address=min(state.addresses, key=is_circuit, default=""),
        is_inbound=state.inbound,
        announced=tuple(one for one in announced(state) if not is_circuit(one)),
        is_relay=HOP_PROTOCOL in state.protocols and not is_relayed,
        dials_back=AUTONAT_PROTOCOL in state.protocols and not is_relayed,
        punches=DCUTR_PROTOCOL in state.protocols,
    )
