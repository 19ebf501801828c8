"""Pruning: rooms that nobody rules keep what is newest, within bounds that no stranger can push.

A room of everybody has no one who could tidy up, so each replica does it for itself: a device that
has more ops here than its share is cut at a floor, below which everything is absent by policy. The
share shrinks as authors come, and the number of authors is bounded, so a room never outgrows its
limits. Replicas may cut at different places; completeness is not promised for open rooms.
"""

from __future__ import annotations

from p2pchat.model.change import SetFloor
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.op import Chain
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.intake_vocabulary import ForPruning
from p2pchat.protocol.log import Floor
from p2pchat.protocol.machine import Effect, Load, Loaded, Persist
from p2pchat.protocol.state import Conversation, State

__all__ = ["Pruning"]

CHECK_EVERY = 64
"""Ops applied to a room between two looks at its size; so far it may overshoot."""
SHARE_MIN = 8


class Pruning:
    """The sizes of the rooms we are in."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._since: dict[ConversationId, int] = {}
        self._asked: set[tuple[ConversationId, DeviceId]] = set()

    def has_room_for(self, conversation: Conversation, device: DeviceId) -> bool:
        """Whether an op of this device may be taken: its author is known, or one more fits. In a
        direct conversation everybody who may write does."""
        tips, most = conversation.log.tips, self._state.limits.open_room_devices_max
        return not conversation.is_unruled or (device, Chain.TALK) in tips or len(tips) < most

    def applied(self, conversation: Conversation) -> list[Effect]:
        """An op was applied: now and then look at the size."""
        count = self._since.get(conversation.id, 0) + 1
        self._since[conversation.id] = count % CHECK_EVERY
        return self._trim(conversation) if count == CHECK_EVERY else []

    def loaded(self, tag: ForPruning, loaded: Loaded) -> list[Effect]:
        """The op just below a new floor came from disk; its hash is the floor's."""
        self._asked.discard((tag.conversation, tag.device))
        conversation = self._state.conversations.get(tag.conversation)
        row = loaded.rows[0] if loaded.rows else None
        if conversation is None or row is None or row.seq != tag.seq - 1:
            return []
        key = (tag.device, Chain.TALK)
        if conversation.log.begins_at(key) >= tag.seq:
            return []
        conversation.log.set_floor(key, Floor(tag.seq, row.id))
        return [Persist(SetFloor(conversation.id, *key, tag.seq, row.id))]

    def forget(self, conversation: ConversationId) -> None:
        """A room is left."""
        self._since.pop(conversation, None)

    def share(self, conversation: Conversation) -> int:
        """How many ops are kept of each device; a frontier asks that for each floor it claims.

        Open rooms have no control ops, so that there is a talk chain for each device and no other.
        """
        limits = self._state.limits
        share = limits.open_room_ops_max // max(len(conversation.log.tips), 1)
        return min(max(share, SHARE_MIN), limits.open_room_device_ops_max)

    def _trim(self, conversation: Conversation) -> list[Effect]:
        log, share = conversation.log, self.share(conversation)
        chains = [key for key in log.tips if key[1] is Chain.TALK]
        return [
            self._ask(conversation, key[0], log.count(*key) - share)
            for key in chains
            if log.count(*key) - log.begins_at(key) > share
            and (conversation.id, key[0]) not in self._asked
        ]

    def _ask(self, conversation: Conversation, device: DeviceId, seq: int) -> Effect:
        self._asked.add((conversation.id, device))
        query = OpsQuery(conversation.id, device, Chain.TALK, seq - 1, 1, 1 << 20)
        return Load(ForPruning(conversation.id, device, seq), query)
