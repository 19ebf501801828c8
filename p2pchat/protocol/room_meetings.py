"""What a device is given of all rooms that is here again, or whose lane broke.

A member's device gets the rooms' welcomes, and of the keys that others gave meanwhile, as much as
one lane takes at once: what all rooms owe it together is bounded, for a third may have begun most
of them; so those of each who took us in come in turn. An account that we put out of a room while it
was away is told that, and nothing of later.

A lane that broke is made up for a little later, and the longer the more often it broke: perhaps
what we give is what breaks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Op
from p2pchat.protocol.machine import Effect, Lane, Send
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.room_state import InvitedRoom, welcome_to
from p2pchat.protocol.room_writing import LAST_WORDS_BYTES, ROOMS_TOLD_MAX, RoomWriter
from p2pchat.protocol.sender_keys import SenderKeys
from p2pchat.protocol.state import Conversation, State
from p2pchat.protocol.sync import Sync
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.frames import Ops, Welcome, encode_frame, split_ops

__all__ = ["AGAIN_PREFIX", "AGAIN_S", "Meetings", "connected_in", "tell"]

AGAIN_PREFIX = "again:"
AGAIN_S = 5.0
"""After a lane broke, until its peer is given anew what may have been lost on it."""
AGAIN_DOUBLED_MAX = 6
"""So often that wait doubles, as long as the peer stays connected."""
DEVICES_BYTES_MAX = 128 * 1024
DEVICES_PACE = Rate(per_s=4096, burst=DEVICES_BYTES_MAX)
"""Bytes of members' device sets in welcomes to one device; ops bring those of their authors."""
HELLO_BYTES_MAX = 384 * 1024
"""Of all welcomes of one hello, as they are sent: a thousand rooms of a few words have room."""

Room = tuple[Conversation, InvitedRoom]


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
        self._devices = Buckets[DeviceId](DEVICES_PACE)

    def greeted(self, peer: DeviceId, now: Now) -> list[Effect]:
        """A device said whose it is: its account's rooms are its own, and of those that we put it
        out of while it was away it is told."""
        effects: list[Effect] = []
        shared: list[Room] = []
        rooms_told = 0
        for conversation, room in self._rooms():
            is_member = room.membership.standing(self._state.me.account).may_read
            if is_member and peer in connected_in(self._state, room):
                shared.append((conversation, room))
            elif rooms_told < ROOMS_TOLD_MAX:
                words = self._last_words(conversation, peer)
                rooms_told += bool(words)
                effects += words
        effects += self._welcomed(_in_turn(shared), peer, now)
        return effects + self._keys.owed([room for _, room in shared], peer, now)

    def admitted(
        self, conversation: Conversation, room: InvitedRoom, peer: DeviceId, now: Now
    ) -> list[Effect]:
        """A device that is here is a member's now."""
        devices = self._devices.of(peer, now.monotonic_s)
        welcome = welcome_of(self._state, room, devices.left(now.monotonic_s))
        devices.owe(_devices_bytes(welcome), now.monotonic_s)
        greeting = self._greet(conversation, welcome, peer, now)
        return [*greeting, *self._keys.owed([room], peer, now)]

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

    def _welcomed(self, rooms: Iterable[Room], peer: DeviceId, now: Now) -> list[Effect]:
        """Give a device that is here again what it may lack of rooms, as far as there is room."""
        effects: list[Effect] = []
        left, devices = HELLO_BYTES_MAX, self._devices.of(peer, now.monotonic_s)
        for conversation, room in rooms:
            welcome = welcome_of(self._state, room, min(left, devices.left(now.monotonic_s)))
            size = len(encode_frame(welcome))
            if size > left:
                self._state.refuse("welcome for which a hello had no room")
                effects += self._sync.begin(conversation, peer, now)
                continue
            left -= size
            devices.owe(_devices_bytes(welcome), now.monotonic_s)
            effects += self._greet(conversation, welcome, peer, now)
        return effects

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

    def _rooms(self) -> Iterator[Room]:
        for conversation in self._state.conversations.values():
            if conversation.invited is not None:
                yield conversation, conversation.invited


def _in_turn(rooms: Iterable[Room]) -> list[Room]:
    """One of each who took us into them, then another of each."""
    of_each: dict[AccountId | None, list[Room]] = {}
    for conversation, room in rooms:
        of_each.setdefault(room.inviter, []).append((conversation, room))
    turns = zip_longest(*of_each.values())
    return [room for turn in turns for room in turn if room is not None]


def _devices_bytes(welcome: Welcome) -> int:
    return sum(len(known.raw) for known in welcome.devices)


def connected_in(state: State, room: InvitedRoom) -> set[DeviceId]:
    """Whom to tell; before it is entered a room is only listened to."""
    return state.readers(room) & state.connected if room.is_entered else set()


def welcome_of(state: State, room: InvitedRoom, most: float) -> Welcome:
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
