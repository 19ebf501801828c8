"""`python -m p2pchat.testing --seed 8821 --peers 50 --until 41.3`: play one scenario again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from p2pchat.testing.crew import CrewPlan, play_crew
from p2pchat.testing.scenario import Plan, play
from p2pchat.testing.world import InvariantBroken


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a scenario; 0 when every invariant held, 1 when one was broken."""
    parser = argparse.ArgumentParser(prog="python -m p2pchat.testing", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--peers", type=int, default=20)
    parser.add_argument("--until", type=float, help="virtual seconds after which to stop")
    parser.add_argument("--mail", action="store_true", help="relays keep mail for who is away")
    parser.add_argument("--history", default="all", help="what newcomers to that room may have")
    parser.add_argument("--crew", action="store_true", help="a room by invitation that falls apart")
    given = parser.parse_args(arguments)
    try:
        if given.crew:
            report = play_crew(CrewPlan(given.seed, given.until, given.history))
        else:
            report = play(Plan(given.seed, given.peers, given.until, given.mail))
    except InvariantBroken as broken:
        notes = broken.__notes__ or []
        sys.stdout.write("\n".join([*notes, str(broken)]) + "\n")
        return 1
    sys.stdout.write(f"{report}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
