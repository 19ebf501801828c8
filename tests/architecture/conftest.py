"""The repository's own files, read once."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("p2pchat/", "p2pchat_qt/")


@dataclass(frozen=True)
class SourceFile:
    """One file of the repository; `path` is relative to its root, with slashes."""

    path: str

    @cached_property
    def raw(self) -> bytes:
        return (ROOT / self.path).read_bytes()

    @cached_property
    def text(self) -> str:
        return self.raw.decode()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def is_product(self) -> bool:
        return self.path.startswith(PRODUCT)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked() -> tuple[SourceFile, ...]:
    """Every file under version control, also in a clone that another user owns."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [path for path in listing.split("\0") if path and (ROOT / path).is_file()]
    assert paths
    return tuple(SourceFile(path) for path in paths)


@pytest.fixture(scope="session")
def python_files(tracked: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
    """Every Python file that a person wrote."""
    return tuple(
        file for file in tracked if file.path.endswith(".py") and not file.path.endswith("_pb2.py")
    )


@pytest.fixture(scope="session")
def product(python_files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
    """The Python files of both packages."""
    return tuple(file for file in python_files if file.is_product)
