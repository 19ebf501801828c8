"""What is measured of gossip in one large room."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

from benchmarks.simulation.crowd import Crowd, settled
from benchmarks.simulation.dht import middle

DEGREE = 12
"""Connections of a node, on average."""
SETTLE_S = 10.0
"""Time to advertise and ask for what did not come."""


@dataclass(frozen=True)
class Heard:
    """How a room was served."""

    delivery: float
    copies: float
    """Times a message came to a member, its author aside."""
    hops: float
    hops_max: int
    p50_s: float
    p99_s: float
    bytes_each: float
    """Sent for one delivery, all RPCs included; a message has about 220."""
    punished: int

    @property
    def row(self) -> list[str]:
        return [
            f"{self.delivery:.4f}",
            f"{self.copies:.2f}",
            f"{self.hops:.1f}",
            str(self.hops_max),
            f"{self.p50_s * 1000:.0f}",
            f"{self.p99_s * 1000:.0f}",
            f"{self.bytes_each:.0f}",
            str(self.punished),
        ]


HEAD = ["delivery", "copies", "hops", "most hops", "p50 ms", "p99 ms", "bytes", "punished"]


def heard(
    size: int, messages: int = 60, *, loss: float = 0.0, censors: float = 0.0, churn: float = 0.0
) -> Heard:
    """Messages of random members, one each 100 ms, after the meshes have come to rest and the first
    third was said; a share `churn` of the members is replaced while they talk."""
    crowd = settled(size, DEGREE, loss=loss)
    for id in crowd.random.sample(list(crowd.nodes), round(censors * size)):
        crowd.nodes[id].is_censor = True
    _talk(crowd, messages // 2, 0)
    before = crowd.sent_bytes, sum(node.received for node in crowd.nodes.values())
    crowd.latencies_s.clear()
    data = _talk(crowd, messages, round(churn * size))
    crowd.run(SETTLE_S)
    honest = [node for node in crowd.nodes.values() if not node.is_censor and not node.is_late]
    got = [node.hops[item] for node in honest for item in data if node.hops.get(item, 0) > 0]
    wanted = sum(item in node.heard for node in honest for item in data)
    received = sum(node.received for node in crowd.nodes.values()) - before[1]
    return Heard(
        wanted / (len(honest) * len(data)),
        received / (len(crowd.nodes) * len(data)),
        mean(got),
        max(got),
        middle(crowd.latencies_s),
        middle(crowd.latencies_s, 0.99),
        (crowd.sent_bytes - before[0]) / (len(crowd.nodes) * len(data)),
        len(crowd.punished),
    )


def _talk(crowd: Crowd, messages: int, replaced: int) -> list[bytes]:
    data: list[bytes] = []
    gone = 0
    for number in range(messages):
        while gone < replaced * (number + 1) / messages:
            gone += 1
            crowd.vanish(crowd.random.choice(list(crowd.nodes)))
            crowd.nodes[crowd.add(1_000_000 + gone, DEGREE // 2)].is_late = True
        honest = [id for id, node in crowd.nodes.items() if not node.is_censor]
        author = crowd.random.choice(honest)
        data.append(crowd.publish(author, f"message {len(crowd.published)}"))
        crowd.run(0.1)
    return data
