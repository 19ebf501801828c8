"""Mail: what is owed to devices that are away is left with those who keep their mailboxes.

A device whose dial failed, or that is gone, is written to until it is connected again: all that it
is owed and that does not lie in its mailbox yet goes into a letter of 60 KB at most, one letter at
a time. What was mailed is remembered, so nothing is left twice; after three days without a receipt
it is, since relays forget. Whoever mailed us something gets its receipts by mail, too, as long as
it is not connected.

Who cannot open a letter asks for another, and the *ops* are sealed again: they have ids, a letter
has none. Both asking and answering are rare on purpose, because anybody may forge a letter that
does not open.

Anybody may also certify any device, so whom a letter is for and whom it is from is a device and the
account that it acts for: a `Party`, never a device alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2pchat.model.change import PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, Party
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.message_facts import MailFacts
from p2pchat.model.op import Chain, Op
from p2pchat.model.ratchet import Correspondent, SetMailed
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.protocol.accounts import Accounts
from p2pchat.protocol.bundles import Bundles, is_due
from p2pchat.protocol.machine import Dial, Effect, Loaded, Persist
from p2pchat.protocol.mail_debts import Debts
from p2pchat.protocol.mail_rooms import devices_of, members_away
from p2pchat.protocol.mail_routes import (
    GRANT_AGAIN_S,
    NEWS_BYTES_MAX,
    RECEIPTS_MAX,
    WORDS_MAX,
    Letter,
    Mailed,
    Pause,
    Route,
    Step,
    decode_asked,
    encode_asked,
)
from p2pchat.protocol.mail_vocabulary import (
    NO_KEYS,
    NO_MAILBOX,
    AccountFound,
    BeginAnew,
    BundleFound,
    BundlePublished,
    Discard,
    ForMail,
    ForPairs,
    Key,
    LookUp,
    MailOpened,
    MailRefused,
    Post,
    Posted,
    PostFailed,
    RenewKeys,
    WritersChanged,
)
from p2pchat.protocol.mail_writers import Writers
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.state import State
from p2pchat.wire.devices import DeviceKeys, fitting, keys_of
from p2pchat.wire.frames import Frame, Hello, Ops
from p2pchat.wire.ops import restore_op

__all__ = ["SETTING", "TIMER", "Mailing"]

SETTING = "mail/asked"
"""What is on disk of requests for new sessions."""
TIMER = "mail"
"""Runs as long as such a request has to leave, or a room is owed: nobody is dialled for those.
Who runs for seconds only gets rid of a request too, so it fires when the first may go."""
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 5.0, 600.0
REASON_CHARACTERS_MAX = 400
"""Of why a letter was kept by nobody, as it is remembered."""
WRITTEN_TO = (ContactState.ACCEPTED, ContactState.ASKED, ContactState.REJECTED)
"""Whom we have something to say to: yes, a question, or no."""

Outcome = MailRefused | AccountFound | BundleFound | BundlePublished | Posted | PostFailed


class Mailing:
    """Who is written to by mail, and what comes by it."""

    def __init__(self, state: State, outbox: Outbox, receipts: Receipts) -> None:
        self._state = state
        self._debts = Debts(state, outbox)
        self._receipts = receipts
        self.accounts = Accounts()
        self.bundles = Bundles()
        self.writers = Writers(state)
        self.is_on = False
        self._rotated_ms: int | None = None
        self._routes: dict[Party, Route] = {}
        self._serial = 0

    # Restart

    def restore(self, kept: MailSnapshot, asked: bytes) -> None:
        """As of the last commit; without an Olm account nothing is ever mailed."""
        self.is_on = kept.account is not None
        self._rotated_ms = kept.keys.rotated_ms if kept.keys is not None else None
        for bundle in kept.bundles:
            self.bundles.restore(bundle)
        for row in kept.mailed:
            party = self._debts.party(row.conversation, row.device)
            if party is not None:
                counts = {Chain.CONTROL: row.control, Chain.TALK: row.talk}
                self._route(party).mailed[row.conversation] = Mailed(counts, row.mailed_ms)

        for party, anew in decode_asked(asked):
            self._route(party).anew = anew

    def start(self, now: Now) -> list[Effect]:
        """Make the first keys, and read what both sides gave each other."""
        if not self.is_on:
            return []
        effects = self._renew(now) if not self._rotated_ms else []
        return [*effects, *self._again(now), *self.writers.start()]

    def pairs_loaded(self, tag: ForPairs, loaded: Loaded, now: Now) -> list[Effect]:
        """When all halves are known, ask those whom an earlier life could not ask any more."""
        effects = self.writers.loaded(tag, loaded)
        for route in list(self._routes.values()) if self.writers.are_known else ():
            effects += self._advance(route, now) if route.anew.is_owed else []
        return effects

    # Inputs

    def handle(self, input: Outcome, now: Now) -> list[Effect]:
        """Decide on what came of mail, other than a letter."""
        match input:
            case MailRefused():
                return self.refused(input, now)
            case AccountFound():
                return self.account_found(input, now)
            case BundleFound():
                return self.bundle_found(input, now)
            case BundlePublished():
                return self.published(now)
            case Posted():
                return self.posted(input, now)
            case PostFailed():
                return self.post_failed(input, now)

    def fired(self, now: Now) -> list[Effect]:
        """Try again to ask for new sessions, and what nobody dials for."""
        routes = list(self._routes.values())
        owing = [route for route in routes if route.anew.is_owed or self._debts.is_behind(route)]
        effects = [effect for route in owing for effect in self._advance(route, now)]
        return [*effects, *self._again(now)]

    def _again(self, now: Now) -> list[Effect]:
        routes = self._routes.values()
        is_owing = any(
            route.anew.is_owed or route.letter.asks_again or self._debts.is_behind(route)
            for route in routes
        )
        return [self._wake(now)] if is_owing else []

    def _wake(self, now: Now) -> SetTimer:
        """When the first request may leave that can; debts alone are looked at now and then."""
        able = (
            route.pause.not_before_s - now.monotonic_s
            for route in self._routes.values()
            if route.anew.is_owed and route.step is Step.REST
            if route.to.device not in self._state.connected and self._may_write(route.to)
        )
        wait_s = min(able, default=BACK_OFF_S_MAX)
        return SetTimer(TIMER, min(max(wait_s, BACK_OFF_S_MIN), BACK_OFF_S_MAX))

    # Who is away

    def peer_up(self, device: DeviceId) -> None:
        """It gets all that it is owed on its streams."""
        for party in self._parties(device):
            route = self._routes.get(party)
            if route is not None:
                route.is_away = False
                route.pause = Pause()

    def dial_failed(self, device: DeviceId, now: Now) -> list[Effect]:
        """No way led to it; this is also when what failed is tried again."""
        effects: list[Effect] = []
        for party in self._parties(device) if self.is_on else ():
            route = self._route(party)
            was_away, route.is_away = route.is_away, True
            effects += self._advance(route, now)
            effects += self._look_again(route, now) if not was_away else []
        return effects

    def settle(self, touched: Iterable[ConversationId], now: Now) -> list[Effect]:
        """After a batch: mail what was written to who is away, and receipts to whom no stream
        leads."""
        missed, farewells = self._receipts.take_missed(), self._debts.outbox.take_farewells()
        if not self.is_on:
            return []
        routes: dict[Party, Route] = {}
        effects = [*self._farewells(farewells, routes), *self._rooms(touched, routes, now)]
        for id, author in missed:
            party = self._debts.party(id, author)
            if party is not None and self._may_write(party):
                self._route(party).beside.receipts[id] = None
                is_direct = self._state.conversations[id].other is not None
                effects += self._reach(party, routes, is_sure=is_direct)
        routes |= self._away(touched)
        for route in routes.values():
            effects += self._advance(route, now)
        if self._state.directory.pairs.is_changed:
            self._state.directory.pairs.is_changed = False
            effects.append(WritersChanged())
        return effects

    def _away(self, touched: Iterable[ConversationId]) -> dict[Party, Route]:
        """The routes to who is away and is written to in these conversations."""
        away = {party.device for party, route in self._routes.items() if route.is_away}
        found: dict[Party, Route] = {}
        for id in touched if away else ():
            for recipient in self._debts.outbox.recipients.watching(id):
                is_away = recipient.device in away  # most are not, and whose it is costs more
                party = self._debts.party(id, recipient.device) if is_away else None
                route = self._routes.get(party) if party is not None else None
                if route is not None and route.is_away:
                    found[route.to] = route
        return found

    def _rooms(
        self, touched: Iterable[ConversationId], routes: dict[Party, Route], now: Now
    ) -> list[Effect]:
        """Who is owed something of a room is dialled first, and mailed when that fails."""
        effects: list[Effect] = []
        for id in touched:
            conversation = self._state.conversations.get(id)
            if conversation is None:
                continue
            for party in members_away(self._state, conversation):
                if self._debts.owes(self._route(party), conversation, now):
                    effects += self._reach(party, routes)
        return effects

    def _farewells(
        self, said: Iterable[tuple[AccountId, Sequence[Op]]], routes: dict[Party, Route]
    ) -> list[Effect]:
        """Tell contacts that are away who is in a room no more: they, or we, after what was not
        mailed to them before that."""
        effects: list[Effect] = []
        for account, words in said:
            is_contact = self._state.contact_state(account) is ContactState.ACCEPTED
            for party in devices_of(self._state, account) if is_contact else ():
                route = self._route(party)
                route.beside.words |= {word.id: word for word in self._unmailed(route, words)}
                effects += self._reach(party, routes)
        return effects

    def _unmailed(self, route: Route, words: Sequence[Op]) -> list[Op]:
        """Control ops of ours in a room that a device neither has nor finds in its mailbox, and the
        last of them in any case."""
        id = words[-1].header.conversation
        mailed = route.mailed.get(id, Mailed()).counts[Chain.CONTROL]
        start = max(mailed, self._debts.delivery(route.to, id).acked[Chain.CONTROL])
        return [word for word in words if word.header.seq >= start or word is words[-1]]

    def _reach(
        self, party: Party, routes: dict[Party, Route], *, is_sure: bool = False
    ) -> list[Effect]:
        """Write to a device at once if it is known to be away, else when a dial fails."""
        route = self._route(party)
        if route.is_away or is_sure:
            routes[party] = route
            return []
        return [Dial(party.device)]

    def _parties(self, device: DeviceId) -> set[Party]:
        """Those contacts whom we owe something at this device."""
        ids = self._debts.outbox.recipients.conversations(device)
        found = {party for id in ids if (party := self._debts.party(id, device)) is not None}
        return found | {party for party in self._routes if party.device == device}

    # Who asks

    def told(self, to: Party, id: ConversationId, chain: Chain, seq: int, now: Now) -> MailFacts:
        """What came of leaving one of our ops for a device."""
        route = self._routes.get(to)
        if route is None:
            return MailFacts()
        mailed, pause = route.mailed.get(id, Mailed()), route.pause
        waits_s = pause.not_before_s - now.monotonic_s
        return MailFacts(
            is_kept=mailed.counts[chain] > seq,
            since_ms=mailed.since_ms,
            relays=tuple(relay.short for relay in mailed.relays),
            failure=pause.reason,
            failed_ms=pause.since_ms,
            next_try_ms=now.wall_ms + int(waits_s * 1000) if pause.reason and waits_s > 0 else 0,
            is_posting=route.step is not Step.REST,
        )

    # What comes

    def opened(self, mail: MailOpened) -> list[Effect]:
        """A letter came; what its frames say is the chat's."""
        effects: list[Effect] = [Persist(change) for change in mail.changes]
        effects.append(Discard(mail.slot))
        return effects

    def asked(self, mail: MailOpened, now: Now) -> list[Effect]:
        """Who sent it cannot open what we seal: from now on it is sealed with the session that the
        request came on, and what has no receipt is mailed again, also what is in a letter on its
        way: it was sealed as the others were. Our receipt and what we say of our devices are sent
        again, too. That ops are owed again is on disk with the request.
        """
        peer, device = self._correspondent(mail.sender), mail.sender.device
        if not mail.asks_again or peer is None:
            return []
        route = self._route(mail.sender)
        if now.monotonic_s < route.anew.granted_s + GRANT_AGAIN_S:
            return []
        route.anew.granted_s = now.monotonic_s
        known = route.mailed.keys() & self._state.conversations.keys()
        rows = [SetMailed(id, device, 0, 0, now.wall_ms) for id in sorted(known)]
        route.mailed.clear()
        route.letter.upto.clear()
        route.letter.told = route.before.told = b""
        route.beside.receipts[self._state.contacts[mail.sender.account].conversation] = None
        route.is_away = device not in self._state.connected
        self.bundles.doubt(device)
        again = (Persist(row) for row in rows)
        return [*again, BeginAnew(peer, mail.session), *self._advance(route, now)]

    def refused(self, mail: MailRefused, now: Now) -> list[Effect]:
        """A blob said nothing. When a device that we know seems to have used a session that is
        gone, it is asked to begin another."""
        effects: list[Effect] = [Persist(change) for change in mail.changes]
        if mail.slot is not None:
            effects.append(Discard(mail.slot))
        if mail.reason:
            self._state.refuse(mail.reason)
        peer = self._correspondent(mail.sender) if mail.sender is not None else None
        if peer is None:
            return effects + (self.withheld(mail.sender, now) if mail.sender is not None else [])
        route = self._route(peer.party)
        if not route.anew.may_ask(now.wall_ms):
            return effects + (self._advance(route, now) if route.anew.is_owed else [])
        effects += [self._owe_request(route, now), *self._again(now)]
        return [*effects, BeginAnew(peer, b""), *self._advance(route, now)]

    def withheld(self, sender: Party, now: Now) -> list[Effect]:
        """A letter of a contact that is blocked was thrown away, which its sender believes kept for
        us: once the block is taken away, it is asked for all that has no receipt."""
        state, route = self._state, self._routes.get(sender)
        is_blocked = state.is_blocked(sender.account, sender.device)
        is_contacts = state.state_beneath(sender.account) is ContactState.ACCEPTED
        is_owed = route is not None and route.anew.is_owed
        if not is_blocked or not is_contacts or is_owed or self._keys(sender) is None:
            return []
        return [self._owe_request(self._route(sender), now)]

    def _owe_request(self, route: Route, now: Now) -> Persist:
        route.anew.asked_ms = now.wall_ms
        route.anew.is_owed = True
        return self._put_asked()

    def _put_asked(self) -> Persist:
        return Persist(PutSetting(SETTING, encode_asked(self._routes.values())))

    def published(self, now: Now) -> list[Effect]:
        """Others can find our keys: the moment to make new ones, when it is time."""
        return self._renew(now) if self.is_on and is_due(self._rotated_ms, now.wall_ms) else []

    def _renew(self, now: Now) -> list[Effect]:
        self._rotated_ms = now.wall_ms
        return [RenewKeys()]

    # Letters

    def account_found(self, found: AccountFound, now: Now) -> list[Effect]:
        """It is known which devices there are: letters to those that were not revoked go on."""
        effects: list[Effect] = []
        for party in self.accounts.take(found, now.wall_ms):
            route = self._route(party)
            if route.step is Step.ASKING:
                route.step = Step.REST
                effects += self._advance(route, now)
        return effects

    def bundle_found(self, found: BundleFound, now: Now) -> list[Effect]:
        row = self.bundles.take(found.device, found.raw, now.wall_ms)
        effects: list[Effect] = [Persist(row)]
        for route in list(self._routes.values()):
            if route.to.device == found.device and route.step is Step.LOOKING:
                route.step = Step.REST
                effects += self._advance(route, now)
        return effects

    def posted(self, input: Posted, now: Now) -> list[Effect]:
        """A relay keeps it: that is what `sent` means to a person."""
        route = self._on_its_way(input.to, input.serial)
        if route is None:
            return []
        letter, route.letter, route.step = route.letter, Letter(), Step.REST
        route.before.told = letter.told
        route.pause = Pause()
        effects: list[Effect] = [self._put_asked()] if letter.asks_again else []
        route.before.welcomes |= letter.welcomes
        for (id, chain), count in letter.upto.items():
            if id not in self._state.conversations:
                continue  # a room that was left meanwhile
            mailed = route.mailed.setdefault(id, Mailed())
            delivery = self._debts.delivery(route.to, id)
            if all(mailed.counts[c] <= delivery.acked[c] for c in Chain):
                mailed.since_ms = now.wall_ms
            mailed.counts[chain], mailed.relays = count, input.relays
            if self._debts.party(id, route.to.device) == route.to:
                counts = mailed.counts[Chain.CONTROL], mailed.counts[Chain.TALK]
                effects.append(Persist(SetMailed(id, route.to.device, *counts, mailed.since_ms)))
            if chain is Chain.TALK:
                effects += self._debts.outbox.mailed(route.to.device, id, count)
        return effects + self._advance(route, now)

    def post_failed(self, input: PostFailed, now: Now) -> list[Effect]:
        """Nobody took it: what was in it is owed as before, and tried with the next dial."""
        route = self._on_its_way(input.to, input.serial)
        if route is None:
            return []
        for id in route.letter.receipts:
            route.beside.receipts[id] = None
        route.beside.words = {word.id: word for word in route.letter.words} | route.beside.words
        route.anew.is_owed |= route.letter.asks_again
        route.letter, route.step = Letter(), Step.REST
        self._state.refuse("letter that nobody kept")
        return self._hold(route, input.reason[:REASON_CHARACTERS_MAX], now)

    def loaded(self, tag: ForMail, loaded: Loaded, now: Now) -> list[Effect]:
        """Ops that are too old to be in memory."""
        route = self._routes.get(tag.to)
        if route is None or route.step is not Step.LOADING:
            return []
        route.step = Step.REST
        conversation = self._state.conversations.get(tag.conversation)
        rows = [restore_op(row) for row in loaded.rows]
        if conversation is None or not rows or not self._may_post(route, now):
            return []
        if tag.chain not in self._debts.sendable(route, conversation):
            return []  # they parted while the disk was read
        delivery = self._debts.delivery(route.to, conversation.id)
        if rows[0].header.seq != self._debts.start(route, delivery, tag.chain, now):
            return self._advance(route, now)
        letter = self._begun(route, now)
        if not self._debts.enclose(route, letter, (conversation, tag.chain), rows):
            return self._advance(route, now)
        return self._post(route, letter, now)

    def _advance(self, route: Route, now: Now) -> list[Effect]:
        """Write the next letter to a device, if it is owed one."""
        if not self._may_post(route, now):
            return []
        letter = self._begun(route, now)
        load = self._debts.fill(route, letter, now) if route.is_away else None
        if load is not None and not letter.frames and not letter.asks_again:
            route.step = Step.LOADING
            return [load]
        if not letter.frames and not letter.asks_again:
            return []
        return self._post(route, letter, now)

    def _may_post(self, route: Route, now: Now) -> bool:
        is_free = route.step is Step.REST and now.monotonic_s >= route.pause.not_before_s
        is_reached = route.to.device in self._state.connected
        return is_free and not is_reached and self._may_write(route.to)

    def _may_write(self, to: Party) -> bool:
        """Whether anything at all may go there, receipts as well."""
        state = self._state
        is_wanted = state.contact_state(to.account) in WRITTEN_TO
        is_doubtful = state.directory.is_doubtful(to.account)
        return is_wanted and not is_doubtful and not state.is_blocked(to.account, to.device)

    def _begun(self, route: Route, now: Now) -> Letter:
        """A letter with what is not ops."""
        ids = tuple(route.beside.receipts)[:RECEIPTS_MAX]
        words = tuple(route.beside.words.values())[:WORDS_MAX]
        letter = Letter(receipts=ids, words=words, asks_again=route.anew.is_owed)
        letter.frames += [Ops((word,)) for word in words]
        letter.size = sum(word.size_bytes for word in words)
        for id in ids:
            conversation = self._state.conversations.get(id)
            if conversation is not None and self._state.may_answer(conversation):
                letter.frames.append(self._receipts.receipt(conversation, route.to.device, now))
        return letter

    def _post(self, route: Route, letter: Letter, now: Now) -> list[Effect]:
        """Send a letter off, once it is known where to and with which keys."""
        keys, key = self._keys(route.to), self._key(route.to.account)
        if keys is None:
            return self._hold(route, NO_KEYS, now)
        if self.accounts.is_stale(route.to.account, now.wall_ms):
            route.step = Step.ASKING
            return [*self.accounts.ask(route.to)]
        if route.before.identity_key not in (b"", keys.olm_curve25519):
            self.bundles.doubt(route.to.device)  # its disk was set back: its last bundle is void
        route.before.identity_key = keys.olm_curve25519
        if self.bundles.is_stale(route.to.device, now.wall_ms):
            route.step = Step.LOOKING
            return [LookUp(route.to.device)]
        bundle = self.bundles.get(route.to.device)
        if bundle is None or key is None:
            return self._hold(route, NO_MAILBOX if bundle is None else NO_KEYS, now)
        for id in letter.receipts:
            del route.beside.receipts[id]
        for word in letter.words:
            del route.beside.words[word.id]
        route.anew.is_owed = False
        route.letter, route.step = letter, Step.POSTING
        self._serial += 1
        letter.serial = self._serial
        return [
            Post(
                to=Correspondent(route.to, keys.olm_curve25519),
                serial=letter.serial,
                mailbox=keys.mailbox,
                bundle=bundle,
                key=key,
                frames=(*self._news(route, letter), *letter.frames),
                asks_again=letter.asks_again,
            )
        ]

    def _news(self, route: Route, letter: Letter) -> list[Frame]:
        """What our account says of its devices, where that is more than the one certificate that
        comes with the letter, and was not told this device before."""
        own = self._state.own_devices
        letter.told = own.hash
        is_more = len(own.devices) > 1 or own.revoked
        is_news = is_more and route.before.told != own.hash
        return [Hello(fitting(own, NEWS_BYTES_MAX))] if is_news else []

    def _key(self, account: AccountId) -> Key | None:
        """What lets us into the mailboxes of an account's devices."""
        half = self._state.directory.pairs.theirs(account)
        if half is not None:
            return Key(half, is_intro=False)
        contact = self._state.contacts.get(account)
        return Key(contact.intro, is_intro=True) if contact and contact.intro else None

    def _correspondent(self, party: Party) -> Correspondent | None:
        """Whose sessions those with an accepted contact's device are."""
        keys = self._keys(party)
        is_accepted = self._state.contact_state(party.account) is ContactState.ACCEPTED
        return Correspondent(party, keys.olm_curve25519) if keys and is_accepted else None

    def _keys(self, party: Party) -> DeviceKeys | None:
        """The keys for mail that an account certifies for a device."""
        devices = self._state.directory.certificate(party.account, party.device)
        keys = keys_of(devices, party.device) if devices is not None else None
        return keys if keys is not None and keys.olm_curve25519 and keys.mailbox else None

    def _hold(self, route: Route, reason: str, now: Now) -> list[Effect]:
        """Not now, and later the longer it has been so."""
        pause = route.pause
        delay_s = min(BACK_OFF_S_MIN * 2 ** min(pause.failures, 20), BACK_OFF_S_MAX)
        pause.failures += 1
        pause.not_before_s = now.monotonic_s + delay_s
        pause.reason, pause.since_ms = reason, now.wall_ms
        return self._look_again(route, now)

    def _look_again(self, route: Route, now: Now) -> list[Effect]:
        """Nobody but us dials for what a room owes, or for a request."""
        is_owing = route.anew.is_owed or self._debts.is_behind(route)
        return [self._wake(now)] if is_owing else []

    def _on_its_way(self, to: Party, serial: int) -> Route | None:
        route = self._routes.get(to)
        is_it = route is not None and route.step is Step.POSTING and route.letter.serial == serial
        return route if is_it else None

    def _route(self, to: Party) -> Route:
        return self._routes.setdefault(to, Route(to))
