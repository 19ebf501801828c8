"""The Kademlia machine: routes inputs, keeps the timers, and holds the few rules between parts.

    table, suspects   whom we know              peers.py joins them with the connections
    lookup            one walk                  operations.py says what for, runner.py for whom
    records, server   what we hold and answer   published.py repeats what we gave others,
                                                handover.py hands on what others gave us

Everything is bounded by `KadConfig`. Source: libp2p/specs, kad-dht (r0, 2021-05-07).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from p2pchat.errors import LocalProtocolError, RemoteProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.lookup import Lookup, Plan
from p2pchat.kad.operations import (
    FindingPeer,
    FindingProviders,
    Getting,
    Operation,
    Question,
    Refreshing,
    Spreading,
)
from p2pchat.kad.peers import Peers, clean_addresses
from p2pchat.kad.published import Published
from p2pchat.kad.records import Namespaces, RecordStore, Validator
from p2pchat.kad.runner import Pending, Runner
from p2pchat.kad.server import Server
from p2pchat.kad.table import kad_id, key_in_bucket
from p2pchat.kad.vocabulary import (
    Answer,
    Answered,
    Asked,
    Blocked,
    Discovered,
    Failure,
    FindPeer,
    FindProviders,
    FoundPeer,
    GetValue,
    KadEffect,
    KadInput,
    PeerDown,
    PeerUp,
    Provide,
    PutValue,
    QueryFailed,
    Refresh,
    Refuse,
    Serve,
    SetAddresses,
    SetMode,
    Withdraw,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, Reply, SetTimer, TimerFired
from p2pchat.model.scope import scope_of_all
from p2pchat.wire.kad_codec import KEY_BYTES_MAX, KadKind, KadMessage, KadPeer, KadRecord

if TYPE_CHECKING:
    from random import Random

__all__ = ["KadMachine", "KadStatistics"]

_JOIN, _REFRESH, _RETRY = "join", "refresh", "retry"
_JITTER = 0.1
_GIFTS = (KadKind.PUT_VALUE, KadKind.ADD_PROVIDER)
"""What a peer may refuse in good faith: it may hold a better value, or have no room."""

_Command = FindPeer | GetValue | PutValue | Provide | FindProviders | Refresh


@dataclass(frozen=True, slots=True)
class KadStatistics:
    """Sizes and counts of one moment."""

    table: int
    suspects: int
    operations: int
    records: int
    records_bytes: int
    provider_keys: int
    refused: int
    """Requests refused since the start."""


class KadMachine:
    """One DHT node. A client until `SetMode` says otherwise."""

    def __init__(
        self,
        own: PeerId,
        config: KadConfig,
        random: Random,
        validators: Mapping[str, Validator],
        restored: Sequence[KadPeer] = (),
    ) -> None:
        self._own = own
        self._config = config
        self._random = random
        self._restored = [known for known in restored if known.peer != own][: config.restored_max]
        self._peers = Peers(own, config)
        self._namespaces = Namespaces(validators)
        self._server = Server(own, config, self._peers, RecordStore(own, config, self._namespaces))
        self._runner = Runner(config)
        self._published = Published(config)
        self._is_joining = False
        """The timer of that name runs."""

    def start(self, now: Now) -> list[KadEffect]:
        for known in self._restored:
            addresses = clean_addresses(known.addresses, known.peer, self._config.addresses_max)
            self._peers.suspects.restore(KadPeer(known.peer, addresses), now.monotonic_s)
        return [self._refresh_timer(), *self._probe(now)]

    def settle(self, now: Now) -> list[KadEffect]:
        return []

    def statistics(self) -> KadStatistics:
        server = self._server
        return KadStatistics(
            len(self._peers.table),
            len(self._peers.suspects),
            self._runner.running,
            len(server.records),
            server.records.size_bytes,
            len(server.providers),
            server.refused,
        )

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        match input:
            case Asked():
                return self._asked(input, now)
            case Answered(query_id, message):
                return self._answered(self._runner.take(query_id), message, now)
            case QueryFailed(query_id, reason):
                return self._failed(self._runner.take(query_id), reason, now)
            case PeerUp():
                return self._up(input, now)
            case PeerDown(peer):
                self._peers.down(peer)
                return []
            case SetMode(is_server):
                return self._set_mode(is_server)
            case SetAddresses(addresses):
                most = self._config.addresses_max
                self._server.addresses = clean_addresses(addresses, self._own, most)
                return []
            case Blocked(blocks):
                self._peers.block(blocks)
                return []
            case Withdraw(key):
                self._published.forget(key)
                return []
            case TimerFired(name):
                return self._timer_fired(name, now)
            case _:
                return self._command(input, now)

    # --- Others ---------------------------------------------------------------------------------

    def _asked(self, asked: Asked, now: Now) -> list[KadEffect]:
        try:
            answer = self._server.answer(asked.peer, asked.message, now)
        except RemoteProtocolError as error:
            self._server.refused += 1
            return [Refuse(asked.request_id, str(error))]
        return [Answer(asked.request_id, answer), *self._alive(asked.peer, now)]

    def _up(self, up: PeerUp, now: Now) -> list[KadEffect]:
        is_new_server = self._peers.up(up)
        effects = self._alive(up.peer, now)
        if is_new_server and not self._is_joining and self._is_news(up.peer):
            self._is_joining = True
            effects.append(SetTimer(_JOIN, self._config.join_delay_s))
        return effects + self._runner.connected(up.peer, now)

    def _is_news(self, server: PeerId) -> bool:
        """Whether a new server may know somebody that we want to know: in a large network others
        do as well, and one that a lookup has found is being asked already."""
        is_small = len(self._peers.table) <= self._config.k
        return is_small and not self._runner.is_asking(server)

    def _answered(self, pending: Pending, answer: KadMessage, now: Now) -> list[KadEffect]:
        question = pending.question
        if not _fits(question.message, answer):
            return self._failed(pending, Failure.MALFORMED, now)
        peer = question.contact.peer
        self._peers.serves(peer)
        effects = self._alive(peer, now)
        if self._peers.is_connected(peer):
            scope = self._peers.scope(peer)
        else:
            scope = scope_of_all(question.contact.addresses)
        told = self._peers.believed(answer.closer, scope)
        effects += [Discovered(new.peer, new.addresses) for new in self._peers.news(told)]
        believed = KadMessage(
            answer.kind,
            answer.key,
            answer.record,
            self._peers.reachable(told),
            self._peers.believed(answer.providers, scope),
        )
        effects += self._runner.answered(pending, believed, now)
        return effects if pending.is_awaited else effects + self._probe(now)

    def _failed(self, pending: Pending, reason: Failure, now: Now) -> list[KadEffect]:
        if reason is not Failure.REFUSED or pending.question.message.kind not in _GIFTS:
            self._peers.failed(pending.question.contact, now)
        return self._runner.failed(pending, now) + self._probe(now)

    def _alive(self, peer: PeerId, now: Now) -> list[KadEffect]:
        silent = self._peers.alive(peer, now)
        return [] if silent is None else [self._ask_whether_alive(silent)]

    def _probe(self, now: Now) -> list[KadEffect]:
        """Try the suspects whose time has come, and be woken for the next."""
        suspects = self._peers.suspects
        due = suspects.take_due(now.monotonic_s)
        effects = [self._ask_whether_alive(contact) for contact in due]
        due_s = suspects.next_due_s()
        if due_s is not None and due_s > now.monotonic_s:
            effects.append(SetTimer(_RETRY, due_s - now.monotonic_s))
        return effects

    def _ask_whether_alive(self, contact: KadPeer) -> KadEffect:
        """Ask for our neighbourhood: every implementation answers that, not all answer a ping."""
        question = Question(contact, KadMessage(KadKind.FIND_NODE, self._own))
        return self._runner.ask(deque((question,)))

    # --- Ourselves ------------------------------------------------------------------------------

    def _set_mode(self, is_server: bool) -> list[KadEffect]:
        if self._server.is_serving == is_server:
            return []
        self._server.is_serving = is_server
        return [Serve(is_server)]

    def _timer_fired(self, name: str, now: Now) -> list[KadEffect]:
        if name == _JOIN:
            self._is_joining = False
            return self._runner.begin(None, self._refreshing(now), now)
        if name == _RETRY:
            return self._probe(now)
        return self._refresh(now)

    def _refresh(self, now: Now) -> list[KadEffect]:
        self._server.sweep(now.wall_ms)
        self._peers.forget_news()
        effects = self._runner.begin(None, self._refreshing(now), now)
        for command in self._published.take_due(now.monotonic_s):
            effects += self._republish(command, now)
        return [*effects, *self._hand_over(now), self._refresh_timer()]

    def _hand_over(self, now: Now) -> list[KadEffect]:
        gifts: dict[PeerId, deque[Question]] = {}
        due = self._server.handover.take_due(now.wall_ms) if self._server.is_serving else ()
        for entry, record in due:
            message = KadMessage(KadKind.PUT_VALUE, record.key, record)
            question = Question(KadPeer(entry.peer, entry.addresses), message)
            gifts.setdefault(entry.peer, deque()).append(question)
        return [self._runner.ask(questions) for questions in gifts.values()]

    def _refresh_timer(self) -> SetTimer:
        jitter = self._random.uniform(1 - _JITTER, 1 + _JITTER)
        return SetTimer(_REFRESH, self._config.refresh_s * jitter)

    # --- Commands -------------------------------------------------------------------------------

    def _command(self, command: _Command, now: Now) -> list[KadEffect]:
        try:
            match command:
                case FindPeer():
                    return self._find_peer(command, now)
                case GetValue():
                    return self._get_value(command, now)
                case PutValue() | Provide():
                    self._require_key(command.key)
                    return self._publish(command, now)
                case FindProviders():
                    return self._find_providers(command, now)
                case Refresh():
                    return self._runner.begin(command.id, self._refreshing(now), now)
                case _:
                    assert_never(command)
        except LocalProtocolError as error:
            return [Reply(command.id, error=error)]

    def _find_peer(self, command: FindPeer, now: Now) -> list[KadEffect]:
        peer = command.peer
        if peer == self._own:
            return [Reply(command.id, FoundPeer(peer, self._server.addresses, True, 0, 0))]
        if self._peers.is_connected(peer):
            found = FoundPeer(peer, self._peers.addresses(peer), True, 0, 0)
            return [Reply(command.id, found)]
        return self._runner.begin(
            command.id, lambda: FindingPeer(self._lookup(peer, now), peer), now
        )

    def _get_value(self, command: GetValue, now: Now) -> list[KadEffect]:
        key = command.key
        self._require_key(key)
        try:
            self._namespaces.require(key)
        except RemoteProtocolError as error:
            raise LocalProtocolError(str(error)) from error

        def make() -> Operation:
            local = self._server.records.get(key, now.wall_ms)
            lookup = self._lookup(key, now)
            return Getting(lookup, key, command.quorum, self._namespaces, local)

        return self._runner.begin(command.id, make, now)

    def _find_providers(self, command: FindProviders, now: Now) -> list[KadEffect]:
        key = command.key
        self._require_key(key)

        def make() -> Operation:
            local = self._server.providers.get(key, now.wall_ms)
            return FindingProviders(self._lookup(key, now), key, self._config, local)

        return self._runner.begin(command.id, make, now)

    def _publish(self, command: PutValue | Provide, now: Now) -> list[KadEffect]:
        if isinstance(command, PutValue):
            self._keep_ourselves(command, now)
        if not self._published.remember(command, now.monotonic_s):
            raise LocalProtocolError("too much is published already; withdraw something first")
        return self._runner.begin(command.id, self._spreading(command, now), now)

    def _republish(self, command: PutValue | Provide, now: Now) -> list[KadEffect]:
        try:
            if isinstance(command, PutValue):
                self._keep_ourselves(command, now)
        except LocalProtocolError:
            self._published.forget(command.key)  # it expired, or the network has a better one
            return []
        return self._runner.begin(None, self._spreading(command, now), now)

    def _keep_ourselves(self, command: PutValue, now: Now) -> None:
        """Judge our own value as others will; a server may itself be among the closest."""
        key, value, now_ms = command.key, command.value, now.wall_ms
        try:
            self._namespaces.validate(key, value, now_ms)
            held = self._server.records.get(key, now_ms)
            if held is not None and self._namespaces.best(key, [held, value], now_ms) != value:
                raise LocalProtocolError("a better value is published under this key already")
        except RemoteProtocolError as error:
            raise LocalProtocolError(str(error)) from error
        if self._server.is_serving:
            self._server.keep(key, value, now_ms)

    def _spreading(self, command: PutValue | Provide, now: Now) -> Callable[[], Operation]:
        def report(taken: int, then: Now) -> None:
            if not taken:
                self._published.unheard(command, then.monotonic_s)

        return lambda: Spreading(self._lookup(command.key, now), self._gift(command), report)

    def _gift(self, command: PutValue | Provide) -> KadMessage:
        match command:
            case PutValue(_, key, value):
                return KadMessage(KadKind.PUT_VALUE, key, KadRecord(key, value))
            case Provide(_, key):
                ourselves = KadPeer(self._own, self._server.addresses)
                return KadMessage(KadKind.ADD_PROVIDER, key, providers=(ourselves,))
            case _:
                assert_never(command)

    def _refreshing(self, now: Now) -> Callable[[], Operation]:
        return lambda: Refreshing(self._refresh_lookups(now), self._peers.table.__len__)

    def _refresh_lookups(self, now: Now) -> Iterator[tuple[bytes, Lookup]]:
        """A lookup of ourselves, then of a random key of each bucket that is stale by then: a
        small one, since a few peers in its range are all that is wanted."""
        yield self._own, self._lookup(self._own, now)
        for bucket in self._peers.table.stale_buckets(now.monotonic_s):
            key = key_in_bucket(kad_id(self._own), bucket, self._random)
            yield key, self._begin_lookup(key, self._config.alpha, 1, now)

    def _lookup(self, key: bytes, now: Now) -> Lookup:
        return self._begin_lookup(key, self._config.k, self._config.paths, now)

    def _begin_lookup(self, key: bytes, width: int, paths: int, now: Now) -> Lookup:
        table = self._peers.table
        table.note_lookup(key, now.monotonic_s)
        plan = Plan(width, paths, table.radius(), self._peers.networks)
        lookup = Lookup(self._own, key, self._config, plan)
        lookup.seed(self._peers.reachable(self._peers.seeds(key)))
        return lookup

    def _require_key(self, key: bytes) -> None:
        if not 0 < len(key) <= KEY_BYTES_MAX:
            raise LocalProtocolError(f"a key has 1 to {KEY_BYTES_MAX} bytes")


def _fits(request: KadMessage, answer: KadMessage) -> bool:
    """Whether an answer is one to that request; `ADD_PROVIDER` has none."""
    return request.kind in (answer.kind, KadKind.ADD_PROVIDER)
