"""What all tests share: one repeatable Hypothesis, a time budget, and a plain list of what was
skipped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import HealthCheck, settings

FIGURE = "figure"

# No deadline: a slow machine is not a failure. Derandomised: `make test` finds the same today and
# tomorrow; `make test-all` looks further.
settings.register_profile(
    "fast", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("fast"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


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
