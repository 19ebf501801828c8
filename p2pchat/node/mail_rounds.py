"""Rounds of those who keep our mail: say who may write, delete what is done, fetch what is new.

A relay that took our registration is what the bundle names, from then on and for as long as it is
chosen. Relays that kept our mail before are asked now and then for what was left with them, since
not everybody has heard of the new ones.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.crypto.mail import intro_key, write_key
from p2pchat.crypto.port import MailCipher
from p2pchat.errors import NetworkError, RelayRefused, RemoteProtocolError, UnknownVersion
from p2pchat.model.ids import AccountId, PeerId
from p2pchat.model.mailbox import Kept, MailboxRelay, MailBundle
from p2pchat.net.mailboxes import MailboxClient
from p2pchat.node.mail_relays import MailRelays
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import Input
from p2pchat.protocol.mail_vocabulary import Mail, Slot
from p2pchat.wire.mailbox_codec import blob_hash

__all__ = ["MailRounds", "RoundsParts"]

logger = logging.getLogger(__name__)

FETCH_EVERY_S = 60.0
LEFT_EVERY_S = 3600.0
"""Between two visits to relays that kept our mail before, and between two looks at what was left
where it lies."""
VISIT_TIMEOUT_S = 60.0
"""For all that there is to do at one relay; the rest waits for the next visit."""
CHECK_IN_EVERY = 50
"""Envelopes opened between two chances for other tasks to run."""
LATER_MAX = 16
"""Blobs at each relay that only a later version can read, or that are over a pace; anybody can
make them up."""


@dataclass(frozen=True, slots=True)
class RoundsParts:
    """What rounds are made of."""

    client: MailboxClient
    relays: MailRelays
    cipher: MailCipher
    chat: Chat
    put: Callable[[Input], Awaitable[None]]
    republish: Callable[[], None]


class MailRounds:
    """Visits, one after the other; and what others are told of how to write to us."""

    def __init__(self, parts: RoundsParts) -> None:
        self._parts = parts
        self._errands = _Errands()
        self._keys = MailBundle()
        self._named = parts.relays.before
        self._errands.keeping.update(relay.peer for relay in self._named)
        self._visited_left_s = -LEFT_EVERY_S
        self.show_keys()

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            self._errands.begin()
            await self._visit_all()
            with trio.move_on_after(FETCH_EVERY_S):
                await self._errands.wait()

    def look(self) -> None:
        """There may be something to fetch or to say, or somebody new to fetch it from."""
        self._errands.call()

    def discard(self, slot: Slot) -> None:
        """Have a blob deleted."""
        self._errands.discard(slot)

    def put_by(self, slot: Slot) -> None:
        """Leave a blob there for a later life, as long as it is one of a few."""
        self._errands.put_by(slot)

    def show_keys(self) -> None:
        """The cipher's keys are on disk: others may use them now."""
        cipher = self._parts.cipher
        if cipher.keys is not None:
            self._keys = MailBundle(cipher.keys.fallback_key, cipher.published)

    @property
    def bundle(self) -> MailBundle:
        """How others may write to us: empty before there are keys, or a relay. What a life names
        first is what the last one did: an empty bundle would take the place of that one's."""
        if not self._keys.fallback_key or not self._named:
            return MailBundle()
        return MailBundle(self._keys.fallback_key, self._keys.hpke, self._named)

    async def _visit_all(self) -> None:
        if not self._parts.chat.mailing.writers.are_known:
            return  # it is told when it does
        relays = self._parts.relays
        chosen = await relays.choose()
        self._name(chosen)
        for relay in chosen:
            await self._visit_in_time(relay, self._visit)
            self._name(chosen)
        now_s = trio.current_time()
        if now_s >= self._visited_left_s + LEFT_EVERY_S:
            self._visited_left_s = now_s
            self._errands.look_back()
            for relay in relays.left:
                await self._visit_in_time(relay, self._collect)

    def _name(self, chosen: Sequence[MailboxRelay]) -> None:
        """Have the bundle name those of the chosen who keep our mail."""
        named = tuple(relay for relay in chosen if relay.peer in self._errands.keeping)
        if named != self._named:
            self._named = named
            self._parts.republish()

    async def _visit_in_time(
        self, relay: MailboxRelay, visit: Callable[[MailboxRelay], Awaitable[None]]
    ) -> None:
        peer, relays = relay.peer, self._parts.relays
        with trio.move_on_after(VISIT_TIMEOUT_S) as scope:
            try:
                await visit(relay)
                relays.answered(peer)
            except NetworkError as error:
                logger.info("mailbox at %s: %s", peer.short, error)
                self._errands.registered.pop(peer, None)
                relays.silent(peer)
        if scope.cancelled_caught:
            relays.silent(peer)

    async def _visit(self, relay: MailboxRelay) -> None:
        try:
            await self._register(relay)
        except RelayRefused as error:
            logger.info("mailbox at %s: %s", relay.peer.short, error)
            self._parts.relays.refused(relay.peer)
            self._errands.lost(relay.peer)
            await self._clear(relay)
        else:
            await self._collect(relay)

    async def _clear(self, relay: MailboxRelay) -> None:
        """Fetch what was left with a relay before it refused us."""
        try:
            await self._collect(relay)
        except RelayRefused:
            self._parts.relays.keeps_nothing(relay.peer)

    async def _register(self, relay: MailboxRelay) -> None:
        """Say whose puts our mailbox takes, if that is news to the relay."""
        chat, errands = self._parts.chat, self._errands
        me, writers = chat.state.me, chat.mailing.writers.keys()
        if errands.registered.get(relay.peer) == (me.intro, writers):
            return
        keys = [write_key(half, account, me.device).public_key for half, account in writers]
        intro = intro_key(me.intro).public_key
        await self._parts.client.register(relay, dict.fromkeys(keys), intro)
        errands.registered[relay.peer] = me.intro, writers
        errands.keeping.add(relay.peer)

    async def _collect(self, relay: MailboxRelay) -> None:
        """Delete what is done, and fetch what is new."""
        client, errands = self._parts.client, self._errands
        if done := errands.done_at(relay.peer):
            await client.delete(relay, done)
            errands.deleted(relay.peer, done)
        after = errands.after.get(relay.peer, 0)
        while kept := await client.fetch(relay, after):
            self._parts.relays.answered(relay.peer)
            after = kept[-1].id
            await self._take(relay.peer, kept)
            errands.after[relay.peer] = after

    async def _take(self, relay: PeerId, kept: Sequence[Kept]) -> None:
        """Open the envelopes of a page and hand over what is in them, in the order in which it was
        sealed: a ratchet keeps only so many keys of what was overtaken."""
        mails: list[Mail] = []
        for count, one in enumerate(kept, 1):
            if count % CHECK_IN_EVERY == 0:
                await trio.lowlevel.checkpoint()
            slot = Slot(relay, one.id)
            try:
                body = self._parts.cipher.unwrap(one.blob)
            except UnknownVersion:
                self.put_by(slot)
            except RemoteProtocolError as error:
                self._parts.chat.state.refuse(error)
                self._errands.discard(slot)
            else:
                mails.append(Mail(slot, blob_hash(one.blob), body))
        for mail in sorted(mails, key=lambda mail: (mail.body.sender, mail.body.counter)):
            await self._parts.put(mail)


