"""Who keeps our mail: those that the user names, else two relays that we chose to call.

Whoever keeps it sees who writes to us when, and can lose it all; so a stranger must not get there
by calling us first. Relays of the bootstrap list come before others that we have dialled, nobody
who has dialled us comes at all, and the two are not of one network, which often means of one owner.
Others are told of addresses that reach as far as anybody we know is away, which is public ones,
except where the user has named the relay or is on a LAN of their own.

Letters may wait where they were left, so the choice is remembered, and a relay that is silent is
kept for three days before another takes its place; it is visited for a month more. Who refuses us
is not asked again in this life; if it kept mail of ours it is visited for that month, too.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from p2pchat.model.change import Change, PutSetting
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.model.scope import Scope, is_circuit, region_of, scope_of, scope_of_all
from p2pchat.net.port import HOP_PROTOCOL, Connectedness, Host
from p2pchat.node.reach import announced
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL

__all__ = ["SETTING", "MailRelays", "RelayParts"]

SETTING = "mail relays"
RELAYS_USED_MAX = 2
RELAY_ADDRESSES_MAX = 4
LEFT_MAX = 4
"""Relays that kept our mail before, and may still hold some."""
DAY_MS = 24 * 3600 * 1000
SILENCE_MS = 3 * DAY_MS
LEFT_MS = 30 * DAY_MS
"""How long a relay is visited after another took its place: as long as it keeps a blob."""
STRANGERS_AFTER_S = 60.0
"""Relays of bootstrap lists have so long to be read of and reached before others are chosen."""


@dataclass(frozen=True, slots=True)
class RelayParts:
    """What the choice is made of."""

    configured: Sequence[MailboxRelay]
    remembered: bytes
    listed: Callable[[], frozenset[PeerId]]
    """Peers of the configuration and of bootstrap lists."""
    is_lan: bool
    """The user is on a LAN of their own, and lets the peers there be found."""
    now: Callable[[], Now]
    commit: Callable[[Sequence[Change]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Choice:
    """A relay, and how it went with it."""

    relay: MailboxRelay
    regions: frozenset[str]
    """Networks of its public addresses as they were when it was chosen."""
    is_listed: bool
    silent_ms: int = 0
    """Since when it did not answer; 0 when it did last."""
    left_ms: int = 0
    """When another took its place; 0 for who keeps our mail."""


class MailRelays:
    """The choice, on disk from when it is made."""

    def __init__(self, host: Host, parts: RelayParts) -> None:
        self._host = host
        self._parts = parts
        self._choices = () if parts.configured else _read(parts.remembered)
        self._written = self._choices
        self._refused: set[PeerId] = set()
        self._lost: set[PeerId] = set()
        self._began_s = parts.now().monotonic_s

    def refused(self, relay: PeerId) -> None:
        """It takes nothing for us any more, and may still hold some."""
        self._refused.add(relay)
        now_ms = self._parts.now().wall_ms
        self._choices = tuple(
            replace(one, left_ms=now_ms) if one.relay.peer == relay else one
            for one in self._choices
        )

    def keeps_nothing(self, relay: PeerId) -> None:
        """There is nothing to visit it for."""
        self._choices = tuple(one for one in self._choices if one.relay.peer != relay)

    def answered(self, relay: PeerId) -> None:
        """It is there."""
        self._lost.discard(relay)
        self._note(relay, 0)

    def silent(self, relay: PeerId) -> None:
        """It did not answer, which says something as long as others do."""
        if not any(state.peer != relay and not state.inbound for state in self._host.peers):
            return
        now_ms = self._parts.now().wall_ms
        since_ms = next((c.silent_ms for c in self._choices if c.relay.peer == relay), 0)
        if not 0 < since_ms <= now_ms:
            self._note(relay, now_ms)
        elif now_ms - since_ms >= SILENCE_MS:
            self._lost.add(relay)

    @property
    def before(self) -> tuple[MailboxRelay, ...]:
        """Who kept our mail when the last life ended, as far as is known: those that the user names
        have to."""
        there = [one.relay for one in self._choices if not one.left_ms and not one.silent_ms]
        return (*self._parts.configured, *there)

    @property
    def left(self) -> tuple[MailboxRelay, ...]:
        """Who kept our mail before, and may still hold some."""
        return tuple(choice.relay for choice in self._choices if choice.left_ms)

    async def choose(self) -> tuple[MailboxRelay, ...]:
        """Who keeps our mail from now on."""
        if self._parts.configured:
            return tuple(self._parts.configured)
        listed = self._parts.listed()
        current = [
            replace(one, is_listed=one.is_listed or one.relay.peer in listed)
            for one in self._choices
            if not one.left_ms
        ]
        replaced: list[_Choice] = []
        for offer in self._offers():
            rest, gone = self._with_room(current, offer)
            if len(rest) < RELAYS_USED_MAX and not _is_alike(offer, rest):
                current = [*rest, offer]
                replaced += gone
        self._set(current, replaced)
        if self._choices != self._written:
            self._written = self._choices
            await self._parts.commit([PutSetting(SETTING, _written(self._choices))])
        return tuple(choice.relay for choice in current)

    def _with_room(
        self, current: list[_Choice], offer: _Choice
    ) -> tuple[list[_Choice], list[_Choice]]:
        """Who stays beside this one, and who makes room for it: who was silent for too long, else
        who is on no list where this one is."""
        if any(one.relay.peer == offer.relay.peer for one in current):
            return current, []
        lost = [one for one in current if one.relay.peer in self._lost]
        strange = [one for one in current if offer.is_listed and not one.is_listed]
        is_full = len(current) >= RELAYS_USED_MAX
        alike = [one for one in strange if _is_alike(offer, [one])]
        gone = lost[:1] or alike[:1] or (strange[:1] if is_full else [])
        return [one for one in current if one not in gone], gone

    def _set(self, current: list[_Choice], replaced: list[_Choice]) -> None:
        now_ms = self._parts.now().wall_ms
        named = {choice.relay.peer for choice in current}
        left = [replace(one, left_ms=now_ms) for one in replaced]
        left += [one for one in self._choices if one.left_ms]
        kept = [
            one
            for one in left
            if one.relay.peer not in named and 0 <= now_ms - one.left_ms < LEFT_MS
        ]
        self._choices = (*current, *kept[:LEFT_MAX])

    def _offers(self) -> Iterator[_Choice]:
        """Connected relays that might keep our mail, those on a list first."""
        listed = self._parts.listed()
        out = self._refused | self._lost
        waited_s = self._parts.now().monotonic_s - self._began_s
        for is_listed in (True, False) if waited_s >= STRANGERS_AFTER_S else (True,):
            for state in self._host.peers:
                serves = {MAILBOX_PROTOCOL, HOP_PROTOCOL} <= state.protocols
                is_asked = is_listed or not state.inbound
                is_kind = (state.peer in listed) == is_listed
                if serves and is_asked and is_kind and state.peer not in out:
                    yield from self._offer(state, is_listed=is_listed)

    def _offer(self, state: Connectedness, *, is_listed: bool) -> Iterator[_Choice]:
        """As others may be told of it; nothing where they could not reach it."""
        known = dict.fromkeys((*state.dialled, *announced(state)))
        farthest = max(scope_of_all(one.addresses) for one in self._host.peers)
        least = Scope.LOOPBACK if is_listed or self._parts.is_lan else farthest
        told = [one for one in known if not is_circuit(one) and scope_of(one) >= least]
        told.sort(key=scope_of, reverse=True)
        regions = frozenset(filter(None, map(region_of, state.addresses)))
        if told and scope_of_all(state.addresses) >= least:
            relay = MailboxRelay(state.peer, tuple(told[:RELAY_ADDRESSES_MAX]))
            yield _Choice(relay, regions, is_listed)

    def _note(self, relay: PeerId, silent_ms: int) -> None:
        self._choices = tuple(
            replace(one, silent_ms=silent_ms) if one.relay.peer == relay else one
            for one in self._choices
        )


def _is_alike(offer: _Choice, others: Sequence[_Choice]) -> bool:
    """Whether it is one of these, or in the network of one."""
    peer, regions = offer.relay.peer, offer.regions
    return any(one.relay.peer == peer or one.regions & regions for one in others)


Row = tuple[str, list[str], list[str], bool, int, int]


def _written(choices: Sequence[_Choice]) -> bytes:
    rows: list[Row] = [
        (
            str(one.relay.peer),
            list(one.relay.addresses),
            sorted(one.regions),
            one.is_listed,
            one.silent_ms,
            one.left_ms,
        )
        for one in choices
    ]
    return json.dumps(rows).encode()


def _read(raw: bytes) -> tuple[_Choice, ...]:
    """What `_written` wrote, on our own disk."""
    rows: list[Row] = json.loads(raw) if raw else []
    return tuple(
        _Choice(
            MailboxRelay(PeerId.parse(peer), tuple(addresses)),
            frozenset(regions),
            is_listed,
            silent_ms,
            left_ms,
        )
        for peer, addresses, regions, is_listed, silent_ms, left_ms in rows
    )
