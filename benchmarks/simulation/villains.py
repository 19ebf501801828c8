"""Nodes that take part in the DHT and mean it ill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import count

from benchmarks.simulation.swarm import AnyMachine, Node, Swarm, address_in
from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import Answer, Asked, KadEffect, KadInput
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Now
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer

K = KadConfig().k
INVENTED_PER_ANSWER = K


class Liar:
    """Tells of nobody but its gang, keeps nothing, and says that it did."""

    def __init__(self, gang: Sequence[KadPeer]) -> None:
        self.gang = gang

    def start(self, now: Now) -> list[KadEffect]:
        return []

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        if not isinstance(input, Asked):
            return []
        asked = input.message
        record = asked.record if asked.kind is KadKind.PUT_VALUE else None
        answer = KadMessage(asked.kind, asked.key, record, tuple(self.closer(asked.key)))
        return [Answer(input.request_id, answer)]

    def settle(self, now: Now) -> list[KadEffect]:
        return []

    def closer(self, key: bytes) -> Iterable[KadPeer]:
        place = kad_id(key)
        return sorted(self.gang, key=lambda peer: kad_id(peer.peer) ^ place)[:K]


class Inventor(Liar):
    """Tells of peers nearer to the key than anybody, who do not exist: each costs who asks it a
    whole time-out."""

    def __init__(self, gang: Sequence[KadPeer], salt: bytes) -> None:
        super().__init__(gang)
        self._salt = salt

    def closer(self, key: bytes) -> Iterable[KadPeer]:
        place = kad_id(key)
        invented = [
            DeviceId(sha256(self._salt + b"%b%d" % (key, n)).digest()).peer_id
            for n in range(20 * INVENTED_PER_ANSWER)
        ]
        invented.sort(key=lambda peer: kad_id(peer) ^ place)
        return [KadPeer(peer, (address_in(1 << 20),)) for peer in invented[:INVENTED_PER_ANSWER]]


class Silent(Liar):
    """Takes every request and answers none."""

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        return []


class Forgetful(Liar):
    """Routes as it should, keeps nothing, and says that it did."""

    def __init__(self, honest: AnyMachine) -> None:
        super().__init__(())
        self._honest = honest

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        if isinstance(input, Asked) and input.message.kind is KadKind.PUT_VALUE:
            return super().handle(input, now)
        return self._honest.handle(input, now)


class Luring(Liar):
    """Tells of the gang alone, and of providers that do not exist: as many as a key has, together
    with the real ones at false addresses."""

    def __init__(self, gang: Sequence[KadPeer], real: Sequence[PeerId]) -> None:
        super().__init__(gang)
        self._real = real

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        if not (isinstance(input, Asked) and input.message.kind is KadKind.GET_PROVIDERS):
            return super().handle(input, now)
        key = input.message.key
        invented = [DeviceId(sha256(key + b"%d" % n).digest()).peer_id for n in range(K)]
        lie = [KadPeer(peer, (address_in(1 << 20),)) for peer in (*self._real, *invented)]
        closer = tuple(self.closer(key))
        answer = KadMessage(KadKind.GET_PROVIDERS, key, None, closer, tuple(lie[:K]))
        return [Answer(input.request_id, answer)]


KINDS: dict[str, Callable[[Node, Sequence[KadPeer]], AnyMachine]] = {
    "eclipsing": lambda node, gang: Liar(gang),
    "inventing": lambda node, gang: Inventor(gang, node.peer),
    "silent": lambda node, gang: Silent(gang),
    "forgetful": lambda node, gang: Forgetful(node.machine),
}


def lure(nodes: Iterable[Node], providers: Iterable[Node]) -> None:
    """Let villains that keep nothing tell of these providers, and of invented ones."""
    real = [node.peer for node in providers]
    for node in nodes:
        assert isinstance(node.machine, Liar)
        node.machine = Luring(node.machine.gang, real)


def corrupt(swarm: Swarm, share: float, kinds: Sequence[str]) -> list[Node]:
    """Turn a part of the nodes, which were honest until now, into villains of these kinds."""
    chosen = swarm.random.sample(swarm.living, round(share * len(swarm.living)))
    gang = [node.contact for node in chosen]
    for number, node in enumerate(chosen):
        node.machine = KINDS[kinds[number % len(kinds)]](node, gang)
    return chosen


def surround(swarm: Swarm, key: bytes, number: int, per_network: int = 1) -> list[Node]:
    """Make ids nearer to the key than anybody's, and connect them with everybody near it and many
    others; so many of them share a /24."""
    place = kad_id(key)
    near = sorted(swarm.living, key=lambda node: kad_id(node.peer) ^ place)
    gang: list[KadPeer] = []
    crowd: list[Node] = []
    first = (1 << 19) + len(swarm.nodes)
    for n in count():
        peer = DeviceId(sha256(key + b"%d" % n).digest()).peer_id
        if kad_id(peer) ^ place < kad_id(near[0].peer) ^ place:
            index = len(crowd)
            address = address_in(first + index // per_network, 1 + index % per_network)
            crowd.append(swarm.admit(peer, Liar(gang), address))
            gang.append(crowd[-1].contact)
        if len(crowd) == number:
            break
    far = near[40:]
    for node in crowd:
        for victim in near[:40] + swarm.random.sample(far, min(60, len(far))):
            swarm.connect(node, victim)
    swarm.sleep(2)
    return crowd
