"""What must hold in every simulated world, whatever befalls it: one invariant a file."""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.testing.checkers.access import Access
from p2pchat.testing.checkers.acknowledgement import Acknowledgement
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.checkers.convergence import Convergence
from p2pchat.testing.checkers.durability import Durability
from p2pchat.testing.checkers.expectation import Expectation
from p2pchat.testing.checkers.fellowship import Fellowship
from p2pchat.testing.checkers.forks import Forks
from p2pchat.testing.checkers.leftovers import Leftovers
from p2pchat.testing.checkers.limits import QueueLimits
from p2pchat.testing.checkers.perseverance import Perseverance
from p2pchat.testing.checkers.persistence import Persistence
from p2pchat.testing.checkers.prefixes import Prefixes
from p2pchat.testing.checkers.promises import Promises
from p2pchat.testing.checkers.secrecy import Secrecy
from p2pchat.testing.checkers.uniqueness import Uniqueness
from p2pchat.testing.ledger import Ledger

__all__ = ["EVERY", "Checker", "Complaints"]

EVERY: tuple[Callable[[Ledger], Checker], ...] = (
    Access,
    Acknowledgement,
    Convergence,
    Durability,
    Expectation,
    Fellowship,
    Forks,
    Leftovers,
    Perseverance,
    Persistence,
    Prefixes,
    Promises,
    QueueLimits,
    Secrecy,
    Uniqueness,
)
