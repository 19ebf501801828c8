"""Whose mail is taken: the keys that the relays of our mailboxes are told.

Each side's half of a pair secret lies in its control chain, so at the start those are read first:
relays that were told less than all would turn contacts away for as long as we are gone.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pchat.errors import MalformedMessage
from p2pchat.model.change import PutContact
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.machine import Effect, Load, Loaded
from p2pchat.protocol.mail_vocabulary import ForPairs, WritersChanged
from p2pchat.protocol.pairs import OWN_HALVES_MAX
from p2pchat.protocol.state import State
from p2pchat.wire.contents import decode_content
from p2pchat.wire.ops import restore_op

__all__ = ["Writers"]

PAIR_OPS_MAX = 64
"""Of a control chain, read for the halves in them."""
PAIR_BYTES_MAX = 256 * 1024
WRITERS_MAX = 1_000
"""Keys that our mailbox takes; those of contacts beyond them wait until we are connected."""


class Writers:
    """Who may write into our mailbox."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._unread: int | None = None
        """Chains that are still read at the start; None before it."""

    def start(self) -> list[Effect]:
        """Read what both sides gave each other."""
        rows = self._state.contacts.values()
        loads = [load for row in rows for load in self._load_pairs(row)]
        self._unread = len(loads)
        return [*(loads or [WritersChanged()])]

    def loaded(self, tag: ForPairs, loaded: Loaded) -> list[Effect]:
        """Requests and acceptances of an earlier life."""
        assert self._unread, "no more comes than was asked for"
        self._unread -= 1
        conversation = self._state.conversations.get(tag.conversation)
        other = conversation.other if conversation is not None else None
        for op in map(restore_op, loaded.rows if other is not None else ()):
            try:
                content = decode_content(op.header.kind, op.content or b"")
            except MalformedMessage:
                continue  # counted when it came
            assert other is not None
            self._state.directory.pairs.note(other, op, content)
        return [] if self._unread else [WritersChanged()]

    def _load_pairs(self, row: PutContact) -> Iterator[Effect]:
        """Reads of all control chains of a direct conversation."""
        conversation = self._state.conversations.get(row.conversation)
        tips = conversation.log.tips if conversation is not None else {}
        for device, chain in tips:
            if chain is Chain.CONTROL:
                query = OpsQuery(row.conversation, device, chain, 0, PAIR_OPS_MAX, PAIR_BYTES_MAX)
                yield Load(ForPairs(row.conversation), query)

    @property
    def are_known(self) -> bool:
        """Whether all is read of what `keys` answers: relays that were told less would turn
        contacts away for as long as we are gone."""
        return self._unread == 0

    def keys(self) -> list[tuple[bytes, AccountId]]:
        """The halves that we gave, each with the account that may use it, of contacts and of whom
        we asked, the newest of each first. A device that we have not heard of yet may write, too:
        how else should we?"""
        state, ours = self._state, self._state.directory.pairs.ours
        known = [
            (account, ours(account))
            for account in state.contacts
            if state.contact_state(account) in (ContactState.ACCEPTED, ContactState.ASKED)
        ]
        in_turn = [
            (halves[number], account)
            for number in range(OWN_HALVES_MAX)
            for account, halves in known
            if number < len(halves)
        ]
        return in_turn[:WRITERS_MAX]
