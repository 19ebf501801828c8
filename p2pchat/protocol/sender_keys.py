"""The keys of sender sessions on their way through a room.

A sender gives its key to the members' devices that it is connected with, and they pass it on, each
on streams that end at the reader. So a room is live for all of it, though nobody is connected with
more than a few. Who passes on decides nothing: the key is signed by its device, and is for those
whom its sender took for members' devices; of these it goes to those whom we take for such as well.
Whoever is out for either of the two gets it from neither.

Each member verifies before it passes on, and passes each key on once, at a pace, to those to whom
its sender did not give it: where everybody is connected nobody passes on. A key that does not
verify is the fault of who brought it, and a device that makes too many is not heard further.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from p2pchat.errors import BadSignature
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Now
from p2pchat.protocol.machine import Drop, Effect, Lane, LearnSession, Send
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import State
from p2pchat.wire.sender_keys import SignedSenderKey, verify_sender_key

__all__ = ["SenderKeys"]

PACE = Rate(per_s=2, burst=16)
"""Keys of one device in one room: a session is good for a hundred blobs."""
OWED_BYTES_MAX = 256 * 1024
OWED_PACE = Rate(per_s=8192, burst=OWED_BYTES_MAX)
"""Bytes of keys, to a device that is here again or a member now, of all rooms: a lane has more to
carry than these."""
AUDIENCE_FACTOR, AUDIENCE_SPARE = 2, 64
"""So many times the devices that we know of a room, and so many beyond, may be those that a key is
for: its sender may know more of them than we do."""


class SenderKeys:
    """Who is told whose key."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._pace = Buckets[tuple[ConversationId, DeviceId]](PACE)
        self._owed = Buckets[DeviceId](OWED_PACE)

    def heard(
        self, room: InvitedRoom, peer: DeviceId, signed: SignedSenderKey, now: Now
    ) -> list[Effect]:
        """Somebody brings a key, perhaps before we hear that its sender is a member."""
        device, held = signed.said.device, room.sharing.others
        if device == self._state.me.device or not held.is_news(signed):
            return []
        try:
            verify_sender_key(signed)
        except BadSignature as error:
            self._state.refuse(error)
            return [Drop(peer, str(error))]
        if device in self._state.sources(room):
            return self._take(room, signed, peer, now)
        held.expect(signed)
        return []

    def early(self, room: InvitedRoom, now: Now) -> list[Effect]:
        """Take the keys that came before their devices were known to be members'."""
        held, effects = room.sharing.others, list[Effect]()
        sources = self._state.sources(room) if held.waiting else set[DeviceId]()
        for device in held.waiting:
            signed = held.take_early(device) if device in sources else None
            effects += self._take(room, signed, device, now) if signed is not None else []
        return effects

    def owed(self, rooms: Iterable[InvitedRoom], peer: DeviceId, now: Now) -> list[Effect]:
        """A member's device is here that may have been away: what others gave to it in these
        rooms, of each in turn what came last, as much as is given at once."""
        owed: list[Effect] = []
        bucket = self._owed.of(peer, now.monotonic_s)
        turns = zip_longest(*(self._for(room, peer) for room in rooms))
        for signed in (signed for turn in turns for signed in turn if signed is not None):
            if not bucket.take(signed.size_bytes, now.monotonic_s):
                break
            owed.append(Send(peer, Lane.LIVE, signed))
        return owed

    def _for(self, room: InvitedRoom, peer: DeviceId) -> Iterator[SignedSenderKey]:
        """The keys of a room that its member's device may have, the last one first."""
        readers = self._state.readers(room)
        for signed in reversed(tuple(room.sharing.others)):
            sender = signed.said.device
            if sender in readers and sender != peer and signed.said.listed((peer,)) & readers:
                yield signed

    def _take(
        self, room: InvitedRoom, signed: SignedSenderKey, peer: DeviceId, now: Now
    ) -> list[Effect]:
        """Open with it what its device publishes, and pass it on."""
        said = signed.said
        if not self._pace.of((said.conversation, said.device), now.monotonic_s).take(
            1, now.monotonic_s
        ):
            self._state.refuse("too many keys of one device")
            return []
        learned = LearnSession(said.conversation, said.device, said.key)
        readers, held = self._state.readers(room), room.sharing.others
        if said.audience.count > AUDIENCE_FACTOR * len(readers) + AUDIENCE_SPARE:
            held.remember(said)
            self._state.refuse("key for more devices than a room has")
            return [learned]
        held.keep(signed)
        here = readers & self._state.connected
        others = said.left(here - {peer, said.device})
        return [
            learned,
            *(Send(other, Lane.LIVE, signed) for other in sorted(others)),
        ]
