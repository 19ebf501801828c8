"""What is measured of the DHT: each experiment is a function of a seed, and answers rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean

from benchmarks.simulation.swarm import Node, Outcome, Swarm, churn, grown
from benchmarks.simulation.villains import corrupt, lure, surround
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    FindPeer,
    FindProviders,
    FoundProviders,
    GetValue,
    Provide,
    PutValue,
)
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadPeer

QUORUM = 3
"""As the node reads records."""
READERS = 4
GROWN_WITHIN_S = 600.0
"""A large network grows faster, not longer: else most of the work would be the refreshes, every ten
minutes, of those that wait for the others, and grow with the square of its size."""
SINGLE = KadConfig(paths=1)
MIX = ("eclipsing", "inventing", "silent", "forgetful")


def middle(values: Sequence[float], share: float = 0.5) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Reads:
    """Puts, and reads of what was put."""

    found: float
    """Share of reads that gave what was put."""
    hops: float
    """Until a peer had it, on average."""
    get_queries: float
    get_p50_s: float
    get_p95_s: float
    put_queries: float
    put_p50_s: float
    put_p95_s: float

    @property
    def row(self) -> list[str]:
        return [
            f"{self.found:.3f}",
            f"{self.hops:.1f}",
            f"{self.get_queries:.1f}",
            f"{self.get_p50_s * 1000:.0f}",
            f"{self.get_p95_s * 1000:.0f}",
            f"{self.put_queries:.0f}",
            f"{self.put_p50_s * 1000:.0f}",
            f"{self.put_p95_s * 1000:.0f}",
        ]


HEAD = [
    "found",
    "hops",
    "queries a get",
    "get p50 ms",
    "get p95 ms",
    "queries a put",
    "put p50 ms",
    "put p95 ms",
]


def put(swarm: Swarm, writer: Node, key: bytes, value: bytes) -> Outcome:
    return swarm.call(writer, lambda id: PutValue(id, key, value))


def get(swarm: Swarm, readers: Sequence[Node], key: bytes) -> list[Outcome]:
    """Several read at once."""
    return swarm.call_all([(reader, lambda id: GetValue(id, key, QUORUM)) for reader in readers])


def reads(swarm: Swarm, keys: int) -> Reads:
    """Random nodes put values, random others read each."""
    puts: list[Outcome] = []
    gets: list[Outcome] = []
    right = 0
    for number in range(keys):
        key, value = f"/test/{swarm.now_s}/{number}".encode(), b"value %d" % number
        writer, *readers = swarm.random.sample(swarm.living, 1 + READERS)
        puts.append(put(swarm, writer, key, value))
        outcomes = get(swarm, readers, key)
        right += sum(outcome.value.value == value for outcome in outcomes)
        gets += outcomes
    return summary(right / len(gets), gets, puts)


def summary(found: float, gets: Sequence[Outcome], puts: Sequence[Outcome]) -> Reads:
    return Reads(
        found,
        mean(outcome.value.hops for outcome in gets),
        mean(outcome.queries for outcome in gets),
        middle([outcome.seconds for outcome in gets]),
        middle([outcome.seconds for outcome in gets], 0.95),
        mean(outcome.queries for outcome in puts),
        middle([outcome.seconds for outcome in puts]),
        middle([outcome.seconds for outcome in puts], 0.95),
    )


@dataclass(frozen=True)
class Calm:
    """A network that grew, calm and then with nodes that come and go."""

    size: int
    join_queries: float
    found_peers: float
    peer_hops: float
    peer_queries: float
    found_providers: float
    calm: Reads
    upkeep: float
    """Queries that a node makes in a minute of churn on nobody's behalf."""
    churned: Reads


