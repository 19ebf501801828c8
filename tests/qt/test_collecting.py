"""Objects of Qt die in the thread they live in."""

from __future__ import annotations

import gc
import logging
import threading

from PySide6.QtCore import QObject

from p2pchat.net.libp2p.foreign import settle
from p2pchat_qt.collecting import collecting_here
from tests.qt.screen import Screen, until


class Cycle(QObject):
    """Garbage that only a collection finds."""

    def __init__(self, died_in: list[threading.Thread]):
        super().__init__()
        self.itself = self
        self.died_in = died_in

    def __del__(self):
        self.died_in.append(threading.current_thread())


def test_garbage_of_qt_is_collected_in_its_own_thread_though_another_makes_the_most(run):
    died_in = list[threading.Thread]()
    is_over = threading.Event()

    def make_garbage() -> None:
        while not is_over.is_set():
            for _ in range(2_000):
                one: list[object] = []
                one.append(one)

    async def story() -> None:
        other = threading.Thread(target=make_garbage)
        other.start()
        try:
            Cycle(died_in)
            await until(lambda: died_in)
        finally:
            is_over.set()
            other.join()

    run(story())
    assert died_in == [threading.main_thread()]


def test_no_garbage_of_qt_is_collected_by_the_thread_that_loads_the_network(run):
    died_in = list[threading.Thread]()

    async def story() -> None:
        logger = logging.getLogger("libp2p")
        handlers, level = logger.handlers[:], logger.level
        logger.handlers.clear()
        try:
            Cycle(died_in)
            other = threading.Thread(target=settle)
            other.start()
            other.join()
            gc.collect()
        finally:
            logger.handlers[:] = handlers
            logger.setLevel(level)

    run(story())
    assert died_in == [threading.main_thread()]


def test_what_is_there_when_the_client_opens_is_not_looked_at_again(run, home):
    async def story() -> None:
        screen = Screen(home, offline=True)
        try:
            assert gc.get_freeze_count() == 0
            await until(lambda: screen.app.session.phase == "welcome")
            screen.app.session.open("Alice")
            await until(lambda: screen.app.session.phase == "open")
            assert gc.get_freeze_count() > 50_000
        finally:
            await screen.aclose()

    run(story())


def test_python_collects_by_itself_again_when_the_window_is_gone():
    with collecting_here():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
