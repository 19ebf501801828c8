"""Who keeps our mail: those that the user names, else relays that we are connected with.

Two are enough: what is left with both is lost only when both are. Who kept it before keeps it on,
since letters may wait there; it is remembered, and visited first in the next life. Who refuses us
is not asked again in this one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence

from p2pchat.model.change import Change, PutSetting
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.port import HOP_PROTOCOL, Host
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL

__all__ = ["SETTING", "MailRelays"]

SETTING = "mailbox relays"
RELAYS_USED_MAX = 2
RELAY_ADDRESSES_MAX = 4


class MailRelays:
    """The choice, on disk from when it is made."""

    def __init__(
        self,
        host: Host,
        configured: Sequence[MailboxRelay],
        remembered: bytes,
        commit: Callable[[Sequence[Change]], Awaitable[None]],
    ) -> None:
        self._host = host
        self._configured = tuple(configured)
        self._commit = commit
        self._chosen = () if configured else _read(remembered)
        self._refused: set[PeerId] = set()

    def refused(self, relay: PeerId) -> None:
        """It keeps nothing for us."""
        self._refused.add(relay)

    async def choose(self) -> tuple[MailboxRelay, ...]:
        """Who keeps our mail from now on."""
        if self._configured:
            return self._configured
        kept = [relay for relay in self._chosen if relay.peer not in self._refused]
        for state in self._host.peers:
            serves = {MAILBOX_PROTOCOL, HOP_PROTOCOL} <= state.protocols
            is_new = state.peer not in self._refused | {relay.peer for relay in kept}
            if serves and is_new and len(kept) < RELAYS_USED_MAX:
                told = tuple(dict.fromkeys((*state.dialled, *state.announced, *state.addresses)))
                kept.append(MailboxRelay(state.peer, told[:RELAY_ADDRESSES_MAX]))
        chosen = tuple(kept[:RELAYS_USED_MAX])
        if chosen != self._chosen:
            self._chosen = chosen
            await self._commit([PutSetting(SETTING, _written(chosen))])
        return chosen


def _written(relays: Sequence[MailboxRelay]) -> bytes:
    return json.dumps([[str(relay.peer), list(relay.addresses)] for relay in relays]).encode()


def _read(raw: bytes) -> tuple[MailboxRelay, ...]:
    """What `_written` wrote, on our own disk."""
    rows: list[tuple[str, list[str]]] = json.loads(raw) if raw else []
    return tuple(MailboxRelay(PeerId.parse(peer), tuple(addresses)) for peer, addresses in rows)
