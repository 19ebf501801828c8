"""What all tests share: one repeatable Hypothesis, a time budget, and a plain list of what was
skipped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

FIGURE = "figure"
TOGETHER = frozenset({"tests/sim/test_kad_scale.py", "tests/sim/test_simulation_page.py"})
"""Modules whose tests run in their order and in one process: what they share is costly to make."""

# No deadline: a slow machine is not a failure. Derandomised: `make test` finds the same today and
# tomorrow; `make test-all` looks further.
settings.register_profile(
    "fast", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


class Together(LoadScopeScheduling):
    """Gives a test to whichever process is free, and the tests of `TOGETHER` to one.

    `xdist_group` says the same with a mark, but it works by renaming tests, which pytest 9.2
    ignores.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    return Together(config, log)


@pytest.fixture(scope="session")
def minutes() -> float:
    """How long the open-ended tests (soak, fresh seeds) may run together."""
    return float(os.environ.get("P2PCHAT_TEST_MINUTES", "1"))


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tells what was measured; it is said at the end, and no test fails for it."""
    return partial(record_property, FIGURE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was measured, and how many tests were skipped and why, also when none was."""
    for report in terminalreporter.stats.get("passed", []):
        for kind, value in report.user_properties:
            if kind == FIGURE:
                terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {value}")
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        _, _, reason = report.longrepr
        reasons[reason.removeprefix("Skipped: ")] += 1
    terminalreporter.write_line(f"skipped tests: {reasons.total()}")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"  {count} × {reason}")
