"""Applies known mistakes to a copy of the product, and plays scenarios until a checker complains.

A mutant is a patch in `mutants/`: a sentence that says what is wrong, a line `Found-by: <checker>`,
where the usual world does not show it a line `Played-with: <arguments>`, and the change. A
simulator that does not find it does not test what it says it tests.

    python tests/sim/hunt.py                  all of them, as a table
    python tests/sim/hunt.py dedupe-off       this one
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MUTANTS = Path(__file__).parent / "mutants"
USUAL = ("--peers", "6")
SEEDS_MAX = 20
TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Mutant:
    """A known mistake, and the checker that has to find it."""

    name: str
    what: str
    found_by: str
    played_with: tuple[str, ...]
    patch: Path

    @classmethod
    def read(cls, patch: Path) -> Mutant:
        text = patch.read_text(encoding="utf-8")
        found_by = re.search(r"^Found-by: (\w+)$", text, re.MULTILINE)
        assert found_by is not None, f"{patch.name} does not say which checker finds it"
        arguments = re.search(r"^Played-with: (.+)$", text, re.MULTILINE)
        played_with = tuple(shlex.split(arguments[1])) if arguments is not None else USUAL
        return cls(patch.stem, text.partition("\n")[0], found_by[1], played_with, patch)

    def apply(self, directory: Path) -> None:
        """Copy the product to a directory and make the mistake there."""
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "p2pchat", directory / "p2pchat", ignore=ignored)
        command = ["git", "apply", "-C1", str(self.patch)]
        applied = subprocess.run(
            command, cwd=directory, check=False, capture_output=True, text=True
        )
        assert applied.returncode == 0, f"{self.name} no longer applies:\n{applied.stderr}"


@dataclass(frozen=True)
class Find:
    """The first seed by which the checker in charge exposes a mutant."""

    mutant: Mutant
    seed: int
    checkers: tuple[str, ...]
    again: str
    """The arguments that play it again."""


def play(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the simulator of a copy."""
    return subprocess.run(
        [sys.executable, "-m", "p2pchat.testing", *arguments],
        cwd=directory,
        env=os.environ | {"PYTHONPATH": str(directory)},
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def complaints(output: str) -> tuple[str, ...]:
    """The names of the checkers that complained."""
    return tuple(dict.fromkeys(re.findall(r"^(\w+) at [\d.]+ s: ", output, re.MULTILINE)))


def hunt(mutant: Mutant, directory: Path) -> Find | None:
    """Play one seed after the other until the checker in charge complains."""
    mutant.apply(directory)
    for seed in range(1, SEEDS_MAX + 1):
        played = play(directory, *mutant.played_with, "--seed", str(seed))
        if played.returncode == 0 or mutant.found_by not in complaints(played.stdout):
            continue
        again = re.search(
            r"^see it again: python -m p2pchat\.testing (.+)$", played.stdout, re.MULTILINE
        )
        assert again is not None, played.stdout
        return Find(mutant, seed, complaints(played.stdout), again[1])
    return None


def every_mutant() -> list[Mutant]:
    return [Mutant.read(patch) for patch in sorted(MUTANTS.glob("*.patch"))]


def main(names: list[str]) -> int:
    """Hunt, and print a line for each; the number of mutants that got away."""
    missed = 0
    for mutant in every_mutant():
        if names and mutant.name not in names:
            continue
        with tempfile.TemporaryDirectory() as directory:
            find = hunt(mutant, Path(directory))
        missed += find is None
        by = f"seed {find.seed}, {', '.join(find.checkers)}" if find is not None else "NOT FOUND"
        sys.stdout.write(f"{mutant.name}: {by}\n")
        sys.stdout.flush()
    return missed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
