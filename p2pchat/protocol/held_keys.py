"""Keys of others' sender sessions, kept to be passed on.

A key goes from member to member as it was signed, so each keeps the newest of each device for those
who come later. It lives in memory alone, as the sessions do. A room has so many bytes for them;
where they do not suffice the rest is got by sync, and live again with the sender's next session.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pchat.model.ids import DeviceId
from p2pchat.wire.sender_keys import SenderKey, SignedSenderKey

__all__ = ["KEYS_BYTES_MAX", "SERIALS_MAX", "HeldKeys"]

KEYS_BYTES_MAX = 64 * 1024
"""Of one room, and as much of those that wait for their sender to be known as a member."""
SERIALS_MAX = 4096
"""Devices of one room of which is remembered how new their last key was."""


class HeldKeys:
    """The keys of one room."""

    def __init__(self) -> None:
        self._kept = _Newest()
        self._early = _Newest()
        self._serials: dict[DeviceId, int] = {}

    def is_news(self, signed: SignedSenderKey) -> bool:
        """Whether a key is newer than what its device gave before: a repeated one opens nothing
        more, and must not push out the one that counts."""
        said = signed.said
        early = self._early.get(said.device)
        known = max(self._serials.get(said.device, -1), early.said.serial if early else -1)
        return said.serial > known

    def keep(self, signed: SignedSenderKey) -> None:
        """A member's key."""
        self._kept.put(signed)
        self.remember(signed.said)

    def remember(self, said: SenderKey) -> None:
        """A member's key was taken, be it kept or not."""
        self._serials.pop(said.device, None)
        self._serials[said.device] = said.serial
        if len(self._serials) > SERIALS_MAX:
            del self._serials[next(iter(self._serials))]

    def expect(self, signed: SignedSenderKey) -> None:
        """The key of a device that no member is known to have."""
        self._early.put(signed)

    def take_early(self, device: DeviceId) -> SignedSenderKey | None:
        """Its device is a member's now."""
        return self._early.pop(device)

    @property
    def waiting(self) -> tuple[DeviceId, ...]:
        """Devices whose keys came early."""
        return tuple(signed.said.device for signed in self._early)

    def __iter__(self) -> Iterator[SignedSenderKey]:
        return iter(self._kept)


class _Newest:
    """The newest key of each device; those that came first go."""

    def __init__(self) -> None:
        self._keys: dict[DeviceId, SignedSenderKey] = {}
        self._bytes = 0

    def __iter__(self) -> Iterator[SignedSenderKey]:
        return iter(tuple(self._keys.values()))

    def get(self, device: DeviceId) -> SignedSenderKey | None:
        return self._keys.get(device)

    def put(self, signed: SignedSenderKey) -> None:
        self.pop(signed.said.device)
        self._keys[signed.said.device] = signed
        self._bytes += signed.size_bytes
        while self._bytes > KEYS_BYTES_MAX:
            self.pop(next(iter(self._keys)))

    def pop(self, device: DeviceId) -> SignedSenderKey | None:
        gone = self._keys.pop(device, None)
        self._bytes -= gone.size_bytes if gone is not None else 0
        return gone
