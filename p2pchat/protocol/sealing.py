"""What is sealed for whom. How it is sealed is `crypto`'s.

On a stream that ends at the other device, Noise between the two device keys is the end-to-end
encryption, so ops travel in it as they are. What a third party forwards is sealed: room blobs under
the room's secret. An open room's secret is a hash of its name: who only forwards reads nothing, who
knows the name reads all, which is what "open" means.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.conversation import open_room_key, room_topic

__all__ = ["RoomSecret", "open_room_secret"]


@dataclass(frozen=True, slots=True)
class RoomSecret:
    """The key of a room's blobs and the topic they travel on."""

    topic: str
    key: bytes = field(repr=False)


def open_room_secret(name: str) -> RoomSecret:
    """The secret of the open room of this name."""
    key = open_room_key(name)
    return RoomSecret(room_topic(key), key)
