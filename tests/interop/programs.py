"""Makes the programs of the other implementations ready to run, once, and says when it cannot.

Go's is compiled to `build/interop/` and Node's packages are installed there, so that nothing of it
is in the repository. A machine without Go or Node has nothing to test with: its tests are skipped.
A machine that has them and cannot build is a failure, as it is with any other code of ours.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "interop"
BUILD_S_MAX = 540.0
GO_OLDEST = (1, 25)
NODE_OLDEST = 22


def command(language: str) -> list[str]:
    """The words that start a program; skips the test when its language is not installed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with _alone():
        match language:
            case "go":
                return [str(_build_go())]
            case "js":
                return [str(_install_js()), str(BUILD / "js" / "peer.mjs")]
            case _:
                raise ValueError(language)


@contextmanager
def _alone() -> Iterator[None]:
    """Several workers want the same programs; one makes them, the others wait."""
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_go() -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed: no test against go-libp2p")
    version = _output(go, "env", "GOVERSION").removeprefix("go")
    if tuple(map(int, version.split(".")[:2])) < GO_OLDEST:
        pytest.skip(f"Go {version} is too old for go-libp2p: 1.25 is needed")
    program = BUILD / "go-peer"
    source = HERE / "go"
    with _once("go", sorted(source.iterdir())) as is_needed:
        if is_needed:
            _run([go, "build", "-buildvcs=false", "-mod=readonly", "-o", str(program), "."], source)
    return program


def _install_js() -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: no test against js-libp2p")
    folder, source = BUILD / "js", HERE / "js"
    folder.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    with _once("js", [folder / "package-lock.json"]) as is_needed:
        if is_needed:
            _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)
    return _node(folder)


def _node(folder: Path) -> Path:
    """The system's Node if it is new enough, else the one that the packages bring for Linux."""
    system = shutil.which("node")
    if system and int(_output(system, "--version").removeprefix("v").split(".")[0]) >= NODE_OLDEST:
        return Path(system)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    brought = folder / f"node_modules/node-linux-{machine}/bin/node"
    if not brought.exists():
        pytest.skip(f"Node {NODE_OLDEST} or newer is not installed: no test against js-libp2p")
    return brought


@contextmanager
def _once(name: str, files: Iterable[Path]) -> Iterator[bool]:
    """Whether `files` have changed since the block was last left without an error."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    stamp = BUILD / f"{name}.stamp"
    is_needed = not stamp.exists() or stamp.read_text() != digest.hexdigest()
    if is_needed:
        stamp.unlink(missing_ok=True)
    yield is_needed
    stamp.write_text(digest.hexdigest())


def _output(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def _run(words: list[str], folder: Path) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0"}
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(words)} in {folder}:\n{done.stderr[-4000:]}", pytrace=False)
