"""Every test here speaks with a program of another implementation; all are slow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.interop.foreign import Foreign, foreign_peer
from tests.interop.programs import command

Meet = Callable[..., AbstractAsyncContextManager[Foreign]]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session", params=["go", "js"])
def language(request) -> str:
    """Whose node the other side is."""
    return request.param


@pytest.fixture(params=["lean", "stock"])
def transport(request) -> str:
    """Whose Noise and Yamux our side runs on."""
    return request.param


@pytest.fixture(scope="session")
def program(language: str) -> list[str]:
    """The command line of the other side, built when it has to be."""
    return command(language)


@pytest.fixture
def meet_go(tmp_path: Path) -> Meet:
    """Starts a Go node, for what js-libp2p has nothing like."""
    program = command("go")

    def start(name: str, **options: object) -> AbstractAsyncContextManager[Foreign]:
        return foreign_peer(program, name, tmp_path / f"{name}.log", options)

    return start


@pytest.fixture
def meet(program: list[str], tmp_path: Path) -> Meet:
    """Starts a node of the other side: `async with meet("bob") as bob`."""

    def start(name: str, **options: object) -> AbstractAsyncContextManager[Foreign]:
        return foreign_peer(program, name, tmp_path / f"{name}.log", options)

    return start
