"""What a device is given of all rooms that is here again, or whose lane broke.

A member's device gets each room's welcome, and of the keys that others gave meanwhile as much as
one lane takes at once: what all rooms owe it together is bounded, for a third may have begun them
all. An account that we put out of a room while it was away is told that, and nothing of later.

A lane that broke is made up for a little later, and the longer the more often it broke: perhaps
what we give is what breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from p2pchat.model.ids import DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Op
from p2pchat.protocol.machine import Effect, Lane, Send
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.room_state import InvitedRoom, welcome_to
from p2pchat.protocol.room_writing import LAST_WORDS_BYTES, ROOMS_TOLD_MAX, RoomWriter
from p2pchat.protocol.sender_keys import SenderKeys
from p2pchat.protocol.state import Conversation, State
from p2pchat.protocol.sync import Sync
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.frames import Ops, Welcome, split_ops

__all__ = ["AGAIN_PREFIX", "AGAIN_S", "Meetings", "connected_in", "tell", "welcome_of"]

AGAIN_PREFIX = "again:"
AGAIN_S = 5.0
"""After a lane broke, until its peer is given anew what may have been lost on it."""
AGAIN_DOUBLED_MAX = 6
"""So often that wait doubles, as long as the peer stays connected."""
DEVICES_BYTES_MAX = 128 * 1024
"""Of members' device sets, in all welcomes of one hello; ops bring those of their authors."""


class Meetings:
    """Who comes, and what they get."""

    def __init__(
        self, state: State, outbox: Outbox, sync: Sync, writer: RoomWriter, keys: SenderKeys
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._sync = sync
        self._writer = writer
        self._keys = keys
        self._broke: dict[DeviceId, int] = {}
        """How often the lane of a connected device broke."""

    def greeted(self, peer: DeviceId, now: Now) -> list[Effect]:
        """A device said whose it is: its account's rooms are its own, and of those that we put it
        out of while it was away it is told."""
        effects: list[Effect] = []
        shared: list[InvitedRoom] = []
        rooms_told, left = 0, DEVICES_BYTES_MAX
        for conversation, room in self._rooms():
            is_member = room.membership.standing(self._state.me.account).may_read
            if is_member and peer in connected_in(self._state, room):
                welcome = welcome_of(self._state, room, left)
                left -= sum(len(known.raw) for known in welcome.devices)
                effects += self._greet(conversation, welcome, peer, now)
                shared.append(room)
            elif rooms_told < ROOMS_TOLD_MAX:
                words = self._last_words(conversation, peer)
                rooms_told += bool(words)
                effects += words
        return effects + self._keys.owed(shared, peer)

    def admitted(
        self, conversation: Conversation, room: InvitedRoom, peer: DeviceId, now: Now
    ) -> list[Effect]:
        """A device that is here is a member's now."""
        welcome = welcome_of(self._state, room)
        greeting = self._greet(conversation, welcome, peer, now)
        return [*greeting, *self._keys.owed([room], peer)]

    def gone(self, peer: DeviceId) -> None:
        """A device is here no more."""
        self._broke.pop(peer, None)
        self._missed(peer)

    def lost(self, peer: DeviceId) -> list[Effect]:
        """A lane broke whose peer is connected still: give it all anew, a little later."""
        self._missed(peer)
        if peer not in self._state.connected or not self._is_reader(peer):
            return []
        broke = self._broke.get(peer, 0)
        self._broke[peer] = min(broke + 1, AGAIN_DOUBLED_MAX)
        return [SetTimer(AGAIN_PREFIX + peer.hex(), AGAIN_S * 2**broke)]

    def again(self, name: str, now: Now) -> list[Effect]:
        """What was lost."""
        peer = DeviceId(bytes.fromhex(name.removeprefix(AGAIN_PREFIX)))
        if peer not in self._state.connected:
            return []
        self._missed(peer)
        return self.greeted(peer, now)

    # How

    def _greet(
        self, conversation: Conversation, welcome: Welcome, peer: DeviceId, now: Now
    ) -> list[Effect]:
        """Give a member's device what it may lack, but for others' keys."""
        if conversation.invited is not None:
            conversation.invited.sharing.lost(peer)
        return [Send(peer, Lane.LIVE, welcome), *self._sync.begin(conversation, peer, now)]

    def _missed(self, peer: DeviceId) -> None:
        """What was on its way to a device may be lost."""
        for conversation, room in self._rooms():
            room.sharing.lost(peer)
            if peer in self._state.readers(room):
                self._outbox.touch(conversation.id)

    def _last_words(self, conversation: Conversation, peer: DeviceId) -> list[Effect]:
        account = self._state.directory.accounts.get(peer)
        words = self._writer.last_words(conversation, account) if account is not None else []
        parts = split_ops(words, LAST_WORDS_BYTES)
        return [sent for part in parts for sent in tell(self._state, part, [peer])]

    def _is_reader(self, peer: DeviceId) -> bool:
        return any(peer in self._state.readers(room) for _, room in self._rooms())

    def _rooms(self) -> Iterator[tuple[Conversation, InvitedRoom]]:
        for conversation in self._state.conversations.values():
            if conversation.invited is not None:
                yield conversation, conversation.invited


def connected_in(state: State, room: InvitedRoom) -> set[DeviceId]:
    """Whom to tell; before it is entered a room is only listened to."""
    return state.readers(room) & state.connected if room.is_entered else set()


def welcome_of(state: State, room: InvitedRoom, most: int = DEVICES_BYTES_MAX) -> Welcome:
    """What a member's device needs of a room, with so many bytes of devices that we know of."""
    sets, devices = state.directory.sets, list[ClaimedSet]()
    for known in (sets[account] for account in room.membership.members() if account in sets):
        most -= len(known.raw)
        if most < 0:
            break
        devices.append(known)
    return welcome_to(room, devices)


def tell(state: State, ops: Sequence[Op], devices: Iterable[DeviceId]) -> list[Effect]:
    """Give ops of ours to those of these devices that are here."""
    here = sorted(set(devices) & state.connected)
    return [Send(peer, Lane.LIVE, Ops(tuple(ops), (state.own_devices,))) for peer in here]
