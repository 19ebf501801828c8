"""Simulated peers and their lives.

A peer is an identity and a disk. It lives, crashes, and lives again on what the disk held; what is
true of one life only (its host, its node, its clock) ends with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from p2pchat.client.client import Client
from p2pchat.config import ClientConfig
from p2pchat.model.identity import Identity
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.node import Node
from p2pchat.store.memory import MemoryStore
from p2pchat.testing.fate import Fate
from p2pchat.testing.faults import Nat
from p2pchat.testing.recording import RecordingHost

__all__ = ["CONFIG", "Life", "Peer", "PeerOptions"]

CONFIG = ClientConfig(fetch=False, listen=())


@dataclass(frozen=True, slots=True)
class PeerOptions:
    """How a peer is set up; in each life it may be another way."""

    knows: tuple[str, ...] = ()
    """Names of peers whose addresses it is given at the start, as a bootstrap list would."""
    listening: bool = True
    nat: Nat = Nat.OPEN
    config: ClientConfig = CONFIG


class Life:
    """One run of a peer's program."""

    def __init__(self, peer: Peer, ambient: SimulatedAmbient) -> None:
        self.peer = peer
        self.ambient = ambient
        self.fate = Fate()
        self.opened = trio.Event()
        """Its client can be used, or it came to nothing."""
        self.ended = trio.Event()
        """Its last task is gone."""
        self.host: RecordingHost | None = None
        self.node: Node | None = None
        self.client: Client | None = None


@dataclass(slots=True, eq=False)
class Peer:
    """One simulated peer, through all its lives."""

    name: str
    identity: Identity
    store: MemoryStore
    options: PeerOptions = field(default_factory=PeerOptions)
    lives: int = 0
    life: Life | None = None
    """The present one, or the last."""
    skew_ms: int = 0
    """How far its wall clock is off; `World.skew` changes it."""

    @property
    def running(self) -> Life | None:
        """The present life, from the start of its program until it is cut or closed."""
        return self.life if self.life is not None and not self.life.fate.is_over else None

    @property
    def is_up(self) -> bool:
        """Whether its client can be used."""
        return self.client is not None

    @property
    def client(self) -> Client | None:
        life = self.running
        return life.client if life is not None else None

    @property
    def host(self) -> RecordingHost | None:
        life = self.running
        return life.host if life is not None else None
