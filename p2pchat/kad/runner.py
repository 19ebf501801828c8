"""Operations under way and the queries they wait for: who asked what on whose behalf.

A bounded number of operations run at once and the others wait in line, so that the queries in
flight are bounded as well: each operation has at most `alpha_max` of them while it looks and
`lookup_queries_max` while it gives (k, unless a crowd surrounds the key). What is given to a peer
on nobody's behalf goes one by one, so that a peer that never answers holds up nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from p2pchat.errors import LocalProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.operations import Operation, Question
from p2pchat.kad.vocabulary import KadEffect, Query
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, Reply
from p2pchat.wire.kad_codec import KadMessage

__all__ = ["Pending", "Runner"]

_NOTHING = deque[Question](maxlen=0)


@dataclass(slots=True)
class _Running:
    command_id: int | None
    operation: Operation
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A query in flight; `running` is None for one that nobody waits for."""

    question: Question
    running: _Running | None
    rest: deque[Question]
    """What else its peer is asked when it has answered this."""

    @property
    def is_awaited(self) -> bool:
        return self.running is not None


class Runner:
    """Turns operations into queries and replies."""

    def __init__(self, config: KadConfig) -> None:
        self._config = config
        self._queries = 0
        self._pending: dict[int, Pending] = {}
        self._running: list[_Running] = []
        self._waiting: deque[tuple[int | None, Callable[[], Operation]]] = deque()

    @property
    def running(self) -> int:
        """Operations under way."""
        return len(self._running)

    def is_asking(self, peer: PeerId) -> bool:
        """Whether an operation waits for an answer of a peer."""
        return any(p.is_awaited and p.question.contact.peer == peer for p in self._pending.values())

    def begin(
        self, command_id: int | None, make: Callable[[], Operation], now: Now
    ) -> list[KadEffect]:
        """Start an operation now or when its turn comes; `make` is called then.

        With a `command_id` there will be a reply; without, a full line drops it silently.
        """
        if len(self._waiting) < self._config.operations_waiting_max:
            self._waiting.append((command_id, make))
            return self._start_waiting(now)
        if command_id is None:
            return []
        error = LocalProtocolError("too many DHT operations wait already; ask again later")
        return [Reply(command_id, error=error)]

    def ask(self, questions: deque[Question]) -> Query:
        """Queries to one peer that nobody waits for: each when the one before was answered, none
        after a failure."""
        return self._query(questions.popleft(), None, questions)

    def take(self, query_id: int) -> Pending:
        """The query that has an outcome now."""
        return self._pending.pop(query_id)

    def answered(self, pending: Pending, answer: KadMessage, now: Now) -> list[KadEffect]:
        running = pending.running
        if running is None and pending.rest:
            return [self.ask(pending.rest)]
        if running is None or running.is_over:
            return []
        running.operation.answered(pending.question, answer, now)
        return self._advance(running, now)

    def failed(self, pending: Pending, now: Now) -> list[KadEffect]:
        running = pending.running
        if running is None or running.is_over:
            return []
        running.operation.failed(pending.question)
        return self._advance(running, now)

    def connected(self, peer: PeerId, now: Now) -> list[KadEffect]:
        """Somebody came up, which may be all that an operation wanted."""
        concerned = [running for running in self._running if running.operation.connected(peer)]
        return [effect for running in concerned for effect in self._advance(running, now)]

    def _start_waiting(self, now: Now) -> list[KadEffect]:
        effects: list[KadEffect] = []
        while self._waiting and len(self._running) < self._config.operations_max:
            command_id, make = self._waiting.popleft()
            running = _Running(command_id, make())
            self._running.append(running)
            effects += self._advance(running, now)
        return effects

    def _advance(self, running: _Running, now: Now) -> list[KadEffect]:
        operation = running.operation
        effects: list[KadEffect] = [self._query(q, running) for q in operation.questions()]
        value = operation.result(now)
        if value is None:
            return effects
        running.is_over = True
        self._running.remove(running)
        effects += [self.ask(deque((question,))) for question in operation.aftermath()]
        if running.command_id is not None:
            effects.append(Reply(running.command_id, value))
        return effects + self._start_waiting(now)

    def _query(
        self, question: Question, running: _Running | None, rest: deque[Question] = _NOTHING
    ) -> Query:
        self._queries += 1
        self._pending[self._queries] = Pending(question, running, rest)
        contact = question.contact
        return Query(
            self._queries,
            contact.peer,
            contact.addresses,
            question.message,
            self._config.query_timeout_s,
        )
