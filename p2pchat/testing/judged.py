"""What of a room's history all must see alike.

What somebody said on the side of being put out, or of losing its voice, those have who were given
it before they heard of that, and the others never get it. Of all else there is one history: what
was said in time by an owner's last view of who was in when.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.op import Chain, Header, Position
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.room_history import is_for
from p2pchat.protocol.state import State
from p2pchat.store.port import PAGE_LIMIT_MAX, Page
from p2pchat.testing.lives import Peer

__all__ = ["Judged"]

History = Mapping[OpId, Message]


class Judged:
    """One room by invitation, as somebody who is in it sees it now; `headers` are of all ops."""

    def __init__(self, peer: Peer, room: ConversationId, headers: Mapping[OpId, Header]) -> None:
        invited = _state(peer).conversations[room].invited
        assert invited is not None, "a room by invitation"
        self._room = room
        self._headers = headers
        self._invited = invited
        self.members = frozenset(invited.membership.members())
        late = [
            (id, header)
            for id, header in headers.items()
            if header.conversation == room
            and header.chain is Chain.TALK
            and not self._is_in_time(id, header)
        ]
        self.late = frozenset(id for id, _ in late)
        """Said too late to count, or not to be judged here."""
        self._disputed = {(header.refers, header.account) for _, header in late}
        """Messages of which, and who said something late about them."""

    def _is_in_time(self, id: OpId, header: Header) -> bool:
        """What hangs on ops that are not here is held back, and cannot be told."""
        membership = self._invited.membership
        position = Position(header.device, header.chain, header.seq, id)
        return all(one in membership for one in header.deps) and membership.was_in_time(
            position, header.account, header.deps
        )

    @classmethod
    def by_owner(
        cls, peers: Iterable[Peer], room: ConversationId, headers: Mapping[OpId, Header]
    ) -> Judged | None:
        """As the first owner sees it who is in it: one who is alone may go."""
        for peer in peers:
            conversation = _state(peer).conversations.get(room)
            invited = conversation.invited if conversation is not None else None
            owners = invited.membership.genesis.owners if invited is not None else ()
            if peer.identity.account in owners:
                return cls(peer, room, headers)
        return None

    def history(self, peer: Peer) -> dict[OpId, Message]:
        """What somebody sees of that which all must see."""
        shown = peer.store.history(self._room, Page(PAGE_LIMIT_MAX))
        return {message.id: message for message in shown if message.id not in self.late}

    def differences(self, one: Peer, ones: History, other: Peer, others: History) -> Iterator[str]:
        """What two see differently of that which is for both."""
        for reader, more, less in ((one, others, ones), (other, ones, others)):
            lacking = [
                message
                for id, message in more.items()
                if id not in less and self._is_for(reader, id)
            ]
            if lacking:
                yield f"{reader.name} lacks {len(lacking)} texts, such as {lacking[0].text!r}"
        for id in ones.keys() & others.keys():
            if self._is_disputed(ones[id], ones[id].author) and (
                ones[id].deleted or others[id].deleted
            ):
                continue  # with its text go the reactions, for whoever heard that it is taken back
            own, theirs = self._shown(ones[id]), self._shown(others[id])
            if own != theirs and self._invited.shows_all:
                yield f"{one.name} shows {own}, {other.name} {theirs}"

    def may_be_lost(self, author: Peer, id: OpId) -> bool:
        """Whether somebody may say that its words are never delivered: all to whom they were said
        went before having them, for good or for a while."""
        membership, others = self._invited.membership, self.members - {author.identity.account}
        stayed = tuple(one for one in others if not membership.was_out(one))
        recipients = _chat(author).outbox.recipients
        header = self._headers[id]
        is_lost = recipients.is_lost(header.conversation, header.seq)
        return is_lost and not is_for(self._invited, stayed, header)

    def _is_for(self, reader: Peer, id: OpId) -> bool:
        """Whether a message is for somebody by the room's history."""
        return is_for(self._invited, (reader.identity.account,), self._headers[id])

    def _shown(self, message: Message) -> tuple[object, ...]:
        """What of a message all have to see alike."""
        reactions = [
            (one.emoji, one.account)
            for one in message.reactions
            if not self._is_disputed(message, one.account)
        ]
        if self._is_disputed(message, message.author):
            return (reactions,)
        return message.text, message.edited, message.deleted, reactions

    def _is_disputed(self, message: Message, account: AccountId) -> bool:
        return (message.id, account) in self._disputed


def _chat(peer: Peer) -> Chat:
    node = peer.life.node if peer.life is not None else None
    assert node is not None, "it is there"
    return node.chat


def _state(peer: Peer) -> State:
    return _chat(peer).state
