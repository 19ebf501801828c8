"""One program as a process: how it is started, its lives, its end, and its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio

__all__ = ["Launch", "Program", "ProgramEnded"]

LOOPBACK = "/ip4/127.0.0.1/tcp/0"
END_TIMEOUT_S = 30.0
_LOG_CHARACTERS = 2_000


class ProgramEnded(Exception):
    """The program is gone; the message ends with the last of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How a program is started, each time."""

    knows: tuple[str, ...] = ()
    """Multiaddrs of its bootstrap peers."""
    listen: tuple[str, ...] = (LOOPBACK,)
    options: tuple[str, ...] = ()
    """Further options of the program."""
    prefix: tuple[str, ...] = ()
    """What runs the program, such as `ip netns exec alice` or `faketime +5h`."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables added to those of this process."""

    def command(self, module: str, home: Path, *command: str) -> list[str]:
        """The words of the command line."""
        flags = ["--home", str(home), "--no-fetch", *self.options]
        for address in self.listen:
            flags += ["--listen", address]
        for address in self.knows:
            flags += ["--bootstrap-peer", address]
        return [*self.prefix, sys.executable, "-m", module, *flags, *command]


class Program:
    """One program through all its lives."""

    def __init__(self, name: str, directory: Path, launch: Launch, nursery: trio.Nursery) -> None:
        self.name = name
        self.home = directory / name
        self.log = directory / f"{name}.log"
        self.launch = launch
        self.returncode: int | None = None
        self._nursery = nursery
        self._process: trio.Process | None = None
        self._ended = trio.Event()

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and not self._ended.is_set()

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal to its process, and to no other."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """End it at once, as by a power cut, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self.wait_ended()

    async def wait_ended(self, timeout_s: float = END_TIMEOUT_S) -> int:
        """Wait until the process is gone; its exit status."""
        try:
            with trio.fail_after(timeout_s):
                await self._ended.wait()
        except trio.TooSlowError as error:
            raise ProgramEnded(f"{self.name} does not end within {timeout_s:g} s") from error
        assert self.returncode is not None, "it has ended"
        return self.returncode

    def ended(self) -> ProgramEnded:
        """The error to raise when it is gone."""
        status = "does not run" if self.returncode is None else f"ended with {self.returncode}"
        return ProgramEnded(f"{self.name} {status}\n{self.log_end()}".rstrip())

    def log_end(self) -> str:
        """The last of what it said on standard error."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return text[-_LOG_CHARACTERS:]

    async def _spawn(self, command: Sequence[str]) -> trio.Process:
        assert not self.is_running, f"{self.name} runs already"
        environment = {**os.environ, **self.launch.environment}
        environment.pop("P2PCHAT_HOME", None)
        with self.log.open("ab") as log:
            process = await trio.lowlevel.open_process(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        self._process, self._ended, self.returncode = process, trio.Event(), None
        return process

    async def _watch(self, process: trio.Process) -> None:
        try:
            self.returncode = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                with trio.CancelScope(shield=True):
                    self.returncode = await process.wait()
            self._ended.set()
            self._gone()

    def _gone(self) -> None:
        """For subclasses: this life is over."""
