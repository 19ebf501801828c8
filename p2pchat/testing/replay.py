"""How whoever sees a world fail sees it again: the line that plays it, up to the complaint."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from p2pchat.testing.world import InvariantBroken

if TYPE_CHECKING:
    from p2pchat.testing.crew import CrewPlan
    from p2pchat.testing.scenario import Plan

__all__ = ["replayable"]


@contextmanager
def replayable(plan: Plan | CrewPlan) -> Generator[None]:
    """Give a note to what the world of a plan raises: the newest lines of its trace, and how to
    see it again."""
    try:
        yield
    except InvariantBroken as broken:
        at_s = max(complaint.at_s for complaint in broken.complaints)
        again = replace(plan, until_s=math.ceil(at_s * 10 + 1) / 10)
        broken.add_note(f"{broken.trace.tail()}\nsee it again: {again}")
        raise
    except BaseException as error:
        error.add_note(f"see it again: {plan}")
        raise
