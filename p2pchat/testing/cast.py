"""Who takes part in a scenario: drawn from its seed before anything happens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from p2pchat.config import ClientConfig
from p2pchat.config.limits import Limits
from p2pchat.testing.faults import Nat
from p2pchat.testing.lives import CONFIG, PeerOptions

__all__ = ["CLUB", "LOBBY", "RELAYS", "Role", "draw_cast", "draw_skew_ms"]

LOBBY = "Lobby"
"""The open room of everybody."""
CLUB = "Chess club"
"""The open room of some, a few of whom leave it, for good or for a while."""

RELAYS = ("relay0", "relay1")
"""Known to everybody; two peers that cannot be dialled meet there."""

HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS

TIGHT = Limits(pending_ops_max=24, unacknowledged_ops_max=12)
"""Bounds that are reached within a minute."""
MESH_MIN = 5
"""Connections that a peer of a sparse network seeks; more it makes when it has something to say."""


@dataclass(frozen=True, slots=True)
class Role:
    """What one peer is and means to do."""

    name: str
    options: PeerOptions
    arrives_s: float
    friends: tuple[str, ...]
    """Whom it asks to be a contact; all came earlier."""
    rooms: tuple[str, ...]
    leaves_s: float | None
    """When it leaves the club."""
    returns_s: float | None
    """When it joins the club again."""
    skew_ms: int


def draw_cast(rng: Random, count: int) -> list[Role]:
    """`count` peers: most can be dialled, most are there from the start, few have a true clock."""
    is_sparse = rng.random() < 0.3
    roles: list[Role] = []
    for number in range(count):
        limits = TIGHT if rng.random() < 0.5 else Limits()
        if is_sparse:
            limits = replace(limits, mesh_peers_max=MESH_MIN)
        config = replace(CONFIG, limits=limits)
        roles.append(_draw(rng, f"p{number:02}", config, roles))
    return roles


def _draw(rng: Random, name: str, config: ClientConfig, earlier: list[Role]) -> Role:
    reachable = [role.name for role in earlier if _is_reachable(role.options)]
    first_ones = len(earlier) < 2
    is_shy = not first_ones and rng.random() < 0.3
    nat = rng.choice((Nat.OPEN, Nat.CONE, Nat.CONE, Nat.CLOSED)) if is_shy else Nat.OPEN
    in_club = rng.random() < 0.4
    leaves_s = rng.uniform(10, 30) if in_club and rng.random() < 0.3 else None
    comes_back = leaves_s is not None and rng.random() < 0.6
    return Role(
        name=name,
        options=PeerOptions(
            knows=(*rng.sample(reachable, min(2, len(reachable))), *RELAYS),
            listening=not is_shy or nat is Nat.CONE or rng.random() < 0.5,
            nat=nat,
            config=config,
        ),
        arrives_s=rng.uniform(0.0, 2.0) if first_ones or rng.random() < 0.7 else rng.uniform(3, 25),
        friends=tuple(rng.sample([role.name for role in earlier], min(2, len(earlier)))),
        rooms=(LOBBY, CLUB) if in_club else (LOBBY,),
        leaves_s=leaves_s,
        returns_s=rng.uniform(leaves_s, 35) if leaves_s is not None and comes_back else None,
        skew_ms=draw_skew_ms(rng),
    )


def _is_reachable(options: PeerOptions) -> bool:
    return options.listening and options.nat is Nat.OPEN


def draw_skew_ms(rng: Random) -> int:
    """How far a clock is off: most are right within seconds, some not within years."""
    match rng.randrange(10):
        case 0:
            return 10 * YEAR_MS
        case 1:
            return -YEAR_MS
        case 2 | 3:
            return rng.randrange(-5 * HOUR_MS, 5 * HOUR_MS)
        case _:
            return rng.randrange(-2_000, 2_000)
