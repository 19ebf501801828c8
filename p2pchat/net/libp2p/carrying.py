"""Circuits that a relay carries: two streams joined until they had all they may, or fell silent.

A connection that lives speaks up every few seconds, be it only to ask whether the other end does. A
circuit that is silent for minutes is of use to nobody, and would hold a place for two hours: it
ends. And where a relay has no place left, the one that was silent for longest makes room, if that
was for longer than any connection is; those that are in use are never ended for a newcomer.
"""

from __future__ import annotations

from collections import Counter

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.options import CircuitLimits, Total
from p2pchat.net.libp2p.quotas import OverQuota, Quotas
from p2pchat.net.libp2p.streams import LibP2PStream

__all__ = ["Carrying"]

CHUNK_BYTES = 65_536
SILENT_S = 40.0
"""Other implementations ask every 30 seconds whether the far end is there, this one more often."""


class Carrying:
    """All circuits of one relay."""

    def __init__(self, limits: CircuitLimits, quotas: Quotas, totals: Counter[Total]) -> None:
        self._limits = limits
        self._quotas = quotas
        self._totals = totals
        self._open: set[_Circuit] = set()

    async def make_room(self) -> None:
        """End the circuit that was silent for longest, when there is no place for another and it
        was so for long."""
        is_full = self._quotas.circuits >= self._limits.circuits_max
        idle = min(self._open, key=lambda one: one.used_s, default=None)
        if not is_full or idle is None or trio.current_time() - idle.used_s < SILENT_S:
            return
        self._open.discard(idle)
        idle.scope.cancel()
        await idle.gone.wait()

    async def carry(self, near: LibP2PStream, far: LibP2PStream) -> None:
        """Forward both ways until both ends closed, one broke, or a limit is reached."""
        circuit = _Circuit(self._limits, near.peer)
        self._open.add(circuit)
        try:
            with circuit.scope:
                await self._join(near, far, circuit)
        finally:
            self._open.discard(circuit)
            circuit.gone.set()
        if circuit.scope.cancelled_caught:
            ended: Total = "circuits_spent_total" if circuit.is_old else "circuits_silent_total"
            self._totals[ended] += 1

    async def _join(self, near: LibP2PStream, far: LibP2PStream, circuit: _Circuit) -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._copy, near, far, circuit)
                nursery.start_soon(self._copy, far, near, circuit)
        except* trio.BrokenResourceError:
            pass  # one end is gone: both streams are reset
        except* OverQuota:
            self._totals["circuits_spent_total"] += 1

    async def _copy(self, source: LibP2PStream, sink: LibP2PStream, circuit: _Circuit) -> None:
        while data := await source.receive_some(CHUNK_BYTES):
            pause_s = self._quotas.spend(circuit.caller, len(data), trio.current_time())
            circuit.use(len(data), pause_s)
            await trio.sleep(pause_s)
            self._totals["circuit_bytes_total"] += len(data)
            await sink.send_all(data)
        await sink.send_eof()


class _Circuit:
    """One of them: the bytes it may still carry, both directions together, and until when."""

    def __init__(self, limits: CircuitLimits, caller: PeerId) -> None:
        self.caller = caller
        self.used_s = trio.current_time()
        self.gone = trio.Event()
        self._bytes_left = limits.circuit_bytes_max
        self._idle_s = limits.circuit_idle_s
        self._end_s = self.used_s + limits.circuit_s_max
        self.scope = trio.CancelScope()
        self._put_off_end()

    @property
    def is_old(self) -> bool:
        """Whether it has reached its age."""
        return trio.current_time() >= self._end_s

    def use(self, size_bytes: int, pause_s: float) -> None:
        """Bytes came in, to be passed on after a pause. Raises `OverQuota`."""
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise OverQuota("circuits_spent_total")
        self.used_s = trio.current_time() + pause_s
        self._put_off_end()

    def _put_off_end(self) -> None:
        self.scope.deadline = min(self._end_s, self.used_s + self._idle_s)