def calm(size: int, churned_s: float = 600, keys: int = 40) -> Calm:
    """Look-ups of peers, providers and values, before and after a time of churn."""
    swarm = grown(1, size, interval_s=min(0.2, GROWN_WITHIN_S / size))
    join_queries = swarm.queries / size
    found: list[Outcome] = []
    for _ in range(3 * keys):
        seeker, target = swarm.random.sample(swarm.living, 2)
        swarm.disconnect(seeker, target)
        found.append(swarm.call(seeker, partial(_find_peer, target)))
    providers = swarm.random.sample(swarm.living, 3)
    for provider in providers:
        swarm.call(provider, lambda id: Provide(id, b"room"))
    seekers = swarm.random.sample([n for n in swarm.living if n not in providers], keys)
    seen = swarm.call_all([(seeker, lambda id: FindProviders(id, b"room")) for seeker in seekers])
    before = reads(swarm, keys)
    upkeep = churn(swarm, 0.2, churned_s) / size / (churned_s / 60)
    return Calm(
        size,
        join_queries,
        mean(outcome.value.is_connected for outcome in found),
        mean(outcome.value.hops for outcome in found),
        mean(outcome.queries for outcome in found),
        mean(len(outcome.value.providers) == 3 for outcome in seen),
        before,
        upkeep,
        reads(swarm, keys),
    )


def _find_peer(target: Node, id: int) -> FindPeer:
    return FindPeer(id, target.peer)


def corrupted(
    size: int, share: float, kinds: Sequence[str], config: KadConfig | None = None, seeds: int = 3
) -> Reads:
    """A part of the network turns bad before anything is put; over several networks."""
    rows: list[Reads] = []
    for seed in range(seeds):
        swarm = grown(seed, size, config)
        corrupt(swarm, share, kinds)
        rows.append(reads(swarm, 40))
    return Reads(*(mean(values) for values in zip(*map(_fields, rows), strict=True)))


def _fields(row: Reads) -> tuple[float, ...]:
    return (
        row.found,
        row.hops,
        row.get_queries,
        row.get_p50_s,
        row.get_p95_s,
        row.put_queries,
        row.put_p50_s,
        row.put_p95_s,
    )


@dataclass(frozen=True)
class Surrounded:
    """Ids made to surround a key."""

    found: float
    queries: float
    get_p95_s: float


def surrounded(size: int, per_network: int, *, is_put_before: bool, seeds: int = 20) -> Surrounded:
    """A hundred Sybils round a key that was put before they came, or is put among them; a new
    network for each key."""
    gets: list[Outcome] = []
    right = 0
    for seed in range(seeds):
        swarm = grown(seed, size)
        key = b"/test/%d" % seed
        writer, *readers = swarm.random.sample(swarm.living, 6)
        if is_put_before:
            put(swarm, writer, key, b"1")
        surround(swarm, key, 100, per_network)
        if not is_put_before:
            put(swarm, writer, key, b"1")
        outcomes = get(swarm, readers, key)
        right += sum(outcome.value.value == b"1" for outcome in outcomes)
        gets += outcomes
    return Surrounded(
        right / len(gets),
        mean(outcome.queries for outcome in gets),
        middle([outcome.seconds for outcome in gets], 0.95),
    )


@dataclass(frozen=True)
class Met:
    """Providers of a key among liars."""

    found: float
    """Share of providers that a look-up told of, at their true address."""
    none: float
    """Share of look-ups that told of no provider that is there."""
    queries: float
    p50_s: float
    p95_s: float

    @property
    def row(self) -> list[str]:
        return [
            f"{self.found:.3f}",
            f"{self.none:.3f}",
            f"{self.queries:.1f}",
            f"{self.p50_s * 1000:.0f}",
            f"{self.p95_s * 1000:.0f}",
        ]


MET_HEAD = ["found", "found nobody", "queries", "p50 ms", "p95 ms"]
PROVIDERS = 3
SEEKERS = 20


def met_among_liars(size: int, share: float) -> Met:
    """A part of the network turns bad before anybody announces a key."""
    swarm = grown(1, size)
    villains = corrupt(swarm, share, ["eclipsing"])
    return _met(swarm, b"room", villains)


def met_in_a_crowd(size: int, per_network: int = 1) -> Met:
    """A hundred Sybils round the key, before anybody announces it."""
    swarm = grown(1, size)
    return _met(swarm, b"room", surround(swarm, b"room", 100, per_network))


