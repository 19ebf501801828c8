"""How one gets in: a name, a passphrase, or another try."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Slot

from p2pchat_qt.session import Session
from p2pchat_qt.shown import name_text
from p2pchat_qt.values import Row, number, text, texts
from p2pchat_qt.viewmodels.base import ViewModel

__all__ = ["StartView"]


_ENDS = {
    "bootstrap_connecting": "bootstrap_connected",
    "relays_discovering": "relays_discovered",
    "keys_fetching": "keys_ready",
}


def _without_begun(steps: Iterable[Row]) -> list[Row]:
    """The steps, but those that have come to their end, which is a step of its own."""
    steps = list(steps)
    there = {text(step, "step") for step in steps}
    return [step for step in steps if _ENDS.get(text(step, "step")) not in there]


class StartView(ViewModel):
    """The phase of the session, and the steps of its start in words."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        session.phase_changed.connect(self._show)
        session.told.connect(self._hear)
        self._show()

    @Slot(str, str)
    def enter(self, name: str, passphrase: str) -> None:
        """Be somebody new, under a lock if a passphrase is given."""
        name = name_text(name)
        if name:
            self.session.open(name=name, passphrase=passphrase)

    @Slot(str)
    def unlock(self, passphrase: str) -> None:
        """Open a locked home."""
        self.session.open(passphrase=passphrase)

    @Slot()
    def again(self) -> None:
        """Start the client once more."""
        self.session.begin()

    def _show(self) -> None:
        session = self.session
        self.put(
            phase=session.phase,
            error=session.notices.say(session.error),
            steps=[self._step(step) for step in _without_begun(session.steps)],
            home=str(session.home),
        )

    def _hear(self, batch: list[Row]) -> None:
        if any(event["type"] == "StartupProgress" for event in batch):
            self._show()

    def _step(self, step: Row) -> Row:
        """A step by its name, with its number or place."""
        match text(step, "step"):
            case "network_detected" | "listening" | "ready":
                detail = ", ".join(texts(step.get("addresses"))[:3])
            case "bootstrap_connecting":
                detail = str(number(step, "total"))
            case "bootstrap_connected":
                detail = f"{number(step, 'connected')}/{number(step, 'total')}"
            case "relays_discovered":
                detail = str(number(step, "count"))
            case "relay_probed":
                detail = f"{text(step, 'address')} ({number(step, 'latency_ms')} ms)"
            case "relay_selected":
                detail = text(step, "address")
            case _:
                detail = text(step, "fingerprint")
        return {"step": text(step, "step"), "detail": detail}
