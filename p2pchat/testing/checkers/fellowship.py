"""Who is a member of a room by invitation comes to see the same room.

Whom to ask follows from an owner's view, for an owner never goes and nobody puts it out: each
member by that has to be there, and to have the same view. Who is out, and does not know it yet, may
have another. Asked when the time that coming together may take has passed since everything healed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2pchat.events import AnnouncementChanged, DescriptionChanged, Event, RoomJoined, RoomRenamed
from p2pchat.model.control import Detail
from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.membership import Membership
from p2pchat.protocol.shared_heads import shared_with
from p2pchat.protocol.state import Conversation, State
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life, Peer

__all__ = ["Fellowship"]


class Fellowship(Checker):
    """The same members in the same roles, the same heads, epochs and name; and who subscribed to
    it was told what the room says of itself."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._told: dict[tuple[DeviceId, ConversationId, Detail], str] = {}

    def opened(self, life: Life) -> Complaints:
        for id, room in _state(life).conversations.items():
            self._see(life, id, room)
        return ()

    def told(self, life: Life, event: Event) -> Complaints:
        device = life.peer.identity.device
        match event:
            case RoomJoined(info):
                self._see(life, info.id, _state(life).conversations.get(info.id))
            case RoomRenamed(info):
                self._told[device, info.id, Detail.NAME] = info.name
            case DescriptionChanged(id, text):
                self._told[device, id, Detail.DESCRIPTION] = text
            case AnnouncementChanged(id, text):
                self._told[device, id, Detail.ANNOUNCEMENT] = text
            case _:
                pass
        return ()

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        by_account = {peer.identity.account: peer for peer in peers}
        for id, owner in self._rooms(peers):
            reference = _state(owner.life).conversations[id]
            assert reference.invited is not None
            for account in sorted(reference.invited.membership.members()):
                peer = by_account[account]
                room = _state(peer.life).conversations.get(id)
                if room is None or not room.is_entered:
                    yield f"{peer.name} is not in, and {owner.name} takes it for a member"
                    continue
                names = f"{peer.name} and {owner.name}"
                yield from (f"{names} {what}" for what in _differences(room, reference))
                yield from (f"{names} {what}" for what in _uncompared(peer, owner, id))
                yield from self._untold(peer, id, room)

    def _untold(self, peer: Peer, id: ConversationId, room: Conversation) -> Iterator[str]:
        assert room.invited is not None
        for detail in Detail:
            told = self._told.get((peer.identity.device, id, detail), "")
            if told != room.invited.says(detail):
                yield f"{peer.name} was told last of a {detail.name} {told!r}, it is another"

    def _see(self, life: Life, id: ConversationId, room: Conversation | None) -> None:
        """Whoever looks at a room sees what it says."""
        if room is not None and room.invited is not None:
            for detail in Detail:
                self._told[life.peer.identity.device, id, detail] = room.invited.says(detail)

    def _rooms(self, peers: Sequence[Peer]) -> Iterator[tuple[ConversationId, Peer]]:
        """Rooms by invitation, each with its first owner who is there."""
        found: dict[ConversationId, Peer] = {}
        for peer in peers:
            for id, room in _state(peer.life).conversations.items():
                owners: Sequence[AccountId] = ()
                if room.invited is not None and room.is_entered:
                    owners = room.invited.membership.genesis.owners
                if peer.identity.account in owners:
                    found.setdefault(id, peer)
        yield from found.items()


_VIEWED = ("members", "names", "epochs", "heads")


def _differences(one: Conversation, other: Conversation) -> Iterator[str]:
    for what, own, theirs in zip(_VIEWED, _view(one), _view(other), strict=True):
        if own != theirs:
            yield f"see other {what}: {own}, {theirs}"


def _view(conversation: Conversation) -> tuple[object, ...]:
    room = conversation.invited
    assert room is not None, "a room by invitation"
    sending = room.epochs.sending()
    return (
        sorted(room.membership.members().items()),
        [room.says(detail) for detail in Detail],
        (sorted(room.membership.epochs()), sending.op if sending is not None else None),
        _heads(conversation, room.membership),
    )


def _uncompared(one: Peer, other: Peer, id: ConversationId) -> Iterator[str]:
    """In a room that does not show all its history, what two do not compare alike that is for both,
    but for the talk of who was put out."""
    here = {one.identity.device, other.identity.device}
    told = list[set[Position]]()
    for peer, reader in ((one, other), (other, one)):
        state = _state(peer.life)
        heads = shared_with(state, state.conversations[id], reader.identity.device).heads
        told.append({head for head in heads if head.chain is Chain.TALK and head.device in here})
    if told[0] != told[1]:
        yield f"tell each other other heads: {told[0] - told[1]}, {told[1] - told[0]}"


def _heads(conversation: Conversation, membership: Membership) -> list[str]:
    """What is here of those who are in, and of what rules the room. Of who was put out some have
    more: what it said before they heard that."""
    room = conversation.invited
    heads = [
        tip.id.hex()
        for (_, chain), tips in conversation.log.tips.items()
        for tip in tips
        if chain is Chain.TALK and tip.account in membership.members()
        if room is not None and room.shows_all
    ]
    return sorted([*heads, *(op.hex() for op in membership.last())])


def _state(life: Life | None) -> State:
    node = life.node if life is not None else None
    assert node is not None, "it is up"
    return node.chat.state