def _met(swarm: Swarm, key: bytes, villains: Sequence[Node]) -> Met:
    nodes = swarm.random.sample(swarm.living, min(PROVIDERS + SEEKERS, len(swarm.living)))
    providers, seekers = nodes[:PROVIDERS], nodes[PROVIDERS:]
    for provider in providers:
        swarm.call(provider, lambda id: Provide(id, key))
    lure(villains, providers)
    gets = swarm.call_all([(seeker, lambda id: FindProviders(id, key)) for seeker in seekers])
    hits = [sum(_is_told(provider, one) for provider in providers) for one in gets]
    return Met(
        mean(hits) / len(providers),
        mean(not hit for hit in hits),
        mean(outcome.queries for outcome in gets),
        middle([outcome.seconds for outcome in gets]),
        middle([outcome.seconds for outcome in gets], 0.95),
    )


def _is_told(provider: Node, outcome: Outcome) -> bool:
    told: FoundProviders = outcome.value
    return any(p.peer == provider.peer and provider.address in p.addresses for p in told.providers)


@dataclass(frozen=True)
class Lasting:
    """Records that nobody publishes again, at one time."""

    minutes: int
    found: float
    holders: float
    fewest: int


def lasting(size: int, minutes: int, every: int = 20, keys: int = 30) -> list[Lasting]:
    """How long records last in a network where a fifth goes and comes in ten minutes."""
    swarm = grown(5, size)
    churn(swarm, 0.2, 600)
    names = [b"/test/%d" % number for number in range(keys)]
    for name in names:
        put(swarm, swarm.random.choice(swarm.living), name, b"1")
    rows = [_lasting(swarm, 0, names)]
    for minute in range(every, minutes + 1, every):
        churn(swarm, 0.2, 60 * every)
        rows.append(_lasting(swarm, minute, names))
    return rows


def _lasting(swarm: Swarm, minute: int, names: Sequence[bytes]) -> Lasting:
    gets = [
        outcome
        for name in names
        for outcome in get(swarm, swarm.random.sample(swarm.living, 2), name)
    ]
    holders = [
        sum(_holds(node, name, swarm.now.wall_ms) for node in swarm.living) for name in names
    ]
    found = mean(outcome.value.value == b"1" for outcome in gets)
    return Lasting(minute, found, mean(holders), min(holders))


def _holds(node: Node, key: bytes, now_ms: int) -> bool:
    machine = node.machine
    assert isinstance(machine, KadMachine)
    records = machine._server.records  # pyright: ignore[reportPrivateUsage] -- seen from above
    return records.get(key, now_ms) is not None


@dataclass(frozen=True)
class Return:
    """A node that comes back with the peers it remembers, so many of which are gone."""

    gone: float
    seconds: float
    """Until its table names 18 of the 20 that are nearest to it."""
    queries: int
    found: float
    """Share of reads that succeed then."""


def coming_back(gone: float, size: int = 500) -> Return:
    """Forty remembered peers stand in for a saved table."""
    swarm = grown(7, size)
    remembered = swarm.random.sample(swarm.living, 40)
    for node in remembered[: round(gone * 40)]:
        swarm.vanish(node)
    names = [b"/test/%d" % number for number in range(20)]
    for name in names:
        put(swarm, swarm.random.choice(swarm.living), name, b"1")
    node = swarm.add([KadPeer(other.peer, (other.address,)) for other in remembered])
    place = kad_id(node.peer)
    others = sorted(
        (n.peer for n in swarm.living if n is not node), key=lambda p: kad_id(p) ^ place
    )
    began_s = swarm.now_s
    while swarm.now_s < began_s + 60 and _known(node, others[:20]) < 18:
        swarm.sleep(0.05)
    seconds, queries = swarm.now_s - began_s, node.queries
    gets = [outcome for name in names for outcome in get(swarm, [node], name)]
    return Return(gone, seconds, queries, mean(o.value.value == b"1" for o in gets))


def _known(node: Node, peers: Sequence[PeerId]) -> int:
    machine = node.machine
    assert isinstance(machine, KadMachine)
    table = machine._peers.table  # pyright: ignore[reportPrivateUsage] -- seen from above
    return sum(peer in table for peer in peers)
