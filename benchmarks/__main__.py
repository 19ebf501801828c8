"""All benchmarks, written to docs/benchmarks.md with date, machine, yardsticks and ratios.

    python -m benchmarks [--quick] [--only PART]

Each part runs its yardsticks in the same minute: a trio socket with ChaCha20-Poly1305 and nothing
else, py-libp2p as it comes, SQLite without encryption. Machines are noisy; ratios hold.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
FINDINGS = Path(__file__).parent / "findings.md"
"""What people found who looked at the figures; all else on the page is measured anew."""
PARTS = {
    "Transport": (
        "benchmarks.transport",
        """What a message costs below the chat. `stock` is the Noise and Yamux of py-libp2p, `lean`
this program's own of the same wire format (setting `transport`), both bare; `stock host` and
`lean host` have the whole host on top. `floor` is the yardstick: one trio socket with
ChaCha20-Poly1305 and nothing else. The last columns say how many times better the second is.""",
    ),
    "Ways round": (
        "benchmarks.ways",
        "A relay beside the direct connection; a dead bootstrap peer beside a live one.",
    ),
    "Store": ("benchmarks.store", "Encrypted, `synchronous=FULL`, beside plain SQLite."),
    "Mailboxes": (
        "benchmarks.mailboxes",
        "A relay in a process of its own, on disk; sealing is not in it. The best of two rounds.",
    ),
    "Sealing": (
        "benchmarks.sealing",
        """Each run as it is, and beside it the same run without its seals: packets, blobs of rooms,
letters and pages of the database as they are.""",
    ),
    "DHT": ("benchmarks.dht", "Thirty real nodes on loopback, all in one process."),
    "Chat": ("benchmarks.chat", "Real processes on loopback, on disk at both ends."),
    "History": (
        "benchmarks.history",
        """Rooms by invitation on disk: what a message costs as history and members grow, in time of
the processor, and what who comes back needs for the hundredth that is missing.""",
    ),
    "Desktop": (
        "benchmarks.desktop",
        """A window of 1000 x 720 painted in memory by software, on a room of 100,000 messages. A
gap is the time between two turns of the window's loop; `a bare loop meanwhile` is the same of a
process that does nothing else. The clock counts what other programs take of the machine, the
processor time of the window's thread does not.""",
    ),
    "Hostile peers": (
        "benchmarks.hostile",
        "What an honest pair notices meanwhile, as ratios to the same pair left alone.",
    ),
}


def machine() -> str:
    """What this runs on, without naming it."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def measured(module: str, quick: bool) -> str:
    """What one part prints."""
    command = [sys.executable, "-m", module, *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=580)
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip()


def page(parts: dict[str, str]) -> str:
    """The whole document."""
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Never edited by hand; how to read them: compare ratios.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}, load at the end {loads}.",
    ]
    lines += [section(name, output) for name, output in parts.items()]
    lines += ["", "## Findings", "", FINDINGS.read_text(encoding="utf-8").rstrip()]
    return "\n".join(lines) + "\n"


def section(name: str, output: str) -> str:
    """One part of the document."""
    is_table = "\n|---" in output
    lines = [output] if is_table else ["```", output, "```"]
    return "\n".join(["", f"## {name}", "", PARTS[name][1], "", *lines])


def with_section(document: str, name: str, output: str) -> str:
    """The document with this part replaced, or put before the findings, with a date of its own."""
    dated = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}\n\n{output}"
    kept: list[str] = []
    others = re.split(r"^(?=## )", document, flags=re.MULTILINE)
    for part in others:
        if part.startswith("## Findings"):
            kept.append(section(name, dated).lstrip("\n") + "\n\n")
        if not part.startswith(f"## {name}\n"):
            kept.append(part)
    return "".join(kept)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work; writes nothing")
    parser.add_argument("--only", choices=PARTS, help="measure and replace this part alone")
    arguments = parser.parse_args()
    if arguments.only is not None:
        output = measured(PARTS[arguments.only][0], arguments.quick)
        print(output)
        if not arguments.quick:
            PAGE.write_text(with_section(PAGE.read_text(), arguments.only, output))
        return
    parts: dict[str, str] = {}
    for name, (module, _) in PARTS.items():
        print(f"{name} …", flush=True)
        parts[name] = measured(module, arguments.quick)
        print(parts[name], flush=True)
    if not arguments.quick:
        PAGE.write_text(page(parts))
        print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
