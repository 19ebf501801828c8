"""What is sealed for whom.

On a stream that ends at the other device Noise between the two device keys is the end-to-end
encryption, so ops travel in it as they are. What a third party forwards is sealed: room blobs under
the room's secret. An open room's secret is a hash of its name: who only forwards reads nothing, who
knows the name reads all, which is what "open" means. A room by password has a key that follows
from name and password together, and keeps it: who learns it one day reads what was said before.

In a room by invitation a blob is sealed twice. Inside is the sender's own session (Megolm), whose
key only the devices of members are given, on streams that end at them; outside is the epoch, which
hides who sent and what index the session has. Who is removed keeps the keys it had, so both change
before the next blob: the epoch by a control op, the session by `Sharing`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from p2pchat.model.conversation import (
    epoch_commitment,
    open_room_key,
    room_topic,
)
from p2pchat.model.ids import DeviceId, OpId
from p2pchat.model.machine import Now
from p2pchat.protocol.held_keys import HeldKeys

__all__ = [
    "SECRET_BYTES",
    "SESSION_BLOBS_MAX",
    "SESSION_MS_MAX",
    "TAG_BYTES",
    "EpochKey",
    "RoomSecret",
    "Sharing",
    "open_room_secret",
    "room_secret",
]

TAG_BYTES = 4
SECRET_BYTES = 32
SESSION_BLOBS_MAX = 100
SESSION_MS_MAX = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class RoomSecret:
    """The key of a room's blobs and the topic they travel on."""

    topic: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EpochKey:
    """The secret of an epoch that a control op opened."""

    op: OpId
    secret: bytes = field(repr=False)

    @property
    def commitment(self) -> bytes:
        return epoch_commitment(self.secret)

    @property
    def tag(self) -> bytes:
        """How a blob names its epoch; it tells nothing to others."""
        return self.commitment[:TAG_BYTES]


def open_room_secret(name: str) -> RoomSecret:
    """The secret of the open room of this name."""
    return room_secret(open_room_key(name))


def room_secret(key: bytes) -> RoomSecret:
    """Of a room whose key does not follow from its name: what blobs are sealed with in one by
    password. In one by invitation members meet by it, and blobs are sealed under its epochs."""
    return RoomSecret(room_topic(key), key)


class Sharing:
    """Who holds our sender session of one room, and when it is over.

    A session lives in memory alone and never comes back from a restart: no state of it can be used
    twice, and nothing on disk opens what was sent. Every device is given the key as it stands just
    before the next blob, so it opens nothing older. It is given to those who are connected and
    reaches the others through them, so all whom it is for count as holders. Nobody else gives it
    to those whom we gave it to; when it may have been lost on the way to one who is gone from us
    since, it is told anew, for the others to pass on.
    """

    def __init__(self) -> None:
        self._holders: set[DeviceId] = set()
        self._given: frozenset[DeviceId] = frozenset()
        """Holders to whom we gave it ourselves when it was told last."""
        self._doubtful: set[DeviceId] = set()
        """Holders that may not have got the key, or have it no more."""
        self.others = HeldKeys()
        """Of others' sessions."""
        self.puzzled_s: float | None = None
        """A blob came that we have no key for, and after so long sync is asked for it."""
        self._blobs = 0
        self._began_ms: int | None = None

    def is_over(self, readers: AbstractSet[DeviceId], now: Now) -> bool:
        """Whether the next blob needs a new session: there is none, it is old or much used, or a
        device holds its key that may read no more."""
        if self._began_ms is None or not 0 <= now.wall_ms - self._began_ms < SESSION_MS_MAX:
            return True
        return self._blobs >= SESSION_BLOBS_MAX or not self._holders <= readers

    def begin(self, now: Now) -> None:
        """A new session, whose key nobody has."""
        self._holders.clear()
        self._doubtful.clear()
        self._given = frozenset()
        self._blobs, self._began_ms = 0, now.wall_ms

    def give(self, readers: AbstractSet[DeviceId], here: AbstractSet[DeviceId]) -> bool:
        """Whether the key has to be told before the next blob, for one of these does not have it,
        or may have it from nobody. All of them hold it from now on, by us those who are here."""
        stranded = self._doubtful & self._given - here
        is_news = bool(stranded) or not readers <= self._holders
        if is_news:
            self._holders |= readers
            self._given = frozenset(here)
        return is_news

    def give_again(self, here: AbstractSet[DeviceId]) -> tuple[DeviceId, ...]:
        """Those of the devices that are here which may have lost the key; they have it again."""
        found = self._doubtful & here
        self._doubtful -= here
        return tuple(sorted(found))

    def lost(self, device: DeviceId) -> None:
        """A device may not have the key: it is told again when it is here, and counts as a holder
        still."""
        if device in self._holders:
            self._doubtful.add(device)

    def used(self) -> None:
        """A blob was sealed."""
        self._blobs += 1
