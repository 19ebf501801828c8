"""Introductions: Carol, who knows both, tells Alice of Bob, and Bob has agreed to it.

    Carol  "may I introduce you to Alice?"    ─▶  Bob
    Carol  ◀─  "yes", with a link for Alice alone  Bob
    Carol  "this is Bob", with the link       ─▶  Alice
    Alice  a request with the link's token    ─▶  Bob

Each is an op of the conversation between two contacts: signed, delivered and repeated like any
other. Nobody is introduced without a yes of their own, and no address is dialled and no key pinned
before Alice says that she wants to ask Bob. Bob still answers her request as any other, told by
whom it comes. The token is good for Alice's account alone, whatever Bob's contact link is.

Introductions are few and soon over, so all that are under way are kept in one setting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hmac import compare_digest

from p2pchat.errors import LinkError, LocalProtocolError, UnknownContact
from p2pchat.events import IntroductionReceived
from p2pchat.model.change import PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId
from p2pchat.model.introduction import Introduction, KeptIntroduction, Stage
from p2pchat.model.machine import Now, Reply
from p2pchat.model.op import Op
from p2pchat.protocol.machine import (
    AddContact,
    AnswerIntroduction,
    Effect,
    Emit,
    IntroduceContact,
    Persist,
)
from p2pchat.protocol.state import State
from p2pchat.wire.contents import Content
from p2pchat.wire.introductions import (
    Introduce,
    Introducing,
    IntroductionConsent,
    MayIntroduce,
    decode_kept,
    encode_kept,
)
from p2pchat.wire.links import ContactLink, decode_link, encode_link

__all__ = ["SETTING", "Introductions"]

SETTING = "introductions"
INTRODUCTIONS_MAX = 64
OF_ONE_MAX = 8
"""Of one introducer."""
LIFETIME_MS = 30 * 24 * 3600 * 1000
"""An introduction that led to nothing for so long is over."""

Write = Callable[[AccountId, Content, Now], list[Effect]]
"""Writes an op in the direct conversation with an account."""
Ask = Callable[[AddContact, Now], list[Effect]]
"""Asks the owner of a link."""
Key = tuple[AccountId, AccountId, AccountId | None]


class Introductions:
    """Those in which we take part, in any of the three roles."""

    def __init__(self, state: State, write: Write, ask: Ask) -> None:
        self._state = state
        self._write = write
        self._ask = ask
        self._kept: dict[Key, KeptIntroduction] = {}

    def restore(self, raw: bytes) -> None:
        """As of the last commit."""
        self._kept = {_key(one): one for one in decode_kept(raw)}
        self._persist()

    @property
    def shown(self) -> list[Introduction]:
        """All of them, the oldest first."""
        return sorted((one.shown for one in self._kept.values()), key=lambda one: one.created_at)

    def grants(self, account: AccountId, token: bytes, now: Now) -> bool:
        """Whether we agreed that this account asks with this token."""
        return any(
            compare_digest(decode_link(one.link).intro, token)
            for one in self._kept.values()
            if one.shown.account == account
            and one.shown.stage is Stage.AGREED
            and not _is_over(one, now)
        )

    # What we do

    def introduce(self, command: IntroduceContact, now: Now) -> list[Effect]:
        """Ask a contact whether they want to be introduced to another one."""
        state, account, to = self._state, command.account, command.to
        for one in (account, to):
            if state.contact_state(one) is not ContactState.ACCEPTED:
                error = UnknownContact(f"{one} is no contact of yours; see `contacts`")
                return [Reply(command.id, error=error)]
        if account == to:
            error = LocalProtocolError("introduce two people who are not the same")
            return [Reply(command.id, error=error)]
        shown = Introduction(
            state.me.account, account, state.directory.name(account), Stage.WAITING, now.wall_ms
        )
        kept = self._keep(KeptIntroduction(shown, to), now)
        if not kept:
            error = LocalProtocolError(f"{OF_ONE_MAX} introductions wait already, the most")
            return [Reply(command.id, error=error)]
        asked = MayIntroduce(to, state.directory.name(to))
        return [*kept, *self._write(account, asked, now), Reply(command.id)]

    def answer(self, command: AnswerIntroduction, now: Now) -> list[Effect]:
        """Say yes or no to one that waits for us."""
        kept = self._kept.get((command.introducer, command.account, None))
        if kept is None or kept.shown.stage not in (Stage.ASKED, Stage.OFFERED):
            error = UnknownContact("there is no such introduction; see `introductions`")
            return [Reply(command.id, error=error)]
        if command.consent is None:
            del self._kept[_key(kept)]
            return [self._persist(), Reply(command.id)]
        if _is_over(kept, now):
            error = LinkError("this introduction is older than 30 days; ask for another one")
            return [Reply(command.id, error=error)]
        if kept.shown.stage is Stage.OFFERED:
            consent, link = command.consent, decode_link(kept.link)
            asked = self._ask(AddContact(command.id, link, consent.pair_half), now)
            if self._state.contact_state(link.account) is None:
                return asked  # refused, with the reason
            return [*asked, *self._turn(kept, Stage.TAKEN, kept.link)]
        return [*self._agree(kept, command, now), Reply(command.id)]

    def _agree(self, kept: KeptIntroduction, command: AnswerIntroduction, now: Now) -> list[Effect]:
        assert command.consent is not None, "somebody said yes"
        me, consent, known = self._state.me, command.consent, self._state.own_devices
        devices = known if me.device in known.devices else me.devices
        link = encode_link(
            ContactLink(me.account, me.device, consent.intro, devices, consent.addresses)
        )
        said = IntroductionConsent(kept.shown.account, link)
        written = self._write(kept.shown.introducer, said, now)
        return [*self._turn(kept, Stage.AGREED, link), *written]

    # What contacts do

    def heard(self, op: Op, content: Introducing, now: Now) -> list[Effect]:
        """A contact wrote something about an introduction."""
        introducer = op.header.account
        match content:
            case MayIntroduce(account, name):
                return self._offered(introducer, account, name, "", now)
            case IntroductionConsent(account, link):
                return self._agreed(introducer, account, link, now)
            case Introduce(name, link):
                owner = self._owner(link)
                return [] if owner is None else self._offered(introducer, owner, name, link, now)

    def _offered(
        self, introducer: AccountId, account: AccountId, name: str, link: str, now: Now
    ) -> list[Effect]:
        state = self._state
        is_known = state.contact_state(account) in (ContactState.ACCEPTED, ContactState.BLOCKED)
        if is_known or account in (introducer, state.me.account):
            state.refuse("introduction to somebody known")
            return []
        stage = Stage.OFFERED if link else Stage.ASKED
        shown = Introduction(introducer, account, name, stage, now.wall_ms)
        kept = self._keep(KeptIntroduction(shown, link=link), now)
        if not kept:
            state.refuse("too many introductions")
            return []
        return [*kept, Emit(IntroductionReceived(shown))]

    def _agreed(self, account: AccountId, to: AccountId, link: str, now: Now) -> list[Effect]:
        """Whom we asked agrees: the other one is told, if that is a contact still."""
        kept = self._kept.pop((self._state.me.account, account, to), None)
        if kept is None or self._owner(link) != account:
            self._state.refuse("consent to no introduction")
            return []
        if self._state.contact_state(to) is not ContactState.ACCEPTED:
            return [self._persist()]
        return [self._persist(), *self._write(to, Introduce(kept.shown.name, link), now)]

    def _owner(self, link: str) -> AccountId | None:
        """Whose link it is; None, and counted, when it is none."""
        try:
            return decode_link(link).account
        except LinkError:
            self._state.refuse("introduction without a link")
            return None

    # How they are kept

    def _keep(self, kept: KeptIntroduction, now: Now) -> list[Effect]:
        """Nothing where there is no room; the same one again takes the place of the first."""
        for key in [key for key, one in self._kept.items() if _is_over(one, now)]:
            del self._kept[key]
        key, of_each = _key(kept), Counter(one.shown.introducer for one in self._kept.values())
        is_full = len(self._kept) >= INTRODUCTIONS_MAX
        if key not in self._kept and (is_full or of_each[key[0]] >= OF_ONE_MAX):
            return []
        self._kept[key] = kept
        return [self._persist()]

    def _turn(self, kept: KeptIntroduction, stage: Stage, link: str) -> list[Effect]:
        shown = replace(kept.shown, stage=stage)
        self._kept[_key(kept)] = replace(kept, shown=shown, link=link)
        return [self._persist()]

    def _persist(self) -> Effect:
        """Put all on disk; who was brought together by whom is shown with contacts."""
        met = (Stage.AGREED, Stage.TAKEN)
        self._state.directory.introducers = {
            one.shown.account: one.shown.introducer
            for one in self._kept.values()
            if one.shown.stage in met
        }
        return Persist(PutSetting(SETTING, encode_kept(self._kept.values())))


def _key(kept: KeptIntroduction) -> Key:
    return kept.shown.introducer, kept.shown.account, kept.to


def _is_over(kept: KeptIntroduction, now: Now) -> bool:
    return now.wall_ms - kept.shown.created_at > LIFETIME_MS
