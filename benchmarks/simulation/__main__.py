"""Runs every simulation and writes docs/simulation.md with its plots.

    python -m benchmarks.simulation [--size full|middle|small] [--jobs 2]

The figures depend on seeds alone: the same code gives the same page everywhere. `small` prints
a page of small networks and writes nothing; `middle` leaves out what takes long.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.simulation import dht, rooms
from benchmarks.simulation.svg import Line, Plot

DOCS = Path(__file__).parents[2] / "docs"
PLOTS = DOCS / "simulation"
SHARES = (0.1, 0.2, 0.3)
GONE = (0.0, 0.5, 0.9)
YOUNG = 100_000
"""Objects between two collections: the machines leave no cycles behind, only whole networks are."""
ROOMS = {
    "calm": rooms.heard,
    "2 % of the messages lost": partial(rooms.heard, loss=0.02),
    "10 % lost": partial(rooms.heard, loss=0.1),
    "20 % replaced meanwhile": partial(rooms.heard, churn=0.2),
    "30 % forward nothing": partial(rooms.heard, censors=0.3),
}


CROWD_MESSAGES = 10


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    name: str = "full"
    calm: tuple[int, ...] = (1_000, 10_000)
    liars: int = 1_000
    networks: int = 1
    """Networks that a figure about liars is the mean of."""
    surrounded: tuple[tuple[int, int], ...] = ((20, 20), (100, 20), (1_000, 5))
    """Honest nodes, and networks."""
    lasting: tuple[int, int] = (500, 120)
    """Nodes, and minutes."""
    room: int = 1_000
    crowd: int = 10_000
    """Members of the largest room, in which little is said."""


SIZES = {
    "full": Sizes(),
    "middle": Sizes("middle", (1_000,), 200, 1, ((20, 20), (100, 3)), (200, 60), 200, 1_000),
    "small": Sizes("small", (200,), 100, 1, ((20, 5),), (200, 40), 100, 200),
}


@dataclass(frozen=True)
class Figures:
    """What was begun; every result is waited for where it is written."""

    sizes: Sizes
    calm: list[Future[dht.Calm]]
    kinds: dict[tuple[str, float], Future[dht.Reads]]
    single: dict[float, Future[dht.Reads]]
    surrounded: dict[tuple[int, int, bool], Future[dht.Surrounded]]
    met: dict[str, Future[dht.Met]]
    lasting: Future[list[dht.Lasting]]
    back: list[Future[dht.Return]]
    rooms: dict[str, Future[rooms.Heard]]
    crowd: Future[rooms.Heard]


def begin(pool: ProcessPoolExecutor, sizes: Sizes) -> Figures:
    """Begin everything, the longest first."""
    calm = [pool.submit(dht.calm, size) for size in sorted(sizes.calm, reverse=True)]
    return Figures(
        sizes,
        list(reversed(calm)),
        lasting=pool.submit(dht.lasting, *sizes.lasting),
        crowd=pool.submit(rooms.heard, sizes.crowd, CROWD_MESSAGES),
        rooms={name: pool.submit(heard, sizes.room) for name, heard in ROOMS.items()},
        surrounded={
            (size, per, before): pool.submit(
                dht.surrounded, size, per, is_put_before=before, seeds=networks
            )
            for size, networks in reversed(sizes.surrounded)
            for per in (1, 10)
            for before in (True, False)
        },
        met={
            **{
                f"{sizes.liars:,} nodes, {share:.0%} lie": pool.submit(
                    dht.met_among_liars, sizes.liars, share
                )
                for share in SHARES
            },
            **{
                f"{size:,} honest, a hundred Sybils": pool.submit(dht.met_in_a_crowd, size)
                for size, _ in sizes.surrounded
            },
        },
        kinds={
            (kind, share): pool.submit(
                dht.corrupted, sizes.liars, share, kinds, None, sizes.networks
            )
            for kind, kinds in {**{k: (k,) for k in dht.MIX}, "all four": dht.MIX}.items()
            for share in SHARES
        },
        single={
            share: pool.submit(
                dht.corrupted, sizes.liars, share, dht.MIX, dht.SINGLE, sizes.networks
            )
            for share in SHARES
        },
        back=[pool.submit(dht.coming_back, gone) for gone in GONE],
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown, figures to the right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def page(figures: Figures) -> tuple[str, dict[str, Plot]]:
    """The document and its plots."""
    plots: dict[str, Plot] = {}
    lines = [
        "# Simulation",
        "",
        f"Written by `make simulation SIZE={figures.sizes.name}`. Never edited by hand; the same",
        "code gives the same figures on every machine. `SIZE=full` has networks of 10,000.",
        "",
        "The Kademlia machine and the gossip router run as they are in the product; an event",
        "queue carries what they say, 5 to 50 ms one way (gossip: 5 to 30). Times are virtual:",
        "of the network, not of a processor.",
        "",
        *_calm(figures),
        *_liars(figures, plots),
        *_surrounded(figures),
        *_met(figures),
        *_lasting(figures, plots),
        *_back(figures),
        *_rooms(figures),
    ]
    return "\n".join(lines), plots


def _calm(figures: Figures) -> list[str]:
    results = [future.result() for future in figures.calm]
    rows = [
        [
            f"{calm.size:,}",
            f"{calm.join_queries:.0f}",
            f"{calm.found_peers:.3f}",
            f"{calm.peer_hops:.1f}",
            f"{calm.peer_queries:.1f}",
            f"{calm.found_providers:.3f}",
            f"{calm.upkeep:.1f}",
        ]
        for calm in results
    ]
    head = [
        "nodes",
        "queries to join",
        "peers found",
        "hops",
        "queries",
        "providers found",
        "upkeep",
    ]
    reads = [
        [f"{calm.size:,}, {when}", *row.row]
        for calm in results
        for when, row in (("calm", calm.calm), ("churn", calm.churned))
    ]
    return [
        "## The DHT",
        "",
        "A network that grew node by node, each knowing one earlier node. Hops are peers",
        "asked one after the other until one told of it. Upkeep are the queries that a node",
        "makes in a minute for nobody, while a fifth of the network goes and comes in ten.",
        "",
        *table(head, rows),
        "Values: put by one random node, read by four others (quorum 3). Churn: in ten",
        "minutes a fifth of the nodes vanished without a word and as many new ones came, each",
        "knowing three; values are put and read right after that, while a fifth of what tables",
        "name is gone.",
        "",
        *table(["values", *dht.HEAD], reads),
    ]


def _liars(figures: Figures, plots: dict[str, Plot]) -> list[str]:
    rows = [
        [f"{share:.0%} {kind}", *future.result().row]
        for (kind, share), future in figures.kinds.items()
    ]
    rows += [
        [f"{share:.0%} all four, one path", *future.result().row]
        for share, future in figures.single.items()
    ]
    mixed = [(100 * share, figures.kinds["all four", share].result()) for share in SHARES]
    single = [(100 * share, future.result()) for share, future in figures.single.items()]
    plots["liars"] = Plot(
        "A put, while a part of the network means ill",
        "malicious %",
        "p50 s",
        [
            Line("four paths", [(share, row.put_p50_s) for share, row in mixed]),
            Line("one path", [(share, row.put_p50_s) for share, row in single]),
        ],
    )
    return [
        "## A part of the network means ill",
        "",
        f"{figures.sizes.liars:,} nodes of which a part turns bad at once, being in",
        "everybody's table: *eclipsing* ones tell of nobody but each other and keep nothing,",
        "*inventing* ones tell of peers nearer than anybody who do not exist, *silent* ones",
        "answer nothing, *forgetful* ones route as they should and keep nothing.",
        "",
        *table(["", *dht.HEAD], rows),
        "![time of a put by share of liars](simulation/liars.svg)",
        "",
    ]


def _surrounded(figures: Figures) -> list[str]:
    rows = [
        [
            f"{size:,} honest, {'a /24 each' if per == 1 else f'{per} in a /24'}",
            "before" if before else "during",
            f"{(result := future.result()).found:.3f}",
            f"{result.queries:.0f}",
            f"{result.get_p95_s * 1000:.0f}",
        ]
        for (size, per, before), future in sorted(figures.surrounded.items())
    ]
    return [
        "## A hundred Sybils round a key",
        "",
        "A hundred ids nearer to a key than any honest node, connected with the forty nodes",
        "nearest to it and sixty others. They keep nothing and tell of each other. The value",
        "is put before they come, or during the attack. Goal: found in 0.95 of the reads.",
        "",
        *table(["network", "put", "found", "queries a get", "get p95 ms"], rows),
    ]


def _met(figures: Figures) -> list[str]:
    rows = [[name, *future.result().row] for name, future in figures.met.items()]
    return [
        "## Providers among liars",
        "",
        "Three nodes announce a key, as members of a room do, and twenty others look for them",
        "at once. The liars take announcements and keep none; asked, they tell of each other, and",
        "of twenty providers: the real ones at false addresses, and invented ones. Found is who is",
        "told of at the true address.",
        "",
        *table(["", *dht.MET_HEAD], rows),
    ]


def _lasting(figures: Figures, plots: dict[str, Plot]) -> list[str]:
    rows = figures.lasting.result()
    size, minutes = figures.sizes.lasting
    alone = [(float(row.minutes), rows[0].holders * 0.8 ** (row.minutes / 10)) for row in rows]
    plots["lasting"] = Plot(
        f"Holders of a record, a fifth of {size} nodes replaced in ten minutes",
        "minutes",
        "holders",
        [
            Line("handed on", [(float(row.minutes), row.holders) for row in rows]),
            Line("by chance alone", alone),
        ],
    )
    cells = [
        [str(row.minutes), f"{row.found:.3f}", f"{row.holders:.1f}", str(row.fewest)]
        for row in rows
    ]
    return [
        "## Records outlive their holders",
        "",
        f"{size:,} nodes for {minutes} minutes, of which a fifth goes and comes in every ten,",
        "with as little warning. Nobody publishes again; holders hand on what they hold.",
        "",
        *table(["minutes", "found", "holders", "fewest"], cells),
        "![holders of a record over time](simulation/lasting.svg)",
        "",
    ]


def _back(figures: Figures) -> list[str]:
    rows = [
        [
            f"{(back := future.result()).gone:.0%} of 40",
            f"{back.seconds:.1f}",
            str(back.queries),
            f"{back.found:.3f}",
        ]
        for future in figures.back
    ]
    head = ["remembered peers that are gone", "seconds", "queries", "values found then"]
    return [
        "## Coming back",
        "",
        "A node of 500 begins with forty peers that it remembers, in the place of a saved",
        "table. Time until its table names 18 of the 20 nodes nearest to it.",
        "",
        *table(head, rows),
    ]


def _rooms(figures: Figures) -> list[str]:
    rows = [[name, *future.result().row] for name, future in figures.rooms.items()]
    rows.append([f"{figures.sizes.crowd:,} members, calm", *figures.crowd.result().row])
    return [
        "## A room on gossip",
        "",
        f"{figures.sizes.room:,} members with 12 connections each on average, ten messages of",
        "200 bytes a second. Copies are the times that a message came to a member; bytes are",
        "all that was sent for one delivery. Who came while others talked is not counted",
        "among those who should have heard. Nobody is punished for what the network does, and",
        "a router knows no addresses: peers behind one are judged one by one.",
        "",
        *table(["", *rooms.HEAD], rows),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.simulation", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="full", help="how large everything is")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(
        arguments.jobs, initializer=gc.set_threshold, initargs=(YOUNG,)
    ) as pool:
        text, plots = page(begin(pool, SIZES[arguments.size]))
    if arguments.size == "small":
        print(text)
        return
    (DOCS / "simulation.md").write_text(text)
    PLOTS.mkdir(exist_ok=True)
    for name, plot in plots.items():
        (PLOTS / f"{name}.svg").write_text(plot.svg())
    print(f"written to {DOCS / 'simulation.md'}")


if __name__ == "__main__":
    main()
