"""What members who are here are told of a room between two meetings: that there is another epoch,
and that they are members now.

Whoever rules a room brings about either as often as it likes, in a few hundred bytes, and each time
every member welcomes every other. So the first is told at once, and what follows within a second is
told at its end, in one welcome.
"""

from __future__ import annotations

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.protocol.machine import Effect, Lane, Send
from p2pchat.protocol.room_meetings import Meetings, connected_in
from p2pchat.protocol.room_state import InvitedRoom, welcome_to
from p2pchat.protocol.state import Conversation, State

__all__ = ["NEWS_PREFIX", "NEWS_S", "RoomNews"]

NEWS_PREFIX = "news:"
NEWS_S = 1.0
"""Between two welcomes of the same cause."""

Whom = DeviceId | None
"""A device that is a member's now; None for all, of an epoch."""


class RoomNews:
    """Who is told what of a room, and when."""

    def __init__(self, state: State, meetings: Meetings) -> None:
        self._state = state
        self._meetings = meetings
        self._told_s: dict[tuple[ConversationId, Whom], float] = {}
        """When it was told last, the longest ago first; what is over is forgotten."""
        self._owed: dict[ConversationId, set[Whom]] = {}

    def learned(self, conversation: Conversation, now: Now) -> list[Effect]:
        """Another epoch is known."""
        return self._tell(conversation, None, now)

    def admitted(self, conversation: Conversation, peer: DeviceId, now: Now) -> list[Effect]:
        """A device that is here may be a member's now."""
        return self._tell(conversation, peer, now)

    def fired(self, name: str, now: Now) -> list[Effect]:
        """What was put off."""
        id = ConversationId(bytes.fromhex(name.removeprefix(NEWS_PREFIX)))
        owed, conversation = self._owed.pop(id, set()), self._state.conversations.get(id)
        if conversation is None:
            return []
        whom = sorted(owed, key=lambda one: one or b"")
        return [effect for one in whom for effect in self._tell(conversation, one, now)]

    # How

    def _tell(self, conversation: Conversation, whom: Whom, now: Now) -> list[Effect]:
        id, room = conversation.id, conversation.invited
        if room is None:
            return []
        if now.monotonic_s < self._told_s.get((id, whom), -NEWS_S) + NEWS_S:
            owed = self._owed.setdefault(id, set())
            is_first = not owed
            owed.add(whom)
            return [SetTimer(NEWS_PREFIX + id.hex(), NEWS_S)] if is_first else []
        self._note((id, whom), now.monotonic_s)
        if whom is not None:
            is_here = whom in connected_in(self._state, room)
            return self._meetings.admitted(conversation, room, whom, now) if is_here else []
        return self._welcome_all(room)

    def _welcome_all(self, room: InvitedRoom) -> list[Effect]:
        """The secrets alone: of each other's devices members who are here know."""
        welcome = welcome_to(room, ())
        return [Send(peer, Lane.LIVE, welcome) for peer in sorted(connected_in(self._state, room))]

    def _note(self, what: tuple[ConversationId, Whom], now_s: float) -> None:
        self._told_s.pop(what, None)
        self._told_s[what] = now_s
        while self._told_s[oldest := next(iter(self._told_s))] <= now_s - NEWS_S:
            del self._told_s[oldest]
