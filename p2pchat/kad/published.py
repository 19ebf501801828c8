"""What we keep published: others forget it or leave, so it is published again before that."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.kad.config import KadConfig
from p2pchat.kad.vocabulary import Provide, PutValue

__all__ = ["Published"]


@dataclass(slots=True)
class _Publication:
    command: PutValue | Provide
    due_s: float


class Published:
    """Bounded; of two commands of a kind for the same key the later one counts."""

    def __init__(self, config: KadConfig) -> None:
        self._config = config
        self._publications: dict[tuple[type, bytes], _Publication] = {}

    def remember(self, command: PutValue | Provide, now_s: float) -> bool:
        """Keep it published from now on; False if that would be one too many."""
        key = (type(command), command.key)
        if key not in self._publications and len(self._publications) >= self._config.published_max:
            return False
        self._publications[key] = _Publication(command, now_s + self._pause_s(command))
        return True

    def unheard(self, command: PutValue | Provide, now_s: float) -> None:
        """Nobody took it: it is due again soon."""
        publication = self._publications.get((type(command), command.key))
        if publication is not None and publication.command == command:
            publication.due_s = now_s + self._config.refresh_s / 2

    def forget(self, key: bytes) -> None:
        for kind in (PutValue, Provide):
            self._publications.pop((kind, key), None)

    def take_due(self, now_s: float) -> list[PutValue | Provide]:
        """What to publish again now."""
        due = [p for p in self._publications.values() if p.due_s <= now_s]
        for publication in due:
            publication.due_s = now_s + self._pause_s(publication.command)
        return [publication.command for publication in due]

    def _pause_s(self, command: PutValue | Provide) -> float:
        """Values are handed on by their holders; announcements are not, and end when we do."""
        is_value = isinstance(command, PutValue)
        return self._config.republish_s if is_value else self._config.reprovide_s
