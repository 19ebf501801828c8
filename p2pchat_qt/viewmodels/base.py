"""What all view models have: values that the window binds to, and jobs that end with them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Property, QObject
from PySide6.QtQml import QQmlPropertyMap

from p2pchat_qt.jobs import Jobs

if TYPE_CHECKING:
    from p2pchat_qt.session import Session

__all__ = ["ViewModel", "constant"]

CLOSE_S = 2.0
Q = TypeVar("Q", bound=QObject)


class ViewModel(QObject):
    """Values under `now`, verbs as slots."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.session = session
        self.jobs = Jobs(session.notices.fail)
        self._acts = Jobs(session.notices.fail)
        self._now = QQmlPropertyMap.create(self)

    def _read_now(self) -> QObject:
        return self._now

    now = Property(QObject, _read_now, constant=True)

    def put(self, **values: object) -> None:
        """Have the window show these values."""
        for name, value in values.items():
            if self._now.value(name) != value or not self._now.contains(name):
                self._now.insert(name, value)

    def value(self, name: str) -> object:
        """What is shown under a name."""
        return self._now.value(name)

    def do(self, work: Coroutine[object, object, object]) -> None:
        """Begin to read something, for as long as it is wanted to be seen; an error is shown
        in the window."""
        self.jobs.start(work)

    def act(self, work: Coroutine[object, object, object]) -> None:
        """Begin what the user asked for. It is done, also when they look at another thing by
        then."""
        self._acts.start(work)

    async def aclose(self) -> None:
        """Read no more, and do what was asked for, if that does not take long."""
        await self.jobs.aclose()
        await self._acts.finish(CLOSE_S)
        await self._acts.aclose()


def constant(name: str) -> Property:
    """A part of a view model that the window sees, such as a model: always the same."""

    def read(self: QObject) -> QObject:
        part = vars(self)[name]
        assert isinstance(part, QObject), name
        return part

    return Property(QObject, read, constant=True)