Registered = tuple[bytes, list[tuple[bytes, AccountId]]]
"""The token of our link, and whose halves may write."""


class _Errands:
    """What is to be done at relays at the next visit, and what each of them knows."""

    def __init__(self) -> None:
        self.registered: dict[PeerId, Registered] = {}
        """Who may write, as each relay was told it; it may forget while we do not reach it."""
        self.keeping: set[PeerId] = set()
        """Relays that have agreed to keep our mail, in this life or the last."""
        self.after: dict[PeerId, int] = {}
        """The newest id that was fetched."""
        self._done: dict[PeerId, dict[int, None]] = {}
        self._later: dict[PeerId, deque[int]] = {}
        self._called = trio.Event()

    def begin(self) -> None:
        self._called = trio.Event()

    async def wait(self) -> None:
        await self._called.wait()

    def call(self) -> None:
        self._called.set()

    def put_by(self, slot: Slot) -> None:
        ids = self._later.setdefault(slot.relay, deque())
        if slot.id in ids:
            return  # its page was fetched twice
        ids.append(slot.id)
        if len(ids) > LATER_MAX:
            self.discard(Slot(slot.relay, ids.popleft()))

    def look_back(self) -> None:
        """All that still lies there is fetched again: what was put by, for which there may be time
        now, and what came under numbers of before because a relay's disk was set back."""
        self.after.clear()
        self._later.clear()

    def discard(self, slot: Slot) -> None:
        self._done.setdefault(slot.relay, {})[slot.id] = None
        self.call()

    def done_at(self, relay: PeerId) -> tuple[int, ...]:
        return tuple(self._done.get(relay, ()))

    def deleted(self, relay: PeerId, ids: Iterable[int]) -> None:
        for id in ids:
            self._done[relay].pop(id, None)

    def lost(self, relay: PeerId) -> None:
        """It takes nothing for us any more."""
        self.registered.pop(relay, None)
        self.keeping.discard(relay)
