"""A stage for the Kademlia machine: inputs in, effects out, a clock that moves when told."""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from random import Random

import pytest

from p2pchat.errors import MalformedMessage
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.table import kad_id, shared_bits
from p2pchat.kad.vocabulary import Answered, Failure, PeerDown, PeerUp, Query, QueryFailed, SetMode
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Now, Reply, SetTimer, TimerFired
from p2pchat.wire.kad_codec import KadMessage, KadPeer

EPOCH_MS = 1_767_225_600_000


def peer_id(name) -> PeerId:
    return DeviceId(sha256(str(name).encode()).digest()).peer_id


def address_of(peer: PeerId) -> str:
    """A private address, different for different peers."""
    a, b, c = sha256(peer).digest()[:3]
    return f"/ip4/10.{a}.{b}.{c}/tcp/4001"


def contact(peer: PeerId) -> KadPeer:
    return KadPeer(peer, (address_of(peer),))


class Numbers:
    """A namespace of decimal numbers: the greatest is best, `/…/until` says when it ends."""

    def validate(self, key, value, now_ms):
        if not value.isdigit():
            raise MalformedMessage("not a number")

    def select(self, key, values, now_ms):
        return max(range(len(values)), key=lambda i: int(values[i]))

    def expires_ms(self, key, value):
        return EPOCH_MS + int(value) if key.endswith(b"until") else None


class Stage:
    """One machine with everything it said since the last `take`."""

    def __init__(self, *, is_server=True, restored=(), **config) -> None:
        self.own = peer_id("own")
        self.config = KadConfig(**config)
        self.machine = KadMachine(self.own, self.config, Random(1), {"/test/": Numbers()}, restored)
        self.now_s = 50.0
        self.jump_ms = 0
        self.timers: dict[str, float] = {}
        self.effects: list = []
        self.replies: dict[int, Reply] = {}
        self._note(self.machine.start(self.now))
        self.started = self.take()
        if is_server:
            self.give(SetMode(True))
        self.take()

    @property
    def now(self) -> Now:
        return Now(EPOCH_MS + round(self.now_s * 1000) + self.jump_ms, self.now_s)

    def give(self, input):
        """Hand in an input; answers what came of it, replies and timers aside."""
        return self._note(self.machine.handle(input, self.now))

    def take(self, kind=object) -> list:
        """What was said since the last time, of one kind."""
        taken, self.effects = self.effects, []
        return [effect for effect in taken if isinstance(effect, kind)]

    def up(self, peer, is_server=True, addresses=None):
        addresses = (address_of(peer),) if addresses is None else addresses
        return self.give(PeerUp(peer, addresses, is_server, addresses))

    def know(self, *peers) -> None:
        """Servers come up and go down again, and the lookup of ourselves finds nothing."""
        for peer in peers:
            self.up(peer)
        self.sleep(0.1)
        self.play(lambda query: ())
        for peer in peers:
            self.give(PeerDown(peer))

    def sleep(self, seconds) -> None:
        """Let time pass and timers fire."""
        until_s = self.now_s + seconds
        while due := [(at_s, name) for name, at_s in self.timers.items() if at_s <= until_s]:
            self.now_s, name = min(due)
            del self.timers[name]
            self.give(TimerFired(name))
        self.now_s = until_s

    def answer(self, query: Query, *closer, record=None, providers=()):
        message = KadMessage(query.message.kind, b"", record, tuple(closer), tuple(providers))
        return self.give(Answered(query.query_id, message))

    def fail(self, query: Query, reason=Failure.TIMED_OUT):
        return self.give(QueryFailed(query.query_id, reason))

    def play(self, respond) -> list[Query]:
        """Answer all queries, and those that follow, by `respond(query)`: the arguments of
        `answer`, or None for silence. Answers the queries in order."""
        asked: list[Query] = []
        while queries := self.take(Query):
            for query in queries:
                asked.append(query)
                told = respond(query)
                if told is None:
                    self.fail(query)
                else:
                    self.answer(query, *told)
        return asked

    def result(self, id=1):
        reply = self.replies.pop(id)
        assert reply.error is None, reply.error
        return reply.value

    def error(self, id=1):
        reply = self.replies.pop(id)
        assert reply.value is None
        return reply.error

    def _note(self, effects) -> list:
        said = []
        for effect in effects:
            if isinstance(effect, SetTimer):
                self.timers[effect.name] = self.now_s + effect.delay_s
            elif isinstance(effect, Reply):
                assert effect.id not in self.replies, "one reply a command"
                self.replies[effect.id] = effect
            else:
                said.append(effect)
        self.effects += said
        return said


class Cast:
    """Peers by name, by where they stand from the machine, or by distance from a key."""

    own = peer_id("own")
    address_of = staticmethod(address_of)
    contact = staticmethod(contact)

    def __call__(self, name) -> PeerId:
        return peer_id(name)

    def in_bucket(self, bucket: int, number: int, start: int = 0) -> list[PeerId]:
        """Peers that share exactly so many bits with the machine's id."""
        found: list[PeerId] = []
        for n in count(start * 1_000_000):
            peer = peer_id(n)
            if shared_bits(kad_id(self.own), kad_id(peer)) == bucket:
                found.append(peer)
                if len(found) == number:
                    return found
        raise AssertionError

    def by_distance(self, key: bytes, number: int) -> list[PeerId]:
        """So many peers, the nearest to the key first."""
        place = kad_id(key)
        return sorted(map(peer_id, range(number)), key=lambda peer: kad_id(peer) ^ place)


@pytest.fixture
def cast() -> Cast:
    return Cast()


@pytest.fixture
def new_stage():
    return Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()
