"""Reaching a peer: every address at once, the first that authenticates wins.

py-libp2p tries one address per transport, one after the other, waits a quarter of a second in
between and then refuses the peer for a minute. An address is only a hint: trying all of them costs
little, and a black hole among them costs nothing while another answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import trio

from p2pchat.errors import NetworkError, PeerUnreachable
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.addresses import Circuit, Endpoint, parse, without_peer
from p2pchat.net.libp2p.circuit import Circuits
from p2pchat.net.libp2p.foreign import Failed
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.tcp import TcpDialler
from p2pchat.net.port import NO_ANSWER

__all__ = ["Dialler"]


class Dialler:
    """Turns addresses into a connection."""

    def __init__(self, swarm: Swarm, tcp: TcpDialler, circuits: Circuits) -> None:
        self._swarm = swarm
        self._tcp = tcp
        self._circuits = circuits

    async def connect(self, peer: PeerId, addresses: Sequence[str], timeout_s: float) -> None:
        """See `Host.connect`."""
        if self._swarm.is_closed:
            raise PeerUnreachable("this host is closed")
        targets, attempts = self._targets(peer, addresses)
        if self._is_enough(peer, targets.values()):
            await trio.lowlevel.checkpoint()
            return
        try:
            self._swarm.admission.require_welcome(peer)
        except Refused as refused:
            raise PeerUnreachable(f"{peer} is not dialled: {refused}") from refused
        won = trio.Event()
        with trio.move_on_after(timeout_s):
            async with trio.open_nursery() as nursery:

                async def attempt(address: str, target: Endpoint | Circuit) -> None:
                    try:
                        await self._dial(peer, target, address)
                    except (Failed, Refused, NetworkError) as error:
                        attempts[address] = _why(error)
                    else:
                        won.set()
                        nursery.cancel_scope.cancel()

                for address, target in targets.items():
                    nursery.start_soon(attempt, address, target)
        if won.is_set():
            return
        self._swarm.totals["dials_failed_total"] += 1
        for address in targets:
            attempts.setdefault(address, NO_ANSWER)
        raise PeerUnreachable(_summary(peer, attempts), tuple(attempts.items()))

    async def _dial(self, peer: PeerId, target: Endpoint | Circuit, address: str) -> None:
        match target:
            case Endpoint():
                await self._tcp.dial(peer, target, without_peer(address))
            case Circuit():
                await self._circuits.dial(peer, target)

    def _targets(
        self, peer: PeerId, addresses: Sequence[str]
    ) -> tuple[dict[str, Endpoint | Circuit], dict[str, str]]:
        """What can be dialled, and why the rest cannot."""
        targets: dict[str, Endpoint | Circuit] = {}
        attempts: dict[str, str] = {}
        for address in addresses[: self._swarm.limits.addresses_per_dial_max]:
            try:
                self._swarm.admission.require_allowed(address)
                target = parse(address, peer)
                if isinstance(target, Circuit) and self._swarm.admission.is_me(target.relay):
                    raise ValueError("it leads through this host itself")
                targets[address] = target
            except (Refused, ValueError) as error:
                attempts[address] = _why(error)
        return targets, attempts

    def _is_enough(self, peer: PeerId, targets: Iterable[object]) -> bool:
        """True when connected, unless all connections are relayed and a target is direct."""
        best = self._swarm.best(peer)
        if best is None:
            return False
        is_direct = best.origin.path is not Path.RELAYED
        return is_direct or not any(isinstance(target, Endpoint) for target in targets)


def _why(error: Exception) -> str:
    """In words; a `Refusal` stays one, so that who asks can tell our own rules from faults."""
    return error.reason if isinstance(error, Refused) else str(error)


def _summary(peer: PeerId, attempts: dict[str, str]) -> str:
    if not attempts:
        return f"no address of {peer} is known"
    return f"no address of {peer} answered"
