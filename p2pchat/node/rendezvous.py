"""Members of a room find each other through the DHT when they share no connection.

Gossip carries a room along the connections of its members, and relays hear no room: two members
whose only common acquaintance is a relay would never meet. So each announces itself at a key that
follows from the room's secret, and asks there for others. Nobody is believed: whoever is found
there is dialled, and who subscribes to the topic has merely heard of it, as every neighbour of a
member has. A member is who wrote in the room and said so itself.

So strangers who claim to hear the topic end no search: it goes on ever less often, and it is only
with enough members that it is seldom from the start. One room is looked after at a time, with a
rest in between. What others hold about us ends two hours after we left.
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
"""Peers that are connected and hear the topic; beyond them others are dialled by the few, and when
so many are members for sure, others are looked for seldom."""
DIALS_MAX = 6
"""Members dialled after one look."""
MORE_DIALS_MAX = 2
"""The same, when enough are connected that say they hear the topic."""
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
    hearers: set[PeerId] = field(default_factory=set[PeerId])
    """Connected peers that say they hear the topic."""
    members: set[PeerId] = field(default_factory=set[PeerId])
    """Those of them that wrote in the room."""
    is_announced: bool = False
    pause_s: float = LOOK_S_MIN


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
            meeting.hearers.add(peer)

    def spoke(self, room: ConversationId, peer: PeerId) -> None:
        """A peer sent what opens in the room and what it wrote itself."""
        meeting = self._meetings.get(room)
        if meeting is not None and peer in meeting.hearers:
            meeting.members.add(peer)

    def left(self, room: ConversationId, peer: PeerId) -> None:
        """A peer hears the topic no longer, or is gone."""
        meeting = self._meetings.get(room)
        if meeting is None or peer not in meeting.hearers:
            return
        meeting.hearers.discard(peer)
        if peer in meeting.members or len(meeting.hearers) < ENOUGH:
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
        return min(self._meetings.values(), key=lambda meeting: meeting.due_s, default=None)

    def _hasten(self, meeting: _Meeting) -> None:
        meeting.pause_s = LOOK_S_MIN
        meeting.due_s = min(meeting.due_s, trio.current_time() + LOOK_S_MIN)
        self._changed.set()

    async def _look(self, meeting: _Meeting) -> None:
        """Announce ourselves, see who else has, and dial some."""
        jitter = self._rng.uniform(1 - JITTER, 1 + JITTER)
        if meeting.is_announced and len(meeting.members) >= ENOUGH:
            meeting.pause_s = LOOK_S_MAX
        meeting.due_s = trio.current_time() + meeting.pause_s * jitter
        meeting.pause_s = min(2 * meeting.pause_s, LOOK_S_MAX)
        if not meeting.is_announced:
            meeting.is_announced = True  # before it is: `moved` meanwhile takes it back
            if not await self._directory.announce(meeting.key):
                meeting.is_announced = False
        found = await self._directory.announced(meeting.key)
        await self._meet(found, DIALS_MAX if len(meeting.hearers) < ENOUGH else MORE_DIALS_MAX)

    async def _meet(self, found: Sequence[KadPeer], dials_max: int) -> None:
        strangers = [
            contact
            for contact in found
            if contact.addresses and not self._host.is_connected(contact.peer)
        ]
        chosen = self._rng.sample(strangers, min(dials_max, len(strangers)))
        async with trio.open_nursery() as nursery:
            for contact in chosen:
                nursery.start_soon(self._dial, contact)

    async def _dial(self, contact: KadPeer) -> None:
        try:
            await self._host.connect(contact.peer, contact.addresses)
        except NetworkError as error:
            logger.info("a room's member %s: %s", contact.peer.short, error)
