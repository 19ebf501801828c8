"""Consequences: what an op does beyond its log, once it is applied.

Our own ops and everybody else's do the same. An op whose content breaks the bounds is signed by its
author all the same: the chain goes on, and nothing is shown.
"""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.errors import RemoteProtocolError
from p2pchat.events import MessageReceived, ProfileChanged
from p2pchat.model.change import AddMessage, Counting, PutName, PutProfile, RestoreContent
from p2pchat.model.ids import AccountId
from p2pchat.model.machine import Now
from p2pchat.model.message import Message, MessageState
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.protocol.machine import Effect, Emit, Persist
from p2pchat.protocol.relations import Relations
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.contents import Accept, Content, Profile, Reject, Request, Text, decode_content
from p2pchat.wire.introductions import Introduce, IntroductionConsent, MayIntroduce
from p2pchat.wire.relations import Delete, Edit, React

__all__ = ["Consent", "Consequences", "shown_message"]

Consent = Callable[[Op, Content, Now], list[Effect]]
"""What a request, an acceptance or a rejection does to a contact (`protocol.contacts`)."""


class Consequences:
    """Messages, names, profiles, contacts: whatever ops are about."""

    def __init__(self, state: State, consent: Consent) -> None:
        self._state = state
        self._consent = consent
        self.relations = Relations(state)

    def of(self, conversation: Conversation, op: Op, key: int, now: Now) -> list[Effect]:
        """What an op that is applied, and shown at `key`, does."""
        if op.content is None:
            return self._show_deleted(conversation, op, key, now)
        try:
            content = decode_content(op.header.kind, op.content)
        except RemoteProtocolError as error:
            self._state.refuse(error)  # signed by its author: the chain goes on, nothing is shown
            return []
        if not _is_in_time(conversation, op):
            return []
        match content:
            case Text():
                return self._show(op, content, key, now)
            case Edit() | Delete() | React():
                return self.relations.take(op, content)
            case Profile():
                account = op.header.account
                effects = self.rename(account, content.name, op.header.hlc)
                if conversation.other is not None and op.header.device != self._state.me.device:
                    effects += self.describe(account, content, op.header.hlc)
                return effects
            case Request() | Accept() | Reject():
                return self._consent(op, content, now)
            case MayIntroduce() | IntroductionConsent() | Introduce():
                return self._consent(op, content, now) if conversation.other is not None else []
            case _:
                return []

    def mended(self, conversation: Conversation, op: Op, now: Now) -> list[Effect]:
        """The content of an op that was taken without came after all."""
        assert op.content is not None, "an op that is whole"
        try:
            content = decode_content(op.header.kind, op.content)
        except RemoteProtocolError as error:
            self._state.refuse(error)
            return [Persist(RestoreContent(op))]
        match content:
            case Text(text, reply_to) if _is_in_time(conversation, op):
                told = self._tell(op, content, now)
                return [Persist(RestoreContent(op, text, reply_to)), *told]
            case Edit() if _is_in_time(conversation, op):
                return [Persist(RestoreContent(op)), *self.relations.take(op, content)]
            case _:
                return [Persist(RestoreContent(op))]

    def rename(self, account: AccountId, name: str, hlc: int) -> list[Effect]:
        """Take an account's name if none newer is known."""
        known_hlc, known = self._state.directory.names.get(account, (-1, ""))
        if hlc <= known_hlc or not name:
            return []
        self._state.directory.names[account] = (hlc, name)
        return [Persist(PutName(account, name, hlc))] if name != known or known_hlc < 0 else []

    def describe(self, account: AccountId, profile: Profile, hlc: int) -> list[Effect]:
        """Take what an account says of itself if nothing newer is known."""
        profiles = self._state.directory.profiles
        known = profiles.get(account)
        if known is not None and hlc <= known.hlc:
            return []
        row = profiles[account] = PutProfile(account, profile.bio, profile.avatar, hlc)
        name = self._state.directory.name(account)
        return [Persist(row), Emit(ProfileChanged(account, name))]

    def _show(self, op: Op, text: Text, key: int, now: Now) -> list[Effect]:
        shown = Persist(shown_message(op, text, self._counting(op), key, now.wall_ms))
        return [shown, *self._tell(op, text, now)]

    def _tell(self, op: Op, text: Text, now: Now) -> list[Effect]:
        """A message of somebody else is here, unless it was taken back already."""
        is_foreign = self._counting(op) is Counting.NOBODY
        is_told = is_foreign and not self.relations.is_taken_back(op)
        self.relations.came(op)
        if not is_told:
            return []
        message = self.message(op, text, now)
        return [Emit(MessageReceived(message, self._state.me.account in message.mentions))]

    def _show_deleted(self, conversation: Conversation, op: Op, key: int, now: Now) -> list[Effect]:
        """A message that nobody is told about: others deleted it before it came."""
        if op.header.kind != Kind.TEXT or not _is_in_time(conversation, op):
            return []
        return [Persist(shown_message(op, Text(""), self._counting(op), key, now.wall_ms))]

    def _counting(self, op: Op) -> Counting:
        me, header = self._state.me, op.header
        if header.account != me.account:
            return Counting.NOBODY
        return Counting.HERE if header.device == me.device else Counting.ELSEWHERE

    def message(self, op: Op, text: Text, now: Now) -> Message:
        """The message a text op is shown as."""
        header, me = op.header, self._state.me
        return Message(
            id=op.id,
            conversation=header.conversation,
            author=header.account,
            author_name=self._state.directory.name(header.account),
            type="text",
            text=text.text,
            sent_at=header.written_ms,
            received_at=now.wall_ms,
            state=(MessageState.QUEUED if header.account == me.account else MessageState.DELIVERED),
            reply_to=text.reply_to,
            signature=op.signature,
        )


def shown_message(op: Op, text: Text, own: Counting, sort_key: int, received_ms: int) -> AddMessage:
    """The row that a text op is shown as."""
    header = op.header
    return AddMessage(
        op=op.id,
        conversation=header.conversation,
        author=header.account,
        device=header.device,
        seq=header.seq,
        own=own,
        text=text.text,
        type="text",
        sent_ms=header.written_ms,
        received_ms=received_ms,
        sort_key=sort_key,
        reply_to=text.reply_to,
    )


def _is_in_time(conversation: Conversation, op: Op) -> bool:
    """Whether a talk op was written by who might; only a room by invitation says who that is."""
    room = conversation.invited
    return room is None or op.header.chain is Chain.CONTROL or room.is_in_time(op)
