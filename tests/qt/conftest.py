"""What tests of the window share: one application, a loop for each test, and nothing left after it.

They paint in memory. A machine that cannot load Qt skips them, and says what it lacks.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["QT_QUICK_BACKEND"] = "software"
os.environ.setdefault("LC_ALL", "C.UTF-8")

T = TypeVar("T")
TEST_S = 120.0
PORTAL_THREAD = "p2pchat"


class Unloadable(pytest.Module):
    """A module of tests that cannot be imported here."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(f"Qt cannot be loaded: {_why_not()}")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector):
    """Tests whose libraries are missing are skipped by their names: `tools/setup` installs them
    where it may."""
    if module_path.name.startswith("test_") and _why_not():
        return Unloadable.from_parent(parent, path=module_path)
    return None


def _why_not() -> str:
    try:
        import p2pchat_qt.running
    except ImportError as error:
        return str(error)
    return "" if p2pchat_qt.running else "never"


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """What a test made of Qt's is destroyed here, and not in a thread of a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def application():
    """The one application of a process."""
    from p2pchat_qt.running import application

    return application()


@pytest.fixture
def complaints(application) -> Iterator[list[str]]:
    """What the engine of the window says of faults in it; there are none."""
    from PySide6.QtCore import qInstallMessageHandler

    said = list[str]()

    def hear(kind: object, where: object, words: str) -> None:
        said.append(words)
        print(words, file=sys.__stderr__)  # also where the process aborts over it

    before = qInstallMessageHandler(hear)
    yield said
    qInstallMessageHandler(before)
    assert [words for words in said if ".qml" in words or "QML" in words] == []


@pytest.fixture(scope="session")
def loop(application) -> Iterator[asyncio.AbstractEventLoop]:
    """Qt's loop for asyncio, one for the one application: it is not made to be begun anew."""
    import qasync

    with qasync.QEventLoop(application) as loop:
        yield loop


@pytest.fixture
def run(loop, complaints) -> Iterator[Callable[[Coroutine[object, object, T]], T]]:
    """Runs a coroutine in Qt's loop; afterwards no thread of a client is there."""
    from p2pchat_qt.collecting import collecting_here

    def run(work: Coroutine[object, object, T]) -> T:
        asyncio.set_event_loop(loop)
        try:
            return loop.run_until_complete(asyncio.wait_for(work, TEST_S))
        finally:
            asyncio.set_event_loop(None)

    with collecting_here():
        yield run
    assert not [each for each in threading.enumerate() if each.name == PORTAL_THREAD]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a client of a test lives, with no network but what the test gives it."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    (path / "config.toml").write_text('fetch = false\nlisten = ["/ip4/127.0.0.1/tcp/0"]\n')
    return path


@pytest.fixture(scope="session")
def made_up(application, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the demo, made once."""
    from p2pchat_qt.demo import make_demo

    path = tmp_path_factory.mktemp("demo") / "home"
    make_demo(path, "en")
    return path


@pytest.fixture
def demo(made_up: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(made_up, tmp_path / "demo"))
