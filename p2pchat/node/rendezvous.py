"""Members of a room find each other through the DHT when they share no connection.

Gossip carries a room along the connections of its members, and relays hear no room: two members
whose only common acquaintance is a relay would never meet. So each announces itself at a key that
follows from the room's secret, and asks there for others while it has few. Nobody is believed:
whoever is found there is dialled, and is a member when it subscribes to the topic.

One room is looked after at a time, with a rest in between, and ever less often while nothing is
found. What others hold about us ends two hours after we left.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import trio

from p2pchat.errors import NetworkError
from p2pchat.model.conversation import room_rendezvous
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.net.port import Host
from p2pchat.node.publishing import Directory
from p2pchat.protocol.sealing import RoomSecret
from p2pchat.wire.kad_codec import KadPeer

__all__ = ["Rendezvous"]

logger = logging.getLogger(__name__)

ENOUGH = 6
"""Members that hear the topic and are connected; more are not sought."""
DIALS_MAX = 6
"""Members dialled after one look."""
LOOK_S_MIN, LOOK_S_MAX = 2.0, 600.0
"""Between two looks for members of a room; doubles."""
REST_S = 0.5
"""Between two looks for whatever room."""
JITTER = 0.2


@dataclass(slots=True, eq=False)
class _Meeting:
    """One room we are in."""

    key: bytes
    due_s: float
    members: set[PeerId] = field(default_factory=set[PeerId])
    is_announced: bool = False
    pause_s: float = LOOK_S_MIN

    @property
    def wants(self) -> bool:
        return not self.is_announced or len(self.members) < ENOUGH


class Rendezvous:
    """The meetings of all rooms we are in."""

    def __init__(self, host: Host, directory: Directory, rng: Random) -> None:
        self._host = host
        self._directory = directory
        self._rng = rng
        self._meetings: dict[ConversationId, _Meeting] = {}
        self._left: list[bytes] = []
        """Keys to withdraw from."""
        self._changed = trio.Event()

    def enter(self, room: ConversationId, secret: RoomSecret) -> None:
        """Be found in a room from now on, and look for others."""
        key = room_rendezvous(secret.key)
        if room not in self._meetings:
            self._meetings[room] = _Meeting(key, trio.current_time())
            self._changed.set()

    def leave(self, room: ConversationId) -> None:
        """Be found there no longer."""
        meeting = self._meetings.pop(room, None)
        if meeting is not None:
            self._left.append(meeting.key)
            self._changed.set()

    def joined(self, room: ConversationId, peer: PeerId) -> None:
        """A connected peer hears the room's topic."""
        meeting = self._meetings.get(room)
        if meeting is not None:
            meeting.members.add(peer)

    def left(self, room: ConversationId, peer: PeerId) -> None:
        """It does no longer, or is gone."""
        meeting = self._meetings.get(room)
        if meeting is not None and peer in meeting.members:
            meeting.members.discard(peer)
            self._hasten(meeting)

    def moved(self) -> None:
        """Our addresses changed: what was announced is old."""
        for meeting in self._meetings.values():
            meeting.is_announced = False
            self._hasten(meeting)

    async def run(self) -> None:
        """Meet until cancelled."""
        while True:
            self._changed = trio.Event()
            while self._left:
                await self._directory.withdraw(self._left.pop())
            meeting = self._next()
            if meeting is not None and meeting.due_s <= trio.current_time():
                await self._look(meeting)
                await trio.sleep(REST_S)
                continue
            with trio.move_on_at(meeting.due_s if meeting is not None else float("inf")):
                await self._changed.wait()

    def _next(self) -> _Meeting | None:
        """The room that wants to be looked after first."""
        wanting = (meeting for meeting in self._meetings.values() if meeting.wants)
        return min(wanting, key=lambda meeting: meeting.due_s, default=None)

    def _hasten(self, meeting: _Meeting) -> None:
        meeting.pause_s = LOOK_S_MIN
        meeting.due_s = min(meeting.due_s, trio.current_time() + LOOK_S_MIN)
        self._changed.set()

    async def _look(self, meeting: _Meeting) -> None:
        """Announce ourselves, see who else has, and dial some."""
        jitter = self._rng.uniform(1 - JITTER, 1 + JITTER)
        meeting.due_s = trio.current_time() + meeting.pause_s * jitter
        meeting.pause_s = min(2 * meeting.pause_s, LOOK_S_MAX)
        if not meeting.is_announced:
            meeting.is_announced = True  # before it is: `moved` meanwhile takes it back
            if not await self._directory.announce(meeting.key):
                meeting.is_announced = False
        if len(meeting.members) < ENOUGH:
            await self._meet(await self._directory.announced(meeting.key))

    async def _meet(self, found: Sequence[KadPeer]) -> None:
        strangers = [
            contact
            for contact in found
            if contact.addresses and not self._host.is_connected(contact.peer)
        ]
        chosen = self._rng.sample(strangers, min(DIALS_MAX, len(strangers)))
        async with trio.open_nursery() as nursery:
            for contact in chosen:
                nursery.start_soon(self._dial, contact)

    async def _dial(self, contact: KadPeer) -> None:
        try:
            await self._host.connect(contact.peer, contact.addresses)
        except NetworkError as error:
            logger.info("a room's member %s: %s", contact.peer.short, error)
