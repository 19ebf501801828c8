"""Clock and randomness: the only two ambient things, passed in as one value.

Whatever runs on an `Ambient` runs the same under a real clock and under a simulated one. Choices
(jitter, which peer to ask) draw from `rng(purpose)`, one generator a purpose, so that a new choice
in one machine does not shift the choices of another; secrets come from `token_bytes` alone.
"""

from __future__ import annotations

import secrets
import time
from random import Random
from typing import Protocol

import trio

from p2pchat.model.machine import Now

__all__ = ["EPOCH_MS", "Ambient", "SimulatedAmbient", "SystemAmbient", "seeded"]

EPOCH_MS = 1_767_225_600_000
"""Wall time at the start of every simulation: 2026-01-01T00:00:00Z."""


class Ambient(Protocol):
    """What a node may know of the world without being told by an input."""

    def now(self) -> Now:
        """Both clocks, read together."""
        ...

    def rng(self, purpose: str) -> Random:
        """A generator for choices of one purpose; ask once and keep it."""
        ...

    def token_bytes(self, size_bytes: int) -> bytes:
        """Unpredictable bytes for keys and nonces."""
        ...


class SystemAmbient:
    """The operating system's clocks and randomness."""

    def now(self) -> Now:
        return Now(wall_ms=time.time_ns() // 1_000_000, monotonic_s=time.monotonic())

    def rng(self, purpose: str) -> Random:
        return Random(secrets.randbits(256))  # noqa: S311 - choices, never secrets

    def token_bytes(self, size_bytes: int) -> bytes:
        return secrets.token_bytes(size_bytes)


class SimulatedAmbient:
    """Virtual time and seeded randomness for one peer; its "secrets" are predictable by design.

    The same (seed, peer, purpose) gives the same numbers again: give each life of a peer that is
    opened more than once a `peer` of its own (`alice/2`), else its second life repeats the nonces
    of the first. `skew_ms` may be changed while the peer runs: its wall clock jumps.
    """

    def __init__(self, seed: int | str, peer: str, skew_ms: int = 0) -> None:
        self._seed = seed
        self._peer = peer
        self._tokens = seeded(seed, peer, "token_bytes")
        self.skew_ms = skew_ms

    def now(self) -> Now:
        monotonic_s = trio.current_time()
        return Now(EPOCH_MS + int(monotonic_s * 1000) + self.skew_ms, monotonic_s)

    def rng(self, purpose: str) -> Random:
        return seeded(self._seed, self._peer, purpose)

    def token_bytes(self, size_bytes: int) -> bytes:
        return self._tokens.randbytes(size_bytes)


def seeded(seed: int | str, peer: str, purpose: str) -> Random:
    """The generator of one purpose of one peer in the simulation `seed`, in every process alike."""
    return Random(f"{seed}/{peer}/{purpose}")  # noqa: S311 - reproducible on purpose
